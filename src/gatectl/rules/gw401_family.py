"""GW401: a resource family that the endpoint type cannot expose.

The source document: "S3, GCS, or Azure Blob for storage resources. OpenAI for AI LLM resources."
"""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Finding
from gatectl.rules.interface import RepositoryView, Rule, shown, spot

STORAGE = ("S3", "GCS", "AzureBlob")


def each(view: RepositoryView) -> Iterator[Finding]:
    if view.endpoint_type == "OpenAI":
        foreign: tuple[str, ...] = STORAGE
        hint = "storage needs an endpoint of type S3, GCS or AzureBlob"
    elif view.endpoint_type in STORAGE:
        foreign = ("LLM",)
        hint = "LLMs need an endpoint of type OpenAI"
    else:
        return
    for entry in view.entries:
        if entry.identity[0] in foreign and entry.position is not None:
            yield Finding(
                "GW401", f"{shown(entry)} cannot be exposed by an endpoint of type {view.endpoint_type}",
                f"{hint}: move it to such a repository", spot=spot(view, entry),
                subject=("Repository", view.workspace, view.name), about=((view.workspace, view.name),),
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
