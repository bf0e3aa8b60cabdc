"""What others do to a platform: operations as data, and how they are done, on the platform's own wire shapes."""

from __future__ import annotations

import atexit
import functools
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from corpus.recording import settled
from gatectl.errors import PlatformError
from gatectl.platforms.embedded import open_platform
from gatectl.platforms.embedded.platform import Platform
from gatectl.platforms.interface import Connection

Identity = tuple[str, ...]

_ID = re.compile(r"id-of\(([^,]*),([^,]*),([^)]*)\)")
_WIRE = {"S3": "S3", "GCS": "GCS", "AzureBlob": "BLOB"}


class Op(NamedTuple):
    """`verb` is create, change, delete, attach, detach or key (an API key of a repository); `where` the workspace.

    A body is of the wire, but for the `identity` and `provider` of what is created, the `label` of what is attached, and
    what a new repository has `attached`, as far as that is there.
    """

    verb: str
    collection: Any
    where: str
    name: str
    body: Mapping[str, Any]


def id_of(collection: str, where: str, name: str) -> str:
    """What stands in a manifest for the id of a live object, until `put_ids` knows it."""
    return f"id-of({collection},{where},{name})"


def put_ids(folder: Path) -> str:
    """Put the ids of live objects where manifests ask for them (an Act)."""
    for path in sorted(folder.rglob("*.y*ml")):
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        if _ID.search(text) is not None:
            with _opened(folder) as platform:
                put = _ID.sub(functools.partial(_put, platform), text)
            path.write_bytes(put.encode("utf-8", "surrogateescape"))
    return ""


def _put(platform: _Platform, found: re.Match[str]) -> str:
    try:
        return str(platform.find(*found.groups())["id"])
    except _NotThere:
        return "no-such-id"


def doing(ops: Sequence[Op]) -> Callable[[Path], str]:
    """The operations as an Act, which says what the platform answered to each."""

    def act(folder: Path) -> str:
        with _opened(folder) as platform:
            return "".join(f"{op.verb} {op.collection} {op.where}/{op.name}: {_do(platform, op)}\n" for op in ops)

    return act


