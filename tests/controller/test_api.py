"""The controller for programs: what it tells, what may be done over it, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from controller.test_acts import KEY
from controller.test_store import postgresql_server
from controller.web import BEARER, HOOK, METRICS, TOKEN, Controller, controller, form_of
from gatectl.clock import CLOCK
from gatectl.controller.approvals import Approvals
from gatectl.controller.measures import Measures
from gatectl.controller.serving.listening import Address, Log, Settings, check
from gatectl.controller.store import Placed
from gatectl.errors import UsageError
from platforms.postgresql_server import Server

__all__ = ["postgresql_server"]

DATA = "/api/targets/data"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Controller]:
    with controller(tmp_path) as made:
        yield made


@pytest.fixture
def open_(tmp_path: Path) -> Iterator[Controller]:
    """One to which nobody said who is let in."""
    with controller(tmp_path, {}) as made:
        yield made


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Controller]:
    with controller(tmp_path, {}, proxies=("127.0.0.0/8",), header="X-Forwarded-User") as made:
        yield made


# What is told


def test_the_status_of_the_fleet_is_the_document_of_commands(made: Controller) -> None:
    found = made.http.get("/api/status", headers=BEARER)
    assert (found.status_code, found.headers["content-type"], found.headers["cache-control"]) == (
        200,
        "application/json",
        "no-store",
    )
    document = found.json()
    assert document["formatVersion"] == "1.0" and document["fleet"] == "acme"
    (target,) = document["targets"]
    assert (target["name"], target["state"]) == ("data", "waiting")
    assert target["reason"] == f"approval of {made.kept.fingerprint}"


def test_a_target_is_told_with_its_runs_and_its_plan(made: Controller) -> None:
    document = made.http.get(DATA, headers=BEARER).json()
    assert document["target"]["fingerprint"] == made.kept.fingerprint == document["plan"]["fingerprint"]
    assert [run["state"] for run in document["runs"]] == ["waiting"]


def test_the_name_of_a_target_stands_there_with_its_slashes(made: Controller) -> None:
    names = ["data/a", "data/a/pause", "data/é %2F?#", "data/approve"]
    made.kept.store.place("data", "b" * 40, [Placed(name, "gatectl.yaml") for name in names], urgent=False)
    for name in names:
        from urllib.parse import quote

        for path in (quote(name), quote(name, safe="")):
            found = made.http.get(f"/api/targets/{path}", headers=BEARER)
            assert found.status_code == 200 and found.json()["target"]["name"] == name
            done = made.post(f"/api/targets/{path}/pause", headers=BEARER)
            assert done.json()["target"] == name
    assert {each.name for each in made.kept.store.known() if each.paused} == set(names)


def test_a_target_that_there_is_not_is_404_and_says_what_was_meant(made: Controller) -> None:
    for answer in (
        made.http.get("/api/targets/dota", headers=BEARER),
        made.post("/api/targets/dota/pause", headers=BEARER),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]["hint"] == "did you mean 'data'?"


# What is done


def test_an_approval_over_the_api_is_the_same_as_by_a_command(made: Controller) -> None:
    body = {"fingerprint": made.kept.fingerprint, "allow": ["deletes=3"], "reason": "seen by two"}
    done = made.post(f"{DATA}/approve", headers=BEARER, json=body)
    assert done.status_code == 200, done.text
    assert (done.json()["did"], done.json()["who"]) == ("approved", "token")
    (kept,) = Approvals(made.desk.database).of("data")
    assert (kept.approval.who, kept.approval.allow, kept.approval.reason) == ("token", ("deletes=3",), "seen by two")
    assert made.woken == [1]
    (due,) = made.kept.store.due(9)
    assert due.urgent


def test_a_plan_that_does_not_wait_is_409_and_nothing_is_kept(made: Controller) -> None:
    answer = made.post(f"{DATA}/approve", headers=BEARER, json={"fingerprint": "sha256:" + "0" * 64})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "stale_plan"
    assert not Approvals(made.desk.database).of("data") and not made.woken


def test_a_target_is_paused_asked_for_and_resumed(made: Controller) -> None:
    assert made.post(f"{DATA}/pause", headers=BEARER, json={"reason": "holiday"}).json()["did"] == "paused"
    assert made.http.get("/api/status", headers=BEARER).json()["targets"][0]["paused"] == "token: holiday"
    assert made.post(f"{DATA}/reconcile", headers=BEARER).status_code == 409
    assert made.post(f"{DATA}/resume", headers=BEARER).json()["did"] == "resumed"
    assert made.post(f"{DATA}/reconcile", headers=BEARER).json()["did"] == "asked"
    assert len(made.woken) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b'"x"', b'{"fingerprint": 1}', b'{"allow": "deletes=3", "fingerprint": "x"}', b'{"allow": [1]}', b"{}",
        b'{"fingerprint": "a", "commit": "b"}', b'{"plan": {}}', b'{"reason": ["x"]}', b"[" * 100_000, b'{"commit": "HEAD"}',
        b'{"fingerprint": "sha256:1", "reason": "a\\nb"}', b"\xff",
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_meant_is_400_and_nothing_is_done(made: Controller, body: bytes) -> None:
    answer = made.post(f"{DATA}/approve", headers=BEARER, content=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"]
    assert not Approvals(made.desk.database).of("data") and not made.woken


def test_what_nobody_can_do_to_a_target_is_nowhere(made: Controller) -> None:
    for path in (f"{DATA}/delete", "/api/targets/", "/api/targets", "/api/", "/api/nothing"):
        assert made.post(path, headers=BEARER).status_code == 404
    assert made.http.delete(DATA, headers=BEARER).status_code == 405


# Who may


SHUT = ["/api/status", DATA, "/metrics", "/events", "/", "/targets/data", "/plans/data"]


def test_nothing_but_health_is_told_without_the_token(made: Controller) -> None:
    for path in ("/healthz", "/readyz"):
        assert made.get(path).status_code == 200
    for headers in ({}, {"Authorization": "Bearer guess"}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"},
                    {"Cookie": f"gatectl-session={TOKEN}"}, {"X-Forwarded-User": "ana"}):  # fmt: skip
        for path in SHUT:
            answer = made.http.get(path, headers=headers)
            assert answer.status_code in (401, 303), path
            assert answer.status_code == 401 or answer.headers["location"].startswith("/login")
            assert "data" not in answer.text and TOKEN not in answer.text


def test_nobody_acts_without_the_token(made: Controller) -> None:
    for headers in ({}, {"Authorization": "Bearer guess"}, {"Authorization": "Bearer"}, {"X-Forwarded-User": "ana"}):
        for what in ("approve", "pause", "resume", "reconcile"):
            for path in (f"{DATA}/{what}", f"/targets/data/{what}"):
                answer = made.post(path, headers=headers, json={"fingerprint": made.kept.fingerprint})
                assert answer.status_code == 401
    assert not Approvals(made.desk.database).of("data") and not made.woken


def test_the_token_of_the_metrics_reads_metrics_and_nothing_else(made: Controller) -> None:
    bearer = {"Authorization": f"Bearer {METRICS}"}
    assert made.http.get("/metrics", headers=bearer).status_code == 200
    assert made.http.get("/metrics", headers=BEARER).status_code == 200
    assert made.http.get("/api/status", headers=bearer).status_code == 401
    assert made.post(f"{DATA}/pause", headers=bearer).status_code == 401


def test_where_nobody_was_named_this_machine_may_look_and_nobody_may_act(open_: Controller) -> None:
    for path in ("/api/status", DATA, "/metrics"):
        assert open_.get(path).status_code == 200
    answer = open_.post(f"{DATA}/pause")
    assert answer.status_code == 401
    assert "GATECTL_CONTROLLER_TOKEN" in answer.json()["error"]["message"]
    assert open_.kept.store.known()[0].paused is None


def test_no_page_of_another_name_looks_at_a_controller_of_this_machine(open_: Controller) -> None:
    """A name of the attacker's that leads to 127.0.0.1 by now."""
    for host in ("evil.example", "evil.example:8474", "127.0.0.1.evil.example", ""):
        for path in ("/api/status", DATA, "/metrics", "/", "/events"):
            assert open_.http.get(path, headers={"Host": host}).status_code == 403
    assert open_.http.get("/healthz", headers={"Host": "evil.example"}).status_code == 200


