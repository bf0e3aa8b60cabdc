"""Desired × current → changes: what is to be done to each object, as data. GW201 (credentials), GW502 (duplicates), GW505
and GW506 are found here; nothing is read, ordered, hashed into a plan or written.

Both sides are normal forms, plain values. Equal pairs, nearly all of them, are told by `==`; deepdiff names the fields of
those that differ. This is the only module that knows deepdiff.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gatectl.documents.spelling import sha256
from gatectl.kinds import KINDS, bucket
from gatectl.kinds.interface import Kind, find_api_keys
from gatectl.model import Attachment, Change, Finding, Live, Manifest, ObjectKey, Related, Spec, Spot, State
from gatectl.planning.current import Current
from gatectl.planning.match import Pair
from gatectl.planning.resolve import Resolved, attachment, catalogs, resolve, words
from gatectl.platforms.wire import is_account_key, keys_of
from gatectl.quote import quote
from gatectl.resources import Identity, comparable, folder_key, is_exposed


class Settings(NamedTuple):
    """What shapes the changes besides both sides.

    `packets`, `openai`: the platform's traits. `applied`: the ids of the objects that this project applied before (None:
    no such record). `renew`: the keys whose credentials are to be sent again. `prune`: delete what this project applied
    and no manifest declares. `force_put`: write repositories that hold what we do not know, `known`: the fields that may be lost.
    """

    packets: bool
    openai: str | None
    applied: frozenset[str] | None
    renew: frozenset[ObjectKey] = frozenset()
    prune: bool = False
    force_put: bool = False
    known: frozenset[str] = frozenset()


class Ending(NamedTuple):
    """How a repository will be in the end: its normal form, all attachments (listed first), and which entry listed each.

    `id` is None for one that is to be created.
    """

    key: ObjectKey
    id: str | None
    manifest: Manifest | None
    spec: Spec
    attachments: tuple[Attachment, ...]
    listed: tuple[int | None, ...]


class Worked(NamedTuple):
    """What was worked out: the changes, how each declared repository ends, what stays unchanged or unmanaged.

    `adopts` are live objects, with their ids, that match their manifest and were never applied by this project.
    """

    changes: list[Change]
    endings: dict[ObjectKey, Ending]
    unchanged: list[ObjectKey]
    adopts: list[tuple[ObjectKey, str]]
    kept: list[tuple[ObjectKey, tuple[Attachment, ...]]]
    unmanaged: list[ObjectKey]
    findings: list[Finding]


def compute_changes(pairs: Sequence[Pair], current: Current, settings: Settings) -> Worked:
    """Everything that differs, in no particular order."""
    worked = Worked([], {}, [], [], [], [], [])
    known = catalogs(pairs, current)
    settled = set(current.workspaces.by_name) - {
        p.key.name
        for p in pairs
        if p.key.kind == "Workspace" and p.live is not None and p.live.spec["name"] != p.key.name
    }
    worked.findings.extend(_duplicates(pairs, current))
    news = any(pair.key.kind == "Bucket" and pair.live is None for pair in pairs)
    registered = registered_buckets(current) if news else {}
    for pair in pairs:
        home = frozenset[ObjectKey]()
        if pair.key.workspace is not None and pair.key.workspace not in settled:
            home = frozenset((ObjectKey("Workspace", None, pair.key.workspace),))
        if pair.key.kind == "Repository":
            assert pair.key.workspace is not None
            resolved, findings = resolve(pair.manifest, pair.live, known[pair.key.workspace], packets=settings.packets)
            worked.findings.extend(findings)
            _repository(pair, resolved, home, settings, worked)
        else:
            _plain(pair, home, current, registered, settings, worked)
    _leftovers(pairs, current, settings, worked)
    return worked


def _plain(
    pair: Pair,
    home: frozenset[ObjectKey],
    current: Current,
    registered: Registered,
    settings: Settings,
    worked: Worked,
) -> None:
    """A workspace, bucket or LLM: fields only."""
    kind = KINDS[pair.key.kind]
    live = pair.live
    wanted = kind.want(pair.manifest, live)
    fields = _fields(kind, wanted, live)
    if live is not None:
        worked.findings.extend(_fixed(pair, kind, wanted, live))
    reference = pair.manifest.spec.get("credentials")
    if kind.name in ("Bucket", "LLM") and (live is None or pair.key in settings.renew):
        worked.findings.extend(_credentials(pair, reference, current))
        fields.append(("/spec/credentials", None, _bound(pair, reference, current)))
    if live is not None and not fields:
        _unchanged(pair, live, settings, worked)
        return
    worked.changes.append(
        Change(
            "create" if live is None else "update",
            pair.key,
            live.id if live else None,
            _reason(pair, settings),
            tuple(fields),
            (),
            (),
            (),
            state_of(live) if live else None,
            State(wanted, besides=tuple(same_identity(registered, pair.key.workspace, wanted)) if live is None else ()),
            False,
            (),
            home,
            pair.manifest.document,
        )
    )


def _repository(
    pair: Pair, resolved: Sequence[Resolved], home: frozenset[ObjectKey], settings: Settings, worked: Worked
) -> None:
    kind = KINDS["Repository"]
    live, manifest = pair.live, pair.manifest
    wanted = kind.want(manifest, live)
    compared = _compare(pair, resolved, wanted["endpointType"], worked)
    positions = (*(r.entry.position for r in resolved), *(None for _ in compared.keep))
    final = (*compared.listed, *compared.keep)
    worked.endings[pair.key] = Ending(pair.key, live.id if live else None, manifest, wanted, final, positions)
    fields = _fields(kind, wanted, live) + compared.masters
    if live is not None and not (fields or compared.attach or compared.detach):
        _unchanged(pair, live, settings, worked)
        if compared.keep:
            worked.kept.append((pair.key, compared.keep))
        return
    worked.findings.extend(_impossible(pair, kind, wanted, settings))
    worked.changes.append(
        Change(
            "create" if live is None else "update",
            pair.key,
            live.id if live else None,
            _reason(pair, settings),
            tuple(fields),
            compared.attach,
            compared.detach,
            compared.keep,
            state_of(live) if live else None,
            State(wanted, final),
            bool(live and compared.attach and count_api_keys(live)),
            compared.detach,
            home | {r.creates for r in resolved if r.creates is not None},
            manifest.document,
        )
    )


class _Compared(NamedTuple):
    """The attachments that a manifest lists, as they will be, and how they differ from what is attached."""

    listed: tuple[Attachment, ...]
    attach: tuple[Attachment, ...]
    detach: tuple[Attachment, ...]
    keep: tuple[Attachment, ...]
    masters: list[tuple[str, Any, Any]]


def _compare(pair: Pair, resolved: Sequence[Resolved], endpoint: str, worked: Worked) -> _Compared:
    held = {a.id: a for a in pair.live.attachments} if pair.live is not None else {}
    listed: list[Attachment] = []
    attach: list[Attachment] = []
    masters: list[tuple[str, Any, Any]] = []
    for item in resolved:
        before = held.pop(item.id, None) if item.id is not None else None
        after = attachment(item, before)
        if before is None:
            attach.append(after)
        else:
            after = _same_folder(pair, item, before, after, worked)
            if before.master != after.master:
                masters.append((f"/spec/resources/{attachment_token(before)}/master", before.master, after.master))
        listed.append(after)
    exact = pair.manifest.spec.get("attachmentPolicy") == "Exact" and pair.manifest.entries is not None
    detach = tuple(a for a in held.values() if exact and _exposable(a, endpoint))
    keep = tuple(a for a in held.values() if a not in detach)
    return _Compared(tuple(listed), tuple(attach), detach, keep, masters)


def _impossible(pair: Pair, kind: Kind, wanted: Spec, settings: Settings) -> Iterable[Finding]:
    """Why a repository cannot be created, or changed in place: GW505, GW506."""
    live, manifest, name = pair.live, pair.manifest, pair.key.name
    if live is not None:
        yield from _fixed(pair, kind, wanted, live)
        lost = [name for name in kind.lost(live.wire) if name not in settings.known] if not settings.force_put else []
        if lost:
            yield Finding(
                "GW505",
                f"Repository '{quote(name)}' holds what gatectl does not know ({', '.join(map(quote, lost))}), and the platform replaces a"
                " repository whole, which could drop it",
                "look at it in the platform; if it may be dropped, name it (known: in the environment), or --force-put once",
                spot=Spot(manifest.document, ("metadata", "name")),
                subject=manifest.subject,
            )
    elif wanted["endpointType"] == "OpenAI" and settings.openai is None:
        yield Finding(
            "GW506",
            f"OpenAI endpoint '{quote(name)}' cannot be created: how this platform writes OpenAI endpoints is not configured",
            "say which value it takes: wire: {OpenAI: …} in the environment",
            spot=Spot(manifest.document, ("spec", "endpointType")),
            subject=manifest.subject,
        )


def _unchanged(pair: Pair, live: Live, settings: Settings, worked: Worked) -> None:
    worked.unchanged.append(pair.key)
    if settings.applied is not None and live.id not in settings.applied and pair.key.kind != "Workspace":
        worked.adopts.append((pair.key, live.id))


def _exposable(item: Attachment, endpoint: str) -> bool:
    """Whether an attachment could be listed at all: one of another family is kept as unmanaged (product.md, section 3)."""
    return is_exposed(item.type, endpoint)


def _same_folder(pair: Pair, item: Resolved, before: Attachment, after: Attachment, worked: Worked) -> Attachment:
    """The attachment with the live folder; GW505 where the manifest wants another one (U8)."""
    if folder_key(before.folder) != folder_key(after.folder):
        index = item.entry.position or 0
        worked.findings.append(
            Finding(
                "GW505",
                f"the folder of {words(item.identity)} is '{quote(before.folder)}' on the platform and cannot be changed to"
                f" '{quote(after.folder)}'",
                "detach it first (Exact, without this entry), apply, then attach it with the new folder; or keep the live one",
                spot=Spot(pair.manifest.document, ("spec", "resources", index, "folder")),
                subject=pair.manifest.subject,
            )
        )
    return after._replace(folder=before.folder)


def _fields(kind: Kind, wanted: Spec, live: Live | None) -> list[tuple[str, Any, Any]]:
    """The fields that differ, as (path in the manifest, before, after); all of them for an object to be created."""
    if live is None:
        return [
            (path, None, wanted[field]) for field, path in kind.paths.items() if field in wanted and wanted[field] != ""
        ]
    before, after = kind.comparable(live.spec), kind.comparable(wanted)
    if before == after:
        return []
    return [
        (kind.paths[field], live.spec.get(field), wanted.get(field))
        for field in _differing(before, after)
        if field in kind.paths
    ]


def _differing(before: Spec, after: Spec) -> list[str]:
    from deepdiff import DeepDiff

    found = DeepDiff(before, after, view="tree")
    fields = {str(level.path(output_format="list")[0]) for levels in found.values() for level in levels}
    return [field for field in {**before, **after} if field in fields]


def _fixed(pair: Pair, kind: Kind, wanted: Spec, live: Live) -> Iterable[Finding]:
    """GW505 for every field that differs and cannot be changed in place."""
    before, after = kind.comparable(live.spec), kind.comparable(wanted)
    if before == after:
        return
    for field in sorted(kind.fixed):
        if field in wanted and before.get(field) != after[field]:
            pointer = tuple(kind.paths[field].strip("/").split("/"))
            stated = pointer[-1] in pair.manifest.spec
            yield Finding(
                "GW505",
                f"{kind.name} '{quote(pair.key.name)}' has {field} '{quote(live.spec.get(field, ''))}' on the platform, and it cannot be"
                f" changed to '{quote(wanted[field])}' in place",
                f"give this manifest another name to create a second one, move its users over, then delete the old one; or"
                f" set {field} to '{quote(live.spec.get(field, ''))}'",
                spot=Spot(pair.manifest.document, pointer if stated else ("spec",)), subject=pair.manifest.subject,
            )  # fmt: skip


def _credentials(pair: Pair, reference: Any, current: Current) -> Iterable[Finding]:
    manifest = pair.manifest
    if not reference:
        why = "it is not on the platform yet" if pair.live is None else "its credentials are to be renewed"
        yield Finding("GW201", f"required field 'credentials' of spec is missing: {why}",
                      "add credentials: {key: {env: …}, secret: {env: …}}, or apiKey", spot=Spot(manifest.document, ("spec",)),
                      subject=manifest.subject)  # fmt: skip
        return
    if "apiKey" not in reference or pair.key.workspace is None or pair.key.workspace not in current.states:
        return
    known = current.states[pair.key.workspace].context.api_keys
    found = find_api_keys(reference["apiKey"], known)
    spot = Spot(manifest.document, ("spec", "credentials", "apiKey"))
    if not found:
        yield Finding("GW501", f"no provider API key of workspace '{quote(pair.key.workspace)}' has the id or description"
                      f" '{quote(reference['apiKey'])}'", "create it in the platform, or name another one",
                      spot=spot, subject=manifest.subject)  # fmt: skip
    elif len(found) > 1:
        yield Finding("GW502", f"{len(found)} provider API keys are described as '{quote(reference['apiKey'])}':"
                      f" {', '.join(map(quote, found))}",
                      "name one by its id", spot=spot, subject=manifest.subject)  # fmt: skip
    elif manifest.spec.get("type") == "AzureBlob" and (of := _account_of(known[found[0]])) is not None:
        account = str(manifest.spec["account"])
        if of.lower() != account.lower():
            yield Finding("GW502", f"provider API key '{quote(reference['apiKey'])}' is of the storage account '{quote(of)}', and the"
                          f" manifest says account '{quote(account)}'", "name the key of that account, or the account of that key",
                          spot=spot, subject=manifest.subject)  # fmt: skip


def _account_of(api_key: Mapping[str, Any]) -> str | None:
    """The storage account of a provider API key of Azure; None where its key is another thing: of a tenant, a client's id."""
    return str(api_key["key"]) if is_account_key(api_key) else None


