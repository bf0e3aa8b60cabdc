"""Which objects a command is about: `-l SELECTOR`, `--target`, `--renew-credentials`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from gatectl.errors import UsageError
from gatectl.kinds import KINDS
from gatectl.model import Manifest, ObjectKey

Predicate = Callable[[Mapping[str, str]], bool]

_SET: Final = re.compile(r"\s*(?P<key>[^\s=!,()]+)\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)\s*\Z")
_EQUAL: Final = re.compile(r"\s*(?P<key>[^\s=!,()]+)\s*(?P<sign>==|=|!=)\s*(?P<value>[^\s=!,()]*)\s*\Z")
_EXISTS: Final = re.compile(r"\s*(?P<no>!?)\s*(?P<key>[^\s=!,()]+)\s*\Z")


def parse_selector(text: str) -> Predicate:
    """A label selector as kubectl reads it: `team=data,tier!=dev`, `env in (a, b)`, `env notin (a)`, `key`, `!key`.

    Raises UsageError for anything else.
    """
    terms = [_term(part) for part in _split(text)]
    return lambda labels: all(term(labels) for term in terms)


def _split(text: str) -> Iterable[str]:
    """The terms: separated by commas that stand outside parentheses."""
    parts = re.split(r",(?![^(]*\))", text)
    if any(not part.strip() for part in parts):
        raise _unreadable(text)
    return parts


def _term(text: str) -> Predicate:
    if (found := _SET.match(text)) is not None:
        key = found["key"]
        values = {value.strip() for value in found["values"].split(",")}
        if found["word"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if (found := _EQUAL.match(text)) is not None:
        key, value = found["key"], found["value"]
        if found["sign"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if (found := _EXISTS.match(text)) is not None:
        key = found["key"]
        if found["no"]:
            return lambda labels: key not in labels
        return lambda labels: key in labels
    raise _unreadable(text)


def _unreadable(text: str) -> UsageError:
    return UsageError(
        f"label selector '{text}' cannot be read", "for example: -l team=data, -l 'tier in (gold, silver)'"
    )


def find_targets(texts: Sequence[str], manifests: Iterable[Manifest], option: str) -> frozenset[ObjectKey]:
    """The keys of the manifests that KIND/[WORKSPACE/]NAME mean. Raises UsageError for one that means none or several."""
    keys = [ObjectKey(m.kind, m.workspace, m.name) for m in manifests if m.name is not None]
    return frozenset(_find(text, keys, option) for text in texts)


def _find(text: str, keys: Sequence[ObjectKey], option: str) -> ObjectKey:
    kind, _, rest = text.partition("/")
    kinds = {name.lower(): name for name in KINDS}
    if kind.lower() not in kinds or not rest:
        raise UsageError(f"{option} {text}: KIND/[WORKSPACE/]NAME is wanted", f"KIND is one of {', '.join(KINDS)}")
    ours = [key for key in keys if key.kind == kinds[kind.lower()]]
    found = [key for key in ours if rest in (key.name, f"{key.workspace}/{key.name}")]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(sorted(f"{kind}/{key.workspace}/{key.name}" for key in found))
        raise UsageError(f"{option} {text} means several objects", f"name the workspace: {listed}")
    raise UsageError(f"{option} {text}: no manifest declares it", "check the name, or the PATH that is read")
