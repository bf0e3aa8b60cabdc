"""What an operator copies from `examples/fleet`: the alerts and the dashboard name what /metrics gives, the manifest fits Kubernetes' own
schemas, and image and unit are as confined as they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from controller.web import METRICS, controller
from gatectl.documents.fleets import STATES
from gatectl.fleet.reading import read_fleet
from pages import BIN, TOP

EXAMPLE = TOP / "examples" / "fleet"
DEPLOY = EXAMPLE / "deploy"
RULES = EXAMPLE / "prometheus-rules.yaml"
DASHBOARD = EXAMPLE / "grafana-dashboard.json"
SCHEMAS = json.loads((Path(__file__).parent / "kubernetes.schema.json").read_text())
"""Of Kubernetes 1.37's own schemas what the manifest uses; any other field is refused."""

promtool = shutil.which("promtool")
systemd_analyze = shutil.which("systemd-analyze")


# Alerts and the dashboard


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[str]]:
    """The names that /metrics gives once everything has happened, and the labels of each."""
    with controller(tmp_path_factory.mktemp("measured")) as running:
        running.measures.looked("in-sync", 0.1)
        running.measures.asked_git(failed=True)
        running.measures.hooked(believed=True)
        running.measures.told("drift", sent=True)
        text = running.get("/metrics", Authorization=f"Bearer {METRICS}").text
    samples = re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE)
    return {name: set(re.findall(r'(\w+)="', labels)) for name, labels in samples}


def _expressions() -> Iterator[tuple[str, str]]:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


EXPRESSIONS = list(_expressions())
OTHERS = {"instance"}
"""Labels that Prometheus itself gives."""


@pytest.mark.parametrize(("name", "expression"), EXPRESSIONS, ids=[name for name, _ in EXPRESSIONS])
def test_an_alert_or_a_panel_names_what_the_controller_measures(
    name: str, expression: str, measured: Mapping[str, set[str]]
) -> None:
    names = re.findall(r"\bgatectl_\w+", expression)
    assert names
    assert set(names) <= set(measured)
    labels = set(chain.from_iterable(measured[each] for each in names)) | OTHERS
    grouped = re.findall(r"(?:by|on|without) \(([^)]*)\)", expression)
    matched = re.findall(r"(\w+)(?:=~|=)\"([^\"]*)\"", expression)
    assert {label for group in grouped for label in group.split(", ")} | {label for label, _ in matched} <= labels
    assert {state for label, values in matched if label == "state" for state in values.split("|")} <= set(STATES)


def test_whatever_is_measured_is_on_the_dashboard(measured: Mapping[str, set[str]]) -> None:
    shown = set(re.findall(r"\bgatectl_\w+", DASHBOARD.read_text()))
    parts = {name for name in measured if name.startswith("gatectl_reconcile_duration_seconds")}
    assert set(measured) - parts <= shown


def test_an_alert_says_what_it_is_about_with_labels_that_it_has() -> None:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            assert {"summary", "description"} == set(rule["annotations"]), rule["alert"]
            used = set(re.findall(r"\$labels\.(\w+)", "".join(rule["annotations"].values())))
            kept = {label for found in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in found.split(", ")}
            assert used <= kept | OTHERS, rule["alert"]


def test_the_panels_of_the_dashboard_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.skipif(promtool is None, reason="promtool is not installed")
def test_prometheus_own_tool_finds_nothing_wrong_with_the_alerts() -> None:
    assert promtool is not None
    done = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# Kubernetes


OBJECTS: Mapping[str, dict[str, Any]] = {
    each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
}


@pytest.mark.parametrize("kind", sorted(set(OBJECTS) - {"ServiceMonitor"}))
def test_an_object_of_kubernetes_fits_the_schema_of_its_kind(kind: str) -> None:
    Draft202012Validator(SCHEMAS[kind]).validate(OBJECTS[kind])


