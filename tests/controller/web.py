"""A controller's HTTP side on loopback, with a target that waits for an approval."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from controller.test_acts import KEY, Kept
from gatectl.clock import CLOCK, Clock
from gatectl.controller.acts import Desk
from gatectl.controller.database import Database
from gatectl.controller.measures import Measures
from gatectl.controller.serving.listening import Address, Log, Settings, Web, serve
from gatectl.controller.store import Store
from gatectl.fleet.values import Webhook

TOKEN = "canary-token-4e1f7a90"
METRICS = "canary-metrics-77b1c2"
HOOK = "canary-hook-secret-19d3"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

__all__ = ["KEY", "Kept"]


class Controller:
    """What listens, what it goes by, and a client without any credential."""

    def __init__(self, kept: Kept, web: Web, desk: Desk, woken: list[int], said: list[str], measures: Measures) -> None:
        self.kept, self.web, self.desk = kept, web, desk
        self.woken, self.said, self.measures = woken, said, measures
        self.lives = [True]
        self.http = httpx.Client(base_url=web.url, trust_env=False)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(path, headers=dashed(headers))

    def post(self, path: str, **how: Any) -> httpx.Response:
        return self.http.post(path, **how)

    def login(self) -> None:
        """The client is a browser from now on, which gave the token."""
        page = self.http.get("/login")
        fields = {"token": TOKEN, "form": form_of(page)}
        done = self.http.post("/login", data=fields, headers={"Origin": self.web.url})
        assert done.status_code == 303, done.text

    def form(self, path: str = "/") -> str:
        return form_of(self.http.get(path))


def form_of(page: httpx.Response) -> str:
    found = re.search(r'name="form" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@contextmanager
def controller(
    folder: Path, environ: Mapping[str, str] | None = None, *, address: str | None = None, clock: Clock = CLOCK,
    proxies: tuple[str, ...] = (), header: str | None = None, **source: Any,
) -> Iterator[Controller]:  # fmt: skip
    """One that runs; by default with a token, and one for metrics."""
    database = Database(address or f"sqlite:///{folder / 'controller.db'}")
    store = Store(database)
    store.join("w", "here")
    kept = Kept(folder, database, store, **source)
    (folder / "hook").write_text(f"{HOOK}\n")
    fleet = kept.site.fleet
    hooked = fleet.sources[0]._replace(webhook=Webhook("/hooks/data", {"file": str(folder / "hook")}))
    fleet = fleet._replace(sources=(hooked,), trusted_proxies=proxies, user_header=header)
    desk = Desk(database, fleet, KEY)
    woken: list[int] = []
    said: list[str] = []
    lives = [True]
    measures = Measures()
    settings = Settings(
        {"GATECTL_CONTROLLER_TOKEN": f"{TOKEN}\n", "GATECTL_METRICS_TOKEN": METRICS} if environ is None else environ,
        measures, lambda: lives[0], lambda: woken.append(1), Log(said.append, said.append), clock,
    )  # fmt: skip
    web = serve(desk, Address("127.0.0.1", 0), settings)
    made = Controller(kept, web, desk, woken, said, measures)
    made.lives = lives
    try:
        yield made
    finally:
        made.http.close()
        web.close()
        database.close()
