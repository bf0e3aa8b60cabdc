"""The patch of an undo makes the manifests say what was before the run: taken by git as it is, and a plan after both is empty."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, assume, event, given, settings
from hypothesis import strategies as st

import gatectl
from cli.conftest import Shell, shell
from gatectl.manifests.writing import manifest_text
from records.test_undo import PROJECT
from sites import VARIABLES, Manifest, Site, bucket, entry, repository
from strategies import Case, cases

__all__ = ["shell"]  # pytest finds the fixture here


def git(folder: Path, *words: str, stdin: bytes | None = None) -> bytes:
    done = subprocess.run(["git", *words], cwd=folder, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, (words, done.stderr, stdin)
    return done.stdout


def block(value: Any, indent: str = "") -> Iterator[str]:
    """A manifest with a line for each field and entry, and a remark behind some."""
    if isinstance(value, dict):
        for number, (name, inner) in enumerate(value.items()):
            if isinstance(inner, (dict, list)) and inner:
                yield f"{indent}{name}:"
                yield from block(inner, indent + "  ")
            else:
                yield f"{indent}{name}: {json.dumps(inner)}{'  # as it is' if number % 2 else ''}"
    else:
        for item in value:
            lines = list(block(item, indent + "  "))
            yield f"{indent}- {lines[0].lstrip()}"
            yield from lines[1:]


STYLES = {
    "exported": manifest_text,
    "in lines": lambda document: "\n".join(block(document)) + "\n",
    "JSON": lambda document: json.dumps(document) + "\n",
    "JSON in lines": lambda document: json.dumps(document, indent=2) + "\n",
}


@st.composite
def files_of(draw: st.DrawFn, documents: Sequence[Manifest]) -> dict[str, bytes]:
    """The manifests in a few files, each in some style, with the ends of lines and of files that there are."""
    texts: dict[str, list[str]] = {}
    for number, document in enumerate(documents):
        name = draw(st.sampled_from(("a.yaml", "b/c d.yml")))
        text = STYLES[draw(st.sampled_from(sorted(STYLES)))](document)
        texts.setdefault(name, []).append(f"# remark {number}\n{text}")
    files = {}
    for name, written in texts.items():
        text = draw(st.sampled_from(("", "---\n"))) + "---\n".join(written)
        text = text.rstrip("\n") if draw(st.booleans()) else text
        text = text.replace("\n", draw(st.sampled_from(("\n", "\r\n"))))
        files[name] = draw(st.sampled_from((b"", b"\xef\xbb\xbf"))) + text.encode()
    return files


@st.composite
def altered(draw: st.DrawFn, documents: Sequence[Manifest]) -> list[Manifest]:
    """Some of the manifests, with other fields, names and entries."""
    kept = copy.deepcopy(draw(st.lists(st.sampled_from(documents), min_size=1, unique_by=repr)))
    for document in kept:
        kind, metadata, spec = document["kind"], document["metadata"], document.get("spec", {})
        if kind in ("Bucket", "LLM"):
            spec.update(draw(st.sampled_from(({}, {"endpoint": "https://new.example.com/a"}, {"endpoint": ""}))))
            if draw(st.booleans()) and "id" not in metadata:
                metadata["renamedFrom"], metadata["name"] = metadata["name"], f"{metadata['name']} new"
                call(kept, metadata)
        elif kind == "Repository" and spec.get("resources") and draw(st.booleans()):
            spec["attachmentPolicy"] = "Exact"
            spec["resources"] = [each for each in spec["resources"] if each.get("master") or draw(st.booleans())]
    return kept


def call(documents: Sequence[Manifest], metadata: dict[str, Any]) -> None:
    """Let what attaches a bucket or an LLM name it as it is called now."""
    old, new = metadata["renamedFrom"], metadata["name"]
    for document in documents:
        if document["metadata"].get("workspace") == metadata.get("workspace"):
            for each in document.get("spec", {}).get("resources") or ():
                for field in ("label", "name"):
                    if each.get(field) == old:
                        each[field] = new


def put(folder: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder / "manifests", ignore_errors=True)
    for name, content in files.items():
        path = folder / "manifests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@given(cases(), st.data())
@settings(max_examples=15, phases=(Phase.explicit, Phase.generate))
def test_once_an_undo_and_its_patch_are_applied_a_plan_is_empty(case: Case, data: st.DataObject) -> None:
    folder = Path(tempfile.mkdtemp(prefix="gatectl-property-"))
    try:
        case.fill(Site(folder))
        (folder / "gatectl.yaml").write_text(json.dumps(PROJECT))
        git(folder, "init", "-q")
        put(folder, data.draw(files_of(case.manifests)))
        with gatectl.open(folder) as estate:
            prune = data.draw(st.booleans())
            if prune:
                first = estate.plan()
                assume(first.valid and estate.apply(first, secrets=VARIABLES).converged)
                put(folder, data.draw(files_of(data.draw(altered(case.manifests)))))
            plan = estate.plan(prune=prune)
            assume(plan.valid and plan.operations)
            run = estate.apply(plan, secrets=VARIABLES).document["run"]
            undo, patch = estate.undo(run), estate.undo_patch(run)
            if patch.content:
                git(folder, "apply", "--check", "-", stdin=patch.content)
                git(folder, "apply", "-", stdin=patch.content)
            left = undo.document["undoes"].get("left", ())
            assert estate.apply(undo, secrets=VARIABLES, keep_going=bool(left)).converged
            missed = {f"{i['kind']} {i['workspace']}/{i['name']}" for i in left}
            again = estate.plan(prune=prune, allow_empty=prune)
            event(f"{sorted({op['action'] for op in undo.operations})}")
            event(f"{len(patch.untold)} untold, {bool(missed)} missed, valid {again.valid}, emptied {patch.emptied}")
            if again.valid:
                rest = {f"{op['kind']} {op['workspace']}/{op['name']}" for op in again.operations} - missed
                told = "\n".join(patch.untold).lower()  # what is renamed in case alone is told by one of its names
                assert {name for name in rest if name.lower() not in told} == set(), patch
            else:
                assert patch.untold or missed or patch.emptied, again.findings
            assert patch.untold or missed or not estate.undo_patch(run).content
    finally:
        shutil.rmtree(folder)


# What is written


MANIFESTS = """\
# yaml-language-server: $schema=manifest.schema.json

