"""The page of a target: its state and all that holds of it, what happens next, what may be done, and what happened last. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from gatectl.controller.deciding import APPROVAL
from gatectl.controller.serving import words
from gatectl.controller.serving.asking import Reply
from gatectl.controller.serving.entering import TOKEN, Caller
from gatectl.controller.serving.fleet_page import badge, hidden, link, moment, text, who
from gatectl.controller.serving.frame import page
from gatectl.documents.fleets import RunStatus, TargetStatus, TargetStory
from gatectl.fleet.values import Source

_DONE: Final = {
    "approved": "Approved. It is applied as it is, as soon as a process is free.",
    "accepted": "Accepted. The commit is looked at now.",
    "paused": "Paused.",
    "resumed": "Resumed.",
    "asked": "Asked for: it is looked at as soon as a process is free.",
}


class Shown(NamedTuple):
    """What a page shows beside the target: for whom, at which moment; `planned`: whether there is a plan; `done`: what they just did;
    `trouble`: why they did not."""

    caller: Caller
    form: str
    now: float
    planned: bool
    done: str | None = None
    trouble: str | None = None


def target_page(story: TargetStory, source: Source, shown: Shown, status: int = 200) -> Reply:
    """The page, for whoever is shown it."""
    target = story["target"]
    name = target["name"]
    body = "\n".join(
        [
            '<main><nav class="back bar">',
            f'<a href="/">← {text(story["fleet"])}</a>{who(shown.caller, shown.form)}</nav>',
            f'<header id="state" data-live><h1>{text(name)} {badge(target["state"])}</h1></header>',
            *_note(shown),
            *_holds(target, source),
            *_acts(target, shown),
            *_facts(target, source, shown),
            *_runs(story["runs"], shown.now),
            "</main>",
        ]
    )
    return page(f"{name}: {target['state']}", body, status)


def _note(shown: Shown) -> Iterator[str]:
    if shown.trouble is not None:
        yield f'<p class="note" role="alert">Not done: {text(shown.trouble)}</p>'
    elif shown.done in _DONE:
        yield f'<p class="note good" role="status">{_DONE[shown.done]}</p>'


def _holds(target: TargetStatus, source: Source) -> Iterator[str]:
    yield '<ul class="holds" id="holds" data-live>'
    for each in target["conditions"]:
        state, reason = each["state"], each["reason"]
        said = reason if reason is not None else words.MEANS[state]
        yield (
            f'<li class="{state}"><b>{state}</b><p>{text(said)}</p>'
            f'<p class="next">{text(words.advice(target, state, reason, source.mode))}</p></li>'
        )
    if target["git"]["error"] is not None:
        yield f'<li class="failed"><b>git</b><p>{text(target["git"]["error"])}</p></li>'
    yield "</ul>"


# What may be done


def _acts(target: TargetStatus, shown: Shown) -> Iterator[str]:
    yield f'<section id="plan" data-live>{_plan(target, shown)}</section>'
    yield '<section id="acts" data-live><h2>What you can do</h2>'
    if shown.caller.way == "open":
        yield f'<p class="soft">Nothing, from here: the controller was started without {TOKEN}.</p></section>'
        return
    yield from _approve(target, shown)
    yield from _accept(target, shown)
    yield '<div class="small">'
    yield _button(target, "reconcile", "Reconcile now", shown)
    if target["paused"] is not None:
        yield _button(target, "resume", "Resume", shown)
    else:
        field = '<input name="reason" placeholder="why, if you like" aria-label="Why it is paused" maxlength="200">'
        yield _button(target, "pause", "Pause", shown, field)
    yield "</div></section>"


def _plan(target: TargetStatus, shown: Shown) -> str:
    if not shown.planned:
        return ""
    return f'<p><a href="{link(target["name"], "plans")}"><b>The plan</b></a>, with its graph: what would be done, and why.</p>'


def _approve(target: TargetStatus, shown: Shown) -> Iterator[str]:
    waits = [each["reason"] for each in target["conditions"] if (each["reason"] or "").startswith(APPROVAL)]
    if not waits:
        return
    fingerprint = (waits[0] or "").removeprefix(APPROVAL)
    yield f'<form class="do" method="post" action="{link(target["name"])}/approve">{hidden(shown.form)}'
    yield f'<input type="hidden" name="fingerprint" value="{text(fingerprint)}">'
    yield f"<p>Approve the plan <code>{text(fingerprint)}</code> of commit <code>{text(target['commit'])}</code>.</p>"
    yield (
        '<label>Guardrails to lift, if it exceeds some <input name="allow" placeholder="deletes=3" maxlength="500" '
        'autocomplete="off"></label>'
    )
    yield '<label>Why they are lifted <input name="reason" maxlength="1000" autocomplete="off"></label>'
    yield "<button>Approve this plan</button></form>"


def _accept(target: TargetStatus, shown: Shown) -> Iterator[str]:
    forced = target["git"]["forced"]
    if forced is None:
        return
    yield f'<form class="do" method="post" action="{link(target["name"])}/approve">{hidden(shown.form)}'
    yield f'<input type="hidden" name="commit" value="{text(forced)}">'
    yield (
        f"<p>Commit <code>{text(forced)}</code> was pushed by force to <code>{text(target['git']['ref'])}</code>. "
        "It counts for all targets of that branch once it is accepted.</p>"
    )
    yield "<button>Accept this commit</button></form>"


def _button(target: TargetStatus, what: str, said: str, shown: Shown, field: str = "") -> str:
    return f'<form method="post" action="{link(target["name"])}/{what}">{hidden(shown.form)}{field}<button>{said}</button></form>'


# What is known


def _facts(target: TargetStatus, source: Source, shown: Shown) -> Iterator[str]:
    yield '<section id="facts" data-live><h2>What is known</h2><dl class="facts">'
    yield _pair("Since", moment(target["since"], shown.now))
    for label, commit in (
        ("Looked at", target["commit"]),
        ("Newest", target["newest"]),
        ("Applied last", target["applied"]),
    ):
        yield _pair(label, f"<code>{text(commit)}</code>" if commit is not None else "–")
    if target["fingerprint"] is not None:
        yield _pair("Fingerprint", f"<code>{text(target['fingerprint'])}</code>")
    yield _pair("Last look", moment(target["looked"], shown.now))
    yield _pair("Next look", moment(target["due"], shown.now) if target["due"] is not None else "as soon as it can be")
    if target["failures"]:
        yield _pair("Failed", f"{target['failures']:,} times in a row")
    if target["worker"] is not None:
        yield _pair("Looked at by", f"<code>{text(target['worker'])}</code>")
    yield _pair("Git", f"<code>{text(target['git']['url'])}</code>, {text(target['git']['ref'])}")
    yield _pair("Platform", f"<code>{text(source.platform)}</code>")
    yield _pair("Mode", "it is made so" if source.mode == "apply" else "it is observed")
    if source.windows:
        yield _pair("Windows", text(", ".join(source.windows)))
    yield "</dl></section>"


def _pair(name: str, value: str) -> str:
    return f"<div><dt>{name}</dt><dd>{value}</dd></div>"


def _runs(runs: Sequence[RunStatus], now: float) -> Iterator[str]:
    yield '<section id="runs" data-live><h2>What happened</h2>'
    if not runs:
        yield '<p class="soft">Nothing yet.</p></section>'
        return
    yield '<ol class="timeline">'
    for run in runs:
        mood = {"in-sync": "calm", "failed": "bad", "invalid": "bad"}.get(run["state"], "")
        receipt = f" · receipt <code>{text(run['receipt'])}</code>" if run["receipt"] is not None else ""
        yield (
            f'<li class="{escape(mood)}"><h2>{badge(run["state"])} {moment(run["ended"], now)}</h2>'
            f"<p>{text(run['reason'] or '')}</p>"
            f'<p class="facts-line soft">commit <code>{text(words.commit(run["commit"]))}</code>{receipt}</p></li>'
        )
    yield "</ol></section>"
