"""What the formats of receipts share: an outcome in words, and what to do next. Everything is safe to show.

A receipt of format 1.0 has neither plan nor places: then an outcome is called by its id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from gatectl.documents.plans import noted_place
from gatectl.quote import quote, safe
from gatectl.render.listing import moved_lines, protected_lines, taken_lines, waiting_words

if TYPE_CHECKING:
    from gatectl.documents.plans import Named, Plan
    from gatectl.documents.receipts import Outcome, Override, Receipt


FINE = ("done", "already")


def names(plan: Plan | None) -> Mapping[str, str]:
    """What a plan calls the object of each outcome, by its id: "Repository default/orders"."""
    return {op["id"]: _named(op) for op in plan["operations"]} if plan is not None else {}


def _named(op: Named) -> str:
    where = f"{op['workspace']}/" if op["workspace"] is not None else ""
    return safe(f"{op['kind']} {where}{op['name']}")


def place(outcome: Outcome) -> str:
    """Where its manifest is: file:line; "" where that is not known."""
    source = outcome.get("source")
    return safe(f"{source['file']}:{source['line']}") if source is not None else ""


def words(outcome: Outcome) -> str:
    """The status, and why: "failed: NAME_ALREADY_USED: …". A word is not said twice."""
    status, error = outcome["status"], outcome["error"]
    if error is None:
        return status
    said = status if error["code"] == status else f"{status}: {error['code']}"
    return safe(f"{said}: {error['message']}")


def allowed(overrides: Sequence[Override]) -> str | None:
    """What an operator allowed for this once, and why; None where nothing was."""
    said = [item for item in overrides if item["reason"] is not None]
    if not said:
        return None
    told = [safe(item["name"] if item["value"] is None else f"{item['name']}={item['value']}") for item in said]
    return f"{', '.join(told)}: {quote(said[0]['reason'])}"


def settled(document: Receipt) -> Sequence[str]:
    """What else the run did, each in words: the twins that it made and deleted again, and what is remembered otherwise from then on."""
    plan = document.get("plan")
    called = names(plan)
    twins = [
        f"{called.get(twin['id'], safe(twin['id']))} was created twice at once: {safe(twin['deleted'])}, which this run made,"
        f" is deleted again; {safe(twin['kept'])} stays"
        for twin in document.get("settled", ())
    ]
    return [*twins, *(_remembered(plan) if plan is not None and document["converged"] else ())]


def _remembered(plan: Plan) -> Iterator[str]:
    """What an apply of a plan wrote down: whose what is from then on, what is protected, and where it is applied from."""
    yield from (f"taken over: {line}" for line in taken_lines(plan.get("takeOver", ())))
    yield from (f"moved: {line}" for line in moved_lines(plan.get("moves", ())))
    yield from (f"remembered: {line}" for line in protected_lines(plan.get("protects", ())))
    if (place := noted_place(plan)) is not None:
        yield f"remembered: applied from {safe(place)} too, from now on"


def apart(document: Receipt) -> tuple[list[Outcome], list[Outcome]]:
    """The outcomes that are not as wanted, and those that are."""
    bad = [item for item in document["outcomes"] if item["status"] not in FINE or item["error"] is not None]
    return bad, [item for item in document["outcomes"] if item["status"] in FINE and item["error"] is None]


def was_sent(document: Receipt) -> bool:
    """Whether one write at least was sent, whatever became of it."""
    return any(outcome["attempts"] for outcome in document["outcomes"])


def next_step(document: Receipt) -> str | None:
    """What to do next; None where nothing is left."""
    waiting = waiting_words(document["plan"]) if "plan" in document else None
    if document["converged"] or not (document["outcomes"] or waiting):
        return None
    statuses = {outcome["status"] for outcome in document["outcomes"]}
    codes = {outcome["error"]["code"] for outcome in document["outcomes"] if outcome["error"] is not None}
    for found, words in _NEXT:
        if found in statuses | codes:
            return words
    if waiting is not None and statuses <= set(FINE):
        return f"what is {waiting} waits for what its findings say; apply again then"
    return "gatectl plan shows what is left, an apply does it"


_NEXT: Final = (
    ("unknown", "whether what is unknown was done, the platform tells: gatectl plan reads it, and shows what is left"),
    (
        "fence_of_another_store",
        "name the store whose leases count there (records:), or let this one's count (gatectl lock adopt); apply again then",
    ),
    (
        "lease_lost",
        "somebody else had the lease meanwhile: gatectl plan shows the platform as it is now, and what is left",
    ),
    ("conflict", "somebody else changed the platform: gatectl plan shows it as it is now, and what is left"),
    ("failed", "mend what failed, then apply again: what is done is not done twice"),
)
"""What to do about a status or a code, the first that there is."""
