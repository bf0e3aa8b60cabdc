"""The graph as a value: nodes that are repositories or resources, and edges that are attachments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from gatectl import kinds
from gatectl.quote import quote, safe
from gatectl.resources import comparable

Mark = Literal["same", "added", "changed", "removed", "kept"]
"""What happens to a node or an edge; `kept` is attached on the platform and not in the manifests."""

SIGNS: Final[Mapping[Mark, str]] = {"same": "", "added": "+", "changed": "~", "removed": "−", "kept": "="}

Key = tuple[str, ...]
"""("Repository", workspace, name), or (workspace, type, *names as they are compared)."""

REPOSITORY: Final = kinds.REPOSITORY.name
_FAMILIES: Final = {"AzureBlob": "Azure"}


class Node(NamedTuple):
    """A repository, or a resource of a workspace (`kind` is its type; `account` is that of an Azure container).

    `group` is the workspace and, where there is one, a label's value; `note` says what else is worth knowing in a word;
    `label` is the name under which a bucket is registered.
    """

    key: Key
    kind: str
    name: str
    group: tuple[str, ...]
    account: str = ""
    note: str = ""
    mark: Mark = "same"
    problems: tuple[str, ...] = ()
    label: str = ""

    @property
    def is_repository(self) -> bool:
        return self.kind == REPOSITORY

    @property
    def family(self) -> str:
        return _FAMILIES.get(self.kind, self.kind)

    def told(self) -> str:
        """All that is known of it, in lines."""
        what = self.kind if self.is_repository else self.family
        where = f"{self.group[0]}/" if self.group and self.group[0] else ""
        name = f"{where}{self.name}" if self.is_repository else "/".join(filter(None, (self.account, self.name)))
        lines = [f"{quote(what)} {quote(name)}", *([quote(self.note)] if self.note else [])]
        if self.mark != "same":
            lines.append(WORDS[self.mark])
        return "\n".join(map(safe, [*lines, *(f"⚠ {problem}" for problem in self.problems)]))


WORDS: Final[Mapping[Mark, str]] = {
    "same": "unchanged", "added": "added", "changed": "updated", "removed": "removed", "kept": "kept, not in the manifests",
}  # fmt: skip


class Edge(NamedTuple):
    """An attachment of a repository; `position` is its place in the manifest's list, where it is known."""

    repository: Key
    resource: Key
    mark: Mark = "same"
    note: str = ""
    problems: tuple[str, ...] = ()
    position: int | None = None


class Graph(NamedTuple):
    """Nodes by key, and the attachments between them. Every end of an edge is among the nodes."""

    nodes: Mapping[Key, Node]
    edges: tuple[Edge, ...]

    @property
    def repositories(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.is_repository]

    def users(self) -> dict[Key, list[Key]]:
        """Which repositories attach each resource, each once."""
        found: dict[Key, dict[Key, None]] = {}
        for edge in self.edges:
            found.setdefault(edge.resource, {})[edge.repository] = None
        return {key: list(keys) for key, keys in found.items()}


def repository_key(workspace: str | None, name: str) -> Key:
    return (REPOSITORY, workspace or "", name)


def resource_key(workspace: str | None, identity: Iterable[str]) -> Key:
    """Storage is compared lower-cased, LLMs and packets exactly."""
    return (workspace or "", *comparable(tuple(identity)))


def resource_node(workspace: str | None, identity: tuple[str, ...], mark: Mark = "same") -> Node:
    account = "/".join(identity[1:-1])
    return Node(resource_key(workspace, identity), identity[0], identity[-1], (workspace or "",), account, "", mark)
