"""`gatectl schema [KIND]`: the JSON Schema that manifests are held against."""

from __future__ import annotations

import click

from gatectl.cli.options import Globals, command, offers
from gatectl.errors import DONE, UsageError
from gatectl.kinds import KINDS
from gatectl.manifests.editor_schema import combine
from gatectl.manifests.sources import read_schema
from gatectl.quote import json_text

DOCUMENTS = ("project", "fleet", "plan", "receipt", "findings", "faults", "why", "status")


@command("schema")
@click.argument("kind", required=False, shell_complete=offers("schemas"))
def COMMAND(options: Globals, kind: str | None) -> int:  # noqa: N802 - the table's word
    """Print a JSON Schema (draft 2020-12): of a KIND; of project, fleet, plan, receipt, findings, faults, why or status; of all kinds."""
    names = {row.name.lower(): row.schema for row in KINDS.values()} | {name: name for name in DOCUMENTS}
    if kind is None:
        document = combine({row.name: read_schema(row.schema) for row in KINDS.values()})
    elif kind.lower() in names:
        document = dict(read_schema(names[kind.lower()]))
    else:
        raise UsageError(f"there is no schema '{kind}'", f"one of: {', '.join([*KINDS, *DOCUMENTS])}")
    options.console().result(json_text(document))
    return DONE
