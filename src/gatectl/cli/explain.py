"""`gatectl explain FIELD-OR-RULE`."""

from __future__ import annotations

import click

from gatectl.cli.options import Globals, command, offers
from gatectl.errors import DONE
from gatectl.explain import explain
from gatectl.kinds import KINDS
from gatectl.manifests.sources import read_schema


@command("explain")
@click.argument("topic", metavar="FIELD-OR-RULE", shell_complete=offers("topics"))
def COMMAND(options: Globals, topic: str) -> int:  # noqa: N802 - the table's word
    """Explain a field (repository.spec.resources) or a rule (GW301)."""
    console = options.console()
    schemas = {row.name: read_schema(row.schema) for row in KINDS.values()} | {"Project": read_schema("project")}
    console.result(explain(topic, schemas, console.look().width))
    return DONE
