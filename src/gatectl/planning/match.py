"""Manifests meet the live objects they mean: identity is kind, workspace and exact name (product.md, section 1).

GW502 and GW503 are found here: a name that is ambiguous, a workspace that is unknown or undecided. A manifest that says what its
object was called before (`renamedFrom`) means that one, while none has the new name; where that cannot be renamed, it is GW505.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from gatectl.documents.ownership import Holdings
from gatectl.kinds import KINDS, WORKSPACE
from gatectl.model import Desired, Finding, Live, Manifest, ObjectKey, Spot
from gatectl.planning.current import Current, Index, WorkspaceState
from gatectl.quote import quote

_SHOWN: Final = 20


class Pair(NamedTuple):
    """A manifest and the live object it means (None: to be created)."""

    key: ObjectKey
    manifest: Manifest
    live: Live | None


def decide_workspaces(desired: Desired, default: str | None, visible: Index) -> tuple[Desired, list[Finding]]:
    """The manifests with their workspace decided: the default, else the only visible one; GW503 where neither is.

    A workspace may be named by its id too; from here on it goes by its name.
    """
    desired = _by_name(desired, visible)
    default = visible.by_id[default].key.name if default in visible.by_id else default
    if not any(map(_undecided, desired.manifests)):
        return desired, []
    names = sorted(visible.by_name)
    chosen = default if default is not None else names[0] if len(names) == 1 else None
    if chosen is None:
        return desired, [_nowhere(m, names) for m in desired.manifests if _undecided(m)]
    manifests = [m._replace(workspace=chosen) if _undecided(m) else m for m in desired.manifests]
    return Desired(tuple(manifests)), []


def _undecided(manifest: Manifest) -> bool:
    return manifest.workspace is None and KINDS[manifest.kind].scoped


def _nowhere(manifest: Manifest, visible: Sequence[str]) -> Finding:
    return Finding("GW503", f"no workspace is named, and {len(visible)} are visible: {_some(map(quote, visible)) or 'none'}",
                   "say metadata.workspace, --workspace, or workspace in the environment",
                   spot=Spot(manifest.document, ("metadata",)), subject=manifest.subject)  # fmt: skip


def _by_name(desired: Desired, visible: Index) -> Desired:
    if not any(m.workspace in visible.by_id for m in desired.manifests):
        return desired
    return Desired(
        tuple(
            m._replace(workspace=visible.by_id[m.workspace].key.name)
            if m.workspace in visible.by_id and m.workspace not in visible.by_name
            else m
            for m in desired.manifests
        )
    )


def match(desired: Desired, current: Current, holdings: Holdings | None = None) -> tuple[list[Pair], list[Finding]]:
    """Every manifest with its live object, and what is ambiguous or unknown. `holdings`: whose the live objects are, since what is
    somebody else's is not renamed."""
    declared = _declared(desired)
    pairs: list[Pair] = []
    findings: list[Finding] = []
    for manifest in desired.manifests:
        assert manifest.name is not None
        key = ObjectKey(manifest.kind, manifest.workspace, manifest.name)
        if KINDS[manifest.kind].scoped:
            unknown = _unknown_workspace(manifest, declared, current.workspaces)
            if unknown is not None:
                findings.append(unknown)
                continue
        found = _find(manifest, key, current, holdings)
        if isinstance(found, Finding):
            findings.append(found)
        else:
            pairs.append(Pair(key, manifest, found))
    return pairs, findings


def unknown_workspaces(desired: Desired, visible: Index) -> list[Finding]:
    """GW502 and GW503 for manifests whose workspace is ambiguous, or neither live nor declared."""
    declared = _declared(desired)
    scoped = (m for m in desired.manifests if KINDS[m.kind].scoped)
    return [found for m in scoped if (found := _unknown_workspace(m, declared, visible)) is not None]


def _declared(desired: Desired) -> set[str | None]:
    return {m.name for m in desired.manifests if KINDS[m.kind].holds}


def _unknown_workspace(manifest: Manifest, declared: set[str | None], live: Index) -> Finding | None:
    name = manifest.workspace
    assert name is not None
    lives = live.by_name.get(name, ())
    stated = "workspace" in (manifest.document.data.get("metadata") or {})
    spot = Spot(manifest.document, ("metadata", "workspace") if stated else ("metadata",))
    if len(lives) > 1:
        ids = _some(quote(each.id) for each in sorted(lives, key=lambda live: live.id))
        return Finding("GW502", f"{len(lives)} live workspaces are called '{quote(name)}': {ids}",
                       "rename one of them in the platform", spot=spot, subject=manifest.subject)  # fmt: skip
    if lives or name in declared:
        return None
    hint = _nearest(name, sorted({*live.by_name, *(d for d in declared if d)}))
    return Finding(
        "GW503", f"workspace '{quote(name)}' is neither live nor declared", hint, spot=spot, subject=manifest.subject
    )


