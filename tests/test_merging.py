"""What git would merge, read without a trace: real checkouts in temporary folders."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gatectl.errors import InputError, UsageError
from gatectl.manifests import loading, merging, places, sources
from gatectl.manifests.commits import History
from gatectl.manifests.committed import Committed
from gatectl.manifests.merging import Forecast
from gatectl.project import Patterns, Project

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
}  # fmt: skip


class Checkout:
    """A checkout in a folder, whose manifests lie in `manifests`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.folder, env=ENVIRONMENT, check=True, capture_output=True)
        return done.stdout.decode()

    def commit(self, files: Mapping[str, str | None], message: str = "work") -> Checkout:
        """Write (None: remove) files under `manifests`, and commit all there is."""
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self

    def write(self, files: Mapping[str, str | None]) -> None:
        for name, text in files.items():
            path = self.folder / "manifests" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text, encoding="utf-8")

    def branch(self, name: str, files: Mapping[str, str | None], start: str = "main") -> Checkout:
        """A branch from `start` with these files; the checkout is back on `main` afterwards."""
        self.git("checkout", "-q", "-b", name, start)
        self.commit(files)
        self.git("checkout", "-q", "main")
        return self

    def forecast(self, *refs: str) -> Forecast:
        project = Project(self.folder, None, "p", ("manifests",), {}, {})
        paths = [self.folder / "manifests"]
        loaded = loading.load(project, paths, "default")
        return merging.forecast(project, paths, "default", refs, places.locate(loaded.findings))

    def found(self, *refs: str) -> list[str]:
        return [f"{f.rule} {_name(f.place.file)}:{f.place.line}" for f in self.forecast(*refs).findings if f.place]

    def state(self) -> list[str]:
        """Everything that merging could leave behind."""
        files = sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob("*"))
        index = (self.folder / ".git" / "index").read_bytes().hex()
        objects, refs = self.git("count-objects", "-v"), self.git("for-each-ref")
        return [*files, index, objects, refs, self.git("status", "--porcelain=v2"), self.git("reflog", "--all")]


def _name(path: str) -> str:
    return os.path.basename(path)


def repository(name: str, *entries: str, endpoint: str = "S3", mode: str = "Normal", extra: str = "") -> str:
    listed = "".join(f"    - {{{entry}}}\n" for entry in entries)
    return (
        f"apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {{name: {name}}}\n{extra}spec:\n"
        f"  endpointType: {endpoint}\n  mode: {mode}\n  resources:\n{listed}"
    )


FOUR = ["type: S3, bucket: one-b", "type: S3, bucket: two-b", "type: S3, bucket: three-b", "type: S3, bucket: four-b"]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "project").commit({"base.yaml": repository("base", *FOUR)})


def test_two_branches_that_declare_one_repository_collide_before_either_is_merged(checkout: Checkout) -> None:
    checkout.branch("feature-b", {"b.yaml": repository("media", "type: S3, bucket: other-b")})
    checkout.commit({"c.yaml": repository("media", "type: S3, bucket: some-b")})
    (finding,) = checkout.forecast("feature-b").findings
    assert finding.rule == "GW304"
    assert finding.message.endswith("is declared twice, once branch feature-b is merged (on branch main)")
    assert finding.place is not None and (_name(finding.place.file), finding.place.line) == ("c.yaml", 3)
    (other,) = finding.related
    assert other.message == "first declared here (on branch feature-b)"
    assert other.place is not None and (_name(other.place.file), other.place.line) == ("b.yaml", 3)


def test_entries_that_two_branches_add_to_one_repository_are_told_apart(checkout: Checkout) -> None:
    checkout.branch("feature-b", {"base.yaml": repository("base", "type: GCS, bucket: acme", *FOUR)})
    checkout.commit({"base.yaml": repository("base", *FOUR, "type: S3, bucket: acme")})
    (finding,) = checkout.forecast("feature-b").findings
    assert finding.rule == "GW301" and finding.message.endswith("(on branch main)")
    assert finding.place is not None and finding.place.line == 13, "the line in the merged file"
    assert [r.message.rpartition(" (")[2] for r in finding.related] == ["on branch feature-b)"]


