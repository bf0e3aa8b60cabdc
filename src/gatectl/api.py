"""The Python API: what the commands do, for programs and tests (product.md, section 10).

    import gatectl

    with gatectl.open("estate", environment="prod", token=token) as estate:
        plan = estate.plan()
        if plan.changes and plan.fingerprint == approved:
            receipt = estate.apply(plan, expect=approved, secrets=secrets)

Nothing is read behind one's back: no variable, no file of the user, unless `trust_env` says so. Nothing is printed, no signal
is caught, nothing is kept for the whole process; an estate may be used from several threads, and `close` gives back what it
holds. What goes wrong is raised as a `GatectlError`, which has `exit_code`, the code of the command.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Literal, overload

from gatectl import export as exporter
from gatectl import opening, reconcile
from gatectl.applying.guardrails import parse_allowance
from gatectl.applying.kept import begin
from gatectl.credentials import pasted, secrets
from gatectl.credentials.secrets import LookUp, shaped
from gatectl.documents import plans, receipts
from gatectl.documents.findings import Finding, finding_json, relative_to
from gatectl.errors import InputError, MissingCredential, UsageError
from gatectl.execution import Approval, Attendant, Ended, Means, execute
from gatectl.files import fences
from gatectl.manifests import loading, places, sources
from gatectl.manifests.selection import check_words
from gatectl.model import Outcome, SourceFile
from gatectl.network import trust
from gatectl.network.addresses import pattern
from gatectl.platforms import default_workspace_of, driver_for
from gatectl.platforms.interface import Connection, Credentials, Secret, Shared
from gatectl.project import Environment, Project, bare_project
from gatectl.quote import json_text, quote
from gatectl.render import render
from gatectl.render.interface import Look

Format = Literal["text", "json", "markdown", "html"]
_NOWHERE = os.path.join(os.sep, "in-memory")


class Findings(Sequence[Finding]):
    """What is wrong, each as the JSON of product.md, section 3: rule, severity, message, hint, file, line."""

    def __init__(self, items: Sequence[Finding]) -> None:
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> Finding: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...

    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Findings({[item['rule'] for item in self._items]})"

    @property
    def errors(self) -> Sequence[Finding]:
        """Those that make manifests invalid."""
        return [item for item in self._items if item["severity"] == "error"]

    @property
    def ok(self) -> bool:
        """Whether none of them is an error."""
        return not self.errors


class Plan:
    """What would be done (product.md, section 4). `document` is its JSON."""

    def __init__(self, document: plans.Plan) -> None:
        self.document = document

    def to_json(self) -> str:
        """The text that `plan --out` saves."""
        return json_text(self.document)

    def render(self, format_name: Format = "text", width: int = 100) -> str:
        """As the command shows it, without colours; `width` in columns, for text."""
        return render(self.document, format_name, Look(width=width))

    @property
    def operations(self) -> Sequence[plans.Operation]:
        """In the order in which they are applied; each has action, kind, workspace, name, fields, attach, detach, risk."""
        return self.document["operations"]

    @property
    def adopts(self) -> Sequence[plans.Adopted]:
        """The live objects that are taken under management as they are."""
        return self.document["adopts"]

    @property
    def summary(self) -> plans.Summary:
        """How many objects are created, updated, deleted, and how many attachments."""
        return self.document["summary"]

    @property
    def fingerprint(self) -> str:
        """What an approval names: the same for every plan that does the same."""
        return self.document["fingerprint"]

    @property
    def findings(self) -> Findings:
        return Findings(self.document["diagnostics"])

    @property
    def valid(self) -> bool:
        """Whether it may be applied: no finding is an error."""
        return not plans.is_invalid(self.document)

    @property
    def held(self) -> Sequence[plans.Held]:
        """The objects that errors stop, and what needs them: the rest can be applied with `keep_going`."""
        return self.document.get("held", ())

    @property
    def left_out(self) -> Sequence[plans.LeftOut]:
        """The workspaces that errors keep out of it, and those that share something with them: only with `keep_going`."""
        return self.document.get("leftOut", ())

    @property
    def changes(self) -> bool:
        """Whether applying it would do anything."""
        return bool(self.operations or self.adopts)

    def __repr__(self) -> str:
        return f"Plan({[op['id'] for op in self.operations]}, {self.findings!r})"


class Receipt:
    """What an apply did (product.md, section 4). `document` is its JSON, `exit_code` what the command would end with.

    `saved` is where it is kept, `failed` why it could not be saved where it should be.
    """

    def __init__(self, ended: Ended) -> None:
        self.document: receipts.Receipt = ended.receipt
        self.exit_code = ended.code
        self.saved = tuple(ended.saved)
        self.failed = tuple(ended.failed)

    def to_json(self) -> str:
        """The text that `apply --receipt` saves."""
        return json_text(self.document)

    def render(self, format_name: Format = "text", width: int = 100) -> str:
        """As the command shows it, without colours; `width` in columns, for text."""
        return render(self.document, format_name, Look(width=width))

    @property
    def outcomes(self) -> Sequence[receipts.Outcome]:
        """What became of each operation: id, status, platformId, attempts, error."""
        return self.document["outcomes"]

    @property
    def converged(self) -> bool:
        """Whether all reads back as wanted."""
        return self.document["converged"]

    def __repr__(self) -> str:
        return f"Receipt({ {o['id']: o['status'] for o in self.outcomes} }, converged={self.converged})"


class Estate:
    """A project and one of its environments. Made by `open`."""

    def __init__(self, project: Project, environment: Environment, way: _Way, *, receipts: bool) -> None:
        self._project = project
        self._environment = environment
        self._way = way
        self._receipts = receipts
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
        project = self._project
        paths = loading.manifest_paths(project, self._environment, ())
        loaded = loading.load(project, paths, default_workspace_of(self._environment))
        name_file = relative_to(str(project.folder))
        return Findings([finding_json(f, name_file) for f in places.locate(loaded.findings)])

    def plan(
        self,
        *paths: str,
        selector: str | None = None,
        targets: Sequence[str] = (),
        prune: bool = False,
        renew: Sequence[str] = (),
        force_put: bool = False,
        against: str | os.PathLike[str] | None = None,
        deadline: float | None = None,
        keep_going: bool = False,
    ) -> Plan:
        """What would be done, as `gatectl plan` says. Findings are in the plan and raise nothing.

        With `keep_going` the workspaces that errors lie in are left out, where the others have nothing to do with them.
        `against` is the file of a snapshot to read instead of the platform, `deadline` how many seconds all may take. Raises
        UsageError for what chooses nothing or cannot be meant, PlatformError where the platform cannot be read whole.
        """
        request = self._request(paths, selector, targets, prune, renew, force_put, deadline, keep_going=keep_going)
        if against is not None:
            target = f"snapshot://{os.path.abspath(against)}"
            environment = request.environment._replace(platform=target, token=None)
            request = request._replace(environment=environment)
        with self._connected(request) as connect:
            return Plan(reconcile.work_out(request, connect))

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
        deadline: float | None = None,
    ) -> Receipt:
        """Do exactly what a plan says, or without one what the manifests say now; `gatectl apply --yes`.

        `expect` is the fingerprint that was approved. `secrets` leads references to secrets: a mapping of variables, or a
        function. `on_event` is told every outcome as it comes, from whatever thread; `stop` ends it between two writes. `allow`
        and `reason` are those of the command, and so is `keep_going`. Raises Invalid for a plan with errors, StalePlan, GuardrailRefused,
        MissingCredential, PlatformError: then nothing was written. Afterwards there is a receipt, whatever went wrong.
        """
        allowed = parse_allowance(tuple(allow), reason)
        request = self._request((), None, (), False, (), force_put, deadline, keep_going=keep_going)
        approval = Approval(plan is not None, expect, allowed, keep_going)
        with self._connected(request) as connect:
            made = plan.document if plan is not None else reconcile.work_out(request, connect)
            means = Means(
                connect=connect,
                secrets=lambda chosen: self._secrets(chosen, secrets),
                begin=lambda: begin(self._project.environ),
                keep=self._receipts,
            )
            return Receipt(execute(request, made, approval, means, _Program(on_event, stop)))

    def export(self) -> Mapping[str, str]:
        """The live objects as manifests that validate and plan to nothing: texts by file name."""
        request = self._request((), None, (), False, (), False, None)
        with (
            self._connected(request) as connect,
            closing(driver_for(self._environment.platform).open_reader(connect())) as reader,
        ):
            exported = exporter.export_live(reader, self._environment.workspace)
        texts = (exporter.manifest_text(item) for item in exported)
        return dict(zip(exporter.file_names(exported), texts, strict=True))

    def _request(
        self, paths: Sequence[str], selector: str | None, targets: Sequence[str], prune: bool, renew: Sequence[str],
        force_put: bool, deadline: float | None, *, keep_going: bool = False,
    ) -> reconcile.Request:  # fmt: skip
        check_words(selector, {"targets": targets, "renew": renew})
        ends = None if deadline is None else time.monotonic() + deadline
        return reconcile.Request(
            self._project, self._environment, tuple(paths), selector, tuple(targets), prune, tuple(renew), force_put,
            ends=ends, keep_going=keep_going,
        )  # fmt: skip

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
    def _connected(self, request: reconcile.Request) -> Iterator[Callable[[], Connection]]:
        """Gives how one call reaches the platform. What that opens is this call's own, and closed after it, so that no call of
        another thread is met by it; but for a platform in memory, which is the estate's."""
        shared = self._memory or Shared()
        try:
            yield functools.cache(lambda: self._way.to(request, shared))
        finally:
            if shared is not self._memory:
                shared.close()


