"""A plan as it is saved, hashed, shown and applied: the JSON of product.md, section 4, and what tells one from others. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NotRequired, TypedDict, cast, final

from gatectl.documents.findings import Finding
from gatectl.documents.limits import Older, ProjectChanges, Shown
from gatectl.documents.proofs import Proof
from gatectl.documents.spelling import sha256
from gatectl.documents.whose import Accepted, Moved, NewPlace, Protects, TakenOver
from gatectl.model import Action, FieldValue, Risk

FORMAT_VERSION: Final = "1.1"
OLD_VERSION: Final = "1.0"
"""Plans of earlier versions: without states, and without the project in their target."""


class Named(TypedDict):
    """An object by what identifies it."""

    kind: str
    workspace: str | None
    name: str


class Adopted(Named):
    """A live object that matches its manifest and was never applied by this project."""

    platformId: str


class ResourceNames(TypedDict, total=False):
    """What names a resource at its provider; which of these, its type says."""

    bucket: str
    account: str | None
    container: str
    name: str


class Pointed(TypedDict, total=False):
    """Where a live bucket or LLM points besides its names; only what it has."""

    provider: str
    endpoint: str


class Resource(ResourceNames, Pointed):
    """An attachment: the resource by type and remote identity, and how it is attached."""

    type: str
    label: str | None
    id: str | None
    folder: str | None
    master: bool | None


class Beside(TypedDict):
    """A live bucket with the remote identity of one that is to be registered."""

    label: str
    id: str


class State(TypedDict):
    """An object's normal form, whole. `apiKeys` are those of a repository, `besides` of a bucket to be registered."""

    spec: Mapping[str, str]
    attachments: NotRequired[Sequence[Resource]]
    apiKeys: NotRequired[int]
    besides: NotRequired[Sequence[Beside]]


class Field(TypedDict):
    """A field that changes, by its path in the manifest."""

    path: str
    before: FieldValue
    after: FieldValue


class Precondition(TypedDict):
    """How the object was when this was planned; without ids, labels, keys and secrets."""

    exists: bool
    hash: str | None


class Postcondition(TypedDict):
    """How the object will be."""

    hash: str | None


class Location(TypedDict):
    """Where a manifest begins."""

    file: str
    line: int | None
    column: int | None


class Head(Named):
    """What an operation does to which object, and how that was (`before` is left out where it is to be created)."""

    id: str
    action: Action
    platformId: str | None
    reason: str
    risk: Risk
    dependsOn: Sequence[str]
    attach: Sequence[Resource]
    detach: Sequence[Resource]
    keep: Sequence[Resource]
    fields: Sequence[Field]
    before: NotRequired[State]


class Tail(TypedDict):
    """How the object will be (null for one to be deleted), what is compared of it, where its manifest is, and whether that says that it
    is protected (left out: it does not say)."""

    after: NotRequired[State | None]
    pre: Precondition
    post: Postcondition
    source: Location | None
    protect: NotRequired[bool]


class Operation(Head, Tail):
    """What is done to one object. Those of plans of format 1.0 have no states."""


class Project(TypedDict):
    name: str
    uid: str | None


class Records(TypedDict):
    """The store that remembers what is applied. `new`: nobody has kept anything there yet; `thrownAway`: it is gone with the
    machine of the pipeline that made the plan; `alone`: what leases there are, no other machine sees."""

    store: str
    new: NotRequired[bool]
    thrownAway: NotRequired[bool]
    alone: NotRequired[bool]


class Target(TypedDict):
    """What a plan is bound to, and where it is remembered, unless the platform's own database does that. `place` tells stores on
    this machine apart that nobody has created yet."""

    driver: str
    url: str
    instance: str | None
    workspaces: Sequence[str]
    project: NotRequired[Project]
    environment: NotRequired[str]
    wire: NotRequired[Mapping[str, str]]
    place: NotRequired[str]
    records: NotRequired[Records]


class Since(TypedDict):
    """A plan of a change: since which commit, how much of all it touches, and what is declared no more."""

    ref: str
    commit: str
    touched: int
    of: int
    removed: Sequence[Named]


class Selection(TypedDict):
    """What a plan is of. `partial`: not of everything that the environment declares."""

    paths: Sequence[str]
    selector: str | None
    targets: Sequence[str]
    since: Since | None
    partial: bool


