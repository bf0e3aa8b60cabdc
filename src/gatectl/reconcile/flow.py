"""The flow, once, in order: read, parse, validate, rules; read the platform, match, resolve, compare, forecast, plan.

This is the one file that knows the order of the steps; the steps do not know each other. It is handed a reader and never
a writer, of the platform and of the records alike: planning cannot write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from typing import NamedTuple

from gatectl.applying import stricter
from gatectl.applying.remembering import at_work
from gatectl.applying.settling import late_on
from gatectl.documents.findings import NameFile, finding_json, relative_to
from gatectl.documents.journal import OpenRun, Unclear, open_run_json
from gatectl.documents.ownership import Holdings
from gatectl.documents.plans import Plan, Remarks, Since, Source
from gatectl.errors import GatectlError, InputError, UsageError
from gatectl.kinds import KINDS, WORKSPACE
from gatectl.manifests import commits, loading, places, selection
from gatectl.manifests.loading import Loaded, manifest_paths
from gatectl.model import Change, Desired, Finding, ObjectKey
from gatectl.network.addresses import without_secrets
from gatectl.planning import final_state, manageable, match, order, owners, parts, plan, reasons
from gatectl.planning.changes import Ending, Settings, Worked, compute_changes
from gatectl.planning.current import Current, Index, read_current, read_workspaces
from gatectl.planning.protection import check_protection
from gatectl.platforms import default_workspace_of, driver_for
from gatectl.platforms.interface import Connection, Identification, Reader
from gatectl.platforms.wire import may_attach, unknown_fields
from gatectl.project import Project
from gatectl.quote import quote
from gatectl.reconcile import asking, measuring
from gatectl.reconcile.heading import ask_git, patience_of, selection_of, source_of, target_of
from gatectl.reconcile.looking_back import held_to, look_back, older_on, reads_otherwise
from gatectl.reconcile.request import Request, check_options, check_selection, load, selected
from gatectl.reconcile.undone import undoing
from gatectl.records import read_records
from gatectl.records.chosen import remembers_itself
from gatectl.records.interface import RecordsReader
from gatectl.resources import registrar_of


class Seen(NamedTuple):
    """A plan, and what it was made from, as far as it was read: what the manifests ask for, which live object each of them means and
    how each repository will be, what is live, whose that is, and the runs that have not ended."""

    plan: Plan
    wanted: Desired
    pairs: Sequence[match.Pair] = ()
    endings: Mapping[ObjectKey, Ending] = {}
    current: Current | None = None
    holdings: Holdings | None = None
    runs: Sequence[OpenRun] = ()


def work_out(request: Request, connect: Callable[[], Connection]) -> Plan:
    """The plan of a request. Reads the platform, unless the manifests are invalid: then there is nothing to ask it.

    `connect` says how to reach the platform; asked only then, since a missing token is no reason to hide findings.
    """
    return see(request, connect).plan


def see(request: Request, connect: Callable[[], Connection]) -> Seen:
    """The same, with all that it was made from."""
    project, environment = request.project, request.environment
    if not driver_for(environment.platform).writable:
        return _of_snapshot(request, connect())
    paths = manifest_paths(project, environment, request.paths)
    git = ask_git(request)
    loaded = load(request, paths, default_workspace_of(environment))
    driver = driver_for(environment.platform)
    nowhere = Identification(driver.name, without_secrets(environment.platform), None)
    if loaded.invalid and not _leaves_some(request, loaded):
        return Seen(refuse(request, loaded, git, nowhere), loaded.desired)
    check_selection(request, loaded)
    with _findings_first(loaded, request.warn), ExitStack() as ends:
        connection = connect()
        place = cache(asking.place_of(request, connection))
        # A platform that remembers itself is opened once: a file is looked through whenever it is.
        reader = ends.enter_context(closing(driver.open_reader(connection))) if remembers_itself(connection) else None
        kept, before = look_back(request, connection, place, reader)
        bound = held_to(request, before)
        if reads_otherwise(bound, request):
            loaded = load(bound, paths, default_workspace_of(environment))
            if loaded.invalid and not _leaves_some(bound, loaded):
                return Seen(refuse(bound, loaded, git, nowhere), loaded.desired)
        request = bound
        found = reader or ends.enter_context(closing(driver.open_reader(connection)))
        records = ends.enter_context(closing(read_records(connection, found)))
        seen_from = asking.Vantage(
            kept, place, lambda: at_work(connection, found, asking.here(request)),
            undoing(request, connection, found), before,
        )  # fmt: skip
        return _seen(request, loaded, git, found, records, seen_from)
    return Seen(refuse(request, loaded, ask_git(request), nowhere), loaded.desired)


def _leaves_some(request: Request, loaded: Loaded) -> bool:
    """Whether manifests with errors may leave some to be planned, as far as it is known offline."""
    return request.keep_going and parts.Parts(loaded.desired).but(loaded.findings) is not None


@contextmanager
def _findings_first(loaded: Loaded, warn: Callable[[str], None]) -> Iterator[None]:
    """What is wrong with the manifests comes before what the world does wrong: that is said, and no more (product.md, section 2)."""
    try:
        yield
    except UsageError:
        raise
    except GatectlError as error:
        if not loaded.invalid:
            raise
        warn(f"nothing is planned: {error.message}")


def _of_snapshot(request: Request, connection: Connection) -> Seen:
    """The plan that the platform of a snapshot would have had; it knows the workspace of manifests that name none."""
    from gatectl.platforms import snapshot

    paths = manifest_paths(request.project, request.environment, request.paths)
    git = ask_git(request)
    try:
        reader = snapshot.open_reader(connection)
    except InputError:
        loaded = load(request, paths, request.environment.workspace)
        if not loaded.invalid:
            raise
        return Seen(refuse(request, loaded, git, Identification("snapshot", connection.target, None)), loaded.desired)
    loaded = load(request, paths, request.environment.workspace or reader.traits.default_workspace)
    if loaded.invalid and not _leaves_some(request, loaded):
        return Seen(refuse(request, loaded, git, reader.identification), loaded.desired)
    with _findings_first(loaded, request.warn):
        records = read_records(connection, reader)
        if not reader.knows_owners:
            request.warn("the snapshot was taken by an older gatectl: whose the objects are is not known")
        remarks: Remarks = {"snapshot": reader.remark}
        seen_from = asking.Vantage(place=asking.place_of(request, connection))
        return _seen(request, loaded, git, reader, records, seen_from, remarks)
    return Seen(refuse(request, loaded, ask_git(request), reader.identification), loaded.desired)


def make_plan(
    request: Request, loaded: Loaded, git: commits.Checkout, reader: Reader, records: RecordsReader,
    seen_from: asking.Vantage = asking.NOWHERE, remarks: Remarks | None = None,
) -> Plan:  # fmt: skip
    """Everything from the manifests, the platform and the records to the plan. Reads, and only reads. `remarks`: see
    `plan.make_plan`.

    Raises UsageError for options that cannot be meant, PlatformError where the platform cannot be read whole.
    """
    return _seen(request, loaded, git, reader, records, seen_from, remarks).plan


def _seen(
    request: Request, loaded: Loaded, git: commits.Checkout, reader: Reader, records: RecordsReader,
    seen_from: asking.Vantage, remarks: Remarks | None = None,
) -> Seen:  # fmt: skip
    check_selection(request, loaded)
    name_file = relative_to(str(request.project.folder))
    identification = reader.identification
    source = source_of(request, loaded, git, name_file)
    visible = _visible(loaded.desired, reader)
    wanted, findings = _decided(request.project, loaded, reader.traits.default_workspace, visible)
    names = _names(wanted)
    target = target_of(request, identification, reader.traits.openai, names)._replace(records=seen_from.kept)
    holdings = asking.holdings_of(request, records, seen_from.place)
    pruning = asking.pruning_of(request, loaded, holdings)
    apart = _apart(request, wanted, findings, visible)
    if isinstance(apart, list):
        return Seen(_refuse(request, target, source, apart, name_file), wanted)
    pruned = asking.pruned(request, holdings, visible)
    current = _read_content(request, reader, apart.rest, sorted({*names, *pruned}), visible)
    runs = records.open_runs()
    unended = asking.Unended(runs, seen_from.at_work() if runs else frozenset())
    late = late_on(reader, patience_of(request.environment, request.clock))
    holdings, unclear = asking.with_open_runs(request, unended, current, holdings, late, seen_from.place)
    ground = _Ground(reader, visible, current, holdings, pruning, seen_from.undone, unclear)
    apart, work = _keep_going(request, apart, ground)
    findings += [*work.findings, *owners.check_guest(holdings)]
    if work.unoffered:
        return Seen(_refuse(request, target, source, findings, name_file), wanted, (), {}, current, holdings, runs)
    _tell_unknown(work.pairs, request.tell)
    left = apart.told(findings)
    extent = measuring.owned(holdings).larger(measuring.declared(wanted))
    rest = sorted({*_names(apart.rest), *_deleted_in(work)})
    made = plan.make_plan(
        target._replace(workspaces=tuple(rest)),
        selection_of(request, name_file, work.since, left_out=bool(left)),
        source,
        work.worked,
        work.arranged,
        [finding_json(f, name_file) for f in places.locate(findings)],
        name_file,
        {
            **owners.new_place(holdings),
            **older_on(request, work.arranged, source["commit"], seen_from.before),
            **measuring.guarded(request, work.arranged, extent),
            **_remarks(request, current, rest, unended, unclear, remarks),
        },
        plan.points(current),
        work.held,
        left,
    )
    return Seen(made, wanted, work.pairs, work.endings, current, holdings, runs)


class _Ground(NamedTuple):
    """What the manifests meet: the platform, as far as it was read, whose what is there is, and what is unclear of that."""

    reader: Reader
    visible: Index
    current: Current
    holdings: Holdings | None
    pruning: owners.Pruning | None
    undone: reasons.Undoing
    unclear: Sequence[Unclear]


class _Work(NamedTuple):
    """What manifests come to: all that is wrong, the changes in their order, and what is held. `unoffered`: nothing was worked
    out, since the platform does not offer what they need."""

    findings: Sequence[Finding]
    unoffered: bool = False
    pairs: Sequence[match.Pair] = ()
    worked: Worked = plan.NOTHING
    arranged: Sequence[tuple[Change, tuple[str, ...]]] = ()
    held: Sequence[order.Holding] = ()
    since: Since | None = None
    endings: Mapping[ObjectKey, Ending] = {}


def _apart(
    request: Request, wanted: Desired, findings: Sequence[Finding], visible: Index
) -> parts.Parts | list[Finding]:
    """What is to be planned, as far as it is known before the platform's content is; else why nothing is."""
    whole = parts.Parts(wanted, parts.connected(wanted))
    if not any(f.severity == "error" for f in findings):
        return whole
    apart = whole.but(findings) if request.keep_going else None
    if apart is None:
        return list(findings)
    # What is left out has to be somewhere: a workspace that nobody knows may be another one, misspelt.
    lost = match.unknown_workspaces(wanted, visible)
    return [*findings, *lost] if lost else apart


