"""Between a plan and its apply everything that the plan refers to is changed in every way that the platform's API allows:
nothing is written, or exactly what was reviewed."""

from __future__ import annotations

import contextlib
import copy
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gatectl.applying.saved import read_plan
from gatectl.documents.plans import digest, fingerprint, is_invalid
from gatectl.documents.states import read_state
from gatectl.errors import GatectlError, InputError, PlatformError, StalePlan
from gatectl.kinds import KINDS
from gatectl.model import Live, ObjectKey
from gatectl.planning.current import read_current, read_workspaces
from gatectl.platforms.interface import Connection, Credentials, Secret, Writer
from serving import EMAIL, PASSWORD, Server
from sites import Between, Site, bucket, entry, llm, repository

Json = dict[str, Any]
Lists = Mapping[str, Sequence[Mapping[str, Any]]]
COLLECTIONS = ("workspace", "bucket", "ai/llm", "repo", "apikeys")
AZURE = ("AzureBlob", "acct", "logs")


class Mutation(NamedTuple):
    name: str
    make: Callable[[Site, Writer], object]


def world(site: Site) -> Json:
    """A platform, and a plan that attaches, detaches, keeps, creates, changes and deletes on it."""
    site.live_api_key("main")
    raw = site.live_bucket("raw", ("S3", "raw-events"))
    legacy = site.live_bucket("legacy", ("GCS", "legacy-data"))
    media = site.live_bucket("media", ("S3", "media"), endpoint="https://s3.example.com")
    site.live_bucket("azure", AZURE)
    site.live_bucket("spare", ("S3", "spare"))
    gone = site.live_bucket("gone", ("S3", "gone-data"))
    site.live_llm("gpt", endpoint="https://api.example.com")
    site.live_repository("data", {"bucketId": raw, "folder": "raw"}, {"bucketId": legacy, "folder": "kept"})
    site.live_repository("exact", {"bucketId": raw, "folder": "exact"}, {"bucketId": legacy, "folder": "old"})
    site.live_repository("bystander", {"bucketId": media, "folder": "theirs"})
    old = site.live_repository("old", {"bucketId": gone, "folder": "g"})
    site.live_key(old)
    site.remember(old, gone)
    site.manifests(
        bucket("raw", ("S3", "raw-events"), region="eu-west-1"),
        bucket("new", ("S3", "new-events"), credentials={"apiKey": "main"}),
        llm("claude", "Anthropic"),
        repository("data", [entry("S3", "raw-events", folder="raw"), entry(*AZURE, folder="x"), entry("S3", "new-events")]),
        repository("exact", [entry("S3", "raw-events", folder="exact")], policy="Exact"),
        repository("fresh", [entry("S3", "media", folder="m")]),
        repository("ai", [entry("LLM", "gpt"), entry("LLM", "claude")], endpoint="OpenAI"),
    )  # fmt: skip
    plan = site.plan(prune=True)
    assert not plan["diagnostics"]
    assert {op["action"] for op in plan["operations"]} == {"create", "update", "delete"}
    return dict(plan)


def lists(site: Site) -> Lists:
    return {collection: site.list(collection) for collection in COLLECTIONS}


FIELDS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "bucket": {
        "name": ("renamed", "raw", "new"), "bucket": ("elsewhere", "legacy-data", "media", "new-events", "acct"),
        "storageType": ("S3", "GCS"), "region": ("ap-south-1",), "endpoint": ("https://elsewhere.example.com", ""),
        "key": ("OTHER",), "secret": ("other",),
    },
    "ai/llm": {"name": ("renamed", "claude"), "aiType": ("ANTHROPIC",), "endpoint": ("https://elsewhere.example.com",)},
    "apikeys": {"description": ("renamed",), "key": ("OTHER",)},
    "workspace": {"name": ("renamed",)},
}  # fmt: skip


def mutations(live: Lists) -> Iterator[Mutation]:
    """Everything that can be done to what is there, and what can come to be beside it."""
    for collection, fields in FIELDS.items():
        for wire in live[collection]:
            for name, values in fields.items():
                for value in values:
                    yield _change(collection, wire, {name: value}, f"{name} {value}")
    for collection in COLLECTIONS:
        for wire in live[collection]:
            yield _deletion(collection, wire)
    for wire in live["repo"]:
        for words, body in _bodies(wire, live):
            yield _change("repo", wire, _whole(wire) | body, words)
        yield Mutation(f"{wire['name']}: a key", lambda site, _, wire=wire: site.live_key(wire["id"]))
        yield Mutation(f"{wire['name']}: made anew", lambda site, writer, wire=wire: _anew(writer, wire))
    yield from _beside(live)


def _change(collection: Any, wire: Mapping[str, Any], body: Json, words: str) -> Mutation:
    called = wire.get("name") or wire.get("description")
    return Mutation(f"{collection} {called}: {words}", lambda _, writer: writer.update(collection, wire["id"], body))


