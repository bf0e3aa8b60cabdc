"""What a repository attaches: resources of providers, and the fields that name them. Pure."""

from __future__ import annotations

from typing import Final, Literal

ResourceName = Literal["bucket", "account", "container", "name"]
"""A field that names a resource at its provider."""

RESOURCE_NAMES: Final[tuple[ResourceName, ...]] = ("bucket", "account", "container", "name")
"""All of them, in the order in which they are read."""
