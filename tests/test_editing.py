"""Manifests are edited in their text, however they are written, and a patch of them is one that git takes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatectl.applying.saying import Wanted, data_of, value_at
from gatectl.manifests.editing import Changes, changed, edited, open_page, with_document, without_documents
from gatectl.manifests.parse import parse
from gatectl.manifests.patches import Changed, patch_text
from gatectl.model import ObjectKey, Pointer, SourceFile, State

LIST: Pointer = ("spec", "resources")
NEW = {"type": "S3", "bucket": "new", "folder": "a/b"}

LAYOUTS = {
    "in brackets": """\
spec:
  resources:
    # above a
    - {type: S3, bucket: a}  # of a
    # above b
    - {type: S3, bucket: b, folder: f}  # of b
    - {type: S3, bucket: c}  # of c
""",
    "in lines": """\
spec:
  resources:
  - type: S3
    bucket: a # of a
  # above b
  - folder: f
    type: S3
    bucket: b # of b
  -   type: S3
      bucket: c # of c
""",
    "all in brackets": "spec: {resources: [{type: S3, bucket: a}, {type: S3, bucket: b, folder: f}, {type: S3, bucket: c}]}\n",
    "brackets over lines": """\
spec:
  resources: [
    {type: S3, bucket: a}, # of a
    {type: S3, bucket: b, folder: f}, # of b
    {type: S3, bucket: c} # of c
  ]
""",
    "with a last comma": """\
spec:
  resources: [
    {type: S3, bucket: a}, # of a
    {type: S3, bucket: b, folder: f}, # of b
    {type: S3, bucket: c},
  ]
""",
    "JSON": """\
{"spec": {"resources": [
  {
    "type": "S3",
    "bucket": "a"
  },
  {
    "type": "S3",
    "bucket": "b",
    "folder": "f"
  },
  {"type": "S3", "bucket": "c"}
]}}
""",
    "dashes alone": """\
spec:
  resources:
    -
      type: S3
      bucket: a
    -
      type: S3
      bucket: b
      folder: f
    - type: S3
      bucket: c
""",
    "texts of several lines": """\
spec:
  resources:
    - type: S3
      bucket: a
    - type: S3
      bucket: b
      folder: >-
        f
    - type: S3
      bucket: |-
        c
""",
    "quoted": """\
'spec':
  "resources":
    - 'type': 'S3'
      'bucket': 'a'
    - {'type': 'S3', 'bucket': 'b', 'folder': 'f'}
    - {type: S3, bucket: c}

