"""Paths become bytes: which files are read, in which order, and what is said of those that cannot be."""

from __future__ import annotations

import io
import os
import socket
import sys
from pathlib import Path

import pytest

from gatectl.manifests import loading, sources
from gatectl.manifests.places import locate
from gatectl.project import Patterns, Project

ONE = "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: %s}\n"


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ONE % path.stem.lower().strip("."))


def write_project(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: other}\n")


def read(folder: Path, *paths: str | Path, project_file: Path | None = None) -> tuple[list[str], list[tuple[str, str]]]:
    """The files read and the findings, by their paths relative to the folder."""
    found = sources.read_manifests([folder / p for p in paths or (".",)], folder, project_file)
    names = [os.path.relpath(f.path, folder) for f in found.files]
    return names, [(f.rule, os.path.relpath(f.place.file, folder)) for f in found.findings if f.place]


def load(folder: Path, *paths: str, project_file: Path | None = None) -> list[tuple[str, str]]:
    project = Project(folder, project_file, "p", (".",), {}, {})
    loaded = loading.load(project, [folder / p for p in paths or (".",)], "default")
    return [(f.rule, os.path.relpath(f.place.file, folder)) for f in locate(loaded.findings) if f.place]


def test_files_are_read_in_the_order_of_their_paths_bytes(tmp_path: Path) -> None:
    write(tmp_path, "b.yaml", "a/z.yaml", "a.yaml", "B.yml", "a-b.yaml", "é.yaml", "a/b/c.yml", "Z/a.yaml", "ab.yaml")
    names = ["B.yml", "Z/a.yaml", "a-b.yaml", "a.yaml", "a/b/c.yml", "a/z.yaml", "ab.yaml", "b.yaml", "é.yaml"]
    assert read(tmp_path) == (names, [])
    assert names == sorted(names, key=os.fsencode)


def test_paths_are_read_in_the_order_given_and_each_file_once(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "b/c.yaml", "b/d.yaml")
    assert read(tmp_path, "b/d.yaml", "a.yaml", "b", ".", "a.yaml", "b/../a.yaml")[0] == [
        "b/d.yaml",
        "a.yaml",
        "b/c.yaml",
    ]
    assert load(tmp_path, "a.yaml", "a.yaml", "b", "b") == []


def test_hidden_files_other_suffixes_and_the_project_file_are_not_read(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.yaml",
        ".b.yaml",
        ".git/c.yaml",
        "d.json.txt",
        "e.yaml.bak",
        "f.YAML",
        "gatectl.yaml",
        "g/.h/i.yml",
        "yaml",
    )
    assert read(tmp_path, project_file=tmp_path / "gatectl.yaml") == (
        ["a.yaml", "f.YAML"],
        [("GW108", "e.yaml.bak")],
    )


def test_a_hidden_or_oddly_named_file_is_read_when_it_is_named(tmp_path: Path) -> None:
    write(tmp_path, ".a.yaml", "b.txt", ".c/d.yaml")
    assert read(tmp_path, ".a.yaml", "b.txt", ".c")[0] == [".a.yaml", "b.txt", ".c/d.yaml"]


def test_a_path_that_is_a_project_file_is_told(tmp_path: Path) -> None:
    write_project(tmp_path, "gatectl.yaml", "other/gatectl.yaml")
    write(tmp_path, "a.yaml")
    own = tmp_path / "gatectl.yaml"
    assert load(tmp_path, "gatectl.yaml", project_file=own) == [("GW106", "gatectl.yaml")]
    assert load(tmp_path, "other/gatectl.yaml", "a.yaml", project_file=own) == [("GW106", "other/gatectl.yaml")]
    assert load(tmp_path, "a.yaml", project_file=tmp_path / "a.yaml") == [("GW106", "a.yaml")], "whatever it is called"


def test_a_folder_with_a_project_file_of_its_own_is_another_project(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "b/c.yaml", "b/d/e.yaml", "f/g.yaml")
    write_project(tmp_path, "gatectl.yaml", "b/gatectl.yaml")
    own = tmp_path / "gatectl.yaml"
    assert read(tmp_path, project_file=own) == (["a.yaml", "f/g.yaml"], [])
    assert read(tmp_path, "b", project_file=own) == (["b/c.yaml", "b/d/e.yaml"], []), "asked for by name, it is read"
    assert read(tmp_path, ".", project_file=tmp_path / "b/gatectl.yaml")[0] == [
        "a.yaml",
        "b/c.yaml",
        "b/d/e.yaml",
        "f/g.yaml",
    ]