def test_a_folder_that_two_branches_use_collides(checkout: Checkout) -> None:
    checkout.branch("b", {"b.yaml": repository("b", "type: S3, bucket: shared, folder: raw")})
    checkout.commit({"c.yaml": repository("c", "type: S3, bucket: shared, folder: raw")})
    assert checkout.found("b") == ["GW404 c.yaml:8"]


def test_a_repository_that_becomes_a_mirror_on_one_branch_collides_with_a_use_on_another(checkout: Checkout) -> None:
    master = ["type: S3, bucket: one-b, master: true", *FOUR[1:]]
    checkout.branch("mirror", {"base.yaml": repository("base", *master, mode="Mirror")})
    checkout.commit({"use.yaml": repository("use", "type: S3, bucket: one-b, folder: x")})
    (finding,) = checkout.forecast("mirror").findings
    assert finding.rule == "GW403"
    assert {finding.message.rpartition("(")[2], finding.related[0].message.rpartition("(")[2]} == {
        "on branch main)", "on branch mirror)"
    }  # fmt: skip


def test_branches_that_go_together_are_clean(checkout: Checkout) -> None:
    checkout.branch("b", {"b.yaml": repository("b", "type: S3, bucket: b-b")})
    forecast = checkout.commit({"c.yaml": repository("c", "type: S3, bucket: c-b")}).forecast("b")
    assert forecast.findings == []
    assert (forecast.ours, forecast.merged, forecast.included) == ("branch main", ["branch b"], False)


def test_three_branches_that_collide_only_all_together(checkout: Checkout) -> None:
    checkout.branch("b", {"b.yaml": repository("media", "type: S3, bucket: b-b")})
    checkout.branch("c", {"c.yaml": repository("media", "type: S3, bucket: c-b")})
    assert checkout.found("b") == checkout.found("c") == []
    (finding,) = checkout.forecast("b", "c").findings
    assert finding.rule == "GW304"
    assert finding.message.endswith("once branch b and branch c are merged (on branch c)")
    assert finding.related[0].message.endswith("(on branch b)")


def test_a_collision_with_one_of_several_is_told_once(checkout: Checkout) -> None:
    checkout.branch("b", {"b.yaml": repository("media", "type: S3, bucket: b-b")})
    checkout.branch("c", {"d.yaml": repository("other", "type: S3, bucket: c-b")})
    checkout.commit({"c.yaml": repository("media", "type: S3, bucket: some-b")})
    assert checkout.found("b", "c") == ["GW304 c.yaml:3"]


def test_a_conflict_in_git_is_a_finding_and_the_rest_is_checked(checkout: Checkout) -> None:
    changed = repository("base", *[entry.replace("two-b", "TWO") for entry in FOUR])
    checkout.branch(
        "b", {"base.yaml": changed.replace("TWO", "tw1"), "b.yaml": repository("m", "type: S3, bucket: b-b")}
    )
    checkout.commit({"base.yaml": changed.replace("TWO", "tw2"), "c.yaml": repository("m", "type: S3, bucket: c-b")})
    conflict, collision = checkout.forecast("b").findings
    assert (conflict.rule, _name(conflict.place.file if conflict.place else "")) == ("GW101", "base.yaml")
    assert "git finds a conflict between branch main and branch b" in conflict.message
    assert collision.rule == "GW304"


def test_branches_that_conflict_with_each_other_are_told_so(checkout: Checkout) -> None:
    checkout.branch("b", {"base.yaml": repository("base", *FOUR, "type: S3, bucket: b-b")})
    checkout.branch("c", {"base.yaml": repository("base", *FOUR, "type: S3, bucket: c-b")})
    (finding,) = checkout.forecast("b", "c").findings
    assert "branch b and branch c" in finding.message


def test_what_is_wrong_on_the_other_branch_alone_says_so(checkout: Checkout) -> None:
    checkout.branch("b", {"b.yaml": repository("b", "type: S3, bucket: b-b", "type: GCS, bucket: b-b")})
    (finding,) = checkout.forecast("b").findings
    assert finding.message.endswith("(so on branch b alone)")


