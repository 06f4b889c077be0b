"""For every rule, changes of a stack that break it."""

from tests.aws.breaking.changes import Change
from tests.aws.breaking.edges import ALARMS, APIS
from tests.aws.breaking.elasticache import ELASTICACHE
from tests.aws.breaking.functions import FUNCTIONS, PERMISSIONS
from tests.aws.breaking.inside import NETWORK, STORAGE

MEMORYDB = NETWORK | STORAGE | FUNCTIONS | PERMISSIONS | APIS | ALARMS

__all__ = ["ELASTICACHE", "MEMORYDB", "Change"]
