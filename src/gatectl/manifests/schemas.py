"""The schemas of the kinds, ready to use: a process reads and compiles them once, however often it reads manifests."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gatectl.kinds import KINDS
from gatectl.manifests.sources import read_schema
from gatectl.manifests.validate import Checker, make_checker


def checker() -> Checker:
    """What documents of any kind are held against. Raises InputError where the installation lacks a schema."""
    return _checker(tuple((kind.name, kind.schema) for kind in KINDS.values()))


def explained() -> Mapping[str, Mapping[str, Any]]:
    """The schemas of all that users write, by kind: of manifests, the project file and the fleet file."""
    files = {name: read_schema(name.lower()) for name in ("Project", "Fleet")}
    return {row.name: read_schema(row.schema) for row in KINDS.values()} | files


@lru_cache(maxsize=2)
def _checker(kinds: tuple[tuple[str, str], ...]) -> Checker:
    return make_checker({name: read_schema(schema) for name, schema in kinds})
