"""The pages in a real browser: they render, filter, search and print, and nothing that a name smuggled in ever runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle
from typing import Any

import pytest
from playwright.sync_api import expect

from gatectl.graph import html
from gatectl.graph.values import Edge, Graph, Node, repository_key, resource_node
from gatectl.render import render
from gatectl.render.interface import Files, Look
from sites import Site, bucket, entry, repository

HOSTILE = (
    "</script><script>hacked = 1</script>",
    '"><img src=x onerror="hacked = 1">',
    "'><svg onload=hacked=1>",
    "javascript:hacked=1",
    "]]></title></style><script>hacked=1</script><!--",
    "\u2028hacked = 1\u2029",
    "{{constructor.constructor('hacked=1')()}}",
    "&lt;img src=x onerror=hacked=1&gt;",
    '</textarea></select><iframe src="javascript:hacked=1">',
)


@pytest.fixture
def plan(site: Site) -> Mapping[str, Any]:
    """A plan that creates, updates, attaches, detaches, keeps, and has a warning."""
    raw = site.live_bucket("raw", ("S3", "raw-events"), region="eu-west-1")
    old = site.live_bucket("old", ("GCS", "old-data"))
    site.live_repository("data", {"bucketId": raw, "folder": "d"}, {"bucketId": old, "folder": "d"})
    site.live_repository("soft", {"bucketId": old, "folder": "s"})
    site.manifests(
        bucket("new", ("AzureBlob", "acct", "logs")),
        bucket("raw", ("S3", "raw-events"), region="eu-north-1"),
        bucket("plain", ("S3", "logs")),
        repository("data", [entry("S3", "raw-events", folder="d")], policy="Exact"),
        repository("soft", [entry("S3", "raw-events", folder="s")]),
        repository("fresh", [entry("AzureBlob", "acct", "logs"), entry("S3", "logs")], endpoint="AzureBlob"),
    )
    return site.plan()


def page_of(plan: Mapping[str, Any], **look: Any) -> str:
    return render(plan, "html", Look(**look))


def graph(repositories: int = 40) -> Graph:
    nodes, edges = {}, []
    for number in range(repositories):
        key = repository_key("w", f"repository-{number:03}")
        nodes[key] = Node(key, "Repository", key[-1], ("w", f"team-{number % 4}"), "", "S3")
        for identity in (("S3", f"own-{number}"), ("GCS", f"shared-{number // 2}")):
            node = resource_node("w", identity)
            nodes[node.key] = node
            edges.append(Edge(key, node.key))
    return Graph(nodes, tuple(edges))


# A plan


def test_a_plan_is_there_in_light_and_in_dark(plan: Mapping[str, Any], show: Callable[..., Any]) -> None:
    light, dark = (show(page_of(plan), color_scheme=scheme) for scheme in ("light", "dark"))
    for seen in (light, dark):
        expect(seen.page.locator("h1")).to_contain_text("6 changes pending")
        expect(seen.page.locator(".op")).to_have_count(6)
        expect(seen.page.locator(".tiles .remove")).to_contain_text("1 to detach")
        expect(seen.page.locator(".finding.warning")).to_contain_text("GW306")
        expect(seen.page.locator(".graph-pane .edge.removed")).to_have_count(1)
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert light.color("body", "backgroundColor") == "rgb(255, 255, 255)"
    assert dark.color("body", "backgroundColor") == "rgb(18, 22, 28)"
    assert light.color(".graph .edge.added", "stroke") != dark.color(".graph .edge.added", "stroke")
    assert light.color(".graph .edge.removed", "strokeDasharray") != "none"


def test_operations_are_filtered_by_action_kind_risk_and_words(
    plan: Mapping[str, Any], show: Callable[..., Any]
) -> None:
    page = show(page_of(plan)).page
    shown = page.locator(".op:not([hidden])")
    for change, count in (
        (lambda: page.select_option("#action", "create"), 3),
        (lambda: page.select_option("#kind", "Repository"), 1),
        (lambda: page.select_option("#action", ""), 3),
        (lambda: page.check("#risky"), 1),
        (lambda: page.click("#filters button[type=reset]"), 6),
        (lambda: page.fill("#text", "EU-NORTH region"), 1),
        (lambda: page.fill("#text", "nowhere to be found"), 0),
    ):
        change()
        expect(shown).to_have_count(count)
    expect(page.locator("#none")).to_be_visible()
    expect(page.locator("#shown")).to_have_text("0 of 6")
    page.click(".warn a")
    expect(page.locator(".op.update:target")).to_contain_text("data")


def test_without_script_all_of_it_is_there(plan: Mapping[str, Any], show: Callable[..., Any]) -> None:
    page = show(page_of(plan), java_script_enabled=False).page
    expect(page.locator(".op")).to_have_count(6)
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.locator(".graph-bar")).to_be_hidden()
    expect(page.locator("#graph .node.repository").first).to_be_visible()


def test_a_plan_prints_without_its_controls(plan: Mapping[str, Any], show: Callable[..., Any]) -> None:
    seen = show(page_of(plan), color_scheme="dark")
    page = seen.page
    page.fill("#text", "data")
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 10_000
    page.emulate_media(media="print", color_scheme="dark")
    assert seen.color("body", "color") == "rgb(28, 36, 48)"  # paper is white
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.locator(".graph-bar")).to_be_hidden()
    expect(page.locator(".op:not([hidden])").first).to_be_visible()


def test_a_small_screen_needs_no_sideways_scrolling(plan: Mapping[str, Any], show: Callable[..., Any]) -> None:
    page = show(page_of(plan)).page
    page.set_viewport_size({"width": 380, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_three_thousand_operations_can_be_searched(plan: Mapping[str, Any], show: Callable[..., Any]) -> None:
    (one,) = (op for op in plan["operations"] if op["name"] == "fresh")
    many = [{**one, "name": f"number-{n}", "id": f"repository/default/number-{n}"} for n in range(3_000)]
    page = show(page_of({**plan, "operations": many})).page
    expect(page.locator("#graph")).to_contain_text("too much for a picture")
    page.fill("#text", "number-299")
    expect(page.locator("#shown")).to_have_text("11 of 3,000")


# Hostile names


def poisoned(value: Any, poison: Iterator[str], key: str = "") -> Any:
    """A document with a hostile text in front of every text that may be anything."""
    if isinstance(value, dict):
        return {name: poisoned(inner, poison, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner, poison, key) for inner in value]
    fixed = ("action", "risk", "severity", "formatVersion", "path", "kind")
    return next(poison) + value if isinstance(value, str) and key not in fixed else value


@pytest.mark.parametrize("turn", range(3))
def test_no_script_runs_that_a_name_smuggled_in(plan: Mapping[str, Any], show: Callable[..., Any], turn: int) -> None:
    hostile = poisoned(plan, cycle(HOSTILE[turn * 3 :] + HOSTILE[: turn * 3]))
    since = {
        "ref": HOSTILE[turn],
        "commit": "0" * 40,
        "touched": 1,
        "of": 2,
        "removed": hostile["unmanaged"][:1],
    }
    hostile["selection"] |= {"partial": True, "selector": HOSTILE[turn], "targets": [*HOSTILE], "since": since}
    hostile["diagnostics"] += [{**d, "path": HOSTILE[turn], "severity": "warning"} for d in hostile["diagnostics"]]
    lines = Files(lines=lambda _: [HOSTILE[(turn + n) % len(HOSTILE)] for n in range(50)])
    page = show(page_of(hostile, files=lines, environment=HOSTILE[turn])).page
    page.fill("#text", HOSTILE[turn])
    page.fill(".graph-bar input", HOSTILE[turn])
    page.fill(".graph-bar input", "")
    for node in page.locator("#graph .node").all():
        node.dispatch_event("click")
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("img, iframe, object, embed, base, link, body script:not([type])").count() == 1  # ours
    assert page.eval_on_selector_all("a", "list => list.every(a => a.getAttribute('href').startsWith('#op'))")
    assert json.loads(page.locator("#plan").text_content() or "") == hostile


def test_the_policy_stops_what_escaping_would_have_missed(plan: Mapping[str, Any], show: Callable[..., Any]) -> None:
    seen = show(page_of(plan))
    seen.page.evaluate("""() => {
        const script = document.createElement('script'); script.textContent = 'hacked = 1'; document.body.append(script);
        const holder = document.createElement('div');
        holder.innerHTML = '<img src="/x" onerror="hacked = 1"><b style="color: red" onclick="hacked = 1">b</b>';
        document.body.append(holder); holder.querySelector('b').click();
    }""")
    for _ in range(10_000):  # what the policy stops is told a moment later
        if len(seen.trouble) >= 4 or seen.page.evaluate("typeof hacked") != "undefined":
            break
    assert seen.page.evaluate("typeof hacked") == "undefined"
    assert all("Content Security Policy" in trouble for trouble in seen.trouble)
    assert len(seen.trouble) >= 4
    seen.trouble.clear()


# A graph


def test_the_graph_is_searched_and_its_hits_are_visited(show: Callable[..., Any]) -> None:
    page = show(html.render(graph(), "acme")).page
    svg = page.locator(".graph-pane > svg")
    whole = svg.get_attribute("viewBox")
    page.fill(".graph-bar input", "REPOSITORY-01")
    expect(page.locator(".hits")).to_have_text("10 found")
    expect(page.locator(".node.found")).to_have_count(10)
    page.press(".graph-bar input", "Enter")
    expect(svg).not_to_have_attribute("viewBox", whole or "")
    expect(page.locator(".graph-told")).to_contain_text("↔ S3 own-1")
    page.press(".graph-bar input", "Escape")
    expect(svg).to_have_attribute(
        "viewBox", "-20.0 -20.0 " + " ".join(f"{float(v):.1f}" for v in (whole or "").split()[2:])
    )
    expect(page.locator(".node.off")).to_have_count(0)


def test_a_click_shows_the_neighbours(show: Callable[..., Any]) -> None:
    page = show(html.render(graph(), "acme"), color_scheme="dark").page
    page.locator(".node.resource", has_text="shared-3").first.click()
    told = page.locator(".graph-told")
    expect(told).to_contain_text("repository-006")
    expect(told).to_contain_text("repository-007")
    expect(told).not_to_contain_text("repository-008")
    expect(page.locator(".edge.on")).to_have_count(2)
    page.click("[data-zoom=fit]")
    expect(told).to_be_hidden()


def test_the_graph_is_zoomed_and_dragged(show: Callable[..., Any]) -> None:
    page = show(html.render(graph(), "acme")).page
    svg = page.locator(".graph-pane > svg")
    boxes = [svg.get_attribute("viewBox")]
    page.click("[data-zoom=in]")
    boxes.append(svg.get_attribute("viewBox"))
    place = svg.bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + 300, place["y"] + 200)
    page.mouse.down()
    page.mouse.move(place["x"] + 200, place["y"] + 150, steps=3)
    page.mouse.up()
    boxes.append(svg.get_attribute("viewBox"))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    expect(svg).not_to_have_attribute("viewBox", boxes[-1] or "")
    boxes.append(svg.get_attribute("viewBox"))
    assert len(set(boxes)) == 4
    expect(page.locator(".graph-told")).to_be_hidden()  # a drag is no click


def test_hostile_names_do_nothing_in_a_graph(show: Callable[..., Any]) -> None:
    nodes, edges = {}, []
    for number, name in enumerate(HOSTILE):
        key = repository_key("w", name)
        nodes[key] = Node(key, "Repository", name, (name, name), "", name, "added", (name,))
        for identity in (("AzureBlob", name, name), (HOSTILE[number - 1], name)):
            node = resource_node(name, identity)
            nodes[node.key] = node
            edges.append(Edge(key, node.key, "removed", name, (name,)))
    page = show(html.render(Graph(nodes, tuple(edges)), HOSTILE[0])).page
    for node in page.locator(".node").all():
        node.dispatch_event("click")
    page.fill(".graph-bar input", "hacked")
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("img, iframe, a, svg [onload]").count() == 0
