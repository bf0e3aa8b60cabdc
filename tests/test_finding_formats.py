"""Findings where people look: SARIF, JUnit, GitHub, GitLab, and the source line in text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatectl.cli.output import rule_table
from gatectl.documents import findings as documents
from gatectl.model import Finding, Place, Related
from gatectl.render import render, renderer
from gatectl.render.excerpt import guard, window
from gatectl.render.github import LIMIT
from gatectl.render.interface import Files, Look
from gatectl.rules import RULES

_OFFICIAL = json.loads((Path(__file__).parent / "sarif/sarif-2.1.0-rtm.5.json").read_bytes())
for _part in ("run", "toolComponent"):  # a stray "]" in its pattern, which not every library takes for a regex
    del _OFFICIAL["definitions"][_part]["properties"]["language"]["pattern"]
SCHEMA = jsonschema_rs.Draft4Validator(_OFFICIAL, validate_formats=True)
FORMATS = ("sarif", "junit", "github", "gitlab")
FINDINGS = [
    Finding("GW301", "bucket name 'x' is used twice", "rename one", place=Place("/top/m/b c.yaml", 9, 3, 9, 12),
            subject=("Repository", "default", "data"),
            related=(Related(None, "first here", Place("/top/m/b c.yaml", 8, 3, 8, 9)), Related(None, "on the platform too"))),
    Finding("GW201", "spec.endpointType is missing", None, place=Place("/top/m/b c.yaml", 4, 1, 6, 2),
            subject=("Repository", None, None)),
    Finding("GW307", "50% of a,b: two\nproviders", "fine", "warning", place=Place("/out/c.yaml", 1, 1, 1, 1)),
    Finding("GW504", "the final state breaks GW301", None, subject=("Repository", "default", "live")),
]  # fmt: skip
FILES = Files(("m/a.yaml", "m/b c.yaml", "../out/c.yaml"), "/top", "gatectl.yaml")


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    return documents.findings_json(findings, 3, 4, documents.relative_to("/top"))


def shown(format_name: str, findings: Sequence[Finding], files: Files = FILES) -> str:
    return render(document(findings), format_name, Look(files=files, rules=rule_table()))


def sarif(findings: Sequence[Finding], files: Files = FILES) -> dict[str, Any]:
    """The one run of a SARIF log that fits the schema."""
    log = json.loads(shown("sarif", findings, files))
    assert [str(error) for error in SCHEMA.iter_errors(log)] == []
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


# --- SARIF -------------------------------------------------------------------------------------------------------------


def test_sarif_describes_every_rule_and_fits_the_official_schema() -> None:
    driver = sarif([])["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    names = [rule["name"] for rule in driver["rules"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]+", name) for name in names)
    by_id = {rule["id"]: rule for rule in driver["rules"]}
    assert by_id["GW307"]["defaultConfiguration"] == {"level": "warning"}
    assert by_id["GW301"]["defaultConfiguration"] == {"level": "error"}
    assert "Wrong:\n\n```yaml\n" in by_id["GW301"]["help"]["markdown"]
    assert "`" not in by_id["GW502"]["help"]["text"]


def test_sarif_results_say_all_of_a_finding() -> None:
    run = sarif(FINDINGS)
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": "file:///top/"}}
    first, second, third, last = run["results"]
    first["partialFingerprints"] = {}
    file = {"uri": "m/b%20c.yaml", "uriBaseId": "%SRCROOT%"}
    assert first == {
        "ruleId": "GW301",
        "ruleIndex": list(RULES).index("GW301"),
        "level": "error",
        "message": {"text": "bucket name 'x' is used twice\nhint: rename one"},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": file,
                "region": {"startLine": 9, "startColumn": 3, "endLine": 9, "endColumn": 12},
            },
            "logicalLocations": [{"name": "data", "fullyQualifiedName": "Repository/default/data", "kind": "object"}],
        }],
        "relatedLocations": [
            {"id": 1, "message": {"text": "first here"},
             "physicalLocation": {"artifactLocation": file, "region": {"startLine": 8, "startColumn": 3}}},
            {"id": 2, "message": {"text": "on the platform too"}},
        ],
        "partialFingerprints": {},
    }  # fmt: skip
    assert "logicalLocations" not in second["locations"][0]
    assert third["level"] == "warning"
    assert third["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///out/c.yaml"}
    assert list(last["locations"][0]) == ["logicalLocations"]
    assert "locations" not in sarif([Finding("GW106", "nowhere")])["results"][0]


def test_sarif_names_files_as_uris() -> None:
    names = {
        "a b/c%.yaml": "a%20b/c%25.yaml",
        "ü.yaml": "%C3%BC.yaml",
        "a:b.yaml": "a%3Ab.yaml",
        "x#y?z.yaml": "x%23y%3Fz.yaml",
    }
    for name, uri in names.items():
        (result,) = sarif([Finding("GW102", "odd", place=Place(f"/top/{name}", 1, 1, 1, 2))])["results"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_a_name_cannot_put_a_link_into_a_sarif_message() -> None:
    (result,) = sarif([Finding("GW204", "cannot be '[click](https://evil.example)'")])["results"]
    assert result["message"]["text"] == "cannot be '[click\\](https://evil.example)'"


def identities(format_name: str, findings: Sequence[Finding]) -> list[str]:
    if format_name == "sarif":
        return [r["partialFingerprints"]["gatectlFinding/v1"] for r in sarif(findings)["results"]]
    return [issue["fingerprint"] for issue in json.loads(shown("gitlab", findings))]


@pytest.mark.parametrize("format_name", ["sarif", "gitlab"])
def test_fingerprints_stay_when_lines_move_and_differ_otherwise(format_name: str) -> None:
    moved = [f._replace(place=f.place._replace(line=77, end_line=78)) if f.place else f for f in FINDINGS]
    before = identities(format_name, FINDINGS)
    assert identities(format_name, moved) == before
    assert len(set(before)) == len(FINDINGS)
    changes = ({"rule": "GW302"}, {"message": "other"}, {"subject": ("Repository", "default", "other")})
    for change in changes:
        assert identities(format_name, [FINDINGS[0]._replace(**change)])[0] not in before
    twice = identities(format_name, [FINDINGS[0], FINDINGS[0]])
    assert twice[0] == before[0] != twice[1]


# --- JUnit -------------------------------------------------------------------------------------------------------------

JUNIT = """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="gatectl" tests="4" failures="2" errors="0">
  <testsuite name="m/a.yaml" tests="1" failures="0" errors="0" skipped="0">
    <testcase classname="gatectl" name="m/a.yaml" file="m/a.yaml"/>
  </testsuite>
  <testsuite name="m/b c.yaml" tests="1" failures="1" errors="0" skipped="0">
    <testcase classname="gatectl" name="m/b c.yaml" file="m/b c.yaml">
      <failure type="GW301" message="GW301: bucket name 'x' is used twice (and 1 more)">{FIRST}
    m/b c.yaml:8:3: first here
    on the platform too
    hint: rename one
