"""A checkout that names another platform, store, workspace, owner or secret than its source may touches nothing at all."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.sites import NOW, Site, bucket, repository, workspace
from controller.test_reconciling import TEAM
from fleet.test_mirrors import Upstream
from gatectl.controller.checkouts import checkout_of, targets_in
from gatectl.controller.opening import Checkout, Operator
from gatectl.controller.reconciling import Approved, Turn, reconcile
from gatectl.fleet.mirrors import Mirror


class Pushed(NamedTuple):
    """A checkout in the making: what its project file says of the environment and of all, its manifests, and what is done to it."""

    environment: dict[str, Any]
    project: dict[str, Any]
    manifests: list[Mapping[str, Any]]
    after: list[Callable[[Path], None]]


Trespass = Callable[[Pushed, Path], None]
ELSEWHERE = (
    "embedded", "sqlite:///platform.db", "sqlite:////{}/other.db", "postgresql://127.0.0.1:9/x", "http://127.0.0.1:9",
    "https://elsewhere.example", "sqlite:///../../platform.db",
)  # fmt: skip
STORES = (
    "none",
    "platform",
    "sqlite:////{}/other-records.db",
    "sqlite:///records.db",
    "s3://theirs/x",
    "postgresql://127.0.0.1:9/x",
)
WORKSPACES = ("other", "Team", "team ", "teammate", "TEAM-1", "default", "*", "te[a]m", "team\u200b")
VARIABLES = ("OTHER", "TOKEN", "PATH", "GATECTL_TOKEN", "team_key", "HTTPS_PROXY")
FILES = ("/etc/hostname", "../../../token", "secret.txt", "link", "../gatectl.yaml", "../../fleet.yaml")


def _platform(text: str) -> Trespass:
    return lambda pushed, folder: pushed.environment.update(platform=text.format(str(folder).lstrip("/")))


def _records(text: str) -> Trespass:
    return lambda pushed, folder: pushed.environment.update(records=text.format(str(folder).lstrip("/")))


def _secret(reference: Mapping[str, str]) -> Trespass:
    return lambda pushed, folder: pushed.manifests.append(
        bucket("stolen", "team", key={"env": "TEAM_KEY"}, secret=reference)
    )


def _linked(name: str) -> Trespass:
    def link(tree: Path) -> None:
        path = tree / name
        target = tree.parent / f"outside-{tree.name}-{name}"
        path.rename(target)
        path.symlink_to(target)

    return lambda pushed, folder: pushed.after.append(link)


def _of_all(name: str) -> Trespass:
    return lambda pushed, folder: pushed.environment.update(workspace=name)


def _manifest(manifest: Mapping[str, Any]) -> Trespass:
    return lambda pushed, folder: pushed.manifests.append(manifest)


def _project(**fields: Any) -> Trespass:
    return lambda pushed, folder: pushed.project.update(fields)


def _another_environment(pushed: Pushed, folder: Path) -> None:
    pushed.project.update(environments={"dev": pushed.environment})


TRESPASSES: Mapping[str, Sequence[Trespass]] = {
    "platform": [*map(_platform, ELSEWHERE)],
    "records": [*map(_records, STORES)],
    "workspace of all": [*map(_of_all, WORKSPACES)],
    "workspace": [_manifest(repository("x", name)) for name in WORKSPACES],
    "no workspace": [_manifest(repository("x", None))],
    "a workspace itself": [_manifest(workspace(name)) for name in WORKSPACES],
    "variable": [_secret({"env": name}) for name in VARIABLES],
    "file": [_secret({"file": name}) for name in FILES],
    "owner": [_project(uid=uid) for uid in ("fleet:acme/data", "fleet:acme/other")],
    "project file": [_linked("gatectl.yaml")],
    "manifests": [_linked("m")],
    "manifests elsewhere": [_project(manifests=["../../theirs"])],
    "environment": [_another_environment],
}
ALONE = [(name, number) for name, several in TRESPASSES.items() for number in range(len(several))]


@st.composite
def together(draw: st.DrawFn) -> list[Trespass]:
    """Several that have nothing to do with each other."""
    names = draw(st.lists(st.sampled_from(list(TRESPASSES)), min_size=1, max_size=3, unique=True))
    return [draw(st.sampled_from(TRESPASSES[name])) for name in names]


def push(site: Site, *trespasses: Trespass) -> Checkout:
    """A checkout that is good but for these."""
    pushed = Pushed({"platform": site.platform}, {"manifests": ["m"]}, list(TEAM), [])
    for trespass in trespasses:
        trespass(pushed, site.folder)
    project = {"environments": {"prod": pushed.environment}, **pushed.project}
    checkout = site.checkout(*pushed.manifests, project=project)
    (checkout.tree / "m" / "secret.txt").write_text("committed-secret-value-0123456789")
    (checkout.tree / "m" / "link").symlink_to(site.folder / "token")
    for change in pushed.after:
        change(checkout.tree)
    return checkout


def contents(site: Site) -> Mapping[str, str]:
    """What is in the files of a site that are no checkout's."""
    return {name: hashlib.sha256((site.folder / name).read_bytes()).hexdigest() for name in site.names()}


