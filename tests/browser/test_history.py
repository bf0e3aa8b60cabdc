"""The history and the drift as pages in a real browser: all of it is there without script, in light, in dark and on a small screen,
and nothing that a name smuggled in ever runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import expect

from browser.test_pages import HOSTILE
from gatectl.documents.drift import Drift
from gatectl.documents.history import History, entry_of
from gatectl.render import drift, history_page
from records.receipts import run_of
from sites import Site, bucket, entry, repository

WIDTHS = (1200, 390)


class Told(NamedTuple):
    """A history, and the receipts of its runs."""

    document: History
    receipts: Mapping[str, Any]


def made(number: int) -> dict[str, Any]:
    """The receipt of a run; the higher the number, the later."""
    return dict(run_of(number, environment="prod"))


def told(*receipts: Mapping[str, Any], environment: str = "prod", more: bool = False) -> Told:
    newest = sorted(receipts, key=lambda each: each["run"], reverse=True)
    document: Any = {
        "formatVersion": "1.0", "records": "s3://acme/records", "project": {"name": "acme", "uid": None},
        "environment": environment, "runs": [entry_of(each) for each in newest], "more": more,  # type: ignore[arg-type]
    }  # fmt: skip
    return Told(document, {each["run"]: each for each in newest})


@pytest.fixture
def past(site: Site) -> Told:
    """Three runs: one that made things, one of which a part failed, and one that undid the first."""
    raw = site.live_bucket("raw", ("S3", "raw-events"), region="eu-west-1")
    site.live_repository("data", {"bucketId": raw, "folder": "d"})
    site.manifests(
        bucket("new", ("AzureBlob", "acct", "logs")), bucket("raw", ("S3", "raw-events"), region="eu-north-1"),
        repository("data", [], policy="Exact"),
    )  # fmt: skip
    plan = site.plan()
    first, second, third = (made(number) for number in (1, 2, 3))
    outcomes: list[Any] = [
        {"id": op["id"], "status": "done", "platformId": "x", "attempts": 1, "error": None} for op in plan["operations"]
    ]
    failed = {**outcomes[0], "status": "failed", "error": {"code": "NAME_ALREADY_USED", "message": "it is taken"}}
    first |= {"plan": plan, "outcomes": outcomes, "summary": {"done": 3}}
    second |= {
        "plan": plan, "outcomes": [failed, *outcomes[1:]], "summary": {"done": 2, "failed": 1}, "converged": False,
        "actor": {"user": "bob", "host": "runner", "ci": "github", "url": "https://ci.example/runs/12"},
        "overrides": [{"name": "deletes", "value": "3", "reason": "the team is gone"}],
    }  # fmt: skip
    third |= {"plan": {**plan, "undoes": {"run": first["run"], "files": []}}, "outcomes": outcomes}
    return told(first, second, third, more=True)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_history_is_a_time_line_with_its_changes_folded(
    past: Told, show: Callable[..., Any], scheme: str, width: int
) -> None:
    seen = show(history_page.html(*past), color_scheme=scheme, java_script_enabled=width > 1_000)
    page = seen.page
    page.set_viewport_size({"width": width, "height": 900})
    runs = page.locator(".timeline > li")
    expect(runs).to_have_count(3)
    expect(page.locator("h1")).to_contain_text("1 not converged")
    expect(runs.nth(0)).to_contain_text("Undo of run")
    expect(runs.nth(1)).to_contain_text("Allowed: deletes=3, because: the team is gone")
    expect(runs.nth(1)).to_contain_text("Not as wanted: 1 failed.")
    expect(runs.nth(1).locator("details > .outcome")).to_have_text("failed: NAME_ALREADY_USED: it is taken")
    expect(runs.nth(1).locator("a[href='https://ci.example/runs/12']")).to_be_visible()
    expect(runs.nth(1).locator(".op")).to_have_count(3)
    expect(runs.nth(2).locator(".op").first).to_be_hidden()
    runs.nth(2).locator("summary").click()
    expect(runs.nth(2).locator(".op").first).to_be_visible()
    page.locator("p a[href^='#run-']").first.click()
    expect(page.locator(".timeline > li:target")).to_contain_text(past.document["runs"][2]["run"])
    if width > 1_000:
        assert (
            page.evaluate("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size")
            == page.locator("[id]").count()
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_no_page_of_a_history_scrolls_sideways_on_a_small_screen(past: Told, show: Callable[..., Any]) -> None:
    page = show(history_page.html(*past)).page
    page.set_viewport_size({"width": 390, "height": 800})
    while page.locator("details:not([open])").count():
        page.locator("details:not([open]) > summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nothing_that_a_run_says_of_itself_runs_or_leads_anywhere(past: Told, show: Callable[..., Any]) -> None:
    for text in HOSTILE:
        evil = made(1)
        evil["actor"] = {"user": text, "host": text, "ci": text, "url": f"javascript:{text}"}
        evil["source"] = {"commit": text, "dirty": True}
        evil["overrides"] = [{"name": text, "value": text, "reason": text}]
        evil["plan"] = {**past.receipts[past.document["runs"][0]["run"]]["plan"], "undoes": {"run": text, "files": []}}
        evil["plan"]["operations"] = [{**op, "name": text, "reason": text} for op in evil["plan"]["operations"]]
        page = show(history_page.html(*told(evil, environment=text))).page
        assert page.evaluate("typeof hacked") == "undefined"
        assert page.locator(".timeline a:not([href^='#'])").count() == 0
        assert page.locator("img, iframe, svg, .timeline script").count() == 0


def test_a_run_of_very_many_changes_says_where_the_rest_is(past: Told, show: Callable[..., Any]) -> None:
    run = dict(past.receipts[past.document["runs"][2]["run"]])
    (one, *_) = run["plan"]["operations"]
    run["plan"] = {**run["plan"], "operations": [{**one, "id": f"bucket/n-{n}"} for n in range(250)]}
    run["outcomes"] = [{**run["outcomes"][0], "id": f"bucket/n-{n}"} for n in range(250)]
    page = show(history_page.html(*told(run))).page
    expect(page.locator(".op")).to_have_count(100)
    expect(page.locator("details")).to_contain_text(f"… and 150 more: gatectl show {run['run']} --format html")


def test_a_history_of_no_runs_and_one_without_receipts_are_pages_too(past: Told, show: Callable[..., Any]) -> None:
    expect(show(history_page.html(*told())).page.locator("main")).to_contain_text("No runs.")
    page = show(history_page.html(past.document, {})).page
    expect(page.locator(".timeline > li")).to_have_count(3)
    assert page.locator("details").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_drift_is_a_page_that_says_whose_each_difference_is(site: Site, show: Callable[..., Any], scheme: str) -> None:
    target = site.manifests(repository("data", [entry("S3", "a-long-name-of-a-bucket-that-needs-room")])).plan()[
        "target"
    ]
    common = {
        "kind": "Repository",
        "workspace": "default",
        "run": "20260130T101530123Z-00000000",
        "at": "2026-01-30T10:15:30Z",
    }
    path = "/spec/resources/s3:a-long-name-of-a-bucket-that-needs-room:and-its-label"
    values = {"path": path, "declared": "attached", "applied": None, "live": None, "gone": False}
    differences: list[Any] = [
        {**common, **values, "name": HOSTILE[index], "whose": whose}
        for index, whose in enumerate(("ours", "theirs", "both", "unknown"))
    ]
    found: Drift = {
        "formatVersion": "1.0", "target": target, "source": {"commit": None, "dirty": None}, "remembered": True,
        "summary": {"ours": 1, "theirs": 1, "both": 1, "unknown": 1}, "differences": differences,
    }  # fmt: skip
    page = show(drift.html(found), color_scheme=scheme).page
    page.set_viewport_size({"width": 390, "height": 800})
    for whose in ("ours", "theirs", "both", "unknown"):
        expect(page.locator(f".whose.{whose}").first).to_be_visible()
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_history_in_markdown_has_no_markup_of_others(past: Told) -> None:
    evil = made(1)
    evil["actor"] = {"user": "a|b`c\n# heading", "host": "<img src=x>", "ci": None, "url": "[x](javascript:1)|`"}
    text = history_page.markdown(*told(evil, environment="`](x) @all"))
    lines = text.splitlines()
    (row,) = [line for line in lines if line.startswith("| `2026")]
    assert row.replace("\\|", "").count("|") == 6
    assert not any(line.startswith("# ") for line in lines)
