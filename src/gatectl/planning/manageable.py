"""What cannot be managed now, whatever the manifests say: lists that the platform refuses (GW405), objects that it has
disabled, and repositories that name what stays away (GW509). Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from gatectl.documents.journal import Unclear
from gatectl.errors import PlatformError
from gatectl.kinds import KINDS
from gatectl.kinds.interface import Kind
from gatectl.model import Desired, Finding, Manifest, ObjectKey, Spot
from gatectl.planning.current import API_KEYS, Current, WorkspaceState
from gatectl.planning.match import Pair
from gatectl.resources import registrar_of
from gatectl.rules import RULES


def is_holding(rule: str) -> bool:
    """Whether errors of this rule stop only their object, and what needs it (product.md, section 6)."""
    return rule in RULES and RULES[rule].holding


def stopped(findings: Iterable[Finding]) -> dict[ObjectKey, str]:
    """The objects that errors of these rules stop, each with the rule of the first of them."""
    found: dict[ObjectKey, str] = {}
    for finding in findings:
        key = _about(finding)
        if finding.severity == "error" and is_holding(finding.rule) and key is not None:
            found.setdefault(key, finding.rule)
    return found


def refuses(findings: Iterable[Finding], *, held: bool) -> bool:
    """Whether errors allow no plan of what they are about: they do where each stops only its object, and some are held."""
    errors = {finding.rule for finding in findings if finding.severity == "error"}
    return bool(errors) and not (held and all(map(is_holding, errors)))


def told_once(findings: Iterable[Finding], stopped: Container[ObjectKey | None]) -> list[Finding]:
    """The findings without what else the platform seems to say of objects that are stopped: of those nothing can be said now."""
    return [f for f in findings if is_holding(f.rule) or not f.rule.startswith("GW5") or _about(f) not in stopped]


def _about(finding: Finding) -> ObjectKey | None:
    """The object that a finding is about; None where it is about none that has a name."""
    if finding.subject is None:
        return None
    kind, workspace, name = finding.subject
    return ObjectKey(kind, workspace, name) if kind is not None and name is not None else None


def read_only(current: Current, names: Iterable[str]) -> list[str]:
    """The workspaces of these names in which who asks may not write."""
    lives = ((name, live) for name in names for live in current.workspaces.by_name.get(name, ()))
    return sorted({name for name, live in lives if live.wire.get("callerRole") == "READ"})


def unoffered(desired: Desired, current: Current) -> list[Finding]:
    """GW405 for every manifest that needs a list which the platform does not give."""
    found: list[Finding] = []
    for manifest in desired.manifests:
        state = current.states.get(manifest.workspace or "")
        if state is not None and state.refused:
            found += _unoffered(manifest, state)
    return found


def _unoffered(manifest: Manifest, state: WorkspaceState) -> Iterator[Finding]:
    yield from _without_list(manifest, KINDS[manifest.kind], state, ())
    for entry in manifest.entries or ():
        registrar = KINDS[registrar_of(entry.type)]
        yield from _without_list(manifest, registrar, state, ("spec", "resources", entry.position or 0))
    no_keys = state.refused.get(API_KEYS)
    if no_keys is not None and "apiKey" in (manifest.credentials or {}):
        yield _refused(manifest, "provider API keys", no_keys, ("spec", "credentials", "apiKey"))


def _without_list(
    manifest: Manifest, kind: Kind, state: WorkspaceState, pointer: tuple[str | int, ...]
) -> Iterator[Finding]:
    why = state.refused.get(kind.collection)
    if why is not None:
        yield _refused(manifest, kind.optional or kind.plural, why, pointer)


def _refused(manifest: Manifest, what: str, why: PlatformError, pointer: tuple[str | int, ...]) -> Finding:
    return Finding(
        "GW405", f"the platform gives no list of {what}: {why.message}",
        "leave it out here, or ask whether this account may use them", spot=Spot(manifest.document, pointer),
        subject=manifest.subject,
    )  # fmt: skip


def unmanageable(pairs: Iterable[Pair], current: Current) -> Iterator[Finding]:
    """GW509 for declared objects that cannot be managed now."""
    pairs = list(pairs)
    if _serves_nobody(pairs, current):
        yield Finding(
            "GW509", "the platform has disabled all repositories of the organization: they can be changed, and serve nobody",
            "look at the subscription and its credits", "warning",
        )  # fmt: skip
    for pair in pairs:
        state = current.states.get(pair.key.workspace or "")
        if state is None:
            continue
        spot = Spot(pair.manifest.document, ("metadata", "name"))
        if pair.live is not None and pair.live.wire.get("disabled") is True:
            yield Finding(
                "GW509", f"{pair.key} is disabled by the platform: it can be changed, and serves nobody",
                "look at the subscription and its credits", "warning", spot, subject=pair.manifest.subject,
            )  # fmt: skip
        if state.missing:
            yield from _unlisted(pair, state.missing, spot)


def unsettled(pairs: Iterable[Pair], unclear: Sequence[Unclear]) -> tuple[list[Finding], dict[ObjectKey, str]]:
    """GW509 for declared objects of which nobody can tell whether a run that broke off has created them, and why they wait."""
    found: list[Finding] = []
    waiting: dict[ObjectKey, str] = {}
    by_key = {each.key: each for each in unclear}
    for pair in pairs:
        each = by_key.get(pair.key)
        if each is not None:
            spot = Spot(pair.manifest.document, ("metadata", "name"))
            found.append(Finding("GW509", each.message, each.hint, "warning", spot, subject=pair.manifest.subject))
            waiting[pair.key] = f"run {each.head.run} is not settled"
    return found, waiting


def _serves_nobody(pairs: Iterable[Pair], current: Current) -> bool:
    """Whether the platform has disabled the repositories of a workspace that some are declared in."""
    spaces = {pair.key.workspace or "" for pair in pairs if KINDS[pair.key.kind].attaches}
    lives = (live for name in spaces for live in current.workspaces.by_name.get(name, ()))
    return any(live.wire.get("reposDisabled") is True for live in lives)


def _unlisted(pair: Pair, missing: frozenset[str], spot: Spot) -> Iterator[Finding]:
    """What cannot be decided of an object while its workspace attaches what no list shows."""
    if pair.live is not None:
        away = sorted({a.id for a in pair.live.attachments if a.id is not None} & missing)
        if away:
            yield Finding(
                "GW509", f"{pair.key} attaches what the platform's list does not show: {', '.join(away)}",
                "try again later; what is not listed may be there all the same, so nothing is decided from that",
                spot=spot, subject=pair.manifest.subject,
            )  # fmt: skip
    elif KINDS[pair.key.kind].registers:
        yield Finding(
            "GW509",
            f"{pair.key} is not created: repositories of its workspace attach what the platform's list does not show"
            f" ({', '.join(sorted(missing))}), and it may be that",
            "try again later", spot=spot, subject=pair.manifest.subject,
        )  # fmt: skip
