"""One process of a controller: it says that it is there, looks at repositories when it is time, has targets looked at, and takes over what
others leave. All processes are equal (product.md, section 9; `shared` tables: `store`).

It takes itself for dead where it could not say for long that it is there, and ends at once (`lapsed`).
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from gatectl.clock import CLOCK, Clock
from gatectl.controller import aliveness, following
from gatectl.controller.aliveness import Aliveness
from gatectl.controller.approvals import Approvals
from gatectl.controller.database import Database
from gatectl.controller.engine import Engine, Why
from gatectl.controller.looking import Busy, Looker
from gatectl.controller.measures import Measures
from gatectl.controller.mirrored import Mirrored
from gatectl.controller.notifying import Notifier
from gatectl.controller.opening import Operator
from gatectl.controller.outbox import Outbox
from gatectl.controller.purses import Purses
from gatectl.controller.repositories import Repositories, Repository
from gatectl.controller.store import Due, Store
from gatectl.controller.worker import Told, Worker
from gatectl.errors import PlatformError
from gatectl.fleet.values import Fleet

TICK: Final = 1.0
"""Seconds between two looks at what is due; a webhook makes it sooner."""
_WATCH: Final = 0.25
_ORPHANS: Final = 10.0
"""Seconds between two looks for runs that nobody has."""
_SWEEP: Final = 3_600.0
_RUNS: Final = 3_600.0
"""Seconds for which the engine's own rows of runs that ended stay: what is worth telling is in our tables."""
_MOST: Final = 200
"""Targets that one tick asks for."""
_TOGETHER: Final = 5
"""Targets that are looked at in one run of the engine: each run costs as much as several looks at what is as it should be."""
_REPOSITORIES: Final = 4
"""Repositories that are looked at at once."""


class Settings(NamedTuple):
    """How a process runs: `database` is ours, `engine` DBOS's (the same on a server; of a file, another); `folder` holds mirrors and
    trees; `threads` targets are looked at at once. `lapsed` is called when this process takes itself for dead, and does not come back."""

    operator: Operator
    database: str
    engine: str
    folder: Path
    key: bytes
    tell: Told
    lapsed: Callable[[], None]
    digest: str
    measures: Measures
    threads: int = 4
    clock: Clock = CLOCK


def digest_of(fleet: Fleet) -> str:
    """What tells what one fleet file says from what another does, wherever they lie."""
    return hashlib.sha256(repr(fleet._replace(file="")).encode("utf-8", "backslashreplace")).hexdigest()


