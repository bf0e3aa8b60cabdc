"""`gatectl explain FIELD-OR-RULE`."""

from __future__ import annotations

import click

from gatectl.cli.options import Globals, command, offers
from gatectl.errors import DONE
from gatectl.explain import explain
from gatectl.manifests.schemas import explained


@command("explain")
@click.argument("topic", metavar="FIELD-OR-RULE", shell_complete=offers("topics"))
def COMMAND(options: Globals, topic: str) -> int:  # noqa: N802 - the table's word
    """Explain a field (repository.spec.resources) or a rule (GW301)."""
    console = options.console()
    console.result(explain(topic, explained(), console.look().width))
    return DONE