def made(folder: Path, *, applied: bool) -> Site:
    site = Site(folder, secrets={"env": ["TEAM_*"], "files": ["secrets"]}, token={"file": "token"}, prune=True)
    (folder / "token").write_text("the-token-of-the-source-0123456789")
    if applied:
        assert site.reconcile(push(site)).state.state == "in-sync"
    return site


@settings(max_examples=40, deadline=None)
@given(together(), st.booleans())
def test_a_checkout_that_goes_beyond_its_source_touches_nothing(trespasses: list[Trespass], applied: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        site = made(Path(folder), applied=applied)
        before = contents(site)
        done = site.reconcile(push(site, *trespasses))
        assert done.state.state == "invalid", done.state
        assert done.receipt is None and contents(site) == before
        assert "canary" not in repr(done) and "the-token" not in repr(done)


@pytest.mark.parametrize(("name", "number"), ALONE)
def test_each_of_them_is_told(name: str, number: int, tmp_path: Path) -> None:
    """Alone, so that none is hidden behind another one."""
    site = made(tmp_path, applied=False)
    before = contents(site)
    done = site.reconcile(push(site, TRESPASSES[name][number]))
    assert (done.state.state, contents(site)) == ("invalid", before)
    assert done.state.reason


def test_what_it_may_touch_it_does(tmp_path: Path) -> None:
    """The bounds are no wall: its workspaces, its variables, its folders of secrets."""
    site = made(tmp_path, applied=False)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    own = bucket("own", "team-1", key={"env": "TEAM_KEY"}, secret={"file": str(tmp_path / "secrets" / "key")})
    checkout = site.checkout(workspace("team-1"), own, environment={"workspace": "team-1"})
    done = site.reconcile(checkout)
    assert done.state.state == "in-sync", done.state


def test_a_link_among_the_secrets_leads_to_none_that_it_may_not_name(tmp_path: Path) -> None:
    site = made(tmp_path, applied=False)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").symlink_to(tmp_path / "token")
    own = bucket("own", "team", key={"env": "TEAM_KEY"}, secret={"file": str(tmp_path / "secrets" / "key")})
    assert site.reconcile(site.checkout(workspace("team"), own)).state.state == "invalid"


def test_what_the_fleet_signs_in_with_is_no_manifests_to_name(tmp_path: Path) -> None:
    """Even where it lies among the secrets of a source, or is called like its variables."""
    site = Site(tmp_path, secrets={"env": ["TEAM_*"], "files": ["."]}, token={"file": "token"},
                webhook={"path": "/a", "secret": {"env": "TEAM_SECRET"}})  # fmt: skip
    (tmp_path / "token").write_text("the-token-of-the-source-0123456789")
    for reference in ({"file": str(tmp_path / "token")}, {"env": "TEAM_SECRET"}):
        own = bucket("own", "team", key={"env": "TEAM_KEY"}, secret=reference)
        assert site.reconcile(site.checkout(workspace("team"), own)).state.state == "invalid"


def test_nothing_is_pruned_in_a_workspace_that_is_its_no_more(tmp_path: Path) -> None:
    """No manifest names it: only the plan shows that it would be touched."""
    wide = Site(tmp_path, workspaces=["team", "old"])
    old = (workspace("old"), bucket("gone", "old"))
    assert wide.reconcile(wide.checkout(*TEAM, *old)).state.state == "in-sync"
    before = wide.live()
    narrow = Site(tmp_path, workspaces=["team"], prune=True)
    done = narrow.reconcile(narrow.checkout(*TEAM))
    assert (done.state.state, done.receipt) == ("invalid", None)
    assert done.state.reason == "the plan touches workspace 'old', which 'data' may not"
    assert narrow.live() == before


def test_a_plan_that_somebody_put_in_the_place_of_an_approved_one_is_not_applied(tmp_path: Path) -> None:
    """Whoever writes where approvals are kept plants a plan of another workspace, or one that sends another secret."""
    wide = Site(tmp_path, approvals="all", workspaces=["*"], secrets={"env": ["*"]}, prune=False)
    site = Site(tmp_path, approvals="all")
    stolen = bucket("raw", "team", key={"env": "TEAM_KEY"}, secret={"env": "OTHER"})
    for manifests in ((workspace("other"), repository("x", "other")), (workspace("team"), stolen)):
        planted = wide.reconcile(wide.checkout(*manifests)).plan
        assert planted is not None and planted.operations
        checkout = site.checkout(*TEAM)._replace(commit=planted.document["source"]["commit"] or "")
        done = site.reconcile(checkout, approved=Approved(planted))
        assert done.state.state == "waiting" and not done.used and done.receipt is None
    assert not any("other" in text or "raw" in text for text in site.live().values())


def test_a_folder_of_a_repository_is_a_target_that_touches_its_own_workspace(tmp_path: Path) -> None:
    """From git to the platform: two teams in one repository, of which one names the workspace of the other."""
    upstream = Upstream(tmp_path / "upstream")
    site = Site(
        tmp_path / "site",
        git={"url": str(upstream.folder)},
        forEach={"folders": "teams/*"},
        workspaces=["{folder}"],
        environment="default",
    )
    (tmp_path / "site").mkdir()
    project = "apiVersion: gatectl.io/v1\nkind: Project\nmetadata: {name: x}\n"
    texts = {team: f"apiVersion: gatectl.io/v1\nkind: Workspace\nmetadata: {{name: {wanted}}}\n" for team, wanted in
             (("a", "a"), ("b", "a"))}  # fmt: skip
    upstream.commit(
        **{f"teams__{team}__gatectl.yaml": project for team in texts},
        **{f"teams__{team}__all.yaml": text for team, text in texts.items()},
        README="none",
    )
    source = site.fleet.sources[0]
    mirror = Mirror(tmp_path / "mirrors", source.git.url)
    commit = mirror.fetch(mirror.heads([source.git.ref])[source.git.ref])
    checkout = checkout_of(mirror, commit, tmp_path / "trees")
    operator = Operator(site.fleet, site.environ, site.records)
    states = {
        t.name: reconcile(t, checkout, operator, Turn(NOW)).state for t in targets_in(source, mirror, commit).targets
    }
    assert {name: each.state for name, each in states.items()} == {"data/a": "in-sync", "data/b": "invalid"}
    assert states["data/b"].reason == "all.yaml:3: GW503: 'data/b' may not touch workspace 'a'"
