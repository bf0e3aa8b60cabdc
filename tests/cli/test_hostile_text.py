"""Names that want to be more than names, through every command and every format: no line is forged, no runner of a CI obeys."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatectl.documents.plans import signed
from gatectl.render import FORMATS

from .conftest import BUCKET, GOOD, REPOSITORY, Result, Shell, project

HOSTILE = {
    "GitHub": "::error::FORGED",
    "GitHub behind space": " \t::add-mask::FORGED",
    "GitHub, the old form": "##[error]FORGED",
    "Azure": "##vso[task.setvariable variable=PATH]FORGED",
    "TeamCity": "##teamcity[message text='FORGED']",
    "GitLab": "section_start:1:FORGED\r\x1b[0KFORGED",
    "a line": "a\n::error::FORGED",
    "a carriage return": "a\r::error::FORGED",
    "a separator of lines": "a\u2028::error::FORGED",
    "the next line of C1": "a\x85::error::FORGED",
    "a title": "\x1b]0;FORGED\x07",
    "a colour of C1": "\x9b31mFORGED",
    "a turn of direction": "\u202eDEGROF",
    "half a surrogate": "a\ud800FORGED",
    "a long line": "FORGED" + "x" * (1 << 20 if os.environ.get("GATECTL_LONG") else 1 << 16),
}
"""What a value may be; with GATECTL_LONG=1 in the environment, the long line is a mebibyte."""
COMMAND = re.compile(r"^\s*::[\w-]+( [^:]*)?::\s*FORGED|##\[|##vso\[|##teamcity\[", re.IGNORECASE)
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff]")
LONGEST = 8_000


def assert_harmless(result: Result, *, machine: bool = False) -> None:
    for text in (result.out, result.err):
        for line in text.splitlines():
            assert not COMMAND.search(line), line[:300]
            assert not CONTROLS.search(line), repr(line[:300])
            assert machine or len(line) < LONGEST, line[:300]
    assert "internal error" not in result.err


def name(value: str) -> str:
    """A value in double quotes, which YAML reads as JSON does."""
    return json.dumps(value)


def manifests(value: str) -> Iterator[str]:
    """Manifests with a value of somebody's in every place that is shown: names, keys, values, kinds."""
    shown = name(value)
    yield BUCKET.replace("raw-aws", shown)
    yield BUCKET.replace("raw-events", shown)
    yield BUCKET.replace("type: S3", f"type: {shown}")
    yield BUCKET.replace("spec:", f"spec:\n  {shown}: 1")
    yield BUCKET.replace("env: SECRET", f"file: {shown}")
    yield BUCKET.replace("  bucket:", f"  endpoint: {shown}\n  bucket:")
    yield BUCKET.replace("kind: Bucket", f"kind: {shown}")
    yield BUCKET.replace("gatectl.io/v1", shown)
    yield REPOSITORY.replace("name: data", f"name: {shown}")
    yield REPOSITORY.replace("name: data", f"name: data, workspace: {shown}")
    yield REPOSITORY.replace("team: data", f"{shown}: {shown}")
    yield REPOSITORY.replace("endpointType: S3", f"endpointType: {shown}")
    yield REPOSITORY.replace("raw-events}", f"raw-events, folder: {shown}, label: {shown}, id: {shown}}}")
    yield REPOSITORY.replace("bucket: raw-events", f"bucket: {shown}")
    yield REPOSITORY.replace("bucket: raw-events", f"{shown}: x")
    yield f"{shown}: 1\n{shown}: 2\n"
    yield f"a: !{value!r}\n" if value.isascii() and value.isprintable() else "a: &b *c\n"


def commands() -> Iterator[list[str]]:
    yield from (["validate", "--format", form] for form in FORMATS["findings"])
    yield from (["plan", "--format", form] for form in FORMATS["plan"])
    yield ["plan", "-v", "--log-format", "json"]
    yield ["apply", "--yes", "-v"]
    yield ["apply", "--yes", "--format", "json"]
    yield ["graph", "--format", "mermaid"]
    yield ["graph", "--format", "dot"]
    yield ["graph", "--format", "svg"]
    yield ["export"]


