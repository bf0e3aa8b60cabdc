"""Fleet files for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gatectl.fleet.reading import Read, fleet_of
from gatectl.fleet.values import Source
from gatectl.model import SourceFile

SOURCE: Mapping[str, Any] = {
    "name": "analytics",
    "git": {"url": "https://git.acme.example/gateway.git"},
    "platform": "https://backend.flashback.tech",
    "token": {"file": "/run/secrets/token"},
}


def fleet(*sources: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    """A fleet of these sources, each as `SOURCE` but for what it says."""
    listed = [{**SOURCE, **source} for source in sources or ({},)]
    head = {"apiVersion": "gatectl.io/v1", "kind": "Fleet", "metadata": {"name": "acme"}}
    return {**head, "spec": {**spec, "sources": listed}}


def read(document: Mapping[str, Any]) -> Read:
    """What is read of a fleet, as the bytes of its file."""
    return fleet_of(SourceFile("/etc/fleet.yaml", json.dumps(document).encode()))


def source(**fields: Any) -> Source:
    """The one source of a fleet of the right form, as `SOURCE` but for these fields."""
    found = read(fleet(fields))
    assert found.fleet is not None, found.findings
    return found.fleet.sources[0]
