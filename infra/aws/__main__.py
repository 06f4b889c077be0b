"""`python -m infra.aws COMMAND STAGE`: what the targets of the Makefile call."""

from __future__ import annotations

import argparse
import os
import sys

from infra.aws import deploy
from infra.aws.cloud import in_one_line
from infra.aws.errors import StageError
from infra.aws.stage import load, read, stack_of

REFUSED = 2
COMMANDS = {"plan": deploy.plan, "deploy": deploy.deploy, "renew": deploy.renew, "replay": deploy.replay}


def main(arguments: list[str]) -> int:
    """Runs a command; 0, or 2 with one line that says what to mend."""
    parser = argparse.ArgumentParser("python -m infra.aws", description="kefu on AWS")
    parser.add_argument("command", choices=["package", *COMMANDS, "destroy"])
    parser.add_argument("stage", nargs="?", default="", help="a file in infra/aws/stages, without .toml")
    options = parser.parse_args(arguments)
    try:
        with in_one_line():
            _run(options.command, options.stage)
    except StageError as mistake:
        print(f"kefu: {mistake}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("kefu: stopped here. What AWS has begun goes on there; the same command looks where it stands.")
        return 130
    return 0


def _run(command: str, name: str) -> None:
    if not name:
        raise StageError(f"Which stage? make {command} STAGE=prod, for example.")
    if command == "package":  # without a region, an account, or a secret
        stack_of(name)
        read(name)
        deploy.make_package(name, print)
        return
    stage = load(name, os.environ)
    if command == "destroy":
        deploy.destroy(stage, print, _ask)
    else:
        COMMANDS[command](stage, print)


def _ask(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
