"""A real PostgreSQL server for the tests: one for each test process, and a new database for each test.

It is started from the binaries on the PATH or of the Debian package, under another user when the tests run as root
(it refuses root), on a free port of the loopback, in a folder that goes away with it. Everybody needs a password.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

_USER = "postgres"


class Server(NamedTuple):
    """A running server; `url` has everything that is needed to use it, but for the database."""

    port: int
    password: str

    def url(self, database: str, *, user: str = _USER, password: str | None = None) -> str:
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_user(self, name: str, rights: str = "") -> str:
        """The password of a user that can log in and has a name and some rights."""
        password = secrets.token_urlsafe(12)
        self.run(f"DROP ROLE IF EXISTS {name}")
        self.run(f"CREATE ROLE {name} LOGIN {rights} PASSWORD '{password}'")
        return password

    def disconnect(self, database: str) -> None:
        """Close every connection to a database, as a restart does."""
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")

    def new_database(self) -> str:
        """The name of a new, empty database."""
        name = f"t_{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name}")
        return name


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    initdb, pg_ctl = _binary("initdb"), _binary("pg_ctl")
    if initdb is None or pg_ctl is None or (os.getuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("needs a server: postgresql")
    with tempfile.TemporaryDirectory(prefix="gatectl-postgresql-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        server = Server(_free_port(), secrets.token_urlsafe(12))
        (folder / "password").write_text(server.password)
        if os.getuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, _USER)
        data = str(folder / "data")
        _as_another(
            folder, initdb, "-D", data, "-U", _USER, "-A", "scram-sha-256", "--pwfile", str(folder / "password"),
            "--no-sync", "-E", "UTF8", "--locale=C",
        )  # fmt: skip
        settings = f"-c listen_addresses=127.0.0.1 -p {server.port} -k {folder} -c fsync=off"
        _as_another(folder, pg_ctl, "-D", data, "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield server
        finally:
            _as_another(folder, pg_ctl, "-D", data, "-m", "immediate", "stop")


@pytest.fixture
def postgresql_url(postgresql_server: Server) -> Iterator[str]:
    """A new, empty database, which goes with the test."""
    database = postgresql_server.new_database()
    yield postgresql_server.url(database)
    postgresql_server.run(f"DROP DATABASE {database} WITH (FORCE)")


def _binary(name: str) -> str | None:
    found = shutil.which(name)
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found or (str(packaged[-1]) if packaged else None)


def _as_another(folder: Path, *command: str) -> None:
    prefix = ("runuser", "-u", _USER, "--") if os.getuid() == 0 else ()
    done = subprocess.run(
        [*prefix, *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
