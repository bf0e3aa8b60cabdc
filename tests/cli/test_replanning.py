"""A direct apply whose platform is changed under it, before its first write or later, plans again once for what changed, and says
what is different."""

from __future__ import annotations

import json
import operator
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection, Wire, Writer
from pausing import Pausing
from serving import EMAIL, PASSWORD, Server

from .conftest import BUCKET, SEEN, Shell, project

REPOSITORY = """---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: data}
spec:
  endpointType: S3
  attachmentPolicy: Exact
  resources: [{type: S3, bucket: raw-events}]
"""


class World:
    """A server with a bucket, a second one, and a repository that attaches both, and the proxy before it."""

    def __init__(self, shell: Shell, server: Server, proxy: Pausing) -> None:
        self.shell, self.server, self.proxy = shell, server, proxy

    def one(self, collection: Any, name: str) -> Wire:
        (found,) = [wire for wire in self.server.objects(collection) if wire["name"] == name]
        return found

    def change(self, act: Callable[[Writer], object]) -> None:
        """Somebody else changes the platform."""
        writer = driver_for(self.server.database).open_writer(Connection(self.server.database, Path("/")))
        try:
            act(writer)
        finally:
            writer.close()

    def attach(self, *labels: str) -> None:
        """Somebody else makes the repository attach exactly these."""
        wire = self.one("repo", "data")
        body = {
            "name": "data", "storageType": "S3", "mode": "NORMAL", "workspaceId": wire["workspaceId"],
            "repoBuckets": [{"bucketId": self.one("bucket", label)["id"], "folder": "", "master": False} for label in labels],
        }  # fmt: skip
        self.change(lambda writer: writer.update("repo", wire["id"], body))

    def start(self, *arguments: str, **streams: Any) -> subprocess.Popen[str]:
        environ = {**os.environ, "GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD}
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            self.shell.command(*arguments), cwd=self.shell.folder, env=environ, text=True, **{**pipes, **streams}
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        running = self.start(*arguments)
        out, err = running.communicate(timeout=60)
        return running.returncode, out, err

    def between(self, act: Callable[[], object], *options: str, code: int = 0) -> None:
        """Act once the next apply (with these options of a plan) has planned, and before it reads again."""
        self.proxy.pause(None, lambda: True)
        ended = self.run("plan", *options)
        assert ended[0] == code, ended
        reading = len(self.proxy.requests)

        def once() -> bool:
            act()
            return True

        self.proxy.pause(reading, once)


@pytest.fixture
def world(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with Server(tmp_path / "server") as server, Pausing(server.url) as proxy:
        found = World(shell, server, proxy)
        monkeypatch.setenv("GATECTL_TRUSTED_HOSTS", proxy.url.partition("://")[2])
        shell.write("gatectl.yaml", project(default={"platform": proxy.url, "consistency": "1s"}))
        more = "".join(
            f"---\n{BUCKET.replace('raw-aws', name).replace('raw-events', f'{name}-events')}"
            for name in ("two", "three")
        )
        shell.write("manifests/all.yaml", BUCKET + more + REPOSITORY)
        assert found.run("apply", "--yes")[0] == 0
        found.attach("raw-aws", "two")
        yield found


def labels(world: World) -> set[str]:
    return {item["bucket"]["name"] for item in world.one("repo", "data")["buckets"]}


def test_a_change_that_destroys_no_more_is_planned_again_and_done(world: World) -> None:
    world.between(lambda: world.attach("two"))  # somebody detached what is to stay
    code, out, err = world.run("apply", "--yes")
    assert code == 0, (out, err)
    assert "planning again" in err
    assert "+ S3 raw-events  (raw-aws)" in out.partition("Changed since it was shown:")[2]
    assert labels(world) == {"raw-aws"}
    assert world.run("plan", "--detailed-exitcode")[0] == 0


def test_a_change_that_would_destroy_more_is_left_and_the_rest_is_done(world: World) -> None:
    text = (world.shell.folder / "manifests/all.yaml").read_text()
    world.shell.write("manifests/all.yaml", text.replace("bucket: three-events", "bucket: three-events\n  region: eu"))
    world.between(lambda: world.attach("raw-aws", "two", "three"))
    code, out, err = world.run("apply", "--yes", "--format", "json")
    assert code == 7, err
    receipt = json.loads(out)
    assert {o["id"]: o["status"] for o in receipt["outcomes"]} == {
        "bucket/default/three": "done", "repository/default/data": "conflict"
    }  # fmt: skip
    assert "destroys more" in err
    assert labels(world) == {"raw-aws", "two", "three"}, "nothing was detached that was not shown"


def test_where_nothing_else_is_to_be_done_a_conflict_is_6_and_nothing_is_written(world: World) -> None:
    world.between(lambda: world.attach("raw-aws", "two", "three"))
    code, out, err = world.run("apply", "--yes")
    assert code == 6, (out, err)
    assert "nothing was written" in out
    assert labels(world) == {"raw-aws", "two", "three"}


def on_a_terminal(world: World, *answers: str | int) -> tuple[int, str]:
    """Apply, and answer the questions (a number: with that signal); the exit code, and all that was shown."""
    mine, its = pty.openpty()
    running = world.start("apply", stdin=its, stdout=its, stderr=its)
    os.close(its)
    shown, left = "", [*answers]
    while True:
        try:
            piece = os.read(mine, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece.decode()
        if left and shown.count("is a yes: ") == len(answers) - len(left) + 1:
            answer = left.pop(0)
            if isinstance(answer, str):
                os.write(mine, f"{answer}\n".encode())
            else:
                running.send_signal(answer)
    os.close(mine)
    return running.wait(60), shown


@pytest.mark.parametrize(("second", "code"), [("yes", 0), ("no", 1)])
def test_who_was_asked_is_asked_again_with_what_is_different(world: World, second: str, code: int) -> None:
    world.between(lambda: world.attach("raw-aws", "two", "three"))
    found, shown = on_a_terminal(world, "yes", second)
    assert found == code, shown
    assert "Apply this operation (detach 1 attachment) to" in shown
    assert "Apply this operation (detach 2 attachments) to" in shown
    assert labels(world) == ({"raw-aws"} if code == 0 else {"raw-aws", "two", "three"})


STAGING = """apiVersion: gatectl.io/v1
kind: Workspace
metadata: {name: staging}
"""
WANTS = """---
apiVersion: gatectl.io/v1
kind: Repository
metadata: {name: theirs, workspace: staging}
spec: {endpointType: S3, resources: [{type: S3, bucket: later}]}
"""


@pytest.mark.parametrize(("before", "meanwhile"), [((), ("one",)), (("one",), ("two",))], ids=["gone", "new"])
def test_where_errors_lie_in_other_workspaces_than_before_nothing_is_done(
    world: World, before: Sequence[str], meanwhile: Sequence[str]
) -> None:
    """A workspace that was left out and is none any more, and the other way round: nobody has seen the plan of those."""
    of_default = {"platform": world.proxy.url, "consistency": "1s", "workspace": "default"}
    world.shell.write("gatectl.yaml", project(default=of_default))
    world.shell.write("manifests/staging.yaml", STAGING)
    assert world.run("apply", "--yes", "--target", "Workspace/staging", *SEEN)[0] == 0
    world.shell.write("manifests/staging.yaml", STAGING + WANTS)

    def register(labels: Sequence[str]) -> None:
        home = world.one("workspace", "staging")["id"]
        for label in labels:
            body = {
                "name": label,
                "storageType": "S3",
                "bucket": "later",
                "key": "A",
                "secret": "s",
                "workspaceId": home,
            }
            world.change(operator.methodcaller("create", "bucket", body))

    def act() -> None:
        world.attach("two")
        register(meanwhile)

    register(before)
    reached, present = labels(world), {wire["name"] for wire in world.server.objects("repo")}
    world.between(act, "--keep-going", code=0 if before else 4)
    code, out, err = world.run("apply", "--yes", "--keep-going")
    assert code == 6, (out, err)
    assert "errors are in other workspaces than before" in err
    assert labels(world) == {"two"} != reached
    assert {wire["name"] for wire in world.server.objects("repo")} == present


def test_a_saved_plan_is_never_planned_again(world: World) -> None:
    assert world.run("plan", "--out", "p.json")[0] == 0
    world.attach("raw-aws", "two", "three")
    code, _, err = world.run("apply", "--plan", "p.json", "--yes")
    assert code == 6 and "planning again" not in err
    assert labels(world) == {"raw-aws", "two", "three"}


# --- after the first write ----------------------------------------------------------------------------------------------


def grow(world: World) -> None:
    """A fourth bucket, which the repository attaches too: the repository is written after the bucket."""
    text = (world.shell.folder / "manifests/all.yaml").read_text()
    four = BUCKET.replace("raw-aws", "four").replace("raw-events", "four-events")
    more = "resources: [{type: S3, bucket: raw-events}, {type: S3, bucket: four-events}]"
    world.shell.write(
        "manifests/all.yaml", f"{four}---\n" + text.replace("resources: [{type: S3, bucket: raw-events}]", more)
    )


def meanwhile(world: World, act: Callable[[], object]) -> None:
    """Act in the next apply, once the fourth bucket is created and before the repository is written."""
    grow(world)

    def once() -> bool:
        act()
        return True

    world.proxy.pause_at_first("POST /bucket", once, late=True)


def last_receipt(world: World) -> Any:
    return json.loads(max((world.shell.folder / ".gatectl/receipts").iterdir()).read_text())


def test_what_is_changed_after_the_first_write_is_planned_again_and_done_and_there_is_one_receipt(
    world: World, fits: Any
) -> None:
    meanwhile(world, lambda: world.attach("two"))
    code, out, err = world.run("apply", "--yes", "--format", "json")
    assert code == 0, (out, err)
    assert err.count("planning again") == 1
    receipt = json.loads(out)
    fits(receipt, "receipt")
    assert receipt == last_receipt(world) and receipt["converged"]
    assert {o["id"]: (o["status"], o["attempts"]) for o in receipt["outcomes"]} == {
        "bucket/default/four": ("done", 1), "repository/default/data": ("done", 1)
    }  # fmt: skip
    (data,) = [op for op in receipt["plan"]["operations"] if op["kind"] == "Repository"]
    assert {item["label"] for item in data["attach"]} == {"four", "raw-aws"}, (
        "as it was done, not as it was shown first"
    )
    assert receipt["plan"]["summary"]["create"] == 1 and receipt["plan"]["summary"]["attach"] == 2
    assert labels(world) == {"raw-aws", "four"}
    assert world.proxy.requests.count("POST /bucket") == 1
    assert world.run("plan", "--detailed-exitcode")[0] == 0


def test_what_would_destroy_more_after_the_first_write_is_a_conflict_and_7(world: World) -> None:
    meanwhile(world, lambda: world.attach("raw-aws", "two", "three"))
    code, out, err = world.run("apply", "--yes", "--format", "json")
    assert code == 7, (out, err)
    assert "destroys more" in err
    assert {o["id"]: o["status"] for o in json.loads(out)["outcomes"]} == {
        "bucket/default/four": "done", "repository/default/data": "conflict"
    }  # fmt: skip
    assert labels(world) == {"raw-aws", "two", "three"}


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("no", 7), (signal.SIGINT, 130)])
def test_after_the_first_write_too_who_was_asked_is_asked_again(world: World, answer: str | int, code: int) -> None:
    meanwhile(world, lambda: world.attach("raw-aws", "two", "three"))
    found, shown = on_a_terminal(world, "yes", answer)
    assert found == code, shown
    assert "Apply these 2 operations (detach 1 attachment) to" in shown
    assert "Apply this operation (detach 2 attachments) to" in shown
    receipt = last_receipt(world)
    assert receipt["summary"]["done"] == (2 if code == 0 else 1)
    assert receipt["summary"]["conflict"] == (0 if code == 0 else 1)
    assert labels(world) == ({"raw-aws", "four"} if code == 0 else {"raw-aws", "two", "three"})


def test_guardrails_hold_for_all_that_one_apply_does(world: World) -> None:
    world.shell.write("gatectl.yaml", project(
        default={"platform": world.proxy.url, "consistency": "1s", "guardrails": {"maxDetaches": 1}}))  # fmt: skip
    assert world.run("apply", "--yes", "--target", "Bucket/raw-aws", *SEEN)[0] == 0
    meanwhile(world, lambda: world.attach("raw-aws", "two", "three"))
    found, shown = on_a_terminal(world, "yes")
    assert found == 7 and "left as it is: the plan would detach 2 attachments" in shown
    assert labels(world) == {"raw-aws", "two", "three"}


def test_what_a_saved_plan_meets_after_its_first_write_stays_a_conflict(world: World) -> None:
    grow(world)
    assert world.run("plan", "--out", "p.json")[0] == 0
    meanwhile(world, lambda: world.attach("two"))
    code, out, err = world.run("apply", "--plan", "p.json", "--yes")
    assert code == 7 and "planning again" not in err, (out, err)
    assert labels(world) == {"two"}
