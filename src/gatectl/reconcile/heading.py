"""What a plan says of itself: what it is bound to, what it is of, and what it was worked out from, for which git is asked; and what
an apply of it goes by: what it is held against, and how long the platform's lists may lag."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gatectl.applying.guards import Guard
from gatectl.clock import CLOCK, Clock, Deadline, Patience
from gatectl.documents.findings import NameFile
from gatectl.documents.plans import Input, Selection, Since, Source
from gatectl.manifests import commits, sources
from gatectl.manifests.loading import Loaded, manifest_paths
from gatectl.planning import plan
from gatectl.platforms import driver_for
from gatectl.platforms.interface import Identification, Reader
from gatectl.project import Environment
from gatectl.reconcile.request import Request


def target_of(
    request: Request, identification: Identification, openai: str | None, workspaces: Sequence[str] = ()
) -> plan.Target:
    """What a plan of this request on this platform is bound to, and what a saved one has to be bound to."""
    driver, url, instance, place = identification
    project, environment = request.project, request.environment.name
    return plan.Target(driver, url, instance, project.name, project.uid, environment, openai, tuple(workspaces), place)


def selection_of(request: Request, name_file: NameFile, since: Since | None, *, left_out: bool = False) -> Selection:
    """What a plan is of. `partial`: not of everything that the environment declares."""
    given, meant = (
        [str(path) if str(path) == "-" else name_file(os.path.abspath(path)) for path in paths]
        for paths in (request.paths, manifest_paths(request.project, request.environment, ()))
    )
    narrowed = request.selector is not None or bool(request.targets) or request.since is not None
    return {
        "paths": given,
        "selector": request.selector,
        "targets": list(request.targets),
        "since": since,
        "partial": left_out or narrowed or (bool(given) and set(given) != set(meant)),
    }


def source_of(request: Request, loaded: Loaded, git: commits.Checkout, name_file: NameFile) -> Source:
    commit, dirty = git.answer()
    if git.remark is not None:
        request.warn(f"the plan does not say its commit: {git.remark}")
    read = sources.inputs(loaded.files)
    inputs: list[Input] = [{"path": name_file(path), "sha256": digest} for path, digest in read]
    return {"commit": commit, "dirty": dirty, "inputs": inputs}


def ask_git(request: Request) -> commits.Checkout:
    """Ask git about the manifests; it works while we read them."""
    if request.project.exported is not None:
        return commits.WrittenOut(request.project.exported.commit)
    paths = [Path(p) for p in manifest_paths(request.project, request.environment, request.paths) if str(p) != "-"]
    if request.project.file is not None:
        paths.append(request.project.file)
    return commits.Checkout(
        request.project.folder, paths, Deadline(request.ends, request.clock), request.project.environ
    )


def patience_of(environment: Environment, clock: Clock = CLOCK) -> Patience:
    """How long the lists of an environment's platform may lag: as it says, else as the platform's driver has it."""
    if environment.consistency is not None:
        return Patience(environment.consistency, clock)
    return Patience(driver_for(environment.platform).consistency, clock)


def guard(request: Request, reader: Reader, expect: str | None = None) -> Guard:
    """What a plan is held against before and while it is applied here. `expect`: the fingerprint that was approved."""
    target = target_of(request, reader.identification, reader.traits.openai)
    return Guard(target, request.project.rules, expect)
