"""What becomes a graph: manifests with their findings, or live objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gatectl.graph.values import REPOSITORY, Edge, Graph, Key, Node, repository_key, resource_key, resource_node
from gatectl.kinds import KINDS
from gatectl.model import Attachment, Desired, Entry, Finding, Live, Manifest

Grouping = Callable[[Mapping[str, str]], str]
"""From an object's labels to the name of its group within its workspace ("" for none)."""

NO_LABELS: Final[Mapping[str, str]] = {}


def by_label(name: str) -> Grouping:
    return lambda labels: value if isinstance(value := labels.get(name, ""), str) else ""


def from_manifests(desired: Desired, findings: Iterable[Finding], grouping: Grouping) -> Graph:
    """What the manifests say, as far as it can be read; what a finding involves carries its message."""
    nodes: dict[Key, Node] = {}
    for manifest in desired.manifests:
        node = _declared(manifest, grouping)
        if node is not None:
            nodes.setdefault(node.key, node)
    edges = []
    problems = _Problems(findings)
    for manifest in desired.manifests:
        if not KINDS[manifest.kind].attaches or manifest.name is None:
            continue
        repository = repository_key(manifest.workspace, manifest.name)
        told = problems.of_repository(manifest)
        if told:
            nodes[repository] = nodes[repository]._replace(
                problems=tuple(dict.fromkeys((*nodes[repository].problems, *told)))
            )
        for entry in manifest.entries or ():
            resource = resource_key(manifest.workspace, entry.identity)
            nodes.setdefault(resource, resource_node(manifest.workspace, entry.identity))
            found = problems.of_entry(manifest, entry)
            edges.append(Edge(repository, resource, "same", how(entry.folder, entry.master), found, entry.position))
    return Graph(nodes, tuple(edges))


class _Problems:
    """The findings by what they are about: an entry of a document, or a repository as a whole."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._entries: dict[tuple[int, int], list[str]] = {}
        self._repositories: dict[tuple[str | None, str | None], list[str]] = {}
        for finding in findings:
            text = f"{finding.rule}: {finding.message}"
            spots = [finding.spot, *(other.spot for other in finding.related)]
            for spot in spots:
                if spot is not None and spot.pointer[:2] == ("spec", "resources") and len(spot.pointer) > 2:
                    self._entries.setdefault((id(spot.document), int(spot.pointer[2])), []).append(text)
            about = set(finding.about)
            if finding.subject is not None and finding.subject[0] == REPOSITORY:
                about.add(finding.subject[1:])
            for repository in about:
                self._repositories.setdefault(repository, []).append(text)

    def of_entry(self, manifest: Manifest, entry: Entry) -> tuple[str, ...]:
        if entry.position is None:
            return ()
        return tuple(dict.fromkeys(self._entries.get((id(manifest.document), entry.position), ())))

    def of_repository(self, manifest: Manifest) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._repositories.get((manifest.workspace, manifest.name), ())))


def _declared(manifest: Manifest, grouping: Grouping) -> Node | None:
    """The node of a manifest by itself; None where its identity cannot be read, and for a workspace."""
    group = (manifest.workspace or "", grouping(manifest.labels))
    if KINDS[manifest.kind].attaches and manifest.name is not None:
        note = words(manifest.spec.get("endpointType"), manifest.spec.get("mode"))
        return Node(repository_key(manifest.workspace, manifest.name), REPOSITORY, manifest.name, group, "", note)
    identity = KINDS[manifest.kind].identity_in(manifest.spec, manifest.name)
    if identity is None:
        return None
    label = manifest.name if manifest.name is not None and manifest.name != identity[-1] else ""
    note = words(label, manifest.spec.get("region") or manifest.spec.get("provider"))
    return resource_node(manifest.workspace, identity)._replace(group=group, note=note, label=manifest.name or "")


def words(*parts: object) -> str:
    """What there is of these, side by side."""
    return " · ".join(part for part in parts if isinstance(part, str) and part and part != "Normal")


def how(folder: str | None, master: bool | None) -> str:
    """How a resource is attached, in words."""
    return ", ".join(part for part in (f"folder {folder}" if folder else "", "master" if master else "") if part)


def from_live(lives: Iterable[Live]) -> Graph:
    """The platform as it was read: repositories, buckets and LLM configurations of any number of workspaces."""
    nodes: dict[Key, Node] = {}
    edges = []
    objects = list(lives)
    for live in objects:
        node = _live(live)
        if node is not None:
            nodes.setdefault(node.key, node)
    for live in objects:
        if not KINDS[live.key.kind].attaches:
            continue
        for item in live.attachments:
            resource = resource_key(live.key.workspace, item.identity)
            nodes.setdefault(resource, resource_node(live.key.workspace, item.identity))
            edges.append(Edge(repository_key(live.key.workspace, live.key.name), resource, "same", _attached(item)))
    return Graph(nodes, tuple(edges))


def _attached(item: Attachment) -> str:
    return how(item.folder, item.master)


def _live(live: Live) -> Node | None:
    kind, workspace, name = KINDS[live.key.kind], live.key.workspace, live.key.name
    if kind.attaches:
        note = words(live.spec["endpointType"], live.spec["mode"])
        return Node(repository_key(workspace, name), REPOSITORY, name, (workspace or "", ""), "", note)
    if not kind.registers:
        return None
    identity = kind.identity_in(live.spec, name)
    if identity is None:  # an Azure container whose account cannot be told
        identity = (
            str(live.spec.get("type", kind.name)),
            "?",
            str(live.spec.get("container", live.spec.get("bucket", name))),
        )
    label = name if name != identity[-1] else ""
    note = words(label, live.spec.get("region") or live.spec.get("provider"))
    return resource_node(workspace, identity)._replace(group=(workspace or "", ""), note=note, label=name)
