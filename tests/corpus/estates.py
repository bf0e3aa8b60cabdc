"""Generated estates: a project, the state of its platform, and what happens to both, all from a number.

Number n is the same estate for ever, on every Python: chance comes from `random.Random.random` alone, which keeps its
sequence (the other methods do not promise to). The names are few, so that they meet.

An estate has one or two workspaces with buckets of three providers, LLMs and repositories. Some were applied in an
earlier form, so that there is something that the project owns. The live state then differs from what is declared: objects
are missing, extra, drifted, called otherwise, there twice; attachments are missing, extra, or have another folder. Some
manifests have mistakes (`mistakes`), and in some estates nobody looked whether names and folders collide.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from corpus.live import Identity, Op, id_of
from sites import CREDENTIALS, Manifest, bucket, entry, llm, repository, workspace

T = TypeVar("T")
Key = tuple[str, str, str]
"""Kind, workspace and name."""

COUNT: Final = 300

IDENTITIES: Final[Sequence[Identity]] = (
    ("S3", "acme-orders"), ("S3", "acme-logs"), ("S3", "media.acme.example"), ("S3", "acmelake"),
    ("GCS", "acme-orders"), ("GCS", "acme_archive"), ("GCS", "acme-models"),
    ("AzureBlob", "acmelake", "tiles"), ("AzureBlob", "acmelake", "audit"), ("AzureBlob", "acmeweu", "tiles"),
    ("AzureBlob", "acmeweu", "acme-logs"),
)  # fmt: skip
MODELS: Final = (
    ("gpt", "OpenAI"),
    ("claude", "Anthropic"),
    ("gemini", "Google"),
    ("titan", "AWS"),
    ("in house", "Other"),
)
REPOSITORIES: Final = (
    "orders",
    "raw data",
    "Reports",
    "größe",
    "a|b",
    "<b>&amp;",
    "`ticks`",
    "tiles",
    "r_2",
    "_under_",
    "x" * 60,
)
WORKSPACES: Final = ("analytics", "Lab & Co", "ümlaut")
FOLDERS: Final = ("", "raw", "/clean/", "a/b", "with space", "ä", "RAW", "a/./b")
REGIONS: Final = ("eu-west-1", "us-east-1", "europe-west4", "")
TEAMS: Final = ("data", "ml", "sre", "r&d")
STORAGE: Final = ("S3", "GCS", "AzureBlob")
OTHER: Final = {"key": {"env": "OTHER_KEY"}, "secret": {"env": "OTHER_SECRET"}}


class Chance:
    """Chance that is the same everywhere."""

    def __init__(self, seed: str) -> None:
        self._draw = random.Random(seed).random

    def below(self, end: int) -> int:
        return int(self._draw() * end)

    def one(self, values: Sequence[T]) -> T:
        return values[self.below(len(values))]

    def often(self, percent: float) -> bool:
        return self._draw() * 100 < percent

    def some(self, values: Iterable[T], least: int, most: int) -> list[T]:
        """So many of the values, in an order of its own."""
        pool, found = list(values), []
        for _ in range(min(least + self.below(most - least + 1), len(pool))):
            found.append(pool.pop(self.below(len(pool))))
        return found

    def shuffled(self, values: Iterable[T]) -> list[T]:
        pool = list(values)
        return self.some(pool, len(pool), len(pool))


class Resource(NamedTuple):
    """Something that repositories attach. `declared`: by a manifest; what is not is live."""

    label: str
    identity: Identity
    manifest: Manifest
    declared: bool


class World(NamedTuple):
    """One workspace as its manifests want it."""

    name: str
    declared: bool
    resources: list[Resource]
    repositories: list[Manifest]

    @property
    def manifests(self) -> list[Manifest]:
        own = [workspace(self.name)] if self.declared else []
        return own + [r.manifest for r in self.resources if r.declared] + self.repositories


class Estate(NamedTuple):
    """`ground`: what others registered first, and nobody declares. `earlier`: what was applied then (None: nothing was).
    `live`: what was done to the platform after that, and `meanwhile`: between the plan and its apply. `mistaken`: a mistake
    is to be made in the manifests."""

    number: int
    worlds: list[World]
    ground: list[Op]
    earlier: list[Manifest] | None
    live: list[Op]
    meanwhile: list[Op]
    mistaken: bool

    @property
    def manifests(self) -> list[Manifest]:
        return [document for world in self.worlds for document in world.manifests]


def make(number: int) -> Estate:
    chance = Chance(f"estate {number}")
    careless = chance.often(6)
    worlds = [_world(chance, "default", careless)]
    if chance.often(35):
        worlds.append(_world(chance, chance.one(WORKSPACES), careless))
    ground = [op for world in worlds for op in _ground(world)]
    earlier = [d for world in worlds for d in _earlier(chance, world)] if chance.often(35) else None
    known = {_key_of(d) for d in earlier or ()}
    fresh = not ground and earlier is None and chance.often(50)
    live = [] if fresh else [op for world in worlds for op in _live(chance, world, known)]
    meanwhile = _meanwhile(chance, worlds[0]) if chance.often(20) else []
    return Estate(number, worlds, ground, earlier, live, meanwhile, chance.often(22))


def _key_of(document: Manifest) -> Key:
    metadata = document["metadata"]
    return document["kind"], metadata.get("workspace", "default"), metadata["name"]


# What is wanted


def _world(chance: Chance, name: str, careless: bool) -> World:
    declared = name != "default" and chance.often(80)
    resources = [_storage(chance, name, identity) for identity in chance.some(IDENTITIES, 2, 5)]
    if chance.often(15):
        first = resources[0]
        resources.append(_storage(chance, name, first.identity, f"{first.label}-again"))
    resources += [_model(chance, name, *model) for model in chance.some(MODELS, 0, 2)]
    if not declared:
        resources = [_shared(r) if chance.often(15) else r._replace(declared=chance.often(80)) for r in resources]
    taken: set[tuple[Identity, str]] = set()
    repositories = [
        _repository(chance, name, called, resources, taken, careless) for called in chance.some(REPOSITORIES, 1, 3)
    ]
    return World(name, declared, resources, repositories)


def _metadata(chance: Chance, where: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if where != "default" or chance.often(20):
        metadata["workspace"] = where
    if chance.often(60):
        metadata["labels"] = {"team": chance.one(TEAMS), **({"tier": "gold"} if chance.often(30) else {})}
    return metadata


def _storage(chance: Chance, where: str, identity: Identity, label: str | None = None) -> Resource:
    label = label or "-".join(identity).replace(".", "-").lower()
    spec: dict[str, Any] = {}
    if chance.often(60):
        spec["region"] = chance.one(REGIONS)
    if chance.often(20):
        spec["endpoint"] = chance.one(("https://s3.example.com", "https://minio.example.com/", ""))
    if label.endswith("-again"):
        spec["allowDuplicate"] = True
    credentials: Any = "both"
    if chance.often(15) and identity[0] != "AzureBlob":
        credentials = OTHER
    return Resource(label, identity, bucket(label, identity, credentials, _metadata(chance, where), **spec), True)


def _shared(resource: Resource) -> Resource:
    """The same with the provider API key that the workspace has (`_ground`)."""
    return resource._replace(manifest=_with(resource.manifest, credentials={"apiKey": "shared key"}))


def _model(chance: Chance, where: str, name: str, provider: str) -> Resource:
    spec = {"endpoint": chance.one(("https://llm.example.com/v1", "https://llm.example.com/v1/"))}
    if provider != "Other" and chance.often(60):
        spec = {}
    credentials = {"secret": CREDENTIALS["secret"]}
    return Resource(name, ("LLM", name), llm(name, provider, credentials, _metadata(chance, where), **spec), True)


def _repository(
    chance: Chance, where: str, name: str, resources: Sequence[Resource], taken: set[tuple[Identity, str]], careless: bool
) -> Manifest:  # fmt: skip
    models = [r for r in resources if r.identity[0] == "LLM"]
    endpoint = "OpenAI" if models and chance.often(30) else chance.one(STORAGE)
    mode = "Mirror" if endpoint != "OpenAI" and chance.often(12) else chance.one((None, "Normal"))
    policy = chance.one((None, "Additive", "Exact", "Exact"))
    metadata = _metadata(chance, where)
    if chance.often(8):
        return repository(name, None, endpoint, policy, mode, **metadata)
    pool = models if endpoint == "OpenAI" else [r for r in resources if r.identity[0] != "LLM"]
    chosen: list[tuple[Resource, str | None]] = []
    for resource in chance.some(pool, 0 if chance.often(10) else 1, 4):
        folder = chance.one((None, *FOLDERS))
        if careless or (_fits(resource, [r for r, _ in chosen]) and _free(resource, folder, mode, taken)):
            chosen.append((resource, folder))
            taken.add((resource.identity, "*" if mode == "Mirror" else _key(folder)))
    entries = [_entry(chance, resource, folder, resources) for resource, folder in chosen]
    if mode == "Mirror" and entries:
        entries[chance.below(len(entries))]["master"] = True
    elif mode == "Mirror" and not careless:
        mode = None
    return repository(name, entries, endpoint, policy, mode, **metadata)


def _entry(chance: Chance, resource: Resource, folder: str | None, all_of_them: Sequence[Resource]) -> dict[str, Any]:
    if resource.identity[0] == "LLM":
        return entry(*resource.identity)
    fields: dict[str, Any] = {} if folder is None else {"folder": folder}
    if sum(r.identity == resource.identity for r in all_of_them) > 1 or chance.often(10):
        fields["label"] = resource.label
    return entry(*resource.identity, **fields)


def _fits(resource: Resource, others: Sequence[Resource]) -> bool:
    """Whether a resource can join others in one repository: no two of their names are equal, but the account's."""
    if resource.identity[0] == "LLM":
        return True
    names = {name for other in others for name in other.identity[1:]}
    if resource.identity[0] == "AzureBlob":
        names -= {other.identity[1] for other in others if other.identity[0] == "AzureBlob"}
        names |= {other.identity[1] for other in others if other.identity[0] != "AzureBlob"}
    return not names & set(resource.identity[1:])


