"""A snapshot: what a plan would read of a platform, in one file without a secret in it, and a reader of such files.

A plan against it has the target, and the fingerprint, that a plan of the platform itself would have had at that moment; so
a plan can be made where the platform cannot be reached. Nothing can be applied to a snapshot.

What is taken is named here field by field; anything else stays behind. Of the provider's keys only the names of Azure
accounts are taken, which identify a container. Of a repository's fields that nobody knows, the names are taken, because a
plan says that it would lose them; never their values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlsplit, urlunsplit

from gatectl.documents.ownership import Owned, OwnedJson, owned_json, read_owned
from gatectl.documents.plans import Taken
from gatectl.documents.snapshots import Draft, Platform, Snapshot
from gatectl.errors import (
    Forbidden,
    IncompleteList,
    InputError,
    NoList,
    PlatformRefused,
    Unsupported,
    UsageError,
)
from gatectl.files.packing import read_json
from gatectl.platforms.interface import Collection, Connection, Identification, Reader, Traits, Wire
from gatectl.platforms.wire import (
    attached_buckets,
    attached_llms,
    check_lists,
    is_account_key,
    is_azure,
    keys_of,
    may_attach,
    unknown_fields,
)
from gatectl.quote import quote

FORMAT_VERSION: Final = "1.1"
_OLD_VERSION: Final = "1.0"
"""Of snapshots that say what one project had applied, and not whose the objects are."""
_IDENTIFIED: Final = frozenset(("driver", "url", "instance"))
PREFIX: Final = "snapshot://"
_AGAIN: Final = "take it again: gatectl snapshot --out FILE"
_LARGEST: Final = 256 * 1024 * 1024
_NO_PLATFORM: Final = "is this address the platform's API?"

_SHAPE: Final[Mapping[str, type | tuple[type, ...]]] = {
    "formatVersion": str, "takenAt": str, "platform": dict, "traits": dict, "workspaces": list, "contents": dict, "digest": str,
}  # fmt: skip
_OWNED: Final[Mapping[str, type | tuple[type, ...]]] = {"owned": (list, type(None))}
_APPLIED: Final[Mapping[str, type | tuple[type, ...]]] = {"project": str, "applied": (list, type(None))}


def _identified(platform: Identification) -> Platform:
    """Which platform this is; its `place` only where nothing else tells it from another, as in a plan."""
    found: Platform = {"driver": platform.driver, "url": platform.url, "instance": platform.instance}
    if platform.place is not None and platform.instance is None:
        found["place"] = platform.place
    return found


def take(reader: Reader, owned: Iterable[Owned] | None, workspaces: Sequence[str] | None, taken_at: str) -> Snapshot:
    """A snapshot of these workspaces, by id (None: of all that are visible), and of what anybody owns. Raises PlatformError."""
    visible = reader.list("workspace")
    chosen = [str(w["id"]) for w in visible if workspaces is None or str(w["id"]) in workspaces]
    traits = reader.traits
    draft: Draft = {
        "formatVersion": FORMAT_VERSION,
        "takenAt": taken_at,
        "platform": _identified(reader.identification),
        "traits": {
            "default_workspace": traits.default_workspace,
            "packets": traits.packets,
            "openai": traits.openai,
            "parallel": traits.parallel,
        },
        "owned": None if owned is None else [owned_json(each) for each in sorted(owned, key=_of_owner)],
        "workspaces": [_pick(wire, ("id", "name")) for wire in visible],
        "contents": {each: _lists(reader, each) for each in sorted(chosen)},
    }
    if outside := _lists(reader, None):
        draft["outside"] = outside
    return {**draft, "digest": digest(draft)}


def _of_owner(owned: Owned) -> tuple[str, ...]:
    return (owned.id, *owned.owner.identity)


def _lists(reader: Reader, workspace: str | None) -> dict[str, Sequence[Wire] | None]:
    """The lists of a workspace, or (None) of what lies in none; one that the platform does not have is null."""
    rows = {name: row for name, row in TAKEN.items() if row.scoped == (workspace is not None)}
    lists = {name: _list(reader, name, row, workspace) for name, row in rows.items()}
    buckets = lists.get("bucket") or ()
    accounts = {str(b["apiKeyId"]) for b in buckets if is_azure(b) and not b.get("key") and b.get("apiKeyId")}
    return {
        name: None if found is None else [rows[name].take(wire, accounts) for wire in found]
        for name, found in lists.items()
    }


def _list(reader: Reader, collection: Collection, row: Row, workspace: str | None) -> Sequence[Wire] | None:
    return _optional(reader, collection, workspace) if row.optional else reader.list(collection, workspace)


def _api_key(wire: Wire, accounts: Container[str]) -> dict[str, Any]:
    """A provider API key; its `key` where that is the name of an account, `accounts` being those of which a container is."""
    account = ("key",) if str(wire["id"]) in accounts or is_account_key(wire) else ()
    return _pick(wire, ("id", "description", "provider", *account))


def _llm(wire: Wire, _: object = None) -> dict[str, Any]:
    return _pick(wire, ("id", "name", "aiType"), urls=("endpoint",))


def _optional(reader: Reader, collection: Collection, workspace: str | None) -> Sequence[Wire] | None:
    """A list that a platform may refuse; None then."""
    try:
        return reader.list(collection, workspace)
    except (Unsupported, Forbidden, PlatformRefused, NoList):
        return None


def _pick(wire: Wire, fields: Iterable[str], urls: Iterable[str] = ()) -> dict[str, Any]:
    return {f: wire[f] for f in fields if f in wire} | {f: _plain_url(wire[f]) for f in urls if f in wire}


def _plain_url(url: Any) -> Any:
    """An address without what may be a password or a signature."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        return ""
    if parts is None or not ("@" in parts.netloc or parts.query or parts.fragment):
        return url
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _bucket(wire: Wire, _: object = None) -> dict[str, Any]:
    account = ("key", "apiKeyId") if is_azure(wire) else ()
    return _pick(wire, ("id", "name", "bucket", "storageType", "region", *account), urls=("endpoint",))


