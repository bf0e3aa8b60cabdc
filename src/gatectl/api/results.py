"""What the library answers with: findings, plans and receipts, each around the document that the command prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

from gatectl.documents import plans, receipts, whose
from gatectl.documents.findings import Finding
from gatectl.quote import json_text
from gatectl.reconcile.execution import Ended
from gatectl.render import render
from gatectl.render.interface import Look

Format = Literal["text", "json", "markdown", "html"]


class Findings(Sequence[Finding]):
    """What is wrong, each as the JSON of product.md, section 3: rule, severity, message, hint, file, line."""

    def __init__(self, items: Sequence[Finding]) -> None:
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> Finding: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...

    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Findings({[item['rule'] for item in self._items]})"

    @property
    def errors(self) -> Sequence[Finding]:
        """Those that make manifests invalid."""
        return [item for item in self._items if item["severity"] == "error"]

    @property
    def ok(self) -> bool:
        """Whether none of them is an error."""
        return not self.errors


class Plan:
    """What would be done (product.md, section 4). `document` is its JSON."""

    def __init__(self, document: plans.Plan) -> None:
        self.document = document

    def to_json(self) -> str:
        """The text that `plan --out` saves."""
        return json_text(self.document)

    def render(self, format_name: Format = "text", width: int = 100) -> str:
        """As the command shows it, without colours; `width` in columns, for text."""
        return render(self.document, format_name, Look(width=width))

    @property
    def operations(self) -> Sequence[plans.Operation]:
        """In the order in which they are applied; each has action, kind, workspace, name, fields, attach, detach, risk."""
        return self.document["operations"]

    @property
    def adopts(self) -> Sequence[plans.Adopted]:
        """The live objects that are taken under management as they are."""
        return self.document["adopts"]

    @property
    def take_over(self) -> Sequence[whose.TakenOver]:
        """The live objects that are somebody else's until this is applied, each with whose (`from`)."""
        return self.document.get("takeOver", ())

    @property
    def accepted(self) -> Sequence[whose.Accepted]:
        """The live objects that are deleted though they were changed since they were applied, each with how (`changed`)."""
        return self.document.get("accepted", ())

    @property
    def moves(self) -> Sequence[whose.Moved]:
        """The owners that this project and environment were before (`from`), each with how many objects an apply moves."""
        return self.document.get("moves", ())

    @property
    def protects(self) -> Sequence[whose.Protects]:
        """What is protected from then on (`protect`), or not any more."""
        return self.document.get("protects", ())

    @property
    def summary(self) -> plans.Summary:
        """How many objects are created, updated, deleted, and how many attachments."""
        return self.document["summary"]

    @property
    def fingerprint(self) -> str:
        """What an approval names: the same for every plan that does the same."""
        return self.document["fingerprint"]

    @property
    def findings(self) -> Findings:
        return Findings(self.document["diagnostics"])

    @property
    def valid(self) -> bool:
        """Whether it may be applied: no finding is an error."""
        return not plans.is_invalid(self.document)

    @property
    def held(self) -> Sequence[plans.Held]:
        """The objects that errors stop, and what needs them: the rest can be applied with `keep_going`."""
        return self.document.get("held", ())

    @property
    def left_out(self) -> Sequence[plans.LeftOut]:
        """The workspaces that errors keep out of it, and those that share something with them: only with `keep_going`."""
        return self.document.get("leftOut", ())

    @property
    def changes(self) -> bool:
        """Whether applying it would do anything."""
        return plans.is_to_apply(self.document)

    def __repr__(self) -> str:
        return f"Plan({[op['id'] for op in self.operations]}, {self.findings!r})"


class Receipt:
    """What an apply did (product.md, section 4). `document` is its JSON, `exit_code` what the command would end with.

    `saved` is where it is kept, `failed` why it could not be saved where it should be, `unrecorded` why the records did not take
    the run.
    """

    def __init__(self, ended: Ended) -> None:
        self.document: receipts.Receipt = ended.receipt
        self.exit_code = ended.code
        self.saved = tuple(ended.saved)
        self.failed = tuple(ended.failed)
        self.unrecorded = ended.unrecorded

    def to_json(self) -> str:
        """The text that `apply --receipt` saves."""
        return json_text(self.document)

    def render(self, format_name: Format = "text", width: int = 100) -> str:
        """As the command shows it, without colours; `width` in columns, for text."""
        return render(self.document, format_name, Look(width=width))

    @property
    def outcomes(self) -> Sequence[receipts.Outcome]:
        """What became of each operation: id, status, platformId, attempts, error."""
        return self.document["outcomes"]

    @property
    def converged(self) -> bool:
        """Whether all reads back as wanted."""
        return self.document["converged"]

    def __repr__(self) -> str:
        return f"Receipt({ {o['id']: o['status'] for o in self.outcomes} }, converged={self.converged})"
