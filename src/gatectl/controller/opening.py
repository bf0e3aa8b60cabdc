"""A target and a commit of its repository → an estate that touches nothing but what its source may.

What the checkout says of platform, token, records and who owns is not asked: the fleet file says it. No variable is handed on that
the source may not name, and no git is asked about the files of the commit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote as percent_encoded

from gatectl import reconcile
from gatectl.api.estate import Estate
from gatectl.api.ways import GivenWay
from gatectl.applying.leasing import Terms
from gatectl.clock import CLOCK, Clock
from gatectl.controller import bounds as limits
from gatectl.controller.bounds import Bounds
from gatectl.credentials import pasted
from gatectl.credentials.secrets import resolve_reference
from gatectl.documents.findings import Finding as FindingJson
from gatectl.documents.findings import finding_json, relative_to
from gatectl.errors import InputError
from gatectl.fleet.targets import Target
from gatectl.fleet.values import Fleet
from gatectl.manifests import sources
from gatectl.manifests.places import locate
from gatectl.model import Finding
from gatectl.opening import InvalidProject, choose, make_checked_project
from gatectl.platforms.interface import Credentials, Secret, Shared
from gatectl.project import Environment, Exported, Project
from gatectl.quote import quote

TERMS: Final = Terms(lasts=20.0, beat=4.0, margin=20.0, busy=0.0, need=8.0, glance=0.1)
"""How a controller holds leases: for as long as a worker is not taken for dead (`aliveness.LASTS`), and no write begins once the worker
takes itself for dead. It waits for nobody who is at work: it comes again. Those who create workspaces hold the platform's own lease for a
moment, and are many: whoever waits for it looks often."""


class Checkout(NamedTuple):
    """The files of a commit, written out: its folder, the commit, whether a commit is one before it, and its submodules."""

    tree: Path
    commit: str
    follows: Callable[[str], bool] = lambda commit: False
    submodules: tuple[str, ...] = ()


class Operator(NamedTuple):
    """Who runs the controller: the fleet, the variables of the process, and where records are kept unless a source says otherwise
    (an absolute address). `lasting` is what all looks of the process share."""

    fleet: Fleet
    environ: Mapping[str, str]
    records: str
    lasting: Shared | None = None


class Refused(Exception):
    """A checkout says what its source may not, or cannot be read: what is wrong, each at its place."""

    def __init__(self, findings: list[FindingJson]) -> None:
        super().__init__(findings[0]["message"])
        self.findings = findings


class Opened(NamedTuple):
    """An estate of a target, what a plan of it is asked for, what it may touch, and the commit that it is."""

    estate: Estate
    request: reconcile.Request
    bounds: Bounds
    commit: str


@contextmanager
def open_target(
    target: Target,
    checkout: Checkout,
    operator: Operator,
    *,
    ends: float | None = None,
    clock: Clock = CLOCK,
    allowed: Callable[[], float] | None = None,
) -> Iterator[Opened]:
    """The estate of a target as a commit has it. Nobody is spoken to yet, and what signs in is read when it is needed.

    Raises Refused, and MissingCredential for a token that is not there.
    """
    bounds = limits.bounds_of(operator.fleet, target)
    records = target.source.records or operator.records
    project = _project(bounds, checkout, operator)
    wrong = limits.check_project(bounds, project, records)
    if wrong:
        raise Refused(_told(wrong, project.folder))
    environment = _environment(project, bounds, records)
    way = GivenWay(project, environment, login_of(bounds, operator.environ), (), trust_env=False, allowed=allowed)
    request = reconcile.Request(
        project, environment, prune=target.source.prune, ends=ends, clock=clock, continuous=True,
        fence=lambda manifests: limits.check_manifests(bounds, manifests),
    )  # fmt: skip
    with Estate(
        project, environment, way, receipts=False, clock=clock, terms=TERMS, lasting=operator.lasting
    ) as estate:
        yield Opened(estate, request, bounds, checkout.commit)


def owner_of(fleet: Fleet, target: Target) -> str:
    """Who owns what a target applies: fleet, source and folder. No `uid` of a project file can be called so."""
    return f"fleet:{percent_encoded(fleet.name, safe='')}/{target.name}"


def login_of(bounds: Bounds, environ: Mapping[str, str]) -> Credentials | None:
    """What a source signs in with, as the fleet file says it; read now, since it may have been renewed. Raises MissingCredential."""
    source = bounds.source
    if source.token is not None:
        return Credentials(token=Secret(resolve_reference(source.token, bounds.folder, environ, pasted.token)))
    if source.login is not None:
        password = resolve_reference(source.login.password, bounds.folder, environ, lambda text: text.rstrip("\r\n"))
        return Credentials(email=source.login.email, password=Secret(password))
    return None


def _project(bounds: Bounds, checkout: Checkout, operator: Operator) -> Project:
    """The project of a target, owned by it. Raises Refused."""
    target = bounds.target
    file = checkout.tree / target.project
    if os.path.realpath(file) != os.path.join(os.path.realpath(checkout.tree), target.project):
        raise Refused([_of_file(target, "a symbolic link leads elsewhere", "keep the project file itself there")])
    try:
        project = make_checked_project(sources.read_file(file), file, limits.environ_of(bounds, operator.environ))
    except InvalidProject as invalid:
        raise Refused(_told(invalid.findings, file.parent)) from None
    except InputError as error:
        raise Refused([_of_file(target, error.message, "commit a project file there")]) from None
    owner = owner_of(operator.fleet, target)
    exported = Exported(checkout.commit, checkout.tree, owner, checkout.follows, checkout.submodules)
    spec = {field: value for field, value in project.spec.items() if field != "uid"}  # nobody asks for it here
    return project._replace(name=f"{operator.fleet.name}/{target.name}", uid=owner, spec=spec, exported=exported)


def _environment(project: Project, bounds: Bounds, records: str) -> Environment:
    """The environment of a target: what the checkout says of it, on the platform and with the records of its source."""
    source = bounds.source
    if not project.environments:
        return Environment(source.environment, source.platform, named=True, records=records, records_named=True)
    chosen = choose(project, source.environment, source.platform, None, records)
    return chosen._replace(token=None)


def _of_file(target: Target, message: str, hint: str) -> FindingJson:
    found = Finding("GW101", f"{quote(target.project)}: {message}", hint, place=sources.first_place(target.project))
    return finding_json(found, lambda name: name)


def _told(findings: list[Finding], folder: Path) -> list[FindingJson]:
    name_file = relative_to(str(folder))
    return [finding_json(each, name_file) for each in locate(findings)]
