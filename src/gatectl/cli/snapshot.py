"""`gatectl snapshot`: what a plan would read of the platform, as one file without secrets."""

from __future__ import annotations

import shlex
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from gatectl import clock
from gatectl.cli.options import Globals, command, connection_of, deadline_option, environment_of, load_project
from gatectl.documents.snapshots import Snapshot
from gatectl.errors import DONE, UsageError
from gatectl.files import outputs
from gatectl.planning.current import read_current, read_workspaces
from gatectl.platforms import driver_for, snapshot
from gatectl.platforms.interface import Reader
from gatectl.quote import json_text, safe
from gatectl.records import read_records


@command("snapshot")
@click.option("--out", metavar="FILE", help="Save it, for plan --against FILE.")
@deadline_option
def COMMAND(options: Globals, out: str | None, deadline: float) -> int:  # noqa: N802 - the table's word
    """Save what a plan would read of the platform, for plan --against FILE where the platform cannot be reached.

    Of the workspace of --workspace; without it, of all that are visible. It holds neither keys nor secrets, but names:
    treat it as you treat the manifests.
    """
    console = options.console()
    project = load_project(options)
    environment = environment_of(project, options)
    connection = connection_of(project, environment, ends=clock.current().now() + deadline)
    if out is not None:
        outputs.check(out)
    reader = driver_for(environment.platform).open_reader(connection)
    try:
        chosen = _chosen(reader, options.workspace)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with closing(read_records(connection, reader)) as records:
            applied = records.applied(project.name)
        taken = snapshot.take(reader, project.name, applied, chosen, now)
        _read_back(taken)
    finally:
        reader.close()
    text = json_text(taken)
    if out is None:
        console.result(text)
        return DONE
    outputs.write(out, text + "\n", private=True)
    count = sum(len(found or ()) for lists in taken["contents"].values() for found in lists.values())
    spaces = len(taken["contents"])
    where = f"{spaces} workspace{'' if spaces == 1 else 's'}"
    console.info(f"snapshot of {where}, {count} objects, saved: gatectl plan --against {safe(shlex.quote(out))}")
    return DONE


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
        listed = ", ".join(sorted(visible.by_name)) or "none"
        raise UsageError(f"there is no workspace '{wanted}'", f"visible: {listed}")
    return found
