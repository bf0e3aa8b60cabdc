"""The part of the namespace that a plan touches, as a graph: what changes, and what else uses what changes.

From the plan's JSON alone it shows what the plan names. With the graph of the manifests (`declared`) it also shows the
attachments that stay as they are, and the other repositories that use the same resources.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from gatectl.documents.findings import Finding
from gatectl.documents.operations import ListName, text_of
from gatectl.documents.plans import Operation, Plan, Resource
from gatectl.graph.reading import how, words
from gatectl.graph.values import REPOSITORY, Edge, Graph, Key, Mark, Node, repository_key, resource_node
from gatectl.kinds import KINDS
from gatectl.model import FieldValue
from gatectl.resources import RESOURCE_NAMES

_MARKS: Final[Mapping[str, Mark]] = {"create": "added", "update": "changed", "delete": "removed"}
_LISTS: Final[Sequence[tuple[ListName, Mark]]] = (("detach", "removed"), ("attach", "added"), ("keep", "kept"))
_EMPTY: Final = Graph({}, ())


def from_plan(plan: Plan, declared: Graph | None = None) -> Graph:
    """The graph of the affected part of a plan."""
    drawing = _Drawing(declared or _EMPTY)
    for operation in plan["operations"]:
        if KINDS[operation["kind"]].attaches:
            drawing.repository(operation)
    for item in plan["kept"]:
        key = drawing.node(repository_key(item["workspace"], item["name"]), item["workspace"], item["name"])
        for resource in item["attachments"]:
            drawing.attach(key, item["workspace"], resource, "kept")
    for operation in plan["operations"]:
        if KINDS[operation["kind"]].registers:
            drawing.resource(operation)
    for finding in plan["diagnostics"]:
        drawing.finding(finding)
    drawing.neighbours()
    return Graph(drawing.nodes, tuple(drawing.edges.values()))


def _spec(operation: Operation) -> Mapping[str, FieldValue]:
    """The normal form of what an operation makes, or of what it deletes."""
    state = operation.get("after") or operation.get("before")
    if state is not None:
        return state["spec"]
    return {f["path"].rpartition("/")[2]: f["after"] or f["before"] for f in operation["fields"]}


def _resource(operation: Operation) -> Node | None:
    """The node of a bucket or an LLM configuration; None where the operation does not tell its identity."""
    identity = KINDS[operation["kind"]].identity
    told = {field: text_of(value) for field, value in _spec(operation).items()}
    try:
        found = identity({**told, "name": operation["name"]}) if identity is not None else None
    except KeyError:
        return None
    return resource_node(operation["workspace"], found) if found is not None else None


class _Drawing:
    """The graph in the making; an attachment has one edge, whatever is said of it."""

    def __init__(self, declared: Graph) -> None:
        self.nodes: dict[Key, Node] = {}
        self.edges: dict[tuple[Key, Key], Edge] = {}
        self._declared = declared
        self._own: dict[Key, list[Edge]] = {}
        for edge in declared.edges:
            self._own.setdefault(edge.repository, []).append(edge)

    def node(self, key: Key, workspace: str | None, name: str, mark: Mark = "same") -> Key:
        known = (
            self.nodes.get(key) or self._declared.nodes.get(key) or Node(key, REPOSITORY, name, (workspace or "", ""))
        )
        self.nodes[key] = known._replace(mark=mark) if mark != "same" else known
        return key

    def repository(self, operation: Operation) -> None:
        workspace, name = operation["workspace"], operation["name"]
        key = self.node(repository_key(workspace, name), workspace, name, _MARKS[operation["action"]])
        if not self.nodes[key].note:
            spec = _spec(operation)
            note = words(spec.get("endpointType"), spec.get("mode"))
            self.nodes[key] = self.nodes[key]._replace(note=note)
        for listed, mark in _LISTS:
            for resource in operation[listed]:
                self.attach(key, workspace, resource, mark)

    def attach(self, repository: Key, workspace: str | None, item: Resource, mark: Mark) -> None:
        identity = (item["type"], *(item[name] or "?" for name in RESOURCE_NAMES if name in item))
        fresh = resource_node(workspace, identity)
        node = self.nodes.get(fresh.key) or self._declared.nodes.get(fresh.key) or fresh
        self.nodes[node.key] = node if node.label or not item["label"] else node._replace(label=item["label"])
        before = self.edges.get((repository, node.key))
        if before is not None and {before.mark, mark} == {"added", "removed"}:
            mark = "changed"
        self.edges[repository, node.key] = Edge(repository, node.key, mark, how(item["folder"], item["master"]))

    def resource(self, operation: Operation) -> None:
        """A bucket or an LLM configuration that changes: by its identity, or by the label that it is known under."""
        workspace, name, mark = operation["workspace"], operation["name"], _MARKS[operation["action"]]
        node = (
            _resource(operation)
            or self._labelled(workspace, name)
            or resource_node(workspace, (operation["kind"], name))
        )
        known = self.nodes.get(node.key) or self._declared.nodes.get(node.key) or node
        self.nodes[node.key] = known._replace(mark=mark, label=name)

    def _labelled(self, workspace: str | None, label: str) -> Node | None:
        for nodes in (self.nodes, self._declared.nodes):
            for node in nodes.values():
                if node.label == label and node.key[0] == (workspace or "") and not node.is_repository:
                    return node
        return None

    def finding(self, finding: Finding) -> None:
        """Marks the repository that a finding is about, and the attachment that it points at."""
        manifest = finding["manifest"]
        if manifest is None or manifest["kind"] != REPOSITORY or not manifest["name"]:
            return
        told = f"{finding['rule']}: {finding['message']}"
        key = self.node(
            repository_key(manifest["workspace"], manifest["name"]), manifest["workspace"], manifest["name"]
        )
        self.nodes[key] = self.nodes[key]._replace(problems=_with(self.nodes[key].problems, told))
        parts = (finding["path"] or "").split("/")
        if parts[1:3] == ["spec", "resources"] and len(parts) > 3:
            for edge in self._own.get(key, ()):
                if str(edge.position) == parts[3]:
                    self._take(edge._replace(problems=_with(edge.problems, told)))

    def _take(self, edge: Edge) -> None:
        """An edge of the manifests; where the plan says more of it, its findings."""
        ends = (edge.repository, edge.resource)
        known = self.edges.get(ends)
        self.edges[ends] = edge if known is None else known._replace(problems=_with(known.problems, *edge.problems))
        for key in ends:
            self.nodes.setdefault(key, self._declared.nodes[key])

    def neighbours(self) -> None:
        """What stays attached to what is drawn, and what else uses these resources."""
        touched = [key for key, node in self.nodes.items() if node.is_repository]
        for key in touched:
            if self.nodes[key].mark != "removed":
                for edge in self._own.get(key, ()):
                    self._take(edge)
        resources = {key for key, node in self.nodes.items() if not node.is_repository}
        for edge in self._declared.edges:
            if edge.resource in resources:
                self._take(edge)


def _with(problems: Iterable[str], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*problems, *more)))


def size(plan: Plan) -> int:
    """How many repositories and attachments a plan names: what its graph would have to show."""
    return sum(_sizes(plan))


def _sizes(plan: Plan) -> Iterator[int]:
    for operation in plan["operations"]:
        yield 1 + sum(len(operation[listed]) for listed, _ in _LISTS)
    for item in plan["kept"]:
        yield 1 + len(item["attachments"])
