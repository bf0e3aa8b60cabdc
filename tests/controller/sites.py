"""A fleet of one source on a platform of this machine, and checkouts as somebody may have pushed them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleet.fleets import fleet
from gatectl.api import open as open_estate
from gatectl.controller.opening import Checkout, Operator
from gatectl.controller.reconciling import Reconciled, Turn, reconcile
from gatectl.fleet.reading import fleet_of
from gatectl.fleet.targets import Target, targets_of
from gatectl.model import SourceFile

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
"""A Wednesday."""


def repository(name: str, workspace: str | None = "team", *buckets: str) -> dict[str, Any]:
    metadata = {"name": name, **({} if workspace is None else {"workspace": workspace})}
    resources = [{"type": "S3", "bucket": bucket} for bucket in buckets]
    spec = {"endpointType": "S3", "attachmentPolicy": "Exact", "resources": resources}
    return {"apiVersion": "gatectl.io/v1", "kind": "Repository", "metadata": metadata, "spec": spec}


def bucket(name: str, workspace: str = "team", **credentials: Any) -> dict[str, Any]:
    given = credentials or {"key": {"env": "TEAM_KEY"}, "secret": {"env": "TEAM_SECRET"}}
    return {
        "apiVersion": "gatectl.io/v1", "kind": "Bucket", "metadata": {"name": name, "workspace": workspace},
        "spec": {"type": "S3", "bucket": name, "credentials": given},
    }  # fmt: skip


def workspace(name: str) -> dict[str, Any]:
    return {"apiVersion": "gatectl.io/v1", "kind": "Workspace", "metadata": {"name": name}}


class Site:
    """A platform, a store of records, and a fleet whose one source is reconciled."""

    def __init__(self, folder: Path, **source: Any) -> None:
        self.folder = folder
        self.platform = f"sqlite:///{folder / 'platform.db'}"
        self.records = f"sqlite:///{folder / 'records.db'}"
        self.environ = {
            "TEAM_KEY": "AKIAEXAMPLE",
            "TEAM_SECRET": "hush-hush",
            "TOKEN": "a-token",
            "OTHER": "canary-5f2d9c",
            "GATECTL_TOKEN": "canary-1",
        }
        said = {
            "name": "data", "git": {"url": "/srv/git/data.git"}, "platform": self.platform, "environment": "prod", "mode": "apply",
            "approvals": "none", "workspaces": ["team", "team-*"], "secrets": {"env": ["TEAM_*"]}, **source,
        }  # fmt: skip
        document = fleet(said)
        document["spec"]["sources"] = [said]  # which signs in with nothing, unless it says so
        read = fleet_of(SourceFile(str(folder / "fleet.yaml"), json.dumps(document).encode()))
        assert read.fleet is not None, read.findings
        self.fleet = read.fleet

    @property
    def target(self) -> Target:
        (target,) = targets_of(self.fleet.sources[0], ()).targets
        return target

    def checkout(
        self, *manifests: Mapping[str, Any], project: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None, **more: Any,
    ) -> Checkout:  # fmt: skip
        """A commit of these manifests. `environment` is what its project file says of `prod`, `project` of all."""
        number = len(list((self.folder / "trees").glob("[0-9]*"))) + 1
        tree = self.folder / "trees" / str(number)
        (tree / "m").mkdir(parents=True)
        (tree / "m" / "all.yaml").write_text("\n---\n".join(map(json.dumps, manifests)))
        spec = {"manifests": ["m"], "environments": {"prod": {"platform": self.platform, **(environment or {})}}}
        said = {"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "theirs"}, "spec": spec}
        (tree / "gatectl.yaml").write_text(json.dumps({**said, "spec": project if project is not None else spec}))
        return Checkout(tree, f"{number:040x}", lambda commit: int(commit, 16) <= number, **more)

    def reconcile(self, checkout: Checkout, **turn: Any) -> Reconciled:
        operator = Operator(self.fleet, self.environ, self.records)
        return reconcile(self.target, checkout, operator, Turn(**{"now": NOW, **turn}))

    def live(self) -> Mapping[str, str]:
        """All that is on the platform."""
        with open_estate({}, platform=self.platform) as estate:
            return estate.export()

    def by_hand(self, *manifests: Mapping[str, Any], **how: Any) -> None:
        """Somebody else makes the platform so, without records of ours."""
        with open_estate(
            {"all.yaml": "\n---\n".join(map(json.dumps, manifests))}, platform=self.platform, records="none"
        ) as estate:
            assert estate.apply(secrets={"TEAM_KEY": "AKIAOTHER", "TEAM_SECRET": "x" * 20}, **how).converged

    def names(self) -> Sequence[str]:
        """The names of the files of the folder that are not checkouts."""
        return sorted(path.name for path in self.folder.iterdir() if path.name != "trees")
