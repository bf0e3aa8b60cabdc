"""What a controller knows of its fleet, for people: a line a target, what needs somebody first; one target with all that holds of it. Pure.

Where a table would be too wide for the window each target has a paragraph of its own.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from gatectl.documents.fleets import STATES, Act, FleetStatus, Holds, RunStatus, State, TargetStatus, TargetStory
from gatectl.quote import quote, safe
from gatectl.render.interface import Look
from gatectl.render.rows import aligned, moment
from gatectl.render.wrap import columns

FEW: Final = 40
"""So many targets are all listed; of more, those that are in sync are counted."""

_ROOM: Final = 24
"""Columns that are left for why, or a table is too wide."""
_WIDEST: Final = 60
"""Columns of a name, at most."""

_ORDER: Final[Sequence[State]] = (*STATES[1:-1], "paused", "in-sync")
"""In a list a target that somebody paused waits for nobody."""

STYLES: Final[Mapping[State, str]] = {
    "paused": "35", "invalid": "31", "failed": "31", "applying": "36", "waiting": "33", "pending": "33", "drifted": "33", "in-sync": "32",
}  # fmt: skip


def table(status: FleetStatus, look: Look, *, every: bool) -> str:
    """The targets, those that need somebody first. `every`: those in sync are listed, however many there are."""
    targets = sorted(status["targets"], key=lambda each: _ORDER.index(each["state"]))
    shown = targets if every or look.verbosity > 0 or len(targets) <= FEW else list(filter(_is_news, targets))
    lines = list(_lines(shown, look)) if shown else []
    if len(shown) < len(targets):
        lines.append(f"… and {len(targets) - len(shown):,} in sync (-v lists them)")
    return "\n".join([*lines, *_unread(status), *_absent(status), summary(status)])


def _is_news(target: TargetStatus) -> bool:
    return target["state"] != "in-sync" or target["git"]["error"] is not None


def summary(status: FleetStatus) -> str:
    """How many targets there are in which state."""
    counts = Counter(each["state"] for each in status["targets"])
    told = ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts[state])
    number = len(status["targets"])
    return f"{quote(status['fleet'])}: {number:,} target{'' if number == 1 else 's'}{f' ({told})' if told else ''}."


def change(target: TargetStatus, at: str, look: Look) -> str:
    """A line of a target that is not as it was: when that was seen, its name and state, the commit and why."""
    why = f"  {safe(target['reason'])}" if target["reason"] is not None else ""
    state = _paint(f"{target['state']:<8}", STYLES[target["state"]], look)
    return f"{moment(at)}  {state}  {quote(target['name'])}  {_commit(target)}{why}"


def story(told: TargetStory, look: Look, ask: Callable[[str], str]) -> str:
    """A target: its state, all that holds of it, what to do next, its last runs. `ask` makes a command line of a command and a target."""
    target = told["target"]
    state = _paint(target["state"], STYLES[target["state"]], look)
    since = f" since {moment(target['since'])}" if target["since"] is not None else ""
    lines = [f"{_paint(quote(target['name']), '1', look)} is {state}{since}"]
    lines += [
        f"  {_paint(each['state'], STYLES[each['state']], look)}: {_meaning(each)}" for each in target["conditions"]
    ]
    lines += [f"  {name + ':':<10}{words}" for name, words in _facts(target)]
    lines += [f"  {_paint('next', '1', look)}: {words}" for words in _next(target, ask)]
    rows = [("BEGAN", "STATE", "COMMIT", "RUN", "WHY"), *map(_run, told["runs"])]
    return "\n".join([*lines, *(["", *(line.rstrip() for line in aligned(rows))] if told["runs"] else [])])


def done(act: Act) -> str:
    """What somebody did."""
    name, who = f"'{quote(act['target'])}'", quote(act["who"])
    if act["did"] == "approved":
        until = f", until {moment(act['until'])}" if act["until"] is not None else ""
        return f"Approved for {name} by {who}: {quote(act['fingerprint'])} of commit {quote(act['commit'])}{until}."
    if act["did"] == "accepted":
        return f"Accepted for {name} by {who}: commit {quote(act['commit'])}."
    words = {"paused": "is paused by", "resumed": "goes on, says", "asked": "is looked at now, says"}
    return f"{name} {words[act['did']]} {who}."


# A list


def _lines(targets: Sequence[TargetStatus], look: Look) -> Iterator[str]:
    rows = [_row(each, look) for each in targets]
    lines = aligned([("TARGET", "STATE", "COMMIT", "SINCE", "WHY"), *((*row[:4], row[4]) for row in rows)])
    fixed = columns(lines[0]) - len("WHY")
    if fixed + _ROOM <= look.width or (fixed <= look.width and not any(row[4] for row in rows)):
        yield from (line.rstrip() for line in lines)
        return
    for name, state, commit, since, why in rows:
        yield f"{_paint(name, '1', look)}  {state}"
        yield from (f"    {words}" for words in (why, f"commit {commit}{f', since {since}' if since else ''}") if words)


def _row(target: TargetStatus, look: Look) -> tuple[str, str, str, str, str]:
    since = moment(target["since"]) if target["since"] is not None else ""
    why = safe(target["reason"]) if target["reason"] is not None else ""
    state = _paint(target["state"], STYLES[target["state"]], look)
    return quote(target["name"], _WIDEST), state, _commit(target), since, why


def _commit(target: TargetStatus) -> str:
    return quote((target["commit"] or "none")[:12])


def _unread(status: FleetStatus) -> Iterator[str]:
    """The repositories that cannot be read, each once."""
    counts = Counter(
        (each["git"]["url"], each["git"]["error"]) for each in status["targets"] if each["git"]["error"] is not None
    )
    for (url, error), number in sorted(counts.items()):
        yield f"git: {quote(url)} ({number:,} target{'' if number == 1 else 's'}): {safe(error)}"


def _absent(status: FleetStatus) -> Iterator[str]:
    if not status["workers"]:
        yield "No process of the controller is there: nothing is looked at."


def _paint(words: str, style: str, look: Look) -> str:
    return f"\x1b[{style}m{words}\x1b[0m" if look.color and words else words


# One target


_MEANINGS: Final[Mapping[State, str]] = {
    "paused": "nobody looks at it",
    "invalid": "its commit says what cannot be",
    "failed": "what was to be done did not succeed",
    "applying": "it is being applied",
    "waiting": "it waits",
    "pending": "something is to be applied, or looked at",
    "drifted": "somebody changed the platform",
    "in-sync": "the platform is as the commit says",
}


def _meaning(each: Holds) -> str:
    return safe(each["reason"]) if each["reason"] is not None else _MEANINGS[each["state"]]


def _facts(target: TargetStatus) -> Iterator[tuple[str, str]]:
    git = target["git"]
    yield (
        "git",
        f"{quote(git['url'])}, {quote(git['ref'])}" + (f": {safe(git['error'])}" if git["error"] is not None else ""),
    )
    yield "commit", ", ".join(_commits(target)) or "none is known"
    if target["fingerprint"] is not None:
        yield "plan", quote(target["fingerprint"])
    if target["looked"] is not None:
        due = f", again at {moment(target['due'])}" if target["due"] is not None and target["paused"] is None else ""
        failures = f", failed {target['failures']:,} times in a row" if target["failures"] > 1 else ""
        yield "looked", f"at {moment(target['looked'])}{due}{failures}"


def _commits(target: TargetStatus) -> Iterator[str]:
    commit, applied = target["commit"], target["applied"]
    if commit is not None:
        yield f"{quote(commit)} was looked at"
    if target["newest"] not in (None, commit):
        yield f"{quote(target['newest'])} is newer"
    if applied is not None:
        yield "and was in sync" if applied == commit else f"{quote(applied)} was in sync once"


def _next(target: TargetStatus, ask: Callable[[str], str]) -> Iterator[str]:
    """What somebody can do now, the very command line where there is one."""
    held = {each["state"] for each in target["conditions"]}
    name = quote(shlex.quote(target["name"]))
    if target["paused"] is not None:
        yield ask(f"resume {name}")
    if "invalid" in held:
        yield "mend what is said there and push it: gatectl validate finds the same in a checkout"
    if target["git"]["forced"] is not None:
        forced = quote(target["git"]["forced"])
        yield f"look at what was pushed, then: {ask(f'approve {name} --commit {forced}')}"
    if target["fingerprint"] is not None and _waits_for_approval(target):
        plan = quote(target["fingerprint"])
        yield f"look at the plan, then: {ask(f'approve {name} {plan}')}"
    if target["git"]["error"] is not None:
        yield "see that the repository can be read from where the controller runs; it is asked again by itself"
    elif "failed" in held:
        yield _after_failing(target)


def _after_failing(target: TargetStatus) -> str:
    if any((each["reason"] or "").startswith("not authenticated") for each in target["conditions"]):
        return "renew what the source signs in with; it is read again before the next look"
    return "it is tried again by itself; the log of the controller says more"


def _waits_for_approval(target: TargetStatus) -> bool:
    return any(
        each["state"] == "waiting" and (each["reason"] or "").endswith(target["fingerprint"] or "\n")
        for each in target["conditions"]
    )


def _run(run: RunStatus) -> tuple[str, str, str, str, str]:
    commit = quote((run["commit"] or "none")[:12])
    why = safe(run["reason"]) if run["reason"] is not None else ""
    return moment(run["began"]), quote(run["state"]), commit, quote(run["receipt"] or "-"), why