_REPOSITORY: Final = ("id", "name", "storageType", "mode")


def _repository(wire: Wire, _: object = None) -> dict[str, Any]:
    taken = _pick(wire, _REPOSITORY)
    try:
        check_lists(wire)
        taken["buckets"] = [_attachment(item) for item in attached_buckets(wire)]
        taken["aiLlms"] = [_llm_attachment(item) for item in attached_llms(wire)]
    except KeyError as error:
        problem = f"its '{quote(error.args[0])}' is missing or not a list of objects"
        raise IncompleteList(f"GET /repo: Repository {quote(wire['id'])}: {quote(problem)}", _NO_PLATFORM) from error
    except (TypeError, AttributeError, ValueError) as error:
        problem = "one of its fields is not what it should be"
        raise IncompleteList(f"GET /repo: Repository {quote(wire['id'])}: {quote(problem)}", _NO_PLATFORM) from error
    taken["apiKeys"] = [_pick(key, ("id",)) for key in keys_of(wire)]
    if wire.get("disabled"):
        taken["disabled"] = True
    # What a plan says that it would lose; never what it is.
    taken.update(
        {name: [True] for name, value in unknown_fields(wire).items() if may_attach(value) and "[]" not in name}
    )
    return taken


def _attachment(item: Wire) -> dict[str, Any]:
    taken = _pick(item, ("bucketId", "folder", "master")) | _unknown_of(item, "buckets")
    return taken | {"bucket": _bucket(item["bucket"])} if item.get("bucket") else taken


def _llm_attachment(item: Wire) -> dict[str, Any]:
    inner = {"aiLlm": _pick(item.get("aiLlm") or {}, ("id", "name"))}
    return _pick(item, ("aiLlmId",)) | inner | _unknown_of(item, "aiLlms")


def _unknown_of(item: Wire, field: str) -> dict[str, Any]:
    """The unknown fields of an attachment that a plan says it would lose: that they are there, not what they hold."""
    found = unknown_fields({field: [item]}).items()
    return {name.partition("[].")[2]: [True] for name, value in found if may_attach(value)}


class Row(NamedTuple):
    """What is taken of a list: of each object what `take` gives, from the wire and from the ids of the keys that name accounts.

    `fields` are those that every object of it has, each a text. `optional`: a platform may refuse the list. `scoped`: each
    workspace has one.
    """

    take: Callable[[Wire, Container[str]], dict[str, Any]]
    fields: Sequence[str]
    optional: bool = False
    scoped: bool = True


