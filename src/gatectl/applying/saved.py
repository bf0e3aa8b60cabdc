"""Saved plans and receipts, read back and believed only after they were checked.

This is the one place where bytes become a `Plan` or a `Receipt`: after the schema of the document was held against them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, cast

from gatectl.applying.soundness import unsound
from gatectl.documents import plans, receipts
from gatectl.documents.plans import Plan, digest, fingerprint
from gatectl.documents.receipts import Receipt
from gatectl.errors import InputError
from gatectl.files.packing import LARGEST, read_json, unpacked
from gatectl.manifests import schemas, sources
from gatectl.quote import quote

Kind = Literal["plan", "receipt"]

_READ: Final[Mapping[Kind, Sequence[str]]] = {
    "plan": (plans.OLD_VERSION, plans.FORMAT_VERSION),
    "receipt": receipts.READABLE,
}
"""The versions of each document that are read."""

_AGAIN: Final = "make it again: gatectl plan --out FILE"


def read_saved(path: str) -> Plan | Receipt:
    """A saved plan or receipt. Raises InputError for a file that is neither, or not as it was written."""
    return checked(path, sources.read_file(Path(path), LARGEST).content)


def as_receipt(document: Plan | Receipt) -> Receipt | None:
    """The document, if it is a receipt."""
    return None if "operations" in document else document


def checked(path: str, content: bytes) -> Plan | Receipt:
    """The plan or receipt that these bytes are; `path` is what messages call them. Raises InputError as `read_saved`."""
    document = _read(path, content)
    kind: Kind = "plan" if "operations" in document else "receipt"
    version = document.get("formatVersion")
    if version not in _READ[kind]:
        raise InputError(
            f"{quote(path)} has the format version '{quote(version)}', this gatectl reads {' and '.join(_READ[kind])}",
            _AGAIN,
        )
    _check_shape(path, kind, document)
    if kind == "plan":
        return _believed(path, cast("Plan", document))
    if "plan" in document:
        _check_shape(path, "plan", document["plan"])
    return cast("Receipt", document)


def _read(path: str, content: bytes) -> Mapping[str, object]:
    """What a file holds that may be a plan or a receipt. Raises InputError for any other."""
    try:
        content = unpacked(content)
    except ValueError as error:
        raise InputError(f"{quote(path)} cannot be unpacked: {error}", _AGAIN) from error
    try:
        document = read_json(content)
    except ValueError as error:
        raise InputError(f"{quote(path)} is not JSON", _AGAIN) from error
    if not isinstance(document, dict) or not ({"operations", "outcomes"} & document.keys()):
        raise InputError(f"{quote(path)} is neither a plan nor a receipt", _AGAIN)
    return document


def _believed(path: str, plan: Plan) -> Plan:
    """The plan, if it is as it was written, and one that gatectl could have written. Raises InputError."""
    if digest(plan) != plan["digest"] or fingerprint(plan) != plan["fingerprint"]:
        raise InputError(f"{quote(path)} was changed after it was written: its digest does not match", _AGAIN)
    problem = unsound(plan, _fits())
    if problem is not None:
        raise InputError(f"{quote(path)} is not a plan that gatectl made: {quote(problem)}", _AGAIN)
    return plan


def _fits() -> Callable[[str, Mapping[str, object]], bool]:
    checker = schemas.checker()
    return lambda kind, data: bool(checker.quick[kind].is_valid(data))


def _check_shape(path: str, kind: Kind, document: object) -> None:
    import jsonschema_rs

    old = kind == "plan" and isinstance(document, dict) and document.get("formatVersion") == plans.OLD_VERSION
    schema = sources.read_schema("plan-1.0" if old else kind)
    try:
        fits = jsonschema_rs.Draft202012Validator(dict(schema)).is_valid(document)
    except (ValueError, TypeError, OverflowError):
        fits = False  # it holds what no plan does: half a character, say, or lists in lists without end
    if not fits:
        raise InputError(f"{quote(path)} is not a {kind} of this gatectl", _AGAIN)


def read_plan(path: str) -> Plan:
    """A saved plan. Raises InputError for a file that is none, or not as it was written."""
    return _only_plan(path, read_saved(path))


def checked_plan(path: str, content: bytes) -> Plan:
    """The plan that these bytes are. Raises InputError as `read_plan`."""
    return _only_plan(path, checked(path, content))


def _only_plan(path: str, document: Plan | Receipt) -> Plan:
    if "operations" not in document:
        raise InputError(f"{quote(path)} is a receipt, not a plan", _AGAIN)
    return document
