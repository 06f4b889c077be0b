"""`python -m tests.lint_lua`: every script is a contract: `#!lua` first, then what it does, KEYS, ARGV and answers."""

import re
import sys
from pathlib import Path

LUA = Path(__file__).parents[1] / "chalicelib" / "store" / "lua"


def faults(path: Path) -> list[str]:
    """What is wrong with a script's head, and with its includes."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = []
    if not lines or lines[0] != "#!lua":
        found.append("the first line is not #!lua")
    header = "\n".join(line for line in lines[1:12] if line.startswith("-- "))
    found += [f"the header does not name {word}" for word in ("KEYS: ", "ARGV: ", "Answers: ") if word not in header]
    for include in re.findall(r"^--@include (\S+)$", "\n".join(lines), flags=re.M):
        if not (LUA / "lib" / f"{include}.lua").exists():
            found.append(f"it includes {include}, which does not exist")
    if re.search(r"redis\.call\(['\"]\w+['\"], *['\"](kefu|\{)", "\n".join(lines)):
        found.append("it spells a key; keys come in KEYS")
    return found


def main() -> int:
    """Prints every fault; 1 where there are any."""
    scripts = sorted(LUA.rglob("*.lua"))
    broken = [f"{path.name}: {fault}" for path in scripts for fault in faults(path)]
    print("\n".join(broken) or f"{len(scripts)} scripts keep the contract.")
    return 1 if broken or not scripts else 0


if __name__ == "__main__":
    sys.exit(main())
