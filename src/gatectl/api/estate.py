"""An estate: a project and one of its environments, and what can be done with it."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import islice, takewhile
from types import TracebackType

from gatectl import export as exporter
from gatectl import reconcile
from gatectl.api.attending import Program
from gatectl.api.remembered import FilesOf, files_of, find_receipt, no_files, references_of, run_called
from gatectl.api.results import Findings, Plan, Receipt
from gatectl.api.ways import Way
from gatectl.applying.allowance import NOTHING, Allowance, parse_allowance
from gatectl.applying.kept import begin
from gatectl.applying.leasing import PATIENCE, USUAL, Terms
from gatectl.clock import CLOCK, Clock
from gatectl.credentials import secrets
from gatectl.credentials.secrets import LookUp
from gatectl.documents import plans, receipts
from gatectl.documents.drift import Drift
from gatectl.documents.findings import finding_json, relative_to
from gatectl.documents.history import FORMAT_VERSION, Entry, History, began
from gatectl.documents.locks import Adoptable, Adopted, Lock, Locks, Released
from gatectl.documents.receipts import Actor
from gatectl.documents.snapshots import Snapshot
from gatectl.documents.unended import Settled, Unended
from gatectl.documents.why import Why
from gatectl.errors import InputError
from gatectl.manifests import checks
from gatectl.manifests.selection import ALL, check_words
from gatectl.model import ObjectKey, Outcome
from gatectl.planning.current import Current, read_visible
from gatectl.planning.taking import take_snapshot
from gatectl.platforms import default_workspace_of, driver_for
from gatectl.platforms.interface import Connection, Identification, Reader, Shared
from gatectl.project import Environment, Project
from gatectl.quote import quote
from gatectl.reconcile import broken_off, drifting, explaining, locking, proving, undoing
from gatectl.reconcile.execution import Approval, Attendant, Means, execute
from gatectl.reconcile.patching import Patch, patch_of
from gatectl.reconcile.scope import scope_of
from gatectl.records import read_history, read_records
from gatectl.records.chosen import choose
from gatectl.records.interface import HistoryReader, Scope


class Estate:
    """A project and one of its environments. Made by `open`."""

    def __init__(
        self, project: Project, environment: Environment, way: Way, *, receipts: bool = True, clock: Clock = CLOCK,
        terms: Terms = USUAL, lasting: Shared | None = None,
    ) -> None:  # fmt: skip
        self._lasting = lasting
        self._project = project
        self._environment = environment
        self._way = way
        self._receipts = receipts
        self._clock = clock
        self._terms = terms
        self._memory = Shared() if environment.platform == "memory" else None

    def __enter__(self) -> Estate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """A platform in memory is gone then; of any other, nothing is held between two calls."""
        if self._memory is not None:
            self._memory.close()

    @property
    def name(self) -> str:
        """The project's name."""
        return self._project.name

    @property
    def environment(self) -> str:
        return self._environment.name

    def validate(self) -> Findings:
        """What is wrong with the manifests, as far as it can be said offline. Asks no platform."""
        project, environment = self._project, self._environment
        found = checks.run(checks.checks_of(project, [(environment, default_workspace_of(environment))], ()))
        name_file = relative_to(str(project.folder))
        return Findings([finding_json(f, name_file) for f in checks.findings_of(found)])

    def plan(
        self,
        *paths: str,
        selector: str | None = None,
        targets: Sequence[str] = (),
        prune: bool = False,
        accept: Sequence[str] = (),
        allow_empty: bool = False,
        renew: Sequence[str] = (),
        take_over: Sequence[str] = (),
        force_put: bool = False,
        against: str | os.PathLike[str] | None = None,
        deadline: float | None = None,
        keep_going: bool = False,
        prove: bool = False,
    ) -> Plan:
        """What would be done, as `gatectl plan` says. Findings are in the plan and raise nothing.

        `accept` names what `prune` deletes though it was changed since it was applied; with `allow_empty` it may find no manifest at
        all. `take_over` names what belongs to another project or environment and is this one's from the apply on, or is `["all"]`.
        With `keep_going` the workspaces that errors lie in are left out, where the others have nothing to do with them.
        `prove`: the plan says what was asked for its sake. `against` is the file of a snapshot to read instead of the platform,
        `deadline` how many seconds all may take. Raises UsageError for what chooses nothing or cannot be meant, PlatformError
        where the platform cannot be read whole.
        """
        request = self._request(
            deadline, paths, selector=selector, targets=targets, prune=prune, renew=renew, force_put=force_put,
            keep_going=keep_going, take_over=take_over,
        )  # fmt: skip
        check_words(None, {"accept": accept})
        request = request._replace(prove=prove, accept=tuple(accept), allow_empty=allow_empty)
        return self.work_out(request if against is None else request.against(against))

    def work_out(self, request: reconcile.Request) -> Plan:
        """The plan of a request of this estate: what `plan` makes of its arguments, and the command of its options."""
        with self._connected(request) as connect:
            worked = proving.work_out if request.prove else reconcile.work_out
            return Plan(worked(request, connect))

    def apply(
        self,
        plan: Plan | None = None,
        *,
        expect: str | None = None,
        secrets: Mapping[str, str] | LookUp | None = None,
        on_event: Callable[[Outcome], None] | None = None,
        stop: threading.Event | None = None,
        allow: Sequence[str] = (),
        reason: str | None = None,
        keep_going: bool = False,
        force_put: bool = False,
        new_records: bool = False,
        deadline: float | None = None,
        lock_timeout: float = PATIENCE,
        take_over: Sequence[str] = (),
    ) -> Receipt:
        """Do exactly what a plan says, or without one what the manifests say now; `gatectl apply --yes`.

        `expect` is the fingerprint that was approved. `secrets` leads references to secrets: a mapping of variables, or a
        function. `on_event` is told every outcome as it comes, from whatever thread; `stop` ends it between two writes. `allow`
        and `reason` are those of the command, so are `keep_going`, `new_records`, `lock_timeout` and, without a plan, `take_over`.
        Raises Invalid for a plan with errors, StalePlan, GuardrailRefused, MissingCredential, PlatformError: then nothing was
        written. Afterwards there is a receipt, whatever went wrong.
        """
        allowed = parse_allowance(tuple(allow), reason)
        request = self._request(
            deadline, force_put=force_put, keep_going=keep_going, take_over=take_over, allowed=allowed
        )
        approval = Approval(plan is not None, expect, keep_going)
        with self._connected(request) as connect:
            document = plan.document if plan is not None else reconcile.work_out(request, connect)
            means = self._means(connect, secrets, new_records=new_records, lock_timeout=lock_timeout)
            return Receipt(execute(request, document, approval, means, Program(on_event, stop)))

    def carry_out(
        self, request: reconcile.Request, plan: Plan, approval: Approval, attendant: Attendant, *,
        secrets: Mapping[str, str] | LookUp | None = None, receipt_file: str | None = None, new_records: bool = False,
        lock_timeout: float = PATIENCE,
    ) -> Receipt:  # fmt: skip
        """Apply a plan of a request of this estate as it was approved: what `apply` and the command come to. The attendant asks, shows
        and stops; `receipt_file` is where else the receipt is saved. Raises what `apply` raises, and Declined."""
        with self._connected(request) as connect:
            means = self._means(connect, secrets, receipt_file, new_records=new_records, lock_timeout=lock_timeout)
            return Receipt(execute(request, plan.document, approval, means, attendant))

    def export(self) -> Mapping[str, str]:
        """The live objects as manifests that validate and plan to nothing: texts by file name."""
        exported = self.exported()
        texts = (exporter.manifest_text(item) for item in exported)
        return dict(zip(exporter.file_names(exported), texts, strict=True))

    def exported(self, deadline: float | None = None) -> list[exporter.Exported]:
        """What `export` writes, object by object, with what cannot be expressed. `deadline`: how many seconds it may take."""
        with self._reading(deadline) as (reader, connection), closing(read_records(connection, reader)) as records:
            return exporter.export_live(reader, self._environment.workspace, records.owned() or ())

    def live(self, deadline: float | None = None) -> tuple[Identification, Current]:
        """The platform, and what it holds: of the environment's workspace, or of all that are visible."""
        with self._reading(deadline) as (reader, _):
            return reader.identification, read_visible(reader, self._environment.workspace)

    def snapshot(self, workspace: str | None = None, deadline: float | None = None) -> Snapshot:
        """What a plan would read of the platform, without keys and secrets: saved as JSON, a plan can be made `against` it.

        Of one workspace, by name or id, or of all that are visible. Raises UsageError for one that is not there.
        """
        with self._reading(deadline) as (reader, connection), closing(read_records(connection, reader)) as records:
            return take_snapshot(reader, records, workspace)

    @contextmanager
    def _reading(self, deadline: float | None) -> Iterator[tuple[Reader, Connection]]:
        request = self._request(deadline)
        with self._connected(request) as connect:
            connection = connect()
            with closing(driver_for(self._environment.platform).open_reader(connection)) as reader:
                yield reader, connection

    def history(
        self, limit: int = 20, *, since: datetime | None = None, fits: Callable[[Entry], bool] = lambda entry: True,
        deadline: float | None = None,
    ) -> History:  # fmt: skip
        """The newest runs of this project and environment, as `gatectl history --format json` lists them; at most `limit`, of those
        that began at `since` or later and that fit.

        Reads the store of records alone: neither manifests nor a platform elsewhere. Raises UntrustedStore, PlatformError.
        """
        return self.past(limit, since=since, fits=fits, deadline=deadline, whole=False)[0]

    def past(
        self, limit: int, *, since: datetime | None, fits: Callable[[Entry], bool], deadline: float | None, whole: bool
    ) -> tuple[History, Mapping[str, receipts.Receipt]]:
        """The same; with the receipts of the runs (`whole`), as far as they are there."""
        with self._remembering(deadline) as (history, scope, connection):
            runs = takewhile(lambda entry: since is None or began(entry) >= since, history.runs(scope))
            found = list(islice(filter(fits, runs), limit + 1))
            listed: History = {
                "formatVersion": FORMAT_VERSION,
                "records": choose(connection).name,
                "project": {"name": self._project.name, "uid": self._project.uid},
                "environment": self._environment.name,
                "runs": found[:limit],
                "more": len(found) > limit,
            }
            read = ((entry["run"], find_receipt(history, scope, entry["run"], None)) for entry in found[:limit])
            return listed, {run: receipt for run, receipt in read if receipt is not None} if whole else {}

    def receipt_of(self, run: str, deadline: float | None = None) -> bytes:
        """The receipt of a run of this project and environment, as JSON, out of the store of records.

        Raises InputError where there is none, and as `history`.
        """
        with self._remembering(deadline) as (history, scope, connection):
            found = history.receipt(scope, run)
            if found is None:
                raise self._no_run(run, connection)
            return found

    def _no_run(self, run: str, connection: Connection) -> InputError:
        where = f"environment {quote(self._environment.name)} in {quote(choose(connection).name)}"
        return InputError(
            f"there is no run {quote(run)} of {where}",
            "gatectl history lists the runs; -e NAME names another environment",
        )

    def drift(self, *paths: str, deadline: float | None = None) -> Drift:
        """Where declared, last applied and live differ, and who changed it, as `gatectl drift --format json`. Raises Invalid for
        manifests with errors, and as `plan`."""
        return self.look(self._request(deadline, paths))

    def look(self, request: reconcile.Request) -> Drift:
        """The same of a request of this estate."""
        with self._connected(request) as connect:
            return drifting.look(request, connect)

    def why(self, name: str, field: str | None = None, *, deadline: float | None = None) -> Why:
        """Why the object KIND/[WORKSPACE/]NAME, or one field of it, is as it is, as `gatectl why --format json`.

        Raises UsageError where there is no such object or field, and as `plan`.
        """
        return self.explain(self._request(deadline), name, field)

    def explain(self, request: reconcile.Request, name: str, field: str | None) -> Why:
        """The same by a request of this estate."""

        def who(run: str) -> Actor | None:
            with self._remembering_for(request) as (history, scope, _):
                receipt = find_receipt(history, scope, run, None)
                return receipt["actor"] if receipt is not None else None

        with self._connected(request) as connect:
            return explaining.explain(request, name, field, connect, who)

    def leases(self, deadline: float | None = None) -> Locks:
        """Who applies to the platform now, as `gatectl lock status --format json` lists them, whatever their project.

        Raises UntrustedHost, UntrustedStore, MissingCredential, PlatformError.
        """
        request = self._request(deadline)
        with self._connected(request) as connect:
            return locking.look(request, connect)

    def release_lease(self, lock: Lock, deadline: float | None = None) -> Released:
        """Take a lease, as `leases` lists it, from whoever has it: its number grows, so that they write nothing more.

        Raises PlatformLocked where somebody else has it by now, or nobody, and as `leases`.
        """
        request = self._request(deadline)
        with self._connected(request) as connect:
            return locking.release(request, connect, lock)

    def adoptable(self, deadline: float | None = None) -> Adoptable:
        """Where the platform goes by the leases of another store of records than this environment's. Changes nothing.

        Raises UsageError where the store is none that it is told of, Unsupported where it goes by none, and as `leases`.
        """
        request = self._request(deadline)
        with self._connected(request) as connect:
            return locking.adoptable(request, connect)

    def adopt_leases(self, wanted: Adoptable, deadline: float | None = None) -> Adopted:
        """Let this environment's leases count there: whoever applies by another store is refused from then on.

        Raises PlatformLocked where somebody is at work there by this store, and as `adoptable`.
        """
        request = self._request(deadline)
        with self._connected(request) as connect:
            return locking.adopt(request, connect, wanted)

    def unended_runs(self, deadline: float | None = None) -> Unended:
        """The runs that have no end, as `gatectl runs --format json` lists them, whatever their project. Raises as `leases`."""
        request = self._request(deadline)
        with self._connected(request) as connect:
            return broken_off.look(request, connect)

    def settle_run(self, run: str, lock_timeout: float = PATIENCE, deadline: float | None = None) -> Settled:
        """Say that what a run did that broke off is right as it is: what it surely made is its owner's, the rest nobody's, and the run
        has ended.

        Raises UsageError for a run that is none of `unended_runs`, PlatformLocked for one that is under way, and as `leases`.
        """
        request = self._request(deadline)
        with self._connected(request) as connect:
            return broken_off.settle(request, connect, run, lock_timeout)

    def undo(self, run: str, *, force_put: bool = False, deadline: float | None = None) -> Plan:
        """The plan that leads back to before a run (or `last`), as `gatectl undo RUN` says: `apply` applies it, and what cannot be
        undone is in it.

        Raises UsageError for a run that changed nothing, InputError where there is none of this id, and as `plan`.
        """
        return self.lead_back(self._request(deadline, force_put=force_put), run)

    def undo_patch(self, run: str, *, force_put: bool = False, deadline: float | None = None) -> Patch:
        """The manifests' change that belongs to what `undo` plans, as a patch: once both are applied, a plan of the manifests is empty
        but for what cannot come back. Raises as `undo`."""
        return self.lead_back_and_patch(self._request(deadline, force_put=force_put), run)[1]

    def lead_back(self, request: reconcile.Request, run: str) -> Plan:
        """What `undo` plans, of a request of this estate."""
        return Plan(self._led_back(request, run, no_files)[0].plan)

    def lead_back_and_patch(self, request: reconcile.Request, run: str) -> tuple[Plan, Patch]:
        """The same, with the manifests' change that belongs to it."""
        seen, files = self._led_back(request, run, files_of)
        return Plan(seen.plan), patch_of(request, seen, files.get)

    def _led_back(
        self, request: reconcile.Request, run: str, find_files: FilesOf
    ) -> tuple[undoing.Seen, Mapping[ObjectKey, str]]:  # fmt: skip
        with self._remembering_for(request) as (history, scope, connection):
            run = run_called(history, scope, run)
            receipt = find_receipt(history, scope, run, self._project.folder if self._receipts else None)
            if receipt is None:
                raise self._no_run(run, connection)
            undoing.check_receipt(receipt)
            known = references_of(request, receipt, history, scope)
            files = find_files(receipt, history, scope)
        with self._connected(request) as connect:
            return undoing.see(request, receipt, connect, known), files

    @contextmanager
    def _remembering(self, deadline: float | None) -> Iterator[tuple[HistoryReader, Scope, Connection]]:
        request = self._request(deadline)
        with self._remembering_for(request) as found:
            yield found

    @contextmanager
    def _remembering_for(self, request: reconcile.Request) -> Iterator[tuple[HistoryReader, Scope, Connection]]:
        with self._connected(request, self._way.to_records) as connect:
            connection = connect()
            scope = scope_of(self._project, self._environment, connection)
            with closing(read_history(connection)) as history:
                yield history, scope, connection

    def _request(
        self, deadline: float | None, paths: Sequence[str] = (), *, selector: str | None = None, targets: Sequence[str] = (),
        prune: bool = False, renew: Sequence[str] = (), force_put: bool = False, keep_going: bool = False,
        take_over: Sequence[str] = (), allowed: Allowance = NOTHING,
    ) -> reconcile.Request:  # fmt: skip
        named = [text for text in take_over if text != ALL]
        check_words(selector, {"targets": targets, "renew": renew, "take_over": named})
        ends = None if deadline is None else self._clock.now() + deadline
        return reconcile.Request(
            self._project, self._environment, tuple(paths), selector, tuple(targets), prune, tuple(renew), force_put,
            ends=ends, clock=self._clock, keep_going=keep_going, take_over=tuple(take_over), allowed=allowed,
        )  # fmt: skip

    def _means(
        self, connect: Callable[[], Connection], given: Mapping[str, str] | LookUp | None, receipt_file: str | None = None, *,
        new_records: bool, lock_timeout: float,
    ) -> Means:  # fmt: skip
        return Means(
            connect=connect,
            secrets=lambda chosen: self._secrets(chosen, given),
            begin=lambda: begin(self._project.environ),
            receipt_file=receipt_file,
            keep=self._receipts,
            new_records=new_records,
            lock_timeout=lock_timeout,
            terms=self._terms,
        )

    def _secrets(self, plan: plans.Plan, given: Mapping[str, str] | LookUp | None) -> dict[str, dict[str, str]]:
        project = self._project
        if given is None:
            variables, look_up = project.environ, None
        elif callable(given):
            variables, look_up = {}, given
        else:
            variables, look_up = given, None
        return secrets.resolve_plan(plan, project.folder, variables, project.tokens, look_up)

    @contextmanager
    def _connected(
        self, request: reconcile.Request, way: Callable[[reconcile.Request, Shared], Connection] | None = None
    ) -> Iterator[Callable[[], Connection]]:
        """Gives how one call reaches the platform, or what else `way` leads to. What that opens is this call's own, and closed
        after it, so that no call of another thread is met by it; but for a platform in memory, which is the estate's."""
        shared = self._memory or Shared(self._lasting)
        try:
            yield functools.cache(lambda: (way or self._way.to)(request, shared))
        finally:
            if shared is not self._memory:
                shared.close()
