"""Bytes become documents: YAML 1.2 core scalars, and a finding with a place for everything that is not allowed."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatectl import rules
from gatectl.kinds import KINDS
from gatectl.manifests import desired, sources, validate
from gatectl.manifests.nodes import MAX_BYTES
from gatectl.manifests.parse import Parsed, parse
from gatectl.manifests.places import locate
from gatectl.model import Desired, Finding, Place, SourceFile, Spot

FILE = "/project/a.yaml"


def read(content: bytes | str) -> Parsed:
    return parse(SourceFile(FILE, content.encode() if isinstance(content, str) else content))


def data(content: bytes | str) -> Any:
    documents, findings = read(content)
    assert findings == []
    assert len(documents) == 1
    return documents[0].data


def found(content: bytes | str) -> list[tuple[str, str, tuple[int, ...]]]:
    findings = locate(read(content).findings)
    return [(f.rule, f.message, f.place[1:] if f.place else ()) for f in findings]


def rules_of(content: bytes | str) -> list[str]:
    return [rule for rule, _, _ in found(content)]


# --- scalars -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("off", "off"), ("y", "y"),
        ("2024-01-01", "2024-01-01"), ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"), ("1:20", "1:20"),
        ("1_000", "1_000"), ("0b1", "0b1"), ("0X1F", "0X1F"), ("-0o17", "-0o17"), ("tRUE", "tRUE"), ("nuLL", "nuLL"),
        ("1.2.3", "1.2.3"), ("1e", "1e"), ("+", "+"), (".", "."), ("0x", "0x"), ("0o8", "0o8"),
        ("=", "="), ("a#b", "a#b"), ("٣", "٣"), ("1२", "1२"),
    ],
)  # fmt: skip
def test_what_yaml_1_2_does_not_name_is_a_string(text: str, value: str) -> None:
    assert data(f"a: {text}\n") == {"a": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
        ("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None),
        ("0", 0), ("12", 12), ("012", 12), ("+12", 12), ("-12", -12), ("0o17", 15), ("0x1F", 31), ("0xff", 255),
        ("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("-.5", -0.5), ("1e3", 1000.0), ("1.5E-2", 0.015),
        (".inf", math.inf), ("-.inf", -math.inf), ("+.Inf", math.inf), (".INF", math.inf), ("1e999999", math.inf),
    ],
)  # fmt: skip
def test_core_scalars_have_their_values(text: str, value: Any) -> None:
    got = data(f"a: {text}\n")["a"]
    assert got == value
    assert type(got) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(data("a: .nan\n")["a"])


@pytest.mark.parametrize("text", ["true", "12", "~", ".inf", "0x1F", "<<"])
def test_quoted_scalars_are_strings_whatever_they_look_like(text: str) -> None:
    assert data(f"a: '{text}'\nb: \"{text}\"\nc: |-\n  {text}\n") == {"a": text, "b": text, "c": text}


def test_core_tags_are_honoured() -> None:
    text = "a: !!str 12\nb: !!int 12\nc: !!float 1\nd: !!bool true\ne: !!null ~\nf: !!map {a: !!seq [1]}\n"
    assert data(text) == {"a": "12", "b": 12, "c": 1.0, "d": True, "e": None, "f": {"a": [1]}}


def test_a_number_of_up_to_a_thousand_digits_is_read_and_a_longer_one_is_not() -> None:
    assert data("a: " + "9" * 1000)["a"] == int("9" * 1000)
    (finding,) = found("a: " + "9" * 1001)
    assert finding == ("GW105", "a number of more than 1,000 digits", (1, 4, 1, 1005))


# --- documents ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# only a comment\n", b"---\n---\n...\n", b"---\n~\n--- null\n"])
def test_empty_documents_are_skipped(content: bytes) -> None:
    assert read(content) == Parsed([], [])


def test_documents_know_where_they_begin() -> None:
    documents, findings = read("# one\na: 1\n...\n%YAML 1.2\n---\n---\n  b: 2\n--- {c: 3}\n")
    assert findings == []
    assert [(d.number, d.line, d.column, d.data) for d in documents] == [
        (0, 2, 1, {"a": 1}), (2, 7, 3, {"b": 2}), (3, 8, 5, {"c": 3}),
    ]  # fmt: skip


def test_a_byte_order_mark_moves_no_column() -> None:
    assert data(b"\xef\xbb\xbfa: 1\n") == {"a": 1}
    assert found(b"\xef\xbb\xbfa: {b: 1, b: 2}\n")[0][2] == (1, 11, 1, 12)
    assert found(b"\xef\xbb\xbfa: \x07\n")[0][2] == (1, 4, 1, 5)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_line_counts_as_one(end: str) -> None:
    assert data(f"a: 1{end}b: 2{end}") == {"a": 1, "b": 2}
    assert found(f"a: 1{end}b: 2{end}a: 3{end}")[0][2] == (3, 1, 3, 2)
    assert found(f"a: 1{end}b: 2{end}c: \x07{end}")[0][2] == (3, 4, 3, 5)


def test_columns_count_characters_and_not_bytes() -> None:
    assert found("{é😀: 1, é😀: 2}\n")[0][2] == (1, 9, 1, 11)


# --- GW101: not UTF-8 --------------------------------------------------------------------------------------------------


def test_latin_1_is_gw101_at_its_first_odd_byte() -> None:
    assert found(b"a: 1\nname: vid\xe9o\n") == [
        ("GW101", "the file is not UTF-8: byte 0xe9 is not text", (2, 10, 2, 11))
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_an_error_with_a_hint_that_says_what_to_do(encoding: str) -> None:
    bom = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    (finding,) = read(bom + "a: 1\n".encode(encoding)).findings
    assert (finding.rule, finding.hint) == ("GW101", "save it as UTF-8")


def test_utf_16_without_a_mark_is_an_error_too() -> None:
    assert rules_of("a: 1\n".encode("utf-16-le")) == ["GW102"]


# --- GW102: syntax -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        ("a: [1, 2\nb: 3\n", (1, 4, 1, 5), "'[' is opened here and not closed (noticed in line 2)"),
        ("a: [{b: 1} {c: 2}]\n", (1, 12, 1, 13), "did not find expected"),
        ("a: b: c\n", (1, 5, 1, 6), "mapping values are not allowed"),
        ("a: 'b\n", (1, 4, 1, 5), "a quote is opened here and not closed (noticed in line 2)"),
        ('a: "\\q"\n', (1, 5, 1, 6), "unknown escape character"),
        ("a: *nope\n", (1, 4, 1, 5), "undefined alias"),
        ("a: &x 1\nb: &x 2\n", (2, 4, 2, 5), "an anchor of this name is given before"),
        ("%YAML 2.0\n---\na: 1\n", (1, 1, 1, 2), "incompatible YAML document"),
        ("a: \x00\n", (1, 4, 1, 5), "character U+0000 is not allowed"),
        ("a: 1\nb: \x1b[31m\n", (2, 4, 2, 5), "character U+001B is not allowed"),
        ("a: é\x85\n", (1, 5, 1, 6), "character U+0085 is not allowed"),
        ("a: 1 # \u2028\n", (1, 8, 1, 9), "character U+2028 is not allowed"),
        ("a: \ufffe\n", (1, 4, 1, 5), "character U+FFFE is not allowed"),
    ],
)  # fmt: skip
def test_syntax_errors_say_where(content: str, place: tuple[int, ...], words: str) -> None:
    ((rule, message, at),) = found(content)
    assert rule == "GW102"
    assert words in message
    assert at == place


def test_tabs_get_the_hint_that_yaml_wants_spaces() -> None:
    for content in ("a:\tb\n\tc: d\n", "a:\n\tb: c\n"):
        (finding,) = read(content).findings
        assert finding.rule == "GW102"
        assert finding.hint == "indent with spaces: YAML does not allow tabs"


def test_the_documents_before_an_error_are_still_read() -> None:
    documents, findings = read("a: {b: 1, b: 2}\n---\nc: 3\n---\nd: [\n---\ne: 4\n")
    assert [d.data for d in documents] == [{"a": {"b": 1}}, {"c": 3}]
    assert [f.rule for f in findings] == ["GW103", "GW102"]


def test_the_documents_before_a_control_character_are_still_read_and_located() -> None:
    documents, findings = read("a: {b: 1, b: 2}\n---\nc: 3\n---\nd: \x00\n---\ne: 4\n")
    assert [d.data for d in documents] == [{"a": {"b": 1}}, {"c": 3}]
    assert [f.rule for f in findings] == ["GW103", "GW102"]
    (here,) = locate([Finding("GW204", "", spot=Spot(documents[1], ("c",)))])
    assert here.place == Place(FILE, 3, 4, 3, 5)


# --- GW103 and keys ----------------------------------------------------------------------------------------------------


def test_a_duplicate_key_is_placed_at_the_second_and_the_first_is_related() -> None:
    documents, findings = read("a:\n  name: x\n  other: y\n  name: z\n")
    (finding,) = findings
    assert (finding.rule, finding.place) == ("GW103", Place(FILE, 4, 3, 4, 7))
    assert [r.place for r in finding.related] == [Place(FILE, 2, 3, 2, 7)]
    assert documents[0].data == {"a": {"name": "x", "other": "y"}}, "the first one is what is checked"


def test_keys_are_equal_when_their_text_is_however_it_is_quoted() -> None:
    assert rules_of("{a: 1, 'a': 2, \"\\x61\": 3}\n") == ["GW103", "GW103"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1: a\n", "key 1 is a number, not a string"), ("true: a\n", "key true is a boolean, not a string"),
        ("~: a\n", "key ~ is null, not a string"), ("?\n: a\n", "an empty key is null, not a string"),
        ("? [a]\n: b\n", "a key is a collection, not a string"), ("? {a: 1}\n: b\n", "a key is a collection, not a string"),
    ],
)  # fmt: skip
def test_a_key_that_is_no_string_is_gw203(content: str, message: str) -> None:
    assert [(rule, text) for rule, text, _ in found(content)] == [("GW203", message)]


# --- GW104: tags, merge keys, aliases ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    ["a: !foo b\n", "a: !!binary aGk=\n", "a: !!set {b}\n", "a: !!omap []\n", "a: !!timestamp 2024-01-01\n", "a: !!int x\n",
     "a: !!bool 1\n", "a: !<tag:example.com,2000:x> {}\n", "a: !!python/object/apply:os.system [id]\n", "!foo {a: 1}\n",
     "a: !!map [1]\n", "a: !!str {b: 1}\n"],
)  # fmt: skip
def test_other_tags_are_gw104(content: str) -> None:
    assert rules_of(content) == ["GW104"]


def test_a_merge_key_is_gw104_and_a_quoted_one_is_a_key() -> None:
    assert found("b: &b {x: 1}\na:\n  <<: *b\n") == [("GW104", "merge keys (<<) are not allowed", (3, 3, 3, 5))]
    assert data("'<<': 1\n") == {"<<": 1}


def test_aliases_name_the_same_value() -> None:
    assert data("a: &a {x: [1, 2]}\nb: *a\nc: &s text\nd: *s\n") == {
        "a": {"x": [1, 2]}, "b": {"x": [1, 2]}, "c": "text", "d": "text",
    }  # fmt: skip


def _aliases(size: int, times: int) -> str:
    return f"a: &a [{', '.join('1' * (size - 1))}]\nb: [{', '.join(['*a'] * times)}]\n"


def test_aliases_may_expand_to_ten_thousand_values_and_not_to_more() -> None:
    assert len(data(_aliases(100, 100))["b"]) == 100
    assert found(_aliases(100, 101)) == [("GW104", "aliases expand to more than 10,000 values", (1, 4, 1, 304))]


def test_an_alias_bomb_is_told_and_not_expanded() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 200)
    )
    assert rules_of(bomb) == ["GW104"]  # expanded, it would never end


@pytest.mark.parametrize(
    "content",
    ["a: &a [*a]\n", "a: &a {b: *a}\n", "a: &a\n  b: *a\n", "- &a\n  - *a\n", "&r\na:\n  - b: *r\n",
     "a: &a\n  b: &b\n    c: *a\n  d: *b\n", "a: &a\n  ? x\n  : [*a]\n"],
)  # fmt: skip
def test_a_recursive_alias_is_gw104_and_no_endless_loop(content: str) -> None:
    assert "GW104" in rules_of(content)


# --- GW105: too large, too deep ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", ["[", "- "])
def test_sixty_four_levels_are_read_and_sixty_five_are_not(one: str) -> None:
    end = "]" if one == "[" else ""
    assert read(one * 64 + "x" + end * 64).findings == []
    assert found(one * 65 + "x" + end * 65)[0][:2] == ("GW105", "nested deeper than 64 levels")


@pytest.mark.parametrize("depth", [66, 400, 600])
def test_too_deep_is_said_once_below_and_above_the_quick_check(depth: int) -> None:
    assert rules_of("[" * depth + "]" * depth) == ["GW105"]


_DEEP = {
    "flow lists": "'[' * 100_000", "closed flow lists": "'[' * 100_000 + ']' * 100_000",
    "flow mappings": "'{a: ' * 100_000 + '}' * 100_000", "block lists": "'- ' * 100_000",
    "explicit keys": "'? ' * 100_000", "block mappings": "'\\n'.join(' ' * i + 'a:' for i in range(3_900))",
    "a list on lines": "''.join('[\\n' for i in range(100_000))", "anchors": "''.join(f'&a{i} [' for i in range(100_000))",
}  # fmt: skip


@pytest.mark.parametrize("shape", _DEEP)
def test_nesting_a_hundred_thousand_deep_does_not_end_the_process(shape: str) -> None:
    code = (
        "from gatectl.manifests.parse import parse\nfrom gatectl.manifests.places import locate\nfrom gatectl.model import SourceFile\n"
        f"r = parse(SourceFile('/x', ({_DEEP[shape]}).encode()))\nprint([f.rule for f in locate(r.findings)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "['GW105']\n", "")


def test_a_document_may_have_two_hundred_thousand_values_and_not_more() -> None:
    assert read("[" + "1," * 199_998 + "]").findings == []
    assert found("[" + "1," * 200_000 + "]")[0][:2] == ("GW105", "more than 200,000 values in one document")


def test_eight_mebibytes_are_read_and_one_byte_more_is_not() -> None:
    assert len(data(b"a: " + b"x" * (MAX_BYTES - 3))["a"]) == MAX_BYTES - 3
    assert found(b"a: " + b"x" * (MAX_BYTES - 2))[0][:2] == ("GW105", "the file is larger than 8 MiB")


def test_a_file_of_two_hundred_megabytes_is_not_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    with open(huge, "wb") as stream:
        stream.truncate(200 * 1024 * 1024)
    tracemalloc.start()
    try:
        read_ = sources.read_manifests([huge], tmp_path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [(f.rule, f.message) for f in read_.findings] == [("GW105", "the file is larger than 8 MiB")]
    assert most < 2 * MAX_BYTES
    assert read_.files == []


def test_a_file_of_many_documents_with_many_mistakes_takes_linear_time() -> None:
    one = "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: 1, id: &a x}\n---\n"
    _check(one)  # what is made once is made
    few, many = lines_run(lambda: _check(one * 100)), lines_run(lambda: _check(one * 800))
    assert few > 100 * 50 and many < 8.2 * few
    assert len(_check(one * 2_000)) == 2_000


def lines_run(act: Callable[[], object]) -> int:
    """How many lines of Python are run by it: what a busy machine does not stretch."""
    lines = 0

    def trace(frame: FrameType, what: str, _: object) -> Any:
        nonlocal lines
        lines += what == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return lines


# --- everything --------------------------------------------------------------------------------------------------------

CHECKER = validate.make_checker({kind.name: sources.read_schema(kind.schema) for kind in KINDS.values()})


def _check(content: bytes | str) -> list[Finding]:
    """All that can be said offline of one file."""
    documents, findings = read(content)
    manifests = []
    for document in documents:
        kind, wrong = validate.check(document, CHECKER)
        findings.extend(wrong)
        if kind is not None:
            manifests.append(desired.read_manifest(document, kind, not wrong, None))
    findings.extend(rules.check(desired.offline_namespace(Desired(tuple(manifests)))))
    return locate(findings)


def _assert_within(content: bytes, findings: list[Finding]) -> None:
    text = content.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lengths = [len(line) for line in text.split("\n")]
    for finding in findings:
        for place in (finding.place, *(r.place for r in finding.related)):
            assert place is not None
            assert (1, 1) <= (place.line, place.column) <= (place.end_line, place.end_column)
            assert place.line <= place.end_line <= len(lengths), (finding, lengths)
            # A finding at the end of a line is one column wide, and so reaches one behind it.
            assert place.column <= lengths[place.line - 1] + 1, (finding, lengths)
            assert place.end_column <= lengths[place.end_line - 1] + 2, (finding, lengths)


VALID = b"""apiVersion: gatectl.io/v1
kind: Repository
metadata:
  name: prod-eu-data
  workspace: analytics
  labels: {team: data}
