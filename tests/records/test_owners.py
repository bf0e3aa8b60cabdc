"""One suite for every store of owners: what a plan and an apply rely on holds wherever it is remembered whose objects are.

A new store is one name of `conftest.STORES`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from gatectl.documents.journal import Intent
from gatectl.documents.ownership import Owned, Owner
from gatectl.errors import PlatformError
from gatectl.model import Outcome
from gatectl.network.addresses import store_address
from gatectl.platforms.interface import Connection, Identification, RecordsChoice
from gatectl.records import open_history, open_records, shards
from gatectl.records.buckets import open_objects
from gatectl.records.chosen import choose
from owning import head_of, owned_by, owner_of
from records.conftest import FILES, Place
from records.receipts import run_of
from records.stores import opened, read

SENTINEL = "s3cr3t-0f-n0b0dy"


@pytest.fixture
def beside(place: Place) -> Connection:
    """The store, beside a platform that is there: an embedded one, where it is not that platform's own database."""
    connection = place.connection
    if not connection.target.startswith("http"):
        return connection
    choice = connection.records
    return connection._replace(
        target="embedded", records=choice if choice.target is not None else RecordsChoice("sqlite:///records.db")
    )


def record(connection: Connection, *put: Owned, drop: Sequence[str] = ()) -> None:
    with opened(connection) as records:
        records.record(put, drop)
        records.finish()


def owned(connection: Connection) -> dict[str, Owned]:
    with read(connection) as records:
        found = records.owned()
        assert found is not None
        assert len(found) == len({each.id for each in found})
        return {each.id: each for each in found}


def intent_of(name: str) -> Intent:
    op: Any = {
        "id": f"create bucket/default/{name}", "kind": "Bucket", "action": "create", "workspace": "default", "name": name,
        "platformId": None, "pre": {"exists": False, "hash": None}, "post": {"hash": "sha256:0"}, "fields": [], "attach": [],
    }  # fmt: skip
    return {"at": "2026-01-31T10:15:30.123Z", "operation": op, "workspaceId": "w-1", "key": "k", "known": []}


# Owners


def test_before_the_first_apply_nobody_owns_anything_and_asking_makes_nothing(beside: Connection) -> None:
    assert owned(beside) == {}
    with read(beside) as records:
        assert list(records.open_runs()) == [] and records.places("u-1") == frozenset()
    assert list(beside.folder.iterdir()) == []


def test_what_is_recorded_is_read_as_it_was(beside: Connection) -> None:
    whole = Owned(
        Owner("é 'x' \"%_", "u-1", "prod", "git.example/acme//gatectl.yaml"), "Repository", "default", "w-1", "r 🪣", "id-1",
        {
            "spec": {"endpointType": "S3", "mode": "Normal"},
            "attachments": [{"type": "S3", "bucket": "b", "label": "l", "id": "b-1", "folder": "f", "master": False}],
        },
        "sha256:1", "manifests/r.yaml", "0" * 40, "20260131T101530123Z-9f86d081", "2026-01-31T10:15:30.123Z", True, True,
    )  # fmt: skip
    least = Owned(owner_of(), "LLM", None, None, "m", "id-2")
    record(beside, whole)
    record(beside, least)
    assert owned(beside) == {"id-1": whole, "id-2": least}
    with opened(beside) as records:
        assert sorted(records.owned() or ()) == [least, whole]
        assert records.places("u-1") == {"git.example/acme//gatectl.yaml"} and records.places("u-2") == frozenset()


def test_a_place_is_noted_when_it_is_the_first_of_its_project_or_when_that_is_asked_for(beside: Connection) -> None:
    first, second = (Owner("p", "u-1", "prod", place) for place in ("one", "two"))
    record(beside, owned_by("p", "id-1", owner=first))
    record(beside, owned_by("p", "id-2", owner=second), owned_by("p", "id-3", owner=second._replace(uid="u-2")))
    with read(beside) as records:
        assert (records.places("u-1"), records.places("u-2")) == ({"one"}, {"two"})
    with opened(beside) as records:
        records.note("u-1", "two")
        records.note("u-1", "two")
        assert records.places("u-1") == {"one", "two"} and len(records.owned() or ()) == 3


def test_an_object_has_one_owner_who_applied_it_last_and_none_when_it_is_gone(beside: Connection) -> None:
    record(beside, owned_by("p", "one", adopted=True), owned_by("p", "two"))
    record(beside, owned_by("q", "one", run="later"), drop=["two", "never there"])
    found = owned(beside)
    assert found.keys() == {"one"}
    assert found["one"].owner.project == "q" and found["one"].run == "later"
    assert found["one"].adopted, "what was made by hand stays so"


def test_of_what_cannot_be_recorded_whole_nothing_is(beside: Connection) -> None:
    with opened(beside) as records, pytest.raises((PlatformError, TypeError)):
        records.record([owned_by("p", "one"), owned_by("p", "two", hash=object())])
    assert owned(beside) == {}


def test_nothing_secret_is_kept_whoever_hands_it_in(beside: Connection) -> None:
    state: Any = {
        "spec": {"type": "S3", "bucket": "b", "secret": SENTINEL, "key": SENTINEL},
        "attachments": [{"type": "S3", "bucket": "b", "secret": SENTINEL}],
        "credentials": {"secret": SENTINEL},
    }
    record(beside, owned_by("p", "one", state=state))
    kept = owned(beside)["one"].state
    assert SENTINEL not in json.dumps(kept)
    assert kept == {"spec": {"type": "S3", "bucket": "b"}, "attachments": [{"type": "S3", "bucket": "b"}]}


def test_a_reader_sees_what_is_recorded_meanwhile(beside: Connection) -> None:
    with read(beside) as records:
        assert list(records.owned() or ()) == []
        record(beside, owned_by("p", "one"))
        assert [each.id for each in records.owned() or ()] == ["one"]


