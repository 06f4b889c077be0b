"""Runs a server for as long as whoever started this lives: `python -m infra.local.leash LOCK COMMAND…`.

Its own standard input is the leash: a pipe that nobody writes to, and that ends when its other side is gone, even by
SIGKILL. Then the server is asked to stop (SIGTERM), and made to (SIGKILL) when it has not within ten seconds. The file
descriptor LOCK stays open in the server, so that a lock on that file lasts as long as the server does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from infra.local.orphans import die_with_parent

STOP_WITHIN_S = 10


def main() -> None:
    server = subprocess.Popen(  # noqa: S603 - the command is what this program is for
        sys.argv[2:],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        pass_fds=(int(sys.argv[1]),),
        # For when this process is killed itself.
        preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - there is no other thread yet
    )
    threading.Thread(target=lambda: os._exit(1 if server.wait() else 0), daemon=True).start()
    while os.read(sys.stdin.fileno(), 1):
        pass
    server.terminate()
    try:
        server.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
