"""What is so on a platform, beside what a receipt says; and time that only moves when somebody waits."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gatectl.clock import Clock, Patience
from gatectl.platforms.interface import Wire
from sites import Receipt, Site, bucket, entry, llm, operation, repository, workspace

CONSISTENCY = 10.0
LISTS = ("workspace", "bucket", "ai/llm", "repo")
COLLECTIONS = {"Workspace": "workspace", "Bucket": "bucket", "LLM": "ai/llm", "Repository": "repo"}


class Time:
    """A clock that only moves when somebody waits, and by a little with each request."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.writes = 0

    def pass_by(self, seconds: float) -> None:
        self.now += seconds

    @property
    def patience(self) -> Patience:
        return Patience(CONSISTENCY, Clock(lambda: self.now, self.pass_by))


def estate(site: Site, *, second: bool, space: str = "lab") -> None:
    """Manifests of a workspace with everything in it; in the second one, a bucket is changed and more is attached."""
    place = {"workspace": space}
    more = [{"type": "S3", "bucket": "media"}] if second else []
    site.manifests(
        workspace(space),
        bucket("logs", ("S3", "logs"), region="eu-west-1" if second else None, metadata=place),
        bucket("media", ("S3", "media"), metadata=place),
        llm("gpt", metadata=place),
        repository("orders", [entry("S3", "logs", folder="orders"), *more], **place),
        repository("returns", [entry("S3", "logs", folder="returns")], **place),
        repository("assistant", [entry("LLM", "gpt")], endpoint="OpenAI", **place),
    )


def assert_true(site: Site, plan: Any, receipt: Receipt, space: str = "lab") -> None:
    """What a receipt says was done is so on the platform, and what it says was not is not; of what is unknown both may be."""
    live = {kind: found(site, name, space) for kind, name in COLLECTIONS.items()}
    for outcome in receipt["outcomes"]:
        planned = operation(plan, outcome["id"])
        there = live[planned["kind"]].get(planned["name"])
        if outcome["status"] in ("done", "already"):
            assert there is not None and there["id"] == outcome["platformId"], outcome
            assert shows(planned, there), (outcome, there)
        elif outcome["status"] != "unknown":
            assert there is None if planned["action"] == "create" else not shows(planned, there or {}), outcome


def found(site: Site, collection: Any, space: str) -> dict[str, Wire]:
    """The live objects of a workspace by name."""
    spaces = {wire["id"] for wire in site.list("workspace") if wire["name"] == space}
    return {wire["name"]: wire for wire in site.list(collection) if wire.get("workspaceId", wire["id"]) in spaces}


def shows(planned: Any, wire: Wire) -> bool:
    """Whether an object has what an operation of `estate` wants of it."""
    attached = {item["bucket"]["name"] for item in wire.get("buckets", ())}
    attached |= {item["aiLlm"]["name"] for item in wire.get("aiLlms", ())}
    regions = [field["after"] for field in planned["fields"] if field["path"] == "/spec/region"]
    wanted = {item.get("label") or item["name"] for item in planned["attach"]}
    return wanted <= attached and all(wire.get("region") == region for region in regions)


def assert_once(site: Site) -> None:
    for name in LISTS:
        counted = Counter((w.get("workspaceId"), w["name"]) for w in site.list(name))
        assert max(counted.values(), default=0) <= 1, (name, counted)
