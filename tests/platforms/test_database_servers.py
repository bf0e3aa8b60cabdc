"""Database servers: which are connected to, with what, how well hidden, and that a silent one is not waited for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from gatectl.clock import CLOCK
from gatectl.errors import DeadlinePassed, NotAuthenticated, PlatformError, UntrustedHost, UsageError
from gatectl.network.addresses import pattern
from gatectl.platforms.embedded import admit, open_reader, open_writer, remark
from gatectl.platforms.embedded.servers import Way, find_way
from gatectl.platforms.interface import Connection
from leaping import Leaping
from listening import Listener, dripping, silent

SECRETS = {"PGPASSWORD": "canary-password", "PGSSLKEY": "/canary/key", "PGSSLCERT": "/canary/cert"}


def way(url: str, *, named: bool = False, trusted: tuple[str, ...] = (), **environ: str) -> Way:
    address = make_url(url).set(drivername="postgresql+psycopg")
    return find_way(address, environ, named=named, trusted=tuple(map(pattern, trusted)))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://evil.example/db?sslmode=verify-full",
        "postgresql://me@198.51.100.1:5433/db?sslmode=verify-full",
        "postgresql:///db?host=evil.example&sslmode=verify-full",
        "postgresql://127.0.0.1,evil.example/db?sslmode=verify-full",
        "postgresql:///db?host=127.0.0.1:5432&host=evil.example:5432&sslmode=verify-full",
        "postgresql://db.example:5433/db?sslmode=verify-full",
        "postgresql://127.0.0.1.evil.example/db?sslmode=verify-full",
    ],
)
def test_a_server_that_only_the_checkout_names_is_not_connected_to(url: str) -> None:
    with pytest.raises(UntrustedHost, match="not a host that you trust"):
        way(url, trusted=("db.example:5432",))
    assert way(url, named=True).credentials


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://0x7f.1/db",
        "postgresql://127.1/db",
        "postgresql://[::1%25lo]/db",
        "postgresql://a b/db",
    ],
)
def test_a_host_that_two_programs_could_read_in_two_ways_is_none(url: str) -> None:
    for named in (True, False):
        with pytest.raises(PlatformError):
            way(url, named=named)


@pytest.mark.parametrize(
    "parameter",
    ["hostaddr=198.51.100.1", "service=mine", "passfile=/etc/mine/.pgpass", "sslkey=/etc/mine/key", "sslcert=x", "sslrootcert=x",
     "sslpassword=x",
     "options=-c%20x", "sslkeylogfile=/tmp/x", "krbsrvname=x", "gssdelegation=1", "requirepeer=x", "require_auth=none"],
)  # fmt: skip
def test_what_reads_or_writes_files_or_leads_elsewhere_is_the_operators_to_say(parameter: str) -> None:
    url = f"postgresql://127.0.0.1/db?{parameter}"
    with pytest.raises(UsageError, match=parameter.partition("=")[0]):
        way(url)
    way(url + "&sslmode=verify-full", named=True)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://127.0.0.1/db",
        "postgresql://[::1]:5433/db",
        "postgresql://localhost/db",
        "postgresql:///db?host=/tmp/there",
    ],
)
def test_this_machine_is_spoken_to_and_gets_no_credential_unless_the_operator_names_it(url: str) -> None:
    withheld = way(url)
    assert not withheld.credentials
    assert withheld.arguments["password"] == ""
    assert withheld.arguments["require_auth"] == "none"
    assert way(url, named=True) == way(url, named=True)._replace(arguments={}, credentials=True)
    assert way("postgresql://127.0.0.1/db", trusted=("127.0.0.1:5432",)).credentials
    assert not way("postgresql://127.0.0.1/db", trusted=("127.0.0.1",)).credentials, "another port"


@pytest.mark.parametrize(
    "url", ["postgresql://db.example/db", "postgresql:///db?host=10.0.0.1", "postgresql://127.0.0.1,db.example/db"]
)
@pytest.mark.parametrize("mode", ["", "disable", "allow", "prefer", "nonsense"])
def test_beyond_this_machine_nothing_is_sent_in_clear(url: str, mode: str) -> None:
    separator = "&" if "?" in url else "?"
    with pytest.raises(UsageError, match="in clear"):
        way(f"{url}{separator}sslmode={mode}" if mode else url, named=True)
    with pytest.raises(UsageError, match="in clear"):
        way(url, named=True, **({"PGSSLMODE": mode} if mode else {}))
    assert way(url, named=True, PGSSLMODE="verify-full").remark is None
    said = way(f"{url}{separator}sslmode=require", named=True).remark
    assert said is not None
    assert "does not check" in said


def test_a_checkout_does_not_weaken_what_the_operator_asks_for() -> None:
    url = "postgresql://db.example/db?sslmode=require"
    assert way(url, trusted=("db.example:5432",), PGSSLMODE="verify-full").arguments["sslmode"] == "verify-full"
    assert way(url, named=True, PGSSLMODE="verify-full").arguments["sslmode"] == "require"


def test_a_server_that_the_operators_variables_name_is_the_operators() -> None:
    with pytest.raises(UntrustedHost, match=r"db\.example"):
        way("postgresql:///db", PGHOST="db.example", PGSSLMODE="verify-full")
    assert way("postgresql:///db").credentials
    assert way("postgresql:///db", PGHOST="/var/run/postgresql").credentials


def test_no_byte_goes_to_a_server_that_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with Listener() as listener:
        monkeypatch.setattr(
            "gatectl.network.addresses.is_loopback", lambda _: False
        )  # this machine, as if it were another
        for opened in (open_reader, open_writer, admit):
            with pytest.raises(UntrustedHost):
                opened(Connection(f"postgresql://me@{listener.place}/db?sslmode=verify-full", Path("/")))
        assert listener.heard == []


def test_a_loopback_server_of_the_checkout_is_asked_and_told_nothing(
    postgresql_server: Any, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", postgresql_server.password)
    url = postgresql_url.replace(f":{postgresql_server.password}@", "@")
    open_writer(Connection(url, Path("/"), named=True)).close()
    for target in (url, postgresql_url):
        with pytest.raises(NotAuthenticated, match="no credential was sent") as caught:
            open_reader(Connection(target, Path("/")))
        assert f"gatectl trust 127.0.0.1:{postgresql_server.port}" in str(caught.value.hint)
        assert postgresql_server.password not in f"{caught.value.message} {caught.value.hint}"
    trusted = (pattern(f"127.0.0.1:{postgresql_server.port}"),)
    open_reader(Connection(url, Path("/"), trusted=trusted)).close()
    assert remark(Connection(url, Path("/"), trusted=trusted)) is None


# --- time ----------------------------------------------------------------------------------------------------------------


NEVER_AN_ANSWER = (b"N", b"E\x00\x00\x70\x00", *[b"S"] * 400)
"""No TLS here, and an error of 28,672 bytes."""


@pytest.mark.parametrize("answering", [dripping(*NEVER_AN_ANSWER), silent])
def test_the_deadline_ends_a_server_that_says_nothing(answering: Any) -> None:
    with Listener(answering) as listener, pytest.raises(PlatformError) as caught:
        open_reader(Connection(f"postgresql://{listener.place}/db", Path("/"), named=True, ends=CLOCK.now() + 1))
    assert caught.value.exit_code == 10


def test_the_deadline_ends_a_statement_that_does_not(postgresql_server: Any, postgresql_url: str) -> None:
    open_writer(Connection(postgresql_url, Path("/"), named=True)).close()
    database = postgresql_url.rpartition("/")[2]
    time = Leaping()
    reader = open_reader(Connection(postgresql_url, Path("/"), named=True, ends=time.now() + 60, clock=time.clock))
    postgresql_server.run("ALTER TABLE workspaces RENAME TO before", database)
    postgresql_server.run(
        "CREATE VIEW workspaces AS SELECT id, name, created_at, version, deleted_at FROM before"
        " WHERE (SELECT count(*) FROM generate_series(1, 1000000000000)) > 0",
        database,
    )
    time.run(ahead=59.5)
    with pytest.raises(DeadlinePassed, match="deadline"):
        reader.list("workspace")


def test_the_deadline_ends_the_wait_for_somebody_elses_lock(postgresql_server: Any, postgresql_url: str) -> None:
    import psycopg

    writer = open_writer(Connection(postgresql_url, Path("/"), named=True))
    writer.close()
    with psycopg.connect(postgresql_url) as holder:
        holder.execute("LOCK TABLE workspaces")
        time = Leaping()
        late = open_writer(Connection(postgresql_url, Path("/"), named=True, ends=time.now() + 60, clock=time.clock))
        time.run(ahead=59.5)
        with pytest.raises(DeadlinePassed):
            late.create("workspace", {"name": "x"})


def test_a_driver_that_is_missing_is_named_with_its_extra() -> None:
    code = "import sys\nsys.modules['psycopg'] = None\nfrom gatectl.__main__ import main\nmain()\n"
    for command in (["plan"], ["export"], ["serve", "--database", "postgresql://127.0.0.1/db"]):
        done = subprocess.run(
            [sys.executable, "-c", code, "--platform", "postgresql://127.0.0.1/db", *command],
            env=os.environ, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2] / "examples" / "quickstart",
        )  # fmt: skip
        assert done.returncode == 64, done.stderr
        assert "extra 'server'" in done.stderr
        assert "internal error" not in done.stderr
