"""What holds an apply back before its first write: limits, windows, what is protected, and a project file that was changed.

A plan always shows all; what is counted here is what will be done, and never a plan's own summary, which no fingerprint covers. The
time is handed in, and nothing is read but the time zone database of the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from gatectl.applying.allowance import COUNTED, Allowance
from gatectl.applying.stricter import Changes
from gatectl.documents.limits import (
    Counts,
    Extent,
    Guardrails,
    Limited,
    LimitName,
    count,
    limited,
    protecting,
)
from gatectl.documents.plans import Plan
from gatectl.errors import GuardrailRefused
from gatectl.project import Environment
from gatectl.quote import quote
from gatectl.windows import UnknownZone, is_open, next_opening


def hold_to_project(plan: Plan, found: Changes | None, allowed: Allowance) -> None:
    """Raises GuardrailRefused where the plan stands on a project file that was changed in what decides about an apply.

    `found` is what was seen now; what the plan says of itself counts too.
    """
    told = plan.get("projectChanges")
    fields = sorted({*(found.fields if found is not None else ()), *(told["fields"] if told is not None else ())})
    if fields and not allowed.project:
        raise GuardrailRefused(
            f"the project file was changed in what decides about an apply: {', '.join(fields)}",
            'look at the change, then allow it: --allow project --reason "…"',
        )


def destroys(plan: Plan) -> bool:
    """Whether a plan deletes or detaches something."""
    return any(operation["action"] == "delete" or operation["detach"] for operation in plan["operations"])


def hold_to_commit(plan: Plan, allowed: Allowance) -> None:
    """Raises GuardrailRefused where a plan destroys something, and the commit that was applied last is not before its own."""
    told = plan.get("older")
    if told is None or not destroys(plan) or "older" in allowed.words:
        return
    commit, run = quote(told["commit"][:12]), quote(told["run"])
    found = "is not in the history of" if told["known"] else "cannot be found in the history of"
    raise GuardrailRefused(
        f"the plan deletes or detaches, and commit {commit}, which was applied last (run {run}), {found} the checkout",
        'apply a newer commit, or fetch its history (git fetch --unshallow), or allow it this once: --allow older --reason "…"',
    )


def counts_of(plan: Plan) -> Counts:
    """What a plan does that is limited."""
    return count((operation["action"], len(operation["detach"])) for operation in plan["operations"])


def exceeded(plan: Plan, guardrails: Guardrails, allowed: Allowance, extent: Extent) -> Limited | None:
    """The first limit that a plan exceeds where there is so much; None: it exceeds none."""
    words = {limit: word for word, limit in COUNTED.items()}
    for each in limited(guardrails, counts_of(plan), extent):
        if each["count"] > max(each["allows"], allowed.up_to(words[each["guardrail"]])):
            return each
    return None


def hold_to_limits(plan: Plan, environment: Environment, allowed: Allowance, extent: Extent) -> None:
    """Raises GuardrailRefused where the plan does more than is allowed."""
    found = exceeded(plan, environment.guardrails, allowed, extent)
    if found is None:
        return
    what, number = _LIMITED[found["guardrail"]], found["count"]
    # What is deleted cannot be chosen by --target.
    part = "" if found["guardrail"] == "maxDeletes" else _PART if counts_of(plan).deletes else _PART_OF_FEW
    share = f" ({found['limit']} of {found['of']:,})" if "of" in found else ""
    raise GuardrailRefused(
        f"the plan would {what.verb} {number:,} {what.noun}{'' if number == 1 else 's'}, and environment"
        f" '{quote(environment.name)}' allows {found['allows']:,}{share}",
        f'{part}allow it this once (--allow {what.word}={number} --reason "…"), or raise guardrails.{found["guardrail"]} in'
        " the project file, if all of it is meant",
    )


class _Words(NamedTuple):
    """What is limited, in words, and as --allow calls it."""

    verb: str
    noun: str
    word: str


_LIMITED: Final[dict[LimitName, _Words]] = {
    "maxDeletes": _Words("delete", "object", "deletes"),
    "maxDetaches": _Words("detach", "attachment", "detaches"),
    "maxChanges": _Words("update or delete", "object", "changes"),
}
_PART: Final = "apply part of it (--target, without --prune), or "
_PART_OF_FEW: Final = "apply part of it (--target), or "


def hold_to_windows(windows: Sequence[Sequence[str]], environment: str, now: datetime, allowed: Allowance) -> None:
    """Raises GuardrailRefused outside of the windows in which applies may run."""
    if not windows or "window" in allowed.words:
        return
    where, told = f"environment '{quote(environment)}'", " and ".join(_either(texts) for texts in windows)
    try:
        if is_open(windows, now):
            return
        opens = next_opening(windows, now)
    except UnknownZone as error:
        why = "this machine has no time zone database" if error.nowhere else "this machine does not know it"
        raise GuardrailRefused(
            f"applies to {where} run {told}, and whether that is now cannot be told: time zone '{quote(error.name)}': {why}",
            f"install the database (tzdata), {_OR_ALLOW}",
        ) from None
    except ValueError as error:
        raise GuardrailRefused(f"the windows of {where} cannot be read: {quote(error)}", _OR_ALLOW) from None
    when = f"opens {opens:%a %Y-%m-%d %H:%M} {opens.tzname()}" if opens is not None else "does not open in sight"
    raise GuardrailRefused(f"applies to {where} run {told}; the next window {when}", f"wait for that, {_OR_ALLOW}")


_OR_ALLOW: Final = 'or allow it this once: --allow window --reason "…"'


def _either(texts: Sequence[str]) -> str:
    return " or ".join(map(quote, texts))


def hold_to_protection(plan: Plan, patterns: Sequence[str]) -> None:
    """Raises GuardrailRefused where the plan deletes or detaches from what is protected from outside."""
    for operation in plan["operations"]:
        if operation["action"] == "delete" or operation["detach"]:
            pattern = protecting(patterns, operation["kind"], operation["name"])
            if pattern is not None:
                verb = "delete" if operation["action"] == "delete" else "detach from"
                raise GuardrailRefused(
                    f"the plan would {verb} {operation['kind']} {quote(operation['name'])}, which is protected"
                    f" (guardrails.protect: {quote(pattern)})",
                    "plan again: what is protected is held then",
                )
