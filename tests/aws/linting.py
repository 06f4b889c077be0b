"""cfn-lint, which knows every property of every resource in every region."""

from __future__ import annotations

from cfnlint.api import lint
from cfnlint.config import ManualArgs

# One of each kind: the first of all, one in Europe, one in Asia, and China, which is a partition of its own.
REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-1", "cn-north-1"]
Complaint = tuple[str, str, str]  # rule, place, words


def complaints(template: str) -> list[Complaint]:
    """The errors and warnings for all regions."""
    found = lint(template, regions=REGIONS, config=ManualArgs(regions=REGIONS))
    return [(match.rule.id, "/".join(map(str, match.path or [])), match.message) for match in found]
