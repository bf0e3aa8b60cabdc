"""The engine of the controller: DBOS, which keeps what is to be run in a database and runs it, whatever becomes of this process.

The only module that knows it. What it does by itself and we do not want is undone here: it reads pickle wherever a row says so, which
runs code of whoever writes to the database; it lets variables of the process name its application and version; it sends nothing
anywhere, and nobody is asked to send it anything. What it does not do by itself is here too: the runs of a process that has ended are
given to others by a call that is private in the version that is pinned (`_RECOVERS`), and old runs are deleted.

What is run is named in a row by the names of targets, and by nothing else. A run may happen more than once: a process that is ended
in the middle of one leaves it to another.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, MutableMapping, Sequence
from typing import Final, Literal

import dbos
from dbos import _serialization

from gatectl.controller.database import server_engine
from gatectl.errors import InputError, PlatformError
from gatectl.quote import quote

Why = Literal["webhook", "approval", "drift", "schedule"]
"""Why targets are to be looked at; what is urgent comes first."""

PRIORITIES: Final[dict[Why, int]] = {"webhook": 1, "approval": 1, "drift": 10, "schedule": 20}
"""The smaller, the sooner."""

VERSION: Final = "gatectl-1"
"""Of what rows say: a process runs those of its own version alone. It changes when a row means something else, and not with gatectl."""

TESTED: Final = "3.4"
"""The version of DBOS whose private parts are used."""

_NAME: Final = "gatectl-controller"
_QUEUE: Final = "targets"
_WORKFLOW: Final = "reconcile"
_SCHEMA: Final = "gatectl_engine"
_RECOVERS: Final = "_recover_pending_workflows"
_TARGET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(/.{1,200})?", re.DOTALL)
_MOST: Final = 1_000
"""Targets of one run."""
_AT_ONCE: Final = 500
_FAILED: Final = "failed"

Work = Callable[[Sequence[str]], None]
"""Looks at targets of these names, and raises nothing that is the world's doing."""


class Planted(InputError):
    """A row of the engine's database holds what no process of ours wrote."""


class Json:
    """What is written into rows: JSON, and nothing that a reader would have to run. It has what DBOS asks of a serializer."""

    def name(self) -> str:
        return "gatectl_json"

    def serialize(self, data: object) -> str:
        if isinstance(data, BaseException):  # a run that failed; what it said may hold anything
            data = {_FAILED: type(data).__name__}
        return json.dumps(data, separators=(",", ":"), allow_nan=False)

    def deserialize(self, serialized_data: str) -> object:
        try:
            found = json.loads(serialized_data)
        except (ValueError, RecursionError):
            raise Planted("a row of the engine is no JSON") from None
        if isinstance(found, dict) and found.keys() == {_FAILED}:
            return PlatformError(f"a run failed: {quote(*found.values())}")
        return found


def _refuse(*_: object) -> object:
    raise Planted(
        "a row of the engine is pickled, and none of ours is: somebody else wrote it, or DBOS without gatectl"
    )


def refuse_pickle() -> None:
    """From now on, nothing in this process reads or writes pickle for DBOS, whatever a row says."""
    for name in ("serialize", "deserialize"):
        setattr(_serialization.DefaultSerializer, name, _refuse)
    _serialization.pickle = _NoPickle()  # for whoever gets past it


class _NoPickle:
    """In the place of the library."""

    dumps = loads = load = dump = staticmethod(_refuse)


