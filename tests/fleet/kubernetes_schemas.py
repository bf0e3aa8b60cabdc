"""Writes `kubernetes.schema.json` again: of Kubernetes' own strict schemas what the manifest of the example uses. Every other field is
refused, so a field that is new in the manifest wants this once more.

    python tests/fleet/kubernetes_schemas.py

It runs where kubernetes-validate is installed, which has the schemas, and more than a hundred megabytes of them; no test needs it.
"""

from __future__ import annotations

import json
from functools import reduce
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

VERSION = "v1.37.0-local-strict"
HERE = Path(__file__).resolve().parent
MANIFEST = HERE.parent.parent / "examples" / "fleet" / "deploy" / "kubernetes.yaml"
KEPT = ("type", "required", "enum", "oneOf", "anyOf", "const")
FILES = {
    "Namespace": "namespace-v1.json",
    "ConfigMap": "configmap-v1.json",
    "ServiceAccount": "serviceaccount-v1.json",
    "Deployment": "deployment-apps-v1.json",
    "PodDisruptionBudget": "poddisruptionbudget-policy-v1.json",
    "Service": "service-v1.json",
}


def used(schema: dict[str, Any], value: Any, file: Path) -> dict[str, Any]:
    """What of a schema, which stands in a file, a value uses. KeyError: a field that the schema does not have."""
    while "$ref" in schema:
        named, _, pointer = schema["$ref"].partition("#")
        file = file.with_name(named.rpartition("/")[2]) if named else file
        schema = json.loads(file.read_text())
        for part in filter(None, pointer.split("/")):
            schema = schema[part]
    kept = {name: said for name, said in schema.items() if name in KEPT}
    if isinstance(value, dict) and schema.get("properties"):
        kept["properties"] = {name: used(schema["properties"][name], each, file) for name, each in value.items()}
        kept["additionalProperties"] = False
    elif isinstance(value, dict) and value:
        of = schema["additionalProperties"]
        kept["additionalProperties"] = reduce(merged, (used(of, each, file) for each in value.values()))
    elif isinstance(value, list):
        kept["items"] = reduce(merged, (used(schema["items"], each, file) for each in value))
    return kept


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What two values use together."""
    both = {**one, **other}
    for name in one.keys() & other.keys():
        if isinstance(one[name], dict) and isinstance(other[name], dict):
            both[name] = merged(one[name], other[name])
    return both


def main() -> None:
    found = find_spec("kubernetes_validate")
    assert found is not None and found.origin is not None, "pip install kubernetes-validate"
    folder = Path(found.origin).parent / "kubernetes-json-schema" / VERSION
    schemas = {
        each["kind"]: used({"$ref": FILES[each["kind"]]}, each, folder / FILES[each["kind"]])
        for each in yaml.safe_load_all(MANIFEST.read_text())
        if each["kind"] in FILES
    }
    (HERE / "kubernetes.schema.json").write_text(json.dumps(schemas, indent=1) + "\n")


if __name__ == "__main__":
    main()