# where the logs go
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: logs}   # the label
spec:
  type: S3
  bucket: 'logs'         # since 2019
  credentials: {key: {env: KEY}, secret: {env: SECRET}}
---
# what the shops read
apiVersion: gatectl.io/v1
kind: Repository
metadata:
  name: orders
spec:
  endpointType: S3
  attachmentPolicy: Exact
  resources:
    # the oldest
    - {type: S3, bucket: logs}   # all of it
"""

GPT = """\
---
# for the assistant
apiVersion: gatectl.io/v1
kind: LLM
metadata: {name: gpt}
spec: {provider: OpenAI, endpoint: "https://a.example.com/v1", credentials: {key: {env: KEY}, secret: {env: SECRET}}}
"""


def start(shell: Shell, text: str = MANIFESTS + GPT) -> None:
    """A project under git whose manifests are applied and committed."""
    shell.write("gatectl.yaml", json.dumps(PROJECT))
    shell.write(".gitignore", "*.patch\n.gatectl/\n")
    (shell.folder / "manifests").mkdir()
    (shell.folder / "manifests/all.yaml").write_bytes(text.encode())
    assert shell("apply", "--yes").code == 0
    git(shell.folder, "init", "-q")
    commit(shell)


def commit(shell: Shell) -> None:
    git(shell.folder, "add", "-A")
    git(shell.folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "now")


def change(shell: Shell, old: str, new: str, *, file: str = "manifests/all.yaml") -> None:
    path = shell.folder / file
    content = path.read_bytes()
    assert old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode()))


def undone(shell: Shell, *options: str) -> str:
    """What is said of an undo of the last run, once it and its patch are applied and a plan is empty."""
    done = shell("undo", "last", "--yes", "--patch", "undo.patch", *options)
    assert done.code == 0, done.err
    git(shell.folder, "apply", "--check", "undo.patch")
    git(shell.folder, "apply", "undo.patch")
    again = shell("plan", "--detailed-exitcode")
    assert again.code == 0, again.out
    return done.err


def test_what_a_run_changed_in_place_is_changed_back_and_comments_stay(shell: Shell) -> None:
    start(shell)
    change(
        shell, "  bucket: 'logs'         # since 2019\n", "  bucket: 'logs'         # since 2019\n  region: eu-west-1\n"
    )
    change(shell, "https://a.example.com/v1", "https://b.example.com/v1")
    change(
        shell,
        "    - {type: S3, bucket: logs}   # all of it\n",
        "    - {type: S3, bucket: logs}   # all of it\n    - {type: S3, bucket: more, folder: a}\n",
    )
    more = "---\n" + manifest_text(bucket("more", ("S3", "more")))
    path = shell.folder / "manifests/all.yaml"
    path.write_bytes(path.read_bytes() + more.encode())
    assert shell("apply", "--yes").code == 0
    commit(shell)
    said = undone(shell)
    assert path.read_text() == MANIFESTS + GPT
    assert "patch saved: git apply undo.patch; until that is applied" in said and "warning" not in said


def test_a_value_is_written_in_the_style_of_the_one_before(shell: Shell) -> None:
    start(shell)
    for old, new in (("a.example.com", "b.example.com"), ('"https', "'https"), ('/v1"', "/v1'")):
        change(shell, old, new)
    assert shell("apply", "--yes").code == 0
    undone(shell)
    assert "endpoint: 'https://a.example.com/v1'," in (shell.folder / "manifests/all.yaml").read_text()


def test_what_a_run_deleted_comes_back_into_its_file(shell: Shell) -> None:
    start(shell, GPT.removeprefix("---\n"))
    shell.write("manifests/rest.yaml", MANIFESTS.rstrip("\n").replace("\n", "\r\n"))
    assert shell("apply", "--yes").code == 0
    (shell.folder / "manifests/rest.yaml").unlink()
    shell.write("manifests/rest.yaml", "apiVersion: gatectl.io/v1\r\nkind: Workspace\r\nmetadata: {name: default}")
    assert shell("apply", "--prune", "--yes").code == 0
    commit(shell)
    undone(shell)
    content = (shell.folder / "manifests/rest.yaml").read_bytes()
    assert content.startswith(b"apiVersion: gatectl.io/v1\r\nkind: Workspace\r\nmetadata: {name: default}\r\n---\r\n")
    assert b"  credentials: {key: {env: KEY}, secret: {env: SECRET}}\r\n" in content
    assert b"    - {type: S3, bucket: logs}\r\n" in content and b"\n" not in content.replace(b"\r\n", b"")


def test_a_file_that_is_gone_is_written_again_and_one_in_which_nothing_is_left_goes(shell: Shell) -> None:
    start(shell)
    shell.write("manifests/more here/ä.yaml", manifest_text(bucket("more", ("S3", "more"))))
    assert shell("apply", "--yes").code == 0
    commit(shell)
    undone(shell)
    assert not (shell.folder / "manifests/more here").exists()
    git(shell.folder, "apply", "-R", "undo.patch")
    assert shell("apply", "--yes").code == 0
    (shell.folder / "manifests/more here/ä.yaml").unlink()
    assert shell("apply", "--prune", "--yes").code == 0
    undone(shell)
    assert "bucket: more" in (shell.folder / "manifests/more here/ä.yaml").read_text()


def test_a_patch_can_be_had_after_the_undo_too(shell: Shell) -> None:
    start(shell)
    change(shell, "https://a.example.com", "https://b.example.com")
    text = (shell.folder / "manifests/all.yaml").read_text()
    shell.write("manifests/more.yaml", manifest_text(bucket("more", ("S3", "more"))))
    assert shell("apply", "--yes").code == 0
    run = shell("history", "--format", "json").json["runs"][0]["run"]
    done = shell("undo", run, "--yes")
    assert done.code == 0 and "--patch FILE saves their change" in done.err
    assert (shell.folder / "manifests/all.yaml").read_text() == text
    assert shell("undo", run, "--patch", "undo.patch").code == 0
    git(shell.folder, "apply", "undo.patch")
    assert shell("plan", "--detailed-exitcode").code == 0
    assert (shell.folder / "manifests/all.yaml").read_text() == MANIFESTS + GPT
    empty = shell("undo", run, "--patch", "undo.patch")
    assert "the patch is empty: no manifest says what the run did" in empty.err
    assert (shell.folder / "undo.patch").read_bytes() == b""


def test_another_name_is_taken_back_where_it_is_named_too(shell: Shell) -> None:
    assistant = manifest_text(repository("assistant", [entry("LLM", "gpt")], "OpenAI"))
    start(shell, MANIFESTS + GPT + "---\n" + assistant)
    change(shell, "metadata: {name: gpt}", "metadata: {name: gpt-4, renamedFrom: gpt}")
    change(shell, "{type: LLM, name: gpt}", "{type: LLM, name: gpt-4}")
    assert shell("apply", "--yes").code == 0
    undone(shell)
    assert (shell.folder / "manifests/all.yaml").read_text() == MANIFESTS + GPT + "---\n" + assistant


def test_what_keeps_its_name_is_named_by_it_still(shell: Shell) -> None:
    """The manifest of what was renamed cannot be edited, so what attaches it stays as it is, too."""
    assistant = manifest_text(repository("assistant", [entry("LLM", "gpt")], "OpenAI"))
    start(
        shell, GPT.removeprefix("---\n").replace("metadata: {name: gpt}", "metadata: {name: &n gpt, labels: {n: *n}}")
    )
    shell.write("manifests/assistant.yaml", assistant)
    assert shell("apply", "--yes").code == 0
    change(shell, "{name: &n gpt, labels: {n: *n}}", "{name: &n gpt-4, labels: {n: *n}, renamedFrom: gpt}")
    change(shell, "name: gpt}", "name: gpt-4}", file="manifests/assistant.yaml")
    assert shell("apply", "--yes").code == 0
    done = shell("undo", "last", "--patch", "undo.patch")
    assert "LLM default/gpt is not in the patch" in done.err and (shell.folder / "undo.patch").read_bytes() == b""


def test_what_cannot_be_edited_alone_is_left_and_said_with_what_to_write(shell: Shell) -> None:
    """The value is an anchor that a label means too, which would change with it."""
    text = GPT.removeprefix("---\n").replace("metadata: {name: gpt}", "metadata: {name: gpt, labels: {at: &at x}}")
    start(shell, text.replace('"https://a.example.com/v1"', "*at").replace("&at x", '&at "https://a.example.com/v1"'))
    change(shell, "https://a.example.com", "https://b.example.com")
    shell.write("manifests/more.yaml", manifest_text(bucket("more", ("S3", "more"))))
    assert shell("apply", "--yes").code == 0
    done = shell("undo", "last", "--patch", "undo.patch")
    assert done.code == 0
    assert (
        "warning: manifests/all.yaml:2: LLM default/gpt is not in the patch: its text is written in a way that cannot be edited;"
        ' by hand: write spec.endpoint: "https://a.example.com/v1"\n' in done.err
    )
    patch = (shell.folder / "undo.patch").read_text()
    assert "manifests/more.yaml" in patch and "all.yaml" not in patch


def test_an_object_of_two_documents_is_left_and_one_that_would_be_a_mistake(shell: Shell) -> None:
    start(shell)
    change(shell, "https://a.example.com", "https://b.example.com")
    change(shell, "    - {type: S3, bucket: logs}   # all of it\n", "    []\n")
    assert shell("apply", "--yes").code == 0
    shell.write("manifests/again.yaml", GPT)
    shell.write("manifests/others.yaml", manifest_text(repository("others", [entry("S3", "logs")])))
    done = shell("undo", "last", "--patch", "undo.patch")
    assert done.code == 0
    two = "again.yaml:3: LLM default/gpt is not in the patch: 2 documents speak of it; by hand: let one do so, and ask again"
    assert f"warning: manifests/{two}\n" in done.err
    mistake = "all.yaml:13: Repository default/orders is not in the patch: it would be a mistake:"
    assert f"warning: manifests/{mistake}" in done.err
    assert "(GW404); by hand: add {type: S3, bucket: logs} to spec.resources\n" in done.err
    assert "the patch is empty: what is to change is not in it" in done.err


def test_a_patch_is_for_the_top_of_the_checkout_and_names_what_links_lead_to(shell: Shell) -> None:
    start(shell, GPT)
    top = shell.folder.parent
    shutil.rmtree(shell.folder / ".git")
    git(top, "init", "-q")
    (shell.folder / "kept").mkdir()
    (shell.folder / "manifests/all.yaml").rename(shell.folder / "kept/gpt.yaml")
    (shell.folder / "manifests/all.yaml").symlink_to("../kept/gpt.yaml")
    change(shell, "https://a.example.com", "https://b.example.com", file="kept/gpt.yaml")
    assert shell("apply", "--yes").code == 0
    done = shell("undo", "last", "--yes", "--patch", "undo.patch")
    assert f"git -C {top} apply {shell.folder}/undo.patch" in done.err
    git(top, "apply", str(shell.folder / "undo.patch"))
    assert (shell.folder / "kept/gpt.yaml").read_text() == GPT
    assert shell("plan", "--detailed-exitcode").code == 0


def test_without_git_patch_takes_it_from_the_project_folder(shell: Shell) -> None:
    start(shell)
    shutil.rmtree(shell.folder / ".git")
    change(shell, "https://a.example.com", "https://b.example.com")
    shell.write("manifests/more.yaml", manifest_text(bucket("more", ("S3", "more"))))
    assert shell("apply", "--yes").code == 0
    done = shell("undo", "last", "--yes", "--patch", "undo.patch")
    assert "patch saved: patch -p1 < undo.patch;" in done.err
    if shutil.which("patch") is None:
        pytest.skip("there is no program patch here")
    subprocess.run(["patch", "-s", "-p1", "-i", "undo.patch"], cwd=shell.folder, check=True)
    assert shell("plan", "--detailed-exitcode").code == 0
    assert (shell.folder / "manifests/all.yaml").read_text() == MANIFESTS + GPT
    assert not (shell.folder / "manifests/more.yaml").exists()


def test_a_patch_is_printed_alone_or_saved_for_its_owner(shell: Shell) -> None:
    start(shell)
    change(shell, "https://a.example.com", "https://b.example.com")
    assert shell("apply", "--yes").code == 0
    assert shell("undo", "last", "--patch", "undo.patch").code == 0
    assert (shell.folder / "undo.patch").stat().st_mode & 0o777 == 0o600
    printed = shell.process("undo", "last", "--patch", "-", "--format", "json=undo.json")
    assert printed.out.encode() == (shell.folder / "undo.patch").read_bytes() and "patch: git apply -" in printed.err
    assert json.loads((shell.folder / "undo.json").read_text())["operations"]
    assert shell("undo", "last", "--patch", "-", "--format", "json").code == 64
    assert shell("undo", "last", "--patch", "-", "--yes").code == 64
    assert shell("undo", "last", "--patch", "undo.patch", "--out", "undo.patch").code == 64
    (shell.folder / "out.patch").symlink_to(shell.folder.parent / "elsewhere")
    assert shell("undo", "last", "--patch", "out.patch").code == 1
    assert not (shell.folder.parent / "elsewhere").exists()


def test_where_the_patch_leaves_no_manifest_that_is_said(shell: Shell) -> None:
    start(shell)
    done = shell("undo", "last", "--yes", "--patch", "undo.patch")
    assert done.code == 0 and "no manifest is left by it" in done.err
    git(shell.folder, "apply", "undo.patch")
    assert not (shell.folder / "manifests/all.yaml").exists()
    assert shell("plan", "--prune", "--allow-empty", "--detailed-exitcode").code == 0


def test_credentials_in_files_are_named_from_where_the_manifest_is(shell: Shell) -> None:
    start(shell)
    shell.write("secrets/key", "k")
    keyed = bucket("more", ("S3", "more"), {"key": {"file": "../../secrets/key"}, "secret": {"env": "SECRET"}})
    shell.write("manifests/deep/more.yaml", manifest_text(keyed))
    assert shell("apply", "--yes").code == 0
    (shell.folder / "manifests/deep/more.yaml").unlink()
    assert shell("apply", "--prune", "--yes").code == 0
    undone(shell)
    assert 'key: {file: "../../secrets/key"}' in (shell.folder / "manifests/deep/more.yaml").read_text()


def test_a_program_gets_the_patch_of_files_in_memory() -> None:
    files = {"gatectl.yaml": json.dumps(PROJECT), "manifests/a.yaml": manifest_text(bucket("more", ("S3", "more")))}
    with gatectl.open(files) as estate:
        run = estate.apply(secrets=VARIABLES).document["run"]
        patch = estate.undo_patch(run)
    assert patch.content.startswith(b"diff --git a/manifests/a.yaml b/manifests/a.yaml\ndeleted file mode 100644\n")
    assert patch.untold == () and patch.emptied
