"""What a fleet file says, as values: believed after `reading` found nothing wrong (product.md, section 9). Pure."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from gatectl.model import SecretReference

Mode = Literal["observe", "apply"]
Approvals = Literal["none", "destructive", "risky", "all"]
OnDrift = Literal["revert", "wait"]
Event = Literal["drift", "failed", "waiting", "recovered"]

EVENTS: Final[tuple[Event, ...]] = ("drift", "failed", "waiting", "recovered")
FOLDER: Final = "{folder}"
"""Stands in `workspaces` for the folder that a target was made of."""


class Git(NamedTuple):
    """A git repository and what of it is followed. `url` is an address over https, or an absolute path of this machine;
    `credentials` is a file, relative to the fleet file."""

    url: str
    ref: str = "main"
    credentials: str | None = None


class Login(NamedTuple):
    """What a source signs in with instead of a token."""

    email: str
    password: SecretReference


class Secrets(NamedTuple):
    """What the manifests of a source may name: patterns of variables, folders of files, names of commands."""

    env: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


class Webhook(NamedTuple):
    """Where the code host tells of a push, and what it signs with."""

    path: str
    secret: SecretReference


class MergedPullRequest(NamedTuple):
    """A pull request that counts as an approval: merged, with a status of this name by this creator."""

    host: str
    token: SecretReference
    status: str
    creator: str


class Source(NamedTuple):
    """A git repository, or a part of it, and the one environment of one platform that it is for.

    `project` is the path of the one project file, or `folders` the pattern of the folders that hold one each (the other is None).
    `workspaces` None: all that its token may touch. `records` None: the controller's database. Durations are in seconds.
    """

    name: str
    git: Git
    platform: str
    project: str | None = None
    folders: str | None = None
    environment: str = "default"
    workspaces: tuple[str, ...] | None = None
    token: SecretReference | None = None
    login: Login | None = None
    records: str | None = None
    secrets: Secrets = Secrets()
    secret_folder: str | None = None
    webhook: Webhook | None = None
    interval: float = 300.0
    mode: Mode = "observe"
    prune: bool = False
    approvals: Approvals = "risky"
    approvals_expire: float = 604_800.0
    approve_by: MergedPullRequest | None = None
    on_drift: OnDrift = "revert"
    depends_on: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()


class Budget(NamedTuple):
    """What the platforms that a pattern matches bear: requests a second, of all processes together."""

    match: str
    requests_per_second: float


class Notification(NamedTuple):
    """Who is told of which events, over HTTP."""

    url: str
    secret: SecretReference | None
    on: tuple[Event, ...]


class Database(NamedTuple):
    """The controller's database: its address, or the variable that holds it. One of the two."""

    address: str | None = None
    variable: str | None = None


class Fleet(NamedTuple):
    """A fleet file. `file` is where it lies: what it names is relative to that folder. `database` None: nothing is said."""

    name: str
    file: str
    sources: tuple[Source, ...]
    database: Database | None = None
    platforms: tuple[Budget, ...] = ()
    notify: tuple[Notification, ...] = ()
    retention: float = 2_592_000.0
    trusted_proxies: tuple[str, ...] = ()
    user_header: str | None = None
