"""Mirrors and trees of real repositories: what is there is asked once and fetched, pushes by force are told, and nothing of a
repository that means harm is executed, followed or sent a credential."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gatectl.credentials.pasted import Unusable
from gatectl.errors import InputError
from gatectl.fleet import trees
from gatectl.fleet.mirrors import Head, Mirror, authorization
from gatectl.fleet.trees import forget, tree_of
from hostile import ATTRIBUTES, HOOKS, Trap

LATER = "@2 +0000"


class Upstream:
    """A repository that is pushed to, by somebody who may mean harm."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main", *words)

    def git(self, *words: str, stdin: bytes = b"") -> str:
        who = {f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in
               (("NAME", "somebody"), ("EMAIL", "s@example.com"), ("DATE", LATER))}  # fmt: skip
        done = subprocess.run(
            ["git", *words], cwd=self.folder, input=stdin, capture_output=True, check=True,
            env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **who},
        )  # fmt: skip
        return done.stdout.decode().strip()

    def commit(self, **files: str) -> str:
        for name, text in files.items():
            path = self.folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "more")
        return self.git("rev-parse", "HEAD")

    def entry(self, mode: str, path: str, content: bytes) -> None:
        """Put a file of any mode into the index, whatever it is called."""
        oid = self.git("hash-object", "-w", "--stdin", stdin=content)
        self.git("update-index", "--add", "--cacheinfo", f"{mode},{oid},{path}")

    def forge(self, lines: Sequence[tuple[str, str, str]]) -> str:
        """A commit of a tree that git itself would not make: mode, name and id of each entry."""
        tree = b"".join(f"{mode} {name}".encode() + b"\0" + bytes.fromhex(oid) for mode, name, oid in lines)
        oid = self.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=tree)
        commit = self.git("commit-tree", oid, "-m", "forged")
        self.git("update-ref", "refs/heads/main", commit)
        return commit


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path / "upstream")


@pytest.fixture
def mirror(tmp_path: Path, upstream: Upstream) -> Mirror:
    return Mirror(tmp_path / "state", str(upstream.folder))


def tree(mirror: Mirror, folder: Path, ref: str = "main") -> Path:
    return tree_of(mirror, mirror.fetch(mirror.heads([ref])[ref]), folder)


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


# What is there


def test_what_is_pushed_is_seen_fetched_and_written(mirror: Mirror, upstream: Upstream, tmp_path: Path) -> None:
    first = upstream.commit(a="1", deep__er__b="2")
    assert mirror.heads(["main"]) == {"main": Head("refs/heads/main", first)}
    assert files(tree(mirror, tmp_path / "trees")) == {"a": "1", "deep/er/b": "2"}
    second = upstream.commit(a="3")
    assert mirror.heads(["main"])["main"].commit == second
    place = tree(mirror, tmp_path / "trees")
    assert place.name == second and files(place)["a"] == "3"
    assert files(tmp_path / "trees" / first)["a"] == "1", "the tree of another commit is another one"


def test_a_branch_is_what_is_called_so_whole_and_comes_before_a_tag(mirror: Mirror, upstream: Upstream) -> None:
    one = upstream.commit(a="1")
    upstream.git("branch", "feature/main")
    upstream.git("tag", "-a", "v1", "-m", "annotated")
    two = upstream.commit(a="2")
    upstream.git("tag", "main", one)
    upstream.git("checkout", "-q", "feature/main", "--")
    upstream.commit(a="3")
    found = mirror.heads(["main", "v1", "none", "feature/main"])
    assert found["main"] == Head("refs/heads/main", two)
    assert found["v1"] == Head("refs/tags/v1", one), "a tag is the commit that it is of"
    assert "none" not in found
    assert mirror.fetch(found["v1"]) == one


def test_a_push_by_force_is_told(mirror: Mirror, upstream: Upstream) -> None:
    base = upstream.commit(a="1")
    first = mirror.fetch(mirror.heads(["main"])["main"])
    second = upstream.commit(a="2")
    assert mirror.follows(mirror.fetch(mirror.heads(["main"])["main"]), first)
    upstream.git("reset", "-q", "--hard", base)
    forced = upstream.commit(a="3")
    assert mirror.fetch(mirror.heads(["main"])["main"]) == forced
    assert not mirror.follows(forced, second)
    assert mirror.follows(forced, base) and mirror.follows(base, base)
    assert not mirror.follows(forced, "0" * 40), "what was never there is no ancestor"


def test_repositories_with_longer_ids_are_mirrored_too(tmp_path: Path) -> None:
    upstream = Upstream(tmp_path / "long", "--object-format=sha256")
    commit = upstream.commit(a="1")
    mirror = Mirror(tmp_path / "state", str(upstream.folder))
    assert len(commit) == 64
    assert files(tree(mirror, tmp_path / "trees")) == {"a": "1"}


