"""The kinds, as a table. A new kind is one module, one schema and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gatectl.kinds import bucket, llm, repository, workspace
from gatectl.kinds.interface import Kind

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind for kind in (workspace.KIND, bucket.KIND, llm.KIND, repository.KIND)
}
