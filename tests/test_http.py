"""The room of httpx: whatever a server, a proxy or the variables of a company's machine do, it ends in words and in time."""

from __future__ import annotations

import importlib
import os
import pkgutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpcore
import httpx
import pytest

from gatectl.clock import CLOCK, Clock
from gatectl.errors import DeadlinePassed, InputError, PlatformError, Uncertain, Unreachable, UsageError
from gatectl.network.addresses import Address, admit, http_address
from gatectl.network.http import MEANINGS, Client, Request, meaning_of
from gatectl.network.proxies import find_proxy, goes_around
from gatectl.network.sockets import trusted_authorities
from leaping import Leaping
from listening import Listener, dripping

PROXY_VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSLKEYLOGFILE",
)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def client(url: str, *, named: bool = True, ends: float | None = None, clock: Clock = CLOCK, **headers: str) -> Client:
    ends = None if ends is None else clock.now() + ends
    return Client(admit(http_address(url), named=named, trusted=()), headers=headers, ends=ends, clock=clock)


def get(room: Client, path: str = "/x", **more: Any) -> Any:
    return room.exchange(Request("GET", room.at(path), f"GET {path}", 1000, **more))


def post(room: Client, path: str = "/x", **more: Any) -> Any:
    return room.exchange(Request("POST", room.at(path), f"POST {path}", 1000, body={}, changes=True, **more))


def saying(*pieces: bytes) -> Callable[[socket.socket], None]:
    def answer(peer: socket.socket) -> None:
        for piece in pieces:
            peer.sendall(piece)

    return answer


# --- every exception is known --------------------------------------------------------------------------------------------


def exceptions_of(package: Any) -> Iterator[type[Exception]]:
    """All that a package defines, in whatever module of it can be imported here."""
    for found in (package, *pkgutil.walk_packages(package.__path__, f"{package.__name__}.")):
        try:
            module = importlib.import_module(found.__name__ if found is package else found.name)
        except (ImportError, SystemExit):  # of an extra that is not installed
            continue
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Exception)
                and value.__module__.startswith(package.__name__)
            ):
                yield value


def test_each_exception_of_httpx_has_a_meaning_by_its_class() -> None:
    found = set(exceptions_of(httpx))
    assert len(found) >= 25
    unknown = [each.__name__ for each in found if not any(base in MEANINGS for base in each.__mro__)]
    assert unknown == []


def test_each_exception_below_httpx_becomes_one_of_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    found = set(exceptions_of(httpcore))
    assert len(found) >= 14
    with Listener() as listener:
        for each in found:
            room = client(f"http://{listener.place}")

            def fail(*_: Any, error: type[Exception] = each, **__: Any) -> Any:
                raise error("broken on purpose")

            monkeypatch.setattr(httpcore.ConnectionPool, "handle_request", fail)
            with pytest.raises(PlatformError, match=r"GET /x: "):
                get(room)
            room.close()


@pytest.mark.parametrize(
    "error", [OSError("x"), UnicodeError("x"), ValueError("x"), TypeError("x"), httpx.InvalidURL("x")]
)
def test_what_is_raised_before_anything_was_sent_was_never_sent(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = client("http://127.0.0.1:1")

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(httpcore.ConnectionPool, "handle_request", fail)
    with pytest.raises(PlatformError) as caught:
        post(room)
    assert not isinstance(caught.value, Uncertain)
    assert meaning_of(error) in ("broken", "unsendable")


# --- time ----------------------------------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIPPING = {
    "the head": dripping(HEAD, *[b"X-A: b\r\n"] * 500),
    "the first line": dripping(*[bytes([byte]) for byte in HEAD] * 20),
    "what is only informational": dripping(*[b"HTTP/1.1 102 Processing\r\n\r\n"] * 500),
    "the body": dripping(HEAD + b"Content-Length: 1000\r\n\r\n", *[b" "] * 500),
    "chunks": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 500),
    "one long chunk's length": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"0"] * 500),
    "nothing": saying(),
}


@pytest.mark.parametrize("what", DRIPPING)
def test_the_deadline_ends_a_request_between_bytes(what: str) -> None:
    """Time stands still until the server has heard, and little of it is left then."""
    times = iter([Leaping(), Leaping()])

    def answer(peer: socket.socket) -> None:
        time.run(0.3)
        DRIPPING[what](peer)

    with Listener(answer) as listener:
        time = next(times)
        room = client(f"http://{listener.place}", ends=0.5, clock=time.clock)
        with pytest.raises(DeadlinePassed, match="deadline"):
            get(room)
        with pytest.raises((Uncertain, DeadlinePassed)):
            post(room)
        time = next(times)
        late = client(f"http://{listener.place}", ends=0.5, clock=time.clock)
        with pytest.raises(Uncertain, match="deadline") as caught:
            post(late)
        assert not caught.value.settled


