"""Files that gatectl wrote, changed by somebody: saved plans and receipts that say other things, snapshots of odd platforms."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from corpus.recording import Act, Files, Run, Step
from corpus.scenes import BUCKET, DATA, GOOD, LLM, good, lines, project

Json = dict[str, Any]


def changed(name: str, into: str, change: Callable[[Json], Any], seal: str | None = None) -> Act:
    """A JSON file changed, as another file. `seal`: the field that holds the digest of all others, made anew."""

    def act(folder: Path) -> str:
        value = json.loads((folder / name).read_text(encoding="utf-8"))
        text = change(value)
        if seal is not None:
            rest = {key: part for key, part in value.items() if key != seal}
            plain = json.dumps(rest, sort_keys=True, separators=(",", ":"))
            value[seal] = "sha256:" + hashlib.sha256(plain.encode()).hexdigest()
        (folder / into).write_text(text if isinstance(text, str) else json.dumps(value), encoding="utf-8")
        return ""

    return Act(f"make {into}", act)


def _operation(plan: Json, kind: str) -> Any:
    return next(operation for operation in plan["operations"] if operation["kind"] == kind)


OF_PLANS: Final[Mapping[str, Callable[[Json], Any]]] = {
    "name": lambda p: _operation(p, "Bucket").update(name="other"),
    "risk": lambda p: _operation(p, "Bucket").update(risk="destructive"),
    "kind": lambda p: _operation(p, "Bucket").update(kind="Nope"),
    "summary": lambda p: p["summary"].update(create=0),
    "operations": lambda p: p.update(operations=[]),
    "fewer": lambda p: p["operations"].pop(),
    "fields": lambda p: _operation(p, "Bucket")["fields"].pop(),
    "fingerprint": lambda p: p.update(fingerprint="sha256:" + "0" * 64),
    "future": lambda p: p.update(formatVersion="9.0"),
    "past": lambda p: p.update(formatVersion="0.1"),
    "target": lambda p: p["target"].update(url="https://gateway.example", driver="flashback"),
    "project": lambda p: p["target"].update(project={"name": "other", "uid": None}),
    "source": lambda p: p.pop("source"),
    "list": lambda p: "[]",
    "text": lambda p: "a plan",
    "empty": lambda p: "",
    "cut": lambda p: json.dumps(p)[:1000],
    "nan": lambda p: json.dumps(p).replace('"create": 3', '"create": NaN'),
    "deep": lambda p: "[" * 100_000,
}


def plans() -> list[Step]:
    """Saved plans and receipts that are no longer what gatectl wrote."""
    steps: list[Step] = [
        good(),
        Files({"manifests/llm.yaml": LLM}),
        *lines("plan --out p.json --format text=p.txt"),
        *lines(
            "plan --out p.json.gz -q",
            "show p.json.gz",
            "show nowhere.json",
            "show manifests/all.yaml",
            "show manifests",
            "apply --plan p.txt --yes",
        ),
    ]
    for name, change in OF_PLANS.items():
        steps += [
            changed("p.json", f"{name}.json", change, seal="digest"),
            *lines(f"show {name}.json", f"apply --yes --plan {name}.json"),
        ]
    steps += [
        Act("make half", _half),
        *lines("show half.json.gz", "apply --yes --plan p.json.gz --receipt r.json", "show r.json"),
    ]
    for name, change in OF_RECEIPTS.items():
        steps += [
            changed("r.json", f"receipt-{name}.json", change),
            *lines(f"show receipt-{name}.json --format markdown"),
        ]
    return [*steps, *lines("apply --yes --plan r.json")]


def _half(folder: Path) -> str:
    packed = gzip.compress(b'{"formatVersion": "1.1"}' * 100, mtime=0)
    (folder / "half.json.gz").write_bytes(packed[: len(packed) // 2])
    return ""


OF_RECEIPTS: Final[Mapping[str, Callable[[Json], Any]]] = {
    "failed": lambda r: (
        [o.update(status="failed", error={"code": "refused", "message": "no"}) for o in r["outcomes"][:1]] and None
    ),
    "blocked": lambda r: [o.update(status="blocked") for o in r["outcomes"][1:]] and None,
    "unknown": lambda r: r["outcomes"][0].update(status="unknown", error={"code": "unreachable", "message": "x"}),
    "diverged": lambda r: r.update(converged=False),
    "settled": lambda r: r.update(settled=[{"id": r["outcomes"][0]["id"], "deleted": "a", "kept": "b"}]),
    "overridden": lambda r: r.update(overrides=[{"name": "deletes", "value": 3, "reason": "seen"}]),
    "empty": lambda r: r.update(outcomes=[]),
    "status": lambda r: r["outcomes"][0].update(status="fine"),
    "future": lambda r: r.update(formatVersion="9.0"),
    "plan": lambda r: r.pop("plan"),
    "actor": lambda r: r.update(actor={"user": "<b>", "host": None, "ci": "github", "url": "https://x.example/7"}),
}


# Snapshots: of platforms that are otherwise than the embedded one


def _lists(snapshot: Json) -> Any:
    return snapshot["contents"][next(iter(snapshot["contents"]))]


def _repository(snapshot: Json) -> Any:
    return next(each for each in _lists(snapshot)["repo"] if each["name"] == "data")


def _attachment(snapshot: Json) -> Any:
    return _repository(snapshot)["buckets"][0]


OF_SNAPSHOTS: Final[Mapping[str, Callable[[Json], Any]]] = {
    "disabled": lambda s: _repository(s).update(disabled=True),
    "unknown field": lambda s: _repository(s).update(packets=[True], owner=[True]),
    "unknown field of an attachment": lambda s: _attachment(s).update(rules=[True]),
    "mode": lambda s: _repository(s).update(mode="STRIPED"),
    "type": lambda s: _repository(s).update(storageType="FTP"),
    "azure": lambda s: _repository(s).update(storageType="AZURE"),
    "legacy names": lambda s: _repository(s).update(
        units=[
            {"unitId": a["bucketId"], "unit": a["bucket"], "folder": a["folder"]} for a in _repository(s).pop("buckets")
        ]
    ),
    "no list": lambda s: _repository(s).pop("buckets"),
    "no llms": lambda s: _lists(s).update({"ai/llm": None}),
    "no keys": lambda s: _lists(s).update(apikeys=None),
    "not listed": lambda s: _lists(s)["bucket"].clear(),
    "nameless": lambda s: _lists(s)["bucket"][0].update(name=""),
    "odd names": lambda s: _lists(s)["bucket"][0].update(name="\u202e<b>\x1b[31m`|"),
    "twins": lambda s: _lists(s)["bucket"].append({**_lists(s)["bucket"][0], "id": "another"}),
    "two workspaces of a name": lambda s: s["workspaces"].append({"id": "w2", "name": "default"}),
    "other workspace": lambda s: s["workspaces"][0].update(name="Default"),
    "openai": lambda s: s["traits"].update(openai=None),
    "packets": lambda s: s["traits"].update(packets=True),
    "many keys": lambda s: _repository(s).update(apiKeys=[{"id": str(n)} for n in range(3)]),
    "read only": lambda s: s["workspaces"][0].update(role="READER"),
    "future": lambda s: s.update(formatVersion="9.0"),
    "no owners": lambda s: s.pop("owned"),
    "text": lambda s: "a snapshot",
}


def snapshots() -> list[Step]:
    """Plans, exports and pictures of snapshots that somebody changed, the digest too."""
    wanted = BUCKET.replace("bucket: raw-events\n", "bucket: raw-events\n  region: eu-west-1\n")
    mixed = f"{wanted}---\n{DATA}    - {{type: S3, bucket: new-events}}\n---\n" + BUCKET.replace("raw", "new")
    steps: list[Step] = [
        good(),
        Files({"gatectl.yaml": project(), "manifests/all.yaml": f"{GOOD}---\n{LLM}"}),
        *lines("apply --yes -q", "snapshot --out s.json"),
        changed("s.json", "forged.json", lambda s: s.update(owned=[])),
        Files({"manifests/all.yaml": mixed}),
        *lines("plan --against forged.json", "plan --against nowhere.json", "plan --against p --platform embedded"),
        *lines(
            "plan --against s.json --prune --format markdown --out p.json",
            "apply --plan p.json --yes",
            "--platform snapshot://s.json apply --yes",
        ),
    ]
    for name, change in OF_SNAPSHOTS.items():
        file = f"{name.replace(' ', '-')}.json"
        steps += [
            changed("s.json", file, change, seal="digest"),
            Run(f"plan {name}", ["plan", "--against", file, "--detailed-exitcode"]),
            Run(f"export {name}", ["--platform", f"snapshot://{file}", "export"]),
        ]
    return [*steps, Run("live", ["--platform", "snapshot://disabled.json", "graph", "--live", "--format", "dot"])]
