"""What leads back to the states before a run: what it created is to go, what it deleted or changed is wanted as it was. Pure.

Only of objects that still are as the run left them; what was changed since, or cannot be had again, is left as it is and told.
The wanted states take the place of manifests, so that everything behind is as in any plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from gatectl.applying.conditions import as_wanted, find, live_hash, read_after
from gatectl.documents import history
from gatectl.documents.operations import attached_in, has_states, key_of, renames, sends_credentials
from gatectl.documents.plans import Operation
from gatectl.documents.receipts import Outcome, Receipt
from gatectl.documents.states import read_state
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Kind
from gatectl.kinds.states import differences
from gatectl.model import (
    Attachment,
    CredentialReferences,
    Document,
    Entry,
    FieldValue,
    Live,
    Manifest,
    ObjectKey,
    SourceFile,
    State,
)
from gatectl.planning.current import Current
from gatectl.planning.match import Pair
from gatectl.quote import quote
from gatectl.resources import FAMILIES, comparable, is_placed, registrar_of

References = Callable[[ObjectKey, str], CredentialReferences | None]
"""The credentials of an object that is gone (its key and the id that it had), as references; None where nobody knows them."""

WRITTEN: Final = ("done", "unknown")
"""What has become of what a run has changed, or may have."""
_NOWHERE: Final = Document(SourceFile("", b""), 0, 1, 1, {})
_SHOWN: Final = 3


class Told(NamedTuple):
    """Something about one object that is to be known."""

    key: ObjectKey
    words: str


class Already(NamedTuple):
    """An object of which nothing is left to lead back: what the run called it, and how it is live (None: it is gone). Manifests may
    not say so yet; where the run had `deleted` it, none may declare it."""

    key: ObjectKey
    live: Live | None
    deleted: bool = False


class Back(NamedTuple):
    """The objects that are wanted as they were, and those that are to go, by what they are called. `left` cannot be led back, `stays`
    is nothing to lead back, `lost` does not come back with its object, `already` is as it was before."""

    pairs: tuple[Pair, ...] = ()
    doomed: tuple[Live, ...] = ()
    left: tuple[Told, ...] = ()
    stays: tuple[Told, ...] = ()
    lost: tuple[Told, ...] = ()
    already: tuple[Already, ...] = ()

    def without(self, keys: Mapping[ObjectKey, str]) -> Back:
        """The same, with these objects left as they are, each with why."""
        return Back(
            tuple(pair for pair in self.pairs if pair.key not in keys),
            tuple(live for live in self.doomed if live.key not in keys),
            (*self.left, *(Told(key, keys[key]) for key in sorted(keys, key=str))),
            self.stays,
            tuple(told for told in self.lost if told.key not in keys),
            self.already,
        )

    def as_before(self, already: Already, words: str) -> Back:
        """The same, with an object of which nothing is left to lead back, and why."""
        return self._replace(stays=(*self.stays, Told(already.key, words)), already=(*self.already, already))

    @property
    def keys(self) -> set[ObjectKey]:
        """All that is to be changed."""
        return {*(pair.key for pair in self.pairs), *(live.key for live in self.doomed)}


def wrote(entry: history.Entry) -> bool:
    """Whether a run has changed something, or may have."""
    return any(number for status, number in entry["summary"].items() if status in WRITTEN)


def written(receipt: Receipt) -> Iterator[tuple[Operation, Outcome]]:
    """The operations that a run carried out, as far as it knows, each with what became of it."""
    outcomes = {outcome["id"]: outcome for outcome in receipt["outcomes"]}
    for op in receipt["plan"]["operations"]:
        outcome = outcomes.get(op["id"])
        if outcome is not None and outcome["status"] in WRITTEN:
            yield op, outcome


def lead_back(receipt: Receipt, current: Current, references: References) -> Back:
    """What leads back to before a run, from what is live now."""
    back = Back()
    for op, outcome in written(receipt):
        back = _added(back, op, outcome, current, references)
    names = {pair.live.id: pair.key.name for pair in back.pairs if pair.live is not None}
    return back._replace(pairs=tuple(_calling(pair, names) for pair in back.pairs))


def _calling(pair: Pair, names: Mapping[str, str]) -> Pair:
    """The same, where what is attached is called as it is wanted: it may have been renamed by the same run."""
    entries = pair.manifest.entries
    if entries is None or not any(entry.id in names for entry in entries):
        return pair
    return pair._replace(manifest=pair.manifest._replace(entries=tuple(_called(entry, names) for entry in entries)))


def _called(entry: Entry, names: Mapping[str, str]) -> Entry:
    name = names.get(entry.id or "")
    if name is None or is_placed(entry.type):
        return entry
    return entry._replace(identity=(entry.type, name), key=comparable((entry.type, name)))


def _added(back: Back, op: Operation, outcome: Outcome, current: Current, references: References) -> Back:
    key = key_of(op)
    reason = _unreadable(op, current)
    if reason is not None:
        return back._replace(left=(*back.left, Told(key, reason)))
    if op["action"] == "create":
        return _uncreated(back, op, outcome, current)
    return _undeleted(back, op, current, references) if op["action"] == "delete" else _unchanged(back, op, current)


def _unreadable(op: Operation, current: Current) -> str | None:
    """Why nothing can be said of an operation; None where something can."""
    kind = KINDS.get(op["kind"])
    if kind is None or not has_states(op):
        return "this gatectl does not know what was done to it"
    states = (state for state in (op.get("before"), op.get("after")) if state is not None)
    if any(state["spec"].keys() != kind.fields_of(state["spec"]) for state in states):
        return "its fields are not those of this gatectl"
    if kind.scoped and len(current.workspaces.by_name.get(op["workspace"] or "", ())) != 1:
        return f"its workspace {quote(op['workspace'])} is gone"
    return None


def _uncreated(back: Back, op: Operation, outcome: Outcome, current: Current) -> Back:
    key = key_of(op)
    if KINDS[op["kind"]].holds:
        return back._replace(stays=(*back.stays, Told(key, "a workspace is never deleted by gatectl")))
    live = current.among(key).by_id.get(outcome["platformId"] or "")
    if live is None:
        words = "it is gone already"
        if current.among(key).by_lower.get(key.name.lower()):  # and another one has its name
            return back._replace(stays=(*back.stays, Told(key, words)))
        return back.as_before(Already(key, None), words)
    if not as_wanted(op, live):
        return back._replace(left=(*back.left, Told(key, _since(op, live))))
    return back._replace(doomed=(*back.doomed, live))


def _unchanged(back: Back, op: Operation, current: Current) -> Back:
    live, before = find(op, current), read_state(op["before"])
    if not isinstance(live, Live):
        return back._replace(left=(*back.left, Told(key_of(op), "it is gone")))
    key = live.key
    if sends_credentials(op):
        back = back._replace(stays=(*back.stays, Told(key, "its credentials stay: those before are not known")))
    if live_hash(live, op) == op["pre"]["hash"]:
        same = not differences(KINDS[op["kind"]], before, read_after(op))
        return back if same else back.as_before(Already(key_of(op), live), "it is as before already")
    if KINDS[op["kind"]].holds:
        return back._replace(stays=(*back.stays, Told(key, "a workspace is renamed by its manifest alone")))
    if not as_wanted(op, live):
        return back._replace(left=(*back.left, Told(key, _since(op, live))))
    others = current.among(key).by_lower.get(before.spec["name"].lower(), ()) if renames(op) else ()
    if others:
        words = f"another one is called '{quote(before.spec['name'])}' by now: {quote(others[0].id)}"
        return back._replace(left=(*back.left, Told(key, words)))
    return _wanted(back, op, before, live, None, current)


def _undeleted(back: Back, op: Operation, current: Current, references: References) -> Back:
    key, kind, before = key_of(op), KINDS[op["kind"]], read_state(op["before"])
    there = current.among(key).by_lower.get(key.name.lower(), ())
    if there:
        same = len(there) == 1 and not differences(kind, before, there[0].state)
        if same:
            return back.as_before(Already(key, there[0], True), f"it is there again, as {quote(there[0].id)}")
        return back._replace(left=(*back.left, Told(key, f"another one of this name is there: {quote(there[0].id)}")))
    found = references(key, op["platformId"] or "") if kind.credentials else None
    if kind.credentials and found is None:
        words = "its credentials are not known: no manifest has them, and no run of this environment"
        return back._replace(left=(*back.left, Told(key, words)))
    lost = ["its id"]
    if keys := op["before"].get("apiKeys", 0):
        lost.append(f"its {keys:,} API key{'' if keys == 1 else 's'}")
    lost += ["its credentials as they were, only what the references lead to now"] if kind.credentials else []
    back = back._replace(lost=(*back.lost, Told(key, ", ".join(lost))))
    return _wanted(back, op, before, None, found, current)


def _wanted(
    back: Back, op: Operation, state: State, live: Live | None, references: CredentialReferences | None, current: Current
) -> Back:  # fmt: skip
    """The same, with an object that is wanted as it was."""
    kind, workspace = KINDS[op["kind"]], op["workspace"]
    unknown = next((item.id for item in state.attachments if item.type not in FAMILIES), None)
    if unknown is not None:
        words = f"it attached what the platform did not tell: {quote(unknown)}"
        return back._replace(left=(*back.left, Told(key_of(op), words)))
    entries = tuple(_entry(at, item, workspace, current) for at, item in enumerate(state.attachments))
    name, platform_id = state.spec["name"], live.id if live is not None else None
    spec = _spec(kind, state, references)
    manifest = Manifest(
        kind.name, workspace, name, platform_id, {}, spec, entries if kind.attaches else None, True, _NOWHERE
    )
    return back._replace(pairs=(*back.pairs, Pair(ObjectKey(kind.name, workspace, name), manifest, live)))


def _spec(kind: Kind, state: State, references: CredentialReferences | None) -> Mapping[str, object]:
    """What a manifest would say of a state, exactly."""
    paths = {field: path.removeprefix("/spec/") for field, path in kind.paths.items() if path.startswith("/spec/")}
    spec: dict[str, object] = {path: state.spec[field] for field, path in paths.items() if field in state.spec}
    if kind.doubles:
        spec["allowDuplicate"] = True  # it was there beside the others before
    if kind.attaches:
        spec["attachmentPolicy"] = "Exact"
    return {**spec, "credentials": references} if references is not None else spec


def _entry(at: int, item: Attachment, workspace: str | None, current: Current) -> Entry:
    """What was attached, by its id where that is still there, else by its label."""
    index = current.among(ObjectKey(registrar_of(item.type), workspace, ""))
    there = item.id if item.id is not None and item.id in index.by_id else None
    label = None if there is not None else item.label
    placed = is_placed(item.type)
    return Entry(
        at, item.identity, comparable(item.identity), label, there,
        (item.folder or "") if placed else None, bool(item.master) if placed else None,
    )  # fmt: skip


def _since(op: Operation, live: Live) -> str:
    """How an object is not as the run left it."""
    rows = differences(KINDS[op["kind"]], read_after(op), live.state)
    told = [f"{path} was left {_shown(left)}, is {_shown(now)}" for path, left, now in rows[:_SHOWN]]
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    return f"changed since: {'; '.join(told)}{more}"


def _shown(value: FieldValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value is None else f"'{quote(value)}'"


def api_keys_sought(receipt: Receipt) -> bool:
    """Whether something that is to be created again needs credentials, so that the list of provider API keys may be needed."""
    return any(op["action"] == "delete" and credentialed(op) for op, _ in written(receipt))


def credentialed(op: Operation) -> bool:
    """Whether an operation is about an object that has credentials."""
    return op["kind"] in KINDS and KINDS[op["kind"]].credentials


def attached_kinds(receipt: Receipt) -> set[str]:
    """The kinds whose lists are needed."""
    found: set[str] = set()
    for op, _ in written(receipt):
        found.add(op["kind"])
        found.update(registrar_of(i["type"]) for s in (op.get("before"), op.get("after")) for i in attached_in(s))
    return found