def test_the_deadline_ends_a_handshake_that_does_not_begin() -> None:
    time = Leaping()
    with (
        Listener(lambda _: time.run(0.3)) as listener,
        pytest.raises(DeadlinePassed, match=r"cannot be reached.*deadline"),
    ):
        get(client(f"https://{listener.place}", ends=0.5, clock=time.clock))


def test_the_deadline_ends_the_look_up_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, time = threading.Event(), Leaping()

    def look_up(*_: Any, **__: Any) -> None:
        time.leap(0.3)
        asked.wait(60)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(DeadlinePassed, match="not found in time"):
        get(client("https://gateway.example", ends=0.3, clock=time.clock))
    asked.set()


def test_a_short_deadline_does_not_hide_the_reason() -> None:
    with pytest.raises(Unreachable, match="refused"):
        get(client("http://127.0.0.1:1", ends=60))


# --- what is sent where --------------------------------------------------------------------------------------------------

OK = saying(HEAD + b"Content-Length: 2\r\n\r\n{}")


def test_no_credential_goes_to_an_address_that_was_admitted_without() -> None:
    for named in (True, False):
        with Listener(OK) as listener:
            room = client(f"http://{listener.place}", named=named, Authorization="Bearer canary", Cookie="canary")
            get(room, headers={"PRIVATE-TOKEN": "canary", "Job-Token": "canary"})
            assert ("canary" in listener.text) is named
            assert "GET /x" in listener.text


def test_nothing_goes_to_another_origin_and_no_redirect_is_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://"
    with (
        Listener() as other,
        Listener(lambda peer: peer.sendall(moved + other.place.encode() + b"/\r\n\r\n")) as first,
    ):
        room = client(f"http://{first.place}", Authorization="Bearer canary")
        assert get(room).status == 302
        with pytest.raises(PlatformError, match="another host"):
            room.exchange(Request("GET", f"http://{other.place}/x", "GET /x", 1000))
        assert other.heard == []


def test_an_answer_has_a_largest_size_packed_or_not() -> None:
    import gzip

    for body, header in ((b"x" * 5000, b""), (gzip.compress(b"x" * 5000), b"Content-Encoding: gzip\r\n")):
        answer = HEAD + header + b"Content-Length: %d\r\n\r\n" % len(body) + body
        with Listener(saying(answer)) as listener:
            with pytest.raises(PlatformError, match="larger"):
                get(client(f"http://{listener.place}"))
            with pytest.raises(Uncertain, match="larger") as caught:
                post(client(f"http://{listener.place}"))
            assert caught.value.settled


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/9.9 x\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200_000,
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    ],
)
def test_an_answer_that_is_no_http_is_a_broken_connection(answer: bytes) -> None:
    def answering(peer: socket.socket) -> None:
        peer.sendall(answer)
        peer.shutdown(socket.SHUT_WR)

    with Listener(answering) as listener, pytest.raises(Uncertain, match="broke"):
        post(client(f"http://{listener.place}"))


# --- proxies -------------------------------------------------------------------------------------------------------------

PLATFORM = Address("https", "gateway.example", 443)


def test_this_machine_is_never_spoken_to_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Listener() as proxy, Listener(OK) as listener:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy.place}")
        get(client(f"http://{listener.place}", Authorization="Bearer canary"))
        with pytest.raises(Unreachable):
            get(client("https://127.0.0.1:1"))
        assert proxy.heard == []


@pytest.mark.parametrize(
    ("listed", "host", "port", "around"),
    [
        ("*", "gateway.example", 443, True),
        ("gateway.example", "gateway.example", 443, True),
        ("example", "gateway.example", 443, True),
        (".example", "gateway.example", 443, True),
        ("*.example", "gateway.example", 443, True),
        ("way.example", "gateway.example", 443, False),
        ("other, GATEWAY.example.", "gateway.example", 443, True),
        ("gateway.example:443", "gateway.example", 443, True),
        ("gateway.example:8443", "gateway.example", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("localhost,[::1]", "2001:db8::1", 443, False),
        ("localhost,[2001:db8::1]", "2001:db8::1", 443, True),
        ("[2001:db8::1]:8443", "2001:db8::1", 8443, True),
        ("2001:db8::/32", "2001:db8::1", 443, True),
        ("[::1, ,,//,%%,a:b:c", "gateway.example", 443, False),
        ("", "gateway.example", 443, False),
    ],
)
def test_no_proxy_names_hosts_domains_networks_and_ports(listed: str, host: str, port: int, around: bool) -> None:
    assert goes_around(listed, Address("https", host, port)) is around


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"https_proxy": "http://me:hush@proxy.example", "HTTPS_PROXY": "http://other"}, "http://proxy.example:80"),
        ({"ALL_PROXY": "socks5h://[2001:db8::1]"}, "socks5h://[2001:db8::1]:1080"),
        ({"HTTPS_PROXY": "", "ALL_PROXY": "https://proxy.example/"}, "https://proxy.example:443"),
        ({"HTTP_PROXY": "http://proxy.example"}, None),
        ({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "gateway.example"}, None),
    ],
)
def test_the_proxy_is_the_one_of_the_usual_variables(variables: dict[str, str], place: str | None) -> None:
    found = find_proxy(PLATFORM, variables)
    assert (found.place if found else None) == place
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    "value",
    ["socks4://127.0.0.1:9", "ftp://proxy", "://", "http://", "http://a b", "http://me:hush@[::1", "http://proxy:port"],
)
def test_a_proxy_that_cannot_be_used_is_told_by_the_name_of_its_variable(value: str) -> None:
    with pytest.raises(UsageError, match="HTTPS_PROXY") as caught:
        find_proxy(PLATFORM, {"HTTPS_PROXY": value})
    assert "hush" not in caught.value.message


