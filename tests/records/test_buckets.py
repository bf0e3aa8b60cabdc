"""Object stores that lose answers, ignore conditions, or hold what is not ours."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gatectl.errors import (
    Forbidden,
    GatectlError,
    MissingCredential,
    NotAuthenticated,
    PlatformError,
    Unreachable,
    UsageError,
)
from gatectl.network.addresses import store_address
from gatectl.platforms.interface import Connection, RecordsChoice
from gatectl.records import open_history, read_history
from gatectl.records.buckets import Objects, body, open_objects
from gatectl.records.interface import Scope
from records.object_servers import Bucket, Google
from records.receipts import run_of

HERE = Scope("site", None, "default")


@pytest.fixture
def bucket(google: Google) -> Bucket:
    return google.bucket("acme-records")


@pytest.fixture
def connection(bucket: Bucket, tmp_path: Path) -> Connection:
    choice = RecordsChoice(bucket.url, named=True)
    return Connection("http://127.0.0.1:1", tmp_path, environ=dict(bucket.variables), records=choice)


@pytest.fixture
def objects(connection: Connection, bucket: Bucket) -> Objects:
    return open_objects(connection, store_address(bucket.url))


def test_a_write_replaces_what_it_expects_and_nothing_else(objects: Objects) -> None:
    first, second, third = (body({"n": number}) for number in range(3))
    made = objects.swap("a", first, None)
    assert made is not None and objects.swap("a", second, None) is None
    changed = objects.swap("a", second, made)
    assert changed is not None and objects.swap("a", third, made) is None
    found = objects.get("a")
    assert found is not None and found.data == second and found.version == changed
    assert objects.swap("b", third, made) is None and objects.get("b") is None, "nothing was there to replace"


@pytest.mark.parametrize("fault", ["loses", "fails"])
def test_a_write_that_was_kept_without_a_good_answer_is_known_again(
    objects: Objects, google: Google, fault: str
) -> None:
    made = objects.swap("a", body({}), None)
    setattr(google, fault, 1)
    data = body({})
    assert objects.swap("a", data, made) is not None, "what was repeated was refused, and what is there is ours"
    setattr(google, fault, 1)
    assert objects.swap("b", body({}), None) is not None
    assert len(google.keys("acme-records")) == 2


def test_two_writes_of_the_same_words_are_told_apart() -> None:
    assert body({"a": 1}) != body({"a": 1})


def test_a_store_that_ignores_conditions_is_refused_before_anything_is_kept(
    connection: Connection, google: Google
) -> None:
    google.careless = True
    with pytest.raises(PlatformError, match="does not honour conditional writes"):
        open_history(connection)
    assert not any(key.endswith(("store.json", "entry.json")) for key in google.keys("acme-records"))


def test_a_proof_leaves_nothing_behind(connection: Connection, google: Google) -> None:
    open_history(connection).close()
    assert google.keys("acme-records") == ["some/prefix/store.json"]


@pytest.mark.parametrize(("status", "raised"), [(401, NotAuthenticated), (403, Forbidden)])
def test_a_store_that_lets_nobody_in_is_asked_once_and_shows_no_secret(
    connection: Connection, google: Google, status: int, raised: type[GatectlError]
) -> None:
    google.refuses = status
    with pytest.raises(raised) as told:
        read_history(connection)
    assert "hush" not in str(told.value) + str(told.value.hint) and "\n" not in told.value.message
    assert len(google.asked) == 1


def test_a_run_that_was_broken_off_between_receipt_and_entry_is_listed_all_the_same(
    connection: Connection, google: Google
) -> None:
    kept = run_of(1)
    with closing(open_history(connection)) as history:
        history.keep(kept, None)
    entry = next(path for path in google.objects if path.endswith("/entry.json"))
    del google.objects[entry]
    with closing(read_history(connection)) as history:
        assert [found["run"] for found in history.runs(HERE)] == [kept["run"]]


def _spoilt() -> Iterator[tuple[str, bytes]]:
    nonce = {"format": 1, "nonce": "x"}
    yield "entry.json", b"{"
    yield "entry.json", b"[]"
    yield "entry.json", json.dumps({"entry": {}}).encode()
    yield "entry.json", json.dumps({**nonce, "entry": {}}).encode()
    yield "entry.json", json.dumps({**nonce, "format": 2, "entry": {}}).encode()
    yield "receipt.json.gz", b"\x1f\x8b\x08"
    yield "receipt.json.gz", gzip.compress(json.dumps({**nonce, "receipt": {"run": "another"}}).encode(), mtime=0)
    yield "store.json", b""
    yield "store.json", json.dumps({**nonce, "instance": 7}).encode()


@pytest.mark.parametrize(("name", "content"), list(_spoilt()))
def test_what_is_not_as_it_was_written_is_an_error_that_names_its_key(
    connection: Connection, google: Google, name: str, content: bytes
) -> None:
    kept = run_of(1)
    with closing(open_history(connection)) as history:
        history.keep(kept, None)
    path = next(path for path in google.objects if path.endswith(name))
    google.objects[path] = (content, 99)
    with (
        pytest.raises(PlatformError, match="is not as it was written") as told,
        closing(read_history(connection)) as history,
    ):
        assert not list(history.runs(HERE)) or history.receipt(HERE, kept["run"])
    assert path.removeprefix("acme-records/") in told.value.message
    assert google.objects[path] == (content, 99)


def test_objects_of_others_below_the_prefix_are_passed_over(connection: Connection, google: Google) -> None:
    kept = run_of(1)
    with closing(open_history(connection)) as history:
        history.keep(kept, None)
    folder = next(path for path in google.objects if path.endswith("/entry.json")).rpartition("/202601/")[0]
    for name in ("202601/notes/entry.json", "old/x/entry.json", "readme.txt"):
        google.objects[f"{folder}/{name}"] = (b"hello", 1)
    with closing(read_history(connection)) as history:
        assert [found["run"] for found in history.runs(HERE)] == [kept["run"]]


# Credentials


def opened(url: str, **environ: str) -> None:
    connection = Connection("http://127.0.0.1:1", Path(), environ=environ, records=RecordsChoice(url, named=True))
    open_objects(connection, store_address(url))


@pytest.mark.parametrize("url", ["s3://bucket", "gs://bucket", "az://container"])
def test_a_program_that_hands_in_no_credentials_is_told(
    url: str, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the process")
    with pytest.raises(MissingCredential, match="no credentials"):
        opened(url)


def test_half_of_a_pair_is_told_and_a_misspelt_variable_too(google: Google) -> None:
    with pytest.raises(MissingCredential, match="GATECTL_RECORDS_AWS_SECRET_ACCESS_KEY is not set"):
        opened("s3://bucket", GATECTL_RECORDS_AWS_ACCESS_KEY_ID="AKIA")
    with pytest.raises(UsageError, match="cannot be opened"):
        opened("s3://bucket", AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY="hush", GATECTL_RECORDS_AWS_REGIO="x")


def test_no_endpoint_beyond_this_machine_is_spoken_to_in_clear(google: Google) -> None:
    with pytest.raises(UsageError, match="in clear"):
        opened("s3://bucket", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="hush", AWS_ENDPOINT_URL="http://s3.example")


def test_own_credentials_come_before_the_usual_ones(s3_server: str) -> None:
    import urllib.request

    with urllib.request.urlopen(urllib.request.Request(f"{s3_server}/own", method="PUT"), timeout=120):
        pass
    usual = {"AWS_ACCESS_KEY_ID": "USUAL", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_SESSION_TOKEN": "of the usual"}
    own = {"GATECTL_RECORDS_AWS_ACCESS_KEY_ID": "OWN", "GATECTL_RECORDS_AWS_SECRET_ACCESS_KEY": "hush-own"}
    environ = usual | own | {"GATECTL_RECORDS_AWS_ENDPOINT_URL": s3_server, "AWS_REGION": "us-east-1"}
    connection = Connection(
        "http://127.0.0.1:1", Path(), environ=environ, records=RecordsChoice("s3://own", named=True)
    )
    objects = open_objects(connection, store_address("s3://own"))
    assert objects.swap("a", body({}), None) is not None


def test_a_store_that_is_away_is_unreachable(google: Google, tmp_path: Path) -> None:
    variables = {"GOOGLE_BEARER_TOKEN": "hush", "GOOGLE_BASE_URL": "http://127.0.0.1:1"}
    choice = RecordsChoice("gs://bucket", named=True)
    with pytest.raises(Unreachable) as told:
        read_history(Connection("http://127.0.0.1:1", tmp_path, environ=variables, records=choice))
    assert told.value.exit_code == 10 and "hush" not in told.value.message