def test_a_path_with_nothing_but_other_projects_names_one(tmp_path: Path) -> None:
    write(tmp_path, "teams/a/x.yaml", "teams/b/x.yaml")
    write_project(tmp_path, "teams/a/gatectl.yaml", "teams/b/gatectl.yaml")
    (finding,) = loading.load(Project(tmp_path, None, "p", (".",), {}, {}), [tmp_path], "default").findings
    assert finding.rule == "GW106"
    assert finding.hint == f"{tmp_path}/teams/a is a project of its own (and 1 more): --project {tmp_path}/teams/a"


def test_a_manifest_may_be_called_as_project_files_are(tmp_path: Path) -> None:
    write(tmp_path, "gatectl.yaml", "a.yaml", "other/gatectl.yaml", "other/b.yaml", "gatectl.yaml.d/c.yaml", "out.yaml")
    (tmp_path / "link").mkdir()
    (tmp_path / "link/gatectl.yaml").symlink_to("/etc/hostname")
    files = ["a.yaml", "gatectl.yaml", "gatectl.yaml.d/c.yaml", "other/b.yaml", "other/gatectl.yaml", "out.yaml"]
    assert read(tmp_path) == (files, [("GW101", "link/gatectl.yaml")])


@pytest.mark.parametrize(
    "text",
    [
        "kind: Project", "apiVersion: gatectl.io/v1\nkind:  'Project'\n", '{"apiVersion": "x", "kind": "Project"}',
        '{\n  "kind": "Project"\n}', "kind: Project\nspec: [", "# ours\r\nkind: Project\r\n",
    ],
)  # fmt: skip
def test_a_project_file_is_known_by_what_it_says_however_broken_it_is(text: str) -> None:
    assert sources.says_project(text.encode())


@pytest.mark.parametrize(
    "text", ["kind: Repository", "kind: Projects", "metadata: {name: x}\nspec:\n  kind: Project\n"]
)
def test_what_says_something_else_is_no_project_file(text: str) -> None:
    assert not sources.says_project(text.encode())


@pytest.mark.parametrize(
    "name", ["a.YAML", "a.Yml", "a.yAmL"],
)  # fmt: skip
def test_suffixes_count_in_any_case(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    assert read(tmp_path) == ([name], [])


@pytest.mark.parametrize(
    "name", ["a.json", "A.JSON", "b.yaml.bak", "b.yml~", "b.yaml.orig", "c.ymal", "d.yaml-old", "e.jsonc"]
)
def test_a_file_that_is_ours_and_is_not_read_is_told_and_exclude_silences_it(tmp_path: Path, name: str) -> None:
    write(tmp_path, "x.yaml")
    text = '{"apiVersion": "gatectl.io/v1",\n "kind": "Workspace", "metadata": {"name": "w"}}'
    (tmp_path / name).write_text(text)
    found = sources.read_manifests([tmp_path], tmp_path)
    assert [(f.rule, f.severity, f.place and f.place.file) for f in found.findings] == [
        ("GW108", "warning", str(tmp_path / name))
    ]
    assert sources.read_manifests([tmp_path], tmp_path, None, [Patterns(tmp_path, (name,))]).findings == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("schema.json", '{"properties": {"apiVersion": {"const": "gatectl.io/v1"}}}'),
        ("nested.json", '{"items": [{"apiVersion": "gatectl.io/v1", "kind": "Bucket"}]}'),
        ("project.json", '{"apiVersion": "gatectl.io/v1", "kind": "Project"}'),
        ("kubernetes.json", '{"apiVersion": "v1", "kind": "Pod"}'),
        ("broken.json", '{"apiVersion": "gatectl.io/v1", "kind": '),
        ("values.yaml.gotmpl", "a: {{ .b }}"),
        ("notes.txt", "apiVersion: gatectl.io/v1"),
    ],
)
def test_what_is_not_ours_is_passed_over_in_silence(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, "x.yaml")
    (tmp_path / name).write_text(text)
    assert read(tmp_path) == (["x.yaml"], [])


