"""A plan that was shown, and the one that the same manifests come to now: what is different, and what is destroyed beyond it. Pure.

A direct apply that meets a conflict plans again once, for what changed (product.md, section 4). Before its first write that is
the whole plan; later it is what was not ended yet: nothing that was sent is sent again, whatever the lists show.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Final, NamedTuple

from gatectl.documents.operations import key_of
from gatectl.documents.plans import Operation, Plan
from gatectl.documents.whose import Protects
from gatectl.model import Outcome
from gatectl.planning.plan import with_operations

_OF_THE_FILE: Final = ("source", "reason")
_OPEN: Final = frozenset(("conflict", "blocked", "not-started"))
"""What became of an operation that was not carried out, and that no answer of the platform refused."""


class Difference(NamedTuple):
    """The operations that are new or not as they were shown, and those that are gone."""

    changed: Sequence[Operation]
    gone: Sequence[Operation]


def difference(shown: Plan, fresh: Plan) -> Difference:
    """What is different in the fresh plan."""
    before = {op["id"]: _matter(op) for op in shown["operations"]}
    after = {op["id"] for op in fresh["operations"]}
    changed = [op for op in fresh["operations"] if before.get(op["id"]) != _matter(op)]
    return Difference(changed, [op for op in shown["operations"] if op["id"] not in after])


def destroys_more(shown: Plan, fresh: Plan) -> bool:
    """Whether the fresh plan deletes or detaches anything that the shown one did not."""
    return not set(_destroyed(fresh)) <= set(_destroyed(shown))


def left_out(plan: Plan) -> frozenset[str]:
    """The workspaces of which nothing is planned."""
    return frozenset(item["workspace"] for item in plan.get("leftOut", ()))


def destruction(plan: Plan) -> tuple[int, int]:
    """How many objects a plan deletes, and how many attachments it detaches."""
    operations = plan["operations"]
    return sum(op["action"] == "delete" for op in operations), sum(len(op["detach"]) for op in operations)


def _matter(op: Operation) -> Mapping[str, object]:
    return {name: value for name, value in op.items() if name not in _OF_THE_FILE}


def _destroyed(plan: Plan) -> Iterator[tuple[str, ...]]:
    for op in plan["operations"]:
        if op["action"] == "delete":
            yield (op["id"], str(op["platformId"]))
        yield from ((op["id"], str(op["platformId"]), str(item["id"])) for item in op["detach"])


def remaining(shown: Plan, outcomes: Sequence[Outcome]) -> Plan:
    """What of a plan that was carried out so far is still open."""
    ended = _ended(outcomes)
    return {**shown, "operations": [op for op in shown["operations"] if op["id"] not in ended]}


def part(shown: Plan, outcomes: Sequence[Outcome], fresh: Plan) -> Plan:
    """What of the fresh plan is to be done, where the shown one was carried out so far: not what was done, was refused or may
    have been sent, nor what depends on that."""
    if not outcomes:
        return fresh
    ended = _ended(outcomes)
    chosen: dict[str, Operation] = {}
    for op in fresh["operations"]:  # a plan lists what an operation depends on before it
        if op["id"] not in ended and chosen.keys() >= set(op["dependsOn"]):
            chosen[op["id"]] = op
    adopts = [item for item in fresh["adopts"] if item not in shown["adopts"]]
    refused = {op["platformId"] for op in fresh["operations"] if op["id"] not in chosen}
    taken = [item for item in fresh.get("takeOver", ()) if item["platformId"] not in refused]
    protects = _protects(fresh, chosen)
    return with_operations(fresh, list(chosen.values()), adopts, taken, fresh.get("accepted", ()), protects)


def _protects(fresh: Plan, chosen: Container[str]) -> list[Protects]:
    """What is protected, or not any more, but for what operations say that are not done (`chosen` are the ids of those that are)."""
    keys = {key_of(op) for op in fresh["operations"] if op["id"] not in chosen}
    return [each for each in fresh.get("protects", ()) if (each["kind"], each["workspace"], each["name"]) not in keys]


def together(
    shown: Plan, outcomes: Sequence[Outcome], fresh: Plan, then: Plan, again: Sequence[Outcome]
) -> tuple[Plan, list[Outcome]]:
    """One plan and its outcomes, of the shown plan and of the part of the fresh one (`then`) that was carried out after it.

    What was open and needs nothing any more is `already` as it is wanted.
    """
    found = _both(outcomes, {op["id"] for op in fresh["operations"]}, again)
    operations = {op["id"]: op for op in (*shown["operations"], *then["operations"])}
    needs = {name: [need for need in op["dependsOn"] if need in operations] for name, op in operations.items()}
    ordered = [operations[name] for name in TopologicalSorter(needs).static_order()]
    adopts = [*shown["adopts"], *then["adopts"]]
    taken = {item["platformId"]: item for item in (*shown.get("takeOver", ()), *then.get("takeOver", ()))}
    accepted = {item["platformId"]: item for item in (*shown.get("accepted", ()), *then.get("accepted", ()))}
    protects = {(p["kind"], p["workspace"], p["name"]): p for plan in (shown, then) for p in plan.get("protects", ())}
    made = with_operations(
        shown, ordered, adopts, list(taken.values()), list(accepted.values()), list(protects.values())
    )
    return made, [found[op["id"]] for op in ordered]


def _both(outcomes: Sequence[Outcome], needed: set[str], again: Sequence[Outcome]) -> dict[str, Outcome]:
    """What became of each operation in the end, with all the writes that were sent for it. `needed` were planned again."""
    found = {outcome.id: outcome for outcome in outcomes}
    for outcome in outcomes:
        if outcome.status in _OPEN and outcome.id not in needed:
            found[outcome.id] = outcome._replace(status="already", error=None)
    for outcome in again:
        sent = found[outcome.id].attempts if outcome.id in found else 0
        found[outcome.id] = outcome._replace(attempts=outcome.attempts + sent)
    return found


def _ended(outcomes: Sequence[Outcome]) -> frozenset[str]:
    return frozenset(outcome.id for outcome in outcomes if outcome.status not in _OPEN)