def _keep_going(request: Request, apart: parts.Parts, ground: _Ground) -> tuple[parts.Parts, _Work]:
    """What is planned, and what that comes to; with `keep_going` without each workspace that errors lie in, until none lies in
    what is left. The findings are of all of them. Where there is no rest, nothing is left out and nothing is planned."""
    if not request.keep_going:
        return apart, _work(request, apart, ground)
    said: list[Finding] = []
    rest = apart._replace(shared=parts.connected(apart.wanted, ground.current)).but(())
    while rest is not None:
        work = _work(request, rest, ground)
        found = [*said, *work.findings]
        further = rest.but(work.findings)
        if further is not None and further.left.keys() == rest.left.keys():
            if not manageable.refuses(work.findings, held=bool(work.held)):
                return rest, work._replace(findings=found)
            further = None
        said = further.about(found) if further is not None else found
        rest = further
    return apart._replace(left={}), _Work(said)


def _work(request: Request, apart: parts.Parts, ground: _Ground) -> _Work:
    """Match, resolve, compare, select, arrange and forecast."""
    wanted, current = apart.rest, apart.live(ground.current)
    if unoffered := manageable.unoffered(wanted, current):
        return _Work(unoffered, unoffered=True)
    pairs, ambiguous = match.match(wanted, current, ground.holdings)
    settings = asking.meant(request, apart, _settings(request, apart, ground), pairs, current)
    worked = compute_changes(pairs, current, settings)
    names = frozenset(_names(wanted))
    unmanaged = [key for key in worked.unmanaged if key.workspace is None or key.workspace in names]
    unclear, unsettled = manageable.unsettled(pairs, ground.unclear)
    ambiguous += [*manageable.unmanageable(pairs, current), *unclear]
    ambiguous += check_protection(worked.changes, ground.holdings, request.environment.guardrails.protect)
    worked = worked._replace(findings=[*ambiguous, *worked.findings], unmanaged=unmanaged)
    chosen, since = _chosen(request, apart, ground, worked)
    worked = order.select(worked, chosen)
    stopped = {**unsettled, **manageable.stopped(worked.findings)}
    worked, held = order.hold(worked._replace(findings=manageable.told_once(worked.findings, stopped)), stopped)
    worked = worked._replace(changes=reasons.told(worked.changes, ground.holdings, ground.undone))
    selected = frozenset(c.key for c in worked.changes)
    arranged, circles = order.arrange(worked)
    findings = [*worked.findings, *circles]
    findings += final_state.forecast(worked, current, selected, request.project.rules)
    if manageable.refuses(findings, held=bool(held)):
        return _Work(findings, pairs=pairs, since=since, endings=worked.endings)
    return _Work(findings, False, pairs, worked, arranged, held, since, worked.endings)


