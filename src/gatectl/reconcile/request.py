"""What a plan is asked for, and whether its options choose anything: found out without the platform, as far as that goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from gatectl.applying.allowance import NOTHING, Allowance
from gatectl.applying.stricter import Changes
from gatectl.clock import CLOCK, Clock
from gatectl.errors import UsageError
from gatectl.kinds import KINDS, credentialed, either
from gatectl.manifests import loading, selection
from gatectl.manifests.loading import Loaded
from gatectl.model import Desired, Finding, Manifest, ObjectKey
from gatectl.project import Environment, Project
from gatectl.quote import quote

Fence = Callable[[Sequence[Manifest]], Sequence[Finding]]
"""What is wrong with manifests in the eyes of whoever lets them be applied: without places yet."""


class Request(NamedTuple):
    """What a plan is asked for. `paths` are as given (empty: the environment's, else the project's manifests). `tell` is told
    what only who asks for details wants to hear, `warn` what everybody should. `ends` is the run's deadline, by `clock`.
    `changed` is what of the project file was, since a commit whose guards hold too; `allowed`, what the operator allows this once.
    `keep_going`: workspaces that errors lie in are left out, and the rest is planned. `take_over` names what is taken over from its
    owner (`all`: whatever is somebody else's), `accept` what is deleted though it was changed since it was applied. `allow_empty`:
    with `prune`, that there is no manifest at all is meant. `prove`: the plan says what was asked for its sake. `beside`: workspaces
    that are read too, and with them all in which something is this project's (None: none is). `again`: a plan of it was shown
    already, so what was held then may be gone by now. `fence` says what of the manifests is not theirs to say. `continuous`: it is
    asked again and again, so that nothing is owned yet is no mistake of `prune`."""

    project: Project
    environment: Environment
    paths: tuple[str, ...] = ()
    selector: str | None = None
    targets: tuple[str, ...] = ()
    prune: bool = False
    renew: tuple[str, ...] = ()
    force_put: bool = False
    since: selection.Since | None = None
    tell: Callable[[str], None] = lambda words: None
    warn: Callable[[str], None] = lambda words: None
    ends: float | None = None
    changed: Changes | None = None
    allowed: Allowance = NOTHING
    clock: Clock = CLOCK
    keep_going: bool = False
    take_over: tuple[str, ...] = ()
    prove: bool = False
    beside: frozenset[str] | None = None
    accept: tuple[str, ...] = ()
    allow_empty: bool = False
    again: bool = False
    fence: Fence | None = None
    continuous: bool = False

    def against(self, snapshot: str | os.PathLike[str]) -> Request:
        """The same, asked of what a snapshot's file holds instead of the platform."""
        target = f"snapshot://{os.path.abspath(snapshot)}"
        return self._replace(environment=self.environment._replace(platform=target, token=None))


def load(request: Request, paths: Sequence[str | Path], workspace: str | None) -> Loaded:
    """The manifests at these paths; that there are none is a mistake, unless a request says that it is meant."""
    loaded = loading.load(request.project, paths, workspace)
    if request.fence is not None:
        wrong = request.fence(loaded.desired.manifests)
        loaded = loaded._replace(findings=[*loaded.findings, *wrong], said=[*loaded.said, *wrong])
    return loading.to_prune(loaded, allow_empty=request.allow_empty) if request.prune else loaded


def check_selection(request: Request, loaded: Loaded) -> None:
    """Find out without the platform whether the options choose anything. Raises UsageError for one that does not.

    Of manifests with errors nothing is known for certain: then only options that can never be meant are refused.
    """
    check_options(request)
    if loaded.invalid:
        return
    manifests = loaded.desired.manifests
    if request.selector is not None:
        selection.check_selector(request.selector, manifests)
    named = tuple(text for text in request.take_over if text != selection.ALL)
    for option, texts in (
        ("--target", request.targets), ("--renew-credentials", request.renew), ("--take-over", named),
    ):  # fmt: skip
        for text in texts:
            selection.check_target(text, manifests, option)
    if request.since is not None:
        selection.check_since(request.since, loaded.desired)


def check_options(request: Request) -> None:
    """Raises UsageError for options that cannot be meant, whatever the manifests are."""
    chosen = request.paths or request.selector is not None or request.targets or request.since is not None
    if request.prune and chosen:
        raise UsageError("--prune deletes what no manifest declares, so it goes with all manifests",
                         "leave out PATH, -l, --target and --changed-since")  # fmt: skip
    _check_elsewhere(request)
    for option, given, what in (
        ("--accept", request.accept, "what --prune deletes though it was changed"),
        ("--allow-empty", request.allow_empty, "that --prune may delete all that was applied"),
    ):
        if given and not request.prune:
            raise UsageError(f"{option} says {what}, so it goes with --prune", "leave it out, or add --prune")
    _check_renewed(request)


def _check_elsewhere(request: Request) -> None:
    """What an environment owns is on its own platform: elsewhere nothing is taken or deleted in its name (product.md, section 1)."""
    environment = request.environment
    for option, given in (("--prune", request.prune), ("--take-over", request.take_over)):
        if given and environment.elsewhere:
            raise UsageError(
                f"{option} is for the platform of environment {quote(environment.name)}, and --platform names another one",
                "leave out --platform, or give that platform an environment of its own",
            )


def _check_renewed(request: Request) -> None:
    kinds = {kind.name.lower(): kind for kind in KINDS.values()}
    for text in request.renew:
        kind = kinds.get(text.partition("/")[0].lower())
        if kind is not None and not kind.credentials:
            raise UsageError(f"--renew-credentials {quote(text)}: only {either([k.one for k in credentialed()])} has credentials",
                             f"name one: {either([k.name + '/NAME' for k in credentialed()])}")  # fmt: skip


def selected(request: Request, wanted: Desired) -> frozenset[ObjectKey]:
    """The keys that -l and --target choose together. Raises UsageError where that is none."""
    chosen = [m for m in wanted.manifests if m.name is not None]
    if request.selector is not None:
        matches = selection.parse_selector(request.selector)
        chosen = [m for m in chosen if matches(m.labels)]
    keys = frozenset(map(selection.key_of, chosen))
    if request.targets:
        keys &= selection.find_targets(request.targets, wanted.manifests, "--target")
    if not keys:
        raise UsageError("-l and --target together choose nothing", "leave out one of them")
    return keys
