"""What the processes of a controller know of the git repositories of a fleet: what was asked, what is followed of each, and who looks.

A commit is followed once it was the newest and came after the one before, or somebody said so. That is signed with the controller's key:
whoever writes to the database makes no other commit the newest.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import RowMapping, and_, delete, insert, or_, select, update

from gatectl.controller import tables
from gatectl.controller.database import Database, moment

_r, _w = tables.repositories.c, tables.workers.c
_DOMAIN = b"gatectl head 1\n"


class Followed(NamedTuple):
    """What is followed of a branch or tag: the commit, the one that was seen there last (another, where it was pushed by force and
    nobody said yet that it counts), and a signature of the first."""

    commit: str
    seen: str
    mac: str


class Repository(NamedTuple):
    """A repository of the fleet. `asked` counts what webhooks said, `done` up to which of these it was looked at; `checked` is when, in
    milliseconds since 1970. `error`: why it could not be read then."""

    url: str
    heads: Mapping[str, Followed]
    asked: int
    done: int
    checked: int
    error: str | None


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

    def found(self, repository: Repository, worker: str, heads: Mapping[str, Followed], error: str | None) -> None:
        """What a look at a repository found, which was for all that was asked until it began."""
        with self._database.writing() as connection:
            values = {"worker": None, "heads": json.dumps(heads), "done": repository.asked, "error": error}
            chosen = and_(_r.url == repository.url, _r.worker == worker)
            connection.execute(update(tables.repositories).where(chosen).values(values))

    def accept(self, url: str, ref: str, commit: str, key: bytes) -> bool:
        """Somebody says that a commit counts which was pushed by force; False: it is not what is there."""
        with self._database.writing() as connection:
            row = connection.execute(select(tables.repositories).where(_r.url == url)).mappings().one_or_none()
            heads = dict(_repository(row).heads) if row is not None else {}
            if ref not in heads or heads[ref].seen != commit:
                return False
            heads[ref] = Followed(commit, commit, sign(key, url, ref, commit))
            chosen = update(tables.repositories).where(_r.url == url)
            connection.execute(chosen.values(heads=json.dumps(heads), asked=_r.asked + 1))
            return True

    def all(self) -> Mapping[str, Repository]:
        """All repositories, by their address."""
        with self._database.writing() as connection:
            found = connection.execute(select(tables.repositories).order_by(_r.url)).mappings()
            return {row["url"]: _repository(row) for row in found}


def sign(key: bytes, url: str, ref: str, commit: str) -> str:
    """That a commit of a repository is followed, under the controller's key."""
    said = json.dumps([url, ref, commit], separators=(",", ":")).encode()
    return hmac.new(key, _DOMAIN + said, hashlib.sha256).hexdigest()


def is_followed(key: bytes, url: str, ref: str, followed: Followed) -> bool:
    """Whether a process of ours said that a commit is followed."""
    return hmac.compare_digest(sign(key, url, ref, followed.commit), followed.mac)


def _repository(row: RowMapping) -> Repository:
    """A row. What nobody of ours wrote in it is as if it were not there."""
    try:
        said = json.loads(str(row["heads"]))
        heads = {ref: Followed(*each) for ref, each in said.items()}
        whole = all(isinstance(text, str) and text.isascii() for each in heads.values() for text in each)
    except (ValueError, TypeError, AttributeError, RecursionError):
        heads, whole = {}, False
    asked, done, checked = (int(str(row[name])) for name in ("asked", "done", "checked"))
    error = row["error"]
    return Repository(
        str(row["url"]), heads if whole else {}, asked, done, checked, None if error is None else str(error)
    )