def _chosen(
    request: Request, apart: parts.Parts, ground: _Ground, worked: Worked
) -> tuple[frozenset[ObjectKey] | None, Since | None]:
    """The keys that -l, --target and --changed-since choose (None: all), and what a plan of a change says of itself."""
    if request.selector is None and not request.targets and request.since is None:
        return None, None
    chosen = selected(request, apart.wanted)
    if request.since is None:
        return chosen, None
    before, _ = match.decide_workspaces(request.since.before, ground.reader.traits.default_workspace, ground.visible)
    attached = {key: ending.state.attachments for key, ending in worked.endings.items()}
    touched = selection.touched(apart.of(before), apart.rest, attached)
    chosen &= touched.keys
    if not (chosen or touched.removed or apart.left):
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


def _settings(request: Request, apart: parts.Parts, ground: _Ground) -> Settings:
    traits = ground.reader.traits
    return Settings(
        traits.packets,
        traits.openai,
        ground.holdings,
        selection.find_targets(request.renew, apart.wanted.manifests, "--renew-credentials"),
        _pruning(apart, ground.pruning) if ground.pruning is not None else None,
        request.force_put,
        frozenset(request.environment.known),
    )


def _pruning(apart: parts.Parts, pruning: owners.Pruning) -> owners.Pruning:
    """Where manifests are left out, what seems to be declared no more may be declared by one of them."""
    homes = map(parts.workspace_of, apart.rest.manifests)
    return pruning._replace(within=frozenset(filter(None, homes)) if apart.left else None)


