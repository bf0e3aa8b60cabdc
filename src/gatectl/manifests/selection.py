"""Which objects a command is about: `-l SELECTOR`, `--target`, `--renew-credentials`, `--changed-since`. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from gatectl.errors import UsageError
from gatectl.kinds import KINDS
from gatectl.model import Attachment, Desired, Manifest, ObjectKey
from gatectl.quote import quote
from gatectl.resources import Identity, comparable

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
        f"label selector '{quote(text)}' cannot be read", "for example: -l team=data, -l 'tier in (gold, silver)'"
    )


def check_selector(text: str, manifests: Sequence[Manifest]) -> None:
    """Raises UsageError for a selector that no manifest matches, with the labels that there are."""
    matches = parse_selector(text)
    if any(matches(manifest.labels) for manifest in manifests):
        return
    labels = Counter(f"{quote(key)}={quote(value)}" for manifest in manifests for key, value in manifest.labels.items())
    there = "no manifest has a label"
    if labels:
        named = [
            f"{quote(label)} ({count})" for label, count in sorted(labels.items(), key=lambda item: (-item[1], item[0]))
        ]
        more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
        there = f"labels that there are: {', '.join(map(quote, named[:_SHOWN]))}{more}"
    raise UsageError(f"-l {quote(text)}: no manifest has such labels", f"{_meant(text, labels)}{there}")


_SHOWN: Final = 12


def _meant(text: str, labels: Iterable[str]) -> str:
    """What was probably meant by a selector that matches nothing, in words before those of what there is."""
    if text.lower().endswith((".yaml", ".yml", ".json", "/")):
        return "a file or folder is named without -l; "
    written = text.replace(":", "=").replace("==", "=").replace(" ", "")
    if (near := nearest(written, labels)) is not None:
        return f"did you mean -l {quote(near)}? "
    return f"write -l {quote(written)}; " if ":" in text and "=" not in text else ""


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was probably meant; an odd case is the nearest of all."""
    lowered = {candidate.lower(): candidate for candidate in candidates}
    found = get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.7)
    return lowered[found[0]] if found else None


def check_target(text: str, manifests: Iterable[Manifest], option: str) -> None:
    """Raises UsageError for a KIND/[WORKSPACE/]NAME that no manifest can be, whatever the workspace of those that name none."""
    kind, rest = parse_target(text, option)
    ours = [m for m in manifests if m.name is not None]
    if not any(m.kind == kind and _may_be(m, rest) for m in ours):
        raise UsageError(f"{option} {quote(text)}: no manifest declares it", _declared(kind, rest, ours))


def _declared(kind: str, rest: str, manifests: Sequence[Manifest]) -> str:
    """What was probably meant by a name that no manifest has, or else what there is of its kind."""
    shown = [_full_name(m) for m in manifests]
    near = next((name for name in shown if name.endswith(f"/{rest}")), None)
    near = near or nearest(f"{kind}/{rest}", [f"{m.kind}/{quote(m.name)}" for m in manifests])
    near = near or nearest(f"{kind}/{rest}", shown)
    if near is not None:
        return f"did you mean {near}?"
    if declared := [name for name in shown if name.startswith(f"{kind}/")]:
        more = f" and {len(declared) - _SHOWN} more" if len(declared) > _SHOWN else ""
        return f"declared are: {', '.join(map(quote, declared[:_SHOWN]))}{more}"
    return "check the name, or the PATH that is read"


def _full_name(manifest: Manifest) -> str:
    where = f"{quote(manifest.workspace)}/" if manifest.workspace is not None else ""
    return f"{manifest.kind}/{where}{quote(manifest.name)}"


def _may_be(manifest: Manifest, rest: str) -> bool:
    workspace, _, name = rest.rpartition("/")
    return rest == manifest.name or f"{manifest.workspace}/{manifest.name}" == rest or (
        manifest.workspace is None and KINDS[manifest.kind].scoped and bool(workspace) and name == manifest.name
    )  # fmt: skip


def check_since(since: Since, wanted: Desired) -> None:
    """Raises UsageError where the manifests say what they said then."""
    if _by_key(since.before) == _by_key(wanted):
        raise UsageError(
            f"--changed-since {quote(since.ref)}: no manifest says anything else than at {quote(since.commit[:12])}",
            "there is nothing to plan; without --changed-since everything is compared",
        )


