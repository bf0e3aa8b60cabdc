"""`gatectl graph`, and the pages of `plan` and `show`, from the command line."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gatectl import page
from gatectl.errors import DONE, INVALID, USAGE

from .conftest import BUCKET, Shell, project

COLLIDES = (
    "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: bad}\nspec:\n  endpointType: S3\n  resources:\n"
)
COLLIDES += "    - {type: S3, bucket: twice-used}\n    - {type: GCS, bucket: twice-used}\n"


@pytest.mark.parametrize(
    ("name", "start"),
    [("svg", "<svg "), ("html", "<!doctype html>"), ("mermaid", "flowchart LR\n"), ("dot", 'digraph "acme" {')],
)
def test_the_manifests_are_drawn_in_every_format(shell: Shell, name: str, start: str) -> None:
    result = shell.good()("graph", "--format", name)
    assert (result.code, result.err) == (DONE, "")
    assert result.out.startswith(start)
    assert "raw-events" in result.out
    assert "default / data" in result.out


def test_svg_is_the_format_unless_one_asks_for_another(shell: Shell) -> None:
    assert ET.fromstring(shell.good()("graph").out).attrib["class"] == "graph"


def test_a_label_of_ones_choice_groups(shell: Shell) -> None:
    shell.good().write(
        "manifests/more.yaml", BUCKET.replace("raw-aws", "more, labels: {tier: gold}").replace("raw-events", "more")
    )
    assert "default / gold" in shell("graph", "--group-by", "tier").out
    assert "default / gold" not in shell("graph").out


def test_a_collision_is_drawn_and_the_manifests_are_invalid(shell: Shell) -> None:
    shell.write("gatectl.yaml", project())
    shell.write("manifests/bad.yaml", COLLIDES)
    result = shell("graph")
    assert result.code == INVALID
    assert "GW301" in result.out
    assert "1 finding of severity error" in result.err


def test_only_what_the_paths_hold_is_drawn(shell: Shell) -> None:
    shell.good().write("manifests/bad.yaml", COLLIDES)
    assert shell("graph", "manifests/all.yaml").code == DONE


def test_the_platform_is_drawn_as_it_is(shell: Shell) -> None:
    shell.good()
    before = shell("graph", "--live", "--format", "dot")
    assert "raw-events" not in before.out
    shell("apply", "--yes")
    shell.write("manifests/all.yaml", BUCKET)
    after = shell("graph", "--live", "--format", "dot")
    assert (after.code, after.err) == (DONE, "")
    assert 'label="data"' in after.out
    assert after.out.count(" -> ") == 1
    assert 'label="S3 raw-events"' in after.out


def test_the_platform_has_no_paths_and_a_workspace_must_be_there(shell: Shell) -> None:
    assert shell.good()("graph", "--live", "manifests").code == USAGE
    missing = shell("graph", "--live", "--workspace", "nowhere")
    assert missing.code == USAGE
    assert "there is no workspace 'nowhere'" in missing.err


def test_a_plan_is_written_as_a_page_beside_its_text(shell: Shell) -> None:
    result = shell.good()("plan", "--format", "text", "--format", "html=plan.html", "--out", "plan.json")
    assert (result.code, result.out.splitlines()[0]) == (
        DONE,
        "Target: embedded (.gatectl/platform.db), workspace default",
    )
    written = (shell.folder / "plan.html").read_text()
    assert "what else uses the same resources" in written
    assert "default / data" in written
    saved = shell("show", "plan.json", "--format", "html")
    assert saved.code == DONE
    assert "are not in a saved plan" in saved.out


def test_the_page_of_an_invalid_plan_shows_the_line(shell: Shell) -> None:
    shell.good().write("manifests/bad.yaml", COLLIDES)
    result = shell("plan", "--format", "html")
    assert result.code == INVALID
    assert "- {type: GCS, bucket: twice-used}" in result.out
    assert 'class="edge same problem"' in result.out


def test_manifests_from_standard_input_have_a_page_too(shell: Shell) -> None:
    shell.write("gatectl.yaml", project())
    done = shell.process(
        "plan", "-", "--format", "html", stdin=COLLIDES.replace("GCS, bucket: twice", "GCS, bucket: once")
    )
    assert "GW501" in done.out


def test_a_secret_beside_a_finding_is_not_in_the_page(shell: Shell) -> None:
    shell.good().write(
        "manifests/secret.yaml", BUCKET.replace("{env: SECRET}", "hush-hush-hush-42").replace("raw-", "other-")
    )
    result = shell("plan", "--format", "html")
    assert result.code == INVALID
    assert "GW601" in result.out
    assert "hush-hush-hush-42" not in result.out


def test_the_files_of_the_pages_are_in_the_package() -> None:
    found = {path.name for path in Path(page.__file__).parent.iterdir()}
    assert {"page.css", "plan.css", "graph.css", "plan.js", "graph.js"} <= found
