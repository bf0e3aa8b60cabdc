"""The flow, once, in order: read, parse, validate, rules; read the platform, match, resolve, compare, forecast, plan.

This is the one file that knows the order of the steps; the steps do not know each other. It is handed a reader and never
a writer, of the platform and of the records alike: planning cannot write.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from gatectl import rules
from gatectl.applying import guardrails
from gatectl.applying.guards import Guard
from gatectl.clock import CLOCK, Clock, Deadline, Patience
from gatectl.documents.findings import NameFile, finding_json, relative_to
from gatectl.documents.plans import Input, Plan, Remarks, Selection, Since, Source
from gatectl.errors import InputError, UsageError
from gatectl.kinds import KINDS, WORKSPACE, credentialed, either
from gatectl.manifests import commits, desired, loading, places, selection, sources
from gatectl.manifests.loading import Loaded, manifest_paths
from gatectl.model import Desired, Finding, ObjectKey
from gatectl.network.addresses import without_secrets
from gatectl.planning import final_state, manageable, match, order, plan
from gatectl.planning.changes import Settings, Worked, compute_changes
from gatectl.planning.current import Current, Index, read_current, read_workspaces
from gatectl.platforms import default_workspace_of, driver_for
from gatectl.platforms.interface import Connection, Identification, Reader
from gatectl.platforms.wire import may_attach, unknown_fields
from gatectl.project import Environment, Project
from gatectl.quote import quote
from gatectl.records import read_records
from gatectl.records.interface import RecordsReader
from gatectl.resources import registrar_of


class Request(NamedTuple):
    """What a plan is asked for. `paths` are as given (empty: the environment's, else the project's manifests). `tell` is told
    what only who asks for details wants to hear, `warn` what everybody should. `ends` is the run's deadline, by `clock`."""

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
    changed: guardrails.Changes | None = None
    clock: Clock = CLOCK


def work_out(request: Request, connect: Callable[[], Connection]) -> Plan:
    """The plan of a request. Reads the platform, unless the manifests are invalid: then there is nothing to ask it.

    `connect` says how to reach the platform; asked only then, since a missing token is no reason to hide findings.
    """
    project, environment = request.project, request.environment
    if not driver_for(environment.platform).writable:
        return _of_snapshot(request, connect())
    paths = manifest_paths(project, environment, request.paths)
    git = ask_git(request)
    loaded = loading.load(project, paths, default_workspace_of(environment))
    driver = driver_for(environment.platform)
    if loaded.invalid:
        return refuse(request, loaded, git, Identification(driver.name, without_secrets(environment.platform), None))
    check_selection(request, loaded)
    connection = connect()
    with closing(driver.open_reader(connection)) as reader, closing(read_records(connection, reader)) as records:
        return make_plan(request, loaded, git, reader, records)


def _of_snapshot(request: Request, connection: Connection) -> Plan:
    """The plan that the platform of a snapshot would have had; it knows the workspace of manifests that name none."""
    from gatectl.platforms import snapshot

    paths = manifest_paths(request.project, request.environment, request.paths)
    git = ask_git(request)
    try:
        reader = snapshot.open_reader(connection)
    except InputError:
        loaded = loading.load(request.project, paths, request.environment.workspace)
        if not loaded.invalid:
            raise
        return refuse(request, loaded, git, Identification("snapshot", connection.target, None))
    loaded = loading.load(request.project, paths, request.environment.workspace or reader.traits.default_workspace)
    if loaded.invalid:
        return refuse(request, loaded, git, reader.identification)
    records = read_records(connection, reader)
    return make_plan(request, loaded, git, reader, records, {"snapshot": reader.remark})


