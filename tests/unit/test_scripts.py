"""The Lua files as contracts: their first lines, their parts, and that they are shipped."""

import ast
import re
from hashlib import sha1
from importlib.resources import files
from pathlib import Path

import pytest

import chalicelib.store
from chalicelib.store import scripts

LUA = Path(str(files(chalicelib.store))) / "lua"
VERBS = sorted(LUA.glob("*.lua"))
PARTS = sorted((LUA / "lib").glob("*.lua"))
MOST_LINES = 70


@pytest.mark.parametrize("path", [*VERBS, *PARTS], ids=lambda path: path.stem)
def test_a_script_begins_with_its_contract(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == "#!lua"
    header = []
    for line in lines[1:]:
        if not line.startswith("-- "):
            break
        header.append(line.removeprefix("-- ").strip())
    purpose, *contract = header
    assert purpose.endswith(".")
    words = " ".join(contract)
    assert "KEYS: " in words
    assert "ARGV: " in words
    assert "Answers: " in words


@pytest.mark.parametrize("path", VERBS, ids=lambda path: path.stem)
def test_a_script_answers_in_the_words_of_its_contract(path: Path) -> None:
    text = path.read_text()
    contract = " ".join(line for line in text.splitlines() if line.startswith("-- ")).partition("Answers:")[2]
    told = set(re.findall(r"return \{'(\w+)'", text)) | set(re.findall(r"return ((?:un)?changed)\(", text))
    assert {word for word in told if not re.search(rf"\b{word}\b", contract)} == set()


@pytest.mark.parametrize("path", [*VERBS, *PARTS], ids=lambda path: path.stem)
def test_a_script_is_short_and_plain(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= (MOST_LINES if path in VERBS else 2 * MOST_LINES)
    assert text.endswith("\n")
    assert "\t" not in text
    # Keys are spelled in one module of Python; a script takes them from KEYS alone.
    assert "kefu:" not in text


@pytest.mark.parametrize("path", VERBS, ids=lambda path: path.stem)
def test_a_script_is_whole_with_its_parts(path: Path) -> None:
    source = scripts.source(path.stem)
    assert source.startswith("#!lua\n")
    assert "@include" not in source
    named = re.findall(r"^--@include (\w+)$", path.read_text(), flags=re.M)
    assert len(named) == len(set(named))
    for name in named:
        assert (LUA / "lib" / f"{name}.lua").read_text().removeprefix("#!lua\n").strip() in source
    assert source.count("#!lua") == 1
    assert scripts.sha(path.stem) == sha1(source.encode()).hexdigest()


def test_every_part_is_part_of_something() -> None:
    named = {name for path in VERBS for name in re.findall(r"^--@include (\w+)$", path.read_text(), flags=re.M)}
    assert named == {part.stem for part in PARTS}


@pytest.mark.parametrize("part", PARTS, ids=lambda path: path.stem)
def test_a_part_includes_nothing_itself(part: Path) -> None:
    assert "--@include" not in part.read_text()


def test_every_script_is_called_and_every_call_has_its_script() -> None:
    called: set[str] = set()
    for module in Path(str(files(chalicelib.store))).glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if name in {"run", "Call", "_change"} and isinstance(first, ast.Constant) and isinstance(first.value, str):
                called.add(first.value)
    assert called == {path.stem for path in VERBS}


def test_an_unknown_script_is_no_script() -> None:
    with pytest.raises(FileNotFoundError):
        scripts.source("no_such_script")
