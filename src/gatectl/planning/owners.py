"""Whose the objects of a plan are, and what follows from that: what somebody else owns is left as it is (GW507), what is ours and
declared no more is deleted, unless something speaks against it (GW508). Pure.

Each finding stops its object, and what needs that (`manageable.stopped`); the change stays among the others until then, so that
what waits for it is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from gatectl.documents.ownership import OURS, Claim, Holdings, Owned, Owner
from gatectl.documents.plans import Remarks
from gatectl.documents.states import read_state
from gatectl.kinds import KINDS
from gatectl.kinds.states import ATTACHED, attachment_token, state_hash
from gatectl.model import Attachment, FieldValue, Finding, Live, ObjectKey, Spot, State
from gatectl.planning.current import Current, Index
from gatectl.planning.match import Pair
from gatectl.planning.renaming import called_as
from gatectl.quote import quote
from gatectl.resources import folder_key

TAKES: Final = "--take-over"
ACCEPTS: Final = "--accept"


class Taken(NamedTuple):
    """A live object that is taken over, and from whom."""

    key: ObjectKey
    id: str
    owner: Owner


class Protects(NamedTuple):
    """An object (`id` None: one to be created) that is protected from now on, or not any more."""

    key: ObjectKey
    id: str | None
    protect: bool


class Differs(NamedTuple):
    """Something that is otherwise than it was applied: where (its path in a manifest; "" for the object as a whole), how it was
    applied and how it is live (None: nothing is known, or there is nothing), and both in words."""

    path: str
    applied: FieldValue
    live: FieldValue
    words: str


class Accepted(NamedTuple):
    """A live object that is deleted though it was changed since it was applied, and how."""

    key: ObjectKey
    id: str
    differs: Sequence[Differs]


class Pruning(NamedTuple):
    """How what is declared no more is deleted: in the workspaces of `within` (None: in all that were read). `partly`: why the
    manifests may not be all that there are (None: they are). `unread`: the files that are there and were not read, of those that
    what is ours was last read from. `accepted`: the ids of what is deleted though it was changed since it was applied."""

    within: frozenset[str | None] | None = None
    partly: str | None = None
    unread: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()

    def reaches(self, key: ObjectKey) -> bool:
        """Whether an object may be deleted by it: a workspace never is."""
        return not KINDS[key.kind].holds and (self.within is None or key.workspace in self.within)


def check_owner(pair: Pair, holdings: Holdings, *, changed: bool) -> Finding | None:
    """GW507 for a declared object that somebody else owns; `changed`: a plan would do something to it. One that this project
    owns from another place, and that is as its manifest says, is taken by nobody."""
    claim = claim_of(pair.live, holdings)
    if pair.live is None or claim is None or not (claim in ("other", "fork") or (claim == "moved" and changed)):
        return None
    found = foreign(pair.live, holdings)
    return found._replace(spot=Spot(pair.manifest.document, ("metadata", "name")), subject=pair.manifest.subject)


def taking_over(
    holdings: Holdings, pairs: Iterable[Pair], current: Current, chosen: frozenset[ObjectKey] | None
) -> Holdings:
    """The same, where what is chosen (None: all that is declared, and what the project owns from another place) and somebody else's
    is taken over."""
    ids = {pair.live.id for pair in pairs if pair.live is not None and (chosen is None or pair.key in chosen)}
    ids.update(owned.id for owned in holdings.elsewhere() if chosen is None)
    return holdings._replace(taken=frozenset(live.id for live in current.lives() if _is_taken(live, ids, holdings)))


def _is_taken(live: Live, ids: Container[str], holdings: Holdings) -> bool:
    if live.id not in ids or KINDS[live.key.kind].holds or holdings.claim(live.id) == "moved":
        return False
    return holdings.theirs(live.id) is not None


def takes(pairs: Iterable[Pair], current: Current, holdings: Holdings | None) -> list[Taken]:
    """The live objects that are taken over, under the names that the manifests have for them."""
    if holdings is None or not holdings.taken:
        return []
    keys = {pair.live.id: pair.key for pair in pairs if pair.live is not None}
    found = ((live, holdings.theirs(live.id)) for live in current.lives() if live.id in holdings.taken)
    return [Taken(keys.get(live.id, live.key), live.id, owner) for live, owner in found if owner is not None]


def moves(holdings: Holdings | None) -> list[tuple[Owner, int]]:
    """The owners that whoever asks was before, each with how many objects are noted as theirs still. What an older gatectl noted of
    no environment stays as it is until it is applied."""
    if holdings is None:
        return []
    found = Counter(o.owner for o in holdings.by_id.values() if o.owner.environment)
    former = [(owner, count) for owner, count in found.items() if holdings.asking.claim(owner) == "known"]
    return sorted(former, key=lambda item: str(item[0]))


def protects(pairs: Iterable[Pair], holdings: Holdings | None) -> list[Protects]:
    """What the manifests say otherwise than it is on record of what is protected, or is to be: of what is ours, or will be."""
    found: list[Protects] = []
    for pair in pairs if holdings is not None else ():
        said, live = pair.manifest.protect, pair.live
        if said is None or KINDS[pair.key.kind].holds or claim_of(live, holdings) not in (None, *OURS):
            continue
        owned = holdings.by_id.get(live.id) if holdings is not None and live is not None else None
        if said is not (owned is not None and owned.protected):
            found.append(Protects(pair.key, live.id if live is not None else None, said))
    return found


def claim_of(live: Live | None, holdings: Holdings | None) -> Claim | None:
    """What the owner of a live object is to whoever asks; None: it has none. Workspaces have none."""
    if live is None or holdings is None or KINDS[live.key.kind].holds:
        return None
    return holdings.claim(live.id)


def adopts(live: Live, holdings: Holdings | None) -> bool:
    """Whether an object that is as its manifest says is taken under management: where anything is remembered, nobody owns it."""
    return holdings is not None and not KINDS[live.key.kind].holds and claim_of(live, holdings) not in {*OURS, "moved"}


def foreign(live: Live, holdings: Holdings) -> Finding:
    """GW507 for an object that is not whoever asks's, or not from here."""
    owned, claim = holdings.by_id[live.id], holdings.claim(live.id)
    if claim == "moved":
        return Finding(
            "GW507", f"{live.key} belongs to {quote(owned.owner)}, which was not applied from here before"
            f"{_where(' (', holdings.asking.owner, ')')}", _TAKEN, subject=live.key,
        )  # fmt: skip
    if claim == "other":
        return Finding(
            "GW507", f"{live.key} belongs to {quote(owned.owner)}, which applied it",
            "declare it there alone: what several environments or projects attach needs one manifest;"
            f" {TAKES} {live.key.kind}/{quote(live.key.name)} takes it over", subject=live.key,
        )  # fmt: skip
    return Finding(
        "GW507", f"{live.key} belongs to {quote(owned.owner)} as it was applied from another place{_where(', ', owned.owner)}",
        _MOVED, subject=live.key,
    )  # fmt: skip


