"""docs/operations.md speaks of everything that an operator sets, sees, or is woken up by."""

import json
import re
from pathlib import Path

import pytest

from infra.aws import template
from infra.aws.__main__ import COMMANDS
from infra.aws.functions import FUNCTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
MERGED = template.to_merge()
NAMES = "|".join(function.name for function in FUNCTIONS)


def test_every_parameter_is_explained() -> None:
    parameters = {re.sub(f"^({NAMES})(?=Concurrency$)", "WebsocketConnect", name) for name in MERGED["Parameters"]}
    assert {name for name in parameters if f"`{name}`" not in PAGE} == set()


def test_every_alarm_says_what_to_do() -> None:
    alarms = {name for name, each in MERGED["Resources"].items() if each.get("Type") == "AWS::CloudWatch::Alarm"}
    rows = {re.sub(f"^({NAMES})(?=(Failing|Throttled|Slow)Alarm$)", "…", alarm) for alarm in alarms}
    assert {row for row in rows if f"\n| `{row}`" not in PAGE} == set()


def test_every_picture_of_the_dashboard_is_explained() -> None:
    # Some of it is JSON within JSON.
    body = json.dumps(MERGED["Resources"]["Dashboard"]).replace("\\", "")
    titles = set(re.findall(r'"title": ?"([^"]+)"', body))
    assert len(titles) == 19
    assert {title for title in titles if f"`{title}`" not in PAGE} == set()


@pytest.mark.parametrize("command", [*COMMANDS, "package", "destroy"])
def test_every_command_is_explained(command: str) -> None:
    assert f"`make {command} STAGE=prod`" in PAGE


def test_every_reference_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, flags=re.M)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for link in re.findall(r"\]\(([^)]+)\)", PAGE):
        path, _, anchor = link.partition("#")
        if path:
            assert (Path(__file__).parents[2] / "docs" / path).is_file(), link
        else:
            assert anchor in anchors, link