""",
}


def entries(gone: Sequence[int] = (), new: Sequence[Mapping[str, Any]] = ()) -> Changes:
    return Changes({}, frozenset(), {LIST: (frozenset(gone), new)})


CHANGES = {
    "the first goes": entries([0]),
    "one between goes": entries([1]),
    "the last goes": entries([2]),
    "the first two go": entries([0, 1]),
    "the last two go": entries([1, 2]),
    "all go": entries([0, 1, 2]),
    "all go and one comes": entries([0, 1, 2], [NEW]),
    "two come": entries((), [NEW, NEW]),
    "the last goes and one comes": entries([2], [NEW]),
    "a field goes": Changes({}, frozenset([(*LIST, 1, "folder")])),
    "a field is changed": Changes({(*LIST, 1, "folder"): "x y: # '\""}),
    "all at once": Changes({(*LIST, 1, "folder"): "xy"}, frozenset(), {LIST: (frozenset([0]), [NEW])}),
    "fields come": Changes({(*LIST, 2, "master"): True, (*LIST, 2, "folder"): "q", ("spec", "mode"): "yes"}),
    "all that comes": Changes(
        {(*LIST, 2, "folder"): "q", ("spec", "mode"): "z"}, frozenset(), {LIST: (frozenset(), [NEW])}
    ),
    "a value that looks like another": Changes({(*LIST, 2, "bucket"): "1e3"}),
}


def applied(data: Any, changes: Changes) -> Any:
    for pointer, value in changes.fields.items():
        value_at(data, pointer[:-1])[pointer[-1]] = value  # type: ignore[index]
    for pointer in changes.dropped:
        del value_at(data, pointer[:-1])[pointer[-1]]  # type: ignore[attr-defined]
    for pointer, (gone, new) in changes.lists.items():
        items: Any = value_at(data, pointer)
        items[:] = [*(each for at, each in enumerate(items) if at not in gone), *new]
    return data


def texts(layout: str) -> Sequence[str]:
    """The layout as a file, and as one of two documents of a file without a last line end."""
    text = LAYOUTS[layout]
    return (text, text.replace("\n", "\r\n"), f"{text}---\nlast: 1", f"first: 1\n---\n{text}".rstrip("\n"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("what", CHANGES)
def test_a_document_holds_what_it_is_to_hold_and_the_remarks_of_what_stays(layout: str, what: str) -> None:
    for text in texts(layout):
        file = SourceFile("all.yaml", text.encode())
        before = [document.data for document in parse(file).documents]
        number = next(at for at, data in enumerate(before) if "spec" in data)
        content = edited(page := open_page(file), list(changed(page, number, CHANGES[what])))
        assert content is not None
        parsed = parse(file._replace(content=content))
        before[number] = applied(before[number], CHANGES[what])
        assert not parsed.findings and [document.data for document in parsed.documents] == before, content
        gone = CHANGES[what].lists.get(LIST, (frozenset(), ()))[0]
        for at, remark in enumerate((b"# of a", b"# of b", b"# of c")):
            assert at in gone or remark not in file.content or remark in content, content


DOCUMENTS = "# of the file\n\n# of a\na: 1 # a\n---\n# of b\nb: 1\n--- # of c\nc: 1\n...\n---\nd: 1"


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ([0], "# of the file\n\n# of b\nb: 1\n--- # of c\nc: 1\n...\n---\nd: 1"),
        ([1], "# of the file\n\n# of a\na: 1 # a\n--- # of c\nc: 1\n...\n---\nd: 1"),
        ([3], "# of the file\n\n# of a\na: 1 # a\n---\n# of b\nb: 1\n--- # of c\nc: 1\n...\n"),
        ([0, 1, 2], "# of the file\n\nd: 1"),
        ([1, 2, 3], "# of the file\n\n# of a\na: 1 # a\n"),
    ],
)
def test_a_document_goes_with_its_dashes_and_its_remarks(gone: Sequence[int], left: str) -> None:
    page = open_page(SourceFile("all.yaml", DOCUMENTS.encode()))
    assert edited(page, without_documents(page, gone)) == left.encode()


def test_what_is_said_to_an_editor_stays_unless_the_next_document_says_it_too() -> None:
    line = "# yaml-language-server: $schema=s.json\n"
    for next_line in (line, "# of b\n"):
        page = open_page(SourceFile("all.yaml", f"{line}# of a\na: 1\n---\n{next_line}b: 1\n".encode()))
        left = edited(page, without_documents(page, [0]))
        assert left == (line + next_line.removeprefix(line) + "b: 1\n").encode()


@pytest.mark.parametrize(
    ("text", "whole"),
    [("a: 1\n", "a: 1\n---\nb: 1\n"), ("a: 1", "a: 1\n---\nb: 1\n"), ("a: 1\r\n", "a: 1\r\n---\r\nb: 1\r\n")],
)
def test_a_document_comes_to_the_end_with_the_line_ends_of_its_file(text: str, whole: str) -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        page = open_page(SourceFile("all.yaml", mark + text.encode()))
        assert edited(page, [with_document(page, "b: 1\n", first=False)]) == mark + whole.encode()


lines = st.lists(st.sampled_from(("---", "kind: Bucket", "a: 1", "b: 2", "", "c")), max_size=30)
ends = st.sampled_from(("\n", "\r\n", "\r"))
names = st.sampled_from(("a.yaml", "b c.yaml", 'q"\\.yaml', "ü/d.yaml", "t\tb.yaml"))


@given(lines, lines, st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_git_makes_of_the_files_before_what_they_are_after(
    tmp_path: Path, one: list[str], other: list[str], data: st.DataObject
) -> None:
    name, end = data.draw(names), data.draw(ends)
    cut = data.draw(st.integers(0, len(one)))
    before = data.draw(st.sampled_from((None, end.join(one), end.join([*one, ""]))))
    after = data.draw(st.sampled_from((None, end.join([*one[:cut], *other[:4], *one[cut + 2 :]]), end.join(other))))
    path = tmp_path / name
    if before is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(before.encode())
    patch = patch_text([Changed(name, *(text.encode() if text is not None else None for text in (before, after)))])
    if patch:
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
        done = subprocess.run(["git", "apply"], cwd=tmp_path, input=patch, capture_output=True, check=False)
        assert done.returncode == 0, (done.stderr, patch)
    assert (path.read_bytes().decode() if path.is_file() else None) == after
    path.unlink(missing_ok=True)


def test_a_long_file_with_many_changes_is_compared_at_once() -> None:
    """All between two lines that are there once; what has none such is said to be changed as a whole."""
    long = b"".join(b"name: %d\nregion: a\n---\n" % number for number in range(20_000))
    patch = patch_text([Changed("a.yaml", long, long.replace(b"1\nregion: a", b"1\nregion: b"))])
    assert patch.count(b"\n+region: b\n") == patch.count(b"\n-region: a\n") == 2_000
    alike = b"x\n" * 3_000
    assert patch_text([Changed("a.yaml", alike, alike + b"y\n" + alike)]).count(b"\n-") <= 3_001


def test_a_new_manifest_names_an_api_key_without_the_id_that_it_had() -> None:
    key = ObjectKey("LLM", "default", "gpt")
    state = State({"name": "gpt", "provider": "OpenAI", "endpoint": ""})
    wanted = Wanted(key, frozenset(("gpt",)), None, state, {"apiKey": "prod", "id": "k-1"}, True)
    assert data_of(wanted, "manifests") == {
        "apiVersion": "gatectl.io/v1",
        "kind": "LLM",
        "metadata": {"name": "gpt", "workspace": "default"},
        "spec": {"provider": "OpenAI", "credentials": {"apiKey": "prod"}},
    }
