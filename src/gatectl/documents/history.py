"""The history of an environment: what each run was, in a few words, as records keep it and `gatectl history` shows it. Pure.

An entry is made of a receipt and says nothing that the receipt does not: whoever needs more asks for that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NotRequired, TypedDict, cast

from gatectl.documents.plans import Commit, Project
from gatectl.documents.receipts import Actor, Override, Receipt
from gatectl.files.packing import Fields, with_fields

FORMAT_VERSION: Final = "1.0"

RUN: Final = re.compile(r"\d{8}T\d{9}Z-[0-9a-f]{8}", re.ASCII)
"""The id of a run; ids sort by time."""

_CHANGES: Final = ("create", "update", "delete", "adopt", "attach", "detach")


class Platform(TypedDict):
    """The platform that a run was of."""

    driver: str
    url: str
    instance: str | None


class Entry(TypedDict):
    """One run. `changes` counts what was planned, `summary` what became of it. `undoes` is the run whose undo it was,
    `projectFile` what the project file said of what decides about an apply."""

    run: str
    project: Project
    environment: str
    platform: Platform
    workspaces: Sequence[str]
    startedAt: str
    endedAt: str
    actor: Actor
    version: str
    source: Commit
    fingerprint: str
    changes: Mapping[str, int]
    summary: Mapping[str, int]
    converged: bool
    overrides: Sequence[Override]
    undoes: NotRequired[str]
    projectFile: NotRequired[Mapping[str, object]]


class History(TypedDict):
    """The runs of one project and environment, the newest first; `more`: there are older ones that were not asked for."""

    formatVersion: str
    records: str
    project: NotRequired[Project]
    environment: str
    runs: Sequence[Entry]
    more: bool


def entry_of(receipt: Receipt) -> Entry:
    """The entry of a receipt of this format, which has a run."""
    plan, target = receipt["plan"], receipt["target"]
    counts, taken = cast("Mapping[str, int]", plan["summary"]), plan.get("takeOver")
    entry: Entry = {
        "run": receipt["run"],
        "project": target["project"],
        "environment": target["environment"],
        "platform": {"driver": target["driver"], "url": target["url"], "instance": target["instance"]},
        "workspaces": list(target["workspaces"]),
        "startedAt": receipt["startedAt"],
        "endedAt": receipt["endedAt"],
        "actor": receipt["actor"],
        "version": receipt["version"],
        "source": receipt["source"],
        "fingerprint": receipt["fingerprint"],
        "changes": {name: counts.get(name, 0) for name in _CHANGES} | ({"takeOver": len(taken)} if taken else {}),
        "summary": dict(receipt["summary"]),
        "converged": receipt["converged"],
        "overrides": list(receipt["overrides"]),
    }
    if (undoes := plan.get("undoes")) is not None:
        entry["undoes"] = undoes["run"]
    if "projectFile" in receipt:
        entry["projectFile"] = receipt["projectFile"]
    return entry


def was_applied(entry: Entry) -> bool:
    """Whether a run applied what it was of: all of it, or something."""
    summary = entry["summary"]
    return entry["converged"] or any(summary.get(status, 0) for status in ("done", "already", "unknown"))


def began(entry: Entry) -> datetime:
    """The moment in which a run began: its id says so."""
    return datetime.strptime(entry["run"].partition("Z")[0] + "000", "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)


def believed(value: object) -> Entry:
    """An entry that was read, if it is one. Raises ValueError, which says what is wrong with it."""
    found = with_fields(value, _SHAPE, "it is no entry of a run")
    for part, fields in _INSIDE.items():
        with_fields(found[part], fields, f"its {part} is none", f"{part}.")
    entry = cast("Entry", value)
    if RUN.fullmatch(entry["run"]) is None:
        raise ValueError("its run is not the id of one")
    if not isinstance(found.get("undoes", ""), str):
        raise ValueError("what it undoes is no run")
    if not isinstance(entry.get("projectFile", {}), dict):
        raise ValueError("what its project file said is no mapping")
    counts = [*entry["changes"].values(), *entry["summary"].values()]
    if not all(type(number) is int and number >= 0 for number in counts):
        raise ValueError("what it counts is no number")
    if not all(isinstance(each, str) for each in entry["workspaces"]):
        raise ValueError("its workspaces are not names")
    return entry


_TEXT: Final = (str, type(None))
_SHAPE: Final[Fields] = {
    "run": str, "project": dict, "environment": str, "platform": dict, "workspaces": list, "startedAt": str, "endedAt": str,
    "actor": dict, "version": str, "source": dict, "fingerprint": str, "changes": dict, "summary": dict, "converged": bool,
    "overrides": list,
}  # fmt: skip
_INSIDE: Final[Mapping[str, Fields]] = {
    "project": {"name": str, "uid": _TEXT},
    "platform": {"driver": str, "url": str, "instance": _TEXT},
    "actor": {"user": _TEXT, "host": _TEXT, "ci": _TEXT, "url": _TEXT},
    "source": {"commit": _TEXT, "dirty": (bool, type(None))},
}
