"""What a fleet file says is believed, or told to be wrong at its place: every mistake, and no secret with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fleet.fleets import SOURCE, fleet, read, source
from gatectl.fleet.reading import fleet_of, read_fleet
from gatectl.fleet.values import EVENTS, Database, Git, Secrets
from gatectl.manifests.written_out import path_of
from gatectl.model import SourceFile

TWO: Mapping[str, Any] = {**SOURCE, "name": "network"}


def told(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The rules that a fleet breaks, each with where."""
    return [(f.rule, path_of(f.spot.pointer) if f.spot else "") for f in read(document).findings]


def test_what_a_source_leaves_out_is_as_the_schema_says() -> None:
    found = source()
    assert found.git == Git("https://git.acme.example/gateway.git", "main", None)
    assert (found.project, found.folders, found.environment) == ("gatectl.yaml", None, "default")
    assert (found.interval, found.mode, found.prune, found.approvals) == (300, "observe", False, "risky")
    assert (found.approvals_expire, found.on_drift, found.secrets) == (7 * 86_400, "revert", Secrets())
    assert found.workspaces is None and found.depends_on == () == found.windows


def test_all_that_a_fleet_may_say_is_read() -> None:
    by = {"host": "https://api.github.com", "token": {"env": "T"}, "status": "gatectl", "creator": "bot"}
    said = fleet(
        {"git": {"url": "/srv/git/a.git", "ref": "release/1.x", "credentials": {"file": "git"}}, "forEach": {"folders": "teams/*"},
         "environment": "prod", "workspaces": ["{folder}", "{folder}-*"], "records": "postgresql://db.example/records",
         "secrets": {"env": ["A_*"], "files": ["/run/secrets"], "commands": ["vault"]}, "secretFolder": "/var/lib/secrets",
         "webhook": {"path": "/hooks/a", "secret": {"file": "h"}}, "interval": "90s", "mode": "apply", "prune": True,
         "approvals": "all", "approvalsExpire": "12h", "approveBy": {"mergedPullRequest": by}, "onDrift": "wait",
         "dependsOn": ["network"], "windows": ["Mon-Fri 08:00-18:00 Europe/Berlin"]},
        TWO,
        database={"env": "DATABASE"}, platforms=[{"match": "https://*", "requestsPerSecond": 20}], retention="1d",
        notify=[{"url": "https://x.example/hook"}], trustedProxies=["10.0.0.0/8"], userHeader="X-User",
    )  # fmt: skip
    found = read(said)
    assert found.findings == [] and found.fleet is not None
    one, two = found.fleet.sources
    assert (one.git.credentials, one.folders, one.project) == ("git", "teams/*", None)
    assert (one.interval, one.approvals_expire, one.on_drift, one.prune) == (90, 43_200, "wait", True)
    assert one.secrets == Secrets(("A_*",), ("/run/secrets",), ("vault",))
    assert one.approve_by is not None and one.approve_by.creator == "bot"
    assert two.name == "network" and found.fleet.database == Database(None, "DATABASE")
    assert found.fleet.notify[0].on == EVENTS and found.fleet.retention == 86_400


