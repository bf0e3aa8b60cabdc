"""`serve` among people who wish it no good: slow heads, endless heads, guessed passwords."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.http.h11_impl import H11Protocol

from gatectl.errors import PlatformRefused
from gatectl.server.attempts import MOST, WINDOW
from gatectl.server.patience import LARGEST_HEAD, patient
from gatectl.server.sessions import Sessions

# --- logins --------------------------------------------------------------------------------------------------------------


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def login(sessions: Sessions, peer: str, password: str = "wrong", email: str = "ann@example.com") -> int:
    try:
        sessions.login(email, password, peer)
    except PlatformRefused as error:
        return error.status
    return 200


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions([], {"Ann@example.com": "right"}, clock=clock)


@pytest.mark.parametrize("email", ["ann@example.com", "nobody@example.com"])
def test_who_fails_ten_times_in_a_minute_has_to_wait_also_with_the_right_password(
    sessions: Sessions, clock: Clock, email: str
) -> None:
    assert [login(sessions, "192.0.2.1", email=email) for _ in range(MOST + 1)] == [401] * MOST + [429]
    assert login(sessions, "192.0.2.1", "right") == 429
    assert login(sessions, "192.0.2.2", "right") == 200, "another address"
    clock.now += WINDOW + 0.1
    assert login(sessions, "192.0.2.1", "right") == 200


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\ud800.\ud800"])
def test_half_of_a_character_is_a_wrong_one_wherever_it_stands(sessions: Sessions, text: str) -> None:
    assert login(sessions, "192.0.2.1", email=text) == login(sessions, "192.0.2.1", password=text) == 401
    for ask in (sessions.admit, sessions.refresh):
        with pytest.raises(PlatformRefused) as refused:
            ask(text)
        assert refused.value.status == 401
    sessions.logout(text)
    sessions.expire(text)
    assert sessions.refresh_tokens(text) == []
    assert sessions.profile(text)["email"]
    odd = Sessions([], {text: text})
    assert odd.login(text, text)["success"]


def test_what_succeeds_is_not_counted(sessions: Sessions) -> None:
    assert {login(sessions, "192.0.2.1", "right") for _ in range(3 * MOST)} == {200}


def test_one_machine_has_many_addresses_of_ipv6_and_one_limit(sessions: Sessions) -> None:
    assert [login(sessions, f"2001:db8::{n:x}") for n in range(1, MOST + 2)][-1] == 429
    assert login(sessions, "2001:db8:0:1::1") == 401
    assert [login(sessions, f"::ffff:192.0.2.{n}") for n in range(MOST + 1)][-1] == 401, "these are not one machine"


@pytest.mark.parametrize("password", ["", "righ", "right ", "RIGHT", "r\u00efght", "\ud800", "x" * 100_000])
def test_an_unknown_user_and_a_wrong_password_are_told_in_the_same_words(sessions: Sessions, password: str) -> None:
    said = []
    for email in ("ann@example.com", "nobody@example.com", ""):
        with pytest.raises(PlatformRefused) as caught:
            sessions.login(email, password, email)
        said.append((caught.value.message, caught.value.platform_code, caught.value.status))
    assert len(set(said)) == 1


def test_the_server_counts_by_the_address_that_asks(serve: Any) -> None:
    served = serve("--users", serve.file("users.json", '{"ann@example.com": "right"}'))
    wrong = {"email": "ann@example.com", "password": "wrong"}
    for _ in range(MOST):
        served.call("POST", "/user/login", wrong, 401)
    refused = served.call("POST", "/user/login", wrong | {"password": "right"}, 429)
    assert refused["success"] is False
    assert "again in" in str(refused)


# --- connections ---------------------------------------------------------------------------------------------------------


async def application(scope: Any, receive: Any, send: Any) -> None:
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] == "http.request":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def converse(base: Any, *pieces: bytes, answers: int = 1, head: float = 0.1, body: float = 0.1) -> bytes:
    """What a server answers until it closes the connection, or until there are so many answers."""
    import uvicorn
    from uvicorn.server import ServerState

    config = uvicorn.Config(application, lifespan="off", log_config=None)
    config.load()
    protocol = patient(base, head, body)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config, ServerState(), {}), "127.0.0.1", 0)  # type: ignore[call-arg]
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        answered = b""
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.02)
        while answered.count(b"ok") < answers and (data := await asyncio.wait_for(reader.read(1000), 60)):
            answered += data
        return answered
    except ConnectionError:
        return answered
    finally:
        writer.close()
        server.close()


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"


@pytest.fixture(params=[AutoHTTPProtocol, H11Protocol])
def base(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize(
    "pieces", [(), (GET[:10],), (GET[:-2], b"A: b\r\n", b"C: d\r\n"), (POST, b"a"), (b"\r\n",)], ids=str
)
def test_a_request_that_does_not_come_whole_ends_its_connection(base: Any, pieces: tuple[bytes, ...]) -> None:
    assert b"200" not in asyncio.run(converse(base, *pieces))


@pytest.mark.parametrize("pieces", [(GET[:7],), (POST, b"ab"), (GET[:-2], *[b"A: b\r\n"] * 10)], ids=str)
def test_so_does_one_on_a_connection_that_served_before(base: Any, pieces: tuple[bytes, ...]) -> None:
    for first in ((GET,), (POST, b"abcd")):
        answered = asyncio.run(converse(base, *first, *pieces, answers=2))
        assert answered.count(b"200 OK") <= 1, "of two requests the second never came whole"


def test_requests_that_come_in_pieces_in_time_are_served_one_after_the_other(base: Any) -> None:
    pieces = (GET[:5], GET[5:], POST[:20], POST[20:], b"ab", b"cd", GET)
    answered = asyncio.run(converse(base, *pieces, answers=3, head=60, body=60))
    assert answered.count(b"200 OK") == 3


def test_a_head_without_an_end_is_not_kept(base: Any) -> None:
    head = GET[:-2] + b"A: " + b"b" * (LARGEST_HEAD + 1)
    assert b"200" not in asyncio.run(converse(base, head, head=60))


def test_a_server_serves_on_beside_connections_that_say_nothing(serve: Any) -> None:
    served = serve()
    host, port = served.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(50)]
    for one in idle:
        one.sendall(GET[:12])
    served.call("GET", "/workspace")
    for one in idle:
        one.close()


def test_what_it_is_not_made_for_is_said_in_its_help() -> None:
    from click.testing import CliRunner

    from gatectl.cli import gatectl

    shown = " ".join(CliRunner().invoke(gatectl, ["serve", "--help"]).output.split())
    assert "not made to face the internet" in shown