ALL: Final = "all"
"""What `--take-over` says for every object."""


def find_targets(texts: Sequence[str], manifests: Iterable[Manifest], option: str) -> frozenset[ObjectKey]:
    """The keys of the manifests that KIND/[WORKSPACE/]NAME mean. Raises UsageError for one that means none or several."""
    keys = [ObjectKey(m.kind, m.workspace, m.name) for m in manifests if m.name is not None]
    return frozenset(_find(text, keys, option) for text in texts)


def find_object(text: str, keys: Sequence[ObjectKey], option: str) -> ObjectKey:
    """The key that KIND/[WORKSPACE/]NAME means among those of all objects that there are. Raises UsageError for one that means none,
    with what was probably meant, or several."""
    kind, rest = parse_target(text, option)
    there = list(dict.fromkeys(keys))
    if any(key.kind == kind and rest in _names_of(key) for key in there):
        return _find(text, there, option)
    message = f"{option} {quote(text)}: it is neither declared, nor live, nor applied by this project"
    raise UsageError(message, _there_is(kind, rest, there))


def _there_is(kind: str, rest: str, keys: Sequence[ObjectKey]) -> str:
    """What was probably meant by a name that no object has, or else what there is of its kind."""
    shown = [f"{key.kind}/{name}" for key in keys for name in _names_of(key)]
    near = nearest(f"{kind}/{rest}", shown) or next((name for name in shown if name.endswith(f"/{rest}")), None)
    if near is not None:
        return f"did you mean {quote(near)}?"
    ours = [quote(f"{kind}/{_names_of(key)[-1]}") for key in keys if key.kind == kind]
    more = f" and {len(ours) - _SHOWN} more" if len(ours) > _SHOWN else ""
    return f"there is: {', '.join(ours[:_SHOWN])}{more}" if ours else "check the name, or the PATH that is read"


def _names_of(key: ObjectKey) -> list[str]:
    """What an object is called after its kind, whole at last."""
    name = quote(key.name)
    return [name] if key.workspace is None else [name, f"{quote(key.workspace)}/{name}"]


def parse_target(text: str, option: str) -> tuple[str, str]:
    """The kind and the [WORKSPACE/]NAME of a KIND/[WORKSPACE/]NAME. Raises UsageError for anything else."""
    kind, _, rest = text.partition("/")
    kinds = {name.lower(): name for name in KINDS}
    if kind.lower() not in kinds or not rest:
        raise UsageError(f"{option} {quote(text)}: KIND/[WORKSPACE/]NAME is wanted", _wanted(kind, rest, option))
    return kinds[kind.lower()], rest


def check_words(selector: str | None, targets: Mapping[str, Iterable[str]]) -> None:
    """That a selector and the objects that options name are such at all, before anything is read. Raises UsageError."""
    if selector is not None:
        parse_selector(selector)
    for option, texts in targets.items():
        for text in texts:
            parse_target(text, option)


def _wanted(kind: str, rest: str, option: str) -> str:
    """What to write instead of something that names no object."""
    hint = f"KIND is one of {', '.join(KINDS)}"
    near = nearest(kind, KINDS) or next((k for k in KINDS if kind and k.lower().startswith(kind.lower())), None)
    if rest and near is not None:
        return f"did you mean {option} {quote(near)}/{rest}? {hint}"
    if not rest and kind.lower() not in map(str.lower, KINDS):
        return f"for example {option} Repository/{quote(kind or 'orders')}; {hint}"
    return hint


def find_held(texts: Sequence[str], held: Iterable[ObjectKey], option: str) -> frozenset[ObjectKey]:
    """The objects that are held, of these, that KIND/[WORKSPACE/]NAME mean. Raises UsageError for one that means none or several."""
    keys = list(held)
    shown = [f"{key.kind}/{_names_of(key)[-1]}" for key in keys]
    there = f"held are: {', '.join(sorted(shown)[:_SHOWN])}" if keys else "nothing is held that would be deleted"
    found = set()
    for text in texts:
        kind, rest = parse_target(text, option)
        near = nearest(f"{kind}/{rest}", [f"{key.kind}/{_names_of(key)[0]}" for key in keys]) or nearest(
            f"{kind}/{rest}", shown
        )
        hint = f"did you mean {near}?" if near is not None else there
        found.add(_find(text, keys, option, ("nothing of this name was to be deleted and is held", hint)))
    return frozenset(found)