spec:
  endpointType: S3
  resources:
    - &r {type: S3, bucket: raw-events, folder: raw}
    - {type: AzureBlob, account: prodeustore, container: logs}
---
apiVersion: gatectl.io/v1
kind: Bucket
metadata: {name: raw-events-aws}
spec:
  type: S3
  bucket: raw-events
  credentials:
    key: {env: AWS_ACCESS_KEY_ID}
    secret: {env: AWS_SECRET_ACCESS_KEY}
"""

_PIECES = st.sampled_from(
    [b"", b"\x00", b"\t", b"\r", b"\xff", b"\xef\xbb\xbf", b"- ", b"[", b"]", b"{", b"}", b"'", b'"', b"&r ", b"*r", b"<<: ",
     b"!x ", b"!!int ", b"\n---\n", b"\n...\n", b"1", b"~", b": ", b"? ", b"|\n", b">\n", b"#", b"%", b"@", "\u2028".encode(),
     "é".encode(), b"true", b".nan", b"secret: ", b"key: ", b"name: ", b"GCS", b"Mirror", b"\n", b"\n  ", b"  "]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The valid manifest with pieces cut out and put in."""
    content = VALID
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 12)))
        content = content[:start] + draw(_PIECES) + content[end:]
    return content


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode), mutated()))
@example(b"a: &x\n  b: *x\n")
@example(b"apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: .nan}")
def test_nothing_in_a_file_makes_us_raise_and_every_finding_lies_within_it(content: bytes) -> None:
    _assert_within(content, _check(content))


