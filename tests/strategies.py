"""Manifest sets and platform states, for properties.

The names are few, so that they meet: an S3 and a GCS bucket of one name, an Azure account named like a bucket, one
identity under two labels. Manifests keep gatectl's offline rules (`_fits` builds them so); live objects keep only the
platform's, so a live repository may hold what gatectl would refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from hypothesis import strategies as st

from gatectl.errors import PlatformRefused
from sites import Manifest, Site, bucket, entry, llm, repository, workspace

Identity = tuple[str, ...]

IDENTITIES: tuple[Identity, ...] = (
    ("S3", "data"), ("S3", "logs"), ("S3", "acct"), ("GCS", "data"), ("GCS", "media"),
    ("AzureBlob", "acct", "logs"), ("AzureBlob", "acct", "metrics"), ("AzureBlob", "store", "logs"),
)  # fmt: skip
FOLDERS = ("", "a", "/b/", "c/d")
STORAGE_ENDPOINTS = ("S3", "GCS", "AzureBlob")
ENDPOINTS_ON_WIRE = {"S3": "S3", "GCS": "GCS", "AzureBlob": "BLOB", "OpenAI": "OPENAI"}

yes = st.booleans()
rarely = st.integers(0, 7).map(lambda n: n == 7)


class Registered(NamedTuple):
    """A bucket or LLM (identity ("LLM",), its label the name): whether manifests declare it, whether it is live."""

    label: str
    identity: Identity
    declared: bool
    live: bool
    called: str
    """How the live one is called: it may differ in case, and then the manifest has its id."""
    extra: Mapping[str, Any]
    """What the live one has otherwise than the manifest."""


LABEL = attrgetter("label")


class LiveRepository(NamedTuple):
    name: str
    called: str
    endpoint: str
    mode: str
    attached: tuple[tuple[str, str, bool], ...]
    """(label, folder, master)"""


class World(NamedTuple):
    """What one workspace declares and holds."""

    name: str
    called: str
    declared: bool
    live: bool
    registered: tuple[Registered, ...]
    repositories: tuple[LiveRepository, ...]
    manifests: tuple[Manifest, ...]


class Case(NamedTuple):
    worlds: tuple[World, ...]

    @property
    def manifests(self) -> list[Manifest]:
        return [document for world in self.worlds for document in world.manifests]

    def fill(self, site: Site) -> Site:
        """Make the live state, and write the manifests, with the ids of those that are called otherwise."""
        if any(world.live and (world.name != "default" or world.repositories or any(r.live for r in world.registered))
               for world in self.worlds):  # fmt: skip
            writer = site.writer()
            try:
                for world in self.worlds:
                    _fill(site, writer, world)
            finally:
                writer.close()
        return site.manifests(*self.manifests)


def _fill(site: Site, writer: Any, world: World) -> None:
    if not world.live:
        return
    home = site.workspace_id() if world.name == "default" else writer.create("workspace", {"name": world.called})
    ids: dict[str, str] = {}
    if world.called != world.name:
        _choose(world, "Workspace", world.name, home)
    for item in world.registered:
        if not item.live:
            continue
        body = {"name": item.called, "secret": "hush", "key": "AKIA", "workspaceId": home, **item.extra}
        if item.identity[0] == "LLM":
            ids[item.label] = writer.create("ai/llm", {"aiType": "OPENAI"} | body)
        else:
            kind = item.identity[0]
            storage = {"storageType": "BLOB", "key": item.identity[1]} if kind == "AzureBlob" else {"storageType": kind}
            ids[item.label] = writer.create("bucket", {"bucket": item.identity[-1]} | body | storage)
        if item.called != item.label:
            _choose(world, "LLM" if item.identity[0] == "LLM" else "Bucket", item.label, ids[item.label])
    llms = {r.label for r in world.registered if r.identity[0] == "LLM"}
    for repo in world.repositories:
        body = {
            "name": repo.called, "storageType": ENDPOINTS_ON_WIRE[repo.endpoint], "mode": repo.mode, "workspaceId": home,
            "repoBuckets": [{"bucketId": ids[label], "folder": folder, "master": master}
                            for label, folder, master in repo.attached if label in ids and label not in llms],
            "repoAiLlms": [{"aiLlmId": ids[label]} for label, _, _ in repo.attached if label in ids and label in llms],
        }  # fmt: skip
        try:
            created = writer.create("repo", body)
        except PlatformRefused:  # a folder or a Mirror's bucket that is taken: then without any
            created = writer.create("repo", body | {"mode": "NORMAL", "repoBuckets": []})
        if repo.called != repo.name:
            _choose(world, "Repository", repo.name, created)


def _choose(world: World, kind: str, name: str, object_id: str) -> None:
    for document in world.manifests:
        if document["kind"] == kind and document["metadata"]["name"] == name:
            document["metadata"]["id"] = object_id


Made = tuple[Manifest, LiveRepository | None, dict[str, str]]
"""A manifest of a repository, the live one (None: there is none), and the folder of each bucket that the manifest lists."""


@st.composite
def _registered(draw: st.DrawFn) -> tuple[Registered, ...]:
    items = []
    for identity in draw(st.lists(st.sampled_from(IDENTITIES), min_size=1, max_size=5, unique=True)):
        label = "-".join(identity).lower()
        items.append(_where(draw, label, identity))
        if draw(rarely):
            items.append(_where(draw, f"{label}-again", identity))
    for name in draw(st.lists(st.sampled_from(("gpt", "claude")), max_size=2, unique=True)):
        items.append(_where(draw, name, ("LLM", name)))
    return tuple(items)


def _where(draw: st.DrawFn, label: str, identity: Identity) -> Registered:
    declared, live = draw(st.sampled_from(((True, False), (True, True), (False, True))))
    called = label.upper() if declared and live and draw(rarely) else label
    extra = draw(st.sampled_from(({}, {"endpoint": "https://old.example.com"})))
    if identity[0] != "LLM":
        extra = extra | draw(st.sampled_from(({}, {"region": "us-east-1"}, {"bucket": identity[-1].upper()})))
    return Registered(label, identity, declared, live, called, extra)


def _fits(identity: Identity, others: Sequence[Identity]) -> bool:
    """Whether a resource can join others in one repository under every rule about names, GW305 and GW306 included."""
    kind, *names = identity
    buckets = {o[1] for o in others if o[0] in ("S3", "GCS")}
    accounts = {o[1] for o in others if o[0] == "AzureBlob"}
    containers = {o[2] for o in others if o[0] == "AzureBlob"}
    if kind == "LLM":
        return identity not in others
    if kind == "AzureBlob":
        return names[0] not in buckets and names[1] not in buckets | containers
    return names[0] not in buckets | accounts | containers


@st.composite
def _world(draw: st.DrawFn, name: str) -> World:
    declared, live = (
        (False, True) if name == "default" else draw(st.sampled_from(((True, False), (True, True), (False, True))))
    )
    registered = draw(_registered())
    if not live:
        registered = tuple(r._replace(live=False, declared=True, called=r.label) for r in registered)
    place = {} if name == "default" else {"workspace": name}
    counts: dict[Identity, int] = {}
    manifests: list[Manifest] = [workspace(name)] if declared else []
    for item in registered:
        counts[item.identity] = counts.get(item.identity, 0) + 1
    for item in registered:
        if item.declared:
            manifests.append(_manifest(draw, item, counts[item.identity] > 1, place))
    taken: set[tuple[str, str]] = set()
    mirrored: set[str] = set()
    made = [
        _repository(draw, f"repo-{index}", registered, counts, taken, mirrored)
        for index in range(draw(st.integers(1, 3)))
    ]
    for document, _, _ in made:
        document["metadata"] |= place
        manifests.append(document)
    repositories = _hand_over(draw, made) if live else []
    if live and draw(yes):
        repositories.append(_unmanaged(draw, registered))
    called = name.upper() if declared and live and draw(rarely) else name
    return World(name, called, declared, live, registered, tuple(repositories), tuple(manifests))


def _manifest(draw: st.DrawFn, item: Registered, shared: bool, place: dict[str, str]) -> Manifest:
    metadata = {**place, "labels": {"team": draw(st.sampled_from(("blue", "red")))}}
    credentials = "both" if not item.live or draw(yes) else None
    if item.identity[0] == "LLM":
        fields = draw(st.sampled_from(({}, {"endpoint": "https://llm.example.com/v1"})))
        return llm(item.label, draw(st.sampled_from(("OpenAI", "Other"))), credentials, metadata, **fields)
    fields = draw(
        st.sampled_from(({}, {"region": "eu-west-1"}, {"endpoint": "https://minio.example.com/"}, {"region": ""}))
    )
    extra = {"allowDuplicate": True} if shared else {}
    return bucket(item.label, item.identity, credentials, metadata, **fields, **extra)


def _repository(
    draw: st.DrawFn, name: str, registered: Sequence[Registered], counts: Mapping[Identity, int],
    taken: set[tuple[str, str]], mirrored: set[str],
) -> Made:  # fmt: skip
    """A manifest, and the live repository of its name, if there is one: some of its entries attached, and some others."""
    endpoint = draw(st.sampled_from((*STORAGE_ENDPOINTS, *STORAGE_ENDPOINTS, "OpenAI")))
    family = [r for r in registered if (r.identity[0] == "LLM") == (endpoint == "OpenAI")]
    mode = "MIRROR" if endpoint != "OpenAI" and draw(rarely) else "NORMAL"
    used = {label for label, _ in taken}
    entries: list[dict[str, Any]] = []
    attached: list[tuple[str, str, bool]] = []
    wanted: dict[str, str] = {}
    chosen: list[Identity] = []
    for item in draw(st.lists(st.sampled_from(family), max_size=4, unique_by=LABEL)) if family else ():
        folder = draw(st.sampled_from((*FOLDERS, None))) if item.identity[0] != "LLM" else None
        where = (item.label, (folder or "").strip("/"))
        exclusive = item.identity[0] != "LLM" and (
            where in taken or item.label in mirrored or (mode == "MIRROR" and item.label in used)
        )
        if exclusive or not _fits(item.identity, chosen):
            continue
        fields: dict[str, Any] = {} if folder is None else {"folder": folder}
        if mode == "MIRROR":
            fields["master"] = not chosen
        if counts[item.identity] > 1:
            fields["label"] = item.label
        entries.append(entry(*item.identity, **fields))
        chosen.append(item.identity)
        if item.identity[0] != "LLM":
            taken.add(where)
            wanted[item.label] = folder or ""
        if draw(yes):
            live_folder = folder if folder is not None else draw(st.sampled_from(("", "kept")))
            attached.append((item.label, live_folder, False))
    if mode == "MIRROR":
        mirrored.update(r.label for r in registered if r.identity in chosen)
        if not entries:
            mode = "NORMAL"
        elif attached:
            attached[-1] = (*attached[-1][:2], True)
    resources = None if mode == "NORMAL" and draw(rarely) else entries
    document = repository(
        name, resources, endpoint, draw(st.sampled_from((None, "Exact"))), "Mirror" if mode == "MIRROR" else None,
        labels={"team": draw(st.sampled_from(("blue", "red")))},
    )  # fmt: skip
    if not draw(yes):
        return document, None, wanted
    others = [r for r in registered if r.label not in {label for label, _, _ in attached} and r.label not in mirrored]
    for item in (
        draw(st.lists(st.sampled_from(others), max_size=2, unique_by=LABEL)) if others and mode == "NORMAL" else ()
    ):
        wanted_by_others = sorted(folder for label, folder in taken if label == item.label)
        attached.append((item.label, draw(st.sampled_from((*wanted_by_others, "own"))), False))
    return (
        document,
        LiveRepository(name, name.upper() if draw(rarely) else name, endpoint, mode, tuple(attached)),
        wanted,
    )


def _hand_over(draw: st.DrawFn, made: Sequence[Made]) -> list[LiveRepository]:
    """The live repositories; often one that is Exact holds what another one's manifest wants, and has to let go first."""
    alive = [live for _, live, _ in made if live is not None]
    chances = [
        (holder, label, folder)
        for document, holder, listed in made
        if holder is not None
        and document["spec"].get("attachmentPolicy") == "Exact"
        and document["spec"].get("resources")
        for other, taker, wanted in made
        if other is not document and holder.endpoint != "OpenAI" and "MIRROR" not in (holder.mode, taker and taker.mode)
        for label, folder in wanted.items()
        if label not in listed and label not in {a[0] for r in (holder, taker) if r is not None for a in r.attached}
    ]
    if not chances or draw(rarely):
        return alive
    holder, label, folder = draw(st.sampled_from(chances))
    return [r._replace(attached=(*r.attached, (label, folder, False))) if r is holder else r for r in alive]


