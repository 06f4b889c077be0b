"""The demo shop: what a marketplace's page looks like with the widget on it, beside links to the agents' console."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from aiohttp import hdrs, web

from chalicelib import site

FOLDER = Path(__file__).parent / "shop"
FRONT_PAGE = """kefu, the customer-service chat, on this machine.

  In a browser  {url}/ is a demo shop with the chat on it, {url}/console where agents answer
  WebSocket     {ws}/ws, subprotocol kefu.v1, a JWT in the header Authorization: Bearer …
  HTTP          {url}/health and the other routes of the protocol
  A token       curl -d '{{"sub": "ming"}}' {url}/dev/tokens

To chat, in two terminals:

  python -m infra.local chat --url {url} --as ming --store tea-house
  python -m infra.local chat --url {url} --as li --store tea-house --agent
"""


async def front_page(request: web.Request) -> web.Response:
    """The shop for a browser; for everybody else what runs here, and how to use it."""
    if "text/html" in request.headers.get(hdrs.ACCEPT, ""):
        page = _read("index.html")
        response = _answer(request, page, site.page_headers(page, ""))
    else:
        response = web.Response(text=FRONT_PAGE.format(url=f"http://{request.host}", ws=f"ws://{request.host}"))
    response.headers.add(hdrs.VARY, hdrs.ACCEPT)
    return response


async def file(request: web.Request) -> web.Response:
    """A file of the shop."""
    name = request.match_info["file"]
    if name not in {path.name for path in FOLDER.iterdir()} or Path(name).suffix not in site.TEXT_TYPES:
        return web.json_response({"code": "not_found", "message": "There is no such file."}, status=404)
    wanted = _read(name)
    return _answer(request, wanted, site.headers(wanted, site.REVALIDATED))


def _read(name: str) -> site.File:
    path = FOLDER / name
    return site.as_file(path.read_text(encoding="utf-8"), path.suffix)


def _answer(request: web.Request, wanted: site.File, headers: dict[str, str]) -> web.Response:
    if site.is_held(wanted, request.headers.get(hdrs.IF_NONE_MATCH, "")):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=wanted.text.encode(), headers=headers)
