"""Folders of a bucket: how two are compared, and which one leaves its bucket (product.md, section 3). Pure."""

from __future__ import annotations


def folder_key(folder: str | None) -> str:
    """A folder as it is compared: `.`, `..` and empty parts resolved, no slash at either end; "" is the whole bucket."""
    if not folder or ("." not in folder and "//" not in folder):
        return (folder or "").strip("/")
    kept: list[str] = []
    for part in folder.split("/"):
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    return "/".join(kept)


def leaves_bucket(folder: str | None) -> bool:
    """Whether a folder is none of its bucket's: `a/../..`, for example."""
    return folder_key(folder).partition("/")[0] == ".."
