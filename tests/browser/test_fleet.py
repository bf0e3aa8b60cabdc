"""The pages of a controller in a real browser, over real HTTP: with script and without, in light and dark, wide and small."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.test_pages import HOSTILE
from controller.web import TOKEN, Controller, controller
from gatectl.controller.approvals import Approvals
from gatectl.controller.deciding import Condition
from gatectl.controller.store import Placed, Seen

WIDTHS = (1280, 390)
STATES = (
    Condition("in-sync"),
    Condition("invalid", "manifests/prod.yaml:14: GW301: bucket name 'raw-events' is used twice (and 2 more)"),
    Condition("failed", "not authenticated: the platform refused the token"),
    Condition("waiting", "a window, which opens 2026-11-26T08:00+01:00"),
    Condition("drifted", "somebody changed the platform"),
    Condition("pending", "12 to apply, 1 to adopt"),
    Condition("in-sync"),
    Condition("in-sync"),
)

Open = Callable[..., Page]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Controller]:
    with controller(tmp_path) as made:
        yield made


@pytest.fixture
def visit(browser: Browser, made: Controller) -> Iterator[Open]:
    """Opens a page of somebody who gave the token; afterwards nothing may have gone wrong, and nobody else may have been asked."""
    trouble: list[str] = []
    contexts = []

    def open_page(path: str = "/", *, signed_in: bool = True, width: int = 1280, **how: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **how)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.on("console", lambda said: trouble.append(said.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(made.web.url) else trouble.append(asked.url))
        page.goto(f"{made.web.url}{path}")
        if signed_in:
            page.get_by_label("Token").fill(TOKEN)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"**{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []


def place(made: Controller, number: int, *more: str) -> None:
    """So many targets besides, in all states."""
    store = made.kept.store
    names = [f"data/team-{n:03}" for n in range(number)] + list(more)
    store.place("data", f"{1:040x}", [Placed(name, "gatectl.yaml") for name in ("data", *names)], urgent=False)
    for index, name in enumerate(names[:80]):
        state(made, name, STATES[index % len(STATES)])
    store.pause("data/team-008", "ana: holiday")


def state(made: Controller, name: str, condition: Condition) -> None:
    made.kept.store.want([name])
    begun = made.kept.store.begin(name, "w")
    assert begun is not None
    made.kept.store.finish(begun, "w", Seen(condition, (condition,), begun.newest))


def picture(page: Page, name: str) -> None:
    """For whoever wants to look: a picture, in the folder that the variable names."""
    folder = os.environ.get("GATECTL_PICTURES")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_fleet_is_readable_at_five_and_at_a_thousand(made: Controller, visit: Open, scheme: str, width: int) -> None:
    for number in (4, 999):
        place(made, number)
        page = visit(width=width, color_scheme=scheme, java_script_enabled=number > 4)
        expect(page.locator(".fleet tbody tr")).to_have_count(min(number + 1, 500))
        expect(page.locator(".fleet tbody tr").first).to_be_visible()
        assert fits(page)
        picture(page, f"fleet-{number + 1}-{scheme}-{width}")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_target_is_readable_and_its_plan_is_a_click_away(
    made: Controller, visit: Open, scheme: str, width: int
) -> None:
    page = visit("/targets/data", width=width, color_scheme=scheme, java_script_enabled=scheme == "light")
    expect(page.get_by_role("heading", name="data waiting")).to_be_visible()
    assert fits(page)
    picture(page, f"target-{scheme}-{width}")
    page.get_by_role("link", name="The plan").click()
    expect(page.locator(".op").first).to_be_visible()
    assert fits(page)


def test_a_plan_is_approved_without_script(made: Controller, visit: Open) -> None:
    page = visit("/targets/data", java_script_enabled=False)
    page.get_by_label("Guardrails to lift").fill("deletes=3")
    page.get_by_label("Why they are lifted").fill("seen by two")
    page.get_by_role("button", name="Approve this plan").click()
    expect(page.get_by_role("status")).to_contain_text("Approved")
    (kept,) = Approvals(made.desk.database).of("data")
    assert (kept.approval.reason, kept.approval.how) == ("seen by two", "page")


def test_targets_are_found_without_script(made: Controller, visit: Open) -> None:
    place(made, 40)
    page = visit(java_script_enabled=False)
    page.get_by_role("searchbox").fill("team-03")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".fleet tbody tr")).to_have_count(10)
    page.locator(".states a", has_text="failed").click()
    expect(page.locator(".fleet tbody tr")).to_have_count(1)


def test_targets_are_found_as_one_types_and_walked_through_by_keys(made: Controller, visit: Open) -> None:
    place(made, 40)
    page = visit()
    page.keyboard.press("/")
    page.keyboard.type("team-03")
    expect(page.locator(".fleet tbody tr:visible")).to_have_count(10)
    page.wait_for_url("**/?q=team-03")
    expect(page.locator("#targets [role=status]")).to_contain_text("10 of 41")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    second = page.locator(".fleet tbody tr th a").nth(1)
    expect(second).to_be_focused()
    name = second.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/targets/{name}")


def test_a_page_follows_the_fleet_by_itself_and_leaves_alone_what_somebody_types(made: Controller, visit: Open) -> None:
    place(made, 4)
    page, target = visit(), visit("/targets/data")
    target.get_by_label("Why they are lifted").fill("half a rea")
    link = page.locator(".fleet a", has_text="data/team-000")
    link.focus()
    state(made, "data/team-000", Condition("failed", "the platform is away"))
    state(made, "data", Condition("in-sync"))
    expect(page.locator("tr", has=page.locator("a", has_text="data/team-000"))).to_contain_text("the platform is away")
    expect(link).to_be_focused()
    expect(target.locator("#state")).to_contain_text("in-sync")
    expect(target.get_by_label("Why they are lifted")).to_have_value("half a rea")


def test_no_text_of_others_runs(made: Controller, visit: Open) -> None:
    names = [f"data/{text}".replace("\u2028", "").replace("\u2029", "") for text in HOSTILE]
    place(made, 0, *names)
    for name, text in zip(names, HOSTILE, strict=True):
        state(made, name, Condition("failed", text))
    page = visit()
    expect(page.locator(".fleet tbody tr")).to_have_count(len(names) + 1)
    for name in names:
        page.locator(".fleet a", has_text=name).first.click()
        expect(page.locator("h1")).to_contain_text(name)
        assert page.evaluate("typeof hacked") == "undefined"
        page.go_back()