class Engine:
    """The engine in this process: there is one at a time. `work` is handed the names of the targets of a run; `threads` is how many
    runs go on at once here. `executor` is this process, of all that there ever were. `variables` are those that DBOS reads.

    Raises InputError for a version of DBOS that nobody tried, PlatformError where the database cannot be opened.
    """

    def __init__(
        self, address: str, executor: str, work: Work, *, threads: int = 4, polling: float = 0.5,
        variables: MutableMapping[str, str] = os.environ,
    ) -> None:  # fmt: skip
        _check_version()
        refuse_pickle()
        for name in [name for name in variables if name.startswith("DBOS_")]:
            del variables[name]  # each of them would say otherwise than we do
        logging.getLogger("dbos").setLevel(logging.ERROR)
        # On a server the way that our tables are reached: DBOS would take the address as it is, without our rule on TLS.
        opened = server_engine(address) if address.startswith("postgresql://") else None
        dbos.DBOS(
            config={
                "name": _NAME, "system_database_url": address, "dbos_system_schema": _SCHEMA, "application_version": VERSION,
                "executor_id": executor, "serializer": Json(), "enable_otlp": False, "log_level": "ERROR", "use_listen_notify": False,
                "system_database_engine": opened,
            }
        )  # fmt: skip
        self._workflow = dbos.DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=None)(_looking(work))
        try:
            dbos.DBOS.launch()
            # Only a DBOS that was launched knows queues, and a process without one runs nothing.
            dbos.DBOS.register_queue(
                _QUEUE, worker_concurrency=threads, polling_interval_sec=polling, on_conflict="always_update"
            )
        except Exception as error:
            dbos.DBOS.destroy(destroy_registry=True)
            raise PlatformError(
                f"the engine's database cannot be opened: {type(error).__name__}", "is it there?"
            ) from error

    def ask(self, names: Sequence[str], why: Why) -> str:
        """Have targets looked at, by whichever process comes first; the id of the run. Several are looked at in one run."""
        with dbos.SetEnqueueOptions(priority=PRIORITIES[why]):
            handle = dbos.DBOS.enqueue_workflow(_QUEUE, self._workflow, list(_checked(names)))
        return str(handle.get_workflow_id())

    def recover(self, executor: str) -> int:
        """Give the runs of a process that has ended to whoever is there; how many. Asked twice, they are given once."""
        return len(getattr(dbos.DBOS, _RECOVERS)([executor]))

    def executors(self) -> frozenset[str]:
        """The processes that have runs under way, whether they are there or not."""
        return frozenset(
            each.executor_id
            for each in dbos.DBOS.list_workflows(status="PENDING", load_input=False)
            if each.executor_id
        )

    def state_of(self, run: str) -> str | None:
        """How a run stands, in DBOS's words; None: there is no such run."""
        found = dbos.DBOS.list_workflows(workflow_ids=[run], load_input=False, load_output=False)
        return str(found[0].status) if found else None

    def sweep(self, before: str) -> int:
        """Delete the runs that ended and began before a moment (ISO 8601); how many."""
        deleted = 0
        while found := dbos.DBOS.list_workflows(
            status=["SUCCESS", "ERROR", "CANCELLED"], end_time=before, limit=_AT_ONCE, load_input=False, load_output=False
        ):  # fmt: skip
            dbos.DBOS.delete_workflows([each.workflow_id for each in found])
            deleted += len(found)
        return deleted

    def close(self, patience: int = 0) -> None:
        """End it, and wait so many seconds for the runs under way; those that go on are recovered by whoever comes next."""
        dbos.DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=patience)


def _looking(work: Work) -> Work:
    """A function, which DBOS marks as its own."""

    def look(names: Sequence[str]) -> None:
        work(_checked(names))

    return look


def _checked(names: object) -> Sequence[str]:
    """Names of targets, as a row says them. Raises Planted."""
    if not isinstance(names, (list, tuple)) or len(names) > _MOST:
        raise Planted("a run of the engine names no targets")
    for name in names:
        if not isinstance(name, str) or _TARGET.fullmatch(name) is None:
            raise Planted(f"a run of the engine names {quote(name)}, which is no target")
    return names


def _check_version() -> None:
    from importlib.metadata import version

    found = version("dbos")
    if found != TESTED and not found.startswith(f"{TESTED}."):
        raise InputError(f"DBOS {quote(found)} is not the version that gatectl works with", f"install dbos {TESTED}")
