"""The pages of a controller as a browser without script gets them: what they say, what their forms do, and what they refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from browser.test_pages import HOSTILE
from controller.web import TOKEN, Controller, controller, form_of
from gatectl.controller.approvals import Approvals
from gatectl.controller.store import Placed

PAGES = ("/", "/targets/data", "/plans/data", "/login", "/targets/nothing", "/plans/nothing", "/nothing?x=1")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Controller]:
    """One into whose page somebody came with the token."""
    with controller(tmp_path) as made:
        made.login()
        yield made


def press(made: Controller, what: str, **fields: str) -> str:
    """Send a form of the target's page; where one is taken to."""
    sent = {"form": made.form("/targets/data"), **fields}
    done = made.post(f"/targets/data/{what}", data=sent, headers={"Origin": made.web.url})
    assert done.status_code == 303, done.text
    return done.headers["location"]


def place(made: Controller, *names: str) -> None:
    made.kept.store.place("data", "b" * 40, [Placed(name, "gatectl.yaml") for name in names], urgent=False)


def rows(made: Controller, query: str = "") -> list[str]:
    found = re.findall(r'<th scope="row"><a href="[^"]*">(.*?)</a>', made.get(f"/{query}").text)
    return [unescape(each) for each in found]


# The way in


def test_whoever_comes_without_a_session_gives_the_token_and_goes_on_to_where_they_went(tmp_path: Path) -> None:
    with controller(tmp_path) as made:
        first = made.get("/targets/data")
        assert (first.status_code, first.headers["location"]) == (303, "/login?after=/targets/data")
        page = made.get(first.headers["location"])
        sent = {"token": TOKEN, "form": form_of(page), "after": "/targets/data"}
        done = made.post("/login", data=sent, headers={"Origin": made.web.url})
        assert (done.status_code, done.headers["location"]) == (303, "/targets/data")
        cookie = done.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= set(cookie.split("; "))
        assert TOKEN not in cookie and "Secure" not in cookie
        assert made.get("/targets/data").status_code == 200


def test_a_cookie_of_a_page_over_https_goes_over_https_alone(tmp_path: Path) -> None:
    with controller(tmp_path) as made:
        sent = {"token": TOKEN, "form": made.form("/login")}
        done = made.post(
            "/login", data=sent, headers={"Host": "gate.acme.example", "Origin": "https://gate.acme.example"}
        )
        assert "Secure" in done.headers["set-cookie"].split("; ")


@pytest.mark.parametrize(
    "after", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/targets/../../x\r\nSet-Cookie: a=b"]
)
def test_nobody_is_led_elsewhere_after_signing_in(tmp_path: Path, after: str) -> None:
    with controller(tmp_path) as made:
        sent = {"token": TOKEN, "form": made.form("/login"), "after": after}
        done = made.post("/login", data=sent, headers={"Origin": made.web.url})
        assert done.headers["location"].startswith("/") and "evil" not in done.headers["location"]
        assert done.headers["set-cookie"].count("=b") == 0


def test_a_token_is_not_guessed_one_after_the_other(tmp_path: Path) -> None:
    with controller(tmp_path) as made:
        form = made.form("/login")
        own = {"Origin": made.web.url}
        answers = [made.post("/login", data={"token": f"guess-{n}", "form": form}, headers=own) for n in range(12)]
        assert [each.status_code for each in answers] == [401] * 10 + [429] * 2
        assert made.post("/login", data={"token": TOKEN, "form": form}, headers=own).status_code == 429
        assert not made.http.cookies


def test_no_other_page_signs_anybody_in(tmp_path: Path) -> None:
    with controller(tmp_path) as made:
        form = made.form("/login")
        for headers, given in (({}, form), ({"Origin": "https://evil.example"}, form), ({"Origin": made.web.url}, "")):
            answer = made.post("/login", data={"token": TOKEN, "form": given}, headers=headers)
            assert answer.status_code == 403 and not made.http.cookies


