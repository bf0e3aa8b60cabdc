"""The platform itself, on its own wire shapes: its collections, and the keys of its repositories.

Law: each operation is one transaction of the store. What a collection does is in its own module; the table below is all
that knows them together. The in-process reader and writer stand on this, and so can a server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from typing import NamedTuple, Self

from sqlalchemy import Connection, Table

from gatectl.errors import LeaseLost
from gatectl.platforms.interface import Collection, Fences, Heeded, Wire

from . import apikeys, buckets, creations, fences, llms, repositories, repository_keys, tables, workspaces
from .fields import Body
from .identity import etag as etag_of
from .repository_keys import Family, NewKey
from .store import Store, Transaction, WritableStore


class Made(NamedTuple):
    """What a creation made, and what it is now."""

    id: str
    etag: str


class CollectionRules(NamedTuple):
    """What can be done with a collection; the functions say what they refuse. `table` is where its objects are."""

    table: Table
    list: Callable[[Connection, str | None], Sequence[Wire]]
    create: Callable[[Transaction, Body], str]
    update: Callable[[Transaction, str, Body, str | None], str]
    delete: Callable[[Transaction, str, str | None], None]


COLLECTIONS: Mapping[Collection, CollectionRules] = {
    "workspace": CollectionRules(
        tables.workspaces,
        workspaces.list_workspaces,
        workspaces.create_workspace,
        workspaces.update_workspace,
        workspaces.delete_workspace,
    ),
    "bucket": CollectionRules(
        tables.buckets, buckets.list_buckets, buckets.create_bucket, buckets.update_bucket, buckets.delete_bucket
    ),
    "ai/llm": CollectionRules(tables.llms, llms.list_llms, llms.create_llm, llms.update_llm, llms.delete_llm),
    "repo": CollectionRules(
        tables.repositories,
        repositories.list_repositories,
        repositories.create_repository,
        repositories.update_repository,
        repositories.delete_repository,
    ),
    "apikeys": CollectionRules(
        tables.api_keys, apikeys.list_api_keys, apikeys.create_api_key, apikeys.update_api_key, apikeys.delete_api_key
    ),
}


def list_objects(store: Store, collection: Collection, workspace_id: str | None) -> Sequence[Wire]:
    """All live objects of a collection, of one workspace or (None) of all, oldest first. Raises PlatformError."""
    with store.reading() as connection:
        return COLLECTIONS[collection].list(connection, workspace_id)


class Platform:
    """A platform that can be read and written.

    Raises PlatformRefused (with the platform's code and status) for what the rules forbid, PreconditionFailed for an
    ETag that does not hold any more, PlatformLocked and PlatformError for what the database cannot do.
    """

    def __init__(self, store: WritableStore, held: Fences | None = None) -> None:
        self._store = store
        self._held = held

    def fenced(self, held: Fences) -> Self:
        """The same platform for somebody who holds leases: a write is refused where they do not hold any more (`fences`)."""
        other = copy(self)
        other._held = held
        return other

    def meet(self) -> None:
        """Note the numbers of whoever holds leases, and change nothing else: from now on whoever had them before writes nothing.

        Raises OtherStore. Somebody who comes too late is let be: they may read.
        """
        if self._held is None:
            return
        with self._store.reading() as connection:
            higher = fences.news(connection, self._held, self._store.instance, stale=True)
        if higher:
            with self._store.writing() as transaction, suppress(LeaseLost):
                fences.check(transaction.connection, self._held, self._store.instance)

    def heeded(self) -> Mapping[str, Heeded]:
        """Whose numbers of leases count, by workspace (`fences`)."""
        with self._store.reading() as connection:
            return fences.heeded(connection, self._store.instance)

    def adopt(self, held: Fences) -> None:
        """Let the numbers of a store count that did not before (`fences`). Raises LeaseLost."""
        with self._store.writing() as transaction:
            fences.adopt(transaction.connection, held)

    @contextmanager
    def _writing(self) -> Iterator[Transaction]:
        with self._store.writing() as transaction:
            if self._held is not None:
                fences.check(transaction.connection, self._held, self._store.instance)
            yield transaction

    @property
    def instance(self) -> str:
        return self._store.instance

    @property
    def store(self) -> WritableStore:
        """What this stands on, for another view of the same platform."""
        return self._store

    def list(self, collection: Collection, workspace_id: str | None = None) -> Sequence[Wire]:
        return list_objects(self._store, collection, workspace_id)

    def repository(self, repository_id: str) -> Wire | None:
        """One live repository, for the cost of one."""
        with self._store.reading() as connection:
            return repositories.find_repository(connection, repository_id)

    def check_repository(self, repository_id: str, body: Wire) -> None:
        """Raises PlatformRefused where a repository could not have the mode and the buckets given; changes nothing."""
        with self._store.reading() as connection:
            repositories.check_repository(connection, repository_id, body)

    def available_buckets(self, workspace_id: str | None) -> Sequence[Wire]:
        """The buckets that no MIRROR repository uses."""
        with self._store.reading() as connection:
            return buckets.list_available_buckets(connection, workspace_id)

    def check_bucket(self, bucket_id: str) -> None:
        """Raises PlatformRefused (404) unless there is such a bucket."""
        with self._store.reading() as connection:
            buckets.check_bucket(connection, bucket_id)

    def llm_complaint(self, llm_id: str) -> str | None:
        """What keeps an LLM from being used; None: nothing."""
        with self._store.reading() as connection:
            return llms.complaint(connection, llm_id)

    def keys(self, repository_id: str, family: Family) -> Sequence[Wire]:
        """A repository's API keys, newest first, without secrets."""
        with self._store.reading() as connection:
            return repository_keys.list_keys(connection, repository_id, family)

    def create_key(self, repository_id: str, family: Family, body: Wire) -> NewKey:
        """A new API key of a repository, with its secret, which nobody is told again."""
        with self._writing() as transaction:
            return repository_keys.create_key(transaction, repository_id, family, body)

    def update_key(self, repository_id: str, family: Family, key_id: str, body: Wire) -> None:
        with self._writing() as transaction:
            repository_keys.update_key(transaction, repository_id, family, key_id, body)

    def delete_key(self, repository_id: str, family: Family, key_id: str) -> None:
        with self._writing() as transaction:
            repository_keys.delete_key(transaction, repository_id, family, key_id)

    def create_once(self, collection: Collection, body: Wire, key: str | None) -> Made:
        """Create an object, unless this key made it within a day and it is still there as it was made (`creations`)."""
        rules = COLLECTIONS[collection]
        if key is not None:
            creations.check_key(key)
        with self._writing() as transaction:
            if key is not None:
                found = creations.find(transaction.connection, creations.Place(collection, rules.table), body, key)
                if found is not None:
                    return Made(found[0], etag_of(*found))
            object_id = rules.create(transaction, body)
            if key is not None:
                creations.remember(transaction, creations.Place(collection, rules.table), object_id, key)
            return Made(object_id, etag_of(object_id, 1))

    def create(self, collection: Collection, body: Wire) -> str:
        """Create an object from its write shape; the new object's id."""
        with self._writing() as transaction:
            return COLLECTIONS[collection].create(transaction, body)

    def update(self, collection: Collection, object_id: str, body: Wire, etag: str | None = None) -> str:
        """Change an object by its write shape (a repository as a whole, anything else in the fields given); its new
        ETag."""
        with self._writing() as transaction:
            return COLLECTIONS[collection].update(transaction, object_id, body, etag)

    def replace_bucket(self, bucket_id: str, body: Wire, etag: str | None = None) -> str:
        """Change a bucket as a platform does whose PUT replaces (U36): what is not sent is gone; its new ETag."""
        with self._writing() as transaction:
            return buckets.update_bucket(transaction, bucket_id, body, etag, replaces=True)

    def delete(self, collection: Collection, object_id: str, etag: str | None = None) -> None:
        with self._writing() as transaction:
            COLLECTIONS[collection].delete(transaction, object_id, etag)

    def close(self) -> None:
        self._store.close()