_TAKEN: Final = (
    f"apply it from where it was applied before; if it is applied from here from now on, {TAKES} all says so, once"
)
_MOVED: Final = (
    "apply it from there; a project that has a uid in its project file is one wherever it lies; if it has moved,"
    f" {TAKES} all takes over what it owns"
)


def _where(before: str, owner: Owner, after: str = "") -> str:
    return f"{before}{quote(owner.place)}{after}" if owner.place is not None else ""


def new_place(holdings: Holdings | None) -> Remarks:
    """What a plan says of the place that it is made from, where its project was not applied from there before."""
    place = holdings.asking.new_place if holdings is not None else None
    if holdings is None or place is None:
        return {}
    asking = holdings.asking
    return {"newPlace": {"place": place, "noted": sorted(asking.places), "takesOver": asking.stays}}


def check_guest(holdings: Holdings | None) -> list[Finding]:
    """A warning where a plan is made from another place than the one that the project is applied from: as in a fork."""
    if holdings is None or holdings.guest is None:
        return []
    owner = holdings.guest
    return [
        Finding(
            "GW507", f"planned as {quote(owner)}{_where(' of ', owner)}: it is applied from there, and nothing can be from here",
            _MOVED, "warning",
        )
    ]  # fmt: skip


def leftovers(
    pairs: Iterable[Pair], current: Current, holdings: Holdings | None, pruning: Pruning | None
) -> tuple[list[Live], list[ObjectKey]]:
    """Live objects that no manifest declares: those to be deleted, of whoever asks (also as it was applied from another place), and
    the others."""
    declared = {pair.live.id for pair in pairs if pair.live is not None}
    left = {live.id: live for live in current.lives() if live.id not in declared}
    doomed = _doomed(left.values(), holdings, pruning) if holdings is not None and pruning is not None else {}
    return list(doomed.values()), [live.key for name, live in left.items() if name not in doomed]


