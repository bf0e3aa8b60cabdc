"""The files that a pipeline's step leaves for people and for later steps, where the CI names them.

GITHUB_STEP_SUMMARY gets the plan or the receipt as markdown, GITHUB_OUTPUT and the dotenv file of GATECTL_DOTENV the
values of `pipeline.outputs`. What cannot be written is a warning: the result of a command does not depend on it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from gatectl.cli.console import Console
from gatectl.errors import GatectlError
from gatectl.files import outputs
from gatectl.pipelines import step_values
from gatectl.quote import quote
from gatectl.render import render
from gatectl.render.interface import Look

if TYPE_CHECKING:
    from gatectl.documents.plans import Plan
    from gatectl.documents.shown import Document


def leave_summary(console: Console, document: Document, environment: str) -> None:
    """Append a plan or a receipt to the summary of this step, if there is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return

    def text() -> str:
        from gatectl.render.markdown import MINIMUM

        budget = step_values.summary_budget(os.path.getsize(path) if os.path.exists(path) else 0)
        if budget < MINIMUM:
            raise OSError(0, "it is full")
        return render(document, "markdown", Look(budget=budget, environment=environment)) + "\n"

    _append(console, "GITHUB_STEP_SUMMARY", path, text)


def leave_outputs(console: Console, plan: Plan) -> None:
    """Append what a plan comes to to the outputs of this step, and to the dotenv file, where there are such."""
    for name, form in (("GITHUB_OUTPUT", step_values.github_outputs), ("GATECTL_DOTENV", step_values.dotenv)):
        path = os.environ.get(name)
        if path:
            _append(console, name, path, functools.partial(form, step_values.outputs(plan)))


def _append(console: Console, name: str, path: str, text: Callable[[], str]) -> None:
    try:
        content = text()
        outputs.append(path, content)
    except GatectlError as error:
        console.warning(f"{quote(name)}: {error.message}")
    except OSError as error:
        console.warning(f"{quote(name)}: {quote(path)} could not be written: {error.strerror or error}")
