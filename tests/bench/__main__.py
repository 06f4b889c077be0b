"""`python -m tests.bench`: every goal with what was measured (`--quick`: once and small, `--only trips,posts`: some).

Each bench is a process of its own, one after another; what it starts ends with it. The exit status is 0 when all of it
could be measured, whatever the figures are.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from infra.local.orphans import die_with_parent
from tests.bench import report
from tests.bench.benches import BENCHES, Measured
from tests.e2e.server import OURS, ROOT, SETTINGS

HOME = "KEFU_BENCH_HOME"  # where the peers are kept
WITHIN_S = 870.0
STOPPED_WITHIN_S = 30.0
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="within two minutes: fewer rounds, less in the stores")
    parser.add_argument("--only", type=_names, default=list(BENCHES), metavar="NAME,…", help=", ".join(BENCHES))
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="everything that was measured, as JSON")
    parser.add_argument("--read", type=Path, metavar="FILE.json", help="show what an earlier run has written")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md and its picture anew")
    parser.add_argument("--measure", metavar="NAME", help=argparse.SUPPRESS)  # what such a process is started with
    options = parser.parse_args(arguments)
    if options.measure:
        die_with_parent(signal.SIGTERM)
        options.out.write_bytes(msgspec.json.encode(BENCHES[options.measure][0](options.quick)))
        return 0
    if options.read:
        told = msgspec.json.decode(options.read.read_bytes(), type=report.Report)
    else:
        deadline = time.monotonic() + WITHIN_S
        try:
            found = {name: _measured(name, options.quick, deadline) for name in options.only}
        except KeyboardInterrupt:
            return INTERRUPTED
        told = report.Report.of(found, options.quick)
    print(told.text())
    if options.out:
        options.out.write_bytes(msgspec.json.format(msgspec.json.encode(told)))
    if options.publish:
        report.publish(told)
    return 1 if told.missing else 0


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(BENCHES):
        raise argparse.ArgumentTypeError(f"no such bench: {', '.join(sorted(unknown))}")
    return [name for name in BENCHES if name in names]


def _measured(name: str, quick: bool, deadline: float) -> Measured:
    """What a bench finds in a process of its own; what it could not do is `missing`, not raised."""
    began = time.monotonic()
    within = max(0.0, min(BENCHES[name][1], deadline - began))
    print(f"{name} …", end=" ", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="kefu-bench-") as folder:
        out = Path(folder) / "measured.json"
        command = [sys.executable, "-m", "tests.bench", "--measure", name, "--out", str(out)]
        command += ["--quick"] if quick else []
        # A group of its own: Ctrl-C in the terminal is for us, and a bench ends what it has started in order.
        bench = subprocess.Popen(command, cwd=ROOT, env=_environ(), process_group=0)
        try:
            status = bench.wait(within)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end(bench)
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        if status == 0:
            return msgspec.json.decode(out.read_bytes(), type=Measured)
    why = f"it took longer than {within:.3g} s" if status is None else f"it failed ({status}), see above"
    return Measured(missing=[f"{name}: {why}"])


def _end(bench: subprocess.Popen[bytes]) -> None:
    """Have it end, with what it has started."""
    if bench.poll() is None:
        bench.send_signal(signal.SIGTERM)
        try:
            bench.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            bench.kill()
            bench.wait()


def _environ() -> Mapping[str, str]:
    """This shell's, without what would be a setting of the service."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == HOME or not (name in SETTINGS or name.startswith(OURS))
    }
    return {**kept, "PYTHONPATH": str(ROOT)}


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main(sys.argv[1:]))