def test_what_is_mirrored_already_is_not_asked_for_again(mirror: Mirror, upstream: Upstream) -> None:
    upstream.commit(a="1")
    head = mirror.heads(["main"])["main"]
    mirror.fetch(head)
    upstream.folder.rename(upstream.folder.with_name("away"))
    assert mirror.fetch(head) == head.commit
    with pytest.raises(InputError, match="cannot be read"):
        mirror.heads(["main"])


def test_a_repository_that_is_not_there_is_told_without_a_word_of_what_it_is_signed_in_to_with(tmp_path: Path) -> None:
    header = authorization("me:hush-hush")
    with pytest.raises(InputError) as told:
        Mirror(tmp_path / "state", "http://127.0.0.1:9/x.git", header).heads(["main"])
    assert "hush" not in str(told.value) and header.rpartition(" ")[2] not in str(told.value)


# Trees


def test_a_tree_is_read_only_and_nothing_in_it_is_a_program(mirror: Mirror, upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit(a="1", deep__b="#!/bin/sh\n")
    (upstream.folder / "deep" / "b").chmod(0o755)
    upstream.commit()
    place = tree(mirror, tmp_path / "trees")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in place.rglob("*")} | {stat.S_IMODE(place.stat().st_mode)}
    assert modes == {0o400, 0o500}


