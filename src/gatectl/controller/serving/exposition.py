"""What is measured, in the text format of Prometheus: what this process counted, and what is true of the fleet now. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from gatectl.controller.measures import Family, Kind, Labels, Sample
from gatectl.documents.fleets import STATES, FleetStatus
from gatectl.version import __version__

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

WAITING: Final = "gatectl_queue_waiting"


def fleet_families(status: FleetStatus, waiting: int) -> Sequence[Family]:
    """What is true of a fleet; `waiting` targets were asked for, and nobody looks at them yet."""
    targets = status["targets"]
    states = Counter(each["state"] for each in targets)
    repositories = {(each["git"]["url"], each["git"]["ref"]): each["git"]["error"] for each in targets}
    failing = sum(error is not None for error in repositories.values())
    since = [
        Sample(
            (("source", each["source"]), ("state", each["state"]), ("target", each["name"])), _seconds(each["since"])
        )
        for each in targets
        if each["since"] is not None
    ]
    looked = [
        Sample((("source", each["source"]), ("target", each["name"])), _seconds(each["looked"]))
        for each in targets
        if each["looked"] is not None
    ]
    return [
        Family("gatectl_targets", "gauge", "Targets of the fleet, by state.",
               [Sample((("state", state),), states[state]) for state in STATES]),
        Family("gatectl_target_state_since_timestamp_seconds", "gauge", "Since when a target is in the state that it is in.", since),
        Family("gatectl_target_looked_timestamp_seconds", "gauge", "When a target was looked at last.", looked),
        _one(WAITING, "Targets that were asked for, and that nobody looks at yet.", waiting),
        _one("gatectl_workers", "Processes of the controller that are there.", len(status["workers"])),
        _one("gatectl_repositories", "Branches and tags of git repositories that are followed.", len(repositories)),
        _one("gatectl_repositories_failing", "Those of them that could not be read when they were asked last.", failing),
        _one("gatectl_fleet_generation", "Fleet files that were read, each other than the one before.", status["generation"]),
    ]  # fmt: skip


def build_family() -> Family:
    """What runs here."""
    return Family("gatectl_build_info", "gauge", "The version that runs.", [Sample((("version", __version__),), 1)])


def text(families: Sequence[Family]) -> str:
    """All of it, as Prometheus reads it."""
    return "".join(line for family in families for line in _lines(family))


def _one(name: str, words: str, value: float) -> Family:
    kind: Kind = "gauge"
    return Family(name, kind, words, [Sample((), value)])


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.words, quotes=False)}\n# TYPE {family.name} {family.kind}\n"
    for sample in family.samples:
        yield f"{family.name}{sample.suffix}{_labels(sample.labels)} {_number(sample.value)}\n"


def _labels(labels: Labels) -> str:
    pairs = [f'{name}="{_escaped(value)}"' for name, value in labels]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(value: str, *, quotes: bool = True) -> str:
    """As the format wants it; half of a character is written as what it would be in Python."""
    found = value.encode("utf-8", "backslashreplace").decode().replace("\\", r"\\").replace("\n", r"\n")
    return found.replace('"', r"\"") if quotes else found


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else repr(float(value))


def _seconds(moment: str | None) -> float:
    return 0.0 if moment is None else datetime.fromisoformat(moment).timestamp()