def test_signing_out_ends_the_session_in_the_browser(made: Controller) -> None:
    form = made.form("/")
    assert made.post("/logout", data={"form": form}).status_code == 403
    done = made.post("/logout", data={"form": form}, headers={"Origin": made.web.url})
    assert (done.status_code, done.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in done.headers["set-cookie"]


# What is shown


def test_the_fleet_is_a_table_with_counts_of_states_on_top(made: Controller) -> None:
    place(made, "data", "data/a", "data/b")
    page = made.get("/").text
    assert rows(made) == ["data", "data/a", "data/b"]
    assert re.search(r"<b[^>]*>2</b>pending", page)
    assert 'href="/?state=pending"' in page


def test_what_is_looked_for_is_in_the_address(made: Controller) -> None:
    place(made, "data", *(f"data/team-{n}" for n in range(12)))
    assert rows(made, "?q=team-1") == ["data/team-1", "data/team-10", "data/team-11"]
    assert rows(made, "?q=TEAM+11") == ["data/team-11"]
    assert rows(made, "?state=failed") == []
    assert rows(made, "?state=pending&q=team-3") == ["data/team-3"]
    assert rows(made, "?sort=name")[:2] == ["data", "data/team-0"]
    for wrong in ("?state=x&sort=y&page=z", "?page=99999999", "?page=-1", "?q=%00%ff", "?" + "a=b&" * 200):
        assert made.get(f"/{wrong}").status_code == 200


def test_a_thousand_targets_are_pages_and_all_are_searched(made: Controller) -> None:
    place(made, *(f"data/t{n:04}" for n in range(1_000)))
    assert len(rows(made)) == 500
    assert rows(made, "?page=2")[-1] == "data/t0999"
    assert rows(made, "?q=t0777") == ["data/t0777"]


def test_a_target_says_what_it_waits_for_and_what_to_do(made: Controller) -> None:
    page = made.get("/targets/data").text
    assert f"approval of {made.kept.fingerprint}" in page
    assert "Look at the plan, and approve it below" in page
    assert 'href="/plans/data"' in page
    plan = made.get("/plans/data")
    assert "Approve" not in plan.text and made.kept.fingerprint in plan.text and 'class="op' in plan.text
    assert made.get("/plans/nothing").status_code == made.get("/targets/nothing").status_code == 404


def test_where_nobody_may_act_no_form_is_shown(tmp_path: Path) -> None:
    with controller(tmp_path, {}) as made:
        page = made.get("/targets/data").text
        assert "<button>Approve" not in page and "GATECTL_CONTROLLER_TOKEN" in page
        assert made.get("/login").headers["location"] == "/"


# What is done


def test_the_form_approves_the_plan_that_it_shows(made: Controller) -> None:
    shown = re.search(r'name="fingerprint" value="([^"]+)"', made.get("/targets/data").text)
    assert shown is not None
    to = press(made, "approve", fingerprint=shown[1], allow="deletes=3, detaches=2", reason="seen")
    assert to == "/targets/data?done=approved"
    (kept,) = Approvals(made.desk.database).of("data")
    approval = kept.approval
    assert (approval.fingerprint, approval.who, approval.how) == (made.kept.fingerprint, "token", "page")
    assert (approval.allow, approval.reason) == (("deletes=3", "detaches=2"), "seen")
    assert "It is applied as it is" in made.get(to).text
    assert made.woken == [1]


def test_buttons_pause_resume_and_reconcile(made: Controller) -> None:
    press(made, "pause", reason="holiday")
    page = made.get("/targets/data").text
    assert "paused by token: holiday" in page and "<button>Resume" in page and "<button>Pause" not in page
    press(made, "resume")
    assert press(made, "reconcile") == "/targets/data?done=asked"


def test_what_was_not_done_is_said_on_the_page(made: Controller) -> None:
    sent = {"form": made.form("/targets/data"), "fingerprint": "sha256:" + "0" * 64}
    answer = made.post("/targets/data/approve", data=sent, headers={"Origin": made.web.url})
    assert answer.status_code == 409
    assert "Not done: " in answer.text and made.kept.fingerprint in answer.text
    assert not Approvals(made.desk.database).of("data")
    sent |= {"fingerprint": made.kept.fingerprint, "allow": "deletes=3"}
    answer = made.post("/targets/data/approve", data=sent, headers={"Origin": made.web.url})
    assert answer.status_code == 400 and "reason" in answer.text


def test_a_session_acts_for_pages_of_ours_alone(made: Controller) -> None:
    form = made.form("/targets/data")
    other = Controller(made.kept, made.web, made.desk, [], [], made.measures)
    other.login()
    theirs = other.form("/targets/data")
    other.http.close()
    own = made.web.url
    for headers, given in (
        ({}, form), ({"Origin": "https://evil.example"}, form), ({"Origin": "null"}, form), ({"Origin": own}, ""),
        ({"Origin": own}, form[:-1]), ({"Origin": own}, theirs), ({"Origin": own, "Sec-Fetch-Site": "same-site"}, form),
        ({"Origin": own.replace("http:", "https:") + ":1"}, form),
    ):  # fmt: skip
        for path in ("/targets/data/pause", "/api/targets/data/pause"):
            assert made.post(path, data={"form": given}, headers=headers).status_code in (400, 403), headers
    assert made.kept.store.known()[0].paused is None


# What no page does


def test_a_page_runs_and_loads_nothing_but_what_is_ours(made: Controller) -> None:
    for path in PAGES:
        answer = made.get(path)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
        if not path.startswith("/plans/data") and answer.headers["content-type"].startswith("text/html"):
            assert "default-src 'none'" in policy
            assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=)|https?://", answer.text), path


def test_what_pages_are_made_of_is_kept_by_its_content(made: Controller) -> None:
    made.http.cookies.clear()
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', made.get("/login").text):
        answer = made.get(unescape(path))
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
        assert "immutable" not in made.get(path.partition("?")[0]).headers["cache-control"]
    for path in ("/static/", "/static/page.css", "/static/../page.css", "/static/%2e%2e/__init__.py"):
        assert made.get(path).status_code == 404


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_of_others_is_anything_but_text(made: Controller, hostile: str) -> None:
    name = "data/" + hostile.replace("\n", " ").replace("\0", "")
    place(made, "data", name)
    made.kept.store.pause(name, hostile)
    from urllib.parse import quote

    address = quote(name.encode("utf-8", "replace"))
    for path in (
        "/",
        f"/targets/{address}",
        f"/plans/{address}",
        f"/?q={address}",
        f"/targets/{address}x?done={address}",
    ):
        text = made.get(path).text
        assert not re.search(
            r"<(?:img|svg|iframe|style|/style|/textarea)|<script(?! src=\"/static/)|=[\"']?javascript:", text
        ), path
