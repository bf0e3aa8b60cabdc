"""Whose runs are added to and read: a project and an environment, and the place that they are applied from.

A project without a `uid` is known by its name and its place, so that two of one name in one store are two (product.md, section 6,
*Owner*).
"""

from __future__ import annotations

import os

from gatectl.clock import Deadline
from gatectl.documents.plans import Records
from gatectl.files.fences import PROJECT_FILE
from gatectl.manifests.commits import origin_of
from gatectl.network.addresses import remote_name
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Connection
from gatectl.project import Environment, Project
from gatectl.records.chosen import choose, is_file, is_thrown_away
from gatectl.records.interface import HistoryReader, Scope


def scope_of(project: Project, environment: Environment, connection: Connection) -> Scope:
    """Whose runs those of a project and its environment are, in the store of this connection. Raises as `place_of`."""
    return Scope(project.name, project.uid, environment.name, place_of(project, connection))


def place_of(project: Project, connection: Connection) -> str | None:
    """Where a project is applied from: the remote `origin` and the project file's path from the top of the checkout.

    Without git, or without `origin`, it is the file's own path, where the store is a file of this machine, or a snapshot; else
    None: there is nothing that another machine would call it by. Of a commit that was written out whoever did so says it. Raises
    UsageError for a store that cannot be, DeadlinePassed.
    """
    if project.exported is not None:
        return project.exported.place
    if project.given is not None:
        return None
    file = project.file or project.folder / PROJECT_FILE
    found = origin_of(project.folder, file, Deadline(connection.ends, connection.clock), project.environ)
    if found is not None:
        return _text(f"{remote_name(found.url)}//{found.path}")
    if driver_for(connection.target).writable and not is_file(connection, choose(connection)):
        return None
    return _text(os.path.join(os.path.realpath(file.parent), file.name))


def where_kept(connection: Connection, history: HistoryReader) -> Records | None:
    """The store of the runs, as a plan names it; None where that is the platform's own database. A shared one is asked whether it
    is there: who plans has to be let in. `history`: what was opened there. Raises UsageError."""
    chosen = choose(connection)
    if chosen.scheme == "platform":
        return None
    found: Records = {"store": chosen.name}
    if chosen.shared:
        if history.instance is None:
            found["new"] = True
    elif driver_for(connection.target).records != "platform":  # which has the leases itself
        found["alone"] = True
    if is_thrown_away(connection, chosen):
        found["thrownAway"] = True
    return found


def _text(path: str) -> str:
    """A path as every database takes it: of other bytes than UTF-8 it is spelled out."""
    return path.encode("utf-8", "backslashreplace").decode()
