"""Addresses: read in one place, strictly, so that two programs cannot read one in two ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatectl.errors import UntrustedHost, UsageError
from gatectl.network.addresses import (
    Address,
    admit,
    http_address,
    is_loopback,
    is_trusted,
    normal_host,
    origin_host,
    pattern,
    patterns,
    remote_name,
    split_host,
    without_secrets,
)

LOOPBACK = [
    "localhost", "LocalHost", "localhost.", "localhost:8080", "127.0.0.1", "127.0.0.1:80", "127.255.255.254", "::1", "[::1]",
    "[::1]:8080", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]:80", "[::ffff:7f00:1]",
]  # fmt: skip
ELSEWHERE = [
    "127.0.0.1.evil.example", "127.evil.example", "localhost.evil.example", "evil.localhost", "127.1", "0x7f.1", "0x7f000001",
    "2130706433", "0177.0.0.1", "127.0.0.1.", "127.0.0.01", "0.0.0.0", "::", "[::]", "10.0.0.1", "[::1%lo]", "[::1%25lo]", "[::1", "::1]",
    "::1:80:80", "[::1]8080", "[127.0.0.1]", "", ".", "localhost:", "localhost:x", "localhost:99999", "localhost:-1", "localhost:٣",
    "127.0.0.1@evil.example", "evil.example#127.0.0.1", "evil.example\\127.0.0.1", "localhost\n", " localhost", "local\u200bhost",
    "ⓛocalhost", "localhost\x00", "１27.0.0.1", "127。0。0。1",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK)
def test_what_only_this_machine_can_be_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", [host for host in ELSEWHERE if host != "localhost:"])
def test_nothing_else_is_loopback_however_it_is_spelt(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "authority",
    [*ELSEWHERE, "evil.example", "user@127.0.0.1", "user:pass@127.0.0.1", "@127.0.0.1", "evil.example:80@127.0.0.1", "127.0.0.1:80:80"],
)  # fmt: skip
def test_no_address_in_clear_leads_beyond_this_machine(authority: str) -> None:
    if authority == "localhost:":  # the empty port is the scheme's own
        assert http_address("http://localhost:").loopback
        return
    with pytest.raises(UsageError):
        http_address(f"http://{authority}/x")


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://backend.flashback.tech", "https://backend.flashback.tech"),
        ("HTTPS://Backend.Flashback.Tech:443/base/", "https://backend.flashback.tech/base"),
        ("https://backend.flashback.tech.:8443", "https://backend.flashback.tech:8443"),
        ("http://[0:0::1]:80/", "http://[::1]"),
        ("http://127.8.9.1:8080", "http://127.8.9.1:8080"),
        ("https://xn--bcher-kva.example/a/b", "https://xn--bcher-kva.example/a/b"),
    ],
)
def test_an_address_has_one_spelling(url: str, normal: str) -> None:
    assert str(http_address(url)) == normal
    assert http_address(normal) == http_address(url)


@pytest.mark.parametrize(
    "url",
    ["https://", "https:///x", "https:backend.example", "//backend.example", "https://bücher.example", "https://a b.example", "https://a\\b",
     "https://a.example\\@b.example", "https://[fe80::1%25eth0]", "https://-a.example", "https://a..b", "https://a.example:0x1f", "ftp://a.example",
     "https://a.example/\n", "https://a.example/?token=hush", "https://a.example/#hush", "https://me:hush@a.example", "https://:@a.example",
     "https://" + "a" * 64 + ".example", "https://" + "a." * 127 + "example"],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_no_address_and_is_not_shown(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        http_address(url)
    assert "hush" not in f"{caught.value.message} {caught.value.hint}"


@given(st.text(max_size=40))
def test_any_text_is_a_host_in_one_spelling_or_none(text: str) -> None:
    is_loopback(text)
    origin_host(text)
    try:
        host, _ = split_host(text)
    except ValueError:
        return
    assert normal_host(host) == host
    assert host.isascii() and host == host.lower()


@given(
    st.sampled_from(["", "user:pa/ss@", "user:p?w@", "user:p#w@", "u@x:hush@"]),
    st.sampled_from(["", "/db", "/db?password=hush"]),
)
def test_no_password_of_a_target_is_shown_whatever_it_holds(user: str, path: str) -> None:
    shown = without_secrets(f"postgresql://{user}db.example{path}")
    assert shown == f"postgresql://db.example{path.partition('?')[0]}"


# --- trust -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "host", "port", "trusted"),
    [
        ("gateway.example", "gateway.example", 443, True),
        ("Gateway.Example.", "gateway.example", 443, True),
        ("gateway.example", "gateway.example", 8443, False),
        ("gateway.example:8443", "gateway.example", 8443, True),
        ("gateway.example:8443", "gateway.example", 443, False),
        ("gateway.example", "a.gateway.example", 443, False),
        ("*.example.com", "a.example.com", 443, True),
        ("*.example.com", "a.b.example.com", 443, True),
        ("*.example.com", "example.com", 443, False),
        ("*.example.com", "evilexample.com", 443, False),
        ("*.example.com", "a.example.com", 8443, False),
        ("*.example.com:8443", "a.example.com", 8443, True),
        ("https://gateway.example", "gateway.example", 443, True),
        ("postgresql://db.example", "db.example", 5432, True),
        ("postgresql://db.example", "db.example", 443, False),
        ("db.example:5432", "db.example", 5432, True),
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("[::1]:8080", "::1", 8080, True),
        ("::ffff:10.0.0.1", "10.0.0.1", 443, False),
    ],
)
def test_a_host_is_trusted_with_its_port_and_a_star_stands_for_what_is_below(
    written: str, host: str, port: int, trusted: bool
) -> None:
    try:
        found = [pattern(written)]
    except ValueError:
        found = []
    assert is_trusted(host, port, found) is trusted
    assert [pattern(str(each)) for each in found] == found


@pytest.mark.parametrize(
    "written",
    ["", "*", "*.", "*.com",
      "*.*.example.com", "a.*.com", "https://me@a.example", "https://a.example/path", "s3://bucket", "a b", "*.0.0.1", "a:b"],
)  # fmt: skip
def test_what_is_no_host_is_not_trusted_but_told(written: str) -> None:
    with pytest.raises(UsageError, match="GATECTL_TRUSTED_HOSTS"):
        patterns([written], "GATECTL_TRUSTED_HOSTS")


def test_the_platforms_own_hosts_are_trusted_on_their_port_alone() -> None:
    assert is_trusted("backend.flashback.tech", 443, ())
    assert is_trusted("api.flashback.tech", 443, ())
    assert not is_trusted("backend.flashback.tech", 8443, ())
    assert not is_trusted("flashback.tech", 443, ())


def test_a_loopback_address_is_spoken_to_and_gets_no_credential_unless_the_operator_names_it() -> None:
    here = Address("http", "127.0.0.1", 8080)
    assert not admit(here, named=False, trusted=()).credentials
    assert admit(here, named=True, trusted=()).credentials
    assert admit(here, named=False, trusted=[pattern("127.0.0.1:8080")]).credentials
    assert not admit(here, named=False, trusted=[pattern("127.0.0.1")]).credentials, "another port"


def test_any_other_host_is_refused_with_the_words_that_help() -> None:
    with pytest.raises(UntrustedHost, match=r"evil\.example:8443") as caught:
        admit(Address("https", "evil.example", 8443), named=False, trusted=[pattern("evil.example")])
    assert caught.value.exit_code == 9
    assert caught.value.hint is not None
    assert "gatectl trust evil.example:8443" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://git.example/acme/estate.git", "git.example/acme/estate"),
        ("https://user:secret@Git.Example:8443/acme/Estate/", "git.example/acme/Estate"),
        ("git@git.example:acme/estate.git", "git.example/acme/estate"),
        ("git.example:/acme/estate", "git.example/acme/estate"),
        ("ssh://git@git.example:22/acme/estate.git", "git.example/acme/estate"),
        ("ssh://git@[2001:db8::1]:22/acme/estate", "[2001:db8::1]/acme/estate"),
        ("https://git.example/acme/estate?token=secret#x", "git.example/acme/estate"),
        ("/srv/git/estate.git/", "/srv/git/estate"),
        ("file:///srv/git/estate.git", "/srv/git/estate"),
        ("../a:b", "../a:b"),
    ],
)
def test_a_remote_is_one_whichever_way_one_gets_there(url: str, name: str) -> None:
    assert remote_name(url) == name
