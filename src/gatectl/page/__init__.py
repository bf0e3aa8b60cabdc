"""One self-contained HTML file: no network, no inline style or script but those whose hash the page's policy names.

What a page says is text that was escaped; what its script reads is JSON that cannot end its element.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any


@cache
def static(name: str) -> str:
    """A style sheet or script of ours."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8").strip()


def data(identifier: str, document: Any) -> str:
    """A JSON document in a script element that nothing runs; no character in it could end the element."""
    text = json.dumps(document, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    text = text.replace("##", "#\\u0023")  # no command for the runner that prints it (`quote`)
    return f'<script type="application/json" id="{identifier}">{text}</script>'


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page(title: str, body: str, styles: Sequence[str], scripts: Sequence[str]) -> str:
    """A whole page. `body` is HTML; styles and scripts are names of files beside this one."""
    style = "\n".join(static(name) for name in styles)
    script = "\n".join(static(name) for name in scripts)
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>"""
