"""The routes of the pages: the widget, the console, the client library, and what they must know to connect."""

from typing import TYPE_CHECKING

from chalice.app import Blueprint, Response
from msgspec import Struct

from chalicelib import access, protocol
from chalicelib.bootstrap import services
from chalicelib.errors import Forbidden, KefuError, NotFound

if TYPE_CHECKING:
    from chalicelib.site import File

# `site` is imported where it is used: the functions of the sockets, which import this module, too, need none of it.
pages = Blueprint(__name__)


class PageSettings(Struct, frozen=True):
    """What a page must know to connect; addresses may be relative to the service's base."""

    socket: str
    dev_tokens: str | None


@pages.route("/widget.js")
def widget() -> Response:
    return _loader("widget")


@pages.route("/console.js")
def console_module() -> Response:
    return _loader("console")


@pages.route("/web/{version}/{folder}/{file}")
def web(version: str, folder: str, file: str) -> Response:
    return _named(f"{folder}/{file}", version)


@pages.route("/lib/{file}")
def library(file: str) -> Response:
    return _named(f"lib/{file}")


@pages.route("/console")
def console() -> Response:
    from chalicelib import site

    page = site.current().page("console/index.html")
    return _answer(page, site.page_headers(page, services().settings.socket_url))


@pages.route("/settings.json")
def page_settings() -> Response:
    from chalicelib import site

    settings = services().settings
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": site.REVALIDATED,
        "Vary": "Origin",
        **site.SAFE,
        **site.SHARED,
    }
    try:
        access.check_page(settings, {name.lower(): value for name, value in pages.current_request.headers.items()})
    except Forbidden as refusal:
        return _refusal(refusal, headers)
    body = PageSettings(settings.socket_url, settings.dev_tokens_url)
    return Response(protocol.encode(body).decode(), dict(headers))


def _loader(part: str) -> Response:
    from chalicelib import site

    file = site.current().loader(part)
    return _answer(file, site.headers(file, site.REVALIDATED))


def _named(name: str, version: str | None = None) -> Response:
    from chalicelib import site

    now = site.current()
    file = now.file(name)
    if file is None or name.endswith(".html"):  # a page has an address of its own, with headers of its own
        return _refusal(NotFound("There is no such file."), {"Content-Type": "application/json", **site.SAFE})
    return _answer(file, site.headers(file, site.FOREVER if version == now.version else site.REVALIDATED))


def _answer(file: "File", headers: dict[str, str]) -> Response:
    from chalicelib import site

    held = site.is_held(file, pages.current_request.headers.get("if-none-match", ""))
    return Response("" if held else file.text, dict(headers), 304 if held else 200)


def _refusal(refusal: KefuError, headers: dict[str, str]) -> Response:
    body = protocol.encode(protocol.HttpError(refusal.code, refusal.message)).decode()
    return Response(body, dict(headers), refusal.status)
