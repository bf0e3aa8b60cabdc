"""What holds an apply back, as a project file says it and as a plan shows it (product.md, section 6, *Guardrails*). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, Literal, NamedTuple, NotRequired, TypedDict, TypeVar
from unicodedata import normalize

Limit = int | str
"""At most so many: a number, or a percentage of what there is ("20%")."""

LimitName = Literal["maxDeletes", "maxDetaches", "maxChanges"]
LIMITS: Final[tuple[LimitName, ...]] = ("maxDeletes", "maxDetaches", "maxChanges")


class Guardrails(NamedTuple):
    """The guardrails of an environment. Those of several commits hold together: each of the limits of a name, each of the lists
    of windows, and what any of them protects."""

    limits: tuple[tuple[LimitName, Limit], ...] = ()
    windows: tuple[tuple[str, ...], ...] = ()
    protect: tuple[str, ...] = ()

    def together(self, other: Guardrails) -> Guardrails:
        """Those of both."""
        return Guardrails(
            _joined(self.limits, other.limits),
            _joined(self.windows, other.windows),
            _joined(self.protect, other.protect),
        )

    @property
    def is_of_all(self) -> bool:
        """Whether some limit is a percentage of what there is."""
        return any(isinstance(limit, str) for _, limit in self.limits)

    def of(self, name: LimitName) -> tuple[Limit, ...]:
        """The limits of this name."""
        return tuple(limit for called, limit in self.limits if called == name)


Each = TypeVar("Each")


def _joined(mine: Iterable[Each], theirs: Iterable[Each]) -> tuple[Each, ...]:
    return tuple(dict.fromkeys((*mine, *theirs)))


NO_GUARDRAILS: Final = Guardrails()


class Extent(NamedTuple):
    """How much there is, which a percentage is of: objects (workspaces are none of them), and what they attach."""

    objects: int = 0
    attachments: int = 0

    def larger(self, other: Extent) -> Extent:
        """The larger of each."""
        return Extent(max(self.objects, other.objects), max(self.attachments, other.attachments))


class Counts(NamedTuple):
    """What a plan does that is limited: objects deleted, attachments detached, and objects updated or deleted."""

    deletes: int
    detaches: int
    changes: int


def count(operations: Iterable[tuple[str, int]]) -> Counts:
    """Counts operations, each by its action and how many attachments it detaches."""
    done = list(operations)
    deletes = sum(action == "delete" for action, _ in done)
    return Counts(
        deletes, sum(detached for _, detached in done), deletes + sum(action == "update" for action, _ in done)
    )


def protecting(patterns: Iterable[str], kind: str, name: str) -> str | None:
    """The pattern that protects an object; None: none does. One without a slash is of the names of all kinds."""
    return next((pattern for pattern in patterns if _matches(pattern, kind, name)), None)


def _matches(pattern: str, kind: str, name: str) -> bool:
    of_kind, of_name = split_pattern(pattern)
    kinds = of_kind is None or fnmatchcase(kind.lower(), of_kind.lower())
    return kinds and fnmatchcase(normalize("NFC", name), normalize("NFC", of_name))


def split_pattern(pattern: str) -> tuple[str | None, str]:
    """The kinds (None: all) and the names that a pattern is of."""
    kind, slash, name = pattern.partition("/")
    return (kind, name) if slash else (None, pattern)


class Limited(TypedDict):
    """A limit, how many it allows, and how many the plan has. `of`: what a percentage is of."""

    guardrail: LimitName
    limit: Limit
    of: NotRequired[int]
    allows: int
    count: int


class ProjectChanges(TypedDict):
    """What differs in the project file since a commit, of what decides about an apply; the line of each, where it has one."""

    since: str
    fields: Sequence[str]
    lines: NotRequired[Mapping[str, int]]


class Older(TypedDict):
    """The commit that was applied last, and by which run, where it is not an ancestor of a plan's. `known`: that is certain; else one
    of the two cannot be found here."""

    commit: str
    run: str
    known: bool


class ExtentJson(TypedDict):
    """How much there is, as it is written."""

    objects: int
    attachments: int


class Shown(TypedDict):
    """The guardrails of a plan. `extent` is what percentages are of. Each list of `windows` holds: an apply runs where all are
    open."""

    limits: Sequence[Limited]
    extent: ExtentJson
    windows: Sequence[Sequence[str]]
    protect: Sequence[str]


def allows(limit: Limit, of: int) -> int:
    """How many a limit allows where there are so many; of a percentage, rounded up."""
    return limit if isinstance(limit, int) else -(-int(limit.rstrip("%")) * of // 100)


def limited(guardrails: Guardrails, counts: Counts, extent: Extent) -> list[Limited]:
    """The strictest limit of each name."""
    found: list[Limited] = []
    sizes: Mapping[LimitName, tuple[int, int]] = {
        "maxDeletes": (counts.deletes, extent.objects),
        "maxDetaches": (counts.detaches, extent.attachments),
        "maxChanges": (counts.changes, extent.objects),
    }
    for name, (number, of) in sizes.items():
        if limits := guardrails.of(name):
            limit = min(limits, key=lambda each: (allows(each, of), str(each)))
            told: Limited = {"guardrail": name, "limit": limit, "allows": allows(limit, of), "count": number}
            if isinstance(limit, str):
                told["of"] = of
            found.append(told)
    return found


def shown(guardrails: Guardrails, counts: Counts, extent: Extent) -> Shown | None:
    """What a plan says of its guardrails; None where there are none."""
    if guardrails == NO_GUARDRAILS:
        return None
    return {
        "limits": limited(guardrails, counts, extent),
        "extent": {"objects": extent.objects, "attachments": extent.attachments},
        "windows": guardrails.windows,
        "protect": guardrails.protect,
    }


def extent_of(found: Shown | None) -> Extent:
    """How much there was when a plan was made, as it says."""
    return Extent() if found is None else Extent(**found["extent"])
