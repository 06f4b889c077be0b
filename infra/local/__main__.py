"""`python -m infra.local` starts kefu on this machine; `python -m infra.local chat` talks to it from a terminal."""

from __future__ import annotations

import argparse
import math
import sys

from infra.local import chat, serve
from infra.local.connections import Limits


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["chat"]:
        return chat.main(arguments[1:])
    parser = argparse.ArgumentParser("python -m infra.local", description="kefu on this machine; `chat` talks to it.")
    parser.add_argument("--workers", type=_count, default=2, help="processes that run the functions (2)")
    parser.add_argument("--idle-s", type=_seconds, default=600.0, help="how long a connection may be idle (600)")
    parser.add_argument("--max-s", type=_seconds, default=7200.0, help="how long a connection may last (7200)")
    options = parser.parse_args(arguments)
    return serve.main(options.workers, Limits(options.idle_s, options.max_s))


def _count(text: str) -> int:
    if not 1 <= (count := int(text)) <= 64:
        raise argparse.ArgumentTypeError("must be from 1 to 64")
    return count


def _seconds(text: str) -> float:
    if not 0 < (seconds := float(text)) < math.inf:
        raise argparse.ArgumentTypeError("must be a number of seconds above 0")
    return seconds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
