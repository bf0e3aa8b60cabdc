"""A manifest's data → its text, in the one style that gatectl writes, and what its file is called where gatectl chooses. Pure.

What is written here reads alike in YAML 1.1 and 1.2, whoever reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gatectl.kinds import KINDS
from gatectl.model import ObjectKey
from gatectl.quote import safe

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*\Z")
_WORDS: Final = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))


def manifest_text(data: Mapping[str, Any], remarks: Sequence[str] = ()) -> str:
    """One manifest as YAML; remarks are comments at its end."""
    lines = [
        f"apiVersion: {data['apiVersion']}",
        f"kind: {data['kind']}",
        f"metadata: {flow(data['metadata'])}",
    ]
    if "spec" in data:
        lines.append("spec:")
        lines += _spec_lines(data["spec"])
    lines += [f"    # {safe(remark)}" for remark in remarks]
    return "\n".join(lines) + "\n"


def _spec_lines(spec: Mapping[str, Any]) -> Iterator[str]:
    for name, value in spec.items():
        if isinstance(value, list):
            yield f"  {name}:" if value else f"  {name}: []"
            yield from (f"    - {flow(entry)}" for entry in value)
        else:
            yield f"  {name}: {_value(value)}"


def flow(value: Mapping[str, Any]) -> str:
    """A mapping on one line."""
    return "{" + ", ".join(f"{name}: {_value(inner)}" for name, inner in value.items()) + "}"


def _value(value: Any) -> str:
    return flow(value) if isinstance(value, Mapping) else scalar(value)


def scalar(value: str | bool) -> str:
    """A scalar: plain where that is beyond doubt, else in double quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if _PLAIN.match(text) and not is_word(text) else double_quoted(text)


def is_word(text: str) -> bool:
    """Whether a text without quotes means something else to some YAML: true, off."""
    return text.lower() in _WORDS


def double_quoted(text: str) -> str:
    """A text in double quotes, in YAML as in JSON's letters."""
    # Two number signs could begin a command for the runner of a CI that prints this.
    return '"' + "".join(_escaped(character) for character in text).replace("##", "#\\x23") + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def file_stem(key: ObjectKey) -> str:
    """The file of an object: workspace/kind/name, of characters that every file system takes; without the suffix."""
    folder = [key.workspace, KINDS[key.kind].plural] if key.workspace is not None else [KINDS[key.kind].plural]
    stem = "/".join(slug(part) for part in (*folder, key.name))
    # gatectl.yaml is what project files are called
    return f"{stem}-{key.kind.lower()}" if stem.endswith("/gatectl") else stem


def slug(text: str) -> str:
    """A part of a path for a name, whatever the name is."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-")[:100] or "unnamed"
