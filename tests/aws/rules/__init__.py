"""What must hold of a stack, whatever its parameters: each rule is a sentence, and says where it does not hold."""

from tests.aws.rules import alarms, apis, functions, network, permissions, storage
from tests.aws.rules.stack import RULES, Stack

MODULES = (alarms, apis, functions, network, permissions, storage)

__all__ = ["MODULES", "RULES", "Stack"]