def _bound(pair: Pair, reference: Any, current: Current) -> Any:
    """A reference to credentials; one to an API key by its description with the id that it has now."""
    state = current.states.get(pair.key.workspace) if pair.key.workspace is not None else None
    if not reference or "apiKey" not in reference or state is None:
        return reference
    found = find_api_keys(reference["apiKey"], state.context.api_keys)
    return {**reference, "id": found[0]} if len(found) == 1 and found[0] != reference["apiKey"] else reference


def _reason(pair: Pair, settings: Settings) -> str:
    if pair.live is None:
        return "declared in the manifests, not on the platform"
    if pair.key in settings.renew:
        return "its credentials are to be renewed"
    if settings.applied is not None and pair.live.id not in settings.applied:
        return "adopts a live object that this project never applied; differs from its manifest"
    return "differs from its manifest"


def _duplicates(pairs: Sequence[Pair], current: Current) -> Iterable[Finding]:
    """GW502 for a bucket to be registered whose identity is live, or declared, under another label.

    Among all of one identity only one need not allow it, in whatever order they are declared or come to be live.
    """
    buckets = [pair for pair in pairs if pair.key.kind == "Bucket"]
    allowed = {pair.live.id for pair in buckets if pair.live is not None and pair.manifest.spec.get("allowDuplicate")}
    live: dict[tuple[str, Identity], list[Live]] = {}
    for name, state in current.states.items():
        for each in state.indexes["Bucket"].by_id.values():
            if each.id not in allowed:
                live.setdefault((name, comparable(bucket.identity(each.spec))), []).append(each)
    declared: dict[tuple[str, Identity], Pair] = {}
    for pair in buckets:
        if pair.live is not None or pair.manifest.spec.get("allowDuplicate"):
            continue
        assert pair.key.workspace is not None
        identity = bucket.identity(bucket.want(pair.manifest, None))
        where = (pair.key.workspace, comparable(identity))
        earlier = declared.setdefault(where, pair)
        hint = "use that label, or say allowDuplicate: true"
        spot = Spot(pair.manifest.document, ("spec", "container" if identity[0] == "AzureBlob" else "bucket"))
        if where in live:
            labels = ", ".join(sorted(f"'{quote(b.key.name)}' {quote(b.id)}" for b in live[where]))
            message = f"{words(identity)} is already registered in workspace '{quote(where[0])}' as {labels}"
            yield Finding("GW502", message, hint, spot=spot, subject=pair.manifest.subject)
        elif earlier is not pair:
            message = (
                f"{words(identity)} is also declared as '{quote(earlier.key.name)}' in workspace '{quote(where[0])}'"
            )
            related = Related(
                Spot(earlier.manifest.document, ("metadata", "name")), f"declared as '{quote(earlier.key.name)}' here"
            )
            yield Finding("GW502", message, hint, spot=spot, subject=pair.manifest.subject, related=(related,))