def _key(folder: str | None) -> str:
    return "/".join(part for part in (folder or "").split("/") if part not in ("", "."))


def _free(resource: Resource, folder: str | None, mode: str | None, taken: set[tuple[Identity, str]]) -> bool:
    used = {where for identity, where in taken if identity == resource.identity}
    return not used if mode == "Mirror" else not used & {"*", _key(folder)}


# What was applied before


def _earlier(chance: Chance, world: World) -> list[Manifest]:
    """An earlier form of a workspace: some of it was not there, some was otherwise, and some is gone since."""
    there = [r for r in world.resources if r.declared and chance.often(80)]
    documents = [workspace(world.name)] if world.name != "default" else []
    documents += [_otherwise(chance, r.manifest) for r in there]
    known = {r.label for r in there}
    by_identity = {r.identity: r.label for r in world.resources}
    for document in world.repositories:
        entries = document["spec"].get("resources") or []
        kept = [e for e in entries if (e.get("label") or by_identity.get(_identity(e))) in known]
        whole = document["spec"].get("mode") != "Mirror" or len(kept) == len(entries)
        if whole and chance.often(75):
            documents.append(_with(document, resources=kept, attachmentPolicy="Exact"))
    place = {} if world.name == "default" else {"workspace": world.name}
    if chance.often(60):
        documents.append(bucket("old-bucket", ("S3", "acme-retired"), metadata=place, region="eu-west-1"))
        attached = [entry("S3", "acme-retired", folder="old")] if chance.often(60) else []
        documents.append(repository("retired", attached, **place))
    if chance.often(30):
        documents.append(llm("old model", metadata=place))
    old = any(d["metadata"]["name"] == "old-bucket" for d in documents)
    return [_with_old(d) if old and _takes(d) and chance.often(25) else d for d in documents]


