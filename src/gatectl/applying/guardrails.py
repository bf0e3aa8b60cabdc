"""What holds an apply back: guardrails, what an operator allows all the same, and what a change did to its project file.

A change of the project file could lift what is there to hold it. So the guards of an older commit hold too, the stricter of
each (guardrails, `rules`, `exclude`, and `known`, which is what may be dropped), until an operator has looked at the change; and
what else was changed that decides about an apply is told (product.md, sections 6 and 11). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gatectl.documents.plans import Plan
from gatectl.errors import GuardrailRefused, UsageError
from gatectl.manifests.places import locate
from gatectl.model import Document, Finding, Spot
from gatectl.project import Environment, Project, RuleSetting
from gatectl.quote import quote

if TYPE_CHECKING:
    from gatectl.documents.plans import Plan, ProjectChanges, Remarks
    from gatectl.documents.receipts import Override


_OF_PROJECT: Final = ("uid", "manifests", "exclude", "rules", "policies")
_OF_ENVIRONMENT: Final = ("platform", "workspace", "records", "manifests", "known", "guardrails", "policies")


class Changes(NamedTuple):
    """The fields of the project file that decide about an apply and differ from a commit. `since` is the commit's name.

    `lines` are where the fields are in the project file now, those that are gone where they would be.
    """

    since: str
    fields: tuple[str, ...]
    lines: Mapping[str, int] = {}


class Allowance(NamedTuple):
    """What the operator allows this once, and why. `deletes`, `detaches`: up to so many (None: nothing was said)."""

    project: bool = False
    deletes: int | None = None
    detaches: int | None = None
    reason: str | None = None

    def overrides(self) -> list[Override]:
        """For the receipt; the value is how many."""
        said: list[tuple[str, int | None]] = [("project", None)] if self.project else []
        said += [(n, v) for n, v in (("deletes", self.deletes), ("detaches", self.detaches)) if v is not None]
        return [{"name": n, "value": None if v is None else str(v), "reason": self.reason} for n, v in said]


NOTHING_ALLOWED: Final = Allowance()


def parse_allowance(texts: Sequence[str], reason: str | None) -> Allowance:
    """What `--allow` (each project, deletes=N or detaches=N) and `--reason` say. Raises UsageError."""
    allowed = Allowance(reason=reason)
    for text in texts:
        found = re.fullmatch(r"project|(deletes|detaches)=([0-9]{1,9})", text)
        if found is None:
            raise UsageError("--allow does not know that", "write --allow project, deletes=N or detaches=N")
        allowed = allowed._replace(**({found[1]: int(found[2])} if found[1] else {"project": True}))
    if texts and not (reason and reason.strip()):
        raise UsageError("--allow wants a reason", 'write --reason "…"; the receipt keeps it')
    if reason is not None and not texts:
        raise UsageError(
            "--reason is for --allow, and nothing is allowed", "say what: --allow project, deletes=N or detaches=N"
        )
    return allowed


def stricter(
    project: Project, environment: Environment, base: Project, allowed: Allowance = NOTHING_ALLOWED
) -> tuple[Project, Environment]:
    """Both, with what the project of another commit holds too: the stricter of each guard.

    Of its environments those count that have the same name or the same platform: a new name lifts nothing. Where the operator
    allows the change of the project file (`allowed`), only the limits hold: they have words of their own.
    """
    before = [e for e in base.environments.values() if e.name == environment.name or e.platform == environment.platform]
    environment = environment._replace(
        max_deletes=_least(environment.max_deletes, *(e.max_deletes for e in before)),
        max_detaches=_least(environment.max_detaches, *(e.max_detaches for e in before)),
    )
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


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def changes(project: Project, environments: Iterable[str], base: Project, since: str) -> Changes:
    """What differs between the project files of a checkout and of a commit, for these environments."""
    found = {".".join(path): path for path in _differences(project.spec, base.spec, environments)}
    return Changes(since, tuple(found), _lines(project.document, found) if project.document is not None else {})


def _differences(
    now: Mapping[str, Any], before: Mapping[str, Any], environments: Iterable[str]
) -> Iterator[tuple[str, ...]]:
    yield from ((name,) for name in _OF_PROJECT if now.get(name) != before.get(name))
    for environment in environments:
        mine, old = ((spec.get("environments") or {}).get(environment) or {} for spec in (now, before))
        yield from (("environments", environment, n) for n in _OF_ENVIRONMENT if mine.get(n) != old.get(n))


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


def hold(plan: Plan, environment: Environment, found: Changes | None, allowed: Allowance) -> None:
    """Raises GuardrailRefused where the plan does more than is allowed, or stands on a project file that was changed.

    `found` is what was seen now; what the plan says of itself counts too.
    """
    told = plan.get("projectChanges")
    fields = sorted({*(found.fields if found is not None else ()), *(told["fields"] if told is not None else ())})
    if fields and not allowed.project:
        raise GuardrailRefused(
            f"the project file was changed in what decides about an apply: {', '.join(fields)}",
            'look at the change, then allow it: --allow project --reason "…"',
        )
    # Counted from what will be done, not from the summary, which no fingerprint covers.
    deletes = sum(operation["action"] == "delete" for operation in plan["operations"])
    detaches = sum(len(operation["detach"]) for operation in plan["operations"])
    # What is deleted cannot be chosen by --target.
    _hold_to(_DELETES, deletes, environment.max_deletes, allowed.deletes, environment)
    part = "apply part of it (--target, without --prune), or " if deletes else "apply part of it (--target), or "
    _hold_to(_DETACHES._replace(instead=part), detaches, environment.max_detaches, allowed.detaches, environment)


class _Guarded(NamedTuple):
    """What is counted, in words: of one, of several, as the guardrail and --allow call it, and what else one can do."""

    verb: str
    noun: str
    plural: str
    guardrail: str
    instead: str = ""


_DELETES: Final = _Guarded("delete", "object", "deletes", "maxDeletes")
_DETACHES: Final = _Guarded("detach", "attachment", "detaches", "maxDetaches")


def _hold_to(what: _Guarded, count: int, limit: int | None, allowed: int | None, environment: Environment) -> None:
    if limit is None or count <= max(limit, allowed or 0):
        return
    raise GuardrailRefused(
        f"the plan would {what.verb} {count} {what.noun if count == 1 else what.noun + 's'}, and environment"
        f" '{quote(environment.name)}' allows {limit}",
        f'{what.instead}allow it this once (--allow {what.plural}={count} --reason "…"), or raise guardrails.{what.guardrail} in'
        " the project file, if all of it is meant",
    )
