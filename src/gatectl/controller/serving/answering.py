"""Which path is asked for, whether who asks may, and who answers: everything but the wire.

Law: all but what `FREE` names wants somebody who is known (`entering`); what acts wants somebody who may act, and a page of ours where a
browser would send along what lets them in. A webhook is let in by its signature alone; one that nobody knows and one that is not signed
get the same answer as a path that there is not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote as percent_encoded

from gatectl.clock import CLOCK, Clock
from gatectl.controller import acts
from gatectl.controller.acts import Desk
from gatectl.controller.measures import Measures
from gatectl.controller.repositories import Repositories
from gatectl.controller.serving import api, exposition, hooks, pages
from gatectl.controller.serving.asking import Asked, Reply, nowhere, redirect, refused
from gatectl.controller.serving.entering import COOKIE, FORM, FORM_HEADER, TOKEN, Caller, Entrance
from gatectl.controller.store import Store
from gatectl.credentials import pasted
from gatectl.credentials.secrets import resolve_reference
from gatectl.errors import GatectlError, InputError, MissingCredential, PlatformError, PlatformRefused
from gatectl.fleet.values import Webhook
from gatectl.quote import quote
from gatectl.server.attempts import Attempts
from gatectl.server.hosting import Log

__all__ = ["COOKIE", "Settings", "Site"]

API: Final = "/api/targets/"
PAGES: Final = "/targets/"
PLANS: Final = "/plans/"
LOGIN: Final = "/login"
LOGOUT: Final = "/logout"

_LOGIN_PROOF: Final = "login"


class Settings(NamedTuple):
    """What the process hands in: its variables, its counters, whether it is alive, how it is woken when there is something to look at,
    and where words go."""

    environ: Mapping[str, str]
    measures: Measures
    alive: Callable[[], bool]
    woken: Callable[[], None]
    log: Log
    clock: Clock = CLOCK


class Site:
    """Answers requests, of any thread. `hooks` are those of the fleet; where one has the path of something of ours, InputError."""

    def __init__(self, desk: Desk, entrance: Entrance, settings: Settings) -> None:
        self.desk = desk
        self.entrance = entrance
        self.settings = settings
        self._hooks: dict[str, tuple[str, Webhook]] = {}
        for source in desk.fleet.sources:
            if source.webhook is not None:
                self._hooks[source.webhook.path] = (source.git.url, source.webhook)
        for path in self._hooks:
            if _is_taken(path):
                raise InputError(
                    f"the webhook '{quote(path)}' has a path of the controller's own", "give it another: /hooks/NAME"
                )
        self._attempts = Attempts(settings.clock.now)

    def answer(self, asked: Asked) -> Reply:
        """What is answered. Raises PlatformError where the database is away."""
        if asked.path in _FREE:
            return _FREE[asked.path](self, asked)
        if asked.path.startswith(pages.STATIC):
            return pages.static_file(asked)
        if not self.entrance.is_ours(asked):
            return refused(403, "forbidden", "that is no name of this machine", "http://127.0.0.1, and no other name")
        return self._inside(asked)

    def caller(self, asked: Asked) -> Caller | None:
        """Who may read what the pages say."""
        return self.entrance.caller(asked) if self.entrance.is_ours(asked) else None

    def _inside(self, asked: Asked) -> Reply:
        if asked.path in (LOGIN, LOGOUT):
            return self._login(asked) if asked.path == LOGIN else self._logout(asked)
        if not _is_taken(asked.path):
            return self._hook(asked)
        if asked.path == "/metrics":
            return self._metrics(asked)
        caller = self.entrance.caller(asked)
        if caller is None:
            return self._turned_away(asked)
        if asked.method not in ("GET", "HEAD", "POST"):
            return refused(405, "method", "the method is not one of GET, POST", Allow="GET, POST")
        if asked.method == "POST":
            why = self._may_not_act(asked, caller)
            if why is not None:
                return why
        if asked.path.startswith("/api/"):
            return api.answer(self.desk, asked, caller, self.settings.woken)
        form = self.entrance.form(caller.proof)
        return pages.answer(self.desk, asked, caller, pages.View(form, self.settings.clock.wall(), self.settings.woken))

    # Who may

    def _may_not_act(self, asked: Asked, caller: Caller) -> Reply | None:
        """Why somebody may not do what they ask for; None: they may."""
        if caller.way == "open":
            return refused(401, "not_authenticated", f"nobody can act here, since the controller was started without {TOKEN}",
                           f"start it with {TOKEN} set, and give the same token here")  # fmt: skip
        if not caller.by_browser:
            return None
        if not self.entrance.is_own_page(asked):
            return refused(403, "forbidden", "that came from a page of another origin",
                           "a proxy has to hand on the header Host as it came")  # fmt: skip
        given = asked.form().get(FORM) or asked.header(FORM_HEADER) or ""
        if not self.entrance.is_own_form(given, caller.proof):
            return refused(
                403, "forbidden", "that came from no form of this page, or from one of yesterday", "load the page again"
            )
        return None

    def _turned_away(self, asked: Asked) -> Reply:
        for_people = not asked.path.startswith("/api/") and asked.path != "/events" and asked.method in ("GET", "HEAD")
        if not for_people or "authorization" in asked.headers:
            return refused(401, "not_authenticated", "the token is missing or wrong", f"set {TOKEN}",
                           WWW_Authenticate='Bearer realm="gatectl"')  # fmt: skip
        if self.entrance.doors.token is None:
            return pages.shut("This page is for those who come through the proxy of your organization.")
        after = f"?after={percent_encoded(asked.path, safe='/')}" if asked.path != "/" else ""
        return redirect(f"{LOGIN}{after}")

    def _login(self, asked: Asked) -> Reply:
        if self.entrance.doors.token is None:
            return redirect("/") if self.caller(asked) is not None else self._turned_away(asked._replace(path="/"))
        after = _own_path(asked.parameters().get("after") or asked.form().get("after"))
        if asked.method != "POST":
            return pages.login(self.entrance.form(_LOGIN_PROOF), after, None, 200)
        fields = asked.form()
        if not self.entrance.is_own_page(asked) or not self.entrance.is_own_form(fields.get(FORM, ""), _LOGIN_PROOF):
            return pages.login(
                self.entrance.form(_LOGIN_PROOF), after, "That came from another page. Try again here.", 403
            )
        try:
            self._attempts.check(asked.peer)
        except PlatformRefused as error:
            return pages.login(self.entrance.form(_LOGIN_PROOF), after, f"{error.message}.", 429)
        if not self.entrance.knows(fields.get("token", "").strip()):
            self._attempts.failed(asked.peer)
            return pages.login(self.entrance.form(_LOGIN_PROOF), after, "That is not the token.", 401)
        return redirect(after, {"Set-Cookie": self.entrance.begin(asked)})

    def _logout(self, asked: Asked) -> Reply:
        caller = self.entrance.caller(asked)
        if asked.method != "POST" or caller is None:
            return redirect("/")
        why = self._may_not_act(asked, caller)
        return why if why is not None else redirect(LOGIN, {"Set-Cookie": self.entrance.end(asked)})

    # What programs ask

    def _hook(self, asked: Asked) -> Reply:
        """A call of a webhook, or of a path that there is not."""
        known = self._hooks.get(asked.path) if asked.method == "POST" else None
        believed = hooks.is_signed(asked, self._secret(known), self.settings.clock.wall())
        if asked.method == "POST":
            self.settings.measures.hooked(believed=known is not None and believed)
        if known is None or not believed:
            return nowhere()
        Repositories(self.desk.database).ask(known[0])
        self.settings.woken()
        return Reply(202, b"{}")

    def _secret(self, known: tuple[str, Webhook] | None) -> str:
        """The secret of a hook, as it is now; of one that nobody knows, as of one whose secret is not there, none."""
        if known is None:
            return ""
        folder = Path(os.path.abspath(self.desk.fleet.file)).parent
        try:
            return resolve_reference(known[1].secret, folder, self.settings.environ, pasted.stripped)
        except MissingCredential as error:
            self.settings.log.error(f"a webhook cannot be believed: {error.message}")
            return ""

    def _metrics(self, asked: Asked) -> Reply:
        if not self.entrance.may_measure(asked):
            return refused(401, "not_authenticated", "the token is missing or wrong", None, WWW_Authenticate="Bearer")
        families = [exposition.build_family(), *self.settings.measures.families()]
        try:
            status = acts.status(self.desk)
            families += exposition.fleet_families(status, Store(self.desk.database).waiting())
        except PlatformError as error:  # what this process counted is told all the same
            self.settings.log.error(f"metrics without the fleet: {error.message}")
        return Reply(200, exposition.text(families).encode(), exposition.CONTENT_TYPE)


def healthz(site: Site, asked: Asked) -> Reply:
    """Whether this process does what it is there for."""
    return Reply(200, b"ok\n", "text/plain") if site.settings.alive() else Reply(503, b"not alive\n", "text/plain")


def readyz(site: Site, asked: Asked) -> Reply:
    """Whether it can answer for the fleet: the database is there."""
    try:
        Store(site.desk.database).now()
    except GatectlError:
        return Reply(503, b"the database does not answer\n", "text/plain")
    return Reply(200, b"ok\n", "text/plain")


_FREE: Final[Mapping[str, Callable[[Site, Asked], Reply]]] = {"/healthz": healthz, "/readyz": readyz}
_OURS: Final = ("/", "/metrics", "/events", LOGIN, LOGOUT)
_BELOW: Final = ("/api/", PAGES, PLANS, pages.STATIC)


def _is_taken(path: str) -> bool:
    """Whether a path is one of ours, and of no webhook."""
    return path in _FREE or path in _OURS or path.startswith(_BELOW)


def _own_path(text: str | None) -> str:
    """Where somebody goes who has come in: a page of ours, whatever the address says."""
    return percent_encoded(text, safe="/") if text is not None and text.startswith((PAGES, PLANS)) else "/"
