"""A plan that was shown, and the one that the same manifests come to now: what is different, and what is destroyed beyond it. Pure.

A direct apply that meets a conflict before its first write plans again once (product.md, section 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gatectl.documents.plans import Operation, Plan

_OF_THE_FILE = ("source", "reason")


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