def _takes(document: Manifest) -> bool:
    """Whether a repository may attach one more bucket."""
    spec = document.get("spec", {})
    return (
        spec.get("endpointType") in STORAGE
        and spec.get("mode") != "Mirror"
        and document["metadata"]["name"] != "retired"
    )


def _identity(item: Mapping[str, Any]) -> Identity:
    fields = {"AzureBlob": ("account", "container"), "LLM": ("name",)}.get(item["type"], ("bucket",))
    return (item["type"], *(item[field] for field in fields))


def _with(document: Manifest, **spec: Any) -> Manifest:
    return {**document, "spec": {**document["spec"], **spec}}


def _with_old(document: Manifest) -> Manifest:
    entries = document["spec"].get("resources") or []
    return _with(document, resources=[*entries, entry("S3", "acme-retired", folder="older")])


def _otherwise(chance: Chance, document: Manifest) -> Manifest:
    """A bucket or an LLM as it was: with another region, endpoint, or other credentials."""
    spec: dict[str, Any] = {}
    if chance.often(25):
        spec["endpoint"] = "https://old.example.com"
    if document["kind"] == "Bucket" and chance.often(25):
        spec["region"] = "us-west-2"
    if document["kind"] == "Bucket" and "key" in document["spec"]["credentials"] and chance.often(15):
        spec["credentials"] = OTHER
    return _with(document, **spec)


