"""A site: a folder with manifests and a real embedded platform in it, and short words for filling, planning and applying.

Nothing here stands in for our own code. What fails, counts or interferes is a wrapper around the real reader or writer.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gatectl import reconcile
from gatectl.applying import execute as executor
from gatectl.applying import receipt
from gatectl.applying.guards import Guard
from gatectl.applying.leasing import Access
from gatectl.clock import Patience
from gatectl.credentials import secrets
from gatectl.documents.ownership import Owned, Owner
from gatectl.documents.plans import Plan
from gatectl.errors import Unreachable
from gatectl.manifests import loading
from gatectl.platforms import driver_for
from gatectl.platforms.embedded import open_platform
from gatectl.platforms.interface import Connection, Fences, Identification, Reader, Traits, Wire, Writer
from gatectl.project import Environment, Project
from gatectl.reconcile import asking
from gatectl.records import open_records, read_records
from gatectl.records.interface import Records, RecordsReader
from leaping import Leaping
from owning import head_of

Manifest = dict[str, Any]
ENVIRONMENT = Environment("default", "embedded")
CREDENTIALS = {"key": {"env": "KEY"}, "secret": {"env": "SECRET"}}
RUN = receipt.Run(
    "20260131T101530123Z-00000000", datetime(2026, 1, 31, 10, 15, 30, 123_000, UTC), receipt.Actor("ann", "desk"), "0"
)
VARIABLES = {"KEY": "AKIA", "SECRET": "hush"}
TWO = """
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {{name: {name}}}
spec: {{type: S3, bucket: {name}, credentials: {{key: {{env: KEY}}, secret: {{env: SECRET}}}}}}
---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {{name: {name}}}
spec: {{endpointType: S3, resources: [{{type: S3, bucket: {name}}}]}}
"""
"""A bucket, and a repository that attaches it: the text of their manifests, of a `name`."""


def manifest(kind: str, name: str, spec: Mapping[str, Any] | None, **metadata: Any) -> Manifest:
    given = {"apiVersion": "gatectl.io/v1", "kind": kind, "metadata": {"name": name, **metadata}}
    return given if spec is None else given | {"spec": {k: v for k, v in spec.items() if v is not None}}


def workspace(name: str, **metadata: Any) -> Manifest:
    return manifest("Workspace", name, None, **metadata)


def bucket(label: str, identity: Sequence[str], credentials: Any = "both", metadata: Any = (), **spec: Any) -> Manifest:
    """A Bucket manifest of an identity such as ("S3", "logs") or ("AzureBlob", "acct", "logs")."""
    if credentials == "both":
        credentials = {"secret": CREDENTIALS["secret"]} if identity[0] == "AzureBlob" else CREDENTIALS
    return manifest("Bucket", label, {**_named(identity), **spec, "credentials": credentials}, **dict(metadata))


def llm(name: str, provider: str = "OpenAI", credentials: Any = "both", metadata: Any = (), **spec: Any) -> Manifest:
    spec = {"provider": provider, **spec, "credentials": CREDENTIALS if credentials == "both" else credentials}
    return manifest("LLM", name, spec, **dict(metadata))


def repository(
    name: str, resources: Sequence[Any] | None = None, endpoint: str = "S3", policy: str | None = None,
    mode: str | None = None, **metadata: Any,
) -> Manifest:  # fmt: skip
    spec = {"endpointType": endpoint, "mode": mode, "attachmentPolicy": policy, "resources": resources}
    return manifest("Repository", name, spec, **metadata)


def entry(*identity: str, **fields: Any) -> dict[str, Any]:
    """A resource entry: entry("S3", "logs", folder="a")."""
    return {**_named(identity), **fields}


def _named(identity: Sequence[str]) -> dict[str, str]:
    fields = {"AzureBlob": ("account", "container"), "LLM": ("name",)}.get(identity[0], ("bucket",))
    return {"type": identity[0], **dict(zip(fields, identity[1:], strict=True))}


class Site:
    """A project folder with an embedded platform; `default` is its workspace where none is named."""

    def __init__(
        self, folder: Path, connection: Connection | None = None, environment: Environment = ENVIRONMENT
    ) -> None:
        self.folder = folder
        self.project = Project(folder, folder / "gatectl.yaml", "site", ("manifests",), {}, {})
        self.connection = connection or Connection("embedded", folder)
        self.environment = environment

    # The git side.

    def manifests(self, *documents: Manifest, files: Mapping[str, Sequence[Manifest]] | None = None) -> Site:
        """Make these the only manifests: in one file, or as `files` says."""
        shutil.rmtree(self.folder / "manifests", ignore_errors=True)
        for name, content in (files or {"all.yaml": documents}).items():
            path = self.folder / "manifests" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n---\n".join(json.dumps(d) for d in content))
        return self

    # The platform's side, on its own wire shapes.

    @property
    def way(self) -> Connection:
        """How the platform is reached."""
        return self.connection

    def writer(self) -> Writer:
        return driver_for(self.way.target).open_writer(self.way)

    def reader(self) -> Reader:
        return driver_for(self.way.target).open_reader(self.way)

    @property
    def owner(self) -> Owner:
        """Whose what is applied here is."""
        return Owner(self.project.name, self.project.uid, self.environment.name, str(self.project.file))

    def remember(self, *object_ids: str, project: str = "site") -> None:
        """Write down that a project applied these objects."""
        with closing(self.writer()) as writer, closing(self.reader()) as reader:
            open_records(self.way, writer, reader).record(
                [Owned(Owner(project, None, ""), "", None, None, "", each) for each in object_ids]
            )

    def write(self, collection: Any, body: Wire) -> str:
        writer = self.writer()
        try:
            return writer.create(collection, body)
        finally:
            writer.close()

    def update(self, collection: Any, object_id: str, body: Wire) -> None:
        writer = self.writer()
        try:
            writer.update(collection, object_id, body)
        finally:
            writer.close()

    def workspace_id(self, name: str = "default") -> str:
        return self.one("workspace", name)["id"]

    def live_workspace(self, name: str) -> str:
        return self.write("workspace", {"name": name})

    def live_bucket(self, label: str, identity: Sequence[str], where: str = "default", **fields: Any) -> str:
        storage = {"storageType": "BLOB", "key": identity[1]} if identity[0] == "AzureBlob" else {
            "storageType": identity[0], "key": "AKIA"}  # fmt: skip
        body = {"name": label, "bucket": identity[-1], "secret": "hush", "workspaceId": self.workspace_id(where)}
        return self.write("bucket", body | storage | fields)

    def live_llm(self, name: str, where: str = "default", **fields: Any) -> str:
        body = {"name": name, "aiType": "OPENAI", "secret": "hush", "workspaceId": self.workspace_id(where)}
        return self.write("ai/llm", body | fields)

    def live_repository(
        self, name: str, *buckets: str | Mapping[str, Any], llms: Sequence[str] = (), where: str = "default",
        **fields: Any,
    ) -> str:  # fmt: skip
        """A live repository; buckets are ids, or attachments as the wire has them."""
        attached = [{"bucketId": b} if isinstance(b, str) else b for b in buckets]
        body = {"name": name, "storageType": "S3", "mode": "NORMAL", "workspaceId": self.workspace_id(where),
                "repoBuckets": attached, "repoAiLlms": [{"aiLlmId": i} for i in llms]}  # fmt: skip
        return self.write("repo", body | fields)

    def live_api_key(self, description: str | None = None, key: str = "AKIA") -> str:
        body = {"key": key, "secret": "hush", "provider": "AWS", "workspaceId": self.workspace_id()}
        return self.write("apikeys", body | {"description": description})

    def live_key(self, repository_id: str) -> None:
        """An API key of a repository."""
        platform = open_platform(self.connection)
        try:
            platform.create_key(repository_id, "storage", {"name": "key", "accessType": "READ"})
        finally:
            platform.close()

    def list(self, collection: Any, where: str | None = None) -> Sequence[Wire]:
        reader = self.reader()
        try:
            return reader.list(collection, self.workspace_id(where) if where is not None else None)
        finally:
            reader.close()

    def one(self, collection: Any, name: str) -> Wire:
        found = [wire for wire in self.list(collection) if wire["name"] == name]
        assert len(found) == 1, f"{len(found)} {collection} are called {name}"
        return found[0]

    def names(self, collection: Any) -> list[str]:
        return sorted(wire["name"] for wire in self.list(collection))

    def attached(self, name: str) -> set[tuple[str, str, bool]]:
        """What a live repository attaches: (label, folder, master) of buckets, (name, "", False) of LLMs."""
        wire = self.one("repo", name)
        buckets = {(a["bucket"]["name"], a["folder"], a["master"]) for a in wire["buckets"]}
        return buckets | {(a["aiLlm"]["name"], "", False) for a in wire["aiLlms"]}

    def snapshot(self) -> dict[str, Sequence[Wire]]:
        """Everything that the platform lists."""
        return {collection: self.list(collection) for collection in ("workspace", "bucket", "ai/llm", "repo")}

    # gatectl, as the commands use it.

    def plan(
        self, *, wrap: Callable[[Reader], Reader] | None = None,
        wrap_records: Callable[[RecordsReader], RecordsReader] | None = None, **asked: Any,
    ) -> Plan:  # fmt: skip
        """`gatectl plan`: paths, selector, targets, prune, renew as in `reconcile.Request`."""
        request = reconcile.Request(self.project, self.environment, **asked)
        git = reconcile.ask_git(request)
        paths = loading.manifest_paths(self.project, self.environment, request.paths)
        loaded = loading.load(self.project, paths, "default")
        if loaded.invalid and not request.keep_going:
            return reconcile.refuse(request, loaded, git, Identification("embedded", "embedded", None))
        reader = self.reader()
        records = read_records(self.way, reader)
        records = wrap_records(records) if wrap_records else records
        try:
            return reconcile.make_plan(
                request,
                loaded,
                git,
                wrap(reader) if wrap else reader,
                records,
                asking.Vantage(place=lambda: str(self.project.file)),
            )
        finally:
            reader.close()

    def guard(self, reader: Reader) -> Guard:
        """What a plan of this project, applied here, is held against."""
        return reconcile.guard(reconcile.Request(self.project, self.environment), reader)

    def apply(
        self, plan: Plan | None = None, *, wrap: Callable[[Writer], Writer] | None = None,
        wrap_reader: Callable[[Reader], Reader] | None = None,
        wrap_records: Callable[[Records], Records] | None = None, stop: Callable[[], bool] = lambda: False,
        patience: Patience | None = None, **asked: Any,
    ) -> Receipt:  # fmt: skip
        """`gatectl apply --yes`, or with a plan `apply --plan`. Nobody waits for what was lost: time leaps."""
        plan = self.plan(**asked) if plan is None else plan
        assert not rules(plan), rules(plan)
        reader = self.reader()

        def access() -> Access:
            writer = self.writer()
            records = open_records(self.way, writer, reader)
            return Access(wrap(writer) if wrap else writer, wrap_records(records) if wrap_records else records)

        run = executor.Run(
            reader=wrap_reader(reader) if wrap_reader else reader,
            open=access,
            secrets=secrets.resolve_plan(plan, self.folder, VARIABLES),
            head=head_of(owner=self.owner),
            parallel=self.connection.parallel or 1,
            stop=stop,
            progress=lambda _: None,
            guard=self.guard(reader),
            patience=patience or Patience(clock=Leaping(running=True).clock),
        )
        try:
            outcomes, converged = executor.apply_plan(plan, run)
            with closing(self.writer()) as writer, closing(open_records(self.way, writer, reader)) as records:
                records.end(run.head.run)
        finally:
            reader.close()
        return Receipt(receipt.make_receipt(plan, outcomes, RUN, RUN.started, converged=converged))


class Receipt(dict[str, Any]):
    """A receipt with words for what tests ask of it."""

    @property
    def converged(self) -> bool:
        return bool(self["converged"])

    @property
    def statuses(self) -> dict[str, str]:
        return {outcome["id"]: outcome["status"] for outcome in self["outcomes"]}

    def error(self, operation: str) -> str:
        (found,) = [o["error"] for o in self["outcomes"] if o["id"] == operation]
        return f"{found['code']}: {found['message']}" if found else ""


def rules(plan: Plan) -> list[str]:
    """The errors of a plan, each as its rule and message."""
    return [f"{d['rule']}: {d['message']}" for d in plan["diagnostics"] if d["severity"] == "error"]


def assert_empty(plan: Plan) -> None:
    """That a plan is valid and changes nothing: one that was refused has no operations either."""
    assert rules(plan) == []
    assert brief(plan) == []


def brief(plan: Plan) -> list[str]:
    """The operations of a plan, each as its action and id."""
    return [f"{op['action']} {op['id']}" for op in plan["operations"]]


def operation(plan: Plan, object_id: str) -> Mapping[str, Any]:
    (found,) = [op for op in plan["operations"] if op["id"] == object_id]
    return found


def shown(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Resources of a plan in short: S3/logs, AzureBlob/acct/logs."""
    fields = ("type", "bucket", "account", "container", "name")
    return sorted("/".join(r[f] for f in fields if f in r) for r in resources)