def test_a_dead_proxy_is_blamed_and_not_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("http", "https"):
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://me:hush@127.0.0.1:1")
        with pytest.raises(Unreachable, match=r"the proxy https?://127\.0\.0\.1:1 \(HTTPS_PROXY\).*refused") as caught:
            post(client("https://198.51.100.1"))
        assert not isinstance(caught.value, Uncertain)
        assert "hush" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 502 Bad\r\n\r\n", b"", b"nonsense\r\n\r\n"],
)
def test_what_a_proxy_refuses_was_never_sent(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def answering(peer: socket.socket) -> None:
        peer.sendall(answer)
        peer.shutdown(socket.SHUT_WR)

    with Listener(answering) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.place}")
        with pytest.raises(Unreachable, match="proxy") as caught:
            post(client("https://gateway.example", Authorization="Bearer canary"))
        assert not isinstance(caught.value, Uncertain)
        assert proxy.text.startswith("CONNECT gateway.example:443")
        assert "canary" not in proxy.text


def socks(server: socket.socket, asked: list[bytes]) -> None:
    """Let one client in that says who it is, and refuse what it asks for."""
    peer, _ = server.accept()
    with peer:
        for answer in (b"\x05\x02", b"\x01\x00", b"\x05\x05\x00\x01" + bytes(6)):
            asked.append(peer.recv(1024))
            peer.sendall(answer)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
def test_a_socks_proxy_is_asked_by_name_and_blamed_for_what_it_refuses(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("socksio")  # locked with the rest
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = threading.Thread(target=socks, args=(server, asked))
        proxy.start()
        place = f"socks5h://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv(variable, place.replace("//", "//me:hush@"))
        with pytest.raises(Unreachable, match=f"the proxy {place} \\({variable}\\)") as caught:
            post(client("https://gateway.example", Authorization="Bearer canary"))
        proxy.join()
    assert asked[1:] == [b"\x01\x02me\x04hush", b"\x05\x01\x00\x03\x0fgateway.example\x01\xbb"]
    assert not isinstance(caught.value, Uncertain)
    assert "hush" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(("package", "words"), [("socksio", "extra 'socks'")])
def test_a_package_that_is_missing_is_named_with_its_extra(package: str, words: str) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{package!r}] = None\n"  # what an import of a package that is not there does
        "from gatectl.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--platform", "https://198.51.100.1", "snapshot"],
        env={**os.environ, "ALL_PROXY": "socks5://127.0.0.1:9", "GATECTL_TOKEN": "x"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 64, done.stderr
    assert words in done.stderr
    assert "ALL_PROXY" in done.stderr
    assert "internal error" not in done.stderr


# --- certificates --------------------------------------------------------------------------------------------------------


def test_a_file_of_authorities_that_is_missing_or_none_is_named(tmp_path: Any) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for variables in (
        {"SSL_CERT_FILE": "/nope/ca.pem"}, {"SSL_CERT_FILE": str(tmp_path)}, {"SSL_CERT_FILE": str(tmp_path / "empty.pem")},
        {"SSL_CERT_DIR": "/nope/certs"},
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            trusted_authorities(variables)
        (variable, value) = next(iter(variables.items()))
        assert variable in caught.value.message
        assert value in caught.value.message


def test_nothing_older_than_tls_12_is_spoken() -> None:
    import ssl

    assert trusted_authorities({}).minimum_version is ssl.TLSVersion.TLSv1_2
    assert trusted_authorities({"SSL_CERT_FILE": ""}).verify_mode is ssl.CERT_REQUIRED