class OldPartial(TypedDict):
    """What a plan of a change says of itself in format 1.0."""

    since: str
    commit: str
    touched: int
    of: int
    removed: Sequence[Named]


class Input(TypedDict):
    """A file that a plan was worked out from."""

    path: str
    sha256: str


class Commit(TypedDict):
    """The checkout (null: not in git), and whether it holds what is not committed."""

    commit: str | None
    dirty: bool | None


class Source(Commit):
    """What a plan was worked out from."""

    inputs: Sequence[Input]


class Summary(TypedDict):
    """What a plan counts."""

    create: int
    update: int
    delete: int
    adopt: NotRequired[int]
    unchanged: int
    attach: int
    detach: int
    unmanaged: int


Counted = Literal["create", "update", "delete", "unchanged", "attach", "detach", "unmanaged"]
"""What plans of all formats count."""


class Kept(TypedDict):
    """What a repository that does not change attaches besides what its manifest lists."""

    workspace: str | None
    name: str
    attachments: Sequence[Resource]


class Held(Named):
    """An object that is left as it is while a finding stops it, with what would be done to it (null: nothing) and why it is not."""

    action: Action | None
    reason: str


class LeftOut(TypedDict):
    """A workspace of which nothing is planned: how many errors lie in it; with none, why it is left out all the same (else null)."""

    workspace: str
    errors: int
    reason: str | None


class Taken(TypedDict):
    """The snapshot that a plan was made from."""

    takenAt: str
    digest: str


class Undone(Named):
    """An object that a run changed, and what is to be known of its undoing."""

    what: str


class Undoes(TypedDict):
    """The run that a plan undoes, and the manifests that still say what it did. `left` cannot be undone, each with why; `stays` is
    nothing to undo; `lost` does not come back with its object."""

    run: str
    files: Sequence[str]
    left: NotRequired[Sequence[Undone]]
    stays: NotRequired[Sequence[Undone]]
    lost: NotRequired[Sequence[Undone]]


class Doubt(Named):
    """An object of which nobody can tell whether a run has created it: the ids that may be it (none: it may come `until` then)."""

    ids: Sequence[str]
    until: str | None


class OpenRunJson(TypedDict):
    """A run that has no end: it is under way, or broke off; what is not clear of what it did."""

    run: str
    by: str
    since: str
    underWay: bool
    unclear: Sequence[Doubt]


class Remarks(TypedDict, total=False):
    """What else is to be said of a plan. It is no part of the fingerprint, but for a place that is taken over."""

    undoes: Undoes

    projectChanges: ProjectChanges
    older: Older
    newPlace: NewPlace
    guardrails: Shown
    openRuns: Sequence[OpenRunJson]
    readOnly: Sequence[str]
    snapshot: Taken
    proof: Proof


class Draft(Remarks):
    """A plan without what tells it from others."""

    formatVersion: str
    target: Target
    selection: NotRequired[Selection]
    partial: NotRequired[OldPartial]
    source: Source
    summary: Summary
    operations: Sequence[Operation]
    adopts: Sequence[Adopted]
    takeOver: NotRequired[Sequence[TakenOver]]
    accepted: NotRequired[Sequence[Accepted]]
    moves: NotRequired[Sequence[Moved]]
    protects: NotRequired[Sequence[Protects]]
    kept: Sequence[Kept]
    unmanaged: Sequence[Named]
    held: NotRequired[Sequence[Held]]
    leftOut: NotRequired[Sequence[LeftOut]]
    diagnostics: Sequence[Finding]


@final
class Plan(Draft):
    """What is saved, hashed, rendered and applied is this one value (product.md, section 4)."""

    fingerprint: str
    digest: str


def is_invalid(plan: Draft) -> bool:
    """Whether a plan carries a finding of severity error."""
    return any(found["severity"] == "error" for found in plan["diagnostics"])


def unwritten(plan: Draft) -> list[Adopted]:
    """The live objects that an apply records as ours, and writes nothing to: they are adopted or taken over as they are."""
    written = {op["platformId"] for op in plan["operations"]}
    taken = [item for item in plan.get("takeOver", ()) if item["platformId"] not in written]
    return [*plan["adopts"], *taken]


