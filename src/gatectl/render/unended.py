"""Runs that have no end, for people: a line a run, and what is not clear of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.documents.plans import Doubt, OpenRunJson
from gatectl.documents.unended import Settled, Unended
from gatectl.model import ObjectKey
from gatectl.quote import quote
from gatectl.render.rows import aligned, moment


def table(unended: Unended) -> str:
    """The runs: whose, since when, whether they are under way, and what nobody can tell of."""
    if not unended["runs"]:
        return f"Every run on {quote(unended['platform'])} has ended."
    rows = [("RUN", "WHO", "SINCE", "STATE"), *(_row(run) for run in unended["runs"])]
    told = [line for run in unended["runs"] for line in doubts(run)]
    return "\n".join([*aligned(rows), *(["", *told] if told else [])])


def doubts(run: OpenRunJson) -> Iterator[str]:
    """What nobody can tell of a run, a line an object."""
    for each in run["unclear"]:
        yield f"    ? {ObjectKey(each['kind'], each['workspace'], quote(each['name']))}: {_in_words(each)}"


def settled(done: Settled) -> str:
    """What was recorded of a run, and what nobody owns."""
    run = done["settled"]
    lines = [f"Settled: run {quote(run['run'])} of {quote(run['by'])}."]
    lines += [
        f"    + {ObjectKey(each['kind'], each['workspace'], quote(each['name']))} is its project's ({quote(each['id'])})"
        for each in done["recorded"]
    ]
    lines += [f"    - {quote(each)} is gone" for each in done["gone"]]
    return "\n".join([*lines, *doubts(run)])


def _in_words(doubt: Doubt) -> str:
    if doubt["until"] is not None:
        return f"it may still come, until {quote(doubt['until'])}"
    ids = ", ".join(map(quote, doubt["ids"]))
    return f"there is {ids}, and not as it was wanted" if len(doubt["ids"]) == 1 else f"there are {ids}"


def _row(run: OpenRunJson) -> tuple[str, str, str, str]:
    state = "under way" if run["underWay"] else "unclear" if run["unclear"] else "broke off"
    return quote(run["run"]), quote(run["by"], 28), moment(run["since"]), state