def make_plan(
    request: Request, loaded: Loaded, git: commits.Checkout, reader: Reader, records: RecordsReader,
    remarks: Remarks | None = None,
) -> Plan:  # fmt: skip
    """Everything from the manifests, the platform and the records to the plan. Reads, and only reads. `remarks`: see
    `plan.make_plan`.

    Raises UsageError for options that cannot be meant, PlatformError where the platform cannot be read whole.
    """
    check_selection(request, loaded)
    project = request.project
    name_file = relative_to(str(project.folder))
    identification = reader.identification
    source = _source(request, loaded, git, name_file)
    visible = _visible(loaded.desired, reader)
    wanted, findings = _decided(project, loaded, reader.traits.default_workspace, visible)
    names = sorted({m.workspace for m in wanted.manifests if m.workspace is not None})
    target = target_of(request, identification, reader.traits.openai, names)
    applied = _applied(request, records)
    if any(f.severity == "error" for f in findings):
        return _refuse(request, target, source, findings, name_file)
    current = _read_content(
        request, reader, wanted, sorted({*names, *visible.by_name}) if request.prune else names, visible
    )
    unoffered = manageable.unoffered(wanted, current)
    if unoffered:
        return _refuse(request, target, source, [*findings, *unoffered], name_file)
    pairs, ambiguous = match.match(wanted, current)
    renew = selection.find_targets(request.renew, wanted.manifests, "--renew-credentials")
    known = frozenset(request.environment.known)
    settings = Settings(
        reader.traits.packets, reader.traits.openai, applied, renew, request.prune, request.force_put, known
    )
    _tell_unknown(pairs, request.tell)
    worked = compute_changes(pairs, current, settings)
    unmanaged = [key for key in worked.unmanaged if key.workspace is None or key.workspace in names]
    ambiguous += manageable.unmanageable(pairs, current)
    worked = worked._replace(findings=[*ambiguous, *worked.findings], unmanaged=unmanaged)
    chosen, since = _chosen(request, wanted, reader.traits.default_workspace, visible, worked)
    worked = order.select(worked, chosen)
    stopped = manageable.stopped(worked.findings)
    worked, held = order.hold(worked._replace(findings=manageable.told_once(worked.findings, stopped)), stopped)
    selected = frozenset(c.key for c in worked.changes)
    arranged, circles = order.arrange(worked)
    findings += [*worked.findings, *circles, *final_state.forecast(worked, current, selected, project.rules)]
    diagnostics = [finding_json(f, name_file) for f in places.locate(findings)]
    selected_of = _selection(request, name_file, since)
    pointed = plan.points(current)
    said = _remarks(request, current, names, remarks)
    return plan.make_plan(target, selected_of, source, worked, arranged, diagnostics, name_file, said, pointed, held)


def _visible(wanted: Desired, reader: Reader) -> Index:
    """The workspaces that who asks may see; one that is declared by id goes by its declared name."""
    renamed = {m.id: m.name for m in wanted.of(WORKSPACE.name) if m.id is not None and m.name is not None}
    return read_workspaces(reader, renamed)


def _decided(project: Project, loaded: Loaded, default: str | None, visible: Index) -> tuple[Desired, list[Finding]]:
    """The manifests with a workspace each, and what is wrong with them by now."""
    wanted, undecided = match.decide_workspaces(loaded.desired, default, visible)
    findings = list(loaded.findings)
    if wanted is not loaded.desired:
        # Manifests that named no workspace may collide with some that do.
        findings = [f for f in findings if f.place is not None]
        findings += rules.adjust(rules.check(desired.offline_namespace(wanted)), project.rules)
    return wanted, [*findings, *undecided]


def _applied(request: Request, records: RecordsReader) -> frozenset[str] | None:
    """What this project has applied. Raises UsageError where that is not known, and something is to be pruned."""
    applied = records.applied(request.project.name)
    if request.prune and applied is None:
        raise UsageError("--prune deletes only what this project applied before, and this platform keeps no record of that",
                         "remove on the platform itself what is declared no more")  # fmt: skip
    if request.prune and not applied:
        raise UsageError("--prune deletes only what this project applied before, and there is no record of that",
                         "apply first; objects applied from then on are recorded")  # fmt: skip
    return applied


def _read_content(request: Request, reader: Reader, wanted: Desired, names: Iterable[str], visible: Index) -> Current:
    """What the workspaces of these names hold, as far as the manifests need it."""
    needs_keys = any("apiKey" in (m.credentials or {}) for m in wanted.manifests)
    needed = {registrar_of(entry.type) for m in wanted.manifests for entry in m.entries or ()}
    needed.update(m.kind for m in wanted.manifests)
    patience = patience_of(request.environment, request.clock)
    return read_current(reader, names, visible, api_keys=needs_keys, needed=needed, patience=patience)


def _remarks(request: Request, current: Current, names: Iterable[str], remarks: Remarks | None) -> Remarks:
    """What else a plan says of itself: the project file's changes, and the workspaces in which who asks may only read."""
    said: Remarks = {**guardrails.remark(request.changed)}
    closed = manageable.read_only(current, names)
    if closed:
        said["readOnly"] = closed
    return {**said, **remarks} if remarks is not None else said


def _tell_unknown(pairs: Iterable[match.Pair], tell: Callable[[str], None]) -> None:
    """The new facts that the platform tells of declared repositories; they stop nothing (U31)."""
    for pair in pairs:
        if KINDS[pair.key.kind].attaches and pair.live is not None:
            names = sorted(n for n, value in unknown_fields(pair.live.wire).items() if not may_attach(value))
            if names:
                tell(f"{pair.key} has fields that gatectl does not know and does not need: {', '.join(names)}")


def patience_of(environment: Environment, clock: Clock = CLOCK) -> Patience:
    """How long the lists of an environment's platform may lag: as it says, else as the platform's driver has it."""
    if environment.consistency is not None:
        return Patience(environment.consistency, clock)
    return Patience(driver_for(environment.platform).consistency, clock)


def target_of(
    request: Request, identification: Identification, openai: str | None, workspaces: Sequence[str] = ()
) -> plan.Target:
    """What a plan of this request on this platform is bound to, and what a saved one has to be bound to."""
    driver, url, instance, place = identification
    project, environment = request.project, request.environment.name
    return plan.Target(driver, url, instance, project.name, project.uid, environment, openai, tuple(workspaces), place)


