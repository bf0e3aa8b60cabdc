"""GW205: a name breaks its provider's pattern. (Patterns and lengths of the format itself are in the schemas.)

Azure's rules hold wherever the resource is named; S3's and GCS' are errors on a Bucket manifest for the provider itself,
and warnings on a resource entry, since legacy buckets and compatible services exist (product.md, section 1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from gatectl.model import Finding, Manifest, Spot
from gatectl.quote import quote
from gatectl.resources import CONTAINERS, STORAGE_KINDS, Identity, is_container, leaves_bucket
from gatectl.rules.interface import Namespace, RepositoryView, Rule, spot

_IP = re.compile(r"\d+\.\d+\.\d+\.\d+\Z")
_S3 = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_GCS_PART = re.compile(r"[a-z0-9_-]{1,63}\Z")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}\Z")
_CONTAINER = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_S3_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_S3_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


@lru_cache(maxsize=4096)
def s3_problem(name: str) -> str | None:
    """Why S3 would not take a bucket name; None if it would."""
    if not _S3.match(name):
        return "S3 bucket names have 3 to 63 lower-case letters, digits, '.' and '-', and start and end with a letter or digit"
    if ".." in name or ".-" in name or "-." in name:
        return "S3 bucket names have no '..', '.-' or '-.'"
    if _IP.match(name):
        return "S3 bucket names do not look like an IP address"
    if name.startswith(_S3_PREFIXES):
        return f"S3 reserves bucket names that start with {', '.join(_S3_PREFIXES)}"
    if name.endswith(_S3_SUFFIXES):
        kinds = f"access points, directory and table buckets ({', '.join(_S3_SUFFIXES)})"
        return f"it ends as S3's own names of {kinds} do: right if one of these is meant"
    return None


@lru_cache(maxsize=4096)
def gcs_problem(name: str) -> str | None:
    parts = name.split(".")
    if not 3 <= len(name) <= (222 if len(parts) > 1 else 63) or not all(map(_GCS_PART.match, parts)):
        return "GCS bucket names have 3 to 63 lower-case letters, digits, '-' and '_', or up to 222 in parts with '.'"
    if not (name[0].isalnum() and name[-1].isalnum()):
        return "GCS bucket names start and end with a letter or digit"
    if _IP.match(name):
        return "GCS bucket names do not look like an IP address"
    if name.startswith("goog") or "google" in name or "g00gle" in name:
        return "GCS reserves bucket names that start with 'goog' or hold 'google'"
    return None


@lru_cache(maxsize=4096)
def account_problem(name: str) -> str | None:
    return None if _ACCOUNT.match(name) else "Azure storage account names have 3 to 24 lower-case letters and digits"


@lru_cache(maxsize=4096)
def container_problem(name: str) -> str | None:
    if _CONTAINER.match(name) or name in ("$root", "$logs", "$web"):
        return None
    return "Azure container names have 3 to 63 lower-case letters, digits and single '-', and start and end with none"


_CHECKS: dict[str, tuple[tuple[str, Callable[[str], str | None]], ...]] = {
    "S3": (("bucket", s3_problem),),
    "GCS": (("bucket", gcs_problem),),
    "AzureBlob": (("account", account_problem), ("container", container_problem)),
}
_WORDS = {"bucket": "bucket name", "account": "storage account name", "container": "container name"}


@lru_cache(maxsize=4096)
def _problems(identity: Identity) -> tuple[tuple[str, str, str], ...]:
    """What is wrong with the names of a resource: the field, the name, and why. Nearly always nothing, and asked of all entries."""
    checks = zip(_CHECKS.get(identity[0], ()), identity[1:], strict=False)
    return tuple((field, name, why) for (field, check), name in checks if (why := check(name)) is not None)


def each(view: RepositoryView) -> Iterator[Finding]:
    for entry in view.entries:
        for field, name, problem in _problems(entry.identity):
            yield Finding("GW205", f"{_WORDS[field]} '{quote(name)}' is not allowed by its provider", problem,
                              "error" if entry.type in CONTAINERS else "warning",
                              spot(view, entry, field),
                              subject=view.subject,
                              about=((view.workspace, view.name),))  # fmt: skip
        if entry.folder and leaves_bucket(entry.folder):
            yield Finding("GW205", f"folder '{quote(entry.folder)}' leaves its bucket",
                          "a folder is a path inside the bucket: leave out the '..'",
                          "error", spot(view, entry, "folder"), subject=view.subject,
                          about=((view.workspace, view.name),))  # fmt: skip


def across(namespace: Namespace) -> Iterator[Finding]:
    for manifest in namespace.manifests:
        if manifest.kind in STORAGE_KINDS:
            yield from _bucket(manifest)


def _bucket(manifest: Manifest) -> Iterator[Finding]:
    kind = manifest.spec.get("type")
    if not is_container(kind) and manifest.spec.get("endpoint"):
        return  # a compatible service has rules of its own
    for field, check in _CHECKS.get(kind, ()) if type(kind) is str else ():
        name = manifest.spec.get(field)
        problem = check(name) if type(name) is str and name else None
        if problem is not None:
            # What S3 gives to clients in a bucket's place is no bucket's name, and is taken wherever one is.
            alias = kind == "S3" and str(name).endswith(_S3_SUFFIXES)
            yield Finding("GW205", f"{_WORDS[field]} '{quote(name)}' is not allowed by its provider", problem,
                          "warning" if alias else "error",
                          Spot(manifest.document, ("spec", field)), subject=manifest.subject)  # fmt: skip


RULE = Rule(
    "GW205",
    "A name breaks its pattern or length",
    "metadata.name has 1 to 128 printable characters without space at either end. Typographic quotes around a text are a warning,"
    " in any field: to YAML they are a part of it, and quote nothing. Azure's rules for storage accounts and containers always"
    " hold; S3's and GCS' rules for bucket names are errors on a Bucket manifest without an endpoint and warnings on a resource"
    " entry. The alias of an S3 access point, or a directory bucket, is a warning everywhere.",
    adjustable=True,
    each=each,
    across=across,
    bad="spec: {endpointType: AzureBlob, resources: [{type: AzureBlob, account: acme-academy, container: videos}]}",
    good="spec: {endpointType: AzureBlob, resources: [{type: AzureBlob, account: acmeacademy, container: videos}]}",
)
