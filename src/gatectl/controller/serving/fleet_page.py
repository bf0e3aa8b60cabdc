"""The page of the fleet: how many targets are in which state, and a table of those that somebody looks for. Pure.

All of it is there without script: what is looked for is in the address. Its script only asks for the same page again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from urllib.parse import quote as percent_encoded

from gatectl.controller.serving import words
from gatectl.controller.serving.asking import Reply
from gatectl.controller.serving.entering import FORM, Caller
from gatectl.controller.serving.frame import page
from gatectl.controller.serving.listing import SORTS, Choice, Chosen, choose
from gatectl.documents.fleets import STATES, FleetStatus, TargetStatus
from gatectl.quote import safe
from gatectl.render.listing import plural

_MANY = 100
"""From how many rows on the browser lays out only those that are in sight."""


def fleet_page(status: FleetStatus, wanted: Choice, caller: Caller, form: str, now: float) -> Reply:
    """The page, for whoever is shown it."""
    chosen = choose(status["targets"], wanted)
    body = "\n".join(
        [
            '<main><header><div class="bar">',
            f'<h1>{text(status["fleet"])} <small class="soft">fleet</small></h1>{who(caller, form)}</div>',
            f'<div id="facts" data-live>{_facts(status, now)}</div></header>',
            *_states(wanted, chosen.counts),
            *_find(wanted),
            *_table(wanted, chosen, len(status["targets"]), now),
            "</main>",
        ]
    )
    return page(f"{status['fleet']}: fleet", body)


def text(value: object) -> str:
    """Text of others, as it may stand in a page."""
    return escape(safe(value))


def link(target: str, what: str = "targets") -> str:
    """The address of something of a target."""
    return escape(f"/{what}/{percent_encoded(target, safe='/')}")


def moment(when: str | None, now: float) -> str:
    """A moment, as long ago as it is."""
    if when is None:
        return '<span class="soft">never</span>'
    return f'<time datetime="{escape(when)}" title="{words.shown(when)}">{words.ago(when, now)}</time>'


def badge(state: str) -> str:
    """A state, in its colour and its word."""
    return f'<span class="badge {text(state)}">{text(state)}</span>'


def hidden(form: str) -> str:
    """What shows that a form is ours."""
    return f'<input type="hidden" name="{FORM}" value="{escape(form)}">'


def who(caller: Caller, form: str) -> str:
    """Who looks, and the way out."""
    if caller.way == "session":
        return f'<form method="post" action="/logout">{hidden(form)}<button>Sign out</button></form>'
    return f'<span class="soft">{text(caller.who)}</span>' if caller.way == "proxy" else ""


def _facts(status: FleetStatus, now: float) -> str:
    processes = f"{len(status['workers']):,} process{'' if len(status['workers']) == 1 else 'es'}"
    unread = {each["git"]["url"] for each in status["targets"] if each["git"]["error"] is not None}
    note = ""
    if not status["workers"]:
        note = '<p class="note">No process of the controller is there: nothing is looked at.</p>'
    if unread:
        verb = "repository" if len(unread) == 1 else "repositories"
        note += f'<p class="note">{len(unread):,} git {verb} cannot be read; what was read last still counts.</p>'
    return f'<p class="soft">{plural(len(status["targets"]), "target")}, {processes}</p>{note}'


def _states(wanted: Choice, counts: Mapping[str, int]) -> Iterator[str]:
    yield '<ul class="states" id="states" data-live>'
    for state in words.URGENCY:
        count = counts.get(state, 0)
        chosen = state == wanted.state
        to = escape(wanted.link(state="" if chosen else state))
        current = ' aria-current="true"' if chosen else ""
        shade = f' class="{state}"' if count else ""
        yield (
            f'<li{"" if count else " class=none"}><a href="{to}" title="{words.MEANS[state]}"{current}>'
            f"<b{shade}>{count:,}</b>{state}</a></li>"
        )
    yield "</ul>"


def _find(wanted: Choice) -> Iterator[str]:
    yield '<form id="find" method="get" action="/" role="search">'
    yield (
        f'<input type="search" name="q" value="{escape(wanted.text)}" placeholder="Find a target" aria-label="Find a target" '
        'maxlength="200" title="Press / to come here, and the arrow keys to go through the rows">'
    )
    yield '<select name="state" aria-label="State"><option value="">any state</option>'
    yield from (_option(state, state, wanted.state) for state in STATES)
    yield '</select><select name="sort" aria-label="Order">'
    yield from (_option(name, said, wanted.sort) for name, said in SORTS.items())
    yield "</select><button>Find</button></form>"


def _option(value: str, said: str, chosen: str) -> str:
    return f'<option value="{value}"{" selected" if value == chosen else ""}>{said}</option>'


def _table(wanted: Choice, chosen: Chosen, known: int, now: float) -> Iterator[str]:
    many = " many" if len(chosen.targets) > _MANY else ""
    yield f'<section id="targets" data-live><p class="soft" role="status">{_counted(chosen, known)}</p>'
    if chosen.targets:
        yield f'<table class="fleet{many}"><thead><tr>'
        for name, said in (
            ("name", "Target"),
            ("state", "State"),
            ("", "Why"),
            ("commit", "Commit"),
            ("since", "Since"),
        ):
            sorted_by = ' aria-sort="other"' if name == wanted.sort else ""
            yield f'<th scope="col"{sorted_by}>{_heading(wanted, name, said)}</th>'
        yield "</tr></thead><tbody>"
        yield from (_row(each, now) for each in chosen.targets)
        yield "</tbody></table>"
    if chosen.pages > 1:
        yield '<p class="pages">'
        yield from (_page(wanted, number, min(wanted.page, chosen.pages)) for number in range(1, chosen.pages + 1))
        yield "</p>"
    yield "</section>"


def _counted(chosen: Chosen, known: int) -> str:
    if not known:
        return "No targets yet: no repository was read."
    if not chosen.fitting:
        return 'No target is like that. <a href="/">Show all</a>'
    return "" if chosen.fitting == known else f'{chosen.fitting:,} of {known:,} targets. <a href="/">Show all</a>'


def _heading(wanted: Choice, name: str, said: str) -> str:
    return f'<a href="{escape(wanted.link(sort=name))}">{said}</a>' if name and name != wanted.sort else said


def _row(target: TargetStatus, now: float) -> str:
    name, state, reason = target["name"], target["state"], words.short(target["reason"])
    searched = f"{name} {state} {target['reason'] or ''} {target['commit'] or ''} {target['git']['url']}".lower()
    return (
        f'<tr data-state="{state}" data-text="{text(searched)}"><th scope="row"><a href="{link(name)}">{text(name)}</a></th>'
        f'<td>{badge(state)}</td><td class="why">{text(reason)}</td>'
        f'<td><code>{text(words.commit(target["commit"]))}</code></td><td class="since">{moment(target["since"], now)}</td></tr>'
    )


def _page(wanted: Choice, number: int, current: int) -> str:
    if number == current:
        return f"<b>{number}</b>"
    return f'<a href="{escape(wanted.link(page=number))}">{number}</a>'
