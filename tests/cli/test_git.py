"""git and a stranger's checkout: whatever is planted in it, nothing of it runs, and what git says is true all the same."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gatectl.clock import Deadline
from gatectl.errors import DeadlinePassed, InputError, UsageError
from gatectl.manifests import commits, git
from hostile import ATTRIBUTES, CANARY, Trap
from leaping import Leaping

PROJECT = {"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "acme"},
           "spec": {"environments": {"default": {"platform": "embedded"}}}}  # fmt: skip
REPOSITORY = (
    "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {{name: {}}}\nspec: {{endpointType: S3, resources: []}}\n"
)


def run(folder: Path, *words: str, **variables: str) -> str:
    who = {f"GIT_{w}_{k}": v for w in ("AUTHOR", "COMMITTER") for k, v in (("NAME", "a"), ("EMAIL", "a@b"))}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *words], cwd=folder, env={**clean, "GIT_CONFIG_GLOBAL": os.devnull, **who, **variables},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("GIT_", "GATECTL_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


class Site:
    """A checkout with a project at its top and one in its folder `gateway`, on `main`; `other` has one repository more."""

    def __init__(self, folder: Path) -> None:
        self.top = folder
        for place in (folder, folder / "gateway"):
            place.mkdir()
            (place / "gatectl.yaml").write_text(json.dumps(PROJECT))
            (place / "one.yaml").write_text(REPOSITORY.format("one"))
        run(folder, "init", "-q", "-b", "main")
        self.commit("work")
        run(folder, "checkout", "-q", "-b", "other")
        for place in (folder, folder / "gateway"):
            (place / "two.yaml").write_text(REPOSITORY.format("two"))
            (place / "one.yaml").write_text(REPOSITORY.format("one") + "# other\n")
        self.commit("other")
        run(folder, "checkout", "-q", "main")
        for place in (folder, folder / "gateway"):
            (place / "one.yaml").write_text("# main\n" + REPOSITORY.format("one"))
            (place / "three.yaml").write_text(REPOSITORY.format("three"))
        self.commit("main")
        run(folder, "tag", "-a", "-m", "v1", "v1")

    def commit(self, message: str) -> None:
        run(self.top, "add", "-A")
        run(self.top, "commit", "-q", "-m", message)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path / "trap")


Gatectl = Callable[..., Any]


@pytest.fixture
def gatectl(shell: Any, monkeypatch: pytest.MonkeyPatch) -> Gatectl:
    """The command line in a folder, with a canary in every variable that holds a credential."""
    for name in ("GATECTL_EMAIL", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "SECRET"):
        monkeypatch.setenv(name, CANARY)

    def call(folder: Path, *words: str) -> Any:
        monkeypatch.chdir(folder)
        return shell(*words)

    return call


COMMANDS = (
    ("plan", "--format", "json"),
    ("plan", "--changed-since", "other", "--format", "sarif"),
    ("validate", "--against", "other"),
    ("validate", "--format", "github"),
    ("snapshot", "--out", "snapshot.json"),
    ("plan", "--against", "snapshot.json", "--format", "json"),
    ("apply", "--yes"),
)
"""Every command that asks git, or looks for its top, and what they need."""


@pytest.mark.parametrize("planted", ["top", "bare"])
def test_nothing_that_is_planted_for_git_runs(site: Site, trap: Trap, gatectl: Gatectl, planted: str) -> None:
    gateway = site.top / "gateway"
    head = run(site.top, "rev-parse", "HEAD")
    place = site.top if planted == "top" else gateway
    (trap.in_top if planted == "top" else trap.in_bare)(place)
    assert trap.planted - trap.control(place) == set()
    for folder in (site.top, gateway):
        for command in COMMANDS:
            done = gatectl(folder, *command)
            assert done.code == 0, (command, done)
            assert CANARY not in done.out + done.err
            if command == ("plan", "--format", "json"):
                assert done.json["source"]["commit"] == head
    assert trap.ran == []


def test_what_is_planted_in_the_environment_does_not_run(
    site: Site, trap: Trap, gatectl: Gatectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Site(site.top.parent / "elsewhere")
    trap.stale(site.top)
    (site.top / "bin").mkdir()
    shutil.copy(trap.program("git-of-the-checkout"), site.top / "bin" / "git")
    monkeypatch.setenv("PATH", os.pathsep.join((".", "bin", str(site.top / "bin"), os.environ["PATH"])))
    for name, value in {
        "GIT_DIR": other.top / ".git", "GIT_WORK_TREE": other.top, "GIT_COMMON_DIR": other.top / ".git",
        "GIT_OBJECT_DIRECTORY": other.top / ".git/objects", "GIT_INDEX_FILE": other.top / ".git/index", "GIT_NAMESPACE": "x",
        "GIT_EXTERNAL_DIFF": trap.program("external"), "GIT_SSH": trap.program("ssh"), "GIT_PAGER": trap.program("pager"),
        "GIT_ASKPASS": trap.program("askpass"), "GIT_EDITOR": trap.program("editor"), "GIT_EXEC_PATH": site.top / "bin",
        "GIT_TRACE": trap.folder / "trace", "GIT_TRACE2_EVENT": trap.folder / "trace2", "GIT_TEMPLATE_DIR": trap.folder,
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": trap.program("fsmonitor"),
        "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor={trap.program('parameters')}'",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    for command in COMMANDS:
        done = gatectl(site.top, *command)
        assert done.code == 0, (command, done)
    assert trap.ran == []
    assert not (trap.folder / "trace").exists()
    assert not (trap.folder / "trace2").exists()


def test_what_the_users_own_configuration_runs_does_not_run_for_a_checkout(
    site: Site, trap: Trap, gatectl: Gatectl, tmp_path: Path
) -> None:
    (tmp_path / "home" / ".gitconfig").write_text(trap.configuration("user"))
    (site.top / ".gitattributes").write_text(ATTRIBUTES)
    trap.stale(site.top)
    for command in COMMANDS:
        assert gatectl(site.top, *command).code == 0
    assert trap.ran == []


def test_git_is_handed_no_credential(site: Site, trap: Trap, gatectl: Gatectl, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which("git")
    spy = trap.folder / "bin" / "git"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\nenv >> {trap.folder}/env\nexec {real} "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy.parent}{os.pathsep}{os.environ['PATH']}")
    for command in COMMANDS:
        assert gatectl(site.top, *command).code == 0
    seen = (trap.folder / "env").read_text()
    assert "GIT_TERMINAL_PROMPT=0" in seen
    assert CANARY not in seen
    assert "GATECTL_" not in seen


def test_a_missing_object_is_not_fetched(site: Site, trap: Trap, gatectl: Gatectl) -> None:
    oid = run(site.top, "rev-parse", "other:two.yaml")
    trap.in_top(site.top)
    (site.top / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    subprocess.run(["git", "cat-file", "-p", oid], cwd=site.top, capture_output=True, check=False)
    assert "ext-top" in trap.ran  # plain git asks the remote
    trap.forget()
    done = gatectl(site.top, "validate", "--against", "other")
    assert done.code == 1
    assert f"git has no object {oid}" in done.err
    assert trap.ran == []


# What git says is true


def answer(folder: Path, *paths: Path) -> tuple[str | None, bool | None]:
    return commits.Checkout(folder, paths or (folder,)).answer()


def test_the_commit_and_whether_files_differ_from_it(site: Site) -> None:
    head = run(site.top, "rev-parse", "HEAD")
    gateway = site.top / "gateway"
    assert answer(site.top) == (head, False)
    (site.top / "new.yaml").write_text("")
    assert answer(site.top) == (head, True)
    assert answer(gateway) == (head, False)
    assert answer(site.top, gateway / "one.yaml", site.top / "one.yaml") == (head, False)
    (gateway / "one.yaml").unlink()
    assert answer(gateway) == (head, True)
    assert answer(gateway, site.top.parent) == (None, None)


def test_a_working_tree_beside_the_first_one_is_a_checkout(site: Site, tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    run(site.top, "worktree", "add", "-q", str(beside), "other")
    assert answer(beside / "gateway") == (run(site.top, "rev-parse", "other"), False)
    assert answer(site.top) == (run(site.top, "rev-parse", "main"), False)
    with commits.History(beside) as history:
        assert history.head().words == "branch other"
        assert history.resolve("main", "--against").oid == run(site.top, "rev-parse", "main")


def test_a_submodule_is_a_checkout_and_one_below_is_not_looked_into(site: Site, tmp_path: Path) -> None:
    run(
        site.top,
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        str(Site(tmp_path / "sub").top),
        "sub",
    )
    site.commit("sub")
    assert answer(site.top / "sub") == (run(site.top / "sub", "rev-parse", "HEAD"), False)
    trap = Trap(tmp_path / "trap")
    with open(site.top / ".git" / "modules" / "sub" / "config", "a") as stream:
        stream.write(f"[core]\n\tfsmonitor = {trap.program('fsmonitor')}\n")
    run(site.top, "status")
    assert trap.ran == ["fsmonitor"]
    trap.forget()
    assert answer(site.top) == (run(site.top, "rev-parse", "HEAD"), False)
    assert trap.ran == []


@pytest.mark.parametrize("settings", [("core.autocrlf", "true"), ("core.fileMode", "false"), ("index.sparse", "true")])
def test_files_are_compared_as_the_checkout_is_configured(site: Site, settings: tuple[str, str]) -> None:
    run(site.top, "config", *settings)
    if settings[0] == "core.fileMode":
        (site.top / "one.yaml").chmod(0o755)
    elif settings[0] == "index.sparse":
        run(site.top, "sparse-checkout", "set", "--cone", "gateway")
    else:
        run(site.top, "rm", "-q", "-r", "--cached", ".")
        run(site.top, "reset", "-q", "--hard")
        assert b"\r\n" in (site.top / "one.yaml").read_bytes()
    Trap.stale(site.top)
    assert answer(site.top) == (run(site.top, "rev-parse", "HEAD"), False)
    run(site.top, "config", "core.autocrlf", "false")
    run(site.top, "config", "core.fileMode", "true")
    assert answer(site.top)[1] is (settings[0] != "index.sparse")


def test_names_of_commits_mean_what_they_mean_to_git(site: Site, tmp_path: Path) -> None:
    clone = tmp_path / 'a "clone" \\ of it'
    run(tmp_path, "clone", "-q", str(site.top), str(clone))
    run(clone, "fetch", "-q", "origin", "other")
    run(clone, "checkout", "-q", "-b", "mine", "origin/other")
    run(clone, "checkout", "-q", "main")
    with commits.History(clone) as history:
        for name in ("@{upstream}", "origin/main", "origin", "FETCH_HEAD", "v1", "@{-1}", "HEAD~1", "mine@{upstream}"):
            found = history.resolve(name, "--against").oid
            assert found == run(clone, "rev-parse", f"{name}^{{commit}}"), name


def test_a_repository_of_long_ids_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "long"
    folder.mkdir()
    run(folder, "init", "-q", "--object-format=sha256")
    (folder / "one.yaml").write_text("")
    run(folder, "add", "-A")
    run(folder, "commit", "-q", "-m", "x")
    commit, dirty = answer(folder)
    assert (len(commit or ""), dirty) == (64, False)


def test_what_gatectl_keeps_in_a_project_is_no_difference(site: Site, gatectl: Gatectl) -> None:
    for folder in (site.top, site.top / "gateway"):
        assert gatectl(folder, "apply", "--yes").code == 0
        assert (folder / ".gatectl" / ".gitignore").read_text() == "*\n"
        (folder / ".gatectl" / ".gitignore").unlink()
    assert run(site.top, "status", "--porcelain") != ""
    assert answer(site.top)[1] is False
    assert answer(site.top / "gateway")[1] is False


def test_replacements_and_grafts_are_not_looked_at(site: Site) -> None:
    head, other = run(site.top, "rev-parse", "main"), run(site.top, "rev-parse", "other")
    base = run(site.top, "merge-base", head, other)
    run(site.top, "replace", head, other)
    (site.top / ".git" / "info" / "grafts").write_text(f"{head}\n")
    with commits.History(site.top) as history:
        assert history.base(history.head(), history.resolve("other", "")) == base
        assert len([f for f in history.files(head) if f.path == "two.yaml"]) == 0


def test_nothing_is_written_to_the_checkout(site: Site, gatectl: Gatectl) -> None:
    (site.top / "one.yaml").write_text("# changed\n" + REPOSITORY.format("one"))

    def state() -> dict[str, tuple[int, int]]:
        found = [path for path in (site.top / ".git").rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in found}

    before = state()
    for command in (COMMANDS[0], COMMANDS[1], COMMANDS[2]):
        assert gatectl(site.top, *command).code == 0
    assert state() == before


# What is no checkout, what git will not use, what does not end


def test_a_folder_that_only_looks_like_a_repository_is_no_checkout(tmp_path: Path, trap: Trap) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    trap.in_bare(bare)
    with pytest.raises(UsageError, match="is not in a git checkout"):
        git.Repository(bare)
    (bare / ".git").mkdir()  # nor is one with an empty `.git`, where git would fall back on it
    with pytest.raises(UsageError, match="is not in a git checkout"):
        git.Repository(bare)
    (bare / ".git").rmdir()
    (bare / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises((UsageError, InputError)):
        git.Repository(bare)
    assert answer(bare)[0] is None
    assert trap.ran == []


def test_a_checkout_of_another_user_is_told_with_the_command_that_helps(
    site: Site, gatectl: Gatectl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    done = gatectl(site.top, "validate", "--against", "other")
    assert done.code == 1
    assert f"git config --global --add safe.directory {site.top}" in done.err
    done = gatectl(site.top, "plan", "--format", "json")
    assert done.json["source"]["commit"] is None
    assert "safe.directory" in done.err
    (tmp_path / "home" / ".gitconfig").write_text(f"[safe]\n\tdirectory = {site.top}\n")
    assert gatectl(site.top, "validate", "--against", "other").code == 0


def a_git(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a git of our own before the real one."""
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{text.replace('REAL', shutil.which('git') or '')}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@contextmanager
def a_git_without_end(folder: Path, words: str, monkeypatch: pytest.MonkeyPatch, time: Leaping) -> Iterator[Path]:
    """Put a git before the real one that never ends where it is asked with one of these words: it is a minute later then, at
    once. In the file is the process that it waits for, too."""
    begun, child = folder.with_name("begun"), folder.with_name("child")
    os.mkfifo(begun)
    endless = f"sleep 1000 & echo $! > {child}; echo > {begun}; wait"
    a_git(folder, f'case " $* " in {words}) {endless};; *) exec REAL "$@";; esac', monkeypatch)

    def leap() -> None:
        begun.read_bytes()
        time.leap(60)

    threading.Thread(target=leap, daemon=True).start()
    yield child


