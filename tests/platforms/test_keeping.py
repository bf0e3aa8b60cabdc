"""Connections to a server that stay open between two uses: the same one is used again, with nothing left of whoever had it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text

from gatectl.errors import PlatformLocked
from gatectl.platforms.embedded.keeping import Keeping
from gatectl.platforms.embedded.postgres import PostgresDatabase
from leaping import Leaping
from platforms.postgresql_server import Server, postgresql_server

__all__ = ["postgresql_server"]


@pytest.fixture
def database(postgresql_server: Server) -> str:
    return postgresql_server.new_database()


@pytest.fixture
def keeping() -> Iterator[Keeping]:
    with closing(Keeping()) as made:
        yield made


def asked(url: str, keeping: Keeping | None, statement: str = "SELECT pg_backend_pid()", **how: Any) -> object:
    database = PostgresDatabase(url, named=True, keeping=keeping, **how)
    with database.translated(), database.engine(writes=False).connect() as connection:
        return connection.execute(text(statement)).scalar_one()


def test_the_same_connection_is_used_again(postgresql_server: Server, database: str, keeping: Keeping) -> None:
    url = postgresql_server.url(database)
    first = asked(url, keeping)
    assert asked(url, keeping) == first
    assert asked(url, keeping, ends=Leaping().now() + 60) == first, "by whatever deadline"
    assert asked(url, None) != first
    assert asked(postgresql_server.url(postgresql_server.new_database()), keeping) != first


def test_two_at_once_have_one_each(postgresql_server: Server, database: str, keeping: Keeping) -> None:
    made = PostgresDatabase(postgresql_server.url(database), named=True, keeping=keeping)
    pid = text("SELECT pg_backend_pid()")
    with made.engine(writes=False).connect() as one, made.engine(writes=True).connect() as other:
        assert one.execute(pid).scalar_one() != other.execute(pid).scalar_one()


def test_a_lock_of_whoever_had_it_is_gone(postgresql_server: Server, database: str, keeping: Keeping) -> None:
    """And while it is held, it is."""
    url = postgresql_server.url(database)
    release = PostgresDatabase(url, named=True, keeping=keeping).claim()
    with pytest.raises(PlatformLocked):
        PostgresDatabase(url, named=True, clock=Leaping().clock).claim()
    release()
    PostgresDatabase(url, named=True, clock=Leaping().clock).claim()()


def test_a_transaction_that_was_broken_off_is_not_handed_on(
    postgresql_server: Server, database: str, keeping: Keeping
) -> None:
    url = postgresql_server.url(database)
    made = PostgresDatabase(url, named=True, keeping=keeping)
    connection = made.engine(writes=True).connect()
    driver: Any = connection.connection.dbapi_connection
    driver.execute("BEGIN")
    driver.execute("CREATE TABLE half (a int)")
    driver.close()
    assert asked(url, keeping, "SELECT count(*) FROM pg_class WHERE relname = 'half'") == 0


def test_what_the_server_closed_is_not_handed_out(postgresql_server: Server, database: str, keeping: Keeping) -> None:
    url = postgresql_server.url(database)
    first = asked(url, keeping)
    postgresql_server.disconnect(database)
    assert asked(url, keeping) != first


def test_nothing_stays_open_after_it_was_closed(postgresql_server: Server, database: str, keeping: Keeping) -> None:
    url = postgresql_server.url(database)
    asked(url, keeping)
    keeping.close()
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"
    while postgresql_server.run(count) != [(0,)]:  # the server takes a moment to notice
        pass
