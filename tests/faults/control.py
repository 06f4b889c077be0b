"""What is broken right now: a file that the tests write, and that the platform and its workers read at each step."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from zlib import crc32

import msgspec

VARIABLE = "KEFU_FAULTS"  # the environment variable that names the file
SEED = "KEFU_SEED"  # the one that holds what every random choice comes from


class Faults(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The faults at one time; by default there is none."""

    death: float = 0.0
    """The chance that a function dies before a round trip to Redis or a call of the platform, and the same after it."""
    skew_s: float = 0.0
    """By how much the clock of every second worker is ahead."""
    posts: dict[str, float] = {}
    """What the management API does instead of serving a post, with which chance: "410" (the connection is lost),
    "429", "500", "timeout" (delivered, but answered after 30 s only), "slow" (delivered, and answered after 10 s)."""
    share: float = 1.0
    """The share of the connections that `posts` concerns."""
    shuffle_s: float = 0.0
    """Each push waits for a random time up to this, so that pushes overtake one another."""
    lost_disconnects: bool = False
    """No `$disconnect` is ever told."""
    idle_s: float = 600.0
    max_s: float = 7200.0

    def of_post(self, connection_id: str, random: Random) -> str | None:
        """What becomes of a post to that connection, as in `posts`; None: it is served."""
        if crc32(connection_id.encode()) >= self.share * 2**32:
            return None
        drawn = random.random()
        for fault, chance in self.posts.items():
            if drawn < chance:
                return fault
            drawn -= chance
        return None


NONE = Faults()
_read: dict[Path, tuple[tuple[int, int], Faults]] = {}


def write(path: Path, faults: Faults) -> None:
    """From now on these are the faults, for everybody who reads `path`."""
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(msgspec.json.encode(faults))
    fresh.replace(path)


def read(path: Path) -> Faults:
    """The faults of this moment; none where nothing was ever written."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return NONE
    changed = found.st_mtime_ns, found.st_ino  # the clock of a file system is coarse
    known = _read.get(path)
    if known is None or known[0] != changed:
        known = _read[path] = changed, msgspec.json.decode(path.read_bytes(), type=Faults)
    return known[1]


def path() -> Path:
    """The file that this process has to obey."""
    return Path(os.environ[VARIABLE])


def random(name: str) -> Random:
    """The choices of the process `name`: they follow from the seed."""
    return Random(f"{os.environ.get(SEED, '0')} {name}")
