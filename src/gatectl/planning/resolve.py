"""Resource entries become attachments: which registered (or declared) resource does each one mean?

The order is product.md's: `id`, `label`, the candidate already attached to this repository, the only candidate; otherwise
GW502 with the candidates. GW405 and GW501 are found here too.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from gatectl.kinds import KINDS
from gatectl.kinds.interface import Kind
from gatectl.model import Attachment, Entry, Fields, Finding, Live, Manifest, ObjectKey, Spot
from gatectl.planning.current import Current, WorkspaceState
from gatectl.planning.match import Pair
from gatectl.quote import quote
from gatectl.resources import STORAGE, Identity, comparable, is_placed, registrar_of, words_of


class Resolved(NamedTuple):
    """An entry and the resource it means: live (`id`), or created by the same run (`id` None, `creates` its key)."""

    entry: Entry
    identity: Identity
    label: str | None
    id: str | None
    creates: ObjectKey | None


class Catalog(NamedTuple):
    """What can be attached in one workspace: registered and declared resources by comparable identity."""

    workspace: str
    candidates: Mapping[Identity, Sequence[Resolved]]


_NO_ENTRY = Entry(None, (), (), None, None, None, None)


def catalogs(pairs: Iterable[Pair], current: Current) -> dict[str, Catalog]:
    """The catalog of each workspace: its live buckets and LLMs, and those that manifests will create.

    They are called as their manifests call them, which may differ in case from how they are called live (metadata.id).
    """
    resources = [pair for pair in pairs if KINDS[pair.key.kind].registers]
    names = {pair.live.id: pair.key.name for pair in resources if pair.live is not None}
    found = {name: _live(state, names) for name, state in current.states.items()}
    for pair in resources:
        if pair.live is None:
            kind = KINDS[pair.key.kind]
            candidate = _candidate(kind, kind.declared(pair.manifest), None)._replace(creates=pair.key)
            assert pair.key.workspace is not None
            candidates = found.setdefault(pair.key.workspace, {})
            candidates.setdefault(comparable(candidate.identity), []).append(candidate)
    return {name: Catalog(name, candidates) for name, candidates in found.items()}


def _live(state: WorkspaceState, names: Mapping[str, str]) -> dict[Identity, list[Resolved]]:
    found: dict[Identity, list[Resolved]] = {}
    for kind in KINDS.values():
        for live in state.indexes[kind.name].by_id.values() if kind.registers else ():
            name = names.get(live.id, live.key.name)
            candidate = _candidate(kind, {**live.spec, "name": name}, live.id)
            found.setdefault(comparable(candidate.identity), []).append(candidate)
    return found


def _candidate(kind: Kind, spec: Fields, platform_id: str | None) -> Resolved:
    """What attaches an object of this normal form."""
    assert kind.identity is not None
    identity = kind.identity(spec)
    label = spec["name"] if is_placed(identity[0]) else None
    return Resolved(_NO_ENTRY, identity, label, platform_id, None)


def resolve(
    manifest: Manifest, live: Live | None, catalog: Catalog, *, packets: bool
) -> tuple[list[Resolved], list[Finding]]:
    """The resources that a repository's entries mean, in their order, and what cannot be decided."""
    resolved: list[Resolved] = []
    findings: list[Finding] = []
    attached = {a.id for a in live.attachments} if live is not None else set()
    for entry in manifest.entries or ():
        if entry.type == "Packet" and not packets:
            findings.append(_finding(manifest, entry, "GW405", f"packet '{entry.identity[1]}': this platform has no packets",
                                     "remove the entry", "type"))  # fmt: skip
            continue
        candidates = catalog.candidates.get(entry.key, ())
        chosen = _choose(entry, candidates, attached)
        if len(chosen) == 1:
            meant = chosen[0]
            resolved.append(Resolved(entry, meant.identity, meant.label, meant.id, meant.creates))
        else:
            findings.append(_unresolved(manifest, entry, candidates, chosen, catalog))
    return resolved, findings


