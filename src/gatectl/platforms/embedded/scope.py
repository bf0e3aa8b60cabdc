"""Which repositories a list is about: those of a workspace, one alone, or all.

Law: only the narrowing of statements; what is selected is the caller's business.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Select

from . import tables

_t = tables.repositories.c


class Scope(NamedTuple):
    """The repositories of a workspace, the one, or (both None) all."""

    workspace_id: str | None = None
    repository_id: str | None = None


def of_repositories(statement: Select[Any], scope: Scope) -> Select[Any]:
    """A statement over repositories, narrowed."""
    if scope.repository_id is not None:
        return statement.where(_t.id == scope.repository_id)
    return statement if scope.workspace_id is None else statement.where(_t.workspace_id == scope.workspace_id)


def of_their_parts(statement: Select[Any], repository_id: Any, scope: Scope) -> Select[Any]:
    """A statement over what belongs to repositories (`repository_id`: the column that says to which), narrowed."""
    if scope.repository_id is not None:
        return statement.where(repository_id == scope.repository_id)
    if scope.workspace_id is None:
        return statement
    return statement.join(tables.repositories, repository_id == _t.id).where(_t.workspace_id == scope.workspace_id)
