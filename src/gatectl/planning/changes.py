"""Desired × current → changes: what is to be done to each object, as data. GW505 and GW506 are found here, and what the
rooms below find; nothing is read, ordered, hashed into a plan or written.

Both sides are normal forms, plain values. Equal pairs, nearly all of them, are told by `==`; deepdiff names the fields of
those that differ. This is the only module that knows deepdiff.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from gatectl.documents.operations import CREDENTIALS
from gatectl.documents.ownership import Holdings, Owner
from gatectl.kinds import KINDS, home_of
from gatectl.kinds.interface import Kind
from gatectl.model import Attachment, Change, FieldChange, Fields, Finding, Live, Manifest, ObjectKey, Spot, State
from gatectl.planning import owners
from gatectl.planning.attaching import check_folders, compare
from gatectl.planning.current import Current
from gatectl.planning.match import Pair
from gatectl.planning.owners import Accepted, Protects, Pruning, Taken
from gatectl.planning.referring import check_referred, declared_keys, refer
from gatectl.planning.registering import (
    Registered,
    bound,
    check_credentials,
    check_duplicates,
    registered_buckets,
    same_identity,
)
from gatectl.planning.renaming import called_in, renamed
from gatectl.planning.resolve import Catalog, catalogs, resolve
from gatectl.platforms.wire import keys_of
from gatectl.quote import quote

MISSING: Final = "declared in the manifests, not on the platform"
DIFFERS: Final = "differs from its manifest"
"""The reasons of what nothing more is known of (`reasons`)."""


class Settings(NamedTuple):
    """What shapes the changes besides both sides.

    `packets`, `openai`: the platform's traits. `holdings`: whose the objects of the platform are (None: nothing of that is
    remembered). `renew`: the keys whose credentials are to be sent again. `pruning`: how what is ours and no manifest declares is
    deleted (None: it is left). `force_put`: write repositories that hold what we do not know, `known`: the fields that may be lost.
    """

    packets: bool
    openai: str | None
    holdings: Holdings | None
    renew: frozenset[ObjectKey] = frozenset()
    pruning: Pruning | None = None
    force_put: bool = False
    known: frozenset[str] = frozenset()


class Ending(NamedTuple):
    """How a repository will be in the end: its state (what is listed is attached first), and which entry listed each.

    `id` is None for one that is to be created.
    """

    key: ObjectKey
    id: str | None
    manifest: Manifest | None
    state: State
    listed: tuple[int | None, ...]


class Worked(NamedTuple):
    """What was worked out: the changes, how each declared repository ends, what stays unchanged or unmanaged.

    `adopts` are live objects, with their ids, that match their manifest and have no owner yet; `takes` are those of somebody else
    that are taken over, whatever else is done to them; `accepts` are those of ours that are deleted though they were changed.
    `moves` are the owners that this one was before, each with how many objects are noted as theirs; `protects` is what is protected
    from then on, or not any more.
    """

    changes: Sequence[Change] = ()
    endings: Mapping[ObjectKey, Ending] = {}
    unchanged: Sequence[ObjectKey] = ()
    adopts: Sequence[tuple[ObjectKey, str]] = ()
    kept: Sequence[tuple[ObjectKey, tuple[Attachment, ...]]] = ()
    unmanaged: Sequence[ObjectKey] = ()
    findings: Sequence[Finding] = ()
    takes: Sequence[Taken] = ()
    accepts: Sequence[Accepted] = ()
    moves: Sequence[tuple[Owner, int]] = ()
    protects: Sequence[Protects] = ()


class _Compared(NamedTuple):
    """What one manifest comes to: a change, or none, and then what else it attaches is kept as it is."""

    findings: Sequence[Finding]
    change: Change | None
    ending: Ending | None = None
    kept: tuple[Attachment, ...] = ()


class _Surroundings(NamedTuple):
    """What an object is compared in: the platform as it is, the resources of each workspace, and what is registered.

    `settled` are the workspaces that are there already, under their own names, `renamed` the live buckets and LLMs that are called
    otherwise in the end, by id.
    """

    current: Current
    settings: Settings
    known: Mapping[str, Catalog]
    registered: Registered
    settled: frozenset[str]
    renamed: Mapping[str, ObjectKey]

    def attached(self, *states: State | None) -> frozenset[ObjectKey]:
        """The buckets and LLMs that these states attach and that are renamed."""
        if not self.renamed:
            return frozenset()
        ids = {item.id for state in states if state is not None for item in state.attachments}
        return frozenset(key for platform_id, key in self.renamed.items() if platform_id in ids)

    def home(self, key: ObjectKey) -> frozenset[ObjectKey]:
        """The workspace that has to be made, or renamed, before an object in it."""
        home = home_of(key)
        return frozenset((home,)) if home is not None and home.name not in self.settled else frozenset()


def compute_changes(pairs: Sequence[Pair], current: Current, settings: Settings) -> Worked:
    """Everything that differs, in no particular order."""
    pairs, current = called_in(pairs, current, {name: key.name for name, key in renamed(pairs).items()})
    around = _surroundings(pairs, current, settings)
    changes, unchanged, adopts, kept = [], [], [], []
    endings: dict[ObjectKey, Ending] = {}
    findings = list(check_duplicates(pairs, current))
    declared = declared_keys(pairs)
    for pair in pairs:
        found = _referring(pair, _compared(pair, around), declared, current)
        findings += found.findings
        findings += _owned(pair, found.change, settings)
        if found.ending is not None:
            endings[pair.key] = found.ending
        if found.change is not None:
            changes.append(found.change)
            continue
        unchanged.append(pair.key)
        if found.kept:
            kept.append((pair.key, found.kept))
        if pair.live is not None and owners.adopts(pair.live, settings.holdings):
            adopts.append((pair.key, pair.live.id))
    left, unmanaged = owners.leftovers(pairs, current, settings.holdings, settings.pruning)
    findings += [*_in_use(left, endings, current), *check_referred(left, changes, current), *_spared(left, settings)]
    taken = owners.takes(pairs, current, settings.holdings)
    accepted = owners.accepts(left, settings.holdings, settings.pruning)
    changed = frozenset(each.id for each in accepted)
    changes += (_deletion(live, settings.holdings, changed) for live in left)
    moved, protects = owners.moves(settings.holdings), owners.protects(pairs, settings.holdings)
    return Worked(changes, endings, unchanged, adopts, kept, unmanaged, findings, taken, accepted, moved, protects)


def _surroundings(pairs: Sequence[Pair], current: Current, settings: Settings) -> _Surroundings:
    others = {p.key.name for p in pairs if KINDS[p.key.kind].holds and p.live and p.live.spec["name"] != p.key.name}
    news = any(KINDS[pair.key.kind].doubles and pair.live is None for pair in pairs)
    return _Surroundings(
        current,
        settings,
        catalogs(pairs, current),
        registered_buckets(current) if news else {},
        frozenset(current.workspaces.by_name.keys() - others),
        renamed(pairs),
    )


def _compared(pair: Pair, around: _Surroundings) -> _Compared:
    return _attaching(pair, around) if KINDS[pair.key.kind].attaches else _plain(pair, around)


def _referring(pair: Pair, found: _Compared, declared: Mapping[ObjectKey, Pair], current: Current) -> _Compared:
    """The same, with what its object refers to: what has to be made before, and what there is none of."""
    if found.change is None or not KINDS[pair.key.kind].refers:
        return found
    needs, findings = refer(pair, found.change.after, declared, current)
    return found._replace(
        findings=[*found.findings, *findings], change=found.change._replace(needs=found.change.needs | needs)
    )


def _plain(pair: Pair, around: _Surroundings) -> _Compared:
    """A workspace, bucket or LLM: fields only."""
    kind, live, settings = KINDS[pair.key.kind], pair.live, around.settings
    wanted = kind.filled_in(kind.declared(pair.manifest), live.spec if live is not None else None)
    fields = _fields(kind, wanted, live)
    findings = list(_fixed(pair, kind, wanted, live)) if live is not None else []
    if kind.credentials and (live is None or pair.key in settings.renew):
        findings += check_credentials(pair, around.current)
        fields.append((CREDENTIALS, None, bound(pair, around.current)))
    if live is not None and not fields:
        return _Compared(findings, None)
    besides = same_identity(around.registered, pair.key, wanted) if live is None else ()
    change = _change(pair, settings, around.home(pair.key), fields, State(wanted))
    return _Compared(findings, change._replace(besides=tuple(besides)))


def _attaching(pair: Pair, around: _Surroundings) -> _Compared:
    """A repository: fields, and what it attaches."""
    kind, live, settings = KINDS[pair.key.kind], pair.live, around.settings
    assert pair.key.workspace is not None
    resolved, undecided = resolve(pair.manifest, live, around.known[pair.key.workspace], packets=settings.packets)
    wanted = kind.filled_in(kind.declared(pair.manifest), live.spec if live is not None else None)
    compared = compare(pair, resolved, wanted["endpointType"])
    after = State(wanted, compared.final)
    ending = Ending(pair.key, live.id if live is not None else None, pair.manifest, after, compared.positions)
    fields = [*_fields(kind, wanted, live), *compared.masters()]
    found = [*undecided, *check_folders(pair, compared)]
    if live is not None and not (fields or compared.attach or compared.detach):
        return _Compared(found, None, ending, compared.keep)
    needs = around.home(pair.key) | {r.creates for r in resolved if r.creates is not None}
    needs |= around.attached(after, live.state if live is not None else None)
    change = _change(pair, settings, needs, fields, after)
    change = change._replace(
        attach=compared.attach,
        detach=compared.detach,
        keep=compared.keep,
        widens=bool(compared.attach and change.api_keys),
        releases=compared.detach,
    )
    return _Compared([*found, *_impossible(pair, kind, wanted, settings)], change, ending)


def _change(
    pair: Pair, settings: Settings, needs: frozenset[ObjectKey], fields: Sequence[FieldChange], after: State
) -> Change:
    """The creation of an object, or its change, as far as its fields go."""
    live = pair.live
    return Change(
        "create" if live is None else "update",
        pair.key,
        live.id if live is not None else None,
        _reason(pair, settings),
        tuple(fields),
        (),
        (),
        (),
        live.state if live is not None else None,
        after,
        False,
        (),
        needs,
        pair.manifest.document,
        count_api_keys(live) if live is not None else 0,
        protect=pair.manifest.protect,
    )


def _impossible(pair: Pair, kind: Kind, wanted: Fields, settings: Settings) -> Iterator[Finding]:
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


def _fields(kind: Kind, wanted: Fields, live: Live | None) -> list[FieldChange]:
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


def _differing(before: Fields, after: Fields) -> list[str]:
    from deepdiff import DeepDiff

    found = DeepDiff(before, after, view="tree")
    fields = {str(level.path(output_format="list")[0]) for levels in found.values() for level in levels}
    return [field for field in {**before, **after} if field in fields]


def _fixed(pair: Pair, kind: Kind, wanted: Fields, live: Live) -> Iterator[Finding]:
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


def _reason(pair: Pair, settings: Settings) -> str:
    if pair.live is None:
        return MISSING
    if pair.key in settings.renew:
        return "its credentials are to be renewed"
    former = pair.live.key.name
    differs = DIFFERS if former != pair.manifest.renamed_from else f"renamed from '{quote(former)}'"
    if settings.holdings is not None and pair.live.id in settings.holdings.taken:
        return f"taken over from its owner; {differs}"
    if settings.holdings is not None and settings.holdings.claim(pair.live.id) is None:
        return f"adopts a live object that this project never applied; {differs}"
    return differs


def _owned(pair: Pair, change: Change | None, settings: Settings) -> list[Finding]:
    """GW507 for a declared object that somebody else owns."""
    found = (
        owners.check_owner(pair, settings.holdings, changed=change is not None)
        if settings.holdings is not None
        else None
    )
    return [found] if found is not None else []


def _spared(doomed: Sequence[Live], settings: Settings) -> list[Finding]:
    """Why what is to be deleted is not."""
    if settings.holdings is None or settings.pruning is None:
        return []
    found = (owners.check_deletion(live, settings.holdings, settings.pruning) for live in doomed)
    return [finding for finding in found if finding is not None]


def _in_use(doomed: Sequence[Live], endings: Mapping[ObjectKey, Ending], current: Current) -> Iterator[Finding]:
    """GW505 where something is to be deleted, and a repository will attach it in the end."""
    users = _users(endings, current, {live.id for live in doomed}) if doomed else {}
    for live in doomed:
        if live.id in users:
            names = ", ".join(map(quote, sorted(users[live.id])))
            yield Finding("GW505", f"{live.key} is to be deleted, but repositories attach it: {names}",
                          "declare it, or detach it from them first", subject=live.key)  # fmt: skip


def _users(endings: Mapping[ObjectKey, Ending], current: Current, doomed: set[str]) -> dict[str | None, list[str]]:
    """The names of the repositories that attach a resource in the end, by its id."""
    decided = {ending.id for ending in endings.values()} | doomed
    ends = [(ending.key.name, ending.state) for ending in endings.values()]
    ends += [(live.key.name, live.state) for live in current.attaching() if live.id not in decided]
    users: dict[str | None, list[str]] = {}
    for name, state in ends:
        for platform_id in {item.id for item in state.attachments}:
            users.setdefault(platform_id, []).append(name)
    return users


def _deletion(live: Live, holdings: Holdings | None, accepted: Container[str] = ()) -> Change:
    """The deletion of a live object, and of all that goes with it."""
    reason = "applied by this project before, declared no more"
    owned = holdings.by_id.get(live.id) if holdings is not None else None
    if owned is not None and owned.adopted:
        reason = "made by hand, adopted" + (f" in {quote(owned.run)}" if owned.run is not None else "")
    if live.id in accepted:
        reason += "; changed since it was applied, which is accepted"
    return Change("delete", live.key, live.id, reason, (), (), live.attachments, (), live.state, None, False,
                  live.attachments, frozenset(), None, count_api_keys(live))  # fmt: skip


def with_deletions(worked: Worked, doomed: Sequence[Live], current: Current) -> Worked:
    """The same work, and these objects are deleted; GW505 where something uses them in the end."""
    findings = [*_in_use(doomed, worked.endings, current), *check_referred(doomed, worked.changes, current)]
    changes = [*worked.changes, *(_deletion(live, None) for live in doomed)]
    return worked._replace(changes=changes, findings=[*worked.findings, *findings])


def count_api_keys(live: Live) -> int:
    """How many API keys a live repository has: they reach what is attached to it, and die with it."""
    return len(keys_of(live.wire))
