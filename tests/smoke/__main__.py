"""`make smoke URL=https://…/api`: the end-to-end tests that make sense against a deployed stage."""

from __future__ import annotations

import argparse
import os
import sys

import pytest

from tests.e2e.conftest import PREFIX, STAGE
from tests.e2e.server import ROOT
from tests.smoke import chosen
from tests.smoke.stage import Signer, Stage, Unfit


class Against:
    """Tells the tests which stage they run against."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[STAGE] = self.stage


def main(arguments: list[str]) -> int:
    """The exit status: 2 where the stage cannot be tested, else pytest's."""
    parser = argparse.ArgumentParser("python -m tests.smoke", description="Tests a deployed stage from outside.")
    parser.add_argument("url", nargs="?", default="", help="the base of the stage's HTTP routes")
    parser.add_argument("-k", metavar="WORDS", default="", help="only tests whose names match, as for pytest")
    options = parser.parse_args(arguments)
    try:
        stage = Stage.reach(options.url, Signer.of(os.environ))
    except Unfit as reason:
        print(f"smoke: {reason}", file=sys.stderr)
        return 2
    print(f"kefu at {stage.url}, its socket at {stage.ws}.")
    print(f"The stores of the tests begin with {PREFIX}, and stay there with all that is said in them.", flush=True)
    # What is broken throughout need not be shown so by each test; and short tracebacks show no tokens.
    how = ["--rootdir", str(ROOT), "--no-header", "--maxfail=5", "--tb=short", "-p", "no:cacheprovider"]
    return int(pytest.main([*how, "-k", options.k, *chosen.arguments()], plugins=[Against(stage)]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