class _Platform:
    """A platform whose lists are asked for again only once something was written to them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lists: dict[Any, Sequence[Mapping[str, Any]]] = {}

    def find(self, collection: Any, where: str, name: str) -> Mapping[str, Any]:
        """An object by its workspace and name. Raises _NotThere."""
        homes = [wire["id"] for wire in self._list("workspace") if wire["name"] == where]
        for wire in self._list(collection):
            if wire["name"] == name and (collection == "workspace" or wire["workspaceId"] in homes):
                return wire
        raise _NotThere(name)

    def _list(self, collection: Any) -> Sequence[Mapping[str, Any]]:
        if collection not in self._lists:
            self._lists[collection] = self._platform.list(collection)
        return self._lists[collection]

    def write(self, collection: Any) -> Platform:
        """The platform itself, to write something to a collection."""
        self._lists.pop(collection, None)
        return self._platform


@functools.cache
def _new() -> Path:
    """The folder of a platform that nobody has written to yet."""
    folder = Path(tempfile.mkdtemp(prefix="corpus-new-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with settled(0):
        open_platform(Connection("embedded", folder)).close()
    return folder / ".gatectl"


@contextmanager
def _opened(folder: Path) -> Iterator[_Platform]:
    """The platform of a project, created where it is not there yet: as a copy of a new one, which is made only once."""
    if not (folder / ".gatectl").exists():
        shutil.copytree(_new(), folder / ".gatectl")
    platform = open_platform(Connection("embedded", folder))
    try:
        yield _Platform(platform)
    finally:
        platform.close()


class _NotThere(Exception):
    """What an operation is about is not there."""


def _do(platform: _Platform, op: Op) -> str:
    try:
        _VERBS[op.verb](platform, op)
    except PlatformError as error:
        return f"refused: {error.message}"
    except _NotThere as error:
        return f"not there: {error}"
    return "done"


def _create(platform: _Platform, op: Op) -> None:
    if op.collection == "workspace":
        platform.write("workspace").create("workspace", {"name": op.name})
        return
    body = {name: value for name, value in op.body.items() if name not in ("identity", "attached")}
    body |= {"workspaceId": platform.find("workspace", "", op.where)["id"]}
    body["description" if op.collection == "apikeys" else "name"] = op.name
    if op.collection == "bucket":
        body |= _storage(op.body["identity"])
    if op.collection == "ai/llm":
        body |= {"aiType": body.pop("provider", "OpenAI").upper(), "secret": "hush"}
    if op.collection == "repo":
        body |= {"repoBuckets": [], "repoAiLlms": []}
        for item in op.body.get("attached", ()):
            with suppress(_NotThere):
                field, given = _attachment(platform, op.where, body["storageType"], item)
                body[field].append(given)
    platform.write(op.collection).create(op.collection, body)


def _storage(identity: Identity) -> dict[str, Any]:
    key = identity[1] if identity[0] == "AzureBlob" else "AKIA"
    return {"storageType": _WIRE[identity[0]], "bucket": identity[-1], "key": key, "secret": "hush"}


def _change(platform: _Platform, op: Op) -> None:
    found = platform.find(op.collection, op.where, op.name)
    platform.write(op.collection).update(op.collection, found["id"], op.body)


def _delete(platform: _Platform, op: Op) -> None:
    found = platform.find(op.collection, op.where, op.name)
    platform.write(op.collection).delete(op.collection, found["id"])


def _attach(platform: _Platform, op: Op) -> None:
    wire = platform.find("repo", op.where, op.name)
    buckets, llms = _attached(wire)
    field, given = _attachment(platform, op.where, wire["storageType"], op.body)
    (buckets if field == "repoBuckets" else llms)[op.body["label"]] = given
    _replace(platform, wire, buckets, llms)


def _attachment(
    platform: _Platform, where: str, storage_type: str, item: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """An attachment as it is written, and the list that it is in."""
    if storage_type == "OPENAI":
        return "repoAiLlms", {"aiLlmId": platform.find("ai/llm", where, item["label"])["id"]}
    given = {"folder": item.get("folder", ""), "master": item.get("master", False)}
    return "repoBuckets", {"bucketId": platform.find("bucket", where, item["label"])["id"], **given}


def _detach(platform: _Platform, op: Op) -> None:
    wire = platform.find("repo", op.where, op.name)
    buckets, llms = _attached(wire)
    buckets.pop(op.body["label"], None)
    llms.pop(op.body["label"], None)
    _replace(platform, wire, buckets, llms)


def _attached(wire: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a repository attaches, as it is written, by label."""
    buckets = {
        a["bucket"]["name"]: {"bucketId": a["bucketId"], "folder": a["folder"], "master": a["master"]}
        for a in wire["buckets"]
    }
    return buckets, {a["aiLlm"]["name"]: {"aiLlmId": a["aiLlmId"]} for a in wire["aiLlms"]}


def _replace(platform: _Platform, wire: Mapping[str, Any], buckets: Mapping[str, Any], llms: Mapping[str, Any]) -> None:
    body = {name: wire[name] for name in ("name", "storageType", "mode", "workspaceId")}
    platform.write("repo").update(
        "repo", wire["id"], body | {"repoBuckets": list(buckets.values()), "repoAiLlms": list(llms.values())}
    )


def _key(platform: _Platform, op: Op) -> None:
    repository = platform.find("repo", op.where, op.name)
    family: Any = "ai" if repository["storageType"] == "OPENAI" else "storage"
    platform.write("repo").create_key(
        repository["id"], family, {"name": "key", **({} if family == "ai" else {"accessType": "READ"})}
    )


_VERBS: Mapping[str, Callable[[_Platform, Op], None]] = {
    "create": _create, "change": _change, "delete": _delete, "attach": _attach, "detach": _detach, "key": _key,
}  # fmt: skip