def test_a_user_whom_a_trusted_proxy_names_is_recorded(proxied: Controller) -> None:
    user = {"X-Forwarded-User": "ana@acme.example"}
    assert proxied.http.get("/api/status", headers=user).status_code == 200
    form = form_of(proxied.http.get("/targets/data", headers=user))
    sent = {**user, "Origin": proxied.web.url, "Gatectl-Form": form}
    done = proxied.post(f"{DATA}/approve", headers=sent, json={"fingerprint": proxied.kept.fingerprint})
    assert done.status_code == 200, done.text
    assert done.json()["who"] == "ana@acme.example"
    assert Approvals(proxied.desk.database).of("data")[0].approval.who == "ana@acme.example"


def test_what_a_browser_is_made_to_send_through_a_proxy_does_nothing(proxied: Controller) -> None:
    """The proxy adds the header to whatever the browser sends, whoever made it."""
    user = {"X-Forwarded-User": "ana"}
    own, form = {"Origin": proxied.web.url}, {"Gatectl-Form": form_of(proxied.http.get("/targets/data", headers=user))}
    bobs = {"Gatectl-Form": form_of(proxied.http.get("/targets/data", headers={"X-Forwarded-User": "bob"}))}
    for more in (
        {}, own, form, {**form, "Origin": "https://evil.example"}, {**form, "Origin": "null"}, {**own, **bobs},
        {**own, **form, "Sec-Fetch-Site": "cross-site"}, {**own, "Gatectl-Form": form["Gatectl-Form"][:-1] + "z"},
        {**form, "Origin": f"{proxied.web.url}.evil.example"},
    ):  # fmt: skip
        assert proxied.post(f"{DATA}/pause", headers={**user, **more}).status_code == 403, more
    assert proxied.kept.store.known()[0].paused is None
    assert proxied.post(f"{DATA}/pause", headers={**user, **own, **form}).status_code == 200


