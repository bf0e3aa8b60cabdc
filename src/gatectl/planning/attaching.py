"""The attachments of a repository, as they will be and as they are: what is attached, detached and kept (GW505 for folders)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gatectl.kinds.states import attachment_token
from gatectl.model import Attachment, FieldChange, Finding, Spot
from gatectl.planning.match import Pair
from gatectl.planning.resolve import Resolved, declared, filled_in, words
from gatectl.quote import quote
from gatectl.resources import folder_key, is_exposed


class Compared(NamedTuple):
    """The attachments that a manifest lists, as they will be (`listed`), and how they differ from what is attached.

    `masters` are those that become masters, or cease to be. What a repository of policy Additive attaches and its manifest
    does not list is kept, and so is what its endpoint could not expose (product.md, section 3).
    """

    listed: tuple[Attachment, ...]
    attach: tuple[Attachment, ...]
    detach: tuple[Attachment, ...]
    keep: tuple[Attachment, ...]
    masters: tuple[FieldChange, ...]
    findings: tuple[Finding, ...]

    @property
    def final(self) -> tuple[Attachment, ...]:
        return (*self.listed, *self.keep)


def compare(pair: Pair, resolved: Sequence[Resolved], endpoint: str) -> Compared:
    """What the entries of a repository come to, beside what is attached."""
    held = {a.id: a for a in pair.live.attachments} if pair.live is not None else {}
    listed: list[Attachment] = []
    attach: list[Attachment] = []
    masters: list[FieldChange] = []
    findings: list[Finding] = []
    for item in resolved:
        before = held.pop(item.id, None) if item.id is not None else None
        after = filled_in(declared(item), before)
        if before is None:
            attach.append(after)
        else:
            if folder_key(before.folder) != folder_key(after.folder):
                findings.append(_moved(pair, item, before, after))
            after = after._replace(folder=before.folder)
            if before.master != after.master:
                masters.append((f"/spec/resources/{attachment_token(before)}/master", before.master, after.master))
        listed.append(after)
    exact = pair.manifest.spec.get("attachmentPolicy") == "Exact" and pair.manifest.entries is not None
    detach = tuple(a for a in held.values() if exact and is_exposed(a.type, endpoint))
    keep = tuple(a for a in held.values() if a not in detach)
    return Compared(tuple(listed), tuple(attach), detach, keep, tuple(masters), tuple(findings))


def _moved(pair: Pair, item: Resolved, before: Attachment, after: Attachment) -> Finding:
    """GW505 where the manifest wants another folder than the live one (U8)."""
    return Finding(
        "GW505",
        f"the folder of {words(item.identity)} is '{quote(before.folder)}' on the platform and cannot be changed to"
        f" '{quote(after.folder)}'",
        "detach it first (Exact, without this entry), apply, then attach it with the new folder; or keep the live one",
        spot=Spot(pair.manifest.document, ("spec", "resources", item.entry.position or 0, "folder")),
        subject=pair.manifest.subject,
    )
