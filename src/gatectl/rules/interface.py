"""What a rule is: an id, words, and (where it is not found by a step of the flow) a check over a namespace.

A rule that looks inside one repository has `each`; one that compares manifests or repositories has `across`. Both get
values and give findings; neither touches the world. The same checks run twice: offline over what the manifests say, and
in a plan over the final state of the workspace, unmanaged attachments and repositories included (GW504).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from gatectl.model import Entry, Finding, Manifest, Pointer, Related, Severity, Spot
from gatectl.quote import quote
from gatectl.resources import BUCKETS, CONTAINERS, words_of


class RepositoryView(NamedTuple):
    """A repository as the rules see it: of a manifest as far as it can be read, or as it will be in the end.

    `kind` is what whatever attaches is called. `manifest` is None for a live repository that no manifest declares.
    `endpoint_type` and `mode` are None where they cannot be read.
    """

    kind: str
    workspace: str | None
    name: str | None
    endpoint_type: str | None
    mode: str | None
    entries: tuple[Entry, ...]
    manifest: Manifest | None

    @property
    def subject(self) -> tuple[str | None, str | None, str | None]:
        """What a finding about it is about."""
        return (self.kind, self.workspace, self.name)

    def shown(self) -> str:
        if self.name is None:
            return f"a {self.kind} without a name"
        where = f"{quote(self.workspace)}/" if self.workspace else ""
        return f"{self.kind} {where}{quote(self.name)}"


class Namespace(NamedTuple):
    """All that rules may compare. `manifests` is empty where a final state is checked."""

    repositories: Sequence[RepositoryView]
    manifests: Sequence[Manifest]


class Rule(NamedTuple):
    """One row of the table of rules.

    `text` explains the rule to a person; `adjustable` says that a project file may change its severity;
    `names` that it only concerns repositories in which two names are equal; `final` that the final state of a workspace is held
    to it too (GW504); `holding` that its errors stop only their object, and what needs it (product.md, section 6). `bad`
    breaks the rule and nothing else, `good` is the same put right; both leave out what every manifest says alike (`whole`
    adds it), so that they stay short.
    """

    id: str
    title: str
    text: str
    severity: Severity = "error"
    adjustable: bool = False
    names: bool = False
    final: bool = False
    holding: bool = False
    each: Callable[[RepositoryView], Iterable[Finding]] | None = None
    across: Callable[[Namespace], Iterable[Finding]] | None = None
    bad: str = ""
    good: str = ""


def whole(example: str) -> str:
    """An example as the manifests that it is short for; what it leaves out is a Repository `orders` of our apiVersion."""
    return "---\n".join(_whole(part) for part in example.rstrip("\n").split("\n---\n"))


def _whole(part: str) -> str:
    head = "apiVersion: gatectl.io/v1\n"
    if re.match("- |apiVersion:", part):
        return f"{part}\n"
    if re.search("^kind:", part, re.MULTILINE):
        return f"{head}{part}\n"
    rest = "" if "metadata:" in part else "metadata: {name: orders}\n"
    body = "spec: {endpointType: S3}\n" if "spec:" not in part else ""
    return f"{head}kind: Repository\n{rest}{body}{part}\n"


def spot(view: RepositoryView, entry: Entry, *field: str) -> Spot | None:
    """Where an entry stands (or its `field`); for an attachment that is not listed, the repository that keeps it."""
    if view.manifest is None:
        return None
    pointer: Pointer = (
        ("spec", "resources", entry.position, *field) if entry.position is not None else ("metadata", "name")
    )
    return Spot(view.manifest.document, pointer)


def related(view: RepositoryView, entry: Entry, message: str) -> Related:
    if view.manifest is None or entry.position is None:
        message += " (attached on the platform, not in the manifests)"
    return Related(spot(view, entry), message)


def collision(
    rule: str, message: str, hint: str, severity: Severity, later: tuple[RepositoryView, Entry],
    earlier: tuple[RepositoryView, Entry], earlier_message: str,
) -> Finding:  # fmt: skip
    """A finding about two entries: placed at the later one, the earlier as related."""
    view = later[0]
    return Finding(
        rule, message, hint, severity, spot(*later),
        subject=view.subject,
        related=(related(*earlier, earlier_message),),
        about=tuple(dict.fromkeys((v.workspace, v.name) for v in (view, earlier[0]))),
    )  # fmt: skip


class Clash(NamedTuple):
    """An Azure container and a bucket that share a name. `told`: an entry of the later one's sort had that name already."""

    container: Entry
    bucket: Entry
    later: Entry
    earlier: Entry
    told: bool


def clashes(view: RepositoryView, part: int) -> Iterator[Clash]:
    """Where a name of an Azure container is that of an S3 or GCS bucket too; `part` of its key: 1 its account, 2 its own name."""
    buckets: dict[str, Entry] = {}
    containers: dict[str, Entry] = {}
    for entry in view.entries:
        if entry.type in CONTAINERS:
            name = entry.key[part]
            if name in buckets:
                yield Clash(entry, buckets[name], entry, buckets[name], name in containers)
            containers.setdefault(name, entry)
        elif entry.type in BUCKETS:
            name = entry.key[1]
            if name in containers:
                yield Clash(containers[name], entry, entry, containers[name], name in buckets)
            buckets.setdefault(name, entry)


def shown(entry: Entry) -> str:
    """A resource in words: S3 bucket raw-events, Azure container store/logs, LLM gpt."""
    name = quote("/".join(entry.identity[1:]))
    told = f" ({quote(entry.label)})" if entry.label else ""
    return f"{words_of(entry.type) or quote(entry.type)} {name}{told}"


def told_apart(one: Entry, other: Entry) -> bool:
    """Whether two entries of one identity name two different registered resources, by id or label."""
    if one.id and other.id:
        return one.id != other.id
    if one.label and other.label:
        return one.label != other.label
    return bool((one.id or one.label) and (other.id or other.label))


def same_object(one: RepositoryView, other: RepositoryView) -> bool:
    """Whether two views of one workspace are one repository: declared twice, it is GW304, and no collision with itself."""
    if one is other:
        return True
    if one.manifest is None or other.manifest is None or one.name is None or other.name is None:
        return False
    return one.name.lower() == other.name.lower()


def severity_behind(view: RepositoryView) -> Severity:
    """S3 and GCS clients address an Azure resource by its container alone; Azure clients name the account (U14)."""
    return "error" if view.endpoint_type in BUCKETS else "warning"