def _names(wanted: Desired) -> list[str]:
    """The workspaces that manifests are in."""
    return sorted({m.workspace for m in wanted.manifests if m.workspace is not None})


def _visible(wanted: Desired, reader: Reader) -> Index:
    """The workspaces that who asks may see; one that is declared by id goes by its declared name."""
    renamed = {m.id: m.name for m in wanted.of(WORKSPACE.name) if m.id is not None and m.name is not None}
    return read_workspaces(reader, renamed)


def _decided(project: Project, loaded: Loaded, default: str | None, visible: Index) -> tuple[Desired, list[Finding]]:
    """The manifests with a workspace each, and what is wrong with them by now."""
    wanted, undecided = match.decide_workspaces(loaded.desired, default, visible)
    if wanted is loaded.desired:
        return wanted, [*loaded.findings, *undecided]
    # Manifests that named no workspace may collide with some that do.
    return wanted, [*loaded.said, *loading.of_rules(project, wanted, loaded.said), *undecided]


def _deleted_in(work: _Work) -> set[str]:
    """The workspaces in which something is to be deleted, or taken over."""
    keys = [change.key for change, _ in work.arranged if change.action == "delete"]
    keys += [taken.key for taken in work.worked.takes]
    keys += [held.key for held in work.held if held.action == "delete"]
    return {key.workspace for key in keys if key.workspace is not None}


def _read_content(request: Request, reader: Reader, wanted: Desired, names: Iterable[str], visible: Index) -> Current:
    """What the workspaces of these names hold, as far as the manifests need it."""
    needs_keys = any("apiKey" in (m.credentials or {}) for m in wanted.manifests)
    needed = {registrar_of(entry.type) for m in wanted.manifests for entry in m.entries or ()}
    needed.update(m.kind for m in wanted.manifests)
    patience = patience_of(request.environment, request.clock)
    return read_current(reader, names, visible, api_keys=needs_keys, needed=needed, patience=patience)


def _remarks(
    request: Request, current: Current, names: Iterable[str], unended: asking.Unended, unclear: Sequence[Unclear],
    remarks: Remarks | None,
) -> Remarks:  # fmt: skip
    """What else a plan says of itself: the project file's changes, the workspaces in which who asks may only read, and the runs that
    have not ended."""
    said: Remarks = {**stricter.remark(request.changed)}
    if unended.runs:
        said["openRuns"] = [
            open_run_json(run, at_work=run.head.run in unended.at_work, unclear=unclear) for run in unended.runs
        ]
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


def refuse(request: Request, loaded: Loaded, git: commits.Checkout, identification: Identification) -> Plan:
    """The plan of invalid manifests: no operation, all findings. The platform is not asked.

    Raises UsageError for options that cannot be meant.
    """
    check_options(request)
    name_file = relative_to(str(request.project.folder))
    source = source_of(request, loaded, git, name_file)
    target = target_of(request, identification, request.environment.openai, _names(loaded.desired))
    return _refuse(request, target, source, loaded.findings, name_file)


def _refuse(
    request: Request,
    target: plan.Target,
    source: Source,
    findings: Sequence[Finding],
    name_file: NameFile,
) -> Plan:
    diagnostics = [finding_json(f, name_file) for f in places.locate(findings)]
    of = selection_of(request, name_file, None)
    remarks = stricter.remark(request.changed)
    return plan.make_plan(target, of, source, plan.NOTHING, [], diagnostics, name_file, remarks)
