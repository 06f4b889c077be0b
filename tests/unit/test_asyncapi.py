"""docs/asyncapi.yaml says what the code says."""

from pathlib import Path
from typing import get_args

import yaml

from chalicelib import protocol
from infra import asyncapi

WRITTEN = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"


def test_the_description_is_the_one_of_this_code() -> None:
    assert WRITTEN.read_text(encoding="utf-8") == asyncapi.text(), "run `make asyncapi`, and commit what it wrote"


def test_every_reference_leads_somewhere() -> None:
    document = yaml.safe_load(asyncapi.text())

    def follow(part: object) -> None:
        if isinstance(part, dict):
            if reference := part.get("$ref"):
                target: object = document
                for step in reference.removeprefix("#/").split("/"):
                    assert isinstance(target, dict)
                    target = target[step]
            for value in part.values():
                follow(value)
        elif isinstance(part, list):
            for value in part:
                follow(value)

    follow(document)


def test_every_request_has_a_result_or_is_ping() -> None:
    assert set(get_args(protocol.AnyRequest)) - set(asyncapi.RESULTS) == {protocol.Ping}
