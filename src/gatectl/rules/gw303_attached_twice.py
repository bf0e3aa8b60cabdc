"""GW303: the same resource attached twice to a repository, whatever the folder (U9: one attachment per resource)."""

from __future__ import annotations

from collections.abc import Iterator

from gatectl.model import Entry, Finding
from gatectl.resources import Identity
from gatectl.rules.interface import RepositoryView, Rule, collision, shown, told_apart


def each(view: RepositoryView) -> Iterator[Finding]:
    known: dict[Identity, list[Entry]] = {}
    for entry in view.entries:
        earlier = known.setdefault(entry.key, [])
        same = next((e for e in earlier if not told_apart(e, entry)), None)
        earlier.append(entry)
        if same is not None:
            yield collision(
                "GW303", f"{shown(entry)} is attached twice",
                "a repository attaches a resource once, with one folder: remove one of the two entries",
                "error", (view, entry), (view, same), "first attached here",
            )  # fmt: skip


RULE = Rule(
    "GW303",
    "The same resource attached twice",
    "A repository attaches a resource at most once, whatever the folder. Two registered buckets with one remote identity"
    " are told apart by label or id (and are then GW301).",
    names=True,
    final=True,
    each=each,
    bad="""\
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: acme-orders, folder: raw}
    - {type: S3, bucket: acme-orders, folder: clean}
""",
    good="""\
spec:
  endpointType: S3
  resources:
    - {type: S3, bucket: acme-orders, folder: raw}
""",
)