def test_a_folder_with_nothing_but_files_that_are_not_read_holds_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"apiVersion": "gatectl.io/v1", "kind": "Workspace"}')
    assert load(tmp_path) == [("GW106", "."), ("GW108", "a.json")]


def test_what_exclude_names_is_not_read_unless_it_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "compose.yaml", "charts/b.yaml", "x/charts/y/c.yaml", "x/d.yaml", "keep/compose.yaml")
    exclude = ("**/charts/**", "/compose.yaml", "x/*.yaml", "!x/d.yaml")

    def files(*paths: str) -> list[str]:
        found = sources.read_manifests(
            [tmp_path / path for path in paths], tmp_path, None, [Patterns(tmp_path, exclude)]
        )
        assert found.findings == []
        return [os.path.relpath(file.path, tmp_path) for file in found.files]

    assert files(".") == ["a.yaml", "keep/compose.yaml", "x/d.yaml"]
    assert files("compose.yaml", "keep") == ["compose.yaml", "keep/compose.yaml"]
    assert files("charts") == []


def test_what_two_exclude_is_what_both_name_wherever_they_say_it(tmp_path: Path) -> None:
    write(tmp_path, "p/a.yaml", "p/x/b.yaml", "p/x/c.yaml", "p/y/d.yaml", "p/z/e.yaml")
    mine, other = Patterns(tmp_path / "p", ("x/", "y/", "z/*")), Patterns(tmp_path, ("p/x/b.yaml", "/p/y/**", "/z/"))

    def files(*exclude: Patterns) -> list[str]:
        found = sources.read_manifests([tmp_path / "p"], tmp_path / "p", None, exclude)
        return [os.path.relpath(file.path, tmp_path / "p") for file in found.files]

    assert files(mine) == ["a.yaml"]
    assert files(other) == ["a.yaml", "x/c.yaml", "z/e.yaml"]
    assert files(mine, other) == files(other, mine) == ["a.yaml", "x/c.yaml", "z/e.yaml"]
    assert files(mine, Patterns(tmp_path, ())) == ["a.yaml", "x/b.yaml", "x/c.yaml", "y/d.yaml", "z/e.yaml"]


def test_a_folder_that_is_excluded_is_not_entered(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "locked/b.yaml")
    (tmp_path / "locked/c").symlink_to("/")
    found = sources.read_manifests([tmp_path], tmp_path, None, [Patterns(tmp_path, ("locked/",))])
    assert (len(found.files), found.findings) == (1, [])


def test_the_project_file_is_known_by_what_it_is_and_not_by_how_it_is_reached(tmp_path: Path) -> None:
    write(tmp_path, "real/a.yaml")
    write_project(tmp_path, "real/gatectl.yaml")
    (tmp_path / "link").symlink_to("real")
    assert read(tmp_path, "link", project_file=tmp_path / "real/gatectl.yaml") == (["link/a.yaml"], [])


def test_a_link_to_a_file_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "b.yaml")
    (tmp_path / "a.yaml").symlink_to("b.yaml")
    (tmp_path / "c.yaml").hardlink_to(tmp_path / "b.yaml")
    assert read(tmp_path) == (["a.yaml"], [])


def test_a_folder_reached_by_a_link_too_keeps_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, "m/real/a.yaml")
    (tmp_path / "m/a-link").symlink_to("real")
    (tmp_path / "m/z-link").symlink_to("real")
    assert read(tmp_path) == (["m/real/a.yaml"], [])


def test_a_folder_reached_by_links_only_has_the_name_of_the_first(tmp_path: Path) -> None:
    write(tmp_path, "shared/a.yaml")
    (tmp_path / "m").mkdir()
    (tmp_path / "m/two").symlink_to("../shared")
    (tmp_path / "m/one").symlink_to("../shared")
    assert read(tmp_path, "m") == (["m/one/a.yaml"], [])