class _Program(Attendant):
    """A program that applies: told of outcomes, and able to stop."""

    def __init__(self, on_event: Callable[[Outcome], None] | None, stop: threading.Event | None) -> None:
        self._on_event = on_event
        self._stop = stop

    def progress(self, plan: plans.Plan) -> AbstractContextManager[Callable[[Outcome], None]]:
        return self._telling()

    @contextmanager
    def _telling(self) -> Iterator[Callable[[Outcome], None]]:
        yield self._on_event or (lambda outcome: None)

    def stopping(self) -> bool:
        return self._stop is not None and self._stop.is_set()


class _Way:
    """The way to a platform: whom one is, and whom one trusts."""

    def __init__(
        self, project: Project, environment: Environment, login: Credentials | None, hosts: Sequence[str], *,
        trust_env: bool,
    ) -> None:  # fmt: skip
        self._project = project
        self._environment = environment
        self._login = login
        trusted = tuple(pattern(host) for host in hosts)
        self._trusted = trusted + (trust.trusted_hosts(project.environ, project.folder) if trust_env else ())

    def to(self, request: reconcile.Request, shared: Shared) -> Connection:
        """Raises UntrustedHost, MissingCredential."""
        environment = request.environment
        connection = opening.way_to(self._project, environment, self._trusted, shared, ends=request.ends)
        if not driver_for(environment.platform).admit(connection):
            return connection
        login = self._login or opening.credentials_of(self._project, environment)
        return connection._replace(credentials=login)


