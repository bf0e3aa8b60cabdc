"""gatectl: a declarative GitOps reconciler for the repositories of a Cloud and AI Gateway.

estate = gatectl.open("folder")      # see `gatectl.api`
"""

from __future__ import annotations

from gatectl.version import __version__

TYPE_CHECKING = False  # `typing` would cost more than all the rest of `gatectl --version`
if TYPE_CHECKING:
    from gatectl.api import Estate, Findings, Patch, Plan, Receipt, open, read_plan  # noqa: A004 - the word of the contract
    from gatectl.errors import GatectlError

__all__ = ["Estate", "Findings", "GatectlError", "Patch", "Plan", "Receipt", "__version__", "open", "read_plan"]


def __getattr__(word: str) -> object:
    """The API, imported when it is first asked for: `import gatectl` costs nothing."""
    if word == "GatectlError":
        from gatectl.errors import GatectlError

        return GatectlError
    if word in __all__:
        from gatectl import api

        found: object = getattr(api, word)
        return found
    raise AttributeError(f"module 'gatectl' has no attribute {word!r}")