def noted(plan: Draft) -> list[Named]:
    """The live objects of which an apply records something, and writes nothing to them."""
    written = {op["platformId"] for op in plan["operations"]}
    others = [item for item in plan.get("protects", ()) if item["platformId"] not in {*written, None}]
    return [*unwritten(plan), *others]


def is_to_apply(plan: Draft) -> bool:
    """Whether an apply has anything to do: to write, or only to record."""
    return bool(plan["operations"] or is_to_record(plan))


def is_to_record(plan: Draft) -> bool:
    """Whether an apply records something that it does not write."""
    return bool(noted(plan) or plan.get("moves") or noted_place(plan) is not None)


def noted_place(plan: Draft) -> str | None:
    """The place that an apply notes as one that its project is applied from; None: it notes none that was asked for."""
    found = plan.get("newPlace")
    return found["place"] if found is not None and found["takesOver"] else None


def unsettled(plan: Draft) -> list[Held]:
    """What a plan holds since nobody can tell whether a run that broke off has done it."""
    doubts = {(d["kind"], d["workspace"], d["name"]) for run in plan.get("openRuns", ()) for d in run["unclear"]}
    return [held for held in plan.get("held", ()) if (held["kind"], held["workspace"], held["name"]) in doubts]


def is_refused(plan: Draft) -> bool:
    """Whether that keeps it from being a plan at all: nothing is planned. Where it does not, what it stops waits."""
    return is_invalid(plan) and not has_waiting(plan)


def is_of_another_place(plan: Draft) -> bool:
    """Whether it was made from another place than the one that its project is applied from: then it is only shown."""
    return any(found["rule"] == "GW507" and found["severity"] == "warning" for found in plan["diagnostics"])


def has_waiting(plan: Draft) -> bool:
    """Whether something waits for its findings: objects that are held, workspaces that are left out."""
    return bool(plan.get("held") or plan.get("leftOut"))


_SHOWN_ONLY: Final = ("source", "reason")
_NOT_BOUND: Final = ("workspaces", "place", "records")


def fingerprint(plan: Draft) -> str:
    """What an approval approves: formatVersion, target without `workspaces`, operations without `source` and `reason`, what is
    taken over from whom, and what is deleted though it was changed (product.md, section 4); and the place that is noted, where one
    is. It does not cover where on a machine a store that is not there yet would lie, nor which store remembers it.

    In format 1.0 it is of the whole target, and of operations without `source`.
    """
    if plan["formatVersion"] == OLD_VERSION:
        return old_fingerprint(plan["target"], plan["operations"])
    operations = [{k: v for k, v in op.items() if k not in _SHOWN_ONLY} for op in plan["operations"]]
    target = {k: v for k, v in plan["target"].items() if k not in _NOT_BOUND}
    bound: dict[str, object] = {"formatVersion": plan["formatVersion"], "target": target, "operations": operations}
    if taken := plan.get("takeOver"):
        bound["takeOver"] = taken
    if accepted := plan.get("accepted"):
        bound["accepted"] = accepted
    if (place := noted_place(plan)) is not None:
        bound["place"] = place
    return sha256(bound)


def old_fingerprint(target: Target, operations: Sequence[Operation]) -> str:
    """The fingerprint of a plan of format 1.0."""
    shown = [{k: v for k, v in op.items() if k != "source"} for op in operations]
    return sha256({"formatVersion": OLD_VERSION, "target": target, "operations": shown})


def digest(plan: Mapping[str, object]) -> str:
    """What tells that the file is the one that was written: everything in it but the digest itself."""
    return sha256({k: v for k, v in plan.items() if k != "digest"})


def signed(draft: Draft) -> Plan:
    """The plan of a draft: with what an approval approves of it, and what tells that it is as it was written."""
    told = fingerprint(draft)
    return {**draft, "fingerprint": told, "digest": digest({**draft, "fingerprint": told})}


def with_proof(plan: Plan, proof: Proof) -> Plan:
    """The same plan, which says what was asked for its sake: an approval of the one is an approval of the other."""
    rest = {name: value for name, value in plan.items() if name not in ("fingerprint", "digest")}
    return signed(cast("Draft", {**rest, "proof": proof}))
