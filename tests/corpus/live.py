"""What others do to a platform: operations as data, and how they are done, on the platform's own wire shapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

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
                put = _ID.sub(partial(_put, platform), text)
            path.write_bytes(put.encode("utf-8", "surrogateescape"))
    return ""


def _put(platform: Platform, found: re.Match[str]) -> str:
    try:
        return str(_find(platform, *found.groups())["id"])
    except _NotThere:
        return "no-such-id"


def doing(ops: Sequence[Op]) -> Callable[[Path], str]:
    """The operations as an Act, which says what the platform answered to each."""

    def act(folder: Path) -> str:
        with _opened(folder) as platform:
            return "".join(f"{op.verb} {op.collection} {op.where}/{op.name}: {_do(platform, op)}\n" for op in ops)

    return act


@contextmanager
def _opened(folder: Path) -> Iterator[Platform]:
    """The platform of a project, created where it is not there yet."""
    platform = open_platform(Connection("embedded", folder))
    try:
        yield platform
    finally:
        platform.close()


class _NotThere(Exception):
    """What an operation is about is not there."""


def _do(platform: Platform, op: Op) -> str:
    try:
        _VERBS[op.verb](platform, op)
    except PlatformError as error:
        return f"refused: {error.message}"
    except _NotThere as error:
        return f"not there: {error}"
    return "done"


def _find(platform: Platform, collection: Any, where: str, name: str) -> Mapping[str, Any]:
    homes = [wire["id"] for wire in platform.list("workspace") if wire["name"] == where]
    for wire in platform.list(collection):
        if wire["name"] == name and (collection == "workspace" or wire["workspaceId"] in homes):
            return wire
    raise _NotThere(name)


def _create(platform: Platform, op: Op) -> None:
    if op.collection == "workspace":
        platform.create("workspace", {"name": op.name})
        return
    body = {name: value for name, value in op.body.items() if name not in ("identity", "attached")}
    body |= {"workspaceId": _find(platform, "workspace", "", op.where)["id"]}
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
    platform.create(op.collection, body)


def _storage(identity: Identity) -> dict[str, Any]:
    key = identity[1] if identity[0] == "AzureBlob" else "AKIA"
    return {"storageType": _WIRE[identity[0]], "bucket": identity[-1], "key": key, "secret": "hush"}


def _change(platform: Platform, op: Op) -> None:
    platform.update(op.collection, _find(platform, op.collection, op.where, op.name)["id"], op.body)


def _delete(platform: Platform, op: Op) -> None:
    platform.delete(op.collection, _find(platform, op.collection, op.where, op.name)["id"])


def _attach(platform: Platform, op: Op) -> None:
    wire = _find(platform, "repo", op.where, op.name)
    buckets, llms = _attached(wire)
    field, given = _attachment(platform, op.where, wire["storageType"], op.body)
    (buckets if field == "repoBuckets" else llms)[op.body["label"]] = given
    _replace(platform, wire, buckets, llms)


def _attachment(
    platform: Platform, where: str, storage_type: str, item: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """An attachment as it is written, and the list that it is in."""
    if storage_type == "OPENAI":
        return "repoAiLlms", {"aiLlmId": _find(platform, "ai/llm", where, item["label"])["id"]}
    given = {"folder": item.get("folder", ""), "master": item.get("master", False)}
    return "repoBuckets", {"bucketId": _find(platform, "bucket", where, item["label"])["id"], **given}


def _detach(platform: Platform, op: Op) -> None:
    wire = _find(platform, "repo", op.where, op.name)
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


def _replace(platform: Platform, wire: Mapping[str, Any], buckets: Mapping[str, Any], llms: Mapping[str, Any]) -> None:
    body = {name: wire[name] for name in ("name", "storageType", "mode", "workspaceId")}
    platform.update(
        "repo", wire["id"], body | {"repoBuckets": list(buckets.values()), "repoAiLlms": list(llms.values())}
    )


def _key(platform: Platform, op: Op) -> None:
    repository = _find(platform, "repo", op.where, op.name)
    family: Any = "ai" if repository["storageType"] == "OPENAI" else "storage"
    platform.create_key(repository["id"], family, {"name": "key", **({} if family == "ai" else {"accessType": "READ"})})


_VERBS: Mapping[str, Callable[[Platform, Op], None]] = {
    "create": _create, "change": _change, "delete": _delete, "attach": _attach, "detach": _detach, "key": _key,
}  # fmt: skip