def open(  # noqa: A001 - the word of the contract
    place: str | os.PathLike[str] | Mapping[str, bytes | str],
    *,
    environment: str | None = None,
    platform: str | None = None,
    workspace: str | None = None,
    token: str | None = None,
    environ: Mapping[str, str] | None = None,
    trusted_hosts: Sequence[str] = (),
    trust_env: bool = False,
    receipts: bool = True,
) -> Estate:
    """An estate: a folder, a project file, or a mapping of file names to their content.

    Of a mapping nothing is written to disk; its platform is a fresh one in memory, unless `platform` says another. `token` signs
    in. `environ` are the variables that may be read (references of credentials, proxies); with `trust_env` those of the process,
    and the file of the user's trusted hosts. `platform` is the caller's own word, so that credentials may go there; what a
    project file names has to be among `trusted_hosts`. `receipts`: the folder keeps those of applies, in `.gatectl/receipts`, as
    the command has it. Raises InvalidProject, UsageError, InputError.
    """
    variables = dict(environ or {})
    if trust_env:
        variables = {**os.environ, **variables}
    project = _in_memory(place, variables) if isinstance(place, Mapping) else _on_disk(place, variables)
    in_memory = project.given is not None
    if platform is None and in_memory:
        chosen = _without_platform(project, environment, workspace)
    else:
        chosen = opening.choose(project, environment, platform, workspace)
    login = None
    if token is not None:
        login = Credentials(token=Secret(shaped("the argument token", token, pasted.token)))
    return Estate(
        project,
        chosen,
        _Way(project, chosen, login, trusted_hosts, trust_env=trust_env),
        receipts=receipts and not in_memory,
    )


def _on_disk(place: str | os.PathLike[str], environ: Mapping[str, str]) -> Project:
    path = Path(os.path.abspath(place))
    if path.is_dir():
        file = path / fences.PROJECT_FILE
        if not file.exists():
            return bare_project(path)._replace(environ=environ)
        path = file
    elif not path.exists():
        raise InputError(f"{quote(path)} does not exist", "name a folder or a project file")
    return opening.make_checked_project(sources.read_file(path), path, environ)


def _in_memory(files: Mapping[str, bytes | str], environ: Mapping[str, str]) -> Project:
    given = {
        _path(name): text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
        for name, text in files.items()
    }
    folder = Path(_NOWHERE)
    content = given.get(fences.PROJECT_FILE)
    if content is None:
        return bare_project(folder)._replace(environ=environ, given=given)
    file = folder / fences.PROJECT_FILE
    project = opening.make_checked_project(SourceFile(str(file), content), file, environ)
    return project._replace(given=given)


def _path(name: str) -> str:
    """A file's name, relative and with slashes. Raises UsageError for one that leads elsewhere."""
    parts = name.replace(os.sep, "/").split("/")
    if name.startswith("/") or ".." in parts:
        raise UsageError(f"{quote(name)} is not the name of a file below the project")
    return "/".join(part for part in parts if part not in ("", "."))


def _without_platform(project: Project, name: str | None, workspace: str | None) -> Environment:
    """The environment of a project in memory: what its file says of it, and a platform in memory."""
    if name is None and "default" not in project.environments:
        return Environment("default", "memory", workspace)
    chosen = opening.choose(project, name, None, workspace)
    return chosen._replace(platform="memory", token=None)


__all__ = ["Estate", "Findings", "MissingCredential", "Plan", "Receipt", "open"]
