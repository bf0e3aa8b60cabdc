"""An object store as the store: `s3://bucket/prefix`, `gs://…`, `az://container/prefix`.

Law: of the history nothing is ever changed: a run is two objects that are created and stay, the receipt before the entry that lists
it. Whose objects are, and what is under way, is in `shards`.
An object that cannot be read as ours is an error that names its key. A bucket is asked for anything only where the operator
trusts it (product.md, section 7).

    store.json                                              the store's own id
    leases/PLATFORM/WORKSPACE/lease.json                    who applies there now (`lease_objects`)
    PROJECT/ENVIRONMENT/runs/YYYYMM/RUN/receipt.json.gz     the receipt, packed
    PROJECT/ENVIRONMENT/runs/YYYYMM/RUN/entry.json          what a list tells of it; made of the receipt where it is missing
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Final, cast

from gatectl.documents.history import RUN, Entry, believed, entry_of
from gatectl.documents.receipts import Receipt
from gatectl.errors import PlatformError, UntrustedStore
from gatectl.files.packing import packed, unpacked
from gatectl.network.addresses import is_trusted_store, store_address
from gatectl.platforms.embedded.identity import new_id
from gatectl.platforms.interface import Connection, Reader, Writer
from gatectl.quote import json_text, quote
from gatectl.records.buckets import Objects, body, content, open_objects
from gatectl.records.chosen import Chosen
from gatectl.records.interface import Scope
from gatectl.records.lease_objects import ObjectLeases
from gatectl.records.shards import ObjectOwners, WritableObjectOwners, end

_STORE: Final = "store.json"
_MONTH: Final = re.compile(r"\d{6}", re.ASCII)


def read_records(connection: Connection, chosen: Chosen, reader: Reader) -> ObjectOwners:
    """What a bucket holds of a platform, whether there is anything yet or not. Creates nothing. Raises as `read_history`."""
    return ObjectOwners(_objects(connection, chosen), reader)


def open_records(connection: Connection, chosen: Chosen, reader: Reader, writer: Writer) -> WritableObjectOwners:
    """A bucket in which whose the objects of a platform are is remembered. Raises as `read_history`."""
    return WritableObjectOwners(_objects(connection, chosen), reader, writer)


def read_history(connection: Connection, chosen: Chosen) -> StoredObjects:
    """The history in a bucket, whether there is one yet or not. Creates nothing. Raises UntrustedStore, PlatformError, UsageError."""
    return StoredObjects(_objects(connection, chosen))


def open_history(connection: Connection, chosen: Chosen) -> WritableObjects:
    """A bucket that the history is added to; it is shown first that it honours conditional writes. Raises as `read_history`."""
    return WritableObjects(_objects(connection, chosen))


def read_leases(connection: Connection, chosen: Chosen) -> ObjectLeases:
    """The leases in a bucket. Creates nothing. Raises as `read_history`."""
    objects = _objects(connection, chosen)
    return ObjectLeases(objects, StoredObjects(objects).instance, connection.clock.wall)


def open_leases(connection: Connection, chosen: Chosen) -> ObjectLeases:
    """A bucket in which leases are taken. Raises as `open_history`."""
    objects = _objects(connection, chosen)
    return ObjectLeases(objects, WritableObjects(objects).instance, connection.clock.wall)


def _objects(connection: Connection, chosen: Chosen) -> Objects:
    address = store_address(chosen.target)
    if not chosen.named and not is_trusted_store(address, connection.records.trusted):
        raise UntrustedStore(address.trusted_as)
    return open_objects(connection, address)


class StoredObjects:
    """Reads the history of a bucket (`interface.HistoryReader`)."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        found = objects.get(_STORE)
        self._instance = self._read_instance(found.data) if found is not None else None

    @property
    def instance(self) -> str | None:
        return self._instance

    def runs(self, scope: Scope) -> Iterator[Entry]:
        listings = [self._listed(folder) for folder in _folders(scope)]
        for run, folder in _merged(listings):
            yield self._entry(f"{folder}/{run}", run, scope)

    def receipt(self, scope: Scope, run: str) -> bytes | None:
        for folder in _folders(scope):
            key = f"{folder}/{run[:6]}/{run}/receipt.json.gz"
            found = self._objects.get(key)
            if found is not None:
                return json_text(self._receipt(key, found.data, run)).encode("utf-8", "backslashreplace")
        return None

    def close(self) -> None: ...

    def _listed(self, folder: str) -> Iterator[tuple[str, str]]:
        """The runs below a folder, the newest first, each with where it lies; a month is listed when it is reached."""
        for month in reversed(self._objects.below(folder)):
            if _MONTH.fullmatch(month):
                for run in reversed(self._objects.below(f"{folder}/{month}")):
                    if RUN.fullmatch(run):
                        yield run, f"{folder}/{month}"

    def _entry(self, place: str, run: str, scope: Scope) -> Entry:
        key = f"{place}/entry.json"
        found = self._objects.get(key)
        try:
            if found is None:  # a run that ended between the two
                key = f"{place}/receipt.json.gz"
                receipt = self._objects.get(key)
                if receipt is None:
                    raise ValueError("there is nothing of this run")
                entry = entry_of(self._receipt(key, receipt.data, run))
            else:
                entry = believed(content(found.data, "entry"))
            if entry["run"] != run or entry["environment"] != scope.environment:
                raise ValueError("it is of another run")
        except ValueError as error:
            raise self._broken(key, error) from error
        return entry

    def _receipt(self, key: str, data: bytes, run: str) -> Receipt:
        try:
            receipt = content(unpacked(data), "receipt")
            if not isinstance(receipt, dict) or receipt.get("run") != run:
                raise ValueError("it is not the receipt of this run")
        except ValueError as error:
            raise self._broken(key, error) from error
        return cast("Receipt", receipt)

    def _read_instance(self, data: bytes) -> str:
        try:
            instance = content(data, "instance")
            if not isinstance(instance, str) or not instance:
                raise ValueError("it says no instance")
        except ValueError as error:
            raise self._broken(_STORE, error) from error
        return instance

    def _broken(self, key: str, error: Exception) -> PlatformError:
        return PlatformError(
            f"{quote(self._objects.called(key))} is not as it was written: {quote(error)}",
            "Restore it, or name another store; it was left as it is.",
        )


