"""Which workspaces stand by themselves: what errors leave to be planned, where `--keep-going` asks for the rest. Pure.

An error lies in the workspaces that its manifests say they are in. One that lies in none that can be told (a file that
cannot be read, a manifest that does not say where it belongs) may be about any of them, and then there is no rest.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from gatectl.kinds import KINDS
from gatectl.model import Desired, Document, Finding, Manifest, ObjectKey, Pointer, Spot
from gatectl.planning.current import Current
from gatectl.planning.manageable import is_holding
from gatectl.quote import quote

_ANYWHERE: Final = frozenset(("GW304",))
"""Of two manifests for one object, one may be meant for another workspace."""

_HEAD: Final = frozenset((("apiVersion",), ("kind",)))
_INSIDE: Final = frozenset((("metadata", "name"), ("metadata", "id"), ("metadata", "labels")))
"""What of a manifest may be wrong without a doubt about where it belongs, though it does not say that."""

Homes = Mapping[tuple[str, int], Manifest]
"""The manifests by their file and their place in it."""


class Shared(NamedTuple):
    """What connects two workspaces, so that neither is planned without the other."""

    one: str
    other: str
    what: str


class LeftOut(NamedTuple):
    """A workspace that is left out of a plan: how many errors lie in it, and with none, why it is left out all the same."""

    workspace: str
    errors: int
    reason: str | None


class Parts(NamedTuple):
    """What is declared, what connects its workspaces, and which of them are left out, each with why (None: its own errors)."""

    wanted: Desired
    shared: Sequence[Shared] = ()
    left: Mapping[str, str | None] = {}

    def but(self, findings: Iterable[Finding]) -> Parts | None:
        """Without the workspaces that errors lie in, and those that share something with them. None where there is no rest:
        an error cannot be placed, or nothing that is declared would be left."""
        struck = self._struck(findings)
        if struck is None:
            return None
        apart = self._replace(left=_spread({**self.left, **dict.fromkeys(struck)}, self.shared))
        return apart if apart.rest.manifests or not apart.left else None

    def _struck(self, findings: Iterable[Finding]) -> set[str] | None:
        homes = _homes(self.wanted)
        struck: set[str] = set()
        for finding in findings:
            if finding.severity == "error" and not is_holding(finding.rule):
                lies = _lies_in(finding, homes)
                if lies is None:
                    return None
                struck |= lies
        return struck

    @property
    def rest(self) -> Desired:
        """The manifests that are planned."""
        return self.of(self.wanted)

    def of(self, desired: Desired) -> Desired:
        """Those of the manifests that are in no workspace that is left out."""
        return (
            Desired(tuple(m for m in desired.manifests if workspace_of(m) not in self.left)) if self.left else desired
        )

    def live(self, current: Current) -> Current:
        """The platform without what the workspaces hold that are left out."""
        if not self.left:
            return current
        states = {name: state for name, state in current.states.items() if name not in self.left}
        return current._replace(states=states)

    def about(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that lie in workspaces that are left out."""
        homes = _homes(self.wanted)
        return [f for f in findings if not self.left.keys().isdisjoint(_lies_in(f, homes) or ())]

    def told(self, findings: Sequence[Finding]) -> list[LeftOut]:
        """Each workspace that is left out, with the number of its errors among all that was found."""
        homes = _homes(self.wanted)
        errors = [_lies_in(f, homes) or () for f in findings if f.severity == "error"]
        counts = {name: sum(name in lies for lies in errors) for name in self.left}
        return [LeftOut(name, counts[name], None if counts[name] else self.left[name]) for name in sorted(self.left)]


def connected(wanted: Desired, current: Current | None = None) -> list[Shared]:
    """What connects the workspaces of the manifests: names that only case tells apart, and what lies in one and is named by its
    id, or attached, in another. Without the platform (`current`) only names are known."""
    names = sorted({home for m in wanted.manifests if (home := workspace_of(m)) is not None})
    first: dict[str, str] = {}
    found = [Shared(first[n.lower()], n, "its name") for n in names if first.setdefault(n.lower(), n) != n]
    if current is not None:
        owners = {live.id: live.key for live in current.lives()}
        found += dict.fromkeys(_crossing(_uses(wanted, current), owners, frozenset(names)))
    return found


def _uses(wanted: Desired, current: Current) -> Iterator[tuple[str | None, str | None]]:
    """The ids that are named or attached, each with the workspace in which it is."""
    for manifest in wanted.manifests:
        home = workspace_of(manifest)
        yield home, manifest.id
        yield from ((home, entry.id) for entry in manifest.entries or ())
    for live in current.attaching():
        yield from ((live.key.workspace, item.id) for item in live.attachments)


def _crossing(
    uses: Iterable[tuple[str | None, str | None]], owners: Mapping[str, ObjectKey], names: Container[str | None]
) -> Iterator[Shared]:
    for home, platform_id in uses:
        owner = owners.get(platform_id or "")
        if owner is None or owner.workspace is None or home is None or owner.workspace == home:
            continue
        if home in names and owner.workspace in names:
            yield Shared(home, owner.workspace, str(owner))


def _spread(left: Mapping[str, str | None], shared: Sequence[Shared]) -> dict[str, str | None]:
    """Also the workspaces that share something with one that is left out, each with what."""
    found = dict(left)
    queue = sorted(found)
    for name in queue:  # which grows
        for one, other, what in shared:
            neighbour = other if one == name else one if other == name else None
            if neighbour is not None and neighbour not in found:
                found[neighbour] = f"it shares {what} with workspace {quote(name)}"
                queue.append(neighbour)
    return found


def workspace_of(manifest: Manifest) -> str | None:
    """The workspace that a manifest is in, or that it declares; None where that cannot be told, or it is in none."""
    kind = KINDS[manifest.kind]
    return manifest.workspace if kind.scoped else manifest.name if kind.holds else None


def _homes(wanted: Desired) -> Homes:
    return {_of(m.document): m for m in wanted.manifests}


def _of(document: Document) -> tuple[str, int]:
    return document.file.path, document.number


def _lies_in(finding: Finding, homes: Homes) -> frozenset[str] | None:
    """The workspaces that a finding lies in; None where that cannot be told."""
    spots = [finding.spot, *(related.spot for related in finding.related)]
    found = [_at(spot, homes) for spot in spots if spot is not None]
    found += [workspace for workspace, _ in finding.about]
    if finding.spot is None:
        found.append(finding.subject[1] if finding.subject is not None else None)
    told = frozenset(name for name in found if name is not None)
    return told if len(found) == sum(name is not None for name in found) and finding.rule not in _ANYWHERE else None


def _at(spot: Spot, homes: Homes) -> str | None:
    """The workspace of the manifest at a spot; None where what is wrong there puts that in doubt."""
    manifest = homes.get(_of(spot.document))
    return None if manifest is None or _in_doubt(manifest, spot.pointer) else workspace_of(manifest)


def _in_doubt(manifest: Manifest, pointer: Pointer) -> bool:
    """Whether a mistake here may be one about where the manifest belongs. One that says it is believed."""
    field = "workspace" if KINDS[manifest.kind].scoped else "name"
    if pointer[:1] in _HEAD or pointer[:2] == ("metadata", field):
        return True
    metadata = manifest.document.data.get("metadata")
    stated = type(metadata) is dict and field in metadata
    return not stated and pointer[:1] != ("spec",) and pointer[:2] not in _INSIDE
