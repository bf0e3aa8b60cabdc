"""The controller for people: the fleet, a target, its plan, and the way in. What each page says is made by `fleet_page`, `target_page`
and the plan's own page (`render.html`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import NamedTuple
from urllib.parse import quote as percent_encoded

from gatectl.applying.saved import checked_plan
from gatectl.controller import acts
from gatectl.controller.acts import Desk
from gatectl.controller.serving import api, listing
from gatectl.controller.serving.asking import Asked, Reply, redirect
from gatectl.controller.serving.entering import Caller
from gatectl.controller.serving.fleet_page import fleet_page, hidden, link, text
from gatectl.controller.serving.frame import STATIC, page, static_file, whole
from gatectl.controller.serving.target_page import Shown, target_page
from gatectl.controller.store import Store
from gatectl.errors import GatectlError, InputError, PlatformError, UsageError
from gatectl.render import html
from gatectl.render.interface import Look
from gatectl.rules import RULES

__all__ = ["PLANS", "STATIC", "TARGETS", "View", "answer", "login", "shut", "static_file"]

TARGETS = "/targets/"
PLANS = "/plans/"


class View(NamedTuple):
    """How pages are shown: what their forms hold, the time of day, and who is woken by what somebody does."""

    form: str
    now: float
    woken: Callable[[], None]


def answer(desk: Desk, asked: Asked, caller: Caller, view: View) -> Reply:
    """A page, or what somebody does on one, for somebody who may. Raises PlatformError."""
    try:
        if asked.method == "POST" and asked.path.startswith(TARGETS):
            return _act(desk, asked, caller, view)
        if asked.path == "/":
            wanted = listing.choice(asked.parameters())
            return fleet_page(acts.status(desk), wanted, caller, view.form, view.now)
        if asked.path.startswith(PLANS):
            return _plan(desk, asked.path.removeprefix(PLANS))
        if asked.path.startswith(TARGETS):
            done = asked.parameters().get("done")
            return _target(desk, asked.path.removeprefix(TARGETS), Shown(caller, view.form, view.now, False, done))
    except UsageError as error:
        return _alone("There is no such target", error, 404)
    return _alone("There is no such page", None, 404)


def _target(desk: Desk, name: str, shown: Shown, status: int = 200) -> Reply:
    story = acts.story(desk, name)
    source = next(each for each in desk.fleet.sources if each.name == story["target"]["source"])
    planned = Store(desk.database).plan_of(name) is not None
    return target_page(story, source, shown._replace(planned=planned), status)


def _act(desk: Desk, asked: Asked, caller: Caller, view: View) -> Reply:
    """Somebody presses a button: then they see the page of the target again, and what came of it. Raises UsageError."""
    name, _, what = asked.path.removeprefix(TARGETS).rpartition("/")
    if what not in api.DEEDS:
        return _alone("There is no such page", None, 404)
    try:
        done = api.act(desk, name, what, _wish(asked.form()), caller, "page", view.woken)
    except PlatformError:
        raise
    except GatectlError as error:
        trouble = f"{error.message} ({error.hint})" if error.hint else error.message
        shown = Shown(caller, view.form, view.now, False, None, trouble)
        return _target(desk, name, shown, api.failed(desk, name, error).status)
    return redirect(f"{TARGETS}{percent_encoded(name, safe='/')}?done={done['did']}")


def _wish(fields: Mapping[str, str]) -> api.Wish:
    """What a form says. Raises UsageError."""
    allow = tuple(filter(None, re.split(r"[,\s]+", fields.get("allow", ""))))
    said = {name: fields.get(name, "").strip() or None for name in ("fingerprint", "commit", "reason")}
    return api.checked(api.Wish(said["fingerprint"], said["commit"], allow, said["reason"]))


def _plan(desk: Desk, name: str) -> Reply:
    """The plan of a target, as the page that it is when it is saved. Raises UsageError."""
    acts.story(desk, name, 0)
    found = Store(desk.database).plan_of(name)
    if found is None:
        return _alone("Nothing is to be done", None, 404, name)
    try:
        plan = checked_plan("the plan", found.encode("utf-8", "surrogatepass"))
    except InputError as error:
        return _alone("The plan cannot be shown", error, 409, name)
    return whole(html.plan(plan, Look(rules=tuple(RULES.values()), environment=name)))


# The way in


def login(form: str, after: str, trouble: str | None, status: int) -> Reply:
    """Where the token is given. `after` is where somebody goes then."""
    note = f'<p class="note" role="alert">{text(trouble)}</p>' if trouble is not None else ""
    return page(
        "Sign in",
        f'<main><form class="login do" method="post" action="/login">{hidden(form)}'
        f'<input type="hidden" name="after" value="{escape(after)}"><h1>gatectl controller</h1>{note}'
        '<input type="text" name="user" value="gatectl" autocomplete="username" hidden>'
        '<label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label>'
        '<p class="soft">It is what GATECTL_CONTROLLER_TOKEN was set to where the controller was started.</p>'
        "<button>Sign in</button></form></main>",
        status,
    )


def shut(said: str) -> Reply:
    """Nobody is let in here."""
    return page("Not here", f'<main><h1>Not here</h1><p class="note">{text(said)}</p></main>', 401)


def _alone(title: str, error: GatectlError | None, status: int, name: str | None = None) -> Reply:
    """A page that says one thing."""
    said = f"<p>{text(error.message)}</p>" if error is not None else ""
    hint = f'<p class="soft">{text(error.hint)}</p>' if error is not None and error.hint else ""
    back = f'<a href="{link(name)}">← {text(name)}</a>' if name is not None else '<a href="/">← All targets</a>'
    return page(title, f'<main><nav class="back">{back}</nav><h1>{title}</h1>{said}{hint}</main>', status)
