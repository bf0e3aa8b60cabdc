"""The nouns: values only, immutable, known to every other module. This module imports nothing of ours but `quote`
and `resources`, and does no I/O.

    bytes → Document → Manifest → Desired ┐
                                          ├→ Change → Plan → Outcome
    wire  → Live → Current ───────────────┘

*Repository* always means the platform's kind; git's side is "manifests" or "checkout".
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypedDict

from gatectl.quote import quote
from gatectl.resources import Identity, is_placed, registrar_of

Severity = Literal["error", "warning"]
Action = Literal["create", "update", "delete"]
Risk = Literal["none", "widens", "destructive"]
Status = Literal["done", "already", "conflict", "failed", "blocked", "not-started", "unknown"]

Pointer = tuple["str | int", ...]
"""A JSON pointer as its parts: ("spec", "resources", 0, "bucket")."""

Spec = Mapping[str, Any]
"""A mapping read from a manifest; never written to."""

Fields = Mapping[str, str]
"""The fields of an object in its normal form: plain text, "" where it has none."""


class SecretReference(TypedDict, total=False):
    """Where a secret is: in a variable, or in a file. One of the two."""

    env: str
    file: str


class CredentialReferences(TypedDict, total=False):
    """The credentials of a bucket or an LLM: references, or the provider API key of a name, in a plan with its `id`."""

    key: SecretReference
    secret: SecretReference
    apiKey: str
    id: str


FieldValue = str | bool | CredentialReferences | None
"""The value of a field that changes: a text, whether an attachment is a master, or credentials; None where there is none."""

FieldChange = tuple[str, FieldValue, FieldValue]
"""A field that changes: its path in the manifest, and its value before and after."""


class Place(NamedTuple):
    """A stretch of a file, lines and columns from 1; the end is just behind the last character."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class SourceFile(NamedTuple):
    """The bytes of one input. `path` is absolute, or "-" for standard input, and `here` then the folder that it was read in."""

    path: str
    content: bytes
    here: str = ""

    @property
    def folder(self) -> str:
        """What paths in it are relative to."""
        return self.here or posixpath.dirname(self.path)


class Document(NamedTuple):
    """One YAML document, parsed but not yet believed. `number` counts the documents of its file from 0."""

    file: SourceFile
    number: int
    line: int
    column: int
    data: Any


class Spot(NamedTuple):
    """Something in a document that a finding is about: a value, or with `on="key"` the key that holds it."""

    document: Document
    pointer: Pointer = ()
    on: Literal["value", "key"] = "value"


class ObjectKey(NamedTuple):
    """Identity: a manifest and a live object are the same when these three are (product.md, section 1)."""

    kind: str
    workspace: str | None
    name: str

    def __str__(self) -> str:
        name = quote(self.name) if self.workspace is None else f"{quote(self.workspace)}/{quote(self.name)}"
        return f"{quote(self.kind)} {name}"


class Related(NamedTuple):
    """The other side of a finding: where (None for a live object, which has no place in a file) and what."""

    spot: Spot | None
    message: str
    place: Place | None = None


class Finding(NamedTuple):
    """One of the user's mistakes, as data.

    `spot` says what it is about; `place` where that is in a file, worked out by `places.locate` for those findings that do
    not already know. `subject` is the (kind, workspace, name) of the manifest, as far as it can be read. `about` names the
    repositories that a finding of a namespace rule involves, by (workspace, name).
    """

    rule: str
    message: str
    hint: str | None = None
    severity: Severity = "error"
    spot: Spot | None = None
    place: Place | None = None
    subject: tuple[str | None, str | None, str | None] | None = None
    related: tuple[Related, ...] = ()
    about: tuple[tuple[str | None, str | None], ...] = ()


class Entry(NamedTuple):
    """A resource of a repository: an entry of a manifest, as far as it can be read, or a live attachment.

    `key` is the identity as it is compared: lower-cased for storage, exact for LLMs and packets. `position` is its place in
    `spec.resources`, None for what is attached live and not listed. `folder` and `master` are None where not stated.
    """

    position: int | None
    identity: Identity
    key: Identity
    label: str | None
    id: str | None
    folder: str | None
    master: bool | None

    @property
    def type(self) -> str:
        return self.identity[0]


