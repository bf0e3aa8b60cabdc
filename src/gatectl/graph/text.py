"""Text in a picture: about how wide it is, and what of it fits."""

from __future__ import annotations

from unicodedata import east_asian_width

from gatectl.quote import safe


def text_width(text: str, size: float = 13) -> int:
    """About how wide a text is in a sans-serif font."""
    wide = sum(1.0 if east_asian_width(c) in "WF" else 0.31 if c in "ijlt.,:;|'!()[] " else 0.6 for c in text)
    return round(wide * size) + 1


def fit(text: str, width: int, size: float = 13) -> str:
    """A text cut to a width; the middle goes, since names differ at both ends."""
    text = safe(text)
    if text_width(text, size) <= width:
        return text
    keep = len(text)
    while keep > 2 and text_width(text[: keep - keep // 3] + "…" + text[len(text) - keep // 3 :], size) > width:
        keep -= 1 + keep // 16
    return text[: keep - keep // 3] + "…" + text[len(text) - keep // 3 :]