def _leftovers(pairs: Sequence[Pair], current: Current, settings: Settings, worked: Worked) -> None:
    """Live objects that no manifest declares: unmanaged, or with `prune` deleted where this project applied them."""
    declared = {pair.live.id for pair in pairs if pair.live is not None}
    ours = settings.applied or frozenset()
    doomed: list[Live] = []
    for state in current.states.values():
        for index in state.indexes.values():
            for live in index.by_id.values():
                if live.id in declared:
                    continue
                if settings.prune and live.id in ours:
                    doomed.append(live)
                else:
                    worked.unmanaged.append(live.key)
    ends = [(ending.key.name, ending.attachments) for ending in worked.endings.values()]
    decided = {ending.id for ending in worked.endings.values()} | {live.id for live in doomed}
    for state in current.states.values():
        for live in state.indexes["Repository"].by_id.values():
            if live.id not in decided:
                ends.append((live.key.name, live.attachments))
    for live in doomed:
        users = sorted(name for name, attachments in ends if any(a.id == live.id for a in attachments))
        if users:
            worked.findings.append(
                Finding("GW505", f"{live.key} is to be deleted, but repositories attach it: {', '.join(map(quote, users))}",
                        "declare it, or detach it from them first", subject=live.key)
            )  # fmt: skip
        worked.changes.append(_deletion(live))