def test_a_field_that_kubernetes_does_not_know_does_not_fit() -> None:
    wrong = json.loads(json.dumps(OBJECTS["Deployment"]))
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    assert not Draft202012Validator(SCHEMAS["Deployment"]).is_valid(wrong)


def test_its_objects_find_each_other() -> None:
    pods = OBJECTS["Deployment"]["spec"]["template"]
    labels = pods["metadata"]["labels"]
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert OBJECTS[kind]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["Service"]["spec"]["selector"] == labels
    assert OBJECTS["ServiceMonitor"]["spec"]["selector"]["matchLabels"] == OBJECTS["Service"]["metadata"]["labels"]
    (port,) = OBJECTS["Service"]["spec"]["ports"]
    (endpoint,) = OBJECTS["ServiceMonitor"]["spec"]["endpoints"]
    (container,) = pods["spec"]["containers"]
    assert endpoint["port"] == port["name"]
    assert port["targetPort"] == container["ports"][0]["name"]
    volumes = {volume["name"] for volume in pods["spec"]["volumes"]}
    mounted = [*pods["spec"]["initContainers"], container]
    assert {mount["name"] for each in mounted for mount in each["volumeMounts"]} == volumes
    namespaces = {each["metadata"].get("namespace", each["metadata"]["name"]) for each in OBJECTS.values()}
    assert namespaces == {"gatectl"}


def test_its_containers_may_do_nothing_but_their_work() -> None:
    pod = OBJECTS["Deployment"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod["initContainers"], *pod["containers"]):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]


def test_its_controllers_take_the_options_that_there_are_and_the_fleet_file_that_is_valid(tmp_path: Path) -> None:
    (container,) = OBJECTS["Deployment"]["spec"]["template"]["spec"]["containers"]
    _takes(container["args"])
    file = tmp_path / "fleet.yaml"
    file.write_text(OBJECTS["ConfigMap"]["data"]["fleet.yaml"])
    read = read_fleet(file)
    assert list(read.findings) == []
    assert read.fleet is not None
    given = {variable["name"] for variable in container["env"]}
    assert read.fleet.database is not None
    assert read.fleet.database.variable in given


# The image and the unit


def test_the_image_installs_what_is_locked_and_runs_as_nobody_special() -> None:
    text = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if re.search(r"\b(pip|uv|curl|wget)\b|^ADD\b", line)] == []
    assert "RUN .ci/install /opt/gatectl" in lines
    (user,) = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert (
        user.split(":") == [str(OBJECTS["Deployment"]["spec"]["template"]["spec"]["securityContext"]["runAsUser"])] * 2
    )
    assert lines.index(f"USER {user}") > max(index for index, line in enumerate(lines) if line.startswith("RUN "))
    (command,) = [line.removeprefix("CMD ") for line in lines if line.startswith("CMD ")]
    _takes(json.loads(command))


def test_the_image_has_nothing_of_a_checkout_that_git_ignores() -> None:
    """What stands there is read beside the Dockerfile, whatever folder it is built from."""
    left_out = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {".git", "**/.venv", "**/.gatectl"} <= set(left_out)


UNIT = DEPLOY / "gatectl-controller.service"


def test_the_unit_starts_a_controller_with_options_that_there_are_and_again_whenever_it_ends() -> None:
    text = UNIT.read_text()
    assert "\nRestart=always\n" in text
    (command,) = re.findall(r"^ExecStart=\S+/gatectl (.*)$", text, re.MULTILINE)
    _takes(command.split())


@pytest.mark.skipif(systemd_analyze is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    assert systemd_analyze is not None
    unit = tmp_path / UNIT.name
    unit.write_text(
        re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text())
    )  # gatectl is not installed there
    done = subprocess.run([systemd_analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def _takes(words: list[str]) -> None:
    """A command line has the options that the command has."""
    assert words[0] == "controller"
    known = subprocess.run([BIN / "gatectl", words[0], "--help"], capture_output=True, text=True, check=True).stdout
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", known))
