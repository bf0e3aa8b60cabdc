"""An approval is of one plan, target and commit, for a while, and nobody makes one up who has not the controller's key."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.sites import Site
from controller.test_reconciling import TEAM
from gatectl.controller.approving import Approval, key_of, make_approval, refusal, sign
from gatectl.documents.plans import Plan
from gatectl.errors import InputError

KEY = bytes(range(32))
AT, SECONDS = 1_800_000_000, 3_600


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    site = Site(tmp_path_factory.mktemp("site"), mode="observe")
    found = site.reconcile(site.checkout(*TEAM)).plan
    assert found is not None
    return found.document


def approve(plan: Plan, **more: Any) -> Approval:
    return make_approval("data", plan, "ana", "command", AT, SECONDS, **more)


def said(approval: Approval, mac: str, plan: Plan, target: str = "data", now: int = AT, key: bytes = KEY) -> str | None:
    commit = plan["source"]["commit"]
    assert commit is not None
    return refusal(key, approval, mac, target, commit, plan, now)


def test_an_approval_holds_for_its_plan_until_it_lapses(plan: Plan) -> None:
    approval = approve(plan, allow=("deletes=1",), reason="seen")
    mac = sign(KEY, approval)
    assert said(approval, mac, plan) is None
    assert said(approval, mac, plan, now=AT + SECONDS - 1) is None
    assert said(approval, mac, plan, now=AT + SECONDS) == "it has lapsed"
    assert "another target" in (said(approval, mac, plan, target="other") or "")
    assert "signature" in (said(approval, mac, plan, key=bytes(32)) or "")
    read: Plan = json.loads(json.dumps(plan))
    assert said(approval, mac, read) is None, "it holds for what was kept, too"


def test_it_does_not_hold_for_another_plan_with_its_fingerprint(plan: Plan) -> None:
    """The fingerprint covers what is done; the digest all that is kept."""
    approval = approve(plan)
    mac = sign(KEY, approval)
    one, *rest = plan["operations"]
    changed: Plan = {**plan, "operations": [{**one, "name": "other"}, *rest]}
    assert "not the one" in (said(approval, mac, changed) or "")
    assert "not the one" in (
        said(approval, mac, {**plan, "unmanaged": [*plan["unmanaged"], *plan["adopts"], one]}) or ""
    )


OTHER = {
    "target": st.text(), "commit": st.text(), "fingerprint": st.text(), "digest": st.text(), "who": st.text(),
    "how": st.sampled_from(["page", "merged pull request"]), "at": st.integers(), "until": st.integers(AT + SECONDS + 1),
    "allow": st.lists(st.text(), min_size=1).map(tuple), "reason": st.text(),
}  # fmt: skip


@given(st.data())
def test_whoever_changes_anything_of_it_has_no_approval(plan: Plan, data: st.DataObject) -> None:
    approval = approve(plan)
    mac = sign(KEY, approval)
    assert set(OTHER) == set(Approval._fields)
    field = data.draw(st.sampled_from(list(OTHER)))
    changed = approval._replace(**{field: data.draw(OTHER[field])})
    if changed != approval:
        assert "signature" in (said(changed, mac, plan) or "")


@given(st.text())
def test_no_other_text_is_its_signature(plan: Plan, text: str) -> None:
    assert "signature" in (said(approve(plan), text, plan) or "")


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "controller.key"
    key = key_of(file)
    assert len(key) == 32 and key_of(file) == key
    assert file.stat().st_mode & 0o777 == 0o600
    assert key_of(tmp_path / "another.key") != key


@pytest.mark.parametrize("text", ["", "short", "zz" * 32, "ab" * 31, "ab" * 33])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "controller.key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(InputError, match="no key"):
        key_of(file)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "controller.key"
    file.write_text("ab" * 32)
    file.chmod(0o644)
    with pytest.raises(InputError, match="others"):
        key_of(file)
    os.remove(file)
    file.mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        key_of(file)