def _deletion(live: Live) -> Change:
    """The deletion of a live object, and of all that goes with it."""
    reason = "applied by this project before, declared no more"
    return Change("delete", live.key, live.id, reason, (), (), live.attachments, (), state_of(live), None, False,
                  live.attachments, frozenset(), None)  # fmt: skip


def state_of(live: Live) -> State:
    """The normal form of a live object."""
    return State(live.spec, live.attachments, count_api_keys(live))


def count_api_keys(live: Live) -> int:
    """How many API keys a live repository has: they reach what is attached to it, and die with it."""
    return len(keys_of(live.wire))


Registered = Mapping[tuple[str | None, Identity], tuple[tuple[str, str], ...]]
"""The live buckets, each as (label, id), by workspace and remote identity."""


def registered_buckets(current: Current) -> Registered:
    """Which live buckets there are of each remote identity."""
    found: dict[tuple[str | None, Identity], list[tuple[str, str]]] = {}
    for name, state in current.states.items():
        for live in state.indexes["Bucket"].by_id.values():
            found.setdefault(_where(name, live.spec), []).append((live.key.name, live.id))
    return {where: tuple(sorted(lives)) for where, lives in found.items()}


def same_identity(
    registered: Mapping[tuple[str | None, Identity], Sequence[tuple[str, str]]], workspace: str | None, spec: Spec
) -> Sequence[tuple[str, str]]:
    """The (label, id) of the live buckets that have the remote identity of a bucket's normal form."""
    return registered.get(_where(workspace, spec), ())


