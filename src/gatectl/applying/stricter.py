"""What the project file of another commit holds too: the stricter of each guard, and what of the project file was changed since.

A change of the project file could lift what is there to hold it. So the guards of an older commit hold too (guardrails, `rules`,
`exclude`, and `known`, which is what may be dropped), until an operator has looked at the change; and what else was changed
that decides about an apply is told (product.md, sections 6 and 11). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gatectl.applying.allowance import NOTHING, Allowance
from gatectl.manifests.places import locate
from gatectl.model import Document, Finding, Spot
from gatectl.project import OF_ENVIRONMENT, OF_PROJECT, Environment, Project, RuleSetting, told

if TYPE_CHECKING:
    from gatectl.documents.limits import ProjectChanges
    from gatectl.documents.plans import Remarks


class Changes(NamedTuple):
    """The fields of the project file that decide about an apply and differ from a commit. `since` is the commit's name.

    `lines` are where the fields are in the project file now, those that are gone where they would be.
    """

    since: str
    fields: tuple[str, ...]
    lines: Mapping[str, int] = {}


def stricter(
    project: Project, environment: Environment, base: Project, allowed: Allowance = NOTHING
) -> tuple[Project, Environment]:
    """Both, with what the project of another commit holds too: the stricter of each guard.

    Of its environments those count that have the same name or the same platform: a new name lifts nothing. Where the operator
    allows the change of the project file (`allowed`), only the guardrails hold: they have words of their own.
    """
    before = [
        e
        for e in base.environments.values()
        if e.name == environment.name or told("platform", e.platform) == told("platform", environment.platform)
    ]
    for other in before:
        environment = environment._replace(guardrails=environment.guardrails.together(other.guardrails))
    if allowed.project:
        return project, environment
    known = tuple(name for name in environment.known if before and all(name in e.known for e in before))
    return stricter_checks(project, base), environment._replace(known=known)


def stricter_checks(project: Project, base: Project) -> Project:
    """The project with the stricter of what is checked, its own and that of another commit: the more severe setting of each
    rule, and excluded is what both exclude."""
    return project._replace(
        rules=_stricter_rules(project, base),
        exclude=(*project.exclude, *base.exclude) if project.exclude and base.exclude else (),
    )


def _stricter_rules(project: Project, base: Project) -> Mapping[str, RuleSetting]:
    settings: dict[str, RuleSetting] = {}
    for rule in sorted({*project.rules, *base.rules}):
        said = (project.rules.get(rule), base.rules.get(rule))
        if "error" in said:
            settings[rule] = "error"
        elif None not in said:
            settings[rule] = "warning" if "warning" in said else "off"
        # Else one says less than error and the other nothing: then the rule's own severity, never less than a warning.
    return settings


def changes(project: Project, environments: Iterable[str], base: Project, since: str) -> Changes:
    """What differs between the project files of a checkout and of a commit, for these environments."""
    found = {".".join(path): path for path in _differences(project.spec, base.spec, environments)}
    return Changes(since, tuple(found), _lines(project.document, found) if project.document is not None else {})


def _differences(
    now: Mapping[str, Any], before: Mapping[str, Any], environments: Iterable[str]
) -> Iterator[tuple[str, ...]]:
    yield from ((name,) for name in OF_PROJECT if now.get(name) != before.get(name))
    for environment in environments:
        mine, old = ((spec.get("environments") or {}).get(environment) or {} for spec in (now, before))
        yield from (
            ("environments", environment, n) for n in OF_ENVIRONMENT if told(n, mine.get(n)) != told(n, old.get(n))
        )


def _lines(document: Document, fields: Mapping[str, tuple[str, ...]]) -> Mapping[str, int]:
    spots = [Finding("", name, spot=Spot(document, ("spec", *path), "key")) for name, path in fields.items()]
    return {found.message: found.place.line for found in locate(spots) if found.place is not None}


def remark(found: Changes | None) -> Remarks:
    """What a plan says of that, as its field `projectChanges`; nothing where nothing differs."""
    if found is None or not found.fields:
        return {}
    told: ProjectChanges = {"since": found.since, "fields": found.fields}
    if found.lines:
        told["lines"] = found.lines
    return {"projectChanges": told}
