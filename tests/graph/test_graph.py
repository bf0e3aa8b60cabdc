"""The attachment graph: what is read of manifests, platforms and plans, and where it is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gatectl.graph import dot, html, mermaid, svg
from gatectl.graph.layout import BOX, Picture, lay_out
from gatectl.graph.planned import from_plan
from gatectl.graph.reading import by_label, from_manifests
from gatectl.graph.text import fit
from gatectl.graph.values import Edge, Graph, Key, Node, repository_key, resource_key, resource_node
from gatectl.manifests import loading
from sites import ENVIRONMENT, Site, bucket, entry, llm, repository

SVG = "{http://www.w3.org/2000/svg}"


def declared(site: Site, group: str = "team") -> Graph:
    paths = loading.manifest_paths(site.project, ENVIRONMENT, ())
    loaded = loading.load(site.project, paths, "default")
    return from_manifests(loaded.desired, loaded.findings, by_label(group))


def shown(graph: Graph) -> dict[str, str]:
    """Each attachment as "repository → resource", with its mark."""
    return {f"{edge.repository[-1]} → {edge.resource[-1]}": edge.mark for edge in graph.edges}


def large(repositories: int, groups: int = 30, shared: bool = True) -> Graph:
    """Repositories that each attach two buckets and an Azure container, and in each group one bucket that all attach."""
    nodes: dict[Key, Node] = {}
    edges = []
    for number in range(repositories):
        group = f"team-{number % groups:02}"
        key = repository_key("w", f"repository-{number:05}")
        nodes[key] = Node(key, "Repository", key[-1], ("w", group), "", "S3")
        identities = [("S3", f"one-{number}"), ("GCS", f"two-{number}"), ("AzureBlob", f"acc{group}", f"logs-{number}")]
        for identity in [*identities, *([("S3", f"shared-{group}")] if shared else [])]:
            node = resource_node("w", identity)
            nodes.setdefault(node.key, node)
            edges.append(Edge(key, node.key))
    return Graph(nodes, tuple(edges))


# Reading


def test_manifests_become_repositories_resources_and_attachments(site: Site) -> None:
    site.manifests(
        bucket("label-of-raw", ("S3", "Raw-Events"), region="eu-west-1"),
        bucket("spare", ("GCS", "spare")),
        llm("gpt"),
        repository(
            "data", [entry("S3", "raw-events", folder="a"), entry("AzureBlob", "Acct", "Logs")], labels={"team": "x"}
        ),
        repository("ai", [entry("LLM", "gpt")], endpoint="OpenAI"),
    )
    graph = declared(site)
    assert shown(graph) == {"data → raw-events": "same", "data → logs": "same", "ai → gpt": "same"}
    raw = graph.nodes[resource_key("default", ("S3", "RAW-EVENTS"))]
    assert (raw.name, raw.label, raw.note) == ("Raw-Events", "label-of-raw", "label-of-raw · eu-west-1")
    assert graph.nodes[repository_key("default", "data")].group == ("default", "x")
    assert graph.nodes[repository_key("default", "ai")].note == "OpenAI"
    assert graph.nodes[resource_key("default", ("AzureBlob", "acct", "logs"))].account == "Acct"
    assert graph.edges[0].note == "folder a"
    assert ("default", "GCS", "spare") in graph.nodes


def test_a_collision_marks_the_repository_and_both_attachments(site: Site) -> None:
    site.manifests(repository("data", [entry("S3", "x-data"), entry("GCS", "x-data"), entry("S3", "fine")]))
    graph = declared(site)
    problems = {edge.resource[1:]: [p[:5] for p in edge.problems] for edge in graph.edges}
    assert problems == {("S3", "x-data"): ["GW301"], ("GCS", "x-data"): ["GW301"], ("S3", "fine"): []}
    assert graph.nodes[repository_key("default", "data")].problems[0].startswith("GW301: bucket name 'x-data'")
    for text in (svg.render(graph), mermaid.render(graph), dot.render(graph), html.render(graph)):
        assert "⚠" in text or "#9888;" in text


def test_a_collision_of_two_repositories_marks_both(site: Site) -> None:
    site.manifests(repository("one", [entry("S3", "shared")]), repository("two", [entry("S3", "shared")]))
    graph = declared(site)
    assert [bool(node.problems) for node in graph.repositories] == [True, True]
    assert all(edge.problems for edge in graph.edges)


def test_what_cannot_be_read_is_left_out_and_the_rest_is_drawn(site: Site) -> None:
    nameless: Any = {"apiVersion": "gatectl.io/v1", "kind": "Repository", "metadata": {}, "spec": {"resources": [5]}}
    odd = repository("odd", [{"type": "S3"}, {"type": ["S3"]}, entry("GCS", "good")])
    odd["metadata"]["labels"] = {"team": 5}
    site.manifests(nameless, odd, bucket("b", ("S3", "x")) | {"spec": {"type": "S3", "bucket": 7}})
    graph = declared(site)
    assert shown(graph) == {"odd → good": "same"}
    assert ET.fromstring(svg.render(graph)).tag == f"{SVG}svg"


def test_nothing_at_all_is_drawn_too() -> None:
    empty = Graph({}, ())
    ET.fromstring(svg.render(empty))
    assert "0 repositories" in html.render(empty)
    assert dot.render(empty).endswith("}")
    assert mermaid.render(empty) == "flowchart LR"


# Plans


def changed(site: Site) -> tuple[Any, Graph]:
    """A plan that attaches, detaches and keeps, beside a repository that uses the same bucket."""
    raw = site.live_bucket("raw", ("S3", "raw-events"))
    old = site.live_bucket("old", ("GCS", "old-data"))
    site.live_repository("data", {"bucketId": raw, "folder": "d"}, {"bucketId": old, "folder": "d"})
    site.live_repository("soft", {"bucketId": old, "folder": "s"})
    site.live_repository("other", {"bucketId": raw, "folder": "o"})
    site.manifests(
        bucket("new", ("AzureBlob", "acct", "logs")),
        bucket("raw", ("S3", "raw-events"), region="eu-west-1"),
        repository("data", [entry("S3", "raw-events", folder="d"), entry("AzureBlob", "acct", "logs")], policy="Exact"),
        repository("soft", [entry("S3", "raw-events", folder="s")]),
        repository("other", [entry("S3", "raw-events", folder="o")]),
    )
    return site.plan(), declared(site)


def test_a_plan_alone_shows_what_it_names(site: Site) -> None:
    plan, _ = changed(site)
    assert shown(from_plan(plan)) == {
        "data → logs": "added", "data → old-data": "removed", "soft → raw-events": "added", "soft → old-data": "kept",
    }  # fmt: skip


def test_with_the_manifests_it_shows_what_stays_and_what_else_uses_a_bucket(site: Site) -> None:
    plan, graph = changed(site)
    drawn = from_plan(plan, graph)
    assert shown(drawn) == {
        "data → logs": "added", "data → old-data": "removed", "soft → raw-events": "added", "soft → old-data": "kept",
        "data → raw-events": "same", "other → raw-events": "same",
    }  # fmt: skip
    marks = {node.name: node.mark for node in drawn.nodes.values()}
    assert marks == {
        "data": "changed", "soft": "changed", "other": "same", "logs": "added", "raw-events": "changed", "old-data": "same",
    }  # fmt: skip


def test_a_plan_that_cannot_be_shows_the_collision(site: Site) -> None:
    site.manifests(
        bucket("raw", ("S3", "raw-events")), repository("data", [entry("S3", "raw-events"), entry("S3", "nowhere")])
    )
    plan = site.plan()
    drawn = from_plan(plan, declared(site))
    assert {edge.resource[-1]: bool(edge.problems) for edge in drawn.edges} == {"raw-events": False, "nowhere": True}
    assert from_plan(plan).repositories[0].problems[0].startswith("GW501")


def test_deletions_are_removed_nodes(site: Site) -> None:
    site.manifests(bucket("one", ("S3", "one")), llm("gpt"), repository("r", [entry("S3", "one")]))
    site.apply()
    site.manifests(bucket("two", ("S3", "two")))
    drawn = from_plan(site.plan(prune=True), declared(site))
    assert {node.name: node.mark for node in drawn.nodes.values() if node.mark != "same"} == {
        "r": "removed", "one": "removed", "gpt": "removed", "two": "added",
    }  # fmt: skip


# Layout


def overlaps(picture: Picture) -> Iterable[tuple[str, str]]:
    """Boxes that stand on each other, of those that begin at the same height or so."""
    columns: dict[int, list[Any]] = {}
    for box in picture.boxes:
        columns.setdefault(box.x // 50, []).append(box)
    for boxes in columns.values():
        boxes.sort(key=lambda box: (box.y, box.x))
        for one, other in pairwise(boxes):
            if other.y < one.y + BOX and other.x < one.x + one.width and one.x < other.x + other.width:
                yield one.text, other.text


@pytest.mark.parametrize("count", [1, 5, 60, 500])
def test_nothing_overlaps_and_all_stands_inside_its_group(count: int) -> None:
    graph = large(count)
    picture = lay_out(graph)
    assert list(overlaps(picture)) == []
    assert {box.node.key for box in picture.boxes} == set(graph.nodes)
    assert len(picture.curves) == len(graph.edges)
    for box in picture.boxes:
        assert any(
            f.x < box.x and box.x + box.width < f.x + f.width and f.y < box.y and box.y + BOX < f.y + f.height
            for f in picture.groups
        )


def test_five_hundred_repositories_have_the_shape_of_a_screen_and_large_titles() -> None:
    picture = lay_out(large(500))
    assert 0.8 < picture.width / picture.height < 2.2
    assert picture.width / picture.title_size < 160
    assert lay_out(large(5, 1)).title_size == 15


def test_what_five_hundred_share_is_drawn_near_each_of_them() -> None:
    graph = large(500, groups=1)
    picture = lay_out(graph)
    shared = [box for box in picture.boxes if box.node.name == "shared-team-00"]
    assert len(shared) > 10
    assert {box.users for box in shared} == {500}
    assert max(abs(curve.y2 - curve.y1) for curve in picture.curves) < 1_200


def test_ten_thousand_repositories_are_laid_out_in_linear_pieces() -> None:
    picture = lay_out(large(10_000, groups=100))
    assert len(picture.curves) == 40_000
    assert len(picture.boxes) < 45_000


def test_a_picture_is_the_same_whatever_the_order_of_what_it_shows(site: Site) -> None:
    documents = [repository(f"r{n}", [entry("S3", f"b{n}"), entry("S3", "all", folder=str(n))]) for n in range(9)]
    one = svg.render(declared(site.manifests(*documents)))
    two = svg.render(declared(site.manifests(*reversed(documents))))
    strip = re.compile(r' data-\w="\d+"')
    assert sorted(strip.sub("", one).splitlines()) == sorted(strip.sub("", two).splitlines())


def test_a_long_name_loses_its_middle() -> None:
    short = fit("a" * 60 + "-end", 120)
    assert short.startswith("aaa")
    assert short.endswith("-end")
    assert "…" in short
    assert fit("漢字" * 20, 120).count("漢") < 5
    assert fit("name\x1b\u202e", 300) == "name\\x1b\\u202e"


def test_marks_differ_by_the_kind_of_line_and_not_only_by_colour() -> None:
    style = svg.static("graph.css")
    dashes = {
        name: re.search(rf"\.edge\.{name} {{[^}}]*dasharray: ([^;]+)", style)
        for name in ("removed", "kept", "changed", "problem")
    }
    assert len({found[1] for found in dashes.values() if found}) == 4
    assert not re.search(r"\.edge\.added {[^}]*dasharray", style)