_UNDECLARED: Final = ("no manifest declares it", "check the name, or the PATH that is read")


def _find(text: str, keys: Sequence[ObjectKey], option: str, none: tuple[str, str] = _UNDECLARED) -> ObjectKey:
    kind, rest = parse_target(text, option)
    ours = [key for key in keys if key.kind == kind]
    found = [key for key in ours if rest in (key.name, f"{quote(key.workspace)}/{quote(key.name)}")]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(sorted(f"{kind}/{quote(key.workspace)}/{quote(key.name)}" for key in found))
        raise UsageError(f"{option} {quote(text)} means several objects", f"name the workspace: {listed}")
    raise UsageError(f"{option} {quote(text)}: {none[0]}", none[1])


class Since(NamedTuple):
    """A point in the history of the manifests: as it was named, the commit, and what they said then."""

    ref: str
    commit: str
    before: Desired


class Touched(NamedTuple):
    """What a change of the manifests touches: objects to plan, neighbours among them, and those declared no more."""

    keys: frozenset[ObjectKey]
    removed: frozenset[ObjectKey]
    of: int


def touched(before: Desired, wanted: Desired, attached: Mapping[ObjectKey, Iterable[Attachment]]) -> Touched:
    """What differs between two sets of manifests, by what they say of each object (wherever and however it is written),
    and the repositories that attach a bucket or an LLM that differs: in their manifest, or in the end (`attached`)."""
    was, now = _by_key(before), _by_key(wanted)
    changed = {key for key in now if was.get(key) != now[key]}
    removed = (
        was.keys() - now.keys() - {key_of(m)._replace(name=m.renamed_from or "") for m in wanted.manifests if m.name}
    )
    differing = {key for key in changed | removed if KINDS[key.kind].registers}
    if differing:
        changed.update(_users(wanted, _identities((*before.manifests, *wanted.manifests), differing)))
        changed.update(key for key, items in attached.items() if _attach(key, items, differing))
    return Touched(frozenset(changed), frozenset(removed), len(now))


def _identities(manifests: Iterable[Manifest], keys: Container[ObjectKey]) -> set[tuple[str | None, Identity]]:
    """What the objects of these keys are to their providers, each with its workspace."""
    found = ((m.workspace, _identity(m)) for m in manifests if m.name is not None and key_of(m) in keys)
    return {(workspace, identity) for workspace, identity in found if identity is not None}


def _users(desired: Desired, identities: Container[tuple[str | None, Identity]]) -> Iterator[ObjectKey]:
    """The repositories whose manifests list one of these."""
    for manifest in desired.manifests:
        listed = ((manifest.workspace, entry.key) for entry in manifest.entries or ())
        if manifest.name is not None and any(each in identities for each in listed):
            yield key_of(manifest)


def _attach(key: ObjectKey, items: Iterable[Attachment], keys: Container[ObjectKey]) -> bool:
    """Whether a repository attaches an object of one of these keys."""
    return any(item.registered(key.workspace) in keys for item in items)


def key_of(manifest: Manifest) -> ObjectKey:
    assert manifest.name is not None
    return ObjectKey(manifest.kind, manifest.workspace, manifest.name)


def _by_key(desired: Desired) -> dict[ObjectKey, list[Any]]:
    found: dict[ObjectKey, list[Any]] = {}
    for manifest in desired.manifests:
        if manifest.name is not None:
            found.setdefault(key_of(manifest), []).append(manifest.document.data)
    return found


def _identity(manifest: Manifest) -> Identity | None:
    """What the entries of repositories call a bucket or an LLM, as it is compared; a manifest that is not valid names nothing."""
    found = KINDS[manifest.kind].identity_in(manifest.spec, manifest.name)
    return comparable(found) if found is not None else None
