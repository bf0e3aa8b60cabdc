"""Why an object is as it is, and is to be as its manifest says: as `gatectl why --format json` has it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NotRequired, TypedDict

from gatectl.documents.drift import Whose
from gatectl.documents.plans import Commit, Location, Named, Target
from gatectl.documents.receipts import Actor
from gatectl.model import FieldValue
from gatectl.quote import quote

FORMAT_VERSION: Final = "1.0"

By = Literal["manifest", "default", "environment", "platform", "policy", "rule", "nobody"]
"""Who or what decides about a field: the manifest says it; the format's default; the environment, or --workspace; the platform, which
fills in what the manifest leaves out; the attachment policy; a rule, whose finding stops the change; nobody, where no manifest
declares it."""


class Decided(TypedDict):
    """What decides about a field: `words` say how, `rule` which rule, and `source` where."""

    by: By
    words: str
    rule: str | None
    source: Location | None


class FieldWhy(TypedDict):
    """One field, or one attachment, three ways. `whose`: who changed it since it was applied (null: nothing differs)."""

    path: str
    declared: FieldValue
    applied: FieldValue
    live: FieldValue
    whose: Whose | None
    decided: Decided


class Declared(TypedDict):
    """Where the object is declared, and in which commit of the checkout (null: not in git)."""

    source: Location
    commit: str | None
    dirty: bool | None


class Applied(TypedDict):
    """How the object was applied last: by which project, run and commit, when, and by whom. `remembered`: its state is known.
    `adopted`: it was made by somebody else first; `protected`: nothing deletes it, or detaches from it."""

    project: str
    environment: str
    run: str | None
    at: str | None
    by: Actor | None
    commit: str | None
    file: str | None
    ours: bool
    adopted: bool
    protected: bool
    remembered: bool


class Pending(TypedDict):
    """What a plan would do with the object (`action` null: nothing), and why."""

    action: str | None
    reason: str
    risk: str | None


class Wait(TypedDict):
    """Something that a change of the object waits for: a finding that holds it, a guardrail that refuses the plan, a lease that
    somebody has, a run that has not ended."""

    on: Literal["finding", "guardrail", "lease", "run"]
    message: str
    rule: NotRequired[str]
    hint: NotRequired[str | None]
    source: NotRequired[Location]
    run: NotRequired[str | None]
    url: NotRequired[str | None]


class Why(TypedDict):
    """All of it. `read`: the platform was asked; it is not while the manifests have errors."""

    formatVersion: str
    target: Target
    source: Commit
    object: Named
    platformId: str | None
    read: bool
    declared: Declared | None
    applied: Applied | None
    plan: Pending
    waits: Sequence[Wait]
    fields: Sequence[FieldWhy]


def short(path: str) -> str:
    """The path of a field or an attachment as people write it: mode, s3:raw-events."""
    plain = path.removeprefix("/spec/").removeprefix("/metadata/").removeprefix("resources/").replace("/", ".")
    return quote(plain.replace("~1", "/").replace("~0", "~"))
