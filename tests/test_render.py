"""What people see: whole plans, findings and receipts, line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from gatectl.documents import findings as documents
from gatectl.manifests.parse import parse
from gatectl.manifests.places import locate
from gatectl.model import Finding, Place, Related, SourceFile
from gatectl.quote import safe
from gatectl.render import FORMATS, RENDERERS, render, renderer
from gatectl.render.interface import Look
from sites import Site, bucket, entry, llm, repository, workspace

CREDENTIALS = {"secret": {"env": "SECRET"}}


def plain(document: Any, **look: Any) -> str:
    """The text of a document, its fingerprint shortened."""
    return re.sub(r"sha256:[0-9a-f]{64}", "sha256:…", render(document, "text", Look(**look)))


@pytest.fixture
def busy(site: Site) -> Site:
    """A platform with a history, and manifests that change nearly everything about it."""
    raw = site.live_bucket("raw-aws", ("S3", "raw-events"), region="eu-west-1")
    legacy = site.live_bucket("legacy", ("GCS", "legacy-data"))
    site.live_bucket("spare", ("S3", "spare"))
    site.live_api_key("main")
    data = site.live_repository("data", {"bucketId": raw, "folder": "raw"}, legacy)
    site.live_key(data)
    site.live_repository("exact", {"bucketId": raw, "folder": "exact"}, {"bucketId": legacy, "folder": "old/"})
    site.live_repository("same", {"bucketId": raw, "folder": "same"}, {"bucketId": legacy, "folder": "kept"})
    return site.manifests(
        workspace("analytics"),
        bucket("raw-aws", ("S3", "raw-events"), region="eu-central-1"),
        bucket("logs", ("AzureBlob", "prodeustore", "logs"), credentials={"secret": {"file": "secrets/azure"}}),
        bucket("media", ("GCS", "media"), credentials={"apiKey": "main"}, endpoint="https://gcs.example"),
        llm("claude", "Anthropic", credentials=CREDENTIALS, metadata={"workspace": "analytics"}),
        repository("data", [entry("S3", "raw-events"), entry("AzureBlob", "prodeustore", "logs", folder="/x")]),
        repository("exact", [entry("S3", "raw-events", folder="exact")], policy="Exact"),
        repository("same", [entry("S3", "raw-events", folder="same")]),
        repository("mirror", [entry("GCS", "media", master=True)], mode="Mirror"),
        repository("ai", [entry("LLM", "claude")], endpoint="OpenAI", workspace="analytics"),
    )


PLAN = """\
Target: embedded (.gatectl/platform.db), workspaces analytics, default

+ create Workspace analytics  # manifests/all.yaml:1

+ create Bucket default/logs (AzureBlob, prodeustore/logs)  # manifests/all.yaml:5
    + credentials: secret {file: manifests/secrets/azure}

+ create Bucket default/media (GCS, media)  # manifests/all.yaml:7
    + credentials: apiKey main
    + endpoint: https://gcs.example

~ update Bucket default/raw-aws  # manifests/all.yaml:3
    adopts a live object that this project never applied; differs from its manifest
    ~ region: eu-west-1 → eu-central-1

~ update Repository default/exact  # manifests/all.yaml:13
    adopts a live object that this project never applied; differs from its manifest
    - GCS legacy-data, folder old/  (legacy)

+ create LLM analytics/claude (Anthropic)  # manifests/all.yaml:9
    + credentials: secret {env: SECRET}

~ update Repository default/data  # manifests/all.yaml:11
    adopts a live object that this project never applied; differs from its manifest
    ! its existing API keys will reach what is attached
    + AzureBlob prodeustore/logs, folder /x  (logs)
    = GCS legacy-data  (legacy)  kept: not in the manifests

+ create Repository default/mirror (S3 Mirror)  # manifests/all.yaml:17
    + GCS media, master

+ create Repository analytics/ai (OpenAI Normal)  # manifests/all.yaml:19
    + LLM claude

Kept, attached on the platform and not in the manifests:
    = default/same: GCS legacy-data, folder kept  (legacy)

Adopts 1 live object that matches its manifest:
    = Repository default/same

Not managed, live and in no manifest: 2 objects
    · Bucket default/legacy
    · Bucket default/spare

