"""What every page of a controller has: its head, its style and script as files of ours, and the policy by which a browser runs and
loads nothing else. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from html import escape
from typing import Final

from gatectl.controller.serving.asking import Asked, Reply, nowhere
from gatectl.page import static
from gatectl.quote import safe

STATIC: Final = "/static/"

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_MADE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "fleet.css": ("page.css", "history.css", "fleet.css"),
    "fleet.js": ("fleet.js",),
    "gate.svg": ("gate.svg",),
}
_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def page(title: str, body: str, status: int = 200) -> Reply:
    """A page. `body` is HTML, with all text of others escaped."""
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(safe(title))}</title>
<link rel="stylesheet" href="{_address("fleet.css")}">
<link rel="icon" type="image/svg+xml" href="{_address("gate.svg")}">
<script src="{_address("fleet.js")}" defer></script>
</head>
<body>
{body}
</body>
</html>"""
    content = text.encode("utf-8", "backslashreplace")
    return Reply(status, content, "text/html; charset=utf-8", {"Content-Security-Policy": _POLICY})


def whole(html: str) -> Reply:
    """A page that brings its own style, script and policy, as one that is saved does."""
    policy = {"Content-Security-Policy": "frame-ancestors 'none'"}
    return Reply(200, html.encode("utf-8", "backslashreplace"), "text/html; charset=utf-8", policy)


def static_file(asked: Asked) -> Reply:
    """A style sheet, script or picture of ours; by the address that pages have for it, it is kept for good."""
    name = asked.path.removeprefix(STATIC)
    if name not in _MADE_OF or asked.method not in ("GET", "HEAD"):
        return nowhere()
    kept = asked.parameters().get("v") == _digest(name)
    caching = "public, max-age=31536000, immutable" if kept else "no-cache"
    kind = _TYPES[name.rpartition(".")[2]]
    return Reply(200, _content(name), f"{kind}; charset=utf-8", {"Cache-Control": caching})


@cache
def _content(name: str) -> bytes:
    return "\n".join(static(part) for part in _MADE_OF[name]).encode()


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_content(name)).hexdigest()[:16]


def _address(name: str) -> str:
    return f"{STATIC}{name}?v={_digest(name)}"
