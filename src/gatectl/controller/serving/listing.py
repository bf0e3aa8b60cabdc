"""Which targets a table shows, and in which order: what the query of its address says. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode

from gatectl.controller.serving.words import URGENCY
from gatectl.documents.fleets import STATES, TargetStatus

PAGE: Final = 500
"""Targets of one page."""

SORTS: Final[Mapping[str, str]] = {
    "state": "What needs somebody first",
    "name": "Name",
    "since": "Changed last",
    "commit": "Commit",
}


class Choice(NamedTuple):
    """What somebody wants to see: targets with all these words, in one state ("": any), in an order, from a page on."""

    text: str = ""
    state: str = ""
    sort: str = "state"
    page: int = 1

    def link(self, **changed: str | int) -> str:
        """The address of another choice, of which only what is not usual is written out."""
        other = self._replace(page=1)._replace(**changed)  # type: ignore[arg-type]
        said = {"q": other.text, "state": other.state, "sort": other.sort, "page": str(other.page)}
        usual = {"q": "", "state": "", "sort": "state", "page": "1"}
        query = urlencode({name: value for name, value in said.items() if value != usual[name]})
        return f"/?{query}" if query else "/"


class Chosen(NamedTuple):
    """What is shown: the targets of a page; how many there are of each state among those with the words; how many fit, and pages of it."""

    targets: Sequence[TargetStatus]
    counts: Mapping[str, int]
    fitting: int
    pages: int


def choice(parameters: Mapping[str, str]) -> Choice:
    """What an address says; what it says wrongly is as if it said nothing."""
    state, sort, page = (parameters.get(name, "") for name in ("state", "sort", "page"))
    return Choice(
        parameters.get("q", "").strip()[:200],
        state if state in STATES else "",
        sort if sort in SORTS else "state",
        max(int(page), 1) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
    )


def choose(targets: Sequence[TargetStatus], wanted: Choice) -> Chosen:
    """The targets that somebody wants to see."""
    words = wanted.text.casefold().split()
    found = [each for each in targets if all(word in _text(each) for word in words)] if words else list(targets)
    counts: Counter[str] = Counter(each["state"] for each in found)
    if wanted.state:
        found = [each for each in found if each["state"] == wanted.state]
    found.sort(key=lambda each: each["name"])
    order = _ORDERS.get(wanted.sort)
    if order is not None:
        found.sort(key=order, reverse=wanted.sort == "since")
    pages = max(-(-len(found) // PAGE), 1)
    start = (min(wanted.page, pages) - 1) * PAGE
    return Chosen(found[start : start + PAGE], counts, len(found), pages)


_ORDERS: Final[Mapping[str, Callable[[TargetStatus], str | int]]] = {
    "state": lambda each: URGENCY.index(each["state"]),
    "since": lambda each: each["since"] or "",
    "commit": lambda each: each["commit"] or "",
}


def _text(target: TargetStatus) -> str:
    """What is searched in: what a row of the table shows."""
    return " ".join(
        [target["name"], target["state"], target["reason"] or "", target["commit"] or "", target["git"]["url"]]
    ).casefold()
