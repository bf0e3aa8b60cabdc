"""`gatectl lock`: who applies now is listed and named, and a lease that is taken from them ends what they do (product.md, section 6)."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from cli.conftest import Shell, shell
from cli.test_applying import on_terminal
from gatectl import api, errors
from gatectl.applying import holders
from gatectl.documents.locks import Locks
from gatectl.model import Outcome
from gatectl.platforms.interface import Connection
from gatectl.records import open_leases
from gatectl.records.leases import PLATFORM, Holder, Lease
from records.test_commands import remote

__all__ = ["remote", "shell"]  # pytest finds the fixtures here

ANN = Holder("ann", "desk", "boot-1", "pid:[1]", 7, 70, "20260131T101530123Z-00000000", "https://ci.example/1")
LATE = """
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: late}
spec: {endpointType: S3, resources: []}
"""
SECRETS = {"KEY": "AKIAABCDEFGHIJKLMNOP", "SECRET": "x" * 40}


def put(shell: Shell, workspace: str, holder: Holder = ANN, seconds: float = 60, fence: int = 3) -> None:
    """A lease as an apply leaves it that is at work, or has stopped."""
    with closing(open_leases(Connection("embedded", shell.folder))) as leases:
        lease = Lease(workspace, fence, holder, "2026-01-31T10:15:30.123Z", "", seconds, "t-1")
        assert leases.instance is not None
        assert leases.put(leases.instance, lease, leases.look(leases.instance, workspace)) is not None


def listed(shell: Shell) -> list[dict[str, Any]]:
    found = shell("lock", "status", "--format", "json")
    assert found.code == 0, found.err
    leases: list[dict[str, Any]] = found.json["leases"]
    return leases


def during_an_apply(shell: Shell, work: Callable[[], None], records: str | None = None) -> api.Receipt:
    """An apply of two writes, between which something is done in another process; its receipt."""
    done: list[bool] = []

    def meanwhile(outcome: Outcome) -> None:
        if not done:
            done.append(True)
            work()

    with api.open(shell.folder, records=records) as estate:
        return estate.apply(on_event=meanwhile, secrets=SECRETS)


def test_nobody_is_at_work_before_and_after_an_apply_and_looking_creates_nothing(shell: Shell) -> None:
    shell.good()
    assert shell("lock", "status").out == "Nobody is at work on embedded.\n"
    assert not (shell.folder / ".gatectl").exists()
    assert shell("apply", "--yes").code == 0
    assert shell("lock", "status").out == "Nobody is at work on embedded.\n" and listed(shell) == []
    refused = shell("lock", "release", "--yes")
    assert refused.code == 64 and "nobody has a lease" in refused.err


@pytest.mark.parametrize("records", ["platform", "none", "sqlite:///runs.db"])
def test_who_applies_to_a_database_has_its_leases_whatever_remembers_the_runs(shell: Shell, records: str) -> None:
    shell.good()
    found: list[Any] = []
    receipt = during_an_apply(shell, lambda: found.extend(listed(shell)), records=records)
    assert [each["workspace"] for each in found] == ["default"] and receipt.converged
    put(shell, found[0]["workspaceId"], fence=found[0]["fence"] + 1)
    (shell.folder / "late.yaml").write_text(LATE)
    refused = shell("--records", records, "apply", "late.yaml", "--yes", "--lock-timeout", "0")
    assert refused.code == errors.LOCKED and "ann@desk" in refused.err


def test_an_apply_is_listed_while_it_is_at_work_and_writes_nothing_once_its_lease_was_released(shell: Shell) -> None:
    shell.good()
    found: list[Any] = []

    def release() -> None:
        found.append(shell.process("lock", "status", "--format", "json").json["leases"])
        found.append(shell.process("lock", "release", "default", "--yes", "--format", "json").json)

    receipt = during_an_apply(shell, release)
    (seen,), taken = found
    assert (seen["workspace"], seen["state"], seen["pid"]) == ("default", "held", os.getpid())
    assert seen["run"] == receipt.document["run"]
    assert taken["released"] == {**seen, "until": taken["released"]["until"]} and taken["fence"] == seen["fence"] + 1
    assert receipt.exit_code == errors.PARTLY_APPLIED
    assert receipt.outcomes[0]["status"] == "done"
    assert "kind: Repository" not in "".join(api.open(shell.folder).export().values())
    assert shell("apply", "--yes", "--lock-timeout", "0").code == 0


def test_who_holds_a_lease_is_named_and_one_that_is_over_says_so(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    me = holders.holder_of("bob", ANN.host, "r-1", None)
    here = holders.holder_of("bob", os.uname().nodename, "r-1", None)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        dead = here._replace(pid=process.pid, started=holders._began(process.pid))
        process.kill()
        process.wait()
    put(shell, PLATFORM)
    put(shell, "gone", me, seconds=0)
    put(shell, "here", dead)
    states = {each["workspaceId"]: each["state"] for each in listed(shell)}
    assert states == {None: "held", "gone": "lapsed", "here": "ended" if here.started is not None else "held"}
    lines = shell("lock", "status").out.splitlines()
    assert lines[1].startswith("(the platform)  ann@desk")
    assert "2026-01-31 10:15:30" in lines[1] and f"{ANN.run}  {ANN.url}" in lines[1]


def test_several_leases_are_released_by_name_and_never_all_at_once(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    put(shell, PLATFORM)
    put(shell, "w-1")
    which = shell("lock", "release", "--yes")
    assert which.code == 64 and "--of-platform, w-1" in which.err and len(listed(shell)) == 2
    assert shell("lock", "release", "other", "--yes").code == 64
    done = shell("lock", "release", "--of-platform", "--yes")
    assert done.code == 0 and "the platform itself, held by ann@desk since 2026-01-31 10:15:30" in done.out
    assert [each["workspaceId"] for each in listed(shell)] == ["w-1"]
    assert shell("lock", "release", "--yes").code == 0 and listed(shell) == []


def test_a_release_asks_on_a_terminal_and_wants_a_yes_where_there_is_none(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    put(shell, "w-1")
    refused = shell.process("lock", "release", "w-1")
    assert refused.code == 64 and "--yes" in refused.err
    code, shown = on_terminal(shell, "lock", "release", answer="y\n")
    assert code == 1 and "workspace w-1, held by ann@desk" in shown and len(listed(shell)) == 1
    assert on_terminal(shell, "lock", "release", answer="yes\n")[0] == 0 and listed(shell) == []


def test_a_lease_that_changed_hands_since_it_was_looked_at_is_left_to_whoever_has_it(shell: Shell) -> None:
    shell.good()
    assert shell("apply", "--yes").code == 0
    put(shell, "w-1")
    with api.open(shell.folder) as estate:
        locks: Locks = estate.leases()
        put(shell, "w-1", fence=4)
        with pytest.raises(errors.PlatformLocked, match="not any more as it was seen"):
            estate.release_lease(locks["leases"][0])
        assert estate.leases()["leases"][0]["fence"] == 4


def test_beside_a_platform_elsewhere_the_workspace_is_named_and_it_is_said_whom_a_file_does_not_see(
    remote: Shell,
) -> None:
    assert remote("apply", "--yes").code == 0
    assert "Nobody is at work" in remote("lock", "status").out
    with closing(sqlite3.connect(remote.folder / ".gatectl/records.db")) as database, database:
        database.execute("UPDATE leases SET released = 0, until = 4000000000000")
    (lease,) = listed(remote)
    assert lease["workspace"] == "default" and lease["state"] == "held" and lease["pid"] == os.getpid()
    assert "applies of other machines are not seen" in remote("lock", "status").out
    assert remote("lock", "release", "default", "--yes").code == 0 and listed(remote) == []
    assert "nobody is seen" in remote("--records", "none", "lock", "status").out