def test_several_who_make_one_tree_make_it_once(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit(**{f"f{n}": str(n) for n in range(200)})

    def make(_: int) -> Path:
        return tree(Mirror(tmp_path / "state", str(upstream.folder)), tmp_path / "trees")

    with ThreadPoolExecutor(6) as pool:
        (place,) = set(pool.map(make, range(6)))
    assert len(files(place)) == 200
    assert sorted(path.name for path in (tmp_path / "trees").iterdir()) == sorted([place.name, "making"])


def test_what_somebody_left_who_ended_half_way_is_removed(mirror: Mirror, upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit(a="1")
    left = tmp_path / "trees" / ".partial-left" / "deep"
    left.mkdir(parents=True)
    (left / "x").write_text("half")
    left.chmod(0o500)
    place = tree(mirror, tmp_path / "trees")
    assert files(place) == {"a": "1"} and not left.parent.exists()


def test_trees_that_nobody_needs_are_removed(mirror: Mirror, upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit(a="1", deep__b="1")
    one = tree(mirror, tmp_path / "trees")
    upstream.commit(a="2")
    two = tree(mirror, tmp_path / "trees")
    forget(tmp_path / "trees", {two.name})
    assert not one.exists() and files(two)["a"] == "2"
    forget(tmp_path / "nowhere", ())


def test_a_commit_that_is_too_large_is_refused(
    mirror: Mirror, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.commit(a="1" * 100, b="2")
    monkeypatch.setattr(trees, "MOST_BYTES", 100)
    with pytest.raises(InputError, match="101 bytes; 100 at the most"):
        tree(mirror, tmp_path / "trees")
    monkeypatch.setattr(trees, "MOST_FILES", 1)
    with pytest.raises(InputError, match="2 files; 1 at the most"):
        tree(mirror, tmp_path / "trees")


# Harm


def test_nothing_of_a_repository_is_executed(upstream: Upstream, tmp_path: Path) -> None:
    trap = Trap(tmp_path / "trap")
    upstream.commit(a="$Id$\n", modules="x")
    upstream.commit(**{".gitattributes": ATTRIBUTES + "* ident eol=crlf text export-subst\n"})
    (upstream.folder / ".gitmodules").write_text(
        '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch ran"\n\tupdate = !sh\n'
    )
    upstream.git("update-index", "--add", "--cacheinfo", f"160000,{upstream.git('rev-parse', 'HEAD')},x")
    upstream.git("add", ".gitmodules")
    upstream.git("commit", "-q", "-m", "submodule")
    for hook in (*HOOKS, "post-upload-pack", "pre-receive"):
        (upstream.folder / ".git" / "hooks" / hook).symlink_to(trap.program(hook))
    for key in ("core.fsmonitor", "uploadpack.packObjectsHook", "filter.evil.smudge", "core.sshCommand", "core.pager"):
        upstream.git("config", key, str(trap.program(key.replace(".", "-"))))
    state = tmp_path / "state"
    place = tree(Mirror(state, str(upstream.folder)), tmp_path / "trees")
    assert trap.ran == []
    assert files(place)["a"] == "$Id$\n", "as git keeps it"
    assert not (place / "x").exists()
    assert not list(state.rglob("hooks/*")), "the mirror has no hooks"


def test_no_link_of_a_commit_leads_a_file_elsewhere(mirror: Mirror, upstream: Upstream, tmp_path: Path) -> None:
    """A forged tree holds a name twice, as a link and as a folder: what is below it would be written through the link."""
    outside = tmp_path / "outside"
    outside.mkdir()
    link = upstream.git("hash-object", "-w", "--stdin", stdin=str(outside).encode())
    blob = upstream.git("hash-object", "-w", "--stdin", stdin=b"planted")
    below = upstream.git("mktree", stdin=f"100644 blob {blob}\tplanted\n".encode())
    upstream.forge([("120000", "x", link), ("40000", "x", below)])
    with pytest.raises(InputError, match="twice"):
        tree(mirror, tmp_path / "trees")
    assert list(outside.iterdir()) == []
    assert not any(path.is_dir() and path.name[0] != "." for path in (tmp_path / "trees").iterdir())


@pytest.mark.parametrize("name", ["..", ".git", ".GIT", "."])
def test_a_path_that_no_checkout_has_is_refused(mirror: Mirror, upstream: Upstream, tmp_path: Path, name: str) -> None:
    blob = upstream.git("hash-object", "-w", "--stdin", stdin=b"planted")
    below = upstream.git("mktree", stdin=f"100644 blob {blob}\tplanted\n".encode())
    upstream.forge([("40000", name, below)])
    with pytest.raises(InputError, match="no path of a checkout"):
        tree(mirror, tmp_path / "trees")
    assert not list(tmp_path.rglob("planted"))


def test_links_are_what_they_are(mirror: Mirror, upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit(a="1")
    upstream.entry("120000", "inside", b"a")
    upstream.entry("120000", "outside", b"/etc/passwd")
    upstream.entry("120000", "empty", b"")
    upstream.git("commit", "-q", "-m", "links")
    place = tree(mirror, tmp_path / "trees")
    assert os.readlink(place / "inside") == "a" and os.readlink(place / "outside") == "/etc/passwd"
    assert not os.path.lexists(place / "empty")


class Answers(BaseHTTPRequestHandler):
    """Sends whoever asks elsewhere, or asks whom it is; remembers what it was sent."""

    sent: list[tuple[str, str | None]]
    elsewhere: str | None = None

    def do_GET(self) -> None:
        self.sent.append((self.path, self.headers.get("Authorization")))
        self.send_response(302 if self.elsewhere else 401)
        if self.elsewhere:
            self.send_header("Location", self.elsewhere + self.path)
        else:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: a test is no log."""


@pytest.fixture
def hosts() -> Iterator[list[type[Answers]]]:
    """Two hosts: the first sends whoever asks to the second."""
    made = [type(f"Host{n}", (Answers,), {"sent": []}) for n in range(2)]
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for handler in made]
    for handler, server in zip(made, servers, strict=True):
        handler.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
    made[0].elsewhere = made[1].url  # type: ignore[attr-defined]
    yield made
    for server in servers:
        server.shutdown()
        server.server_close()


def test_what_a_repository_is_signed_in_to_with_goes_to_its_host_alone(
    hosts: list[type[Answers]], tmp_path: Path
) -> None:
    one, two = hosts
    header = authorization("me:hush")
    with pytest.raises(InputError):
        Mirror(tmp_path / "state", f"{one.url}/a.git", header).heads(["main"])  # type: ignore[attr-defined]
    assert [sent for _, sent in one.sent] == [header.removeprefix("Authorization: ")]
    assert two.sent == [], "no redirection is followed"


def test_nobody_elses_credentials_are_sent(
    hosts: list[type[Answers]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own: of `.netrc`, of a helper in git's configuration, of a program that asks."""
    trap = Trap(tmp_path / "trap")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text("machine 127.0.0.1 login me password hush\n")
    (home / ".gitconfig").write_text(
        f'[credential]\n\thelper = "{trap.program("helper")}"\n[core]\n\taskPass = {trap.program("ask")}\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_ASKPASS", str(trap.program("asked")))
    two = hosts[1]
    with pytest.raises(InputError):
        Mirror(tmp_path / "state", f"{two.url}/a.git").heads(["main"])  # type: ignore[attr-defined]
    assert two.sent and {sent for _, sent in two.sent} == {None}
    assert trap.ran == []


@pytest.mark.parametrize(
    "url", ["ext::sh -c touch% ran", "ssh://127.0.0.1/x", "git://127.0.0.1/x", "ftp://127.0.0.1/x"]
)
def test_other_ways_are_not_gone(url: str, tmp_path: Path) -> None:
    """A fleet file names none; this is what is left where one came by all the same."""
    mirror = Mirror(tmp_path / "state", "/nowhere")
    mirror.url = url
    with pytest.raises(InputError, match="not allowed"):
        mirror.heads(["main"])


@pytest.mark.parametrize("text", ["a b", "a\nb", "", "é\u202e", '"quoted"'])
def test_a_file_that_holds_more_than_credentials_is_refused(text: str) -> None:
    with pytest.raises(Unusable):
        authorization(text)


def test_an_answer_that_git_never_gives_is_no_id(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "state", "/nowhere")
    with pytest.raises(ValueError, match="no id"):
        mirror.fetch(Head("refs/heads/main", "--upload-pack=x"))
