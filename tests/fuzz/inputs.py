"""The inputs: one of a kind, a seed and a number, and the same on every machine; and the commands that read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random
from typing import Any, Final, NamedTuple

import mutate
import seeds
import yaml

PLATFORM: Final = "{platform}"
"""Stands for the address of the server in a command line."""


class Input(NamedTuple):
    """Files by name, relative to the working directory, and command lines that read them.

    `sealed` is a file whose digest is made to fit before it is read, as somebody would who means harm. `answers` are the
    bodies of a platform by method and path; where it has none, the answer is as it should be."""

    files: Mapping[str, bytes]
    commands: Sequence[Sequence[str]]
    sealed: str | None = None
    answers: Mapping[str, bytes] = {}


Make = Callable[[Random], Input]


def make(kind: str, seed: int, number: int) -> Input:
    """Input `number` of a kind and a seed."""
    return KINDS[kind](Random(f"{seed}/{kind}/{number}"))  # a text is hashed the same everywhere


def _load(content: bytes) -> list[Any]:
    return [mutate.tree(one) for one in yaml.load_all(content, yaml.CBaseLoader)]


@cache
def _documents() -> tuple[Sequence[bytes], Sequence[Sequence[Any]]]:
    """The manifests of all files, as bytes and as the trees of their documents, as far as they have any."""
    files, trees = seeds.manifests(), []
    for content in files:
        try:
            trees.append(_typed(_load(content)))
        except yaml.YAMLError:
            continue
    return files, [one for one in trees if one]


@cache
def _projects() -> tuple[Sequence[bytes], Sequence[Any]]:
    files = seeds.projects()
    return files, [_typed(one) for content in files for one in _load(content)]


def _typed(node: Any) -> Any:
    """What the base loader reads as text is written as it was."""
    if isinstance(node, mutate.Pairs):
        return mutate.Pairs([key, _typed(value)] for key, value in node)
    if isinstance(node, list):
        return [_typed(one) for one in node]
    return mutate.Raw(node) if node in ("true", "false", "null") or node.isdigit() else node


@cache
def _json(name: str) -> Any:
    return mutate.tree(json.loads(seeds.made(name)))


def _yaml_text(rng: Random, documents: Sequence[Any]) -> bytes:
    how = mutate.flow if rng.random() < 0.3 else mutate.block
    return "\n---\n".join(map(how, documents)).encode("utf-8", "surrogatepass")


def _mutated_yaml(rng: Random, files: Sequence[bytes], trees: Sequence[Sequence[Any]]) -> bytes:
    """Three of ten by their bytes, the others by one of their documents."""
    if rng.random() < 0.3:
        return mutate.mutate_bytes(rng, rng.choice(files), files)
    documents = list(rng.choice(trees))
    if len(documents) > 6:
        at = rng.randrange(len(documents) - 5)
        documents = documents[at : at + 6]
    at = rng.randrange(len(documents))
    documents[at] = mutate.mutate_tree(rng, documents[at], rng.choice(trees), yaml=True)
    if rng.random() < 0.1:
        documents.append(documents[rng.randrange(len(documents))])
    return _yaml_text(rng, documents)


def _mutated_json(rng: Random, names: Sequence[str]) -> tuple[bytes, bool]:
    """The text, and whether its digest is to fit."""
    name = rng.choice(names)
    if rng.random() < 0.15:
        return mutate.mutate_bytes(rng, seeds.made(name), [seeds.made(one) for one in names]), False
    changed = mutate.mutate_tree(rng, _json(name), [_json(one) for one in names])
    return mutate.flow(changed).encode(), rng.random() < 0.9


# --- kinds -----------------------------------------------------------------------------------------------------------


def _manifest(rng: Random) -> Input:
    files, trees = _documents()
    content = _mutated_yaml(rng, files, trees)
    commands = [["validate", "--format", rng.choice(["text", "text", "sarif", "junit", "github", "gitlab"])]]
    commands.append(["validate", "--format", "json"])
    if rng.random() < 0.2:
        commands = [["plan", "--format", rng.choice(["text", "json", "markdown"])]]
    return Input({"manifests/all.yaml": content}, commands)


def _plan(rng: Random) -> Input:
    content, sealed = _mutated_json(rng, ["plan-creates.json", "plan-changes.json"])
    files = {"plan.json": content}
    if rng.random() < 0.7:
        files[".gatectl/platform.db"] = seeds.made("platform.db")
    show = [["show", "plan.json", "--format", name] for name in ("text", "json", "markdown", "html")]
    apply = ["apply", "--plan", "plan.json", "--yes", "--format", rng.choice(["text", "json"])]
    return Input(files, [*show, apply], "plan.json" if sealed else None)


def _receipt(rng: Random) -> Input:
    content, sealed = _mutated_json(rng, ["receipt.json"])
    show = [["show", "receipt.json", "--format", name] for name in ("text", "json", "markdown", "html")]
    return Input({"receipt.json": content}, show, "receipt.json" if sealed else None)


def _snapshot(rng: Random) -> Input:
    content, sealed = _mutated_json(rng, ["snapshot.json"])
    commands = [["plan", "--against", "snapshot.json", "--format", rng.choice(["text", "json", "markdown", "html"])]]
    if rng.random() < 0.3:
        commands.append(["plan", "--against", "snapshot.json", "--prune", "--force-put", "--format", "json"])
    return Input({"snapshot.json": content, **_second(rng)}, commands, "snapshot.json" if sealed else None)


def _second(rng: Random) -> dict[str, bytes]:
    """The manifests of what has been applied, or of what changes it."""
    return {"manifests/all.yaml": rng.choice([seeds.FIRST, seeds.SECOND, seeds.SECOND]).encode()}


def _project(rng: Random) -> Input:
    files, trees = _projects()
    content = _mutated_yaml(rng, files, [[one] for one in trees])
    commands = [
        ["validate", "--format", rng.choice(["text", "json"])],
        ["plan", "--format", rng.choice(["text", "json"])],
    ]
    return Input({"gatectl.yaml": content}, commands)


def _database(rng: Random) -> Input:
    files = {".gatectl/platform.db": mutate.mutate_database(rng, seeds.made("platform.db")), **_second(rng)}
    if rng.random() < 0.05:
        files[".gatectl/platform.db" + rng.choice(["-wal", "-journal"])] = rng.randbytes(rng.randrange(5_000))
    commands = [
        ["plan", "--prune", "--format", rng.choice(["text", "json"])],
        ["export"],
        ["apply", "--yes", "--format", "json"],
    ]
    if rng.random() < 0.2:
        commands[0] = ["snapshot", "--out", "snapshot.json"]
    return Input(files, commands)


COMMANDS: Final = (
    ("plan", "--prune", "--format", "json"),
    ("plan", "--format", "text"),
    ("export",),
    ("snapshot", "--out", "snapshot.json"),
    ("apply", "--yes", "--format", "json"),
    ("apply", "--yes", "--prune"),
)


def _answer(rng: Random) -> Input:
    command = rng.choice(COMMANDS)
    asked = list(ANSWERS) if command[0] == "apply" else [one for one in ANSWERS if one.startswith("GET")]
    answers = {}
    for _ in range(1 if rng.random() < 0.8 else 2):
        name = rng.choice(asked)
        if rng.random() < 0.15:
            whole = json.dumps(ANSWERS[name]).encode()
            answers[name] = mutate.mutate_bytes(rng, whole, [json.dumps(one).encode() for one in ANSWERS.values()])
        else:
            others = [mutate.tree(one) for one in ANSWERS.values()]
            answers[name] = mutate.flow(mutate.mutate_tree(rng, mutate.tree(ANSWERS[name]), others)).encode()
    line = ["--platform", PLATFORM, *command, "--deadline", "2"]
    return Input(_second(rng), [line], answers=answers)


KINDS: Final[Mapping[str, Make]] = {
    "manifests": _manifest, "plans": _plan, "receipts": _receipt, "snapshots": _snapshot, "projects": _project,
    "databases": _database, "answers": _answer,
}  # fmt: skip

# --- what a platform answers -----------------------------------------------------------------------------------------

_BUCKETS: Final = [
    {"id": "b1", "name": "raw-aws", "bucket": "raw-events", "storageType": "S3", "key": "AKIA", "region": "eu-west-1",
     "endpoint": "", "workspaceId": "w1"},
    {"id": "b2", "name": "curated-gcs", "bucket": "curated", "storageType": "GCS", "key": "AKIA", "region": "", "endpoint": "",
     "workspaceId": "w1"},
]  # fmt: skip
_LLM: Final = {
    "id": "l1",
    "name": "assistant",
    "aiType": "OPENAI",
    "endpoint": "https://api.openai.com/v1",
    "workspaceId": "w1",
}
_REPOSITORY: Final = {
    "id": "r1", "name": "events", "storageType": "S3", "mode": "NORMAL", "workspaceId": "w1", "aiApiKeys": [],
    "apiKeys": [{"id": "k1", "name": "app", "accessType": "READ"}], "aiLlms": [],
    "buckets": [{"bucketId": "b1", "folder": "in", "master": False, "bucket": _BUCKETS[0]}],
}  # fmt: skip
ANSWERS: Final[Mapping[str, Any]] = {
    "GET /workspace": {"success": True, "workspaces": [{"id": "w1", "name": "default", "orgId": "o1", "users": []}]},
    "GET /bucket": {"success": True, "buckets": _BUCKETS},
    "GET /ai/llm": {"success": True, "aiLlms": [_LLM]},
    "GET /repo": {"success": True, "repos": [_REPOSITORY]},
    "GET /apikeys": {"success": True, "apiKeys": [{"id": "a1", "key": "AKIA", "provider": "AWS", "workspaceId": "w1"}]},
    "GET /user/profile": {"success": True, "user": {"id": "u1", "email": "ci@acme.example", "orgId": "o1"}},
    "POST /workspace": {"success": True, "workspace": {"id": "w2"}},
    "POST /bucket": {"success": True, "bucketId": "b3"},
    "POST /ai/llm": {"success": True, "aiLlmId": "l2"},
    "POST /repo": {"success": True, "repoId": "r2"},
    "PUT": {"success": True},
}
"""What is answered, by method and path, or by the method alone."""