def test_deep_folders_cost_no_more_each_than_shallow_ones(tmp_path: Path) -> None:
    def steps(depth: int) -> int:
        """How many steps (calls, of the system too) reading takes where folders are nested so deep."""
        top = tmp_path / str(depth)
        folder = top
        for _ in range(depth):
            folder /= "a"
            folder.mkdir(parents=True)
            (folder / "m.yaml").write_text("a: 1\n")
        seen = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal seen
            seen += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            read = sources.read_manifests([top], tmp_path)
        finally:
            sys.setprofile(None)
        assert len(read.files) == depth
        return seen

    assert steps(160) < 2.2 * steps(80)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    write(tmp_path, "a/b/c.yaml")
    (tmp_path / "a/b/up").symlink_to("..")
    (tmp_path / "a/self").symlink_to(".")
    (tmp_path / "a/x.yaml").symlink_to("y.yaml")
    (tmp_path / "a/y.yaml").symlink_to("x.yaml")
    assert read(tmp_path) == (["a/b/c.yaml"], [("GW101", "a/x.yaml"), ("GW101", "a/y.yaml")])


def test_a_link_out_of_the_project_is_gw101(tmp_path: Path) -> None:
    write(tmp_path, "out/a.yaml", "outside.yaml", "in/b.yaml")
    (tmp_path / "in/folder").symlink_to("../out")
    (tmp_path / "in/file.yaml").symlink_to("../outside.yaml")
    (tmp_path / "in/unimportant.txt").symlink_to("/etc/passwd")
    found = sources.read_manifests([tmp_path / "in"], tmp_path / "in")
    assert [Path(f.path).name for f in found.files] == ["b.yaml"]
    assert sorted((f.rule, Path(f.place.file).name) for f in found.findings if f.place) == [
        ("GW101", "file.yaml"), ("GW101", "folder"),
    ]  # fmt: skip


@pytest.mark.parametrize("what", ["fifo", "socket", "folder", "dangling", "device"])
def test_what_is_no_regular_file_is_gw101_and_does_not_block(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.yaml")
    path = tmp_path / "x.yaml"
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    if what == "fifo":
        os.mkfifo(path)
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("x.yaml")
    elif what == "dangling":
        path.symlink_to("nowhere.yaml")
    elif what == "device":
        path = Path("/dev/null")
    else:
        path.mkdir()
    names, findings = read(tmp_path, *([".", path] if what == "device" else ["."]))
    assert names == ["a.yaml"]
    assert [rule for rule, _ in findings] == ([] if what == "folder" else ["GW101"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_gw101(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "b/c.yaml", "d.yaml")
    (tmp_path / "a.yaml").chmod(0)
    (tmp_path / "b").chmod(0)
    names, findings = read(tmp_path)
    (tmp_path / "b").chmod(0o700)
    assert names == ["d.yaml"]
    assert sorted(findings) == [("GW101", "a.yaml"), ("GW101", "b")]


def test_a_path_that_is_not_there_is_gw106(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml")
    assert load(tmp_path, "a.yaml", "nope.yaml", "a.yaml/x") == [("GW106", "a.yaml/x"), ("GW106", "nope.yaml")]


def test_a_path_without_a_manifest_is_gw106(tmp_path: Path) -> None:
    write(tmp_path, "full/a.yaml")
    (tmp_path / "empty").mkdir()
    (tmp_path / "comments").mkdir()
    (tmp_path / "comments/a.yaml").write_text("# nothing\n---\n---\n")
    (tmp_path / "blank.yaml").write_text("")
    assert load(tmp_path, "full", "empty", "comments", "blank.yaml") == [
        ("GW106", "blank.yaml"), ("GW106", "comments"), ("GW106", "empty"),
    ]  # fmt: skip
    assert load(tmp_path) == [], "one manifest somewhere is enough for the folder above"


def test_a_path_whose_files_are_all_wrong_is_not_called_empty_too(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/a.yaml").write_text("a: [\n")
    assert load(tmp_path, "m") == [("GW102", "m/a.yaml")]
    os.mkfifo(tmp_path / "m/b.yaml")
    (tmp_path / "m/a.yaml").unlink()
    assert load(tmp_path, "m") == [("GW101", "m/b.yaml")]


def test_an_empty_file_beside_a_full_one_is_fine(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml")
    (tmp_path / "b.yaml").write_text("")
    assert load(tmp_path) == []


def test_standard_input_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((ONE % "a").encode())))
    found = sources.read_manifests(["-", "-"], tmp_path)
    assert [(f.path, f.content) for f in found.files] == [("-", (ONE % "a").encode())]


def test_a_name_that_is_not_utf_8_is_read_and_shown(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.yaml")).write_text("a: 1\n")
    assert load(tmp_path) == [("GW201", os.fsdecode(b"caf\xe9.yaml"))] * 2