def _where(workspace: str | None, spec: Spec) -> tuple[str | None, Identity]:
    """A workspace and a remote identity in it; of what has none, one that nothing has."""
    return workspace, comparable(bucket.identity(spec)) if "type" in spec else ()


def attachment_token(item: Attachment) -> str:
    """An attachment as one token of a JSON pointer: its remote identity and label, never its id."""
    text = ":".join((*item.identity, *((item.label,) if item.label is not None else ())))
    return text.replace("~", "~0").replace("/", "~1")


def state_hash(kind: Kind, workspace: str | None, spec: Spec, attachments: Iterable[Attachment]) -> str:
    """The hash of a normal form (product.md, section 4): never of ids, keys, status, timestamps or secrets.

    Attachments count by remote identity, and by label only where two of them share one. Names of attached resources count
    with case ignored: a bucket or LLM that is renamed in case only (metadata.id) is no change of the repositories that
    attach it.
    """
    rows = [_row(a) for a in attachments]
    identities = [row.identity for row in rows]
    shared = len(set(identities)) < len(identities)
    told = (row if shared and identities.count(row.identity) > 1 else row._replace(label="") for row in rows)
    return _hashed(kind, workspace, spec, told)


def old_state_hash(kind: Kind, workspace: str | None, spec: Spec, attachments: Iterable[Attachment]) -> str:
    """The same as plans of format 1.0 have it: every label counts."""
    return _hashed(kind, workspace, spec, map(_row, attachments))


class _Row(NamedTuple):
    """An attachment as it is hashed."""

    identity: tuple[str, ...]
    label: str
    folder: str
    master: bool

    def plain(self) -> list[str | bool]:
        return [*self.identity, self.label, self.folder, self.master]


def _row(item: Attachment) -> _Row:
    identity = (item.identity[0], *(name.lower() for name in item.identity[1:]))
    return _Row(identity, (item.label or "").lower(), folder_key(item.folder), bool(item.master))


def _hashed(kind: Kind, workspace: str | None, spec: Spec, rows: Iterable[_Row]) -> str:
    listed = sorted(row.plain() for row in rows)
    return sha256({"kind": kind.name, "workspace": workspace, "spec": kind.comparable(spec), "attachments": listed})
