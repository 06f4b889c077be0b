"""What breaks the rules about the network, storage and secrets."""

from __future__ import annotations

from tests.aws.breaking.changes import GONE, Change, make, put
from tests.aws.combinations import SECRET

ANYWHERE = {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379}
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}

NETWORK: dict[str, list[Change]] = {
    "nothing_comes_in_but_from_functions_to_redis": [
        put("RedisSecurityGroup|Properties|SecurityGroupIngress", [ANYWHERE]),
        put("FunctionSecurityGroup|Properties|SecurityGroupIngress", [ANYWHERE]),
        put("RedisFromFunctions|Properties|FromPort", 0),
        make("EC2::SecurityGroupIngress", GroupId={"Ref": "RedisSecurityGroup"}, CidrIpv6="::/0", IpProtocol="-1"),
    ],
    "functions_reach_redis_and_tls_alone": [
        put("FunctionSecurityGroup|Properties|SecurityGroupEgress|0|ToPort", 65535),
        put("RedisSecurityGroup|Properties|SecurityGroupEgress", GONE),
        put("FunctionsToRedis", {"Type": "AWS::SNS::Topic"}),
    ],
    "functions_and_storage_are_in_private_subnets": [
        put("Flush|Properties|VpcConfig", GONE),
        put("Flush|Properties|VpcConfig|SubnetIds", [{"Ref": "PublicSubnetA"}, {"Ref": "PublicSubnetB"}]),
        put(
            "PrivateRouteA|Properties",
            {
                "RouteTableId": {"Ref": "PrivateRoutesA"},
                "DestinationCidrBlock": "0.0.0.0/0",
                "GatewayId": {"Ref": "InternetGateway"},
            },
        ),
        put("MemoryDBCluster|Properties|SecurityGroupIds", [{"Ref": "FunctionSecurityGroup"}]),
        put("PrivateSubnetB|Properties|AvailabilityZone", "eu-central-1a"),
        put("Sweep|Properties|VpcConfig|SecurityGroupIds", []),
    ],
    "every_gateway_is_in_a_public_subnet_of_its_zone": [
        put("NatA|Properties|SubnetId|Ref", "PrivateSubnetA"),
        put("PrivateRouteB|Properties|NatGatewayId|Ref", "NatA"),
    ],
    "subnets_do_not_overlap_and_give_no_public_addresses": [
        put("PublicSubnetA|Properties|CidrBlock", "10.78.0.0/20"),
        put("PublicSubnetA|Properties|MapPublicIpOnLaunch", True),
        put("Vpc|Properties|EnableDnsSupport", False),
    ],
    "nobody_else_is_let_in_by_a_policy": [
        put("APIHandlerInvokePermission|Properties|Principal", "*"),
        put("APIHandlerInvokePermission|Properties|SourceArn", GONE),
        put("AlarmsKey|Properties|KeyPolicy|Statement|0|Principal", {"AWS": "*"}),
        make("SQS::QueuePolicy", PolicyDocument={"Statement": [ALLOW_ALL]}),
        make("Lambda::Url", AuthType="NONE"),
    ],
}

STORAGE: dict[str, list[Change]] = {
    "there_is_one_storage_and_it_is_spoken_to_by_tls": [
        put("MemoryDBCluster|Properties|TLSEnabled", False),
        put("MemoryDBCluster|Properties|TLSEnabled", GONE),
        put("Flush|Properties|Environment|Variables|REDIS_URL", {"Fn::Sub": "redis://${MemoryDBCluster.Address}:6379"}),
        make("ElastiCache::ServerlessCache"),
        put("Flush|Properties|Environment|Variables|REDIS_CLUSTER", "0"),
    ],
    "storage_wants_a_user_and_a_password": [
        put("MemoryDBCluster|Properties|ACLName", "open-access"),
        put("MemoryDBUser|Properties|AuthenticationMode", {"Type": "no-password-required"}),
        put("MemoryDBUser|Properties|AuthenticationMode|Passwords|0", "swordfish"),
        put("MemoryDBUser|Properties|AccessString", "on ~* +@all"),
        put("MemoryDBUser|Properties|AccessString", "on ~kefu:* resetchannels -@all +@read"),
        put("Sweep|Properties|Environment|Variables|REDIS_USERNAME", "default"),
    ],
    "what_holds_data_is_snapshotted_daily_and_at_its_end": [
        put("MemoryDBCluster|Properties|SnapshotRetentionLimit", 0),
        put("MemoryDBCluster|Properties|FinalSnapshotName", GONE),
        put("MemoryDBCluster|Properties|FinalSnapshotName", "kefu-prod-final-1"),
    ],
    "what_holds_data_is_not_replaced_unasked": [
        put("MemoryDBCluster|Properties|ClusterName", GONE),
        put("JwtSettings|DeletionPolicy", "Delete"),
        put("JwtSettings|UpdateReplacePolicy", GONE),
    ],
    "a_full_storage_refuses_rather_than_forgets": [
        put("MemoryDBParameters|Properties|Parameters", {"maxmemory-policy": "volatile-lru"}),
        put("MemoryDBCluster|Properties|ParameterGroupName", "default.memorydb-valkey7"),
    ],
    "passwords_are_made_and_kept_by_secrets_manager": [
        put("RedisSecret|Properties|GenerateSecretString|PasswordLength", 8),
        put("RedisSecret|Properties|GenerateSecretString", GONE),
        put("RedisSecret|Properties", {"SecretString": '{"REDIS_PASSWORD":"swordfish"}'}),
    ],
    "no_secret_is_said_aloud": [
        put("APIHandler|Properties|Environment|Variables|JWT_SECRET", SECRET),
        put("APIHandler|Properties|Environment|Variables|RATE_LIMIT", "{{resolve:secretsmanager:…}}"),
        put("APIHandler|Properties|Environment|Variables|REDIS_PASSWORD", {"Ref": "RedisSecret"}),
        put("..Outputs|Url|Value", SECRET),
        put("Vpc|Metadata", SECRET),
    ],
}