class Process:
    """A process that is there from now on, until it is closed. Raises PlatformError where the database cannot be opened."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = settings.clock
        operator = settings.operator
        self.database = Database(settings.database)
        self.store = Store(self.database)
        self.repositories = Repositories(self.database)
        self.alive = Aliveness(self._clock)
        self.worker = Worker(
            f"{socket.gethostname()[:60]}-{os.getpid()}-{uuid.uuid4().hex[:12]}", operator, self.store, self.repositories,
            Approvals(self.database), Mirrored(settings.folder, operator.fleet, operator.environ, self._clock),
            Purses(operator.fleet.platforms, self.store, settings.measures, self._clock), settings.key, self.alive, settings.tell,
            settings.measures, self._clock,
        )  # fmt: skip
        self._intervals = following.intervals_of(operator.fleet)
        self._looker = Looker(self.worker)
        self._following = Busy()
        self._notifier = Notifier(
            operator, Outbox(self.database), self.worker.id, settings.tell, settings.measures,
            lambda: not (self.alive.lapsed or self._looker.idle.is_set()), self._clock,
        )  # fmt: skip
        self.woken = threading.Event()
        self._over = threading.Event()
        self._away = False
        self._next: dict[str, float] = {}
        self.generation = self._enter()
        self.store.join(self.worker.id, socket.gethostname())
        self.alive.heard(self.alive.asked())
        self._pool = ThreadPoolExecutor(_REPOSITORIES, "repository")
        self._threads: list[threading.Thread] = []
        self._engine: Engine | None = None
        self._start(self._beats)  # before the engine, which may take longer to start than a process may say nothing
        self._start(self._watches)
        try:
            self._engine = Engine(settings.engine, self.worker.id, self._looker, threads=settings.threads)
        except BaseException:
            self.close(0)
            raise
        self._start(self._ticks)
        settings.tell(
            "started", {"worker": self.worker.id, "generation": self.generation, "sources": len(operator.fleet.sources)}
        )

    def _enter(self) -> int:
        fleet = self._settings.operator.fleet
        generation = self.store.enter(self._settings.digest)
        self.repositories.keep_to({source.git.url for source in fleet.sources})
        self.store.keep_to({source.name for source in fleet.sources})
        return generation

    def _start(self, run: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=run, name=run.__name__, daemon=True))
        self._threads[-1].start()

    def close(self, patience: float = 20.0) -> None:
        """End: nothing more begins, what is under way ends between two writes, and others take over what is left."""
        self._looker.idle.set()
        self._over.set()
        self.woken.set()
        self.alive.stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._engine is not None:
            self._engine.close(int(patience))
        for thread in self._threads:
            thread.join(5.0)
        try:
            self.store.leave(self.worker.id)
        except PlatformError as error:
            self._settings.tell("database away", {"error": error.message})
        self.database.close()
        self._settings.tell("stopped", {"worker": self.worker.id})

    # What goes on beside each other

    def _beats(self) -> None:
        """Say that this process is there, and take over from those that say so no more."""
        while not self._over.wait(aliveness.BEAT):
            self._try(self._beat)

    def _beat(self) -> None:
        asked = self.alive.asked()
        if not self.store.beat(self.worker.id):
            self.alive.stop.set()
        elif self.alive.heard(asked) and self._engine is not None and not self._looker.idle.is_set():
            for gone in self.store.bury(aliveness.LASTS):
                self._settings.measures.took_over()
                self._settings.tell("taken over", {"worker": gone, "runs": self._engine.recover(gone)})

    def _watches(self) -> None:
        while not self._over.wait(_WATCH):
            if self.alive.lapsed and not self._over.is_set():
                self._settings.lapsed()

    def _ticks(self) -> None:
        while not self._over.is_set():
            self._try(self._tick)
            self.woken.wait(TICK)
            self.woken.clear()

    def _try(self, what: Callable[[], None]) -> None:
        """Do something that comes again; that the database is away is said, once."""
        try:
            what()
        except PlatformError as error:
            if not self._away:
                self._settings.tell("database away", {"error": error.message})
            self._away = True
        except Exception as error:
            if not self._over.is_set():
                self._settings.tell("internal error", {"error": type(error).__name__, "during": what.__name__})
        else:
            if self._away:
                self._settings.tell("database back", {})
            self._away = False

    def _tick(self) -> None:
        engine = self._engine
        if engine is None or self._looker.idle.is_set():
            return
        if self.store.generation() > self.generation:
            self._rest(engine)
            return
        for repository in self.repositories.claim(self.worker.id, self._intervals):
            if self._following.take(repository.url):  # from now on, however long it waits for its turn
                self._pool.submit(self._try_follow, engine, repository)
        _ask(engine, self.store.due(_MOST))
        if self._is_time("notify", TICK if self._settings.operator.fleet.notify else _ORPHANS):
            self._notifier.look()
        if self._is_time("release", _ORPHANS / 2):
            self.store.release(self.worker.id, self._looker.busy.names())
            self.repositories.release(self.worker.id, self._following.names())
        if self._is_time("orphans", _ORPHANS):
            for gone in engine.executors() - self.store.workers().keys():
                engine.recover(gone)
        if self._is_time("sweep", _SWEEP):
            self._sweep(engine)

    def _is_time(self, what: str, apart: float) -> bool:
        now = self._clock.now()
        if now < self._next.get(what, now):
            return False
        self._next[what] = now + apart
        return True

    def _rest(self, engine: Engine) -> None:
        """Another process has read a newer fleet file: this one takes no more work, and tells what it is asked."""
        self._looker.idle.set()
        self._settings.tell("newer fleet file", {"generation": self.generation})
        engine.close(20)

    def _try_follow(self, engine: Engine, repository: Repository) -> None:
        try:
            self._try(lambda: self._follow(engine, repository))
        finally:
            self._following.leave(repository.url)

    def _follow(self, engine: Engine, repository: Repository) -> None:
        asked = following.follow(self.worker, repository)
        _have_looked_at(engine, asked, "webhook" if repository.asked > repository.done else "drift")

    def _sweep(self, engine: Engine) -> None:
        """Delete what is old: of the engine, of the tables, of the disk."""
        engine.sweep((datetime.now(UTC) - timedelta(seconds=_RUNS)).isoformat())
        retention = self._settings.operator.fleet.retention
        self.store.sweep(retention)
        self.worker.approvals.sweep(retention)
        known = self.store.known()
        keep = {commit for each in known for commit in (each.newest, each.commit, each.applied) if commit is not None}
        for url in self._intervals:
            self.worker.mirrored.tidy(url, keep)


def _ask(engine: Engine, due: Sequence[Due]) -> None:
    """Have looked at what is due."""
    _have_looked_at(engine, [each.name for each in due if each.urgent], "approval")
    _have_looked_at(engine, [each.name for each in due if not each.urgent and not each.quiet], "drift")
    _have_looked_at(engine, [each.name for each in due if not each.urgent and each.quiet], "schedule")


def _have_looked_at(engine: Engine, names: Sequence[str], why: Why) -> None:
    together = 1 if why in ("webhook", "approval") else _TOGETHER
    for start in range(0, len(names), together):
        engine.ask(names[start : start + together], why)