def test_a_header_of_any_other_peer_is_dropped(tmp_path: Path) -> None:
    with controller(tmp_path, {}, proxies=("10.0.0.0/8", "::1/128"), header="X-Forwarded-User") as made:
        for path in SHUT:
            assert made.http.get(path, headers={"X-Forwarded-User": "ana"}).status_code == 401
        assert made.post(f"{DATA}/pause", headers={"X-Forwarded-User": "ana"}).status_code == 401


def test_a_header_that_could_be_read_in_two_ways_names_nobody(proxied: Controller) -> None:
    for headers in (
        [("X-Forwarded-User", "ana"), ("X-Forwarded-User", "root")], [("X-Forwarded-User", "")],
        [("X-Forwarded-User", "a" * 129)], [("X-Forwarded-User", "a\u202eb".encode())],
    ):  # fmt: skip
        assert proxied.http.get("/api/status", headers=headers).status_code == 401  # type: ignore[arg-type]


def test_beyond_loopback_nobody_listens_who_did_not_say_who_is_let_in(made: Controller) -> None:
    def settings(**environ: str) -> Settings:
        return Settings(environ, Measures(), lambda: True, lambda: None, Log(print, print))

    for host in ("0.0.0.0", "::", "192.0.2.7", "controller.example"):
        with pytest.raises(UsageError, match="reached from other machines"):
            check(made.desk, Address(host, 0), settings())
        check(made.desk, Address(host, 0), settings(GATECTL_CONTROLLER_TOKEN=TOKEN))
        fleet = made.desk.fleet._replace(trusted_proxies=("10.0.0.0/8",), user_header="X-User")
        check(made.desk._replace(fleet=fleet), Address(host, 0), settings())
    check(made.desk, Address("127.0.0.1", 0), settings())
    for token in ("short", "with a space in its middle", "käse" * 8):
        with pytest.raises(UsageError, match=r"GATECTL_CONTROLLER_TOKEN (is no token|has spaces|holds characters)"):
            check(made.desk, Address("127.0.0.1", 0), settings(GATECTL_CONTROLLER_TOKEN=token))


# Health, metrics, and what goes wrong


def test_health_says_whether_the_process_lives_and_the_database_answers(made: Controller) -> None:
    made.lives[0] = False
    assert made.get("/healthz").status_code == 503
    assert made.get("/readyz").status_code == 200