class Counting:
    """A reader that counts its list calls."""

    def __init__(self, inner: Reader) -> None:
        self._inner = inner
        self.calls: list[tuple[str, str | None]] = []

    @property
    def identification(self) -> Identification:
        return self._inner.identification

    @property
    def traits(self) -> Traits:
        return self._inner.traits

    def list(self, collection: Any, workspace_id: str | None = None) -> Sequence[Wire]:
        self.calls.append((collection, workspace_id))
        return self._inner.list(collection, workspace_id)

    def glance(self, collection: Any, workspace_id: str | None = None) -> Sequence[Wire]:
        return self.list(collection, workspace_id)

    def latest(self, collection: Any, object_id: str) -> Wire | None:
        return self._inner.latest(collection, object_id)

    def close(self) -> None:
        self._inner.close()


class Between:
    """A writer before whose n-th write (from 0) somebody else acts; `interfere` may raise, and then nothing is written."""

    def __init__(self, inner: Writer, at: int, interfere: Callable[[], object], *, late: bool = False) -> None:
        self._inner, self._at, self._interfere, self._late = inner, at, interfere, late
        self.writes = 0

    def _around(self, write: Callable[[], Any]) -> Any:
        mine = self.writes == self._at
        self.writes += 1
        if mine and not self._late:
            self._interfere()
        result = write()
        if mine and self._late:
            self._interfere()
        return result

    def stop(self) -> None:
        self._inner.stop()

    def hold_to(self, fences: Fences) -> None:
        self._inner.hold_to(fences)

    def create(self, collection: Any, body: Wire, key: str | None = None) -> str:
        return self._around(lambda: self._inner.create(collection, body, key))

    def update(self, collection: Any, object_id: str, body: Wire, etag: str | None = None) -> None:
        self._around(lambda: self._inner.update(collection, object_id, body, etag))

    def delete(self, collection: Any, object_id: str, etag: str | None = None) -> None:
        self._around(lambda: self._inner.delete(collection, object_id, etag))

    def close(self) -> None:
        self._inner.close()


def lost_connection() -> None:
    raise Unreachable("the connection was lost")