def _deletion(collection: Any, wire: Mapping[str, Any]) -> Mutation:
    called = wire.get("name") or wire.get("description")
    return Mutation(f"{collection} {called}: deleted", lambda _, writer: writer.delete(collection, wire["id"]))


def _whole(wire: Mapping[str, Any]) -> Json:
    return {
        **{name: wire[name] for name in ("name", "storageType", "mode", "workspaceId")},
        "repoBuckets": [{name: a[name] for name in ("bucketId", "folder", "master")} for a in wire["buckets"]],
        "repoAiLlms": [{"aiLlmId": a["aiLlmId"]} for a in wire["aiLlms"]],
    }


def _anew(writer: Writer, wire: Mapping[str, Any]) -> None:
    writer.delete("repo", wire["id"])
    writer.create("repo", _whole(wire))


def _bodies(wire: Mapping[str, Any], live: Lists) -> Iterator[tuple[str, Json]]:
    attached = _whole(wire)["repoBuckets"]
    yield "renamed", {"name": "renamed"}
    yield "in upper case", {"name": str(wire["name"]).upper()}
    yield "named fresh", {"name": "fresh"}
    for storage in ("GCS", "BLOB", "OPENAI"):
        yield f"as {storage}", {"storageType": storage}
    yield "as mirror", {"mode": "MIRROR", "repoBuckets": [item | {"master": n == 0} for n, item in enumerate(attached)]}
    for number, item in enumerate(attached):
        rest = [other for other in attached if other is not item]
        yield f"without {number}", {"repoBuckets": rest}
        yield f"{number} in another folder", {"repoBuckets": [*rest, item | {"folder": "moved"}]}
        yield f"{number} as master", {"repoBuckets": [*rest, item | {"master": True}]}
        for other in live["bucket"]:
            yield f"{number} by {other['name']}", {"repoBuckets": [*rest, item | {"bucketId": other["id"]}]}
    for other in live["bucket"]:
        for folder in ("", "x", "m"):
            new = {"bucketId": other["id"], "folder": folder, "master": False}
            yield f"with {other['name']} in '{folder}'", {"repoBuckets": [*attached, new]}
    for other in live["ai/llm"]:
        yield f"with {other['name']}", {"repoAiLlms": [{"aiLlmId": other["id"]}]}


def _beside(live: Lists) -> Iterator[Mutation]:
    for kind, remote in (("S3", "new-events"), ("S3", "raw-events"), ("GCS", "new-events"), ("S3", "acct")):
        for label in ("new", "New", "other", "raw"):
            yield Mutation(
                f"bucket {label} of {kind} {remote}",
                lambda site, _, kind=kind, remote=remote, label=label: site.live_bucket(label, (kind, remote)),
            )
    for name in ("claude", "Claude", "gpt"):
        yield Mutation(f"LLM {name}", lambda site, _, name=name: site.live_llm(name))
    yield Mutation("API key main", lambda site, _: site.live_api_key("main"))
    yield Mutation("workspace default", lambda site, _: site.live_workspace("default"))
    yield Mutation("workspace other", lambda site, _: site.live_workspace("other"))
    for name in ("fresh", "Fresh", "taker"):
        yield Mutation(f"repository {name}", lambda site, _, name=name: site.live_repository(name))
        for wire in live["bucket"]:
            for folder in ("", "x", "m"):
                item = {"bucketId": wire["id"], "folder": folder}
                yield Mutation(
                    f"repository {name} with {wire['name']} in '{folder}'",
                    lambda site, _, name=name, item=item: site.live_repository(name, item),
                )
                mirror = {"mode": "MIRROR"}
                yield Mutation(
                    f"mirror {name} with {wire['name']} in '{folder}'",
                    lambda site, _, name=name, item=item, mirror=mirror: site.live_repository(
                        name, item | {"master": True}, **mirror
                    ),
                )


OWN = frozenset(
    ("id", "name", "bucket", "storageType", "mode", "workspaceId", "key", "endpoint", "region", "apiKeyId", "aiType",
     "buckets", "aiLlms", "apiKeys", "aiApiKeys", "description", "createdAt")
)  # fmt: skip
"""What objects have of their own; the rest counts who uses them, or changes by itself."""


def plain(found: Lists) -> dict[str, Json]:
    """What is there, by id."""
    return {
        f"{collection}/{wire['id']}": {
            name: [{k: v for k, v in a.items() if k in ("bucketId", "aiLlmId", "folder", "master", "id")} for a in value]
            if isinstance(value, list) else value
            for name, value in wire.items() if name in OWN
        }
        for collection, wires in found.items() for wire in wires
    }  # fmt: skip