def guard(request: Request, reader: Reader, expect: str | None = None) -> Guard:
    """What a plan is held against before and while it is applied here. `expect`: the fingerprint that was approved."""
    target = target_of(request, reader.identification, reader.traits.openai)
    return Guard(target, request.project.rules, expect)


def _selection(request: Request, name_file: NameFile, since: Since | None) -> Selection:
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
        "partial": narrowed or (bool(given) and set(given) != set(meant)),
    }


def refuse(request: Request, loaded: Loaded, git: commits.Checkout, identification: Identification) -> Plan:
    """The plan of invalid manifests: no operation, all findings. The platform is not asked.

    Raises UsageError for options that cannot be meant.
    """
    _check_options(request)
    name_file = relative_to(str(request.project.folder))
    names = sorted({m.workspace for m in loaded.desired.manifests if m.workspace is not None})
    source = _source(request, loaded, git, name_file)
    target = target_of(request, identification, request.environment.openai, names)
    return _refuse(request, target, source, loaded.findings, name_file)


def _refuse(
    request: Request,
    target: plan.Target,
    source: Source,
    findings: Sequence[Finding],
    name_file: NameFile,
) -> Plan:
    diagnostics = [finding_json(f, name_file) for f in places.locate(findings)]
    selection_of = _selection(request, name_file, None)
    remarks = guardrails.remark(request.changed)
    return plan.make_plan(target, selection_of, source, plan.NOTHING, [], diagnostics, name_file, remarks)


def _source(request: Request, loaded: Loaded, git: commits.Checkout, name_file: NameFile) -> Source:
    commit, dirty = git.answer()
    if git.remark is not None:
        request.warn(f"the plan does not say its commit: {git.remark}")
    read = sources.inputs(loaded.files)
    inputs: list[Input] = [{"path": name_file(path), "sha256": digest} for path, digest in read]
    return {"commit": commit, "dirty": dirty, "inputs": inputs}


def ask_git(request: Request) -> commits.Checkout:
    """Ask git about the manifests; it works while we read them."""
    paths = [Path(p) for p in manifest_paths(request.project, request.environment, request.paths) if str(p) != "-"]
    if request.project.file is not None:
        paths.append(request.project.file)
    return commits.Checkout(
        request.project.folder, paths, Deadline(request.ends, request.clock), request.project.environ
    )


def check_selection(request: Request, loaded: Loaded) -> None:
    """Find out without the platform whether the options choose anything. Raises UsageError for one that does not.

    Of manifests with errors nothing is known for certain: then only options that can never be meant are refused.
    """
    _check_options(request)
    if loaded.invalid:
        return
    manifests = loaded.desired.manifests
    if request.selector is not None:
        selection.check_selector(request.selector, manifests)
    for option, texts in (("--target", request.targets), ("--renew-credentials", request.renew)):
        for text in texts:
            selection.check_target(text, manifests, option)
    if request.since is not None:
        selection.check_since(request.since, loaded.desired)


def _check_options(request: Request) -> None:
    """Raises UsageError for options that cannot be meant, whatever the manifests are."""
    chosen = request.paths or request.selector is not None or request.targets or request.since is not None
    if request.prune and chosen:
        raise UsageError("--prune deletes what no manifest declares, so it goes with all manifests",
                         "leave out PATH, -l, --target and --changed-since")  # fmt: skip
    kinds = {kind.name.lower(): kind for kind in KINDS.values()}
    for text in request.renew:
        kind = kinds.get(text.partition("/")[0].lower())
        if kind is not None and not kind.credentials:
            raise UsageError(f"--renew-credentials {quote(text)}: only {either([k.one for k in credentialed()])} has credentials",
                             f"name one: {either([k.name + '/NAME' for k in credentialed()])}")  # fmt: skip


def _selected(request: Request, wanted: Desired) -> frozenset[ObjectKey]:
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


def _chosen(
    request: Request, wanted: Desired, default: str | None, visible: Index, worked: Worked
) -> tuple[frozenset[ObjectKey] | None, Since | None]:
    """The keys that -l, --target and --changed-since choose (None: all), and what a plan of a change says of itself."""
    if request.selector is None and not request.targets and request.since is None:
        return None, None
    chosen = _selected(request, wanted)
    if request.since is None:
        return chosen, None
    before, _ = match.decide_workspaces(request.since.before, default, visible)
    attached = {key: ending.state.attachments for key, ending in worked.endings.items()}
    touched = selection.touched(before, wanted, attached)
    chosen &= touched.keys
    if not chosen and not touched.removed:
        raise UsageError(f"nothing that differs from {quote(request.since.ref)} is chosen by -l or --target",
                         "leave out one of them, or --changed-since")  # fmt: skip
    since: Since = {
        "ref": request.since.ref,
        "commit": request.since.commit,
        "touched": len(chosen),
        "of": touched.of,
        "removed": [plan.named(key) for key in sorted(touched.removed, key=str)],
    }
    return chosen, since