m/b c.yaml:4:1: error GW201: spec.endpointType is missing</failure>
    </testcase>
  </testsuite>
  <testsuite name="../out/c.yaml" tests="1" failures="0" errors="0" skipped="0">
    <testcase classname="gatectl" name="../out/c.yaml" file="../out/c.yaml">
      <system-out>../out/c.yaml:1:1: warning GW307: 50% of a,b: two\\nproviders
    hint: fine</system-out>
    </testcase>
  </testsuite>
  <testsuite name="(no file)" tests="1" failures="1" errors="0" skipped="0">
    <testcase classname="gatectl" name="(no file)" file="(no file)">
      <failure type="GW504" message="GW504: the final state breaks GW301">error GW504: the final state breaks GW301</failure>
    </testcase>
  </testsuite>
</testsuites>""".replace("{FIRST}", "m/b c.yaml:9:3: error GW301: bucket name 'x' is used twice")


def test_junit_has_a_test_for_each_file_that_fails_with_its_errors() -> None:
    assert shown("junit", FINDINGS) == JUNIT


# --- GitHub ------------------------------------------------------------------------------------------------------------


def test_github_annotates_the_exact_places() -> None:
    assert shown("github", FINDINGS).splitlines() == [
        "::error file=m/b c.yaml,line=9,col=3,endLine=9,endColumn=12,title=GW301::bucket name 'x' is used twice"
        "%0Am/b c.yaml:8:3: first here%0Aon the platform too%0Ahint: rename one",
        "::error file=m/b c.yaml,line=4,endLine=6,title=GW201::spec.endpointType is missing",
        "::error title=GW504::the final state breaks GW301",
        "::warning file=../out/c.yaml,line=1,col=1,endLine=1,endColumn=1,title=GW307::50%25 of a,b: two\\nproviders%0Ahint: fine",
        "Found 3 errors, 1 warning: each is an annotation.",
    ]
    assert shown("github", []) == "No findings."


def changed(*fields: str) -> dict[str, Any]:
    """A plan in whose project file these fields were changed."""
    return {
        "operations": [],
        "diagnostics": [],
        "projectChanges": {"since": "0" * 12, "fields": fields, "lines": dict.fromkeys(fields, 3)},
    }


def test_github_keeps_notices_within_what_it_shows_and_loses_none() -> None:
    lines = render(changed(*(f"environments.e{n}.known" for n in range(12))), "github", Look(files=FILES)).splitlines()
    assert sum(line.startswith("::notice ") for line in lines) == 9
    assert [n for n in range(12) if any(f"environments.e{n}.known" in line for line in lines)] == list(range(12))


def test_sarif_with_a_changed_project_file_fits_the_official_schema() -> None:
    found = json.loads(render(changed("rules"), "sarif", Look(files=FILES, rules=rule_table())))
    assert list(SCHEMA.iter_errors(found)) == []


def test_github_escapes_what_would_end_a_property() -> None:
    (line, _) = shown("github", [Finding("GW102", "x", place=Place("/top/a,b:c%.yaml", 1, 1, 1, 2))]).splitlines()
    assert line.startswith("::error file=a%2Cb%3Ac%25.yaml,line=1,")


def test_github_loses_nothing_beyond_what_it_shows_of_a_step() -> None:
    found = [
        Finding("GW301", f"number {n}", "do", severity, place=Place("/top/a.yaml", n, 1, n, 2))
        for n in range(1, 14)
        for severity in ("warning", "error")
    ]
    lines = shown("github", found).splitlines()
    assert [line.split()[0] for line in lines[: 2 * LIMIT]] == ["::error"] * LIMIT + ["::warning"] * LIMIT
    assert lines[2 * LIMIT : 2 * LIMIT + 2] == ["error GW301 a.yaml:11:1: number 11", "  | hint: do"]
    assert not any(line.startswith("::") for line in lines[2 * LIMIT :])
    assert lines[-1].startswith("Found 13 errors, 13 warnings: 20 are annotations, and the other 6 are lines above")
    for finding in found:
        assert sum(finding.message in re.split(r"::|: |%0A", line) for line in lines) == 2


# --- GitLab ------------------------------------------------------------------------------------------------------------


def test_gitlab_has_a_place_and_a_severity_for_each() -> None:
    issues = json.loads(shown("gitlab", FINDINGS))
    assert [list(issue) for issue in issues] == [
        ["description", "check_name", "fingerprint", "severity", "location"]
    ] * 4
    assert [(i["check_name"], i["severity"], i["location"]["path"], i["location"]["lines"]["begin"]) for i in issues] == [
        ("GW301", "major", "m/b c.yaml", 9), ("GW201", "major", "m/b c.yaml", 4), ("GW307", "minor", "../out/c.yaml", 1),
        ("GW504", "major", "gatectl.yaml", 1),
    ]  # fmt: skip
    assert issues[0]["description"].endswith("\nhint: rename one")
    assert json.loads(shown("gitlab", [])) == []


# --- all of them, whatever the words -----------------------------------------------------------------------------------

words = st.text(max_size=30) | st.sampled_from(
    (
        "::error::x",
        "##[error]x",
        "]]>",
        "<b>&",
        "%0A::set-env",
        "a\r\nb",
        "\x00\x1b[2J",
        "\ufffe",
        "[a](b)",
        "{0}",
        "\u2028",
    )
)
names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    line, column = draw(st.integers(1, 5)), draw(st.integers(1, 20))
    place = Place(f"/top/{draw(names)}", line, column, line + draw(st.integers(0, 1)), column + draw(st.integers(0, 9)))
    return Finding(
        draw(st.sampled_from(list(RULES))), draw(words), draw(st.none() | words), draw(st.sampled_from(("error", "warning"))),
        place=draw(st.none() | st.just(place)),
        subject=draw(st.none() | st.tuples(st.just("Bucket"), st.none() | words, st.none() | words)),
        related=tuple(draw(st.lists(st.builds(Related, st.none(), words, st.none() | st.just(place)), max_size=2))),
    )  # fmt: skip


@settings(max_examples=40)
@given(st.lists(findings(), max_size=30))
def test_whatever_names_and_messages_say_the_output_is_well_formed(found: list[Finding]) -> None:
    errors = sum(f.severity == "error" for f in found)
    assert len(sarif(found)["results"]) == len(found)
    fingerprints = [issue["fingerprint"] for issue in json.loads(shown("gitlab", found))]
    assert len(fingerprints) == len(set(fingerprints)) == len(found)
    root = ET.fromstring(shown("junit", found).encode())
    assert int(root.attrib["tests"]) == len(root.findall("testsuite/testcase")) == len(root)
    assert int(root.attrib["failures"]) == len(root.findall("testsuite/testcase/failure"))
    lines = shown("github", found).split("\n")
    commands = [line for line in lines if line.lstrip().startswith("::")]
    assert len(commands) == min(errors, LIMIT) + min(len(found) - errors, LIMIT)
    for line in commands:
        assert re.fullmatch(r"::(error|warning) (?:\w+=[^,:]*,)*title=GW\d{3}::.*", line)
    assert not any("##[" in line for line in lines if line not in commands)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("format_name", ["json", *FORMATS])
@settings(max_examples=20)
@given(message=words, hint=st.none() | words)
def test_a_failure_has_a_form_in_every_format_for_programs(format_name: str, message: str, hint: str | None) -> None:
    show = renderer(format_name).failure
    assert show is not None
    text = show(documents.error_json("unreachable", message, hint), Look())
    if format_name == "junit":
        assert ET.fromstring(text.encode()).attrib["errors"] == "1"
    elif format_name == "github":
        assert text.startswith("::error title=unreachable::")
        assert "\n" not in text
    else:
        assert json.loads(text)["error"]["code"] == "unreachable"


# --- the source line in text -------------------------------------------------------------------------------------------

SOURCE = """\
spec:
  endpointType: s3
