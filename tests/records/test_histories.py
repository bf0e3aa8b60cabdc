"""One suite for every store of histories: what an apply and `gatectl history` rely on holds wherever runs are kept.

A new store is one name of `conftest.STORES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from threading import Thread

import pytest

from gatectl.documents.history import Entry, entry_of
from gatectl.documents.receipts import Receipt
from gatectl.files.packing import read_json
from gatectl.records import STORES, open_history, read_history
from gatectl.records.chosen import choose
from gatectl.records.interface import Scope
from records.conftest import FILES, Place
from records.receipts import run_of

HERE = Scope("site", None, "default")


def keep(place: Place, *receipts: Receipt, at: str | None = None) -> None:
    with closing(open_history(place.connection)) as history:
        for receipt in receipts:
            history.keep(receipt, at)


def runs(place: Place, scope: Scope = HERE) -> Sequence[Entry]:
    with closing(read_history(place.connection)) as history:
        return list(history.runs(scope))


def ids(place: Place, scope: Scope = HERE) -> Sequence[str]:
    return [entry["run"] for entry in runs(place, scope)]


def receipt(place: Place, run: str, scope: Scope = HERE) -> object:
    with closing(read_history(place.connection)) as history:
        content = history.receipt(scope, run)
    return None if content is None else read_json(content)


def test_every_store_that_can_be_named_is_in_the_suite(place: Place) -> None:
    assert choose(place.connection).scheme in STORES


def test_before_the_first_run_there_is_none_and_asking_makes_nothing(place: Place) -> None:
    before = sorted(place.connection.folder.iterdir())
    assert ids(place) == [] and receipt(place, run_of(1)["run"]) is None
    with closing(read_history(place.connection)) as history:
        assert history.instance is None or place.scheme == "memory"
    assert sorted(place.connection.folder.iterdir()) == before


def test_a_run_that_was_kept_is_listed_and_its_receipt_is_as_it_was(place: Place) -> None:
    kept = run_of(1)
    keep(place, kept)
    assert runs(place) == [entry_of(kept)]
    assert receipt(place, kept["run"]) == kept


def test_runs_are_listed_the_newest_first_over_months_too(place: Place) -> None:
    made = [run_of(number, month) for month in (11, 12, 1) for number in (3, 1, 2)]
    keep(place, *made)
    assert ids(place) == sorted((each["run"] for each in made), reverse=True)


def test_a_run_is_kept_once_and_never_changed(place: Place) -> None:
    kept = run_of(1)
    keep(place, kept)
    keep(place, {**kept, "converged": False})
    assert [entry["converged"] for entry in runs(place)] == [True]
    assert receipt(place, kept["run"]) == kept


def test_runs_of_other_environments_and_projects_are_not_listed_nor_shown(place: Place) -> None:
    mine, other = run_of(1), run_of(2, environment="prod")
    keep(place, mine, other, run_of(3, project="another"), run_of(4, project="SITE"), run_of(5, uid="u-1"))
    assert ids(place) == [mine["run"]]
    assert ids(place, Scope("site", None, "prod")) == [other["run"]]
    assert receipt(place, other["run"]) is None
    assert receipt(place, other["run"], Scope("site", None, "prod")) == other


def test_a_project_that_got_a_uid_has_the_runs_of_its_name_from_before(place: Place) -> None:
    before, after = run_of(1), run_of(2, uid="u-1")
    keep(place, before, after, run_of(3, uid="u-2"))
    mine = Scope("renamed", "u-1", "default")
    assert ids(place, Scope("site", "u-1", "default")) == [after["run"], before["run"]]
    assert ids(place, mine) == [after["run"]]
    assert receipt(place, after["run"], mine) == after


def test_projects_of_one_name_in_two_places_do_not_see_each_others_runs(place: Place) -> None:
    places = (
        "git.example/acme/one//gatectl.yaml",
        "git.example/acme/two//gatectl.yaml",
        "/srv/é 'x'/gatectl.yaml",
        None,
    )
    made = {at: run_of(number) for number, at in enumerate(places)}
    for at, kept in made.items():
        keep(place, kept, at=at)
    for at, kept in made.items():
        mine = HERE._replace(place=at)
        assert ids(place, mine) == [kept["run"]]
        assert receipt(place, kept["run"], mine) == kept
        assert receipt(place, kept["run"], HERE._replace(place="elsewhere")) is None


def test_a_project_with_a_uid_has_its_runs_wherever_it_is_and_those_of_its_name_from_this_place(place: Place) -> None:
    before, others, after = run_of(1), run_of(2), run_of(3, uid="u-1")
    keep(place, before, at="here")
    keep(place, others, at="there")
    keep(place, after, at="anywhere")
    assert ids(place, Scope("site", "u-1", "default", "here")) == [after["run"], before["run"]]
    assert ids(place, Scope("site", "u-1", "default", "there")) == [after["run"], others["run"]]


def test_names_of_any_letters_are_told_apart(place: Place) -> None:
    odd = ("Ünïcode 🪣", "it's", 'a "b"', "%_", "a/b", "a/../b", "p ", "P", "x" * 128)
    made = {name: run_of(number, project=name) for number, name in enumerate(odd)}
    keep(place, *made.values())
    assert [ids(place, Scope(name, None, "default")) for name in odd] == [[made[name]["run"]] for name in odd]


def test_a_large_receipt_is_kept_whole(place: Place) -> None:
    kept = run_of(1, words=12_000)
    keep(place, kept)
    assert receipt(place, kept["run"]) == kept
    assert len(str(runs(place))) < 5_000, "what is listed is short"


def test_of_many_runs_only_those_that_are_asked_for_are_read(place: Place) -> None:
    keep(place, *(run_of(number) for number in range(9)))
    with closing(read_history(place.connection)) as history:
        newest = next(history.runs(HERE))
    assert newest["run"] == run_of(8)["run"]


def test_a_store_has_one_id_from_its_first_run_on(place: Place) -> None:
    with closing(open_history(place.connection)) as first, closing(open_history(place.connection)) as second:
        assert first.instance is not None and first.instance == second.instance
    with closing(read_history(place.connection)) as reader:
        assert reader.instance == first.instance


def test_several_may_make_a_store_and_add_to_it_at_one_moment(place: Place) -> None:
    made = [run_of(number) for number in range(6)]
    threads = [Thread(target=keep, args=(place, each)) for each in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ids(place) == sorted((each["run"] for each in made), reverse=True)


def test_what_reads_a_history_has_no_way_to_add_to_it(place: Place) -> None:
    with closing(read_history(place.connection)) as history:
        assert not hasattr(history, "keep") and not hasattr(history, "prove")


@pytest.mark.parametrize("place", FILES, indirect=True)
def test_files_of_records_are_their_owners_alone(place: Place) -> None:
    keep(place, run_of(1))
    files = [path for path in (place.connection.folder / ".gatectl").iterdir() if path.name != ".gitignore"]
    assert files and {path.stat().st_mode & 0o777 for path in files} == {0o600}
