"""Requests over HTTP when the world is unkind: over a real loopback connection, each case against its own small server."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gatectl.clock import Clock
from gatectl.errors import NotAuthenticated, PlatformError, PlatformRefused, Uncertain, Unreachable
from gatectl.network.addresses import admit, http_address
from gatectl.platforms.flashback import open_reader, open_writer
from gatectl.platforms.flashback.transport import RENEWALS, DeadlinePassed, Stopped, Transport
from gatectl.platforms.interface import Connection, Credentials, Secret
from leaping import Leaping

Reply = tuple[int, Any] | tuple[int, Any, dict[str, str]] | None
Answering = Callable[[BaseHTTPRequestHandler, bytes], Reply]


class Site:
    """A server that answers as a function says (None: the function answered, or did not, by itself)."""

    def __init__(self, answering: Answering) -> None:
        requests: list[tuple[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                requests.append((self.command, self.path))
                reply = answering(self, body)
                if reply is None:
                    self.close_connection = True
                    return
                content = json.dumps(reply[1]).encode()
                self.send_response(reply[0])
                headers = {"Content-Type": "application/json", "Content-Length": str(len(content))}
                for name, value in (headers | (reply[2] if len(reply) == 3 else {})).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, *arguments: Any) -> None:
                pass

        self.requests = requests
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site() -> Iterator[Callable[[Answering], Site]]:
    with ExitStack() as stack:

        def start(answering: Answering) -> Site:
            started = Site(answering)
            stack.callback(started.close)
            return started

        yield start


Start = Callable[[Answering], Site]
LOGIN = Credentials(email="ci@example.com", password=Secret("canary-password"))


def transport(
    url: str, token: str = "canary-token", ends: float | None = None, login: Credentials | None = None,
    clock: Clock | None = None,
) -> Transport:  # fmt: skip
    """A transport that does not wait, unless it is given a clock by which it would; `ends` is in seconds from now."""
    clock = clock or Leaping().clock
    ends = clock.now() + ends if ends is not None else None
    admission = admit(http_address(url), named=True, trusted=())
    return Transport(admission, login or Credentials(token=Secret(token)), parallel=4, ends=ends, clock=clock)


def fine(handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
    return 200, {"success": True, "workspaces": []}


def lingering(handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
    handler.rfile.read(1)  # until the client has gone
    return None


def dripping(handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.connection.settimeout(0.05)
    for _ in range(1000):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        with suppress(TimeoutError):
            handler.connection.recv(1)  # nothing comes, until the client has gone
            break
    return None


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("echo", [lambda s: s, json.dumps, repr, lambda s: s.splitlines()[1]])
def test_a_long_secret_of_several_lines_is_redacted_however_the_platform_spells_it(
    site: Start, echo: Callable[[str], str]
) -> None:
    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        return 400, {
            "success": False,
            "error_code": echo(json.loads(body)["secret"]),
            "message": "x" * 300 + echo(json.loads(body)["secret"]),
        }

    secret = '-----BEGIN "KEY"-----\n' + "CANARY'ö" * 140 + "\n-----END-----"
    with pytest.raises(PlatformRefused) as caught:
        transport(site(answer).url).write("POST", "/bucket", {"name": "x", "secret": secret})
    shown = f"{caught.value.message} {caught.value} {caught.value.platform_code}"
    assert "CANARY" not in shown
    assert "(redacted)" in shown
    assert len(caught.value.message) <= 700


def test_a_renewal_that_fails_shows_neither_password_nor_tokens(site: Start) -> None:
    logins: list[bytes] = []

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        if handler.path == "/user/login":
            logins.append(body)
            if len(logins) == 1:
                return 200, {"accessToken": "canary-access", "refreshToken": "canary-refresh"}
        return 401, {"success": False, "message": f"no: {body.decode()}"}

    with pytest.raises(NotAuthenticated) as caught:
        transport(site(answer).url, login=LOGIN).get("/workspace")
    assert len(logins) == 2
    assert "canary" not in f"{caught.value.message} {caught.value.hint} {caught.value}"


@pytest.mark.parametrize("token", ["canary\ncanary", "canary canary", "canaryö", "canary\x00", " "])
def test_a_token_that_no_header_can_carry_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(NotAuthenticated, match="GATECTL_TOKEN") as caught:
        transport("http://127.0.0.1:1", token)
    assert "canary" not in f"{caught.value.message} {caught.value.hint}"


def test_a_line_break_at_the_end_of_a_token_does_no_harm(site: Start) -> None:
    seen: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        seen.append(handler.headers["Authorization"])
        return fine(handler, body)

    transport(site(answer).url, "token\n").get("/workspace")
    assert seen == ["Bearer token"]


@pytest.mark.parametrize(("name", "etag"), [("x", "canary€"), ("x", "canary\n"), ("canary\ud800", None)])
def test_what_cannot_be_sent_is_an_error_that_does_not_show_it(site: Start, name: str, etag: str | None) -> None:
    served = site(fine)
    with pytest.raises(PlatformError, match="cannot be sent") as caught:
        transport(served.url).write("PUT", "/repo/x", {"name": name}, {"If-Match": etag} if etag else {})
    assert "canary" not in caught.value.message
    assert served.requests == []


def test_plain_http_goes_through_no_proxy(site: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, served = site(fine), site(fine)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    transport(served.url).get("/workspace")
    assert proxy.requests == []
    assert len(served.requests) == 1


# --- what is known of a write ------------------------------------------------------------------------------------------


def test_a_connection_that_breaks_says_nothing_about_the_write(site: Start) -> None:
    served = site(lambda handler, body: None)
    with pytest.raises(Uncertain, match="broke") as caught:
        transport(served.url).write("POST", "/repo", {})
    assert not caught.value.settled
    assert len(served.requests) == 1


def test_an_answer_that_breaks_off_after_its_success_is_settled(site: Start) -> None:
    served = site(lambda handler, body: (200, {}, {"Content-Length": "100", "Connection": "close"}))
    with pytest.raises(Uncertain, match="broke") as caught:
        transport(served.url).write("POST", "/repo", {})
    assert caught.value.settled


def test_a_write_to_nobody_was_never_sent() -> None:
    with pytest.raises(Unreachable) as caught:
        transport("http://127.0.0.1:1").write("POST", "/repo", {})
    assert not isinstance(caught.value, Uncertain)


def test_the_answer_to_a_write_is_bounded_and_one_that_is_too_large_was_a_success(site: Start) -> None:
    with pytest.raises(Uncertain, match="1 MiB") as caught:
        transport(site(lambda h, b: (200, "x" * 2_000_000)).url).write("POST", "/repo", {})
    assert caught.value.settled


@pytest.mark.parametrize("identifier", ["", ".", ".."])
def test_an_id_that_would_be_another_path_is_refused(site: Start, identifier: str) -> None:
    served = site(fine)
    with pytest.raises(PlatformError, match="cannot be the id"):
        open_writer(Connection(served.url, Path("/"))).delete("repo", identifier)
    assert served.requests == []


def test_a_workspace_id_may_be_a_number(site: Start) -> None:
    buckets = [{"id": "a", "workspaceId": 5}, {"id": "b", "workspaceId": 6}, {"id": "c", "workspaceId": None}]
    reader = open_reader(Connection(site(lambda h, b: (200, {"buckets": buckets})).url, Path("/")))
    assert [item["id"] for item in reader.list("bucket", "5")] == ["a", "c"]


# --- stop ---------------------------------------------------------------------------------------------------------------


def test_stop_ends_a_write_that_waits_and_leaves_reads_alone(site: Start) -> None:
    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        return fine(handler, body) if handler.command == "GET" else (429, {}, {"Retry-After": "30"})

    served, time, waited = site(answer), Leaping(), []

    def meanwhile(seconds: float) -> None:
        time.sleep(seconds)
        waited.append(seconds)
        if sum(waited) > 2:
            writer.stop()

    connection = Connection(served.url, Path("/"), clock=time.clock._replace(sleep=meanwhile))
    writer = open_writer(connection)
    with pytest.raises(Stopped) as caught:
        writer.update("repo", "r", {})
    assert 2 < sum(waited) < 3
    assert caught.value.code == "stopped"
    writer.stop()
    with pytest.raises(Stopped):
        writer.create("repo", {})
    assert open_reader(connection).list("workspace") == []
    assert served.requests == [("PUT", "/repo/r"), ("GET", "/workspace")]


# --- deadlines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [lingering, dripping])
def test_the_deadline_ends_a_request_that_is_under_way(site: Start, answer: Answering) -> None:
    times = [Leaping(), Leaping()]

    def late(handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        for time in times[: len(served.requests)]:
            time.run(0.3)
        return answer(handler, body)

    served = site(late)
    with pytest.raises(DeadlinePassed, match="deadline"):
        transport(served.url, ends=0.5, clock=times[0].clock).get("/repo")
    with pytest.raises(Uncertain, match="deadline") as caught:
        transport(served.url, ends=0.5, clock=times[1].clock).write("POST", "/repo", {})
    assert not caught.value.settled
    assert [method for method, _ in served.requests] == ["GET", "POST"]


def never(seconds: float) -> None:
    raise AssertionError("nobody sleeps here")


def test_the_deadline_ends_the_wait_for_a_turn() -> None:
    """Each look at the clock is half a second later."""
    looks = count(0.0, 0.5)
    client = transport("http://127.0.0.1:1", ends=1.5, clock=Clock(looks.__next__, never))
    client.pace.limit = 0
    with pytest.raises(DeadlinePassed):
        client.write("POST", "/repo", {})


@pytest.mark.parametrize("asked", ["1000000000", "60"])
def test_a_wait_beyond_the_deadline_is_not_begun_and_both_numbers_are_said(site: Start, asked: str) -> None:
    served = site(lambda handler, body: (429, {}, {"Retry-After": asked}))
    with pytest.raises(DeadlinePassed, match=rf"deadline.*asks to wait {asked} s, and 5 s are left"):
        transport(served.url, ends=5).get("/repo")
    assert len(served.requests) == 1


@pytest.mark.parametrize("asked", ["0", "nan", "inf", "1e400"])
def test_who_is_throttled_again_and_again_waits_longer_each_time_whatever_is_asked(site: Start, asked: str) -> None:
    served = site(lambda handler, body: (429, {}, {"Retry-After": asked}))
    with pytest.raises(DeadlinePassed):
        transport(served.url, ends=2).get("/repo")
    assert 2 <= len(served.requests) <= 8


# --- tokens -------------------------------------------------------------------------------------------------------------


def test_a_platform_that_refuses_every_token_is_asked_a_few_times_only(site: Start) -> None:
    numbers = count()

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        if handler.path.startswith("/user"):
            return 200, {"accessToken": f"access-{next(numbers)}", "refreshToken": "refresh"}
        return 401, {"message": "the account is blocked"}

    served = site(answer)
    with pytest.raises(NotAuthenticated, match="blocked"):
        transport(served.url, login=LOGIN).get("/workspace")
    assert served.requests.count(("GET", "/workspace")) == RENEWALS + 1


def test_the_refresh_that_fails_early_leaves_a_good_token_in_use(site: Start) -> None:
    time = Leaping()
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.wall() + 5}).encode()).decode().rstrip("=")

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        if handler.path == "/user/login":
            return 200, {"accessToken": f"h.{claims}.s", "refreshToken": "refresh"}
        return (429, {}, {"Retry-After": "60"}) if handler.path == "/user/refresh" else fine(handler, body)

    served = site(answer)
    client = transport(served.url, login=LOGIN, ends=20, clock=time.clock)
    client.get("/workspace")
    time.leap(4.1)  # four fifths of its life
    client.get("/workspace")
    client.get("/workspace")
    assert [path for _, path in served.requests].count("/user/refresh") == 1