class WritableObjects(StoredObjects):
    """Reads the history of a bucket, and adds to it (`interface.History`)."""

    def __init__(self, objects: Objects) -> None:
        objects.prove()
        super().__init__(objects)
        if self._instance is None:
            data = body({"instance": new_id()})
            if objects.swap(_STORE, data, None) is None:  # somebody was quicker
                found = objects.get(_STORE)
                data = found.data if found is not None else b""
            self._instance = self._read_instance(data)

    def keep(self, receipt: Receipt, place: str | None) -> None:
        entry = entry_of(receipt)
        scope = Scope(entry["project"]["name"], entry["project"]["uid"], entry["environment"], place)
        run = entry["run"]
        folder = f"{_folders(scope)[0]}/{run[:6]}/{run}"
        self._objects.swap(f"{folder}/receipt.json.gz", packed("receipt.json.gz", body({"receipt": receipt})), None)
        self._objects.swap(f"{folder}/entry.json", body({"entry": entry}), None)
        end(self._objects, run)


def _folders(scope: Scope) -> list[str]:
    """Where the runs of a scope are, new ones in the first."""
    known_by = json.dumps([scope.project, scope.place]).encode()
    project = f"{re.sub('[^A-Za-z0-9_-]', '-', scope.project)[:40]}-{hashlib.sha256(known_by).hexdigest()[:16]}"
    names = [f"name-{project}"] if scope.uid is None else [f"uid-{scope.uid}", f"name-{project}"]
    return [f"{name}/{scope.environment}/runs" for name in names]


def _merged(listings: list[Iterator[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    """The runs of several folders, the newest of all first."""
    from heapq import merge

    return merge(*listings, key=lambda item: item[0], reverse=True)
