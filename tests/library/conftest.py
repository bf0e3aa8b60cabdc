"""The library's tests have the fixtures that gatectl offers to everybody's."""

from __future__ import annotations

from gatectl.testing import estate, platform, served

__all__ = ["estate", "platform", "served"]