class Manifest(NamedTuple):
    """A document of a known kind. `valid` says that it fits its schema; if not, what can be read of it is still here.

    `workspace` is None where the manifest names none and none is known from elsewhere. `entries` is None where the
    manifest has no (readable) list of resources. `renamed_from` is what its object was called before.
    `protect`: whether it is protected from deleting and detaching (None: that is not said, and stays as it is on record).
    """

    kind: str
    workspace: str | None
    name: str | None
    id: str | None
    labels: Mapping[str, str]
    spec: Spec
    entries: tuple[Entry, ...] | None
    valid: bool
    document: Document
    renamed_from: str | None = None
    protect: bool | None = None

    @property
    def subject(self) -> tuple[str | None, str | None, str | None]:
        return (self.kind, self.workspace, self.name)

    @property
    def policy(self) -> str:
        """What becomes of what it does not list: Additive or Exact, where it is valid."""
        return str(self.spec.get("attachmentPolicy", "Additive"))

    @property
    def credentials(self) -> CredentialReferences | None:
        """The credentials of a valid manifest, where it has some."""
        found: CredentialReferences | None = self.spec.get("credentials")
        return found


class Desired(NamedTuple):
    """All that the manifests say, in the order in which they were read."""

    manifests: tuple[Manifest, ...]

    def of(self, kind: str) -> Sequence[Manifest]:
        return [m for m in self.manifests if m.kind == kind]


class Attachment(NamedTuple):
    """How a resource is attached to a repository, resolved: the values that are compared, hashed and sent.

    `id` is None for a resource that the same run creates. `label` is None for LLMs and packets. `folder` and `master` are
    None where the type has none.
    """

    identity: Identity
    label: str | None
    id: str | None
    folder: str | None
    master: bool | None

    @property
    def type(self) -> str:
        return self.identity[0]

    def registered(self, workspace: str | None) -> ObjectKey:
        """The object of a workspace that registers what is attached: an LLM has its name there, storage its label."""
        name = (self.label or "") if is_placed(self.type) else self.identity[-1]
        return ObjectKey(registrar_of(self.type), workspace, name)


class State(NamedTuple):
    """An object's normal form, whole: its fields, and what it attaches. What a manifest comes to, what is live and what was
    applied are states, which is why they can be compared, hashed and led back to."""

    spec: Fields
    attachments: tuple[Attachment, ...] = ()


class Live(NamedTuple):
    """A live object: its normal form, and the wire object that it was read from."""

    key: ObjectKey
    id: str
    state: State
    wire: Mapping[str, Any]

    @property
    def spec(self) -> Fields:
        return self.state.spec

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return self.state.attachments


class Change(NamedTuple):
    """What is to be done to one object, and why. Data, not a closure; `plan.make_plan` turns it into an operation.

    `fields` are (path in the manifest, before, after); `before` and `after` the normal forms (None: no such object).
    `releases` is what other repositories may attach once this is done; `needs` the objects that have to exist before.
    `api_keys` counts those that reach what is attached, and die with a repository. `besides` are the (label, id) of the live
    buckets that have the same remote identity as one that is to be registered. `protect` is what its manifest says of that (None: nothing).
    """

    action: Action
    key: ObjectKey
    id: str | None
    reason: str
    fields: tuple[FieldChange, ...]
    attach: tuple[Attachment, ...]
    detach: tuple[Attachment, ...]
    keep: tuple[Attachment, ...]
    before: State | None
    after: State | None
    widens: bool
    releases: tuple[Attachment, ...]
    needs: frozenset[ObjectKey]
    document: Document | None
    api_keys: int = 0
    besides: tuple[tuple[str, str], ...] = ()
    protect: bool | None = None


class Outcome(NamedTuple):
    """What became of one operation. `settled` is the id of a twin that this run made and removed again."""

    id: str
    status: Status
    platform_id: str | None = None
    attempts: int = 0
    error: tuple[str, str] | None = None
    settled: str | None = None
