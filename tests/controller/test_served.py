"""A target on a platform over HTTP: signed in to as the fleet file says, with nothing else, and what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from controller.sites import Site, bucket, repository, workspace
from gatectl.api import open as open_estate
from gatectl.api.estate import Estate
from gatectl.errors import PlatformLocked
from gatectl.model import Outcome
from gatectl.testing import Served, served

__all__ = ["served"]

TEAM = (workspace("team"), bucket("raw-events"), repository("data", "team", "raw-events"))


def at(folder: Path, platform: Served, **source: Any) -> Site:
    (folder / "token").write_text(platform.token)
    site = Site(folder, platform=platform.url, **{"token": {"file": "token"}, **source})
    site.platform = platform.url
    return site


def test_a_source_signs_in_with_its_own_token_and_records_what_it_did(
    tmp_path: Path, served: Callable[..., Served]
) -> None:
    site = at(tmp_path, served())
    checkout = site.checkout(*TEAM, environment={"consistency": "0s"})
    done = site.reconcile(checkout)
    assert done.state.state == "in-sync", done.state
    assert (tmp_path / "records.db").exists()
    again = site.reconcile(checkout)
    assert (again.state.state, again.receipt) == ("in-sync", None)


def test_a_token_that_was_renewed_is_read_again(tmp_path: Path, served: Callable[..., Served]) -> None:
    site = at(tmp_path, served())
    good = (tmp_path / "token").read_text()
    (tmp_path / "token").write_text("an-old-token")
    checkout = site.checkout(*TEAM, environment={"consistency": "0s"})
    refused = site.reconcile(checkout)
    assert refused.state.state == "failed" and (refused.state.reason or "").startswith("not authenticated")
    (tmp_path / "token").write_text(good)
    assert site.reconcile(checkout).state.state == "in-sync"


@pytest.mark.parametrize("mine", [{}, {"token": {"env": "STOLEN"}}])
def test_no_other_token_is_sent_in_its_place(
    mine: dict[str, Any], tmp_path: Path, served: Callable[..., Served]
) -> None:
    """A source without a token has none: not the one of the controller's variables, not the one that the checkout names."""
    platform = served()
    site = at(tmp_path, platform, token={"env": "NOT_SET"}, secrets={"env": ["TEAM_*", "STOLEN"]})
    site.environ |= {"GATECTL_TOKEN": platform.token, "STOLEN": platform.token}
    checkout = site.checkout(*TEAM, environment={"consistency": "0s", **mine})
    assert "NOT_SET" in (site.reconcile(checkout).state.reason or "")
    nobody = Site(tmp_path, platform=platform.url, secrets={"env": ["TEAM_*", "STOLEN"]})
    nobody.environ |= {"GATECTL_TOKEN": platform.token, "STOLEN": platform.token}
    done = nobody.reconcile(checkout)
    assert done.state.state == "failed" and done.receipt is None, done.state


def test_a_workspace_that_nobody_named_is_looked_at_when_it_is_known(
    tmp_path: Path, served: Callable[..., Served]
) -> None:
    """Manifests that name none are of the only workspace that is visible: whether they may is known then."""
    platform = served()
    site = at(tmp_path, platform)
    done = site.reconcile(site.checkout(repository("data", None), environment={"consistency": "0s"}))
    assert (done.state.state, done.receipt) == ("invalid", None)
    assert done.state.reason == "the plan touches workspace 'default', which 'data' may not"


def test_others_create_their_workspaces_while_the_rest_of_one_is_made(
    tmp_path: Path, served: Callable[..., Served]
) -> None:
    """The platform's own lease is let go of as soon as the workspaces of an apply are there and leased; theirs are not."""
    platform = served()
    records = f"sqlite:///{tmp_path / 'records.db'}"
    secrets = {"TEAM_KEY": "AKIAEXAMPLE", "TEAM_SECRET": "x" * 20}

    def estate(name: str, *manifests: dict[str, Any]) -> Estate:
        project = {
            "apiVersion": "gatectl.io/v1",
            "kind": "Project",
            "metadata": {"name": name},
            "spec": {"manifests": ["all.yaml"]},
        }
        files = {"gatectl.yaml": json.dumps(project), "all.yaml": "\n---\n".join(map(json.dumps, manifests))}
        return open_estate(files, platform=platform.url, records=records, token=platform.token)

    met: list[str] = []

    def between(outcome: Outcome) -> None:
        if outcome.id == "bucket/team/raw-events":
            with estate("other", workspace("other")) as other:
                met.append("other created" if other.apply(lock_timeout=0).converged else "other failed")
            with estate("same", workspace("team"), bucket("more", "team")) as same, pytest.raises(PlatformLocked):
                same.apply(secrets=secrets, lock_timeout=0)
            met.append("same waits")

    with estate("first", *TEAM) as first:
        assert first.apply(secrets=secrets, on_event=between).converged
    assert met == ["other created", "same waits"]
