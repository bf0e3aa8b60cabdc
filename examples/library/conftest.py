"""The fixtures `estate`, `platform` and `served`."""

pytest_plugins = ["gatectl.testing"]