def as_reviewed(site: Site, plan: Json, before: dict[str, Json]) -> None:
    """The platform is as the plan says, and all that it says nothing of is as it was."""
    reader = site.reader()
    current = read_current(reader, ["default"], read_workspaces(reader), api_keys=True)
    reader.close()
    after = plain(lists(site))
    ours = set()
    for op in plan["operations"]:
        index = current.among(ObjectKey(op["kind"], op["workspace"], op["name"]))
        collection = KINDS[op["kind"]].collection
        if op["action"] == "delete":
            assert op["platformId"] not in index.by_id
            ours.add(f"{collection}/{op['platformId']}")
            continue
        found = [index.by_id[op["platformId"]]] if op["platformId"] is not None else index.by_name[op["name"]]
        (live,) = found
        ours.add(f"{collection}/{live.id}")
        same_state(op, live)
        for item in op["attach"]:
            shown_as(item, current.states["default"].context)
    for name in before.keys() | after.keys():
        assert name in ours or before.get(name) == after.get(name), (before.get(name), after.get(name))


def same_state(op: Json, live: Live) -> None:
    wanted, found = read_state(op["after"]), live.state
    kind = KINDS[op["kind"]]
    assert kind.comparable(wanted.spec) == kind.comparable(found.spec)
    sides = [
        sorted((a.identity, a.id if w.id else None, (a.folder or "").strip("/"), bool(a.master)) for a, w in zip(
            sorted(side, key=_by_identity), sorted(wanted.attachments, key=_by_identity), strict=True))
        for side in (wanted.attachments, found.attachments)
    ]  # fmt: skip
    assert sides[0] == sides[1]


def _by_identity(item: Any) -> Any:
    return (item.identity, (item.folder or "").strip("/"))


def shown_as(item: Json, context: Any) -> None:
    """What was attached points where the plan said."""
    if item["id"] is not None:
        live = context.of("LLM" if item["type"] == "LLM" else "Bucket")[item["id"]]
        for name in ("provider", "endpoint"):
            assert (live.spec.get(name) or None) == item.get(name)
        assert item["label"] in (None, live.key.name)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Json, list[Mutation]]:
    site = Site(tmp_path_factory.mktemp("prepared"))
    plan = world(site)
    return site.folder, plan, list(mutations(lists(site)))


def trial(site: Site, plan: Json, mutation: Mutation) -> str | None:
    """What became of the plan after a mutation; None where the platform refused that."""
    writer = site.writer()
    try:
        mutation.make(site, writer)
    except PlatformError:
        return None
    finally:
        writer.close()
    before = plain(lists(site))
    try:
        receipt = site.apply(plan)
    except StalePlan:
        assert plain(lists(site)) == before
        return "refused"
    statuses = set(receipt.statuses.values())
    if "conflict" in statuses:
        assert statuses <= {"conflict", "not-started"}, receipt
        assert plain(lists(site)) == before
        return "refused"
    assert statuses <= {"done", "already"} and receipt.converged, receipt
    as_reviewed(site, plan, before)
    return "as reviewed"


def test_a_plan_of_an_untouched_platform_is_applied_as_reviewed(prepared: Any, tmp_path: Path) -> None:
    folder, plan, _ = prepared
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    assert trial(Site(tmp_path), plan, Mutation("nothing", lambda site, writer: None)) == "as reviewed"


@pytest.mark.parametrize("part", range(8))
def test_whatever_is_changed_nothing_is_written_or_what_was_reviewed(prepared: Any, tmp_path: Path, part: int) -> None:
    folder, plan, every = prepared
    ends: dict[str | None, list[str]] = {}
    for number, mutation in enumerate(every[part::8]):
        shutil.copytree(folder, tmp_path / str(number))
        try:
            ends.setdefault(trial(Site(tmp_path / str(number)), plan, mutation), []).append(mutation.name)
        except Exception as error:
            raise AssertionError(mutation.name) from error
        shutil.rmtree(tmp_path / str(number))
    assert ends["refused"] and ends["as reviewed"], ends


def test_what_changes_between_two_levels_is_a_conflict_and_what_depends_on_it_is_blocked(
    prepared: Any, tmp_path: Path
) -> None:
    folder, plan, _ = prepared
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    site = Site(tmp_path)
    azure = site.one("bucket", "azure")["id"]
    receipt = site.apply(
        plan, wrap=lambda inner: Between(inner, 0, lambda: site.update("bucket", azure, {"bucket": "elsewhere"}))
    )
    statuses = receipt.statuses
    assert statuses["repository/default/data"] == "conflict"
    assert "AzureBlob:acct:logs:azure/identity: planned 'AzureBlob/acct/logs'" in receipt.error(
        "repository/default/data"
    )
    assert {status for name, status in statuses.items() if name != "repository/default/data"} == {"done"}
    assert "azure" not in {label for label, _, _ in site.attached("data")}