def test_an_old_git_is_not_asked_and_that_is_said(
    site: Site, gatectl: Gatectl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_git(tmp_path / "old", f'echo "$*" >> {tmp_path}/asked; echo git version 2.37.9', monkeypatch)
    done = gatectl(site.top, "plan")
    assert done.code == 0
    assert "git version 2.37.9 is too old" in done.err
    assert gatectl(site.top, "validate", "--against", "other").code == 1
    assert set((tmp_path / "asked").read_text().splitlines()) == {"--version"}


def test_without_git_nothing_is_known_and_nothing_is_wrong(
    site: Site, gatectl: Gatectl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = gatectl(site.top, "plan", "--format", "json")
    assert (done.code, done.json["source"]["commit"], done.err) == (0, None, "")
    done = gatectl(site.top, "validate", "--against", "other")
    assert done.code == 1
    assert "git is not installed" in done.err


@pytest.mark.parametrize("word", ["--version", "rev-parse", "status"])
def test_a_git_that_does_not_end_is_ended_with_all_that_it_started(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, word: str
) -> None:
    time = Leaping()
    with (
        a_git_without_end(tmp_path / "slow", f'*" {word} "*', monkeypatch, time) as written,
        pytest.raises(DeadlinePassed, match="the deadline passed while git was asked"),
    ):
        repository = git.Repository(site.top, Deadline(time.now() + 60, time.clock))
        repository.finish(repository.start("status"), "status")
    child = int(written.read_text())
    with suppress(ProcessLookupError):  # it is gone
        assert select.select([os.pidfd_open(child)], [], [], 60)[0], "what git started is still there"


@pytest.mark.parametrize("command", [
    "validate --against other", "validate --guardrails-from other", "plan --guardrails-from other",
    "plan --changed-since other", "apply --yes --guardrails-from other",
])  # fmt: skip
def test_a_command_that_asks_git_ends_by_its_deadline(
    site: Site, shell: Any, gatectl: Gatectl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    time = Leaping()
    shell.clock = time.clock
    with a_git_without_end(tmp_path / "slow", '*" ls-tree "*|*" merge-tree "*', monkeypatch, time):
        done = gatectl(site.top, *command.split(), "--deadline", "60")
    assert (done.code, "the deadline passed while git was asked" in done.err) == (10, True)


def test_what_is_wrong_with_the_files_is_told_though_git_does_not_end(
    site: Site, shell: Any, gatectl: Gatectl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    time = Leaping()
    shell.clock = time.clock
    (site.top / "one.yaml").write_text("kind: Nonsense")
    with a_git_without_end(tmp_path / "slow", '*" ls-tree "*', monkeypatch, time):
        done = gatectl(site.top, "validate", "--against", "other", "--deadline", "60")
    assert (done.code, "GW107" in done.out, "not checked as merged: the deadline" in done.err) == (4, True, True)