class Another:
    """A reader of another platform."""

    identification = Identification("flashback", "https://gateway.example", None)


def test_platforms_that_share_a_store_are_told_apart(beside: Connection) -> None:
    if choose(beside).scheme == "platform":
        pytest.skip("it is the store of one platform")
    record(beside, owned_by("p", "one"))
    other: Any = Another()
    with closing(open_records(beside, other, other)) as records:
        assert list(records.owned() or ()) == [] and list(records.open_runs()) == []
        records.record([owned_by("q", "one")])
        assert [each.owner.project for each in records.owned() or ()] == ["q"]
    assert owned(beside)["one"].owner.project == "p"


# What is under way


def test_a_run_is_open_from_what_it_intends_until_it_has_ended(beside: Connection) -> None:
    receipt = run_of(1)
    head = head_of(run=receipt["run"])
    one, two, three = map(intent_of, ("one", "two", "three"))
    with opened(beside) as records:
        records.intend(head, [one, two])
        done = Outcome(one["operation"]["id"], "done", "id-1")
        unknown = Outcome(two["operation"]["id"], "unknown", None)
        records.record([owned_by("site", "id-1")], (), head, [done, unknown])
        records.intend(head, [three])
    assert owned(beside).keys() == {"id-1"}
    with read(beside) as records:
        (run,) = records.open_runs()
    assert run.head == head and list(run.intents) == [two, three]
    with closing(open_history(beside)) as history:
        history.keep(receipt, None)
    with read(beside) as records:
        assert list(records.open_runs()) == []
    assert owned(beside).keys() == {"id-1"}


def test_what_became_of_a_write_that_changed_nothing_is_on_record_too(beside: Connection) -> None:
    head = head_of(run=run_of(1)["run"])
    one, two = map(intent_of, ("one", "two"))
    with opened(beside) as records:
        records.intend(head, [one])
        records.record((), (), head, [Outcome(one["operation"]["id"], "conflict", None)])
        records.intend(head, [two])
    with read(beside) as records:
        (run,) = records.open_runs()
    assert list(run.intents) == [two]


def test_several_runs_may_be_open_and_each_ends_by_itself(beside: Connection) -> None:
    heads = [head_of(run=run_of(number)["run"]) for number in (1, 2)]
    with opened(beside) as records:
        for head in reversed(heads):
            records.intend(head, [intent_of(head.run)])
        assert [run.head for run in records.open_runs()] == heads
        records.end(heads[0].run)
        assert [run.head for run in records.open_runs()] == heads[1:]


# What is not as it was written


def test_what_was_cut_in_half_or_written_by_hand_is_an_error_and_never_nobody(
    beside: Connection, request: pytest.FixtureRequest
) -> None:
    head = head_of()
    record(beside, owned_by("p", "one", state={"spec": {"bucket": "b"}}))
    with opened(beside) as records:
        records.intend(head, [intent_of("two")])
    damage(beside)
    with read(beside) as records:
        for ask in (records.owned, records.open_runs):
            with pytest.raises(PlatformError, match="not as it was written"):
                ask()


@pytest.mark.parametrize("place", FILES, indirect=True)
def test_halves_that_are_one_whole_beside_each_other_are_each_an_error(beside: Connection) -> None:
    record(beside, *(owned_by("p", name, state={"spec": {"bucket": name}}) for name in ("one", "two", "three")))
    write(
        beside,
        """UPDATE owned SET state = '{"spec": {"bucket": "x"' WHERE object_id = 'one'""",
        """UPDATE owned SET state = '"name": "y"}}' WHERE object_id = 'two'""",
    )
    with read(beside) as records, pytest.raises(PlatformError, match="Bucket one is not as it was written"):
        records.owned()


def damage(connection: Connection) -> None:
    """Cut off the end of all that is kept."""
    chosen = choose(connection)
    if chosen.scheme in ("s3", "gs", "az"):
        objects = open_objects(connection, store_address(chosen.target))
        for platform in objects.below("owned"):
            cut(objects, f"owned/{platform}/root.json.gz")
        for run in objects.below("open"):
            cut(objects, f"open/{run}/0000.json.gz")
        return
    write(connection, "UPDATE owned SET state = '{\"spec\": '", "UPDATE journal SET content = :half")


def write(connection: Connection, *statements: str) -> None:
    """Write into the database of a store by hand."""
    from sqlalchemy import text

    with opened(connection) as records:
        store: Any = records
        writable = getattr(store, "_writable", None) or store._made()._writable
        with writable.writing() as transaction:
            for each in statements:
                known = {"half": b"\x1f\x8b\x00"} if ":half" in each else {}
                transaction.connection.execute(text(each.replace(": {", "\\: {").replace(': "', '\\: "')), known)


def cut(objects: Any, key: str) -> None:
    found = objects.get(key)
    assert objects.swap(key, found.data[:-9], found.version) is not None


# Many


def test_many_lie_in_parts_and_none_is_lost(beside: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "FEW", 20)
    monkeypatch.setattr(shards, "PARTS", 4)
    record(beside, *(owned_by("p", f"id-{number}") for number in range(15)))
    with opened(beside) as first, opened(beside) as second:
        first.record([owned_by("p", f"id-{number}") for number in range(15, 25)], ["id-0"])
        second.record([owned_by("q", f"id-{number}") for number in range(20, 40)])
        first.record([owned_by("r", "id-39")], ["id-1"])
        for records in (second, first):
            records.finish()
    found = owned(beside)
    assert found.keys() == {f"id-{number}" for number in range(2, 40)}
    assert found["id-39"].owner.project == "r" and found["id-30"].owner.project == "q"