def _nearest(name: str, known: Sequence[str]) -> str:
    """What to do about a workspace that is not known."""
    near = get_close_matches(name.lower(), [k.lower() for k in known], n=1)
    if near:
        meant = next(k for k in known if k.lower() == near[0])
        return f"did you mean '{meant}'? Or declare it with {WORKSPACE.one} manifest"
    return f"declare it with {WORKSPACE.one} manifest, or use one of: {_some(map(quote, known)) or 'none'}"


def _some(names: Iterable[str]) -> str:
    """The first of many, and how many more there are: a line is to be read."""
    found = list(names)
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return f"{', '.join(found[:_SHOWN])}{more}"


def _find(
    manifest: Manifest, key: ObjectKey, current: Current, holdings: Holdings | None
) -> Live | Finding | None:  # fmt: skip
    index = current.among(key)
    if manifest.id is not None:
        return _by_id(manifest, key, index, current.states)
    exact = index.by_name.get(key.name, ())
    if len(exact) == 1:
        return exact[0]
    alike = exact or [
        live for live in index.by_lower.get(key.name.lower(), ()) if live.key.name != manifest.renamed_from
    ]
    if not alike:
        return _former(manifest, key, index, holdings)
    ids = _some(f"'{quote(live.key.name)}' {quote(live.id)}" for live in sorted(alike, key=lambda live: live.id))
    what = f"{len(exact)} live objects are called" if exact else "a live name differs only in case from"
    return Finding("GW502", f"{what} '{quote(key.name)}' ({key.kind}): {ids}", "choose one of them with metadata.id",
                   spot=Spot(manifest.document, ("metadata", "name")), subject=manifest.subject)  # fmt: skip


def _former(manifest: Manifest, key: ObjectKey, index: Index, holdings: Holdings | None) -> Live | Finding | None:
    """The live object that has the name which a manifest's object had before; None where there is none, or it is somebody else's."""
    lives = index.by_name.get(manifest.renamed_from, ()) if manifest.renamed_from is not None else ()
    if not KINDS[key.kind].holds and holdings is not None:
        lives = [live for live in lives if holdings.claim(live.id) != "other"]
    if not lives:
        return None
    spot = Spot(manifest.document, ("metadata", "renamedFrom"))
    if not KINDS[key.kind].renames:
        return Finding("GW505", f"{key.kind} '{quote(manifest.renamed_from)}' cannot be renamed to '{quote(key.name)}' in place",
                       f"call it '{quote(manifest.renamed_from)}'; without renamedFrom a second one is created",
                       spot=spot, subject=manifest.subject)  # fmt: skip
    if len(lives) > 1:
        ids = _some(quote(live.id) for live in sorted(lives, key=lambda live: live.id))
        return Finding("GW502", f"{len(lives)} live objects are called '{quote(manifest.renamed_from)}' ({key.kind}): {ids}",
                       "choose one of them with metadata.id", spot=spot, subject=manifest.subject)  # fmt: skip
    return lives[0]


def _by_id(
    manifest: Manifest, key: ObjectKey, index: Index, states: Mapping[str, WorkspaceState]
) -> Live | Finding | None:
    assert manifest.id is not None
    live = index.by_id.get(manifest.id)
    spot = Spot(manifest.document, ("metadata", "id"))
    if live is None:
        elsewhere = _elsewhere(manifest, states)
        if elsewhere is not None:
            return Finding("GW505", f"{key.kind} {quote(manifest.id)} lives in workspace '{quote(elsewhere)}' and cannot be moved"
                           f" to '{quote(key.workspace)}'", "create it anew there under a manifest without metadata.id, move its"
                           " users, then delete the old one", spot=spot, subject=manifest.subject)  # fmt: skip
        return Finding("GW502", f"no live {key.kind} has the id '{quote(manifest.id)}'",
                       "remove metadata.id to create the object", spot=spot, subject=manifest.subject)  # fmt: skip
    others = [each.id for each in index.by_name.get(key.name, ()) if each.id != live.id]
    former = live.key.name == manifest.renamed_from and KINDS[key.kind].renames
    if others and live.key.name != key.name and (KINDS[key.kind].by_name or former):
        return Finding("GW502", f"{key.kind} {quote(manifest.id)} is called '{quote(live.key.name)}', and cannot be called"
                       f" '{quote(key.name)}', since {', '.join(map(quote, others))} is",
                       "names are unique in a workspace: choose that one, or another name",
                       spot=spot, subject=manifest.subject)  # fmt: skip
    if live.key.name.lower() != key.name.lower() and not former:
        return Finding("GW502", f"{key.kind} {quote(manifest.id)} is called '{quote(live.key.name)}', not '{quote(key.name)}'",
                       "metadata.id chooses among objects of one name", spot=spot, subject=manifest.subject)  # fmt: skip
    return live


def _elsewhere(manifest: Manifest, states: Mapping[str, WorkspaceState]) -> str | None:
    for name, state in states.items():
        index = state.indexes.get(manifest.kind)
        if index is not None and manifest.id in index.by_id:
            return name
    return None
