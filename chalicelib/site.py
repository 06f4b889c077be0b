"""The files of `web/`, as browsers get them: versioned addresses, the loaders, and the headers that go with them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from chalicelib.joining import WHOLE, imports, joined, smaller

WEB = Path(__file__).parent / "web"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
TEXT_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ts": "text/plain; charset=utf-8",
}
# What a script of the widget does beside exporting `mount`: start for its own element.
STARTS = {"widget": "mountScripts"}
PARTS = ("widget", "console")
ANY_WORDS = re.compile(r"(\.\./words/\$\{\w+\})\.js")
WORDS_OF = re.compile(rf"(words/[A-Za-z0-9-]+)\.({'|'.join(PARTS)})\.js")
SECTION = re.compile(r"^  (\w+): \{\n.*?^  \},\n", re.M | re.S)

ADDRESS = re.compile(r'="web/\{version\}/([^"]+)"')

FOREVER = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"

# No referrer leaves the site; within it there is one, since browsers hide the origin of a request without.
SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
SHARED = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
POWERLESS = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"


@dataclass(frozen=True, slots=True)
class File:
    """A file with its media type and a digest of its content."""

    text: str
    media_type: str
    digest: str


class Site:
    """All files at one moment; `version` is a digest of them all. Files are named `folder/file`."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self.files = files
        digests = "".join(f"{name}\0{file.digest}\n" for name, file in files.items())
        self.version = sha256(digests.encode()).hexdigest()[:16]
        self._made: dict[str, File] = {}

    def file(self, name: str) -> File | None:
        """A file, or one made of others; None where there is none.

        `folder/main.whole.js` is a module joined with all that it imports; `words/en.widget.js` are a language's words
        without those that the widget does not say.
        """
        if name not in self._made:
            made = self._whole(name) or self._words(name) or self.files.get(name)
            if made is None:
                return None
            self._made[name] = made
        return self._made[name]

    def address(self, name: str) -> str:
        """Where a file stays as it is, relative to the service's base; a module's is that of the whole."""
        return f"web/{self.version}/{name.removesuffix('.js') + WHOLE if name.endswith('.js') else name}"

    def graph(self, name: str) -> list[str]:
        """A module and all that it imports at once, whatever its depth, each after what it imports itself."""
        found: dict[str, None] = {}
        visited: set[str] = set()

        def visit(module: str) -> None:
            if module in visited or module not in self.files:
                return
            visited.add(module)
            for target in imports(module, self.files[module].text):
                visit(target)
            found[module] = None

        visit(name)
        return list(found)

    def _whole(self, name: str) -> File | None:
        main = name.removesuffix(WHOLE) + ".js"
        if not name.endswith(WHOLE) or main not in self.files:
            return None
        texts = {module: self.files[module].text for module in self.graph(main)}
        whole, part = joined(list(texts), texts), main.split("/")[0]
        whole = smaller(whole)
        return as_file(ANY_WORDS.sub(rf"\1.{part}.js", whole) if part in PARTS else whole, ".js")

    def _words(self, name: str) -> File | None:
        asked = WORDS_OF.fullmatch(name)
        if not asked or f"{asked[1]}.js" not in self.files:
            return None
        kept = {"chat", asked[2]}
        text = self.files[f"{asked[1]}.js"].text
        return as_file(SECTION.sub(lambda section: section[0] if section[1] in kept else "", text), ".js")

    def loader(self, part: str) -> File:
        """The module at a part's stable address."""
        start = STARTS.get(part)
        lines = [
            f'import {{ mount as start{f", {start}" if start else ""} }} from "./{self.address(f"{part}/main.js")}";',
            'const base = new URL(".", import.meta.url).href;',
            "export const mount = (options) => start({ base, ...options });",
            *([f"{start}(base, import.meta.url);"] if start else []),
        ]
        return as_file("\n".join(lines) + "\n", ".js")

    def page(self, name: str) -> File:
        """An HTML page of ours: what it names as `web/{version}/…` gets its address."""
        return as_file(ADDRESS.sub(lambda named: f'="{self.address(named[1])}"', self.files[name].text), ".html")


def current() -> Site:
    """The site as it is on the disk now. Reading it again is only done when a file has changed."""
    paths = [path for path in WEB.glob("*/*") if path.suffix in TEXT_TYPES and NAME.fullmatch(path.name)]
    stamps = [(path, path.stat()) for path in sorted(paths)]
    return _read(tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stamps))


@lru_cache(maxsize=1)
def _read(stamps: tuple[tuple[Path, int, int], ...]) -> Site:
    files = {
        path.relative_to(WEB).as_posix(): as_file(path.read_text(encoding="utf-8"), path.suffix)
        for path, _, _ in stamps
    }
    return Site(files)


def as_file(text: str, suffix: str) -> File:
    """A text that is served as a file with that suffix."""
    return File(text, TEXT_TYPES[suffix], sha256(text.encode()).hexdigest()[:16])


def headers(file: File, caching: str) -> dict[str, str]:
    """The headers of a file that pages of every origin may use."""
    return {
        "Content-Type": file.media_type,
        "Cache-Control": caching,
        # Weak, since the platform compresses: the same file, in other bytes.
        "ETag": f'W/"{file.digest}"',
        "Vary": "Accept-Encoding",
        **SAFE,
        **SHARED,
    }


def page_headers(file: File, socket_url: str) -> dict[str, str]:
    """The headers of a page: only files of this site, and the socket; no frame around it, no text made into markup."""
    socket = urlsplit(socket_url)
    connect = f"'self' {socket.scheme}://{socket.netloc}" if socket.netloc else "'self'"
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        f"connect-src {connect}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return {
        "Content-Type": file.media_type,
        "Cache-Control": REVALIDATED,
        "ETag": f'W/"{file.digest}"',
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": "; ".join(policy),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": POWERLESS,
        "X-Frame-Options": "DENY",
        **SAFE,
    }


def is_held(file: File, if_none_match: str) -> bool:
    """Whether a browser that sends `If-None-Match` holds this very file."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return f'"{file.digest}"' in tags or "*" in tags
