"""GW307: a bucket or account name registered at two providers in one workspace (U15: unique more widely, some pages say)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from gatectl.model import Finding, Manifest, Related, Spot
from gatectl.quote import quote
from gatectl.resources import STORAGE_KINDS, is_container
from gatectl.rules.interface import Namespace, Rule


def across(namespace: Namespace) -> Iterator[Finding]:
    first: dict[tuple[str | None, str], Manifest] = {}
    for manifest in namespace.manifests:
        name = _name(manifest) if manifest.kind in STORAGE_KINDS else None
        if name is None:
            continue
        earlier = first.setdefault((manifest.workspace, name.lower()), manifest)
        if _provider(earlier) != _provider(manifest):
            yield Finding(
                "GW307",
                f"the name '{quote(name)}' is registered at two providers: {quote(_provider(manifest))} and {quote(_provider(earlier))}",
                "fine as long as no repository attaches both",
                "warning",
                Spot(manifest.document, ("spec", _field(manifest))),
                subject=manifest.subject,
                related=(
                    Related(Spot(earlier.document, ("spec", _field(earlier))), f"{quote(_provider(earlier))} here"),
                ),
            )


def _field(manifest: Manifest) -> str:
    return "account" if is_container(manifest.spec.get("type")) else "bucket"


def _name(manifest: Manifest) -> str | None:
    name = manifest.spec.get(_field(manifest))
    return name if type(name) is str else None


def _provider(manifest: Manifest) -> str:
    kind, endpoint = manifest.spec.get("type"), manifest.spec.get("endpoint")
    if is_container(kind) or type(endpoint) is not str or not endpoint:
        return str(kind)
    try:
        return f"{kind} at {urlsplit(endpoint).netloc.lower().rpartition('@')[2]}"
    except ValueError:
        return f"{kind} at a custom endpoint"


RULE = Rule(
    "GW307",
    "The same bucket or account name registered at two providers in a workspace",
    "The platform's documentation claims in places that such names are unique in the organization; the source document only"
    " asks for it inside a repository. So this is a warning, and GW301 and GW302 are errors.",
    severity="warning",
    adjustable=True,
    across=across,
    bad="""\
kind: Bucket
metadata: {name: orders-aws}
spec: {type: S3, bucket: acme-orders, region: eu-west-1, credentials: {key: {env: ID}, secret: {env: KEY}}}
---
kind: Bucket
metadata: {name: orders-gcs}
spec: {type: GCS, bucket: acme-orders, region: eu-west-1, credentials: {key: {env: ID}, secret: {env: KEY}}}
""",
    good="""\
kind: Bucket
metadata: {name: orders-aws}
spec: {type: S3, bucket: acme-orders, region: eu-west-1, credentials: {key: {env: ID}, secret: {env: KEY}}}
---
kind: Bucket
metadata: {name: orders-gcs}
spec: {type: GCS, bucket: acme-orders-gcs, region: eu-west-1, credentials: {key: {env: ID}, secret: {env: KEY}}}
""",
)
