"""What an output format is: a module with functions from documents to text.

`RENDERER` names the documents it can show: `findings` (what validate prints), `plan`, `receipt`, and `failure` (why a
command failed); a function that is None says that the format does not show such a document. Rendering is pure: no file,
no terminal, no clock; what a format may know of the files comes in as a value, `Look.files`.

A new format is one module beside this one and one line in the table of `render/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gatectl.documents.findings import Failure, Findings
    from gatectl.documents.plans import Plan
    from gatectl.documents.receipts import Receipt
    from gatectl.graph.values import Graph
    from gatectl.rules.interface import Rule

Lines = Callable[[str], Sequence[str] | None]
"""The lines of a file, by the name that the document has for it; None: they are not known."""


class Files(NamedTuple):
    """What a format may know of the files that were read, named as in the document.

    `root` is the folder that names are relative to, absolute and with "/" (None: unknown). `home` is where a format that
    must have a place puts what has none.
    """

    names: Sequence[str] = ()
    root: str | None = None
    home: str = "gatectl.yaml"
    lines: Lines | None = None


class Look(NamedTuple):
    """How text is to look: with colours, for how many columns, and how much to say (-1 quiet, 0, 1 verbose).

    `rules` are the rules, for formats that explain what they report.
    `budget` is how many bytes a format for comments may take; `environment` names the platform in its heading ("": it is
    not known). `declared` gives the graph of all manifests (None where it cannot be had), for a
    format that draws what a plan touches.
    """

    color: bool = False
    width: int = 100
    verbosity: int = 0
    files: Files = Files()
    rules: Sequence[Rule] = ()
    budget: int = 65_536
    environment: str = ""
    declared: Callable[[], Graph | None] | None = None


class Renderer(NamedTuple):
    """One row of the table of formats.

    `machine` says that the text is one document for programs; `failure` shows why a command failed (`documents.findings.Failure`)
    where the format has a form for it; `checkout` that files are named relative to the top of the git checkout;
    `commands` that its lines are commands for a runner on purpose (where they are not, none of its lines becomes one).
    """

    findings: Callable[[Findings, Look], str] | None
    plan: Callable[[Plan, Look], str] | None
    receipt: Callable[[Receipt, Look], str] | None
    machine: bool
    failure: Callable[[Failure, Look], str] | None = None
    checkout: bool = False
    commands: bool = False
