"""GW401: a resource family that the endpoint type cannot expose.

The source document: "S3, GCS, or Azure Blob for storage resources. OpenAI for AI LLM resources."
"""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Finding
from gatectl.resources import ENDPOINTS, FAMILIES
from gatectl.rules.interface import RepositoryView, Rule, shown, spot


def each(view: RepositoryView) -> Iterator[Finding]:
    if view.endpoint_type not in ENDPOINTS:
        return
    for entry in view.entries:
        family = FAMILIES.get(entry.type)
        if family is None or not family.endpoints or entry.position is None or view.endpoint_type in family.endpoints:
            continue
        *most, last = (endpoint for endpoint in ENDPOINTS if endpoint in family.endpoints)
        needed = f"{', '.join(most)} or {last}" if most else last
        yield Finding(
            "GW401", f"{shown(entry)} cannot be exposed by an endpoint of type {view.endpoint_type}",
            f"{'storage needs' if family.storage else f'{family.words}s need'} an endpoint of type {needed}: move it to such a repository",
            spot=spot(view, entry),
            subject=view.subject, about=((view.workspace, view.name),),
        )  # fmt: skip


RULE = Rule(
    "GW401",
    "A resource family that the endpoint type cannot expose",
    "Storage stands behind S3, GCS and AzureBlob endpoints, LLMs behind OpenAI endpoints. A live attachment of another"
    " family is kept as unmanaged.",
    each=each,
    bad="spec: {endpointType: S3, resources: [{type: LLM, name: summaries}]}",
    good="spec: {endpointType: OpenAI, resources: [{type: LLM, name: summaries}]}",
)
