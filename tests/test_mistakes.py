"""One mistake is one finding, placed where it began: misspelt fields, quotes and brackets left open, placeholders."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatectl.manifests import loading, syntax
from gatectl.manifests.places import locate
from gatectl.model import Finding
from gatectl.project import Project, bare_project

HEAD = "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: orders}\n"
BUCKET = "apiVersion: gatectl.io/v1\nkind: Bucket\nmetadata: {name: b}\n"


def findings(folder: Path, text: str, **settings: str) -> list[Finding]:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    project = bare_project(folder)._replace(rules=settings)
    assert isinstance(project, Project)
    return locate(loading.load(project, [folder / "a.yaml"], "default").findings)


def told(folder: Path, text: str, **settings: str) -> list[str]:
    """Rule, line and column of each finding."""
    return [f"{f.rule} {f.place.line}:{f.place.column}" for f in findings(folder, text, **settings) if f.place]


@pytest.mark.parametrize(
    ("text", "place", "meant"),
    [
        (HEAD + "spec: {endpointTyp: S3}", "4:8", "endpointType"),
        (HEAD + "spce: {endpointType: S3}", "4:1", "spec"),
        (HEAD + "spec: {endpointType: S3, resources: [{typ: S3, bucket: abc}]}", "4:39", "type"),
        (HEAD + "spec: {endpointType: S3, resources: [{type: S3, buckett: abc}]}", "4:49", "bucket"),
        (HEAD + "spec: {endpointType: S3, resources: [{type: AzureBlob, acount: abcde, container: abc}]}", "4:56", "account"),
        (HEAD.replace("kind:", "kidn:") + "spec: {endpointType: S3}", "2:1", "kind"),
        (HEAD.replace("apiVersion:", "apiversion:") + "spec: {endpointType: S3}", "1:1", "apiVersion"),
        (HEAD.replace("metadata:", "metdata:") + "spec: {endpointType: S3}", "3:1", "metadata"),
        (HEAD.replace("name:", "nmae:") + "spec: {endpointType: S3}", "3:12", "name"),
        (BUCKET + "spec: {type: S3, bucket: abc, credentials: {kye: {env: A}, secret: {env: B}}}", "4:45", "key"),
        (BUCKET + "spec: {type: S3, bucket: abc, credentials: {key: {evn: A}, secret: {env: B}}}", "4:51", "env"),
        (BUCKET + "spec: {type: AzureBlob, account: abc, contaner: logs}", "4:39", "container"),
        (BUCKET + "spec: {typ: S3, bucket: abc}", "4:8", "type"),
    ],
)  # fmt: skip
def test_a_misspelt_field_is_one_finding_at_the_field(tmp_path: Path, text: str, place: str, meant: str) -> None:
    (found,) = findings(tmp_path, text)
    assert told(tmp_path, text) == [f"GW202 {place}"]
    assert found.hint == f"did you mean '{meant}'?"


def test_six_hundred_typos_are_six_hundred_findings(tmp_path: Path) -> None:
    text = "---\n".join(f"{HEAD.replace('orders', f'r{n}')}spec: {{endpointTyp: S3}}\n" for n in range(600))
    assert [f.rule for f in findings(tmp_path, text)] == ["GW202"] * 600


def test_a_field_that_is_missing_beside_an_unknown_one_is_another_mistake(tmp_path: Path) -> None:
    assert told(tmp_path, HEAD + "spec: {colour: blue}") == ["GW201 4:7", "GW202 4:8"]


@pytest.mark.parametrize(
    ("rest", "place", "words"),
    [
        ('spec:\n  endpointType: S3\n  resources:\n    - {type: S3, bucket: "abc}\n', "7:26", "a quote is opened here"),
        ("spec:\n  endpointType: 'S3\n", "5:17", "a quote is opened here"),
        ('spec:\n  mode: "Normal\n  endpointType: "S3"\n', "5:9", "a quote is opened here and not closed (noticed in line 6)"),
        ("spec:\n  endpointType: S3\n  resources: [{type: S3, bucket: abc},\n", "6:14", "'[' is opened here"),
        ("spec:\n  endpointType: S3\n  resources: [{type: S3, bucket: abc},\n---\n" + BUCKET, "6:14", "'[' is opened here"),
        ("spec: {endpointType: S3\n---\n" + BUCKET, "4:7", "'{' is opened here"),
        ("spec:\n  endpointType: S3\n  resources: [\n    - {type: S3, bucket: abc}\n", "6:14", "'[' is opened here"),
    ],
)  # fmt: skip
def test_what_is_not_closed_is_told_where_it_was_opened(tmp_path: Path, rest: str, place: str, words: str) -> None:
    (found,) = findings(tmp_path, HEAD + rest)
    assert told(tmp_path, HEAD + rest) == [f"GW102 {place}"]
    assert words in found.message


@pytest.mark.parametrize(
    ("rest", "place"),
    [
        ("spec:\n  endpointType: S3\n  resources: [{type: S3, bucket: abc}\n   {type: S3, bucket: def}]\n", "7:4"),
        ("spec:\n  endpointType: S3\n  resources: [\n    - {type: S3, bucket: abc}\n  ]\n", "7:5"),
    ],
)
def test_what_is_closed_is_not_blamed(tmp_path: Path, rest: str, place: str) -> None:
    assert told(tmp_path, HEAD + rest) == [f"GW102 {place}"]
    assert "opened here" not in findings(tmp_path, HEAD + rest)[0].message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("metadata:\n  name: x\n   labels: {a: b}\n", "wrong indentation? Line 3 is indented further than line 2"),
        ("metadata:\n  name: x\n labels: {a: b}\n", "wrong indentation? No line above is indented by 1 as line 3 is"),
        ("spec:\n  resources:\n  - {type: S3}\n   - {type: S3}\n", "wrong indentation? No line above is indented by 3"),
        ("metadata:\n  name: x: y\n", "quote a value that contains ': '"),
        ("spec:\n{{- if x }}\n  mode: Normal\n{{- end }}\n", "this looks like a template"),
        ("spec:\n\tmode: Normal\n", "YAML does not allow tabs"),
    ],
)
def test_the_hint_is_about_the_mistake(tmp_path: Path, text: str, hint: str) -> None:
    (found,) = findings(tmp_path, text)
    assert found.rule == "GW102"
    assert hint in (found.hint or "")


@given(st.text(alphabet="ab:-[]{}'\"\n #,&*!|>%?\t<$_", max_size=60))
def test_whatever_is_written_is_told_and_within_the_file(text: str) -> None:
    from gatectl.manifests.parse import parse
    from gatectl.model import SourceFile

    for finding in parse(SourceFile("/a.yaml", text.encode())).findings:
        assert finding.place is not None
        assert 1 <= finding.place.line <= text.count("\n") + 1


def test_an_error_beyond_the_last_line_has_no_hint_of_indentation() -> None:
    error = syntax.Error("did not find expected key", None, 9, 0, True)
    assert syntax.explain(error, [], "a: b\n") == syntax.Told(None, None, None)


# Placeholders


@pytest.mark.parametrize(
    ("spec", "places"),
    [
        ('{endpointType: S3, resources: [{type: S3, bucket: "${BUCKET}"}]}', ["4:57"]),
        ("{endpointType: S3, resources: [{type: S3, bucket: raw-__ENV__}]}", ["4:57"]),
        ("{endpointType: <TYPE>, resources: []}", ["4:22"]),
        ("{endpointType: S3, resources: [{type: LLM, name: <your model>}]}", ["4:50"]),
        ('{endpointType: S3, resources: [{type: S3, bucket: "{{ .Values.bucket }}"}]}', ["4:57"]),
        ("{endpointType: S3, resources: [{type: S3, bucket: {{ bucket }}}]}", ["4:57"]),
        ('{endpointType: S3, resources: [{type: S3, bucket: abc, folder: "\\x24{x}"}]}', ["4:70"]),
    ],
)  # fmt: skip
def test_a_placeholder_that_was_never_filled_in_is_one_finding(tmp_path: Path, spec: str, places: list[str]) -> None:
    spec = spec.replace("endpointType: S3", "endpointType: OpenAI") if "LLM" in spec else spec
    found = [item for item in told(tmp_path, f"{HEAD}spec: {spec}\n")]
    wanted = [f"GW207 {place}" for place in places]
    if "LLM" in spec:
        wanted = ["GW207 4:60"]
    assert found == wanted


@pytest.mark.parametrize("name", ["a<b>c", "x__y__z", "$x", "a {b} c", "price $5", "__init__", "1 < 2 > 0"])
def test_a_name_that_only_looks_odd_is_none(tmp_path: Path, name: str) -> None:
    assert told(tmp_path, f"{HEAD.replace('orders', f'{chr(34)}{name}{chr(34)}')}spec: {{endpointType: S3}}\n") == []


def test_a_placeholder_in_a_credentials_place_is_a_secret_written_out(tmp_path: Path) -> None:
    text = BUCKET + 'spec: {type: S3, bucket: abc, credentials: {key: "${KEY}", secret: {env: "${S}"}}}\n'
    assert told(tmp_path, text) == ["GW601 4:50", "GW207 4:74"]


def test_a_placeholder_in_the_project_file_is_told_too(tmp_path: Path) -> None:
    from gatectl.manifests.parse import parse
    from gatectl.manifests.sources import read_file, read_schema
    from gatectl.manifests.validate import check_project

    (tmp_path / "gatectl.yaml").write_text(
        'apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: a}\nspec: {environments: {prod: {platform: "${URL}"}}}\n'
    )
    (document,) = parse(read_file(tmp_path / "gatectl.yaml")).documents
    assert [f.rule for f in check_project(document, read_schema("project"))] == ["GW207"]


def test_a_rule_that_cannot_be_adjusted_is_told_so(tmp_path: Path) -> None:
    from gatectl.manifests.parse import parse
    from gatectl.manifests.sources import read_file, read_schema
    from gatectl.manifests.validate import check_project

    (tmp_path / "gatectl.yaml").write_text(
        "apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: a}\nspec: {rules: {GW301: off, GW37: off}}\n"
    )
    (document,) = parse(read_file(tmp_path / "gatectl.yaml")).documents
    one, other = check_project(document, read_schema("project"))
    assert (one.rule, one.message) == ("GW202", "rule GW301 is not adjustable")
    assert one.hint == "its severity is fixed; GW205, GW305, GW306, GW307 may be error, warning or off"
    assert (other.rule, other.message) == ("GW202", "unknown field 'GW37' in spec.rules")


@pytest.mark.parametrize(
    "name",
    [
        "“orders”",
        "„orders“",
        "‘orders’",
        "«orders»",
        "»orders«",
        "“orders",
        "orders”",
        "‟orders‟",
        "‛orders’",
        "‚orders‘",
    ],
)
def test_typographic_quotes_are_told_to_be_part_of_the_name(tmp_path: Path, name: str) -> None:
    (found,) = findings(tmp_path, f"{HEAD.replace('orders', name)}spec: {{endpointType: S3}}\n")
    assert (found.rule, found.severity, found.hint) == ("GW205", "warning", 'write straight quotes: "orders"')


@pytest.mark.parametrize("name", ["“orders” and “more”", "“say 'x' \\\\ y”", "“" + "x" * 70 + "”", '“say \\"x\\"”'])
def test_a_hint_is_what_could_be_written_or_says_only_how(tmp_path: Path, name: str) -> None:
    text = HEAD.replace("name: orders", f'name: "{name}"')
    (found,) = findings(tmp_path, f"{text}spec: {{endpointType: S3}}\n")
    assert (found.rule, found.hint) == ("GW205", 'write straight quotes: "…"')


def test_an_apostrophe_at_the_end_is_the_names_own(tmp_path: Path) -> None:
    assert told(tmp_path, f"{HEAD.replace('orders', 'the traders’')}spec: {{endpointType: S3}}\n") == []


def test_quotes_around_what_is_wrong_because_of_them_are_one_mistake(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, f"{HEAD}spec: {{endpointType: “S3”}}\n")
    assert (found.rule, found.severity) == ("GW204", "error")
    assert found.hint and found.hint.endswith('do not quote it; write straight quotes: "S3"')


def test_it_is_a_matter_of_taste(tmp_path: Path) -> None:
    text = f"{HEAD.replace('orders', '“orders”')}spec: {{endpointType: S3}}\n"
    assert told(tmp_path, text, GW205="off") == []
    assert [f.severity for f in findings(tmp_path, text, GW205="error")] == ["error"]


def test_typographic_quotes_within_a_name_are_the_names_own(tmp_path: Path) -> None:
    assert told(tmp_path, f"{HEAD.replace('orders', 'the “raw” one’s')}spec: {{endpointType: S3}}\n") == []