def _doomed(left: Iterable[Live], holdings: Holdings, pruning: Pruning) -> dict[str, Live]:
    ours = {owned.id for owned in (*holdings.ours(), *holdings.elsewhere())}
    return {live.id: live for live in left if live.id in ours and pruning.reaches(live.key)}


def homes(holdings: Holdings, visible: Index) -> tuple[frozenset[str], list[str]]:
    """The workspaces, by name, of what whoever asks owns (all, where an older gatectl has not noted of some where it lies); and those
    that are not visible, as they were called."""
    mine = [*holdings.ours(), *holdings.elsewhere()]
    if not all(owned.kind for owned in mine):
        return frozenset(visible.by_name), []
    scoped = {
        owned.workspace_id: owned.workspace or owned.workspace_id for owned in mine if owned.workspace_id is not None
    }
    names = {visible.by_id[home].key.name for home in scoped if home in visible.by_id}
    return frozenset(names), sorted(name for home, name in scoped.items() if home not in visible.by_id)


def check_deletion(live: Live, holdings: Holdings, pruning: Pruning) -> Finding | None:
    """Why an object that is declared no more is not deleted all the same: GW507, GW508."""
    owned, claim = holdings.by_id[live.id], holdings.claim(live.id)
    if claim == "moved" or claim == "fork":
        return foreign(live, holdings)
    if live.id in holdings.disputed and live.id not in holdings.taken:
        return Finding(
            "GW507", f"{live.key} is to be deleted, and {quote(holdings.disputed[live.id])} has applied it too",
            "an older gatectl noted both; declare it in one of them, or delete it on the platform", subject=live.key,
        )  # fmt: skip
    spoken = _undecided(owned, pruning)
    if spoken is not None:
        return Finding("GW508", f"{live.key} is not deleted: {spoken[0]}", spoken[1], subject=live.key)
    differs = changed_since(live, owned)
    return _changed(live, owned, differs, accepted=live.id in pruning.accepted) if differs else None


def _changed(live: Live, owned: Owned, differs: Sequence[Differs], *, accepted: bool) -> Finding:
    how = f"was changed since it was applied{_when(owned)}: {'; '.join(each.words for each in differs)}"
    if accepted:
        return Finding(
            "GW508", f"{live.key} is deleted, which is accepted, and {how}",
            "look who changed it: what is deleted does not come back", "warning", subject=live.key,
        )  # fmt: skip
    return Finding(
        "GW508", f"{live.key} is to be deleted, and {how}",
        "look who changed it; declare it again, and apply, if it is to be kept as it is;"
        f" {ACCEPTS} {live.key.kind}/{quote(live.key.name)} deletes it all the same", subject=live.key,
    )  # fmt: skip


def to_accept(doomed: Iterable[Live], holdings: Holdings, pruning: Pruning) -> dict[ObjectKey, list[str]]:
    """What is to be deleted and is held, whatever holds it: the ids of each name."""
    found: dict[ObjectKey, list[str]] = {}
    for live in doomed:
        if check_deletion(live, holdings, pruning) is not None:
            found.setdefault(live.key, []).append(live.id)
    return found