def _unmanaged(draw: st.DrawFn, registered: Sequence[Registered]) -> LiveRepository:
    items = draw(st.lists(st.sampled_from(registered), max_size=3, unique_by=LABEL))
    attached = tuple((item.label, draw(st.sampled_from(("elsewhere", "", "a"))), False) for item in items)
    return LiveRepository("unmanaged", "unmanaged", draw(st.sampled_from(STORAGE_ENDPOINTS)), "NORMAL", attached)


BREAKS: Mapping[str, Callable[[Mapping[str, str]], Sequence[Manifest]]] = {
    "offline": lambda home: [repository("broken", [], "Azure", **home)],
    "a placeholder": lambda home: [bucket("broken", ("S3", "${BUCKET}"), metadata=home)],
    "a collision": lambda home: [repository("broken", [entry("S3", "same"), entry("GCS", "same")], **home)],
    "a reference": lambda home: [repository("broken", [entry("S3", "nowhere")], **home)],
    "an id": lambda home: [repository("broken", id="nobody", **home)],
    "no credentials": lambda home: [bucket("broken", ("S3", "broken"), None, home)],
}
"""Manifests of a workspace that have an error, which is found offline or with the platform."""


class Broken(NamedTuple):
    """Several workspaces, one of which has an error, and the manifests that have it."""

    case: Case
    name: str
    errors: Sequence[Manifest]

    @property
    def others(self) -> list[Manifest]:
        return [document for world in self.case.worlds if world.name != self.name for document in world.manifests]


@st.composite
def broken_cases(draw: st.DrawFn) -> Broken:
    """A project of two or three workspaces and its platform, and what is wrong with one of them."""
    names = draw(st.sampled_from((("default", "lab"), ("lab", "attic"), ("default", "lab", "attic"))))
    case = Case(tuple(draw(_world(name)) for name in names))
    name = draw(st.sampled_from(names))
    home = {} if name == "default" else {"workspace": name}
    errors = BREAKS[draw(st.sampled_from(sorted(BREAKS)))](home)
    return Broken(case, name, errors)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A project and its platform: the workspace `default`, and often a second one."""
    names = ("default", "lab") if draw(yes) else ("default",)
    return Case(tuple(draw(_world(name)) for name in names))
