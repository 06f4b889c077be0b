"""What breaks the rules where the storage is ElastiCache."""

from __future__ import annotations

from tests.aws.breaking.changes import GONE, Change, put

ELASTICACHE: dict[str, list[Change]] = {
    "there_is_one_storage_and_it_is_spoken_to_by_tls": [
        put("Flush|Properties|Environment|Variables|REDIS_URL", {"Fn::Sub": "redis://${ElastiCacheServerless.E}:6379"}),
    ],
    "storage_wants_a_user_and_a_password": [
        put("ElastiCacheServerless|Properties|UserGroupId", GONE),
        put("ElastiCacheUser|Properties|NoPasswordRequired", True),
        put("ElastiCacheUsers|Properties|UserIds|0", "default"),
        put("ElastiCacheUser|Properties|AccessString", "on ~kefu:* +@all -@dangerous -@admin -@blocking"),
    ],
    "functions_and_storage_are_in_private_subnets": [
        put("ElastiCacheServerless|Properties|SubnetIds|0|Ref", "PublicSubnetA"),
        put("ElastiCacheServerless|Properties|SecurityGroupIds", GONE),
    ],
    "what_holds_data_is_snapshotted_daily_and_at_its_end": [
        put("ElastiCacheServerless|Properties|SnapshotRetentionLimit", 0),
        put("ElastiCacheServerless|Properties|FinalSnapshotName", GONE),
    ],
    "what_holds_data_is_not_replaced_unasked": [put("ElastiCacheServerless|Properties|ServerlessCacheName", GONE)],
    "storage_is_watched_for_memory_and_load": [
        put("ElastiCacheThrottledAlarm", {"Type": "AWS::SNS::Topic"}),
        put("ElastiCacheMemoryAlarm|Properties|Metrics|0|MetricStat|Metric|MetricName", "BytesUsed"),
    ],
    "the_dashboard_shows_what_is_there": [put("ElastiCacheServerless|Type", "AWS::SNS::Topic")],
}
