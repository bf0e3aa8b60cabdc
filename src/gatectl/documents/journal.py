"""What a run was about to write, and what became of it, as records keep it until the run has ended (product.md, section 6,
*Journal*). Pure.

An intent is durable before its request is sent. It holds the operation of the plan, so that whoever comes later can tell by looking
at the platform whether it was done; there is no secret in an operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypedDict, cast

from gatectl.documents.operations import key_of
from gatectl.documents.ownership import Owner, owner_json
from gatectl.documents.plans import Doubt, OpenRunJson, Operation
from gatectl.documents.whose import OwnerJson
from gatectl.files.packing import Fields, with_fields
from gatectl.model import ObjectKey, Outcome
from gatectl.quote import quote

FORMAT: Final = 1


class Intent(TypedDict):
    """A write that is about to be sent, and when that was. `key`: the Idempotency-Key of a creation; `known`: the ids that there were
    under its name before."""

    at: str
    operation: Operation
    workspaceId: str | None
    key: str | None
    known: Sequence[str]


class Became(TypedDict):
    """What became of a write."""

    id: str
    status: str
    platformId: str | None


class Head(NamedTuple):
    """The run of a journal: whose it is, from which commit, who began it and when."""

    run: str
    owner: Owner
    commit: str | None
    by: str
    at: str


class Part(TypedDict):
    """One part of a journal, written at once."""

    format: int
    run: str
    owner: OwnerJson
    commit: str | None
    by: str
    at: str
    intents: Sequence[Intent]
    outcomes: Sequence[Became]


class OpenRun(NamedTuple):
    """A run that has no end: it is under way, or broke off. `intents` are those whose outcome nobody noted."""

    head: Head
    intents: Sequence[Intent]


class Unclear(NamedTuple):
    """A creation of a run that broke off, of which nobody can tell whether it was done. `ids` are the objects of its name that may be
    what it made (none: it may still come, `until` this moment)."""

    head: Head
    intent: Intent
    ids: tuple[str, ...] = ()
    until: str | None = None

    @property
    def key(self) -> ObjectKey:
        """The object that was created, or was not."""
        return key_of(self.intent["operation"])

    @property
    def message(self) -> str:
        """What is not clear, and whose run left it so."""
        began = f"run {quote(self.head.run)} of {quote(self.head.by)} broke off while it created {self.key}"
        if self.until is not None:
            return f"{began}: it may still come, until {quote(self.until)}"
        what = (
            "one of this name is there and is not as it was wanted"
            if len(self.ids) == 1
            else "several of this name are there"
        )
        return f"{began}: {what} ({', '.join(map(quote, self.ids))})"

    @property
    def hint(self) -> str:
        """What to do about it."""
        if self.until is not None:
            return "plan again after that"
        return f"see what is there; gatectl runs settle {quote(self.head.run)} says that it is right as it is"


def open_run_json(run: OpenRun, *, at_work: bool, unclear: Iterable[Unclear]) -> OpenRunJson:
    """A run that has no end, as plans and `gatectl runs` tell of it."""
    doubts: list[Doubt] = [
        {
            "kind": each.key.kind,
            "workspace": each.key.workspace,
            "name": each.key.name,
            "ids": each.ids,
            "until": each.until,
        }
        for each in unclear
        if each.head.run == run.head.run
    ]
    return {"run": run.head.run, "by": run.head.by, "since": run.head.at, "underWay": at_work, "unclear": doubts}


def part_json(head: Head, intents: Sequence[Intent] = (), outcomes: Iterable[Outcome] = ()) -> Part:
    """A part of a run's journal, as it is written."""
    return {
        "format": FORMAT,
        "run": head.run,
        "owner": owner_json(head.owner),
        "commit": head.commit,
        "by": head.by,
        "at": head.at,
        "intents": intents,
        "outcomes": [{"id": each.id, "status": each.status, "platformId": each.platform_id} for each in outcomes],
    }


def read_parts(parts: Iterable[object]) -> OpenRun:
    """An open run from the parts of its journal, in their order. Raises ValueError for what no journal is."""
    head: Head | None = None
    intents: dict[str, Intent] = {}
    for value in parts:
        part = _believed(value)
        head = Head(part["run"], Owner(**part["owner"]), part["commit"], part["by"], part["at"])
        intents.update((intent["operation"]["id"], intent) for intent in part["intents"])
        for outcome in part["outcomes"]:
            if outcome["status"] != "unknown":
                intents.pop(outcome["id"], None)
    if head is None:
        raise ValueError("there is nothing of it")
    return OpenRun(head, tuple(intents.values()))


_NONE: Final = "it is no part of a journal"
_SHAPE: Final[Fields] = {
    "format": int, "run": str, "owner": dict, "commit": (str, type(None)), "by": str, "at": str, "intents": list, "outcomes": list,
}  # fmt: skip
_INTENT: Final[Fields] = {
    "at": str, "operation": dict, "workspaceId": (str, type(None)), "key": (str, type(None)), "known": list,
}  # fmt: skip
_NAMED: Final[Fields] = {
    "id": str, "kind": str, "action": str, "name": str, "pre": dict, "post": dict, "fields": list, "attach": list,
}  # fmt: skip


def _believed(value: object) -> Part:
    with_fields(value, _SHAPE, _NONE)
    part = cast("Part", value)
    if part["format"] > FORMAT:
        raise ValueError(f"a newer gatectl wrote it (format {part['format']}, this one knows {FORMAT})")
    if set(part["owner"]) != set(Owner._fields):
        raise ValueError("its owner is none")
    for intent in part["intents"]:
        with_fields(intent, _INTENT, _NONE)
        with_fields(intent["operation"], _NAMED, _NONE)
    for outcome in part["outcomes"]:
        with_fields(outcome, {"id": str, "status": str}, _NONE)
    return part
