"""What the processes of a controller know of the git repositories of a fleet: what was asked, what is followed of each, and who looks.

A commit is followed once it was the newest and came after the one before, or somebody said so. That is signed with the controller's key:
whoever writes to the database makes no other commit the newest.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import RowMapping, and_, delete, insert, or_, select, update

from gatectl.controller import tables
from gatectl.controller.database import Database, moment
from gatectl.controller.signatures import seal

_r, _w = tables.repositories.c, tables.workers.c
_DOMAIN: Final = b"gatectl head 1\n"
_OID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


MISSING: Final = "there is no branch or tag "
"""What a repository lacks that was to be followed; the names come after, each quoted, with ", " between them."""


class Followed(NamedTuple):
    """What is followed of a branch or tag: the commit, the one that was seen there last (another, where it was pushed by force and
    nobody said yet that it counts), a signature of the first, and its whole name."""

    commit: str
    seen: str
    mac: str
    name: str


class Repository(NamedTuple):
    """A repository of the fleet. `asked` counts what webhooks said, `done` up to which of these it was looked at; `checked` is when, in
    milliseconds since 1970. `error`: why it could not be read then."""

    url: str
    heads: Mapping[str, Followed]
    asked: int
    done: int
    checked: int
    error: str | None
    left: bool = False
    """Whether somebody began to look at it, and has not said what was found."""


class Repositories:
    """The repositories in a database. Raises PlatformError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_to(self, urls: Collection[str]) -> None:
        """The fleet has these, and no others."""
        with self._database.writing() as connection:
            there = set(connection.execute(select(_r.url)).scalars())
            for url in sorted(set(urls) - there):
                connection.execute(insert(tables.repositories).values(url=url, heads="{}", asked=0, done=0, checked=0))
            connection.execute(delete(tables.repositories).where(_r.url.in_(there - set(urls))))

    def ask(self, url: str) -> None:
        """A webhook says that there is something new."""
        with self._database.writing() as connection:
            connection.execute(update(tables.repositories).where(_r.url == url).values(asked=_r.asked + 1))

    def claim(self, worker: str, intervals: Mapping[str, float]) -> Sequence[Repository]:
        """The repositories that are to be looked at now, for this process alone: those whose interval (seconds) is over, and those that
        somebody asked for, at most once a second."""
        with self._database.writing() as connection:
            now = moment(connection)
            alone = or_(_r.worker.is_(None), _r.worker.not_in(select(_w.id)))
            rows = connection.execute(
                select(tables.repositories).where(and_(alone, _r.checked <= now - 1000))
            ).mappings()
            found = [_repository(row) for row in rows]
            due = [
                each
                for each in found
                if each.asked > each.done or each.checked <= now - intervals.get(each.url, 300.0) * 1000
            ]
            chosen = update(tables.repositories).where(_r.url.in_([each.url for each in due]))
            connection.execute(chosen.values(worker=worker, checked=now))
            return due

    def release(self, worker: str, busy: Collection[str]) -> None:
        """A process looks at these, and at no others: what it began and could not end, since the database was away, others may do."""
        with self._database.writing() as connection:
            left = and_(_r.worker == worker, _r.url.not_in(busy))
            connection.execute(update(tables.repositories).where(left).values(worker=None, asked=_r.asked + 1))

    def seen(self, repository: Repository, worker: str, heads: Mapping[str, Followed]) -> None:
        """What is followed of a repository from now on."""
        self._keep(repository, worker, {"heads": json.dumps(heads)})

    def found(self, repository: Repository, worker: str, error: str | None) -> None:
        """A look at a repository is over, which was for all that was asked until it began."""
        self._keep(repository, worker, {"worker": None, "done": repository.asked, "error": error})

    def _keep(self, repository: Repository, worker: str, values: Mapping[str, object]) -> None:
        with self._database.writing() as connection:
            chosen = and_(_r.url == repository.url, _r.worker == worker)
            connection.execute(update(tables.repositories).where(chosen).values(values))

    def accept(self, url: str, ref: str, commit: str, key: bytes) -> bool:
        """Somebody says that a commit counts which was pushed by force; False: it is not what is there."""
        with self._database.writing() as connection:
            row = connection.execute(select(tables.repositories).where(_r.url == url)).mappings().one_or_none()
            heads = dict(_repository(row).heads) if row is not None else {}
            if ref not in heads or heads[ref].seen != commit:
                return False
            heads[ref] = Followed(commit, commit, sign(key, url, ref, commit), heads[ref].name)
            chosen = update(tables.repositories).where(_r.url == url)
            connection.execute(chosen.values(heads=json.dumps(heads), asked=_r.asked + 1))
            return True

    def one(self, url: str) -> Repository | None:
        """The repository of an address; None: the fleet has it not."""
        with self._database.writing() as connection:
            asked = select(tables.repositories).where(_r.url == url)
            row = connection.execute(asked).mappings().one_or_none()
            return None if row is None else _repository(row)

    def all(self) -> Mapping[str, Repository]:
        """All repositories, by their address."""
        with self._database.writing() as connection:
            found = connection.execute(select(tables.repositories).order_by(_r.url)).mappings()
            return {row["url"]: _repository(row) for row in found}


def sign(key: bytes, url: str, ref: str, commit: str) -> str:
    """That a commit of a repository is followed, under the controller's key."""
    return seal(key, _DOMAIN, [url, ref, commit])


def is_followed(key: bytes, url: str, ref: str, followed: Followed) -> bool:
    """Whether a process of ours said that a commit is followed."""
    return hmac.compare_digest(sign(key, url, ref, followed.commit), followed.mac)


def _repository(row: RowMapping) -> Repository:
    """A row. What nobody of ours wrote in it is as if it were not there."""
    try:
        said = json.loads(str(row["heads"]))
        heads = {ref: Followed(*each) for ref, each in said.items()}
        whole = all(_is_whole(ref, each) for ref, each in heads.items())
    except (ValueError, TypeError, AttributeError, RecursionError):
        heads, whole = {}, False
    asked, done, checked = (_number(row[name]) for name in ("asked", "done", "checked"))
    error = None if row["error"] is None else str(row["error"])
    return Repository(str(row["url"]), heads if whole else {}, asked, done, checked, error, row["worker"] is not None)


def _number(value: object) -> int:
    """A count or a moment; what cannot be counted on from is as if nobody had counted yet."""
    return value if type(value) is int and 0 <= value < 2**62 else 0


def _is_whole(ref: str, head: Followed) -> bool:
    """Whether a row says what git can be asked for."""
    named = head.name in (f"refs/heads/{ref}", f"refs/tags/{ref}")
    return named and all(isinstance(text, str) and _OID.fullmatch(text) for text in (head.commit, head.seen, head.mac))


def _is_due(repository: Repository, before: float) -> bool:
    """Whether a repository is to be looked at that nobody looks at: somebody asked, it is time, or whoever looked at it is gone."""
    return repository.asked > repository.done or repository.checked <= before or repository.left