# What is live


def _ground(world: World) -> list[Op]:
    """What a workspace has that no manifest declares: itself, a provider API key, and resources."""
    shared = any("apiKey" in resource.manifest["spec"]["credentials"] for resource in world.resources)
    if world.declared or (not shared and world.name == "default" and all(r.declared for r in world.resources)):
        return []
    ops = [] if world.name == "default" else [Op("create", "workspace", "", world.name, {})]
    ops.append(
        Op("create", "apikeys", world.name, "shared key", {"key": "AKIASHARED", "secret": "hush", "provider": "AWS"})
    )
    return ops + [_created(world.name, resource) for resource in world.resources if not resource.declared]


def _live(chance: Chance, world: World, known: set[Key]) -> list[Op]:
    """What others did to a workspace. `known`: what is there because it was applied before."""
    ops: list[Op] = []
    if world.declared and ("Workspace", "default", world.name) not in known:
        if chance.often(45):
            return []
        called = world.name.upper() if chance.often(15) else world.name
        ops.append(Op("create", "workspace", "", called, {}))
        if called != world.name:
            return ops
    for resource in world.resources:
        if resource.declared:
            ops += _live_resource(chance, world.name, resource, applied=_key_of(resource.manifest) in known)
    for document in world.repositories:
        ops += _live_repository(chance, world, document, applied=_key_of(document) in known)
    if chance.often(35):
        ops.append(Op("create", "bucket", world.name, "unmanaged bucket", {"identity": ("GCS", "acme-foreign")}))
        ops.append(Op("create", "repo", world.name, "unmanaged", {"storageType": "S3", "mode": "NORMAL"}))
        ops += [Op("attach", "repo", world.name, "unmanaged", {"label": r.label, "folder": chance.one(FOLDERS)})
                for r in chance.some((r for r in world.resources if r.identity[0] != "LLM"), 0, 2)]  # fmt: skip
    if chance.often(20):
        ops.append(Op("key", "repo", world.name, chance.one(world.repositories)["metadata"]["name"], {}))
    return ops


def _collection(resource: Resource) -> str:
    return "ai/llm" if resource.identity[0] == "LLM" else "bucket"


def _created(where: str, resource: Resource) -> Op:
    """The creation of a resource as its manifest has it."""
    spec = resource.manifest["spec"]
    body: dict[str, Any] = {name: spec[name] for name in ("region", "endpoint", "provider") if spec.get(name)}
    return Op("create", _collection(resource), where, resource.label, {**body, "identity": resource.identity})


def _live_resource(chance: Chance, where: str, resource: Resource, *, applied: bool) -> list[Op]:
    collection, create = _collection(resource), _created(where, resource)
    drift: dict[str, Any] = {"endpoint": chance.one(("https://drift.example.com", None))}
    if collection == "bucket" and chance.often(50):
        drift = {"region": chance.one(("drift-1", None))}
    draw = chance.below(1000) / 10
    if applied:
        gone = Op("delete", collection, where, resource.label, {})
        return [Op("change", collection, where, resource.label, drift)] if draw < 20 else [gone] if draw < 26 else []
    if draw < 45:
        return []
    if draw < 67:
        return [create]
    if draw < 94:
        return [create._replace(body={**create.body, **drift})]
    if draw < 94.7:
        return [create, create]  # a twin
    if draw < 95.4:
        return [create._replace(body={**create.body, "identity": (*resource.identity[:-1], "acme-elsewhere")})]
    if draw < 96.1:
        return [create._replace(name=f"{resource.label}-copy")]
    return [create._replace(name=_renamed(chance, resource.manifest, collection, where))]


