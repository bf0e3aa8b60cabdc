"""Our comment: the marker that it is recognised by, the plan, and the plan before it, folded, within a budget of bytes."""

from __future__ import annotations

import hashlib
import re
from typing import Final, Literal, NamedTuple
from urllib.parse import quote

from gatectl.errors import Uncertain, Unreachable
from gatectl.network.http import TRIED_SECONDS
from gatectl.review.hosts import Comment, Host

_PREVIOUS: Final = "<!-- gatectl: previous -->"
_FINGERPRINT: Final = re.compile("^- Fingerprint: `(sha256:[0-9a-f]{64})`$", re.MULTILINE)

_LONGEST: Final = 100
_NAMED: Final = 240

MINIMUM: Final = 1_500
"""The smallest budget that leaves room for the summary of a plan."""

Done = Literal["created", "updated", "unchanged", "skipped"]


class Posted(NamedTuple):
    """What became of the comment, and where it is ("" unknown)."""

    done: Done
    url: str


def marker(project: str, environment: str) -> str:
    """The hidden line that a comment of ours begins with."""
    return f"<!-- gatectl:{_word(project)}/{_word(environment)} -->"


def _word(name: str) -> str:
    """A name that neither ends an HTML comment nor reads like another pair of names; a long one ends in its hash."""
    word = quote(name, safe="").replace("--", "-%2D")
    return word if len(word) <= _LONGEST else f"{word[:60]}~{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def room(mark: str, budget: int) -> int:
    """The bytes that are there for the plan: what the marker leaves, and the line that names the plan before."""
    return budget - len(mark.encode()) - _NAMED


def compose(mark: str, plan: str, before: str | None, budget: int) -> str:
    """The text of the comment: the plan, and the one of `before` (what the comment holds now) folded behind it.

    Only the plan of before, never the one that was folded there, unless the plan is still the same one. One that does
    not fit is named.
    """
    body = f"{mark}\n{plan}"
    current, older = _parts(mark, before)
    last = older if current is not None and fingerprint(current) == fingerprint(plan) else current
    if not last:
        return body
    for folded in (last, f"Its fingerprint was `{fingerprint(last) or 'not shown'}`. It has no room here."):
        whole = f"{body}\n\n{_PREVIOUS}\n<details><summary>Previous plan</summary>\n\n{folded}\n\n</details>"
        if len(whole.encode()) <= budget:
            return whole
    return body


def _parts(mark: str, body: str | None) -> tuple[str | None, str | None]:
    """The plan in a comment, and the previous one in it."""
    if body is None:
        return None, None
    current, _, folded = body.removeprefix(mark).strip().partition(f"\n{_PREVIOUS}\n")
    found = re.fullmatch(r"<details><summary>Previous plan</summary>\n\n(.*)\n\n</details>", folded.strip(), re.DOTALL)
    return current.strip(), found[1] if found else None


def fingerprint(text: str) -> str | None:
    """The fingerprint that a rendered plan shows."""
    found = _FINGERPRINT.search(text)
    return found[1] if found else None


def post(host: Host, mark: str, plan: str, budget: int, *, create: bool, tried: float = TRIED_SECONDS) -> Posted:
    """Make our comment say this plan: update it, or write it if there is none and `create` says so.

    A comment that may or may not have been written is looked for before it is written again. Raises PlatformError.
    """
    me = host.myself()
    ends = host.clock.now() + tried
    while True:
        found = find(host, mark, me)
        body = compose(mark, plan, found.body if found is not None else None, budget)
        if found is not None:
            if found.body.strip() == body.strip():
                return Posted("unchanged", found.url)
            return Posted("updated", host.update(found, body))
        if not create:
            return Posted("skipped", "")
        try:
            return Posted("created", host.create(body))
        except Uncertain as error:
            if host.clock.now() >= ends:
                raise Unreachable(f"{error.message}; tried for {tried:.0f} s", error.hint) from None
            host.clock.sleep(min(0.5, tried / 10))


def find(host: Host, mark: str, me: int | None) -> Comment | None:
    """Our comment: the first one that begins with the marker and that is ours.

    Where the token's user is not known it is that of an app or a job, and what a person wrote is certainly not ours.
    """
    for comment in host.comments():
        ours = comment.author == me if me is not None else not comment.person
        if ours and comment.body.startswith(f"{mark}\n"):
            return comment
    return None
