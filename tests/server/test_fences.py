"""`Gatectl-Fence`: who comes with a lower number than came before writes nothing, and the leases of one store count in a workspace."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatectl.platforms.fencing import HEADER, HIGHEST, MOST, fits, read, written
from gatectl.platforms.interface import Fences
from gatectl.server.routes import ENDPOINTS

ONE, TWO = "store-1", "store-2"


def by(served: Any, number: int, store: str = ONE, workspace: str | None = None) -> dict[str, str]:
    """A header as an apply sends it that holds the lease of a workspace."""
    return {HEADER: written(Fences(store, {served.workspace if workspace is None else workspace: number}))}


def refused(served: Any, method: str, path: str, code: str, headers: dict[str, str], body: Any = None) -> None:
    answer = served.call(method, path, body, 409, headers=headers)
    assert answer["error_code"] == code and not answer["success"]


def bucket(served: Any) -> dict[str, Any]:
    return {
        "name": "b",
        "bucket": "data",
        "storageType": "S3",
        "key": "AK",
        "secret": "s",
        "workspaceId": served.workspace,
    }


def test_a_write_under_a_lower_number_than_came_before_is_refused_and_writes_nothing(served: Any) -> None:
    made, repository, llm = served.bucket(), served.repository(), served.llm()
    for number in (3, 4, 4):
        served.call("PUT", f"/repo/{repository}", served.repository_body(), headers=by(served, number))
    before = [served.call("GET", path) for path in ("/workspace", "/bucket", "/repo", "/ai/llm", "/apikeys")]
    late = by(served, 3)
    for method, path, body in (
        ("POST", "/bucket", bucket(served)), ("PUT", f"/bucket/{made}", {"name": "other"}), ("DELETE", f"/bucket/{made}", None),
        ("POST", "/repo", served.repository_body()), ("PUT", f"/repo/{repository}", served.repository_body()),
        ("DELETE", f"/repo/{repository}", None), ("PUT", f"/ai/llm/{llm}", {"name": "other"}), ("POST", "/workspace", {"name": "w"}),
        ("POST", f"/repo/{repository}/apikey", {"name": "k", "accessType": "READ"}),
    ):  # fmt: skip
        refused(served, method, path, "STALE_FENCE", late, body)
    assert before == [served.call("GET", path) for path in ("/workspace", "/bucket", "/repo", "/ai/llm", "/apikeys")]
    served.call("POST", "/bucket", bucket(served), headers=by(served, 5))


def test_a_read_notes_a_higher_number_and_refuses_nobody_who_comes_late(served: Any) -> None:
    served.call("POST", "/bucket", bucket(served), headers=by(served, 1))
    served.call("GET", "/bucket", headers=by(served, 2))
    refused(served, "POST", "/bucket", "STALE_FENCE", by(served, 1), bucket(served))
    assert len(served.call("GET", "/bucket", headers=by(served, 1))["buckets"]) == 1
    served.call("POST", "/bucket", bucket(served), headers=by(served, 2))


def test_a_client_that_knows_of_no_leases_is_served_as_before(served: Any) -> None:
    served.call("GET", "/bucket", headers=by(served, 7))
    made = served.bucket()
    served.call("PUT", f"/bucket/{made}", {"name": "renamed"})
    served.call("DELETE", f"/bucket/{made}")


def test_other_workspaces_are_not_concerned_and_the_platforms_own_lease_is_one_of_its_own(served: Any) -> None:
    other = served.call("POST", "/workspace", {"name": "w"}, 201)["workspace"]["id"]
    served.call("GET", "/bucket", headers=by(served, 9))
    served.call("POST", "/bucket", bucket(served) | {"workspaceId": other}, headers=by(served, 1, workspace=other))
    served.call("POST", "/workspace", {"name": "x"}, 201, headers=by(served, 1, workspace=""))
    both = {HEADER: written(Fences(ONE, {other: 2, served.workspace: 8}))}
    refused(served, "POST", "/bucket", "STALE_FENCE", both, bucket(served))
    found = served.call("GET", "/gatectl/fences")["fences"]
    assert found == [
        {"workspaceId": workspace, "store": ONE, "fence": number}
        for workspace, number in sorted({"": 1, served.workspace: 9, other: 1}.items())
    ]


def test_the_leases_of_the_store_that_came_first_count_until_another_is_adopted(served: Any) -> None:
    served.call("POST", "/bucket", bucket(served), headers=by(served, 30))
    for method, path, body in (("POST", "/bucket", bucket(served)), ("GET", "/bucket", None)):
        refused(served, method, path, "FENCE_OF_ANOTHER_STORE", by(served, 31, TWO), body)
    served.call("POST", "/gatectl/fences", headers=by(served, 1, TWO))
    served.call("POST", "/bucket", bucket(served), headers=by(served, 1, TWO))
    refused(served, "POST", "/bucket", "FENCE_OF_ANOTHER_STORE", by(served, 31), bucket(served))
    refused(served, "POST", "/gatectl/fences", "STALE_FENCE", by(served, 1, TWO))
    assert served.call("GET", "/gatectl/fences")["fences"][0]["store"] == TWO
    assert served.call("POST", "/gatectl/fences", status=400)["message"].startswith(HEADER)


def test_a_rehearsal_stays_one_for_who_holds_leases(serve: Any) -> None:
    served = serve.with_faults({"route": "POST *", "kind": "lower-case"})
    folded = bucket(served) | {"storageType": "s3"}
    served.call("POST", "/bucket", folded, headers=by(served, 2))
    refused(served, "POST", "/bucket", "STALE_FENCE", by(served, 1), folded)


@pytest.mark.parametrize(
    "text",
    ["x", "store", "store;", "store; w", "store; w=0", "store; w=-1", "store; w=1.5", "store; w=1,", "; w=1", "store; w=1; x=2",
     "store; w=1, w=2", "store; w=1, w=1", "store; %ff=1", "store; %00=1", "%=; w=1", "store; w=9999999999", "store; w=\u0661",
     "store; w=1\n", f"store; {'w' * 201}=1", "store; " + ", ".join(f"w{n}=1" for n in range(MOST + 1)), "store; w=1, store; w=1"],
)  # fmt: skip
def test_a_header_that_is_none_is_refused(served_once: Any, text: str) -> None:
    with pytest.raises(ValueError, match=HEADER):
        read(text)
    if text.isascii() and text.isprintable():
        for method, path in (("GET", "/bucket"), ("DELETE", "/bucket/none")):
            assert HEADER in served_once.call(method, path, status=400, headers={HEADER: text})["message"]


def test_a_login_is_nothing_that_leases_are_about() -> None:
    assert {one.family for one in ENDPOINTS if not one.fenced} == {"auth"}


IDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=16)


@given(st.builds(Fences, IDS, st.dictionaries(IDS | st.just(""), st.integers(1, HIGHEST), min_size=1, max_size=MOST)))
def test_what_is_written_is_read_and_is_one_header(fences: Fences) -> None:
    text = written(fences)
    assert fits(fences) and text.isascii() and text.isprintable()
    assert read(text) == fences
