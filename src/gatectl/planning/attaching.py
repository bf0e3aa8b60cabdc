"""The attachments of a repository, as they will be and as they are: what is attached, detached and kept (GW505 for folders)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gatectl.kinds.states import attachment_token
from gatectl.model import Attachment, FieldChange, Finding, Spot
from gatectl.planning.match import Pair
from gatectl.planning.resolve import Resolved, attached, words
from gatectl.quote import quote
from gatectl.resources import folder_key, is_exposed


class Listed(NamedTuple):
    """An attachment that a manifest lists: as it is (None: not attached yet), and as it will be.

    `moved`: the manifest wants another folder than the live one, which stays.
    """

    resolved: Resolved
    before: Attachment | None
    after: Attachment
    moved: bool


class Compared(NamedTuple):
    """The attachments of a repository: those that its manifest lists, what is detached, and what is kept.

    What a repository of policy Additive attaches and its manifest does not list is kept, and so is what its endpoint could
    not expose (product.md, section 3).
    """

    listed: tuple[Listed, ...]
    detach: tuple[Attachment, ...]
    keep: tuple[Attachment, ...]

    @property
    def attach(self) -> tuple[Attachment, ...]:
        return tuple(each.after for each in self.listed if each.before is None)

    @property
    def final(self) -> tuple[Attachment, ...]:
        """All of them in the end, what is listed first."""
        return (*(each.after for each in self.listed), *self.keep)

    @property
    def positions(self) -> tuple[int | None, ...]:
        """Which entry of the manifest lists each of them."""
        return (*(each.resolved.entry.position for each in self.listed), *(None for _ in self.keep))

    def masters(self) -> Iterator[FieldChange]:
        """Those that become masters, or cease to be."""
        for _, before, after, _ in self.listed:
            if before is not None and before.master != after.master:
                yield f"/spec/resources/{attachment_token(before)}/master", before.master, after.master


def compare(pair: Pair, resolved: Sequence[Resolved], endpoint: str) -> Compared:
    """What the entries of a repository come to, beside what is attached."""
    held = {a.id: a for a in pair.live.attachments} if pair.live is not None else {}
    listed = [_listed(item, held.pop(item.id, None) if item.id is not None else None) for item in resolved]
    if not held:
        return Compared(tuple(listed), (), ())
    exact = pair.manifest.policy == "Exact" and pair.manifest.entries is not None
    detach = tuple(a for a in held.values() if exact and is_exposed(a.type, endpoint))
    return Compared(tuple(listed), detach, tuple(a for a in held.values() if a not in detach))


def _listed(item: Resolved, before: Attachment | None) -> Listed:
    after = attached(item, before)
    if before is None:
        return Listed(item, None, after, False)
    if before.folder == after.folder:  # as nearly all are
        return Listed(item, before, after, False)
    moved = folder_key(before.folder) != folder_key(after.folder)
    return Listed(item, before, after._replace(folder=before.folder), moved)


def check_folders(pair: Pair, compared: Compared) -> Iterator[Finding]:
    """GW505 where the manifest wants another folder than the live one (U8)."""
    for item, _, after, moved in compared.listed:
        if moved:
            yield Finding(
                "GW505",
                f"the folder of {words(item.identity)} is '{quote(after.folder)}' on the platform and cannot be changed to"
                f" '{quote(item.entry.folder)}'",
                "detach it first (Exact, without this entry), apply, then attach it with the new folder; or keep the live one",
                spot=Spot(pair.manifest.document, ("spec", "resources", item.entry.position or 0, "folder")),
                subject=pair.manifest.subject,
            )