TAKEN: Final[Mapping[Collection, Row]] = {
    "bucket": Row(_bucket, ("id", "name", "bucket", "storageType")),
    "ai/llm": Row(_llm, ("id", "name", "aiType"), optional=True),
    "repo": Row(_repository, _REPOSITORY),
    "apikeys": Row(_api_key, ("id",), optional=True),
}
"""The lists of a workspace that a snapshot has."""


def digest(snapshot: Mapping[str, object]) -> str:
    """What tells that a snapshot is as it was taken."""
    value = {name: part for name, part in snapshot.items() if name != "digest"}
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def admit(connection: Connection) -> bool:
    """A file is nobody to send credentials to."""
    return False


def open_reader(connection: Connection) -> SnapshotReader:
    """A reader of the file that `snapshot://path` names. Raises InputError for a file that is no snapshot as it was taken."""
    path = connection.folder / connection.target.removeprefix(PREFIX)
    return SnapshotReader(path, _read(path))


def open_writer(connection: Connection) -> Any:
    """Raises UsageError: a snapshot is the past."""
    raise UsageError("nothing can be applied to a snapshot", "apply to the platform itself")


def _read(path: Path) -> Snapshot:
    try:
        with open(path, "rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(f"the snapshot {quote(path)} cannot be read: {error.strerror}", "check the path") from error
    try:
        document = read_json(content) if len(content) <= _LARGEST else None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{quote(path)} is not JSON, so it is not a snapshot", _AGAIN) from error
    if not isinstance(document, dict) or not {"takenAt", "contents", "platform"} <= document.keys():
        raise InputError(f"{quote(path)} is not a snapshot", _AGAIN)
    if document.get("formatVersion") not in (FORMAT_VERSION, _OLD_VERSION):
        raise InputError(
            f"{quote(path)} has the format version '{quote(document.get('formatVersion'))}', this gatectl reads {FORMAT_VERSION}",
            _AGAIN,
        )
    if document.keys() - {"outside"} != _shape(document).keys() or document["digest"] != digest(document):
        raise InputError(f"{quote(path)} was changed after it was taken: its digest does not match", _AGAIN)
    if not _is_sound(document):
        raise InputError(f"{quote(path)} is not a snapshot of this gatectl", _AGAIN)
    return cast("Snapshot", document)


def _shape(document: Mapping[str, Any]) -> Mapping[str, type | tuple[type, ...]]:
    """The fields of a snapshot, by its format."""
    return {**_SHAPE, **(_APPLIED if document["formatVersion"] == _OLD_VERSION else _OWNED)}


def _is_sound(document: Mapping[str, Any]) -> bool:
    """Whether a document that says it is a snapshot holds what reading it relies on."""
    return (
        all(isinstance(document[name], kinds) for name, kinds in _shape(document).items())
        and _says(document["platform"], dict.fromkeys(_IDENTIFIED, _TEXT), without="place")
        and _says(document["traits"], _TRAITS)
        and all(map(_is_owned, document.get("owned") or ()))
        and _have(document["workspaces"], ("id", "name"))
        and all(map(_is_content, document["contents"].values()))
        and _are_lists(document.get("outside", {}), scoped=False)
    )


def _is_owned(found: Any) -> bool:
    """Whether this says whose an object is; what its state is like, a hash decides."""
    if not isinstance(found, dict) or found.keys() != OwnedJson.__annotations__.keys():
        return False
    owner, state = found["owner"], found["state"]
    rest = {name: value for name, value in found.items() if name not in ("owner", "state")}
    return (
        isinstance(owner, dict)
        and _says(owner, _OWNER)
        and _says(rest, {name: _OF_OWNED.get(name, _TEXT) for name in rest})
        and (state is None or _is_state(state))
    )


def _is_state(found: Any) -> bool:
    """Whether this is a normal form, as far as reading it relies on that."""
    if not isinstance(found, dict) or not isinstance(found.get("spec"), dict):
        return False
    items = found.get("attachments", [])
    return (
        all(isinstance(value, str) for value in found["spec"].values())
        and isinstance(items, list)
        and all(isinstance(item, dict) and item.keys() >= {"type", "label", "id", "folder", "master"} for item in items)
    )


def _says(found: Mapping[str, Any], fields: Mapping[str, frozenset[type]], without: str | None = None) -> bool:
    """Whether this has these fields, each of one of its types (True is no number); one more of text may be there or not."""
    known = {**fields, without: _TEXT} if without is not None and without in found else fields
    return found.keys() == known.keys() and all(type(value) in known[name] for name, value in found.items())


def _is_content(lists: Any) -> bool:
    """Whether these are the lists of a workspace."""
    if not _are_lists(lists, scoped=True) or not lists.keys() >= _BEFORE:
        return False
    return all(map(_attaches, lists["repo"] or ()))


def _are_lists(lists: Any, *, scoped: bool) -> bool:
    """Whether these are lists as workspaces have them, or as there are outside of them."""
    rows = {name: row for name, row in TAKEN.items() if row.scoped == scoped}
    if not isinstance(lists, dict) or not lists.keys() <= rows.keys():
        return False
    return all(found is None or _have(found, rows[name].fields) for name, found in lists.items())


def _attaches(repository: Wire) -> bool:
    """Whether what a repository attaches has the ids that reading it relies on."""
    buckets, llms = repository.get("buckets") or [], repository.get("aiLlms") or []
    return _have(buckets, ("bucketId",)) and _have(llms, ("aiLlmId",))


_STRING: Final[frozenset[type]] = frozenset((str,))
_TEXT: Final[frozenset[type]] = frozenset((str, type(None)))
_FLAG: Final[frozenset[type]] = frozenset((bool,))
_OWNER: Final = {"project": _STRING, "uid": _TEXT, "environment": _STRING, "place": _TEXT}
_OF_OWNED: Final = {"kind": _STRING, "name": _STRING, "id": _STRING, "protected": _FLAG, "adopted": _FLAG}
_TRAITS: Final[Mapping[str, frozenset[type]]] = {
    "default_workspace": _TEXT, "packets": frozenset((bool,)), "openai": _TEXT, "parallel": frozenset((int,)),
}  # fmt: skip

_BEFORE: Final = frozenset(("bucket", "ai/llm", "repo", "apikeys"))
"""The lists that every snapshot has; those of kinds that are younger than it are not there, and read as refused."""


def _have(found: Any, fields: Sequence[str]) -> bool:
    return isinstance(found, list) and all(
        isinstance(each, dict) and all(isinstance(each.get(field), str) for field in fields) for each in found
    )


class SnapshotReader:
    """Reads a snapshot as if it were the platform (`interface.Reader`)."""

    def __init__(self, path: Path, snapshot: Snapshot) -> None:
        self._path = path
        self._snapshot = snapshot

    @property
    def remark(self) -> Taken:
        """What a plan says of where it comes from."""
        return {"takenAt": self._snapshot["takenAt"], "digest": self._snapshot["digest"]}

    @property
    def identification(self) -> Identification:
        """Of the platform that it was taken of."""
        return Identification(**self._snapshot["platform"])

    @property
    def traits(self) -> Traits:
        return Traits(**self._snapshot["traits"])

    def list(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        """Raises Unsupported for a list that the platform had not, InputError for a workspace that was not taken."""
        if collection == "workspace":
            return self._snapshot["workspaces"]
        contents = self._snapshot["contents"]
        if workspace_id is None and not TAKEN[collection].scoped:
            return self._given(self._snapshot.get("outside", {}), collection)
        if workspace_id is None or workspace_id not in contents:
            names = [w["name"] for w in self._snapshot["workspaces"] if w["id"] == workspace_id]
            raise InputError(
                f"the snapshot {quote(self._path)} does not hold workspace '{quote(names[0] if names else workspace_id)}'",
                "take it again without --workspace",
            )
        return self._given(contents[workspace_id], collection)

    def _given(self, lists: Mapping[str, Sequence[Wire] | None], collection: Collection) -> Sequence[Wire]:
        found = lists.get(collection)
        if found is None:
            raise Unsupported(f"the platform of the snapshot {quote(self._path)} gave no list of {collection}", _AGAIN)
        return found

    def glance(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        return self.list(collection, workspace_id)

    def latest(self, collection: Collection, object_id: str) -> Wire | None:
        return None

    @property
    def knows_owners(self) -> bool:
        """Whether it says whose the objects are: snapshots of format 1.0 do not."""
        return "owned" in self._snapshot

    def owned(self) -> Sequence[Owned] | None:
        """What anybody owns; None where nobody wrote that down."""
        found = self._snapshot.get("owned")
        return None if found is None else tuple(map(read_owned, found))

    def close(self) -> None:
        pass
