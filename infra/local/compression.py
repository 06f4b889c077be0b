"""API Gateway's compression of answers: by `Accept-Encoding`, from the size on that Chalice's configuration names."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from aiohttp import hdrs, web


def minimum_size(configuration: Path) -> int | None:
    """From how many bytes on answers are compressed; None: never, as where nothing is configured."""
    try:
        size = json.loads(configuration.read_text(encoding="utf-8")).get("minimum_compression_size")
    except FileNotFoundError:
        return None
    return size if isinstance(size, int) else None


def compress(response: web.Response, accepted: str, minimum: int) -> None:
    """Compress an answer, if that is to be and its client can read it."""
    body = response.body
    if not isinstance(body, bytes) or len(body) < minimum or hdrs.CONTENT_ENCODING in response.headers:
        return
    if takes_gzip(accepted):
        response.body = gzip.compress(body, 6, mtime=0)
        response.headers[hdrs.CONTENT_ENCODING] = "gzip"


def takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` names gzip (or everything), and not only to refuse it."""
    offers = [offer.replace(" ", "").partition(";q=") for offer in accepted.lower().split(",")]
    qualities = {coding: not quality or quality.strip("0.") != "" for coding, _, quality in offers}
    return qualities.get("gzip", qualities.get("*", False))
