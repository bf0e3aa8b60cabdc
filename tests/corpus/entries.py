"""What is in the corpus: the entries by name, each as its steps (`recording.Step`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from corpus import estates, mistakes
from corpus.beside import BESIDE
from corpus.broken_inputs import plans, snapshots
from corpus.choices import CHOICES
from corpus.estates import Chance, Estate
from corpus.examples import EXAMPLES
from corpus.live import doing, put_ids
from corpus.recording import Act, Content, Files, Run, Step
from corpus.scenes import SCENES
from corpus.steps import PAGES, REPORTS, apply, into_files, plan, show, snapshot
from corpus.writing import files


def entries() -> Mapping[str, Callable[[], Sequence[Step]]]:
    """All entries, in order; the steps are worked out when they are asked for."""
    return {
        **{f"example-{name}": steps for name, steps in EXAMPLES.items()},
        **{
            f"scene-{name}": steps
            for name, steps in {**SCENES, "plans": plans, "snapshots": snapshots, **CHOICES, **BESIDE}.items()
        },
        **{f"estate-{number:03}": partial(_of_estate, number) for number in range(estates.COUNT)},
    }


# Generated estates: each is validated and planned, and most are applied. To do everything with each would take minutes, so
# the rest is done with every second to sixth.


def _of_estate(number: int) -> list[Step]:
    estate, chance = estates.make(number), Chance(f"steps {number}")
    folder = "" if chance.often(20) else "manifests"
    project = _project(chance, folder)
    steps: list[Step] = [Files({} if project is None else {"gatectl.yaml": project})]
    others = [*estate.ground, *estate.live]
    if estate.earlier is not None:
        others = estate.live
        earlier = files(chance, estate.earlier, folder)
        steps += [Act("ground", doing(estate.ground))] if estate.ground else []
        steps += [Files(earlier), Run("earlier", ["apply", "--yes", "-q"]), Files({}, without=list(earlier))]
    documents = mistakes.make(chance, estate.manifests) if estate.mistaken and chance.often(75) else estate.manifests
    written = files(chance, documents, folder)
    if estate.mistaken and chance.often(40):
        written = mistakes.make_in_files(chance, written)
    steps += [Act("live", doing(others))] if others else []
    steps += [Files(written), Act("ids", put_ids)]
    report = REPORTS[number % len(REPORTS)]
    steps.append(Run("validate", ["validate", *into_files("validate", (report,))]))
    steps.append(plan(*_selection(chance, estate), formats=(report, *(PAGES if number % 2 else ()))))
    if number % 5 == 0:
        steps.append(show((report, *PAGES)))
    if number % 2 == 0:
        steps.append(Run("graph", ["graph", "--format", ("dot", "svg", "mermaid", "html")[number // 2 % 4]]))
    if estate.meanwhile:
        steps.append(Act("meanwhile", doing(estate.meanwhile)))
    if number % 2 == 0 or estate.meanwhile:
        steps += apply()[: 3 if number % 4 == 0 else 2]
    else:
        steps.append(Run("apply-directly", ["apply", "--yes", *(("--prune",) if chance.often(30) else ())]))
    if number % 4 == 1:
        steps.append(Run("export", ["export"]))
    if number % 4 == 3:
        steps += snapshot()
    if number % 6 == 0:
        steps.append(Run("graph-live", ["graph", "--live", "--format", "dot"]))
    return steps


def _project(chance: Chance, folder: str) -> Content | None:
    if folder == "" and chance.often(50):
        return None
    environment: dict[str, Any] = {"platform": "embedded"}
    if chance.often(15):
        environment["guardrails"] = {"maxDeletes": chance.below(2), "maxDetaches": chance.below(3)}
    spec: dict[str, Any] = {"environments": {"default": environment}}
    if folder:
        spec["manifests"] = [folder]
    if chance.often(30):
        spec["uid"] = "0b9f4c1e-2d6a"
    if chance.often(25):
        spec["rules"] = {chance.one(("GW205", "GW305", "GW306", "GW307")): chance.one(("error", "warning", "off"))}
    if chance.often(15):
        spec["exclude"] = ["**/deep/**"]
    document = {"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "acme & co"}, "spec": spec}
    return json.dumps(document, indent=2)


def _selection(chance: Chance, estate: Estate) -> list[str]:
    """The options of a plan: none, or some that choose."""
    draw = chance.below(100)
    if draw < 50:
        return []
    if draw < 72:
        return ["--prune"] if estate.earlier is not None or chance.often(5) else []
    if draw < 80:
        teams = {d["metadata"]["labels"]["team"] for d in estate.manifests if "labels" in d["metadata"]}
        return ["-l", f"team={chance.one(sorted(teams) or ['data'])}"]
    document = chance.one(estate.manifests)
    if draw < 92 or document["kind"] not in ("Bucket", "LLM"):
        return ["--target", f"{document['kind']}/{document['metadata']['name']}"]
    return ["--renew-credentials", f"{document['kind']}/{document['metadata']['name']}"]
