"""Keeping other applies out while one is at work: as far as the platform's own database can, whichever store remembers the rest."""

from __future__ import annotations

from gatectl.platforms import embedded
from gatectl.platforms.interface import Writer
from gatectl.records.interface import Release


def claim(writer: Writer) -> Release:
    """Keep other applies out until what this returns is called. A platform that is elsewhere keeps nobody out. Raises as
    `interface.Records.claim`."""
    if isinstance(writer, embedded.Writer):
        return writer.store.claim()
    return lambda: None