def test_the_manifest_that_the_fuzz_starts_from_is_valid() -> None:
    assert _check(VALID) == []


def test_json_is_yaml() -> None:
    value = {"a": [1, True, None, "x\n\u2028", {"b": 1.5}], "é": "\U0001f600"}
    assert data(json.dumps(value, ensure_ascii=False).replace("\u2028", "\\u2028")) == value
    assert os.linesep == "\n"


PLACES = [
    # rule, document, (line, column, endLine, endColumn), pointer
    ("GW106", "- a\n- b\n", (1, 1, 2, 4), ()),
    ("GW106", "just text\n", (1, 1, 1, 10), ()),
    ("GW107", "apiVersion: v1\nkind: Workspace\nmetadata: {name: a}\n", (1, 13, 1, 15), ("apiVersion",)),
    ("GW107", "apiVersion: gatectl.io/v1\nkind: Repo\n", (2, 7, 2, 11), ("kind",)),
    ("GW201", "kind: Workspace\nmetadata: {name: a}\n", (1, 1, 2, 20), ()),
    ("GW201", "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {}\n", (3, 11, 3, 13), ("metadata",)),
    ("GW202", "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: a, nmae: b}\n", (3, 21, 3, 25), ("metadata", "nmae")),
    ("GW203", "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata:\n  name: 0x1F # hex\n", (4, 9, 4, 13), ("metadata", "name")),
    ("GW203", "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata:\n  - name\n  # end\n", (4, 3, 4, 9), ("metadata",)),
    ("GW205", "apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {name: ' a'}\n", (3, 18, 3, 22), ("metadata", "name")),
    ("GW204", "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: a}\nspec: {endpointType: s3}\n",
     (4, 22, 4, 24), ("spec", "endpointType")),
    ("GW206", "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: a}\nspec:\n  endpointType: S3\n  apiKeys:\n    - x\n",
     (6, 3, 6, 10), ("spec", "apiKeys")),
    ("GW303", "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: a}\nspec:\n  endpointType: S3\n  resources:\n"
     "    - type: S3\n      bucket: one\n    - type: S3\n      bucket: one\n      folder: x\n\n# end\n",
     (9, 7, 11, 16), ("spec", "resources", 1)),
    ("GW401",
     "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: a}\nspec:\n  endpointType: S3\n  resources: [{type: LLM, name: b}]\n",
     (6, 15, 6, 35), ("spec", "resources", 0)),
    ("GW402", "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: a}\nspec: {endpointType: S3, mode: Mirror, resources: []}\n",
     (4, 32, 4, 38), ("spec", "mode")),
    ("GW205", "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: a}\nspec:\n  endpointType: AzureBlob\n  resources:\n"
     "    - {type: AzureBlob, account: a-b, container: logs}\n", (7, 34, 7, 37), ("spec", "resources", 0, "account")),
    ("GW601", "apiVersion: gatectl.io/v1\nkind: LLM\nmetadata: {name: a}\nspec:\n  provider: OpenAI\n  credentials: {secret: hunter2}\n",
     (6, 25, 6, 32), ("spec", "credentials", "secret")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "content", "place", "pointer"), PLACES)
def test_every_finding_has_its_exact_place(
    rule: str, content: str, place: tuple[int, ...], pointer: tuple[str | int, ...]
) -> None:
    (finding,) = _check(content)
    assert finding.rule == rule
    assert finding.place == (FILE, *place)
    assert finding.spot is not None
    assert finding.spot.pointer == pointer
