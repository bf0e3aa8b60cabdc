"""`gatectl snapshot`: what a plan would read of the platform, as one file without secrets."""

from __future__ import annotations

import shlex

import click

from gatectl.cli.estates import estate_of
from gatectl.cli.options import Globals, command, deadline_option, environment_of, load_project
from gatectl.errors import DONE
from gatectl.files import outputs
from gatectl.quote import json_text, safe


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
    if out is not None:
        outputs.check(out)
    taken = estate_of(project, environment).snapshot(options.workspace, deadline)
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
