"""A real browser: Debian's Chromium, cut off from every network, that reports whatever a page tries to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
ADDRESS = "https://page.test/plan.html"


class Seen:
    """A page that was opened, and all that it did besides being there."""

    def __init__(self, context: BrowserContext, html: str) -> None:
        self.trouble: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.trouble.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.route("**/*", lambda route, request: self._answer(route, request, html))
        self.page.goto(ADDRESS)

    def _answer(self, route: Route, request: Request, html: str) -> None:
        if request.url.partition("#")[0] == ADDRESS and request.is_navigation_request():
            route.fulfill(status=200, content_type="text/html; charset=utf-8", body=html.encode("utf-8"))
        else:
            self.trouble.append(f"request: {request.url}")
            route.abort()

    def color(self, selector: str, name: str) -> str:
        found: str = self.page.eval_on_selector(selector, f"e => getComputedStyle(e).{name}")
        return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a file; its event loop runs in this thread while it lives, so it ends with them."""
    if CHROMIUM is None:
        pytest.skip("needs a server: chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def show(browser: Browser) -> Iterator[Callable[..., Seen]]:
    """Opens a page, and afterwards demands that nothing was asked of any network and nothing went wrong."""
    contexts: list[BrowserContext] = []
    opened: list[Seen] = []

    def open_page(html: str, **how: Any) -> Seen:
        contexts.append(browser.new_context(viewport={"width": 1200, "height": 900}, **how))
        contexts[-1].set_default_timeout(8_000)
        opened.append(Seen(contexts[-1], html))
        return opened[-1]

    yield open_page
    for context in contexts:
        context.close()
    assert [trouble for seen in opened for trouble in seen.trouble] == []