def _renamed(chance: Chance, document: Manifest, collection: str, where: str) -> str:
    """How an object is called that was renamed on the platform; its manifest may know its id."""
    name: str = document["metadata"]["name"]
    if chance.often(85):
        document["metadata"]["id"] = id_of(collection, where, name.upper())
    return name.upper()


_WIRE: Final = {"S3": "S3", "GCS": "GCS", "AzureBlob": "BLOB", "OpenAI": "OPENAI"}


def _live_repository(chance: Chance, world: World, document: Manifest, *, applied: bool) -> list[Op]:
    name, spec = document["metadata"]["name"], document["spec"]
    wanted = [_wire_entry(world, item) for item in spec.get("resources") or []]
    family = [r for r in world.resources if (r.identity[0] == "LLM") == (spec["endpointType"] == "OpenAI")]
    extra = [{"label": r.label, "folder": chance.one(FOLDERS)} for r in chance.some(family, 0, 2)]
    if spec.get("mode") == "Mirror" or chance.often(40):
        extra = []
    if applied:
        if chance.often(6):
            return [Op("delete", "repo", world.name, name, {})]
        lost = [Op("detach", "repo", world.name, name, item) for item in wanted if chance.often(15)]
        return [*lost, *(Op("attach", "repo", world.name, name, item) for item in extra if chance.often(50))]
    there = [each for each in (_drifted(chance, item) for item in wanted) if each is not None]
    labels = {each["label"] for each in wanted}
    body: dict[str, Any] = {"storageType": _WIRE[spec["endpointType"]], "mode": (spec.get("mode") or "Normal").upper()}
    body["attached"] = [*there, *(each for each in extra if each["label"] not in labels)]
    draw = chance.below(100)
    if draw < 45:
        return []
    if draw < 55:
        return [Op("create", "repo", world.name, name, {**body, "attached": wanted})]
    if draw < 96:
        return [Op("create", "repo", world.name, name, body)]
    if draw < 97:
        other = "GCS" if body["storageType"] == "S3" else "S3"
        return [Op("create", "repo", world.name, name, {**body, "storageType": other})]
    return [Op("create", "repo", world.name, _renamed(chance, document, "repo", world.name), body)]


def _wire_entry(world: World, item: Mapping[str, Any]) -> dict[str, Any]:
    label = item.get("label") or next((r.label for r in world.resources if r.identity == _identity(item)), "nowhere")
    return {"label": label, "folder": item.get("folder", ""), "master": item.get("master", False)}


def _drifted(chance: Chance, item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """An attachment as it is live: as wanted, in another folder, or not at all."""
    draw = chance.below(100)
    if draw < 2:
        return {**item, "folder": chance.one(FOLDERS)}
    return item if draw < 65 else None


def _meanwhile(chance: Chance, world: World) -> list[Op]:
    """What others do between a plan and its apply."""
    resource, document = chance.one(world.resources), chance.one(world.repositories)
    collection = "ai/llm" if resource.identity[0] == "LLM" else "bucket"
    storage = [r for r in world.resources if r.identity[0] != "LLM"]
    name = document["metadata"]["name"]
    possible = [
        Op("create", collection, world.name, resource.label, {"identity": resource.identity, "provider": "OpenAI"}),
        Op("change", collection, world.name, resource.label, {"endpoint": "https://meanwhile.example.com"}),
        Op("create", "repo", world.name, name, {"storageType": "S3", "mode": "NORMAL"}),
        Op("attach", "repo", world.name, name, {"label": chance.one(storage).label, "folder": "meanwhile"}),
        Op("delete", "repo", world.name, name, {}),
    ]
    return chance.some(possible, 1, 2)
