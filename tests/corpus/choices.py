"""Scenes in which gatectl has to choose or to judge: which of several objects is meant, what is adopted, what widens, which
names collide. Each is decided by one line of the program that little else notices."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from corpus.live import Op, doing, id_of, put_ids
from corpus.recording import Act, Files, Run, Step
from corpus.scenes import lines, project
from corpus.steps import apply, plan
from sites import Manifest, bucket, entry, repository

SAME: Final = ("S3", "acme-same")


def _written(*documents: Manifest) -> Files:
    return Files({"gatectl.yaml": project(), "manifests/all.yaml": "\n---\n".join(json.dumps(d) for d in documents)})


def _registered(label: str, identity: tuple[str, ...] = SAME) -> Op:
    return Op("create", "bucket", "default", label, {"identity": identity})


def _attaching(name: str, *attached: Any, **wire: Any) -> Op:
    items = [{"label": each} if isinstance(each, str) else each for each in attached]
    return Op("create", "repo", "default", name, {"storageType": "S3", "mode": "NORMAL", "attached": items, **wire})


def _live(*ops: Op) -> Act:
    return Act("live", doing(ops))


def _which() -> list[Step]:
    """Two registered buckets of one identity: what an entry means that says nothing, the label, or the id."""
    wanted: Mapping[str, Sequence[Any]] = {
        "attached": [entry(*SAME)],
        "folder": [entry(*SAME, folder="b")],
        "label": [entry(*SAME, label="one")],
        "case": [entry(*SAME, label="One")],
        "nobody": [entry(*SAME, label="three")],
        "id": [entry(*SAME, id=id_of("bucket", "default", "one"))],
        "neither": [entry(*SAME, id=id_of("bucket", "default", "one"), label="two")],
        "both": [entry(*SAME, label="one"), entry(*SAME, label="two", folder="b")],
        "upper": [entry("S3", "ACME-Same")],
    }
    steps: list[Step] = [
        _written(repository("x", [])),
        _live(
            _registered("one"),
            _registered("two"),
            _attaching("second", {"label": "two", "folder": "second"}),
            _attaching("none"),
            _attaching("first", {"label": "one", "folder": "first"}),
        ),
    ]
    for name, entries in wanted.items():
        for each, policy in (("second", "Exact"), ("second", None), ("none", None), ("first", None)):
            steps += [
                _written(repository(each, [{"folder": each, **item} for item in entries], policy=policy)),
                Act("ids", put_ids),
                Run(f"{name} {each}", ["plan"]),
            ]
    return steps


def _adopting() -> list[Step]:
    """Live objects that nobody applied, that this project applied, and that another one did."""
    documents = [
        bucket("one", SAME),
        bucket("other", ("GCS", "acme-other"), region="eu-west-1"),
        repository("data", [entry(*SAME)]),
        repository("drifted", [entry(*SAME, folder="a")]),
    ]
    other = {"b.yaml": project("b"), "c.yaml": project("acme", uid="c")}
    return [
        _written(*documents),
        Files(other),
        _live(
            _registered("one"),
            _registered("other", ("GCS", "acme-other")),
            _attaching("data", "one"),
            _attaching("drifted"),
        ),
        plan(formats=("markdown", "html")),
        Run("target", ["plan", "--target", "Bucket/one"]),
        *apply(),
        *lines(
            "--project b.yaml plan",
            "--project b.yaml apply --yes -q",
            "--project c.yaml plan",
            "plan",
            "--project b.yaml plan --prune",
        ),
        _written(documents[0]),
        *lines("plan --prune", "--project b.yaml plan --prune", "apply --prune --yes", "--project b.yaml plan --prune"),
    ]


def _widening() -> list[Step]:
    """What a plan gives to those who hold the API keys of a repository."""
    buckets = [bucket("one", SAME), bucket("two", ("GCS", "acme-two"))]
    held = {"keyed": "k", "plain": "p", "gone": "g", "twice": "t", "moved": "m"}
    keys = [Op("key", "repo", "default", name, {}) for name in ("keyed", "twice", "twice", "gone", "moved")]
    made = [_attaching(name, {"label": "one", "folder": folder}) for name, folder in held.items()]
    wanted = [
        repository("keyed", [entry(*SAME, folder="k"), entry("GCS", "acme-two", folder="k")]),
        repository("plain", [entry(*SAME, folder="p"), entry("GCS", "acme-two", folder="p")]),
        repository("gone", [], policy="Exact"),
        repository("twice", [entry("GCS", "acme-two", folder="t")]),
        repository("moved", [entry(*SAME, folder="n")]),
    ]
    return [
        _written(*buckets),
        _live(_registered("one"), _registered("two", ("GCS", "acme-two")), *made, *keys),
        _written(*buckets, *wanted),
        plan(formats=("markdown", "html", "json")),
        Run("keyed", ["plan", "--target", "Repository/keyed"]),
        _written(*buckets, *wanted[:-1]),
        *lines("plan", "apply --yes", "plan --format markdown", "export", "graph --live --format mermaid"),
        _written(*buckets),
        *lines("plan --prune", "plan --prune --format html=prune.html", "apply --prune --yes"),
    ]


def _twins() -> list[Step]:
    """What is to be created comes to be otherwise, once or twice, between the plan and its apply."""
    wanted = [bucket("one", SAME), repository("data", [entry(*SAME)])]
    steps: list[Step] = []
    changes: Mapping[str, Sequence[Op]] = {
        "same": [_registered("one")],
        "twice": [_registered("one"), _registered("one")],
        "other": [_registered("one", ("GCS", "acme-other"))],
        "label": [_registered("elsewhere")],
        "case": [_registered("ONE")],
        "in use": [_registered("one"), _registered("one"), _attaching("user", "one")],
        "repository": [_attaching("data")],
        "taken": [_registered("one"), _attaching("taker", "one")],
    }
    for name, ops in changes.items():
        steps += [
            Files({}, without=[".gatectl"]),
            _written(*wanted),
            Run(f"plan {name}", ["plan", "--out", "saved.json", "-q"]),
            _live(*ops),
            Run(name, ["apply", "--plan", "saved.json", "--yes", "--format", "json"]),
            Run(f"directly {name}", ["apply", "--yes"]),
            Run(f"after {name}", ["plan", "--detailed-exitcode"]),
        ]
    return steps


def _names() -> list[Step]:
    """Names in one repository and folders of one bucket, in every order."""
    account, other = entry("AzureBlob", "acmelake", "tiles"), entry("AzureBlob", "acmeweu", "tiles")
    lake, tiles, same = entry("S3", "acmelake"), entry("GCS", "tiles"), entry("S3", "ACMELAKE", folder="x")
    lists: Mapping[str, Sequence[Any]] = {
        "account first": [account, lake],
        "bucket first": [lake, account],
        "two containers": [account, {**account, "container": "audit"}, lake],
        "two accounts": [account, other],
        "container first": [account, tiles],
        "container last": [tiles, account],
        "all": [tiles, other, lake, account],
        "case": [lake, same],
        "providers": [lake, {**lake, "type": "GCS"}],
        "labels": [{**lake, "label": "a"}, {**lake, "label": "b"}],
        "ids": [{**lake, "id": "a"}, {**lake, "id": "b"}],
        "one of them": [{**lake, "label": "a"}, lake],
        "thrice": [lake, lake, lake],
    }
    folders = ("", "raw", "/raw/", "raw/.", "raw/../raw", "raw/a", "RAW", "a//b", "a/b", "..", "/", ".")
    steps: list[Step] = []
    for name, entries in lists.items():
        for endpoint in ("S3", "AzureBlob"):
            steps += [_written(repository("data", entries, endpoint)), Run(f"{name} {endpoint}", ["validate"])]
    users = [repository(f"r{n}", [entry(*SAME, folder=folder)]) for n, folder in enumerate(folders)]
    apart = [repository(f"r{n}", [entry(*SAME, folder="f", label=label)]) for n, label in enumerate(("a", "b", "a"))]
    moved = [
        repository(f"r{n}", [entry(*SAME, folder="f")], workspace=where) for n, where in enumerate(("x", "y", "x"))
    ]
    mirror = [repository("m", [entry(*SAME, master=True)], mode="Mirror"), *users[:2]]
    for name, documents in {"folders": users, "apart": apart, "workspaces": moved, "mirror": mirror}.items():
        steps += [_written(*documents), Run(name, ["validate"]), Run(f"{name} planned", ["plan"])]
    return steps


CHOICES: Final[Mapping[str, Callable[[], list[Step]]]] = {
    "which-one": _which,
    "adopting": _adopting,
    "widening": _widening,
    "twins": _twins,
    "names": _names,
}