SAID = "spec.sources[0]"
WRONG: Mapping[str, tuple[Mapping[str, Any], str, str]] = {
    "an unknown field": ({"naem": 1}, "GW202", f"{SAID}.naem"),
    "a mode": ({"mode": "observ"}, "GW204", f"{SAID}.mode"),
    "a name with a slash": ({"name": "a/b"}, "GW205", f"{SAID}.name"),
    "a duration": ({"interval": "5 minutes"}, "GW205", f"{SAID}.interval"),
    "no duration at all": ({"interval": "0s"}, "GW205", f"{SAID}.interval"),
    "a window": ({"windows": ["always"]}, "GW205", f"{SAID}.windows[0]"),
    "a window that never opens": ({"windows": ["Mon 08:00-08:00 UTC"]}, "GW205", f"{SAID}.windows[0]"),
    "a time zone": ({"windows": ["Mon 08:00-09:00 Europe/Berln"]}, "GW204", f"{SAID}.windows[0]"),
    "the embedded platform": ({"platform": "embedded"}, "GW204", f"{SAID}.platform"),
    "a relative platform": ({"platform": "sqlite:///platform.db"}, "GW204", f"{SAID}.platform"),
    "a platform in clear": ({"platform": "http://gateway.example"}, "GW204", f"{SAID}.platform"),
    "a snapshot as a platform": ({"platform": "snapshot:///x"}, "GW204", f"{SAID}.platform"),
    "a platform's password": ({"platform": "postgresql://db.example/x?password=hush"}, "GW601", f"{SAID}.platform"),
    "nothing to sign in with": ({"token": {}}, "GW201", f"{SAID}.token"),
    "a token written out": ({"token": "abcdefgh"}, "GW601", f"{SAID}.token"),
    "a token and a login": ({"login": {"email": "a@b", "password": {"env": "P"}}}, "GW202", f"{SAID}.login"),
    "a password written out": ({"login": {"email": "a@b", "password": "hush"}}, "GW601", f"{SAID}.login.password"),
    "no records": ({"records": "none"}, "GW204", f"{SAID}.records"),
    "relative records": ({"records": "sqlite:///r.db"}, "GW204", f"{SAID}.records"),
    "records of no kind": ({"records": "ftp://x"}, "GW204", f"{SAID}.records"),
    "git in a way that is not gone": ({"git": {"url": "ssh://git@x/y"}}, "GW204", f"{SAID}.git.url"),
    "an option of git": ({"git": {"url": "--upload-pack=x"}}, "GW204", f"{SAID}.git.url"),
    "a program of git": ({"git": {"url": "ext::sh -c true"}}, "GW204", f"{SAID}.git.url"),
    "a ref that is an option": ({"git": {"url": "/srv/a", "ref": "--all"}}, "GW205", f"{SAID}.git.ref"),
    "a user of git": ({"git": {"url": "https://me@git.example/x"}}, "GW601", f"{SAID}.git.url"),
    "a secret of a webhook": ({"webhook": {"path": "/a", "secret": "hush"}}, "GW601", f"{SAID}.webhook.secret"),
    "a path of a webhook": ({"webhook": {"path": "/../a", "secret": {"env": "S"}}}, "GW205", f"{SAID}.webhook.path"),
    "folders elsewhere": ({"forEach": {"folders": "../*"}}, "GW205", f"{SAID}.forEach.folders"),
    "a project elsewhere": ({"project": "/etc/gatectl.yaml"}, "GW205", f"{SAID}.project"),
    "a project and folders": ({"project": "a.yaml", "forEach": {"folders": "*"}}, "GW202", f"{SAID}.project"),
    "a folder of no forEach": ({"workspaces": ["{folder}"]}, "GW207", f"{SAID}.workspaces[0]"),
    "a word in braces": ({"forEach": {"folders": "*"}, "workspaces": ["{fold}"]}, "GW207", f"{SAID}.workspaces[0]"),
    "an unknown source": ({"dependsOn": ["netwrk"]}, "GW204", f"{SAID}.dependsOn[0]"),
    "itself": ({"dependsOn": ["analytics"]}, "GW204", f"{SAID}.dependsOn[0]"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_in_a_source_is_told_at_its_place(what: str) -> None:
    fields, rule, path = WRONG[what]
    found = read(fleet(fields, TWO))
    assert found.fleet is None
    assert told(fleet(fields, TWO)) == [(rule, path)]
    assert all(f.place is not None and f.message and "hush" not in f.message + (f.hint or "") for f in found.findings)


SPEC: Mapping[str, tuple[Mapping[str, Any], str, str]] = {
    "a database of no kind": ({"database": "mysql://x/y"}, "GW204", "spec.database"),
    "a password": ({"database": "postgresql://me:hush@db.example/x"}, "GW601", "spec.database"),
    "a password with a slash": ({"database": "postgresql://me:hu/sh@db.example/x"}, "GW601", "spec.database"),
    "a password among settings": ({"database": "postgresql://db.example/x?sslpassword=hush"}, "GW601", "spec.database"),
    "a platform twice": ({"platforms": [{"match": "https://x", "requestsPerSecond": 1}] * 2}, "GW205", "spec.platforms[1].match"),
    "a budget of nothing": ({"platforms": [{"match": "https://x", "requestsPerSecond": 0}]}, "GW204",
                            "spec.platforms[0].requestsPerSecond"),
    "who is told": ({"notify": [{"url": "http://x.example"}]}, "GW204", "spec.notify[0].url"),
    "an event": ({"notify": [{"url": "https://x.example", "on": ["drifts"]}]}, "GW204", "spec.notify[0].on[0]"),
    "a network": ({"trustedProxies": ["10.0.0.1/8"], "userHeader": "X"}, "GW204", "spec.trustedProxies[0]"),
    "no header": ({"trustedProxies": ["10.0.0.0/8"]}, "GW201", "spec"),
    "no proxies": ({"userHeader": "X"}, "GW201", "spec"),
}  # fmt: skip


@pytest.mark.parametrize("what", SPEC)
def test_a_mistake_beside_the_sources_is_told_at_its_place(what: str) -> None:
    fields, rule, path = SPEC[what]
    assert told(fleet(**fields)) == [(rule, path)]
    assert all("hush" not in f.message + (f.hint or "") for f in read(fleet(**fields)).findings)


def test_a_source_needs_something_to_sign_in_with_where_the_platform_is_elsewhere() -> None:
    alone = {key: value for key, value in SOURCE.items() if key != "token"}
    document = fleet()
    document["spec"]["sources"] = [alone]
    assert told(document) == [("GW201", SAID)]
    document["spec"]["sources"] = [{**alone, "platform": "http://127.0.0.1:8080"}]
    assert told(document) == []


def test_sources_of_one_name_are_told_with_both_places() -> None:
    found = read(fleet({}, {"name": "Analytics"})).findings
    assert [(f.rule, path_of(f.spot.pointer)) for f in found if f.spot] == [("GW205", "spec.sources[1].name")]
    assert found[0].related[0].place is not None


def test_a_webhook_is_of_one_repository_and_has_one_secret() -> None:
    hook = {"path": "/hooks/a", "secret": {"file": "h"}}
    assert told(fleet({"webhook": hook}, {**TWO, "webhook": hook})) == []
    other = {"path": "/hooks/a", "secret": {"file": "other"}}
    at = "spec.sources[1].webhook.path"
    assert told(fleet({"webhook": hook}, {**TWO, "webhook": other})) == [("GW205", at)]
    assert told(fleet({"webhook": hook}, {**TWO, "webhook": hook, "git": {"url": "/srv/b"}})) == [("GW205", at)]


def test_a_circle_of_sources_is_told_once_where_it_closes() -> None:
    chain = [{"name": name, "dependsOn": [after]} for name, after in ("ab", "bc", "ca")]
    assert told(fleet(*chain, {"name": "d", "dependsOn": ["a"]})) == [("GW204", "spec.sources[2].dependsOn[0]")]
    (finding,) = read(fleet(*chain)).findings
    assert finding.message.endswith("a → b → c → a")


def test_a_long_chain_of_sources_is_no_circle() -> None:
    chain = [{"name": f"s{n}", "dependsOn": [f"s{n + 1}"]} for n in range(2_000)]
    assert told(fleet(*chain, {"name": "s2000"})) == []


def test_what_is_no_fleet_is_told() -> None:
    for text, rule in (
        ("- 1", "GW106"), ("kind: Fleet", "GW201"), ("kind: Fleat\napiVersion: gatectl.io/v1", "GW107"), ("{", "GW102"),
        ("", "GW106"), ("kind: Fleet\n---\nkind: Fleet", "GW106"),
    ):  # fmt: skip
        found = fleet_of(SourceFile("/etc/fleet.yaml", text.encode()))
        assert found.fleet is None and rule in {f.rule for f in found.findings}, text


def test_a_fleet_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text("apiVersion: gatectl.io/v1\nkind: Fleet\nmetadata: {name: acme}\nspec:\n  sources: []\n")
    assert [(f.rule, f.place.line, f.place.column) for f in read_fleet(path).findings if f.place] == [("GW204", 5, 12)]