\tbucket: "日本語", folder: e\u0301x
  credentials: {key: {env: A}, secret: hunter2}
  secret: |
    hunter2
  passwrod: hunter2
  region: eu-west-1
"""


def text(found: Sequence[Finding], source: str = SOURCE, **look: Any) -> list[str]:
    """The lines below the first of each finding."""
    files = Files(lines=lambda name: source.split("\n") if name == "a.yaml" else None)
    lines = render(document(found), "text", Look(files=files, **look)).splitlines()
    return [line for line in lines[:-2] if line.startswith("    ")]


def at(line: int, column: int, end: int, rule: str = "GW204", end_line: int | None = None) -> Finding:
    return Finding(rule, "odd", place=Place("/top/a.yaml", line, column, end_line or line, end))


def test_the_source_line_is_shown_and_the_spot_marked() -> None:
    assert text([at(2, 17, 19)]) == ["    2 |   endpointType: s3", "      |                 ^^"]
    both = at(2, 17, 19)._replace(related=(Related(None, "here", Place("/top/a.yaml", 8, 3, 8, 9)),), hint="do")
    assert text([both])[2:] == ["    a.yaml:8:3: here", "    8 |   region: eu-west-1", "    hint: do"]


def test_a_related_place_in_the_same_line_does_not_show_it_again() -> None:
    twice = at(8, 11, 20)._replace(related=(Related(None, "here", Place("/top/a.yaml", 8, 3, 8, 9)),))
    assert text([twice])[2:] == ["    a.yaml:8:3: here"]


def test_a_place_of_several_lines_is_marked_to_the_end_of_its_first() -> None:
    assert text([at(1, 1, 3, end_line=8)]) == ["    1 | spec:", "      | ^^^^^"]


def test_tabs_and_wide_characters_keep_the_marks_below_their_spot() -> None:
    shown_line, marks = text([at(3, 11, 14)])
    assert shown_line == '    3 |     bucket: "日本語", folder: e\u0301x'
    assert marks == "      |              ^^^^^^"
    assert text([at(3, 25, 27)])[1] == "      |" + " " * 31 + "^"
    assert text([at(3, 27, 28)])[1] == "      |" + " " * 32 + "^"


def test_a_spot_behind_the_end_of_its_line_is_marked_there() -> None:
    assert text([at(1, 6, 7)]) == ["    1 | spec:", "      |      ^"]


def test_without_the_source_there_is_no_excerpt() -> None:
    assert text([Finding("GW204", "odd", place=Place("/top/b.yaml", 1, 1, 1, 2))]) == []
    assert text([at(99, 1, 2)]) == []
    assert text([Finding("GW204", "odd")]) == []


@pytest.mark.parametrize("rule", ["GW101", "GW105", "GW106", "GW601"])
def test_a_finding_about_a_whole_file_or_a_secret_shows_no_line(rule: str) -> None:
    assert text([at(8, 11, 20, rule)]) == []


def test_no_line_shows_what_may_be_a_secret() -> None:
    for line in range(1, 9):
        for rule in ("GW201", "GW203", "GW204", "GW205"):
            found = [at(line, 3, 5, rule), at(7, 3, 11, "GW202")]
            assert "hunter2" not in "\n".join(text(found)), (line, rule)
    assert text([at(4, 3, 14, "GW206")])[0] == "    4 |   credentials: …"
    assert text([at(7, 3, 11, "GW202")]) == ["    7 |   passwrod: …", "      |   ^^^^^^^^"]
    assert text([at(4, 30, 31)]) == []
    assert text([at(8, 3, 9), at(6, 1, 9, "GW601", end_line=8)]) == []


@pytest.mark.parametrize(
    "line",
    [
        "endpoint: me:hunter2@host",
        "a: AKIAABCDEFGH12345678",
        'a: "\\x41"',
        "x: " + "y" * 20_000,
        "- {db: 'https://me:pw@host'}",
    ],
)
def test_a_line_that_may_hold_a_secret_is_not_shown_at_all(line: str) -> None:
    assert text([at(1, 1, 2)], line) == []


@pytest.mark.parametrize(
    "source",
    [
        "key:\n- SECRET", "a: {secret: {\nb: SECRET,\nc: SECRET\n}}", '{\n"secret":\n"SECRET"\n}', "token: >-\n\n  SECRET\n  SECRET",
        "- name: x\n  apiKeys:\n    - a: SECRET", "secrte:\n  SECRET", '{\n"credentails":\n"SECRET"}', "credentails:\n- SECRET\n- SECRET",
        "spec: {type: S3, credentails: SECRET}", "prod:\n  x: {\n   SECRET\n  }", "name: x # SECRET", "x: {accessKey: SECRET, b: 1}",
        "stringData: {password: SECRET}", "API_TOKEN : SECRET",
    ],
)  # fmt: skip
def test_what_is_nested_below_a_word_for_secrets_is_hidden(source: str) -> None:
    lines = source.split("\n")
    for line, limit in zip(lines, guard(lines), strict=True):
        assert "SECRET" not in line[: limit - 1]


def test_what_follows_a_nested_secret_is_shown_again() -> None:
    lines = ["spec:", "  credentials:", "    key: {env: A}", "  region: x", "---", "kind: Bucket"]
    assert [limit > 99 for limit in guard(lines)] == [True, False, False, True, True, True]
    assert guard(["secrte:", "  hunter2", "kind: Bucket"])[2] > 99


@settings(max_examples=150)
@given(st.text(max_size=120), st.integers(0, 130), st.integers(1, 40), st.integers(20, 60))
def test_an_excerpt_fits_its_width_and_its_marks_lie_within(line: str, start: int, length: int, width: int) -> None:
    start = min(start, len(line))
    shown_part, before, marks = window(line, start, start + length, width)
    assert shown_part.isprintable()
    assert marks >= 1
    cells = sum(0 if not c.isascii() and not c.isprintable() else _columns(c) for c in shown_part)
    assert cells <= width + 1
    assert before + marks <= width + 11  # an escape that does not fit is one character, and not cut


def _columns(character: str) -> int:
    from unicodedata import combining, east_asian_width

    return 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_long_line_is_cropped_around_its_spot(width: int) -> None:
    line = "  - [" + ", ".join(f"value{n}" for n in range(160)) + "]"
    column = line.index("value30") + 1
    shown_line, marks = text([at(1, column, column + 7)], line, width=width)
    assert len(shown_line) <= width
    assert shown_line.count("…") == 2
    assert shown_line[marks.index("^") : marks.rindex("^") + 1] == "value30"


def test_colours_add_nothing_but_colours_to_an_excerpt() -> None:
    colored = text([at(2, 17, 19)], color=True)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in colored] == text([at(2, 17, 19)])
    assert "\x1b[31;1m" in colored[1]
    assert isinstance(document([]), Mapping)
