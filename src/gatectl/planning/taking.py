"""What a plan would read of a platform, taken as a snapshot and read back before anybody relies on it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gatectl.documents.snapshots import Snapshot
from gatectl.errors import UsageError
from gatectl.planning.current import read_current, read_workspaces
from gatectl.platforms import snapshot
from gatectl.platforms.interface import Reader
from gatectl.quote import quote
from gatectl.records.interface import RecordsReader


def take_snapshot(reader: Reader, records: RecordsReader, workspace: str | None) -> Snapshot:
    """The platform as a plan would read it: of one workspace, by name or id, or of all that are visible.

    Raises UsageError for a workspace that is not there, PlatformError for what a plan could not read either.
    """
    chosen = _chosen(reader, workspace)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    taken = snapshot.take(reader, records.owned(), chosen, now)
    _read_back(taken)
    return taken


def _read_back(taken: Snapshot) -> None:
    """Read what is to be saved as a plan would. Raises PlatformError: what a plan could not read is not saved either."""
    reader = snapshot.SnapshotReader(Path("snapshot"), taken)
    visible = read_workspaces(reader)
    names = [visible.by_id[each].key.name for each in taken["contents"]]
    read_current(reader, names, visible, needed=())


def _chosen(reader: Reader, wanted: str | None) -> list[str] | None:
    """The ids of the workspaces to take. Raises UsageError for one that is not there."""
    if wanted is None:
        return None
    visible = read_workspaces(reader)
    found = [live.id for live in visible.by_name.get(wanted, ())] or ([wanted] if wanted in visible.by_id else [])
    if not found:
        listed = ", ".join(map(quote, sorted(visible.by_name))) or "none"
        raise UsageError(f"there is no workspace '{quote(wanted)}'", f"visible: {listed}")
    return found
