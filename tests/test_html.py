"""The plan as a page: what it says, that it is sealed, and that it bears any size."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gatectl import page
from gatectl.graph.reading import by_label, from_manifests
from gatectl.manifests import loading
from gatectl.render import render
from gatectl.render.interface import Files, Look
from sites import ENVIRONMENT, Site, bucket, entry, repository

STATIC = Path(page.__file__).parent


class Text(HTMLParser):
    """What a browser would show, and the elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._silent = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._silent = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent = self._silent and tag not in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.parts))


def html(plan: Mapping[str, Any], **look: Any) -> str:
    return render(plan, "html", Look(**look))


@pytest.fixture
def busy(site: Site) -> Site:
    raw = site.live_bucket("raw", ("S3", "raw-events"), region="eu-west-1")
    old = site.live_bucket("old", ("GCS", "old-data"))
    data = site.live_repository("data", {"bucketId": raw, "folder": "d"}, {"bucketId": old, "folder": "d"})
    site.live_key(data)
    site.live_repository("same", {"bucketId": raw, "folder": "s"}, {"bucketId": old, "folder": "kept"})
    return site.manifests(
        bucket("raw", ("S3", "raw-events"), region="eu-north-1"),
        bucket("new", ("AzureBlob", "acct", "logs"), credentials={"secret": {"file": "secrets/azure"}}),
        repository("data", [entry("S3", "raw-events", folder="d"), entry("AzureBlob", "acct", "logs")], policy="Exact"),
        repository("same", [entry("S3", "raw-events", folder="s")]),
    )


def test_a_page_says_all_that_the_plan_says(busy: Site) -> None:
    plan = busy.plan()
    text = Text(html(plan, environment="prod")).text
    for words in (
        "Plan prod", "3 changes pending", plan["fingerprint"], "1 to create", "2 to update", "1 to detach",
        "+ create Bucket default/ new", "manifests/all.yaml:3", "{secret: {file: manifests/secrets/azure}}", "region eu-west-1 eu-north-1",
        "~ update Repository default/ data", "destructive", "− GCS old-data, folder d (old)", "+ AzureBlob acct/logs (new)",
        "adopts a live object", "Destructive 1", "detaches GCS old-data",
        "Kept 1, attached on the platform and not in the manifests", "Repository default/ same = GCS old-data, folder kept (old)",
        "Adopted 1", "Not managed 1", "Bucket default/ old",
    ):  # fmt: skip
        assert words in text, words


def test_wider_reach_of_existing_keys_is_said(busy: Site) -> None:
    busy.manifests(
        bucket("new", ("AzureBlob", "acct", "logs")),
        repository("data", [entry("AzureBlob", "acct", "logs"), entry("S3", "raw-events")]),
    )
    assert "Its existing API keys will reach what is attached" in Text(html(busy.plan())).text


def test_findings_stand_with_their_lines(site: Site) -> None:
    site.manifests(repository("data", [entry("S3", "nowhere")]))
    plan = site.plan()
    lines = (site.folder / "manifests/all.yaml").read_text().splitlines()
    shown = Text(html(plan, files=Files(lines=lambda _: lines))).text
    assert "No plan: the manifests have errors" in shown
    assert "error GW501 manifests/all.yaml:1:" in shown
    assert '{"type": "S3", "bucket": "nowhere"}' in shown
    assert "Hint declare it with a Bucket manifest" in shown
    assert "to create" not in shown


def test_nothing_to_do_is_said(site: Site) -> None:
    site.manifests(repository("data", []))
    site.apply()
    text = Text(html(site.plan())).text
    assert "Nothing to do" in text
    assert "The platform is as the manifests say." in text


def test_remarks_on_a_plan_are_shown(busy: Site) -> None:
    removed = [{"kind": "Repository", "workspace": "default", "name": "gone"}]
    since = {"ref": "origin/main", "commit": "a" * 40, "touched": 2, "of": 9, "removed": removed}
    only = {"paths": [], "selector": "team=<b>", "targets": [], "since": since, "partial": True}
    snapshot = {"takenAt": "2026-01-01T00:00:00Z", "digest": "sha256:" + "0" * 64}
    text = Text(html({**busy.plan(), "selection": only, "snapshot": snapshot})).text
    assert "Partial plan: only of labels team=<b>; changes since origin/main (aaaaaaaaaaaa), 2 of 9 objects" in text
    assert "default/ gone is declared no more" in text
    assert "From a snapshot: the platform as it was at 2026-01-01T00:00:00Z" in text


# Sealed


def test_the_policy_names_the_one_style_and_the_one_script_by_their_hashes(busy: Site) -> None:
    text = html(busy.plan())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    policy = policy.replace("&#x27;", "'")
    for name, pattern in (("style", r"<style>(.*?)</style>"), ("script", r"<script>(.*?)</script>")):
        (content,) = re.findall(pattern, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_nothing_in_a_page_leads_anywhere(busy: Site) -> None:
    for tag, attributes in Text(html(busy.plan())).elements:
        assert tag not in ("img", "iframe", "link", "object", "base")
        assert not {"src", "style", "action", "srcset"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#op").startswith("#op")


@pytest.mark.parametrize("name", ["graph.js", "plan.js"])
def test_our_scripts_set_text_and_never_markup_and_ask_nobody(name: str) -> None:
    words = (
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|fetch|XMLHttp|WebSocket|import\s*\("
    )
    assert not re.search(words, (STATIC / name).read_text())


def test_the_plan_is_in_the_page_and_cannot_end_its_element(busy: Site) -> None:
    plan = {
        **busy.plan(),
        "unmanaged": [{"kind": "Bucket", "workspace": "w", "name": "</script><!--\u2028&amp;\ud800"}],
    }
    text = html(plan)
    (embedded,) = re.findall(r'<script type="application/json" id="plan">(.*?)</script>', text, re.DOTALL)
    assert json.loads(embedded) == plan
    assert embedded.isascii()
    assert not re.search("[<>&]", embedded)


def test_a_page_is_the_same_each_time(busy: Site) -> None:
    assert html(busy.plan()) == html(busy.plan())


# The graph


def test_the_graph_shows_other_users_only_where_the_manifests_are_known(busy: Site) -> None:
    plan = busy.plan()
    loaded = loading.load(busy.project, loading.manifest_paths(busy.project, ENVIRONMENT, ()), "default")
    graph = from_manifests(loaded.desired, loaded.findings, by_label("team"))
    alone, known = html(plan), html(plan, declared=lambda: graph)
    assert "are not in a saved plan" in alone
    assert "what else uses the same resources" in known
    assert known.count('class="edge same') == alone.count('class="edge same') + 2


def test_ten_thousand_operations_make_a_page_without_a_picture(busy: Site) -> None:
    plan = busy.plan()
    operation = next(op for op in plan["operations"] if op["kind"] == "Repository")
    many = [
        {**operation, "name": f"repository-{number}", "id": f"repository/default/{number}"} for number in range(10_000)
    ]

    def never() -> None:
        raise AssertionError("the manifests are not read for a picture that is left out")

    text = html({**plan, "operations": many}, declared=never)
    assert text.count('<article class="op ') == 10_000
    assert "The plan touches too much for a picture" in text
    assert "… and 9,960 more, below" in text
    assert 'class="graph"' not in text
    assert "class=many" in text
