"""Bytes of a fleet file → a fleet, or what is wrong with it: every mistake, each at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatectl.errors import Invalid
from gatectl.fleet.checks import check_fleet
from gatectl.fleet.values import (
    EVENTS,
    Budget,
    Database,
    Fleet,
    Git,
    Login,
    MergedPullRequest,
    Notification,
    Secrets,
    Source,
    Webhook,
)
from gatectl.manifests import sources, validate
from gatectl.manifests.parse import parse
from gatectl.manifests.places import locate
from gatectl.model import Finding, SourceFile
from gatectl.quote import quote

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Read(NamedTuple):
    """A fleet file: the fleet (None where an error keeps it from being believed), and what is wrong with it, at its places."""

    file: SourceFile
    fleet: Fleet | None
    findings: Sequence[Finding]


def read_fleet(path: str | Path) -> Read:
    """The fleet of a file. Raises InputError for one that cannot be read."""
    return fleet_of(sources.read_file(Path(path)))


def load_fleet(path: str | Path) -> Fleet:
    """The fleet of a file. Raises Invalid for one with errors, InputError for one that cannot be read."""
    read = read_fleet(path)
    if read.fleet is not None:
        return read.fleet
    first = next(each for each in read.findings if each.severity == "error")
    at = f"{quote(first.place.file)}:{first.place.line}:{first.place.column}: " if first.place else ""
    raise Invalid(f"{at}{first.rule}: {first.message}", f"gatectl validate {quote(path)} says all that is wrong")


def fleet_of(file: SourceFile) -> Read:
    """The fleet that the bytes of a file say."""
    parsed = parse(file)
    findings = list(parsed.findings)
    if len(parsed.documents) == 1:
        document = parsed.documents[0]
        findings += validate.check_fleet(document, sources.read_schema("fleet"))
        if not _wrong(findings):
            fleet = _fleet(file.path, document.data)
            findings += check_fleet(document, fleet)
            if not _wrong(findings):
                return Read(file, fleet, locate(findings))
    elif not findings:
        message = f"a fleet file holds one document, not {len(parsed.documents)}"
        findings.append(Finding("GW106", message, "write a file for each fleet", place=sources.first_place(file.path)))
    return Read(file, None, locate(findings))


def _wrong(findings: Sequence[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _fleet(path: str, data: Mapping[str, Any]) -> Fleet:
    spec = data["spec"]
    made = Fleet(data["metadata"]["name"], path, tuple(map(_source, spec["sources"])))
    return made._replace(
        database=_database(spec.get("database")),
        platforms=tuple(Budget(each["match"], float(each["requestsPerSecond"])) for each in spec.get("platforms", ())),
        notify=tuple(map(_notification, spec.get("notify", ()))),
        retention=_seconds(spec.get("retention", "30d")),
        trusted_proxies=tuple(spec.get("trustedProxies", ())),
        user_header=spec.get("userHeader"),
    )


def _database(value: Any) -> Database | None:
    if value is None:
        return None
    return Database(address=value) if isinstance(value, str) else Database(variable=value["env"])


def _notification(value: Mapping[str, Any]) -> Notification:
    return Notification(value["url"], value.get("secret"), tuple(value.get("on", EVENTS)))


def _source(value: Mapping[str, Any]) -> Source:
    """A source; what is left out is as the schema says."""
    git = value["git"]
    folders = (value.get("forEach") or {}).get("folders")
    given = value.get("secrets") or {}
    made = Source(
        name=value["name"],
        git=Git(git["url"], git.get("ref", "main"), (git.get("credentials") or {}).get("file")),
        platform=value["platform"],
        project=None if folders is not None else value.get("project", sources.PROJECT_FILE),
        folders=folders,
        environment=value.get("environment", "default"),
        workspaces=tuple(value["workspaces"]) if "workspaces" in value else None,
        token=value.get("token"),
        login=Login(value["login"]["email"], value["login"]["password"]) if "login" in value else None,
        records=value.get("records"),
        secrets=Secrets(*(tuple(given.get(name, ())) for name in Secrets._fields)),
        secret_folder=value.get("secretFolder"),
        webhook=Webhook(value["webhook"]["path"], value["webhook"]["secret"]) if "webhook" in value else None,
    )
    return _when(made, value)


def _when(source: Source, value: Mapping[str, Any]) -> Source:
    """A source with when and how it is applied."""
    by = (value.get("approveBy") or {}).get("mergedPullRequest")
    return source._replace(
        interval=_seconds(value.get("interval", "5m")),
        mode=value.get("mode", "observe"),
        prune=value.get("prune", False),
        approvals=value.get("approvals", "risky"),
        approvals_expire=_seconds(value.get("approvalsExpire", "7d")),
        approve_by=None if by is None else MergedPullRequest(by["host"], by["token"], by["status"], by["creator"]),
        on_drift=value.get("onDrift", "revert"),
        depends_on=tuple(value.get("dependsOn", ())),
        windows=tuple(value.get("windows", ())),
    )


def _seconds(duration: str) -> float:
    """A duration as the schema has it: 30s, 5m, 1h, 7d."""
    return float(duration[:-1]) * _UNITS[duration[-1]]