# A plan that somebody changed, its digests made anew


def pointers(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values in a document."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from pointers(value[key], (*path, key))


def substitutes(value: Any) -> Iterator[Any]:
    """Other values in its place."""
    if isinstance(value, bool) or value is None:
        yield from (True, False, None, "x", 1)
    elif isinstance(value, int):
        yield from (value + 1, 0, -1, None)
    elif isinstance(value, str):
        yield from ("", "x", value.upper(), None, "default", "raw", "S3")
    elif isinstance(value, list):
        yield from ([], value * 2, value[1:], value[::-1])
    else:
        yield from ({}, None, *({k: v for k, v in value.items() if k != name} for name in value))


def changed(plan: Json) -> Iterator[tuple[str, Json]]:
    for path in pointers(plan):
        if path[0] in ("digest", "fingerprint"):
            continue
        holder = plan
        for key in path[:-1]:
            holder = holder[key]
        for number, other in enumerate(substitutes(holder[path[-1]])):
            if type(other) is type(holder[path[-1]]) and other == holder[path[-1]]:
                continue
            forged = copy.deepcopy(plan)
            place = forged
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = other
            with contextlib.suppress(Exception):  # what has no fingerprint is no plan
                forged["fingerprint"] = fingerprint(forged)
                forged["digest"] = digest(forged)
                yield f"{'/'.join(map(str, path))} {number}", forged


OTHER_SECRETS = re.compile(r"operations/\d+/fields/\d+/after\b")
"""Which credentials are sent is a choice that any plan may have made: it is shown, and has a fingerprint of its own."""


@pytest.mark.parametrize("part", range(4))
def test_whatever_is_changed_in_a_saved_plan_it_is_refused_or_says_nothing_that_is_done(
    prepared: Any, tmp_path: Path, part: int
) -> None:
    """What is shown and not done may say anything; nothing else."""
    folder, plan, _ = prepared
    harmless = set()
    for number, (name, forged) in enumerate(changed(plan)):
        if number % 4 != part:
            continue
        file = tmp_path / "plan.json"
        file.write_text(json.dumps(forged))
        try:
            read = dict(read_plan(str(file)))
        except InputError:
            continue
        assert not is_invalid(read)
        top = name.partition("/")[0].partition(" ")[0]
        if forged["fingerprint"] == plan["fingerprint"]:
            # Operations are what they were, but for their words; all else of a plan is for readers.
            harmless.add(top)
            assert [{**op, "reason": "", "source": None} for op in read["operations"]] == [
                {**op, "reason": "", "source": None} for op in plan["operations"]
            ], name
            continue
        copied = tmp_path / str(number)
        shutil.copytree(folder, copied)
        site = Site(copied)
        before = plain(lists(site))
        try:
            receipt = site.apply(read)
        except GatectlError:
            assert plain(lists(site)) == before, name
        else:
            if "conflict" in receipt.statuses.values():
                assert plain(lists(site)) == before, name
            elif not OTHER_SECRETS.match(name):
                # Another spelling, or a label that tells nothing apart: what is done is what was reviewed.
                try:
                    as_reviewed(site, plan, before)
                except Exception as error:
                    raise AssertionError(name) from error
        shutil.rmtree(copied)
    assert harmless <= {
        "source",
        "selection",
        "summary",
        "operations",
        "kept",
        "unmanaged",
        "adopts",
        "target",
        "diagnostics",
    }


class Served(Site):
    """The same site over HTTP. Its database is looked at and filled beside the server where the API has no client."""

    url = ""

    @property
    def way(self) -> Connection:
        if not self.url:
            return self.connection
        credentials = Credentials(email=EMAIL, password=Secret(PASSWORD))
        return Connection(self.url, self.folder, "OPENAI", credentials, named=True)


OVER_HTTP = (
    ("refused", "bucket azure: bucket elsewhere"), ("refused", "bucket media: endpoint https://elsewhere.example.com"),
    ("refused", "ai/llm gpt: endpoint https://elsewhere.example.com"), ("refused", "bucket other of S3 new-events"),
    ("refused", "apikeys main: deleted"), ("refused", "data: a key"), ("refused", "repository taker with azure in 'x'"),
    ("refused", "repo data: without 1"), ("as reviewed", "bucket spare: bucket elsewhere"),
)  # fmt: skip


@pytest.mark.parametrize(("end", "name"), OVER_HTTP)
def test_over_http_it_is_the_same(tmp_path: Path, end: str, name: str) -> None:
    site = Served(tmp_path)
    world(site)
    with Server(tmp_path / "server", database=f"sqlite:///{tmp_path / '.gatectl/platform.db'}") as server:
        site.url = server.url
        plan = dict(site.plan())
        (mutation,) = [each for each in mutations(lists(site)) if each.name == name]
        assert plan["operations"] and trial(site, plan, mutation) == end