def accepts(doomed: Iterable[Live], holdings: Holdings | None, pruning: Pruning | None) -> list[Accepted]:
    """What is deleted though it was changed since it was applied, which was accepted, and which nothing else speaks against."""
    if holdings is None or pruning is None:
        return []
    found = ((live, check_deletion(live, holdings, pruning)) for live in doomed if live.id in pruning.accepted)
    return [
        Accepted(live.key, live.id, changed_since(live, holdings.by_id[live.id]))
        for live, finding in found
        if finding is not None and finding.severity == "warning"
    ]


def _undecided(owned: Owned, pruning: Pruning) -> tuple[str, str] | None:
    """Why it may be declared all the same, and what to do."""
    if owned.file is not None and owned.file in pruning.unread:
        return (
            f"{quote(owned.file)}, which declared it, is there and is not read",
            "delete that file too, or have it read: `manifests` and `exclude` of the project file say what is",
        )
    if pruning.partly is not None:
        return f"the manifests were not read whole: {pruning.partly}", "plan with all of them, in a whole checkout"
    return None


def _when(owned: Owned) -> str:
    """When and by which run an object was applied last, as far as that is known."""
    run = f" (run {quote(owned.run)})" if owned.run is not None else ""
    return f" {quote(owned.at)}{run}" if owned.at is not None else run


def changed_since(live: Live, owned: Owned) -> list[Differs]:
    """How a live object differs from what was live of it when it was applied last, field by field; nothing where it does not, or an
    older gatectl has not noted how it was."""
    if owned.state is not None:
        before = called_as(read_state(owned.state), live.state)
        if state_hash(live.key, before) == state_hash(live.key, live.state):
            return []
        found = [*_fields(live, before), *_attachments(live.state, before)]
        return found or [Differs("", None, None, "in something that a plan does not show")]
    if owned.hash is None or owned.hash == state_hash(live.key, live.state):
        return []
    return [Differs("", None, None, "how it was is not on record, and it is otherwise now")]


def _fields(live: Live, before: State) -> Iterator[Differs]:
    kind = KINDS[live.key.kind]
    then, now = kind.comparable(before.spec), kind.comparable(live.spec)
    for field in {**then, **now}:
        if then.get(field, "") != now.get(field, ""):
            yield _text(kind.paths.get(field, field), before.spec.get(field), live.spec.get(field))


def _text(path: str, applied: str | None, live: str | None) -> Differs:
    words = f"{path}: applied {_in_words(applied)}, live {_in_words(live)}"
    return Differs(path, applied or None, live or None, words)


def _in_words(value: str | None) -> str:
    return f"'{quote(value)}'" if value else "nothing"


def _attachments(now: State, before: State) -> Iterator[Differs]:
    then_held, held = _held(before), _held(now)
    for token in sorted({*then_held, *held}):
        then, there = then_held.get(token), held.get(token)
        path = f"/spec/resources/{quote(token)}"
        if then is None or there is None:
            words = f"{path}: applied {_attached(then) or 'nothing'}, live {_attached(there) or 'nothing'}"
            yield Differs(path, _attached(then), _attached(there), words)
            continue
        if folder_key(then.folder) != folder_key(there.folder):
            yield _text(f"{path}/folder", then.folder, there.folder)
        if bool(then.master) != bool(there.master):
            words = f"{path}/master: applied {_yes(then)}, live {_yes(there)}"
            yield Differs(f"{path}/master", bool(then.master), bool(there.master), words)


def _held(state: State) -> dict[str, Attachment]:
    return {attachment_token(item).lower(): item for item in state.attachments}


def _attached(item: Attachment | None) -> str | None:
    return ATTACHED if item is not None else None


def _yes(item: Attachment) -> str:
    return "yes" if item.master else "no"