def _choose(entry: Entry, candidates: Sequence[Resolved], attached: Container[str | None]) -> Sequence[Resolved]:
    if entry.id is not None:
        candidates = [c for c in candidates if c.id == entry.id]
    if entry.label is not None:
        candidates = [c for c in candidates if c.label == entry.label]
    if len(candidates) > 1:
        here = [c for c in candidates if c.id is not None and c.id in attached]
        return here if len(here) == 1 else candidates
    return candidates


def _finding(manifest: Manifest, entry: Entry, rule: str, message: str, hint: str, *field: str) -> Finding:
    spot = Spot(manifest.document, ("spec", "resources", entry.position or 0, *field))
    return Finding(rule, message, hint, spot=spot, subject=manifest.subject)


def _unresolved(
    manifest: Manifest, entry: Entry, candidates: Sequence[Resolved], chosen: Sequence[Resolved], catalog: Catalog
) -> Finding:
    what = words(entry.identity)
    listed = ", ".join(sorted(_shown(c) for c in candidates))
    if len(chosen) > 1:
        return _finding(manifest, entry, "GW502", f"{what} could be any of {len(chosen)}: {listed}",
                        "say which with label: or id:")  # fmt: skip
    if candidates:
        message, field = _no_such(entry, candidates)
        return _finding(manifest, entry, "GW501", message, f"there is: {listed}", field)
    message = f"{what} is neither registered in workspace '{catalog.workspace}' nor declared by a manifest of it"
    hint = f"declare it with a {registrar_of(entry.type)} manifest, or register it in the platform"
    near = _near(entry, catalog)
    return _finding(manifest, entry, "GW501", message, f"did you mean '{near}'? Or {hint}" if near else hint)


def _no_such(entry: Entry, candidates: Sequence[Resolved]) -> tuple[str, str]:
    """Why none of the candidates is the one that an entry's id and label ask for, and which of the two is to blame."""
    what = words(entry.identity)
    if entry.id is None:
        return f"no registered {what} has the label '{entry.label}'", "label"
    for candidate in candidates:
        if candidate.id == entry.id:
            return f"{what}: id '{entry.id}' is labelled '{candidate.label}', not '{entry.label}'", "id"
    return f"no registered {what} has the id '{entry.id}'", "id"


def words(identity: Identity) -> str:
    return f"{words_of(identity[0]) or quote(identity[0])} '{quote('/'.join(identity[1:]))}'"


def _shown(candidate: Resolved) -> str:
    label = f"'{quote(candidate.label)}'" if candidate.label is not None else f"'{quote(candidate.identity[-1])}'"
    return f"{label} {quote(candidate.id)}" if candidate.id is not None else f"{label} (declared)"


def _near(entry: Entry, catalog: Catalog) -> str | None:
    names = {"/".join(key[1:]): key for key in catalog.candidates if key[0] == entry.type}
    if entry.type in STORAGE:
        others = [key[0] for key in catalog.candidates if key[0] != entry.type and key[1:] == entry.key[1:]]
        if others:
            return f"type: {others[0]}"
    found = get_close_matches("/".join(entry.key[1:]), list(names), n=1, cutoff=0.75)
    if not found:
        return None
    return "/".join(catalog.candidates[names[found[0]]][0].identity[1:])


def attached(resolved: Resolved, live: Attachment | None) -> Attachment:
    """How an entry is attached in the end: what it leaves out is as it is live. On a new attachment the folder is empty then,
    and whether it is a master is not said (None): what is sent is no, and what the platform makes of it is no difference."""
    if not is_placed(resolved.identity[0]):
        return Attachment(resolved.identity, None, resolved.id, None, None)
    folder, master = resolved.entry.folder, resolved.entry.master
    if folder is None:
        folder = live.folder if live is not None else ""
    if master is None and live is not None:
        master = live.master
    return Attachment(resolved.identity, resolved.label, resolved.id, folder, master)
