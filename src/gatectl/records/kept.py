"""What of an object's state is kept with its owner: the normal form, field by field, and nothing else.

Law: what is not named here is not kept, whoever hands it in; so nothing secret is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from gatectl.documents.plans import Resource, State
from gatectl.kinds import KINDS
from gatectl.resources import RESOURCE_NAMES

_RESOURCE: Final = ("type", *RESOURCE_NAMES, "provider", "endpoint", "label", "id", "folder", "master")


def kept_state(kind: str, state: State) -> State:
    """What is kept of the state of an object of a kind."""
    fields = KINDS[kind].paths if kind in KINDS else ()
    kept: State = {"spec": {name: value for name, value in state["spec"].items() if name in fields}}
    if "attachments" in state:
        kept["attachments"] = [_resource(item) for item in state["attachments"]]
    return kept


def _resource(item: Mapping[str, object]) -> Resource:
    return cast("Resource", {name: item[name] for name in _RESOURCE if name in item})


def read_kept(value: object) -> State:
    """A state that was kept. Raises ValueError for what is none."""
    if not isinstance(value, dict) or not isinstance(value.get("spec"), dict):
        raise ValueError("its state is none")
    attachments = value.get("attachments", [])
    fine = isinstance(attachments, list) and all(isinstance(each, dict) and "type" in each for each in attachments)
    if not fine or not all(isinstance(each, str) for each in value["spec"].values()):
        raise ValueError("its state is none")
    return cast("State", value)