def test_a_database_that_is_away_is_503_and_what_the_process_counted_is_told_all_the_same(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue("postgresql_server")
    name = server.new_database()
    with controller(tmp_path, address=server.url(name)) as made:
        assert made.get("/readyz").status_code == 200
        assert made.http.get("/api/status", headers=BEARER).status_code == 200
        server.run(f"DROP DATABASE {name} WITH (FORCE)")
        assert made.get("/readyz").status_code == 503
        assert made.http.get("/api/status", headers=BEARER).status_code == 503
        metrics = made.http.get("/metrics", headers=BEARER)
        assert metrics.status_code == 200 and "gatectl_build_info" in metrics.text
        assert "gatectl_targets" not in metrics.text


def test_metrics_are_what_prometheus_reads(made: Controller) -> None:
    made.measures.looked("in-sync", 0.2)
    found = made.http.get("/metrics", headers=BEARER)
    assert found.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families: dict[str, str] = {}
    for line in found.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in families
            families[name] = kind
        elif not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            float(value)
            family = name.partition("{")[0]
            assert any(family.removesuffix(suffix) in families for suffix in ("", "_bucket", "_sum", "_count"))
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in families.items())
    lines = set(found.text.splitlines())
    assert lines >= {
        'gatectl_targets{state="waiting"} 1', 'gatectl_targets{state="in-sync"} 0', "gatectl_workers 1",
        "gatectl_queue_waiting 0", 'gatectl_reconcile_duration_seconds_bucket{le="0.25"} 1',
        'gatectl_reconciles_total{result="in-sync"} 1', "gatectl_git_errors_total 0",
    }  # fmt: skip


def test_no_name_of_a_target_breaks_a_line_of_the_metrics(made: Controller) -> None:
    name = 'data/a"b\\c'
    made.kept.store.place("data", "b" * 40, [Placed(name, "x", refused='of "two"\nlines')], urgent=False)
    text = made.http.get("/metrics", headers=BEARER).text
    assert 'target="data/a\\"b\\\\c"} ' in text


def test_no_secret_is_in_what_is_told(made: Controller) -> None:
    told = "".join(
        made.http.get(path, headers=BEARER).text for path in ("/api/status", DATA, "/metrics", "/", "/targets/data", "/plans/data")
    )  # fmt: skip
    assert "fingerprint" in told
    for secret in (TOKEN, METRICS, HOOK, KEY.hex(), "hush-hush", "AKIAEXAMPLE", "a-token", "canary-"):
        assert secret not in told + "\n".join(made.said)


def test_what_is_logged_of_a_request_is_its_path_and_never_its_query(made: Controller) -> None:
    made.http.get(f"/api/status?token={TOKEN}", headers=BEARER)
    assert "GET /api/status 200" in made.said
    assert TOKEN not in "\n".join(made.said)


def test_a_session_lasts_twelve_hours_and_no_longer_than_its_token(tmp_path: Path) -> None:
    now = [1_790_000_000.0]
    clock = CLOCK._replace(wall=lambda: now[0])
    with controller(tmp_path, clock=clock) as made:
        made.login()
        (cookie,) = made.http.cookies.jar
        assert made.get("/api/status").status_code == 200
        now[0] += 12 * 3600 - 1
        assert made.get("/api/status").status_code == 200
        now[0] += 2
        assert made.get("/api/status").status_code == 401
        value = str(cookie.value)
    now[0] -= 3600
    (tmp_path / "other").mkdir()
    with controller(
        tmp_path / "other", {"GATECTL_CONTROLLER_TOKEN": "another-token-that-is-long"}, clock=clock
    ) as made:
        assert made.http.get("/api/status", headers={"Cookie": f"gatectl-session={value}"}).status_code == 401


def test_it_ends_while_somebody_listens_to_its_events(tmp_path: Path) -> None:
    with controller(tmp_path) as made:
        with made.http.stream("GET", "/events", headers=BEARER) as stream:
            assert next(stream.iter_lines()) == "event: fleet"
            made.web.close()
        assert not made.web.alive


def test_closing_twice_is_closing(tmp_path: Path) -> None:
    with controller(tmp_path) as made, closing(made.web):
        pass