def run(shell: Shell, arguments: list[str]) -> None:
    machine = arguments[-1] in ("json", "sarif", "gitlab", "html", "junit", "svg", "dot", "mermaid")
    assert_harmless(shell(*arguments), machine=machine)


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_manifests_say_is_harmless_in_every_command_and_format(shell: Shell, kind: str) -> None:
    shell.good()
    for number, text in enumerate(manifests(HOSTILE[kind])):
        shell.write(f"manifests/{number}.yaml", text)
    for arguments in commands():
        run(shell, arguments)


@pytest.mark.parametrize("place", range(17))
def test_each_place_by_itself_is_harmless(shell: Shell, place: int) -> None:
    """A manifest that is invalid hides what a valid one would show in a plan, so each is tried alone."""
    for kind in ("GitHub", "Azure", "a line"):
        shell.write("gatectl.yaml", project())
        shell.write("manifests/all.yaml", list(manifests(HOSTILE[kind]))[place])
        for arguments in commands():
            run(shell, arguments)


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if "surrogate" not in kind and "long" not in kind])
def test_names_of_files_are_harmless(shell: Shell, kind: str) -> None:
    shell.good()
    for text in (REPOSITORY.replace("S3", "S4"), "a: [", GOOD):
        shell.write(f"manifests/{HOSTILE[kind]}.yaml", text)
        for arguments in commands():
            run(shell, arguments)


def test_a_name_of_bytes_is_harmless(shell: Shell) -> None:
    shell.good()
    Path(bytes(shell.folder / "manifests").decode() + "/a\udc9b31m.yaml").write_text("a: [")
    for arguments in commands():
        run(shell, arguments)


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind != "half a surrogate" and kind != "a long line"])
def test_what_is_typed_is_harmless_in_what_is_said_of_it(shell: Shell, kind: str) -> None:
    shell.good()
    shell("plan", "--out", "plan.json")
    value = HOSTILE[kind]
    for arguments in [
        [value], ["plan", value], ["plan", "-l", value], ["plan", "-l", f"{value}={value}"], ["plan", "--target", value],
        ["plan", "--target", f"Repository/{value}"], ["-e", value, "plan"], ["--platform", value, "plan"],
        ["--platform", f"https://{value}", "plan"], ["--platform", f"sqlite:///{value}/x/y", "plan"],
        ["--platform", f"postgresql://{value}", "plan"], ["--workspace", value, "plan"], ["--project", value, "plan"],
        ["--color", value, "plan"], [f"--{value}", "plan"], ["plan", f"--{value}"], ["plan", "--format", value],
        ["plan", "--format", f"text={value}/x"], ["plan", "--out", f"{value}/x"], ["plan", "--against", value],
        ["plan", "--changed-since", value], ["validate", "--against", value], ["validate", value], ["show", value],
        ["apply", "--plan", value], ["apply", "--expect", value], ["apply", "--yes", "--receipt", f"{value}/x"],
        ["apply", "--parallelism", value], ["explain", value], ["schema", value], ["init", f"{value}/x/y"],
        ["export", "--out", f"{value}/x"], ["graph", value], ["graph", "--repository", value], ["snapshot", "--out", f"{value}/x"],
        ["completion", value], ["comment", value], ["serve", "--port", value], ["serve", "--faults", value],
        ["plan", "--renew-credentials", value],
    ]:  # fmt: skip
        run(shell, arguments)
        run(shell, [*arguments, "-v"])


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_a_saved_plan_says_is_harmless(shell: Shell, kind: str) -> None:
    shell.good()
    saved = shell("plan", "--format", "json").json
    saved["source"] |= {"commit": "0" * 40, "dirty": True}
    for path in list(places(saved)):
        spoiled = json.loads(json.dumps(saved))
        put(spoiled, path, HOSTILE[kind])
        if path not in (("digest",), ("fingerprint",)):
            spoiled = signed(spoiled)  # by who can write a file: else nothing of it is shown
        (shell.folder / "plan.json").write_text(json.dumps(spoiled))
        for arguments in (
            ["show", "plan.json"],
            ["show", "plan.json", "--format", "markdown"],
            ["show", "plan.json", "--format", "github"],
            ["apply", "--yes", "--plan", "plan.json"],
        ):
            run(shell, arguments)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a string in a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))
    elif isinstance(value, str):
        yield path


def put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for part in path[:-1]:
        document = document[part]
    document[path[-1]] = value
