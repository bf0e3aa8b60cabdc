"""Manifests become files, in the ways in which people write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from corpus.estates import Chance
from corpus.recording import Content
from sites import Manifest

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 _./-]*[A-Za-z0-9]\Z")
_WORDS = ("null", "true", "false", "yes", "no", "on", "off")


def files(chance: Chance, documents: Sequence[Manifest], folder: str) -> dict[str, Content]:
    """The documents in files of this folder: all in one, one each, or some in each."""
    way = chance.below(3)
    if way == 0:
        grouped = {"all.yaml": list(documents)}
    elif way == 1:
        grouped = {f"{d['kind'].lower()}/{index}.yaml": [d] for index, d in enumerate(documents)}
    else:
        grouped = {}
        for document in chance.shuffled(documents):
            team = document["metadata"].get("labels") or "shared"
            name = str(team["team"]) if isinstance(team, dict) else "shared"
            grouped.setdefault(
                f"{name.replace('&', '-')}/{chance.one(('a.yaml', 'b.yml', 'deep/er/c.yaml'))}", []
            ).append(document)
    return {f"{folder}/{name}" if folder else name: _file(chance, found) for name, found in grouped.items()}


def _file(chance: Chance, documents: Sequence[Manifest]) -> Content:
    texts = []
    for document in documents:
        way = chance.below(4)
        text = json.dumps(document, ensure_ascii=False) if way == 0 else "\n".join(block(document))
        if way == 1:
            text = f"# {document['kind']}, written by hand\n{text}"
        texts.append(text + "\n")
    whole = "---\n".join(texts)
    draw = chance.below(20)
    if draw == 0:
        whole = whole.replace("\n", "\r\n")
    if draw == 1:
        whole = "\ufeff" + whole
    return ("---\n" + whole if draw == 2 else whole).encode()


def block(value: Any, indent: str = "") -> Iterator[str]:
    """A mapping or a list in YAML's block style, as lines."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, (Mapping, list, tuple)) and item:
                yield f"{indent}{scalar(key)}:"
                yield from block(item, indent + "  ")
            else:
                yield f"{indent}{scalar(key)}: {scalar(item)}"
        return
    for item in value:
        if not isinstance(item, Mapping) or not item:
            yield f"{indent}- {scalar(item)}"
            continue
        first, *rest = block(item, indent + "  ")
        yield f"{indent}- {first.lstrip()}"
        yield from rest


def scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
