"""What a pipeline gets of a plan: values for the steps that follow, as GitHub's outputs or as a dotenv file. Pure.

Also in a pipeline's language: how much of a step's summary is still free.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gatectl.documents.plans import Plan, is_invalid
from gatectl.errors import CHANGES, DESTRUCTIVE_CHANGES, DONE, INVALID

SUMMARY_BYTES: Final = 1024 * 1024
"""What GitHub shows of the summary of one step; beyond it, it shows nothing."""


def exit_code(plan: Plan) -> int:
    """The exit code that a plan means with --detailed-exitcode."""
    if is_invalid(plan):
        return INVALID
    if not plan["operations"]:
        return DONE
    destructive = any(operation["risk"] == "destructive" for operation in plan["operations"])
    return DESTRUCTIVE_CHANGES if destructive else CHANGES


def outputs(plan: Plan) -> dict[str, str]:
    """Names and values for later steps: how many changes of which sort, what an approval approves, and how it ended."""
    summary = plan["summary"]
    return {
        "changes": str(len(plan["operations"])),
        "creates": str(summary["create"]),
        "updates": str(summary["update"]),
        "deletes": str(summary["delete"]),
        "detaches": str(summary["detach"]),
        "fingerprint": str(plan["fingerprint"]),
        "exitcode": str(exit_code(plan)),
    }


def github_outputs(values: Mapping[str, str]) -> str:
    """Lines for the file that GITHUB_OUTPUT names. A value of several lines gets a delimiter that is in none of them."""
    return "".join(_github_output(name, value) for name, value in values.items())


def _github_output(name: str, value: str) -> str:
    if not re.search(r"[\r\n]", value):
        return f"{name}={value}\n"
    delimiter = "gatectl"
    while delimiter in value:
        delimiter += "_"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def dotenv(values: Mapping[str, str]) -> str:
    """Lines for a dotenv report of GitLab, each name with our prefix. It has no form for values of several lines."""
    return "".join(f"GATECTL_{name.upper()}={' '.join(value.splitlines())}\n" for name, value in values.items())


def summary_budget(written: int) -> int:
    """How many bytes a step's summary may still take, when so many are in the file."""
    return SUMMARY_BYTES - written - 2
