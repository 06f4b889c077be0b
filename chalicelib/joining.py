"""Several modules in one: what a page would fetch as sixty files, each a call of a function, comes as one.

The files stay as they are written, and are served so, too. Joined, each becomes a function that answers its exports,
and its imports become what those functions have answered. What cannot be said in that way (`await` at the top, exports
that are assigned to later, circles) is not written in `web/`.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from posixpath import dirname, join, normpath

log = logging.getLogger(__name__)

# Of neighbouring declarations of one kind the minifier makes one, and puts those that take a value apart first, even
# before what that value is made of (`const a = 1; const { b } = f({ a });`). As another kind they stay where they are.
APART = re.compile(r"^(\s*)const (?=[{\[])", re.M)
WHOLE = ".whole.js"
NAME = r"[A-Za-z_$][\w$]*"
# As `web/` is written: in one style, each at the start of its line.
IMPORT = re.compile(
    rf'^import\s+(?:(?:\* as ({NAME})|(?:({NAME}),\s*)?\{{([^}}]*)\}}|({NAME}))\s*from\s*)?"([^"]+)";', re.M
)
EXPORT_FROM = re.compile(r'^export \{([^}]*)\} from "([^"]+)";', re.M)
EXPORT_LIST = re.compile(r"^export \{([^}]*)\};", re.M)
EXPORT_DEFAULT = re.compile(r"^export default ", re.M)
EXPORT = re.compile(rf"^export ((?:async )?function\*? ?|class |const )({NAME})", re.M)


def imports(name: str, text: str) -> list[str]:
    """The modules that a module imports at once, in order, named as it is named itself: `folder/file`."""
    found = sorted(
        [(each.start(), each[5]) for each in IMPORT.finditer(text)]
        + [(each.start(), each[2]) for each in EXPORT_FROM.finditer(text)]
    )
    return [normpath(join(dirname(name), target)) for _, target in found]


def joined(modules: Sequence[str], text_of: Mapping[str, str]) -> str:
    """The modules as one that exports what the last one does; each comes after those that it imports.

    It is at home where they are, in a folder beside theirs: what it does not hold, it imports.
    """
    wanted = [target for name in modules for target in imports(name, text_of[name])]
    missing = dict.fromkeys(target for target in wanted if target not in modules)
    variables = {name: f"m{number}" for number, name in enumerate([*modules, *missing])}
    pieces = [f'import * as {variables[name]} from "../{name}";\n' for name in missing]
    pieces += [
        f"// {name}\nconst {variables[name]} = (() => {{\n{_function(name, text_of[name], variables)}\n}})();\n"
        for name in modules
    ]
    last = variables[modules[-1]]
    names = _exported(text_of[modules[-1]])
    pieces += [f"export const {name} = {last}.{name};\n" for name in names]
    if EXPORT_DEFAULT.search(text_of[modules[-1]]):
        pieces.append(f"export default {last}.default;\n")
    return "".join(pieces)


def _function(name: str, text: str, variables: Mapping[str, str]) -> str:
    def module(target: str) -> str:
        return variables[normpath(join(dirname(name), target))]

    answered: list[str] = []

    def imported(match: re.Match[str]) -> str:
        whole, default_too, some, default, target = match.groups()
        parts = [f"default: {default_too or default}"] if default_too or default else []
        parts += [" ".join(part.split()).replace(" as ", ": ") for part in (some or "").split(",") if part.strip()]
        if whole:
            return f"const {whole} = {module(target)};"
        return f"const {{ {', '.join(parts)} }} = {module(target)};" if parts else ""

    def passed_on(match: re.Match[str]) -> str:
        answered.extend(f"{new}: {module(match[2])}.{old}" for old, new in _pairs(match[1]))
        return ""

    def listed(match: re.Match[str]) -> str:
        answered.extend(f"{new}: {old}" for old, new in _pairs(match[1]))
        return ""

    def declared(match: re.Match[str]) -> str:
        answered.append(match[2])
        return f"{match[1]}{match[2]}"

    def by_default(_: re.Match[str]) -> str:
        answered.append("default: $default")
        return "const $default = "

    steps: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
        (IMPORT, imported),
        (EXPORT_FROM, passed_on),
        (EXPORT_LIST, listed),
        (EXPORT, declared),
        (EXPORT_DEFAULT, by_default),
    ]
    for pattern, replacement in steps:
        text = pattern.sub(replacement, text)
    return f"{text.strip()}\nreturn {{ {', '.join(answered)} }};"


def _exported(text: str) -> list[str]:
    lists = [*EXPORT_FROM.finditer(text), *EXPORT_LIST.finditer(text)]
    return [each[2] for each in EXPORT.finditer(text)] + [new for each in lists for _, new in _pairs(each[1])]


def smaller(text: str) -> str:
    """The same module in fewer bytes. As it is where the minifier is not (macOS on ARM, for which it has no wheel)."""
    try:
        import minify  # loads a library of 8 MB: only a process that serves pages needs it
    except ModuleNotFoundError:
        return text
    try:
        small: str = minify.string("text/javascript", APART.sub(r"\1let ", text))
    except minify.MinifyError as error:
        log.warning("a module is served as it was written, since it cannot be read: %s", error)
        return text
    return small


def _pairs(names: str) -> list[tuple[str, str]]:
    """What stands in the braces of an export: each name there, and the name outside."""
    parts = [part.split(" as ") for part in names.split(",") if part.strip()]
    return [(part[0].strip(), part[-1].strip()) for part in parts]