def test_what_is_wrong_here_already_is_not_told_again(checkout: Checkout) -> None:
    checkout.branch("b", {"b.yaml": repository("b", "type: S3, bucket: b-b")})
    checkout.commit({"c.yaml": repository("c", "type: S3, bucket: c-b", "type: GCS, bucket: c-b")})
    assert checkout.found("b") == []


def test_a_key_that_two_branches_add_is_found_as_a_duplicate(checkout: Checkout) -> None:
    text = repository("base", *FOUR)
    top = text.replace("spec:\n", "spec:\n  attachmentPolicy: Exact\n")
    checkout.branch("b", {"base.yaml": top})
    checkout.commit({"base.yaml": text + "  attachmentPolicy: Exact\n"})
    (finding,) = checkout.forecast("b").findings
    assert finding.rule == "GW103"


def test_uncommitted_and_untracked_manifests_are_included(checkout: Checkout) -> None:
    checkout.branch("b", {"b.yaml": repository("media", "type: S3, bucket: b-b")})
    checkout.write({"new.yaml": repository("media", "type: S3, bucket: c-b"), "notes.txt": "not a manifest"})
    forecast = checkout.forecast("b")
    assert forecast.included
    assert [f.rule for f in forecast.findings] == ["GW304"]


def test_an_uncommitted_deletion_is_included(checkout: Checkout) -> None:
    checkout.branch("b", {"b.yaml": repository("media", "type: S3, bucket: b-b")})
    checkout.commit({"c.yaml": repository("media", "type: S3, bucket: c-b")})
    assert checkout.found("b") == ["GW304 c.yaml:3"]
    checkout.write({"c.yaml": None})
    assert checkout.found("b") == []


def test_nothing_is_written_to_the_checkout(checkout: Checkout) -> None:
    checkout.branch("b", {"b.yaml": repository("media", "type: S3, bucket: b-b")})
    checkout.branch("c", {"c.yaml": repository("media", "type: S3, bucket: c-b")})
    checkout.write({"new.yaml": repository("media", "type: S3, bucket: n-b"), "base.yaml": repository("base")})
    hook = checkout.folder / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    checkout.git("config", "core.splitIndex", "true")
    checkout.git("status")
    before = checkout.state()
    assert checkout.found("b", "c")
    assert checkout.state() == before


@pytest.mark.parametrize(
    "name", ["with space.yaml", "ünï/çödé.yaml", "new\nline.yaml", "tab\t\"quote'.yaml", "-dash.yaml"]
)
def test_files_may_have_any_name(checkout: Checkout, name: str) -> None:
    checkout.branch("b", {name: repository("media", "type: S3, bucket: b-b")})
    checkout.write({f"other/{name}": repository("media", "type: S3, bucket: c-b")})
    (finding,) = checkout.forecast("b").findings
    places = [finding.place, *(r.place for r in finding.related)]
    folder = checkout.folder / "manifests"
    assert {p.file for p in places if p} == {str(folder / name), str(folder / "other" / name)}


def test_a_checkout_whose_own_folder_has_an_odd_name_is_read(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / 'a "b": ünd #c').commit({"base.yaml": repository("base", *FOUR)})
    checkout.branch("b", {"b.yaml": repository("media", "type: S3, bucket: b-b")})
    checkout.write({"c.yaml": repository("media", "type: S3, bucket: c-b")})
    assert checkout.found("b") == ["GW304 c.yaml:3"]


def test_a_shallow_clone_without_the_history_says_what_to_fetch(checkout: Checkout, tmp_path: Path) -> None:
    checkout.branch("b", {"b.yaml": repository("b", "type: S3, bucket: b-b")})
    checkout.commit({"c.yaml": repository("c", "type: S3, bucket: c-b")})
    clone = tmp_path / "clone"
    url = f"file://{checkout.folder}"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", "--no-single-branch", url, str(clone)], check=True, env=ENVIRONMENT
    )
    with pytest.raises(InputError) as error:
        Checkout(clone).forecast("origin/b")
    assert "shallow" in error.value.message and "fetch-depth: 0" in str(error.value.hint)


def test_a_commit_that_is_not_known_is_wrong_usage_and_names_that_are_near_are_offered(checkout: Checkout) -> None:
    checkout.branch("feature-b", {})
    with pytest.raises(UsageError) as error:
        checkout.forecast("feature-c")
    assert error.value.hint == "did you mean 'feature-b'?"


