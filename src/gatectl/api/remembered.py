"""What is found in the history of runs for the sake of an undo: the receipt of a run, the credentials and the files of what was
deleted."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final, cast

from gatectl.applying.kept import folder_of
from gatectl.applying.leading_back import References, credentialed, written, wrote
from gatectl.applying.saved import as_receipt, checked, read_saved
from gatectl.documents.findings import relative_to
from gatectl.documents.history import RUN
from gatectl.documents.operations import credentials_of, key_of
from gatectl.documents.receipts import Receipt
from gatectl.errors import InputError
from gatectl.kinds import KINDS
from gatectl.manifests import loading
from gatectl.model import CredentialReferences, ObjectKey
from gatectl.planning.plan import placed
from gatectl.platforms import default_workspace_of
from gatectl.reconcile.request import Request
from gatectl.records.interface import HistoryReader, Scope

_LOOKED_AT: Final = 200
"""How many of the runs before are looked through for the credentials of something."""


LAST: Final = "last"
"""What the newest run that changed something may be called instead of its id."""


def run_called(history: HistoryReader, scope: Scope, run: str) -> str:
    """The id of a run, which may be `last`. Raises InputError where no run changed anything."""
    if run != LAST:
        return run
    found = next((entry["run"] for entry in history.runs(scope) if wrote(entry)), None)
    if found is None:
        raise InputError("no run of this environment has changed anything", "gatectl history lists the runs")
    return found


def find_receipt(history: HistoryReader, scope: Scope, run: str, folder: Path | None) -> Receipt | None:
    """The receipt of a run: out of the records, else as the project's folder keeps it (None: it keeps none). None: there is none.

    Raises InputError for one that is not as it was written, PlatformError where the records cannot be read.
    """
    if RUN.fullmatch(run) is None:
        return None
    found = history.receipt(scope, run)
    if found is not None:
        return as_receipt(checked(f"run {run}", found))
    file = folder_of(folder) / f"{run}.json" if folder is not None else None
    return as_receipt(read_saved(str(file))) if file is not None and file.is_file() else None


def references_of(request: Request, receipt: Receipt, history: HistoryReader, scope: Scope) -> References:
    """The credentials of what a run deleted, as references: those of the manifests, else of the run that gave the object its last."""
    gone = {
        (op["kind"], op["workspace"], op["name"]): op["platformId"]
        for op, _ in written(receipt)
        if op["action"] == "delete" and credentialed(op)
    }
    declared = dict(_declared(request)) if gone else {}
    sought = {i for key, i in gone.items() if i is not None and ObjectKey(*key) not in declared}
    sent = _sent(history, scope, receipt, sought) if sought else {}
    return lambda key, platform_id: declared.get(key) or sent.get(platform_id)


def _declared(request: Request) -> Iterator[tuple[ObjectKey, CredentialReferences]]:
    """The credentials that the manifests give, which may be invalid now and tell them all the same."""
    paths = loading.manifest_paths(request.project, request.environment, ())
    workspace = default_workspace_of(request.environment)
    name_file = relative_to(str(request.project.folder))
    for manifest in loading.load(request.project, paths, workspace).desired.manifests:
        if manifest.valid and manifest.name is not None and KINDS[manifest.kind].credentials and manifest.credentials:
            given = placed(manifest.credentials, manifest.document, name_file)
            yield ObjectKey(manifest.kind, manifest.workspace, manifest.name), given


FilesOf = Callable[[Receipt, HistoryReader, Scope], Mapping[ObjectKey, str]]
"""Finds the files that what a run deleted was declared in, as plans name files."""


def no_files(receipt: Receipt, history: HistoryReader, scope: Scope) -> Mapping[ObjectKey, str]:
    """For who does not ask: none."""
    return {}


def files_of(receipt: Receipt, history: HistoryReader, scope: Scope) -> Mapping[ObjectKey, str]:
    """The files that what a run deleted was declared in, as far as the runs before tell: the newest of each."""
    gone = {op["platformId"]: key_of(op) for op, _ in written(receipt) if op["action"] == "delete"}
    found: dict[ObjectKey, str] = {}
    for earlier in _before(receipt, history, scope) if gone else ():
        for op, outcome in written(earlier):
            key = gone.get(outcome["platformId"] or op["platformId"])
            if key is not None and op["source"] is not None:
                found.setdefault(key, op["source"]["file"])
        if len(found) == len(gone):
            break
    return found


def _before(receipt: Receipt, history: HistoryReader, scope: Scope) -> Iterator[Receipt]:
    """The runs before one that changed something, the newest first; so many that it does not take long."""
    earlier = (entry for entry in history.runs(scope) if entry["run"] < receipt["run"] and wrote(entry))
    for entry in islice(earlier, _LOOKED_AT):
        found = find_receipt(history, scope, entry["run"], None)
        if found is not None:
            yield found


def _sent(
    history: HistoryReader, scope: Scope, receipt: Receipt, sought: set[str]
) -> Mapping[str, CredentialReferences]:
    """The credentials that the runs before sent, by the id of the object; the newest of each."""
    found: dict[str, CredentialReferences] = {}
    for earlier in _before(receipt, history, scope):
        found = {**_sent_by(earlier, sought), **found}
        if found.keys() >= sought:
            break
    return found


def _sent_by(receipt: Receipt, sought: Container[str]) -> dict[str, CredentialReferences]:
    found: dict[str, CredentialReferences] = {}
    for op, outcome in written(receipt):
        reference, platform_id = credentials_of(op), outcome["platformId"] or op["platformId"] or ""
        if reference is not None and platform_id in sought:
            # What a description of a provider API key meant by then, it may not mean now.
            told = {name: value for name, value in reference.items() if name != "id"}
            found[platform_id] = cast("CredentialReferences", told)
    return found