Plan: 6 to create, 3 to update, 0 to delete, 3 to attach, 1 to detach; 1 unchanged, 2 unmanaged.
Fingerprint: sha256:…"""


def test_a_plan_shows_all_that_changes_and_all_that_is_left_alone(busy: Site) -> None:
    assert plain(busy.plan()) == PLAN


def test_colours_add_nothing_but_colours(busy: Site) -> None:
    colored = plain(busy.plan(), color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == PLAN
    assert "\x1b[32m+ create\x1b[0m" in colored
    assert "\x1b[31m    - GCS legacy-data, folder old/  (legacy)\x1b[0m" in colored


def test_a_plan_of_deletions_and_renewals(site: Site) -> None:
    site.manifests(bucket("one", ("S3", "one")), bucket("two", ("S3", "two")), repository("r", [entry("S3", "two")]))
    site.apply()
    for _ in range(2):
        site.live_key(site.one("repo", "r")["id"])
    site.manifests(bucket("one", ("S3", "one")))
    assert (
        plain(site.plan(prune=True, renew=("Bucket/one",)))
        == """\
Target: embedded (.gatectl/platform.db), workspace default

~ update Bucket default/one  # manifests/all.yaml:1
    its credentials are to be renewed
    ~ credentials: key {env: KEY}, secret {env: SECRET}

- delete Repository default/r
    applied by this project before, declared no more
    - its 2 API keys die with it
    - S3 two

- delete Bucket default/two
    applied by this project before, declared no more

Plan: 0 to create, 1 to update, 2 to delete, 0 to attach, 1 to detach; 0 unchanged, 0 unmanaged.
Fingerprint: sha256:…"""
    )


def test_a_plan_without_changes_says_so(busy: Site) -> None:
    busy.manifests(repository("same", [entry("S3", "raw-events", folder="same")], policy="Additive"))
    busy.apply()
    assert (
        plain(busy.plan()).splitlines()[-1]
        == "Nothing to do: the platform is as the manifests say; 1 unchanged, 5 unmanaged."
    )


def test_a_plan_that_cannot_be_says_why(site: Site) -> None:
    site.manifests(repository("data", [entry("S3", "raw-events")]))
    assert (
        plain(site.plan())
        == """\
Target: embedded (.gatectl/platform.db), workspace default

manifests/all.yaml:1:130: error GW501: S3 bucket 'raw-events' is neither registered in workspace 'default' nor declared by a manifest of it
    hint: declare it with a Bucket manifest, or register it in the platform

No plan: 1 error."""
    )


def test_a_long_list_of_unmanaged_objects_is_cut_unless_one_asks(site: Site) -> None:
    for number in range(13):
        site.live_bucket(f"spare-{number:02}", ("S3", f"spare-{number}"))
    site.manifests(repository("data", []))
    assert "    · Bucket default/spare-09\n    … and 3 more (-v shows all)\n" in plain(site.plan())
    assert "    · Bucket default/spare-12\n" in plain(site.plan(), verbosity=1)


# --- findings ----------------------------------------------------------------------------------------------------------


FINDINGS = [
    Finding("GW102", "not valid YAML: odd", None, place=Place("/p/a.yaml", 3, 7, 3, 8)),
    Finding("GW301", "bucket name 'x' is used twice", "rename one", place=Place("/p/m/b.yaml", 9, 1, 9, 9),
            related=(Related(None, "first here", Place("/p/m/b.yaml", 8, 1, 8, 9)), Related(None, "on the platform too"))),
    Finding("GW307", "two providers", "fine", "warning", place=Place("/q/c.yaml", 1, 1, 1, 1)),
    Finding("GW502", "a live name \x1b[2J", None),
]  # fmt: skip


def document(findings: list[Finding]) -> dict[str, Any]:
    return documents.findings_json(findings, 3, 4, documents.relative_to("/p"))


def test_findings_say_where_what_and_what_to_do() -> None:
    assert (
        plain(document(FINDINGS))
        == """\
a.yaml:3:7: error GW102: not valid YAML: odd

m/b.yaml:9:1: error GW301: bucket name 'x' is used twice
    m/b.yaml:8:1: first here
    on the platform too
    hint: rename one

../q/c.yaml:1:1: warning GW307: two providers
    hint: fine

