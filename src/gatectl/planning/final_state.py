"""GW504: does the final state of the workspace break a namespace rule, with what no manifest mentions included?

The rules are the offline ones, looking at repositories as they will be in the end. Only what this plan changes can be
blamed on it: a violation among repositories that stay as they are was there before, and is no reason to refuse.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

from gatectl import rules
from gatectl.kinds import KINDS
from gatectl.model import Attachment, Entry, Finding, ObjectKey, State
from gatectl.planning.changes import Ending, Worked
from gatectl.planning.current import Current
from gatectl.quote import quote
from gatectl.resources import comparable, is_container
from gatectl.rules.interface import Namespace, RepositoryView, spot


def forecast(
    worked: Worked, current: Current, selected: frozenset[ObjectKey], settings: Mapping[str, str]
) -> list[Finding]:
    """The findings of the final state that the changes of the `selected` keys would bring about."""
    changed = {
        c.key for c in worked.changes if KINDS[c.key.kind].attaches and c.key in selected and c.action != "delete"
    }
    if not changed:
        return []
    deleted = {c.id for c in worked.changes if c.action == "delete" and c.key in selected}
    endings = [ending for key, ending in worked.endings.items() if key in selected]
    return final_state(endings, deleted, changed, current, settings)


def final_state(
    endings: Sequence[Ending],
    deleted: Container[str | None],
    changed: Container[ObjectKey],
    current: Current,
    settings: Mapping[str, str],
) -> list[Finding]:
    """What breaks once these repositories end so, those with the ids `deleted` are gone and all else is as it is now.

    Only what involves one of the `changed` repositories. `settings` are the severities of the project's rules. What is live
    already and not widened is a warning: refusing would not mend it.
    """
    views = _views(endings, current, deleted)
    blamed = _breaches(views, changed)
    if any(f.severity == "error" for f in blamed):
        known = {_breach(f) for f in _breaches(_views(_as_live(endings, current), current, ()), changed)}
        blamed = [f._replace(severity="warning") if _breach(f) in known else f for f in blamed]
    touched = [view for view, key in views if key in changed]
    return [_as_forecast(f) for f in rules.adjust(blamed, settings)] + [f for v in touched for f in _unjudged(v)]


def _breaches(views: Sequence[tuple[RepositoryView, ObjectKey]], changed: Container[ObjectKey]) -> list[Finding]:
    touched = [view for view, key in views if key in changed]
    names = {(key.workspace, key.name) for _, key in views if key in changed}
    found = [f for f in rules.check_each(touched) if f.severity == "error" or _unlisted(f)]
    found += rules.check_across(Namespace([view for view, _ in views], ()))
    return [f for f in found if rules.RULES[f.rule].final and not names.isdisjoint(f.about)]


def _breach(finding: Finding) -> tuple[str, str, frozenset[tuple[str | None, str | None]]]:
    """What makes two findings the same breach: rule, the values that the message names, and the repositories."""
    return finding.rule, finding.message, frozenset(finding.about)


def _as_live(endings: Sequence[Ending], current: Current) -> list[Ending]:
    """The repositories that end so, as they are live: each attachment with the entry that lists it in the end."""
    lives = {live.id: live for live in current.attaching()}
    found = []
    for ending in endings:
        live = lives.get(ending.id or "")
        if live is not None:
            listed = {
                item.id: (place, at)
                for place, (item, at) in enumerate(zip(ending.state.attachments, ending.listed, strict=True))
            }
            last = (len(listed), None)
            order = sorted(live.attachments, key=lambda item: listed.get(item.id, last)[0])
            at = tuple(listed.get(item.id, last)[1] for item in order)
            found.append(Ending(ending.key, live.id, ending.manifest, State(live.spec, tuple(order)), at))
    return found


def _unjudged(view: RepositoryView) -> Iterator[Finding]:
    """A warning for a container whose storage account the platform does not tell: no rule can look at it (U12)."""
    for entry in view.entries:
        if is_container(entry.type) and not entry.identity[1]:
            yield Finding(
                "GW504",
                f"the storage account of Azure container '{quote(entry.identity[2])}' ({quote(entry.label)}, {quote(entry.id)}),"
                f" attached to"
                f" {view.shown()}, cannot be told, so collisions with it cannot be ruled out",
                "look at it in the platform",
                "warning",
                spot(view, entry),
                subject=view.subject,
            )


def _views(
    endings: Sequence[Ending], current: Current, deleted: Container[str | None]
) -> list[tuple[RepositoryView, ObjectKey]]:
    views = [(_view(ending), ending.key) for ending in endings]
    ended = {ending.id for ending in endings}
    for live in current.attaching():
        if live.id not in deleted and live.id not in ended:
            ending = Ending(live.key, live.id, None, live.state, (None,) * len(live.attachments))
            views.append((_view(ending), live.key))
    # Unlisted repositories first, so that a collision is placed in the manifest that could avoid it.
    return sorted(views, key=lambda item: (item[0].manifest is not None, item[1].workspace or ""))


def _view(ending: Ending) -> RepositoryView:
    entries = tuple(map(_entry, ending.state.attachments, ending.listed))
    # Attachments that no manifest lists come first, so that the later side of a collision is an entry.
    entries = tuple(sorted(entries, key=lambda entry: entry.position is not None))
    spec = ending.state.spec
    return RepositoryView(*ending.key, spec["endpointType"], spec["mode"], entries, ending.manifest)


def _entry(item: Attachment, index: int | None) -> Entry:
    return Entry(
        index, item.identity, comparable(item.identity), item.label, item.id, item.folder or "", bool(item.master)
    )


def _unlisted(finding: Finding) -> bool:
    """Whether a finding involves an attachment that is not in the manifests (those that are were judged offline)."""
    spots = [finding.spot, *(r.spot for r in finding.related)]
    return any(s is None or s.pointer[:2] != ("spec", "resources") for s in spots)


def _as_forecast(finding: Finding) -> Finding:
    hint = f"{finding.hint} ({finding.rule}; part of it is on the platform only)" if finding.hint else finding.rule
    return finding._replace(rule="GW504", message=f"{finding.message} ({finding.rule})", hint=hint)
