"""The tables of a controller, beside the engine's. Moments are milliseconds since 1970, by the database's clock."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, MetaData, Table, Text

SCHEMA: Final = "gatectl_controller"
"""On a server our tables have a schema of their own: records may be kept in the same database, and DBOS is there too. Statements name
none: `database` adds it."""

METADATA: Final = MetaData()

targets: Final = Table(
    "gatectl_targets", METADATA,
    Column("name", Text, primary_key=True), Column("source", Text), Column("project", Text), Column("newest", Text),
    Column("wanted", BigInteger, nullable=False), Column("done", BigInteger, nullable=False),
    Column("asked", BigInteger), Column("urgent", BigInteger), Column("due", BigInteger),
    Column("worker", Text), Column("begun", BigInteger),
    Column("state", Text), Column("reason", Text), Column("conditions", Text), Column("since", BigInteger), Column("looked", BigInteger),
    Column("commit_id", Text), Column("applied", Text), Column("fingerprint", Text), Column("failures", BigInteger, nullable=False),
    Column("paused", Text), Column("under", Text), Column("told", Text),
)  # fmt: skip
plans: Final = Table(
    "gatectl_plans", METADATA,
    Column("target", Text, primary_key=True), Column("commit_id", Text), Column("fingerprint", Text), Column("plan", Text, nullable=False),
)  # fmt: skip
runs: Final = Table(
    "gatectl_runs", METADATA,
    Column("id", Text, primary_key=True), Column("target", Text, nullable=False), Column("began", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False), Column("commit_id", Text), Column("state", Text), Column("reason", Text),
    Column("fingerprint", Text), Column("receipt", Text), Column("worker", Text),
    Index("gatectl_runs_of", "target", "began"),
)  # fmt: skip
events: Final = Table(
    "gatectl_events", METADATA,
    Column("id", Text, primary_key=True), Column("at", BigInteger, nullable=False), Column("target", Text, nullable=False),
    Column("event", Text, nullable=False), Column("said", Text, nullable=False), Column("sent", BigInteger),
    Index("gatectl_events_unsent", "sent"),
)  # fmt: skip
deliveries: Final = Table(
    "gatectl_deliveries", METADATA,
    Column("event", Text, primary_key=True), Column("receiver", Text, primary_key=True),
    Column("worker", Text), Column("tried", BigInteger, nullable=False), Column("due", BigInteger, nullable=False),
)  # fmt: skip
repositories: Final = Table(
    "gatectl_repositories", METADATA,
    Column("url", Text, primary_key=True), Column("heads", Text, nullable=False),
    Column("asked", BigInteger, nullable=False), Column("done", BigInteger, nullable=False), Column("checked", BigInteger, nullable=False),
    Column("worker", Text), Column("error", Text),
)  # fmt: skip
fleets: Final = Table(
    "gatectl_fleets", METADATA,
    Column("generation", BigInteger, primary_key=True, autoincrement=False), Column("digest", Text, nullable=False),
    Column("loaded", BigInteger, nullable=False),
)  # fmt: skip
workers: Final = Table(
    "gatectl_workers", METADATA,
    Column("id", Text, primary_key=True), Column("beat", BigInteger, nullable=False), Column("host", Text),
)  # fmt: skip
budgets: Final = Table(
    "gatectl_budgets", METADATA,
    Column("platform", Text, primary_key=True), Column("next", Float, nullable=False), Column("routine", Float, nullable=False),
)  # fmt: skip
approvals: Final = Table(
    "gatectl_approvals", METADATA,
    Column("mac", Text, primary_key=True), Column("target", Text, nullable=False), Column("said", Text, nullable=False),
    Column("plan", Text, nullable=False), Column("used", BigInteger),
)  # fmt: skip