error GW502: a live name \\x1b[2J

Invalid: 3 errors, 1 warning; 4 manifests in 3 files."""
    )


def test_findings_end_with_a_verdict_and_quiet_keeps_it_for_errors() -> None:
    assert plain(document([])) == "Valid: 4 manifests in 3 files."
    assert plain(document(FINDINGS[2:3])).endswith("Valid, with 1 warning: 4 manifests in 3 files.")
    assert plain(document([]), verbosity=-1) == ""
    assert "Invalid: 1 error;" in plain(document(FINDINGS[:1]), verbosity=-1)


def test_finding_json_has_all_its_fields_and_null_where_there_is_no_place() -> None:
    first, second, _, last = document(FINDINGS)["findings"]
    assert list(first) == [
        "rule",
        "severity",
        "message",
        "hint",
        "file",
        "line",
        "column",
        "endLine",
        "endColumn",
        "path",
        "manifest",
        "related",
    ]
    assert [last[name] for name in ("file", "line", "column", "endLine", "endColumn", "path", "manifest")] == [None] * 7
    assert second["related"][1] == {"file": None, "line": None, "column": None, "message": "on the platform too"}


@pytest.mark.parametrize(
    ("pointer", "text"),
    [((), ""), (("spec", "resources", 0), "/spec/resources/0"), (("a/b", "c~d", ""), "/a~1b/c~0d/")],
)
def test_pointers_are_json_pointers(pointer: tuple[str | int, ...], text: str) -> None:
    assert documents.pointer_text(pointer) == text


# --- receipts ----------------------------------------------------------------------------------------------------------


def receipt(converged: bool, **statuses: str) -> dict[str, Any]:
    names = ("done", "already", "conflict", "failed", "blocked", "not-started", "unknown")
    outcomes = [
        {"id": f"bucket/default/{name}", "status": status, "platformId": None, "attempts": 1,
         "error": {"code": "NO", "message": "it said no"} if status in ("failed", "conflict") else None}
        for name, status in statuses.items()
    ]  # fmt: skip
    return {"formatVersion": "1.0", "fingerprint": "sha256:" + "0" * 64, "outcomes": outcomes, "converged": converged, "diagnostics": [],
            "summary": {name: sum(o["status"] == name for o in outcomes) for name in names}}  # fmt: skip


def test_receipts_say_what_was_done_and_list_what_was_not() -> None:
    assert plain(receipt(True)) == "Nothing to do."
    assert plain(receipt(True, a="done", b="already")) == "Applied: 1 done, 1 already; all reads back as wanted."
    assert (
        plain(receipt(False, a="done", b="failed", c="blocked", d="not-started", e="unknown", f="conflict"))
        == """\
✗ bucket/default/b: failed: NO: it said no
· bucket/default/c: blocked
· bucket/default/d: not-started
? bucket/default/e: unknown
! bucket/default/f: conflict: NO: it said no
Not converged: 1 done, 1 conflict, 1 failed, 1 blocked, 1 not-started, 1 unknown.
Next: whether what is unknown was done, the platform tells: gatectl plan reads it, and shows what is left."""
    )
    assert plain(receipt(True, a="done"), verbosity=1).startswith("✓ bucket/default/a: done\n")


# --- the table ---------------------------------------------------------------------------------------------------------


def test_the_table_of_formats_is_what_the_renderers_can_do() -> None:
    for name in RENDERERS:
        shows = renderer(name)
        for kind in FORMATS:
            assert (name in FORMATS[kind]) == (getattr(shows, kind) is not None), (name, kind)
    assert {name for names in FORMATS.values() for name in names} == set(RENDERERS)
    for names in FORMATS.values():
        assert names[:2] == ("text", "json")


def test_json_is_ascii_and_the_document_itself(busy: Site) -> None:
    plan = busy.plan()
    text = render(plan, "json", Look())
    assert text.isascii()
    assert json.loads(text) == plan


@pytest.mark.parametrize(
    ("value", "text"),
    [("plain é 😀", "plain é 😀"), ("a\nb", "a\\nb"), ("\x1b[31m", "\\x1b[31m"), ("\u202e", "\\u202e"), ("\udc80", "\\udc80"),
     (5, "5"), ("\xa0", "\\xa0")],
)  # fmt: skip
def test_what_is_not_printable_is_an_escape(value: Any, text: str) -> None:
    assert safe(value) == text


def test_relative_names_have_slashes_and_bear_everything() -> None:
    name: Callable[[str], str] = documents.relative_to("/p")
    assert [name(p) for p in ("/p/a/b", "/q", "-", "/p", "/pq/x")] == ["a/b", "../q", "-", ".", "../pq/x"]
    assert documents.relative_to("/")("/a") == "a"


def test_located_findings_are_sorted_by_place() -> None:
    (document_,) = parse(SourceFile("/a.yaml", b"a: 1\nb: 2\n")).documents
    assert document_.line == 1
    assert [f.rule for f in locate(FINDINGS[::-1])] == ["GW102", "GW301", "GW307", "GW502"]


def test_of_what_was_not_tried_a_receipt_names_some_and_counts_the_rest() -> None:
    outcomes = [
        {"id": f"bucket/default/b{n}", "status": "not-started", "platformId": None, "attempts": 0, "error": None}
        for n in range(25)
    ]
    document = {"outcomes": outcomes, "summary": {"not-started": 25}, "converged": False}
    text = render(document, "text", Look())
    assert text.count(": not-started") == 10
    assert "… and 15 more not-started (-v shows all)" in text
    assert render(document, "text", Look(verbosity=1)).count(": not-started") == 25