@pytest.mark.parametrize("ref", ["", "-n", "--all", "HEAD:manifests"])
def test_what_is_no_commit_is_wrong_usage(checkout: Checkout, ref: str) -> None:
    with pytest.raises(UsageError):
        checkout.forecast(ref)


def test_a_tag_and_a_hash_are_commits_too(checkout: Checkout) -> None:
    checkout.branch("b", {"b.yaml": repository("media", "type: S3, bucket: b-b")})
    checkout.git("tag", "-a", "v1", "-m", "v1", "b")
    checkout.write({"c.yaml": repository("media", "type: S3, bucket: c-b")})
    for ref in ("v1", checkout.git("rev-parse", "--short", "b").strip()):
        (finding,) = checkout.forecast(ref).findings
        assert f"once {ref} is merged" in finding.message


def test_a_checkout_without_a_commit_and_no_checkout_are_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    fresh = Checkout(tmp_path / "fresh")
    with pytest.raises(UsageError, match="nothing is committed"):
        fresh.forecast("main")
    plain = tmp_path / "plain"
    plain.mkdir()
    with pytest.raises(UsageError, match="not in a git checkout"):
        History(plain)


def test_an_old_git_is_told_what_it_lacks(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.run(["which", "git"], capture_output=True, check=True).stdout.decode().strip()
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text(f'#!/bin/sh\ncase "$*" in --version) echo git version 2.30.2;; *) exec {real} "$@";; esac\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(InputError, match=r"git version 2\.30\.2 is too old") as error:
        checkout.forecast("main")
    assert error.value.hint == "install git 2.38 or newer"


def test_a_hook_of_git_may_run_it(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout.branch("b", {"b.yaml": repository("media", "type: S3, bucket: b-b")})
    checkout.write({"c.yaml": repository("media", "type: S3, bucket: c-b")})
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    assert checkout.found("b") == ["GW304 c.yaml:3"]


def test_a_commit_is_read_as_its_files_would_be(checkout: Checkout) -> None:
    """The same files, by the same names, as `sources` reads from disk."""
    folder = checkout.folder / "manifests"
    workspace = "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: w}\n"
    project = workspace.replace("Workspace", "Project")
    checkout.write({"sub/a.yml": workspace, ".hidden/b.yaml": workspace, ".c.yaml": workspace, "d.txt": workspace})
    checkout.write({"gatectl.yaml": workspace, "z/real.yaml": workspace, "big.yaml": "#" * (8 * 1024 * 1024 + 1)})
    (folder / "link.yaml").symlink_to("sub/a.yml")
    (folder / "nowhere.yaml").symlink_to("missing.yaml")
    (folder / "out.yaml").symlink_to("/etc/hostname")
    (folder / "linked").symlink_to("z")
    (folder / "circle.yaml").symlink_to("circle.yaml")
    checkout.write({"other/gatectl.yaml": workspace, "z/gatectl.yaml": workspace, "third/x.yaml": workspace + "\n"})
    checkout.write({"team/gatectl.yaml": project, "team/a.yaml": workspace, "E.YAML": workspace + "# E"})
    checkout.write({"charts/values.yaml": "x: y\n"})
    (folder / "third/gatectl.yaml").symlink_to("/etc/hostname")
    checkout.commit({})
    project_file = folder / "gatectl.yaml"
    paths = [folder, folder / "other/gatectl.yaml"]
    disk = sources.read_manifests(paths, folder, project_file, [Patterns(folder, ("charts/",))])
    with History(checkout.folder) as history:
        read = Committed(history, paths, folder, project_file, [Patterns(folder, ("charts/",))]).read("HEAD")
    assert {f.content for f in read.files} == {f.content for f in disk.files}
    assert [f.path for f in read.files] == [f.path for f in disk.files]
    assert {_name(f.path) for f in read.files} >= {"E.YAML"}
    assert not any("team" in f.path or "charts" in f.path for f in read.files)
    assert str(project_file) not in {f.path for f in read.files}
    told = {_name(f.place.file): f.rule for f in disk.findings if f.place}
    assert {_name(f.place.file): f.rule for f in read.findings if f.place} == told
