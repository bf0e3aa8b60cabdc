"""Plan × Writer → outcomes: the executor of a plan's list of operations, and nothing else. The only module that changes
a platform.

It reads again before it writes: all preconditions before the first write, and each level of dependent operations before
that level (product.md, section 4). An operation whose object is as `pre` is written; as `post`, it is `already` so;
anything else is a conflict. What was written is read back. One list a kind, workspace and level, never one an object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from gatectl.changes import attachment_token, state_hash
from gatectl.current import Current, read_current, read_workspaces
from gatectl.desired import comparable
from gatectl.errors import PlatformError, PlatformRefused, PreconditionFailed, Unreachable
from gatectl.kinds import KINDS, bucket
from gatectl.kinds.interface import Context, Order
from gatectl.model import Attachment, Live, ObjectKey, Operation, Outcome, Plan, Status
from gatectl.platforms.interface import Reader, Writer

_FINE: Final = frozenset(("done", "already"))
STATUSES: Final[tuple[Status, ...]] = ("done", "already", "conflict", "failed", "blocked", "not-started", "unknown")

Secrets = Mapping[str, Mapping[str, str]]
"""Credentials in clear, by operation id; they exist from the moment apply resolves them, and only in memory."""


class Conflict(NamedTuple):
    """Where a live object is neither what the plan was made from nor what it should become."""

    operation: str
    rows: tuple[tuple[str, Any, Any, Any], ...]
    """(path, planned, live, wanted)"""

    def message(self) -> str:
        rows = "; ".join(f"{path}: planned {p!r}, live {live!r}, wanted {w!r}" for path, p, live, w in self.rows)
        return f"changed since the plan was made: {rows}"


class Run(NamedTuple):
    """What an execution needs besides the plan.

    `stop` is asked before every write whether to stop; `progress` is told every outcome as it comes.
    """

    reader: Reader
    open_writer: Callable[[], Writer]
    secrets: Secrets
    project: str
    parallel: int
    stop: Callable[[], bool]
    progress: Callable[[Outcome], None]


def precheck(plan: Plan, reader: Reader) -> list[Conflict]:
    """The operations whose objects are neither as planned nor already as wanted. Reads only."""
    operations = plan["operations"]
    current = _read(reader, operations)
    found = (_judge(operation, current) for operation in operations)
    return [verdict for verdict in found if isinstance(verdict, Conflict)]


def apply_plan(plan: Plan, run: Run) -> tuple[list[Outcome], bool]:
    """Execute the plan: the outcome of every operation, in the plan's order, and whether all reads back as wanted.

    Raises PlatformError only before the first write. A conflict found before the first write leaves everything else
    `not-started`.
    """
    operations: Sequence[Operation] = plan["operations"]
    outcomes: dict[str, Outcome] = {}
    current = _read(run.reader, operations)
    conflicts = [v for v in (_judge(op, current) for op in operations) if isinstance(v, Conflict)]
    if conflicts:
        clashing = {c.operation: c for c in conflicts}
        for op in operations:
            clash = clashing.get(op["id"])
            outcomes[op["id"]] = _conflict(op, clash) if clash else Outcome(op["id"], "not-started", op["platformId"])
        return list(outcomes.values()), False
    if not operations and not plan["adopts"]:
        return [], True
    writer = run.open_writer()
    try:
        diverged = _levels(operations, current, run, writer, outcomes)
        _record(plan, outcomes, run, writer)
    finally:
        writer.close()
    listed = [outcomes[op["id"]] for op in operations]
    return listed, not diverged and all(outcome.status in _FINE for outcome in listed)


def _levels(
    operations: Sequence[Operation], current: Current | None, run: Run, writer: Writer, outcomes: dict[str, Outcome]
) -> bool:
    """Write level after level. True if something that was written does not read back as wanted."""
    diverged = False
    for level in _by_level(operations):
        if current is None:
            current = _try_read(run.reader, operations)
        for op in level:
            if current is None:
                outcomes[op["id"]] = Outcome(op["id"], "not-started", op["platformId"])
        if current is None:
            continue
        written = _write_level(level, current, run, writer, outcomes)
        current = None
        if written:
            current = _try_read(run.reader, operations)
            diverged |= _verify(written, current, run, outcomes)
    return diverged


def _by_level(operations: Sequence[Operation]) -> list[list[Operation]]:
    """The operations in levels: each depends only on those of earlier levels."""
    depth: dict[str, int] = {}
    levels: list[list[Operation]] = []
    for op in operations:  # a plan lists what an operation depends on before it
        depth[op["id"]] = own = 1 + max((depth[need] for need in op["dependsOn"]), default=-1)
        while len(levels) <= own:
            levels.append([])
        levels[own].append(op)
    return levels


def _read(reader: Reader, operations: Iterable[Operation]) -> Current:
    names = sorted({op["workspace"] for op in operations if op["workspace"] is not None})
    kinds = {op["kind"] for op in operations}
    api_keys = any(
        "apiKey" in (f["after"] or {}) for op in operations for f in op["fields"] if f["path"] == "/spec/credentials"
    )
    return read_current(reader, names, read_workspaces(reader), kinds, api_keys=api_keys)


def _try_read(reader: Reader, operations: Iterable[Operation]) -> Current | None:
    try:
        return _read(reader, operations)
    except PlatformError:
        return None


def _find(op: Operation, current: Current) -> Live | list[Live] | None:
    """The live object of an operation: by its id where the plan knows it, else by its name."""
    index = current.among(ObjectKey(op["kind"], op["workspace"], op["name"]))
    if op["platformId"] is not None:
        return index.by_id.get(op["platformId"])
    found = index.by_name.get(op["name"], [])
    return found[0] if len(found) == 1 else found or None


def _hash(live: Live) -> str:
    return state_hash(KINDS[live.key.kind], live.key.workspace, live.spec, live.attachments)


def _judge(op: Operation, current: Current) -> Live | Conflict | Status | None:
    """The precondition: the live object to write over (None: there is none), "already", or a conflict."""
    live = _find(op, current)
    if isinstance(live, list):
        return Conflict(op["id"], (("exists", op["pre"]["exists"], f"{len(live)} objects of this name", True),))
    if live is None:
        if op["action"] == "delete":
            return "already"
        return None if not op["pre"]["exists"] else Conflict(op["id"], (("exists", True, False, True),))
    found = _hash(live)
    if op["pre"]["exists"] and found == op["pre"]["hash"]:
        return live
    if op["action"] != "delete" and found == op["post"]["hash"]:
        return "already"
    return Conflict(op["id"], tuple(_rows(op, live)))


def _rows(op: Operation, live: Live) -> Iterable[tuple[str, Any, Any, Any]]:
    """The conflict, field by field: planned (what the plan was made from), live, wanted."""
    kind = KINDS[op["kind"]]
    fields = {path: live.spec.get(field) for field, path in kind.paths.items()}
    if not op["pre"]["exists"]:
        yield "exists", False, f"as {live.id}", True
    for field in op["fields"]:
        if field["path"] in fields and fields[field["path"]] != field["before"]:
            yield field["path"], field["before"], fields[field["path"]], field["after"]
    held = {attachment_token(a): a for a in live.attachments}
    for list_name, planned, wanted in (
        ("attach", None, "attached"),
        ("detach", "attached", None),
        ("keep", "attached", "attached"),
    ):
        for item in op[list_name]:
            token = attachment_token(_attachment(item))
            state = "attached" if token in held else None
            if state != planned:
                yield f"/spec/resources/{token}", planned, state, wanted
    mentioned = {attachment_token(_attachment(item)) for name in ("attach", "detach", "keep") for item in op[name]}
    others = sorted(token for token in held if token not in mentioned)
    if op["kind"] == "Repository":
        yield (
            "/spec/resources",
            "as when it was planned",
            f"also attached: {', '.join(others) or 'nothing'}",
            "as planned",
        )


def _attachment(item: Mapping[str, Any]) -> Attachment:
    names = [name for name in ("bucket", "account", "container", "name") if name in item]
    identity = (item["type"], *(item[name] for name in names))
    return Attachment(identity, item["label"], item["id"], item["folder"], item["master"])


def _conflict(op: Operation, conflict: Conflict, attempts: int = 0) -> Outcome:
    return Outcome(op["id"], "conflict", op["platformId"], attempts, ("conflict", conflict.message()))


def _write_level(
    level: Sequence[Operation], current: Current, run: Run, writer: Writer, outcomes: dict[str, Outcome]
) -> list[Operation]:
    """Write what of a level can be written; the operations that were tried."""
    ready: list[tuple[Operation, Live | None]] = []
    for op in level:
        failed = [need for need in op["dependsOn"] if outcomes[need].status not in _FINE]
        verdict = _judge(op, current)
        if failed:
            message = f"depends on {', '.join(failed)}"
            _set(outcomes, run, Outcome(op["id"], "blocked", op["platformId"], 0, ("blocked", message)))
        elif isinstance(verdict, Conflict):
            _set(outcomes, run, _conflict(op, verdict))
        elif isinstance(verdict, str):
            live = _find(op, current)
            found = live.id if isinstance(live, Live) else op["platformId"]
            _set(outcomes, run, Outcome(op["id"], "already", found))
        else:
            ready.append((op, verdict))

    def write(item: tuple[Operation, Live | None]) -> Outcome:
        op, live = item
        if run.stop():
            return Outcome(op["id"], "not-started", op["platformId"])
        return _write(op, live, current, writer, run.secrets.get(op["id"], {}))

    if run.parallel > 1 and len(ready) > 1:
        with ThreadPoolExecutor(run.parallel) as pool:
            for outcome in pool.map(write, ready):
                _set(outcomes, run, outcome)
    else:
        for item in ready:
            _set(outcomes, run, write(item))
    return [op for op, _ in ready if outcomes[op["id"]].attempts]


def _set(outcomes: dict[str, Outcome], run: Run, outcome: Outcome) -> None:
    outcomes[outcome.id] = outcome
    run.progress(outcome)


def _write(op: Operation, live: Live | None, current: Current, writer: Writer, secrets: Mapping[str, str]) -> Outcome:
    """One write, its failure translated into an outcome."""
    kind = KINDS[op["kind"]]
    etag = live.wire.get("etag") if live is not None else None
    try:
        if op["action"] == "delete":
            assert live is not None
            writer.delete(kind.collection, live.id, etag)
            return Outcome(op["id"], "done", live.id, 1)
        state = current.states.get(op["workspace"]) if op["workspace"] is not None else None
        context = state.context if state is not None else Context(None, None, {}, {}, {}, None)
        order = Order(op["name"], {f["path"]: f["after"] for f in op["fields"]}, _complete(op, live, context), secrets)
        body = kind.body(order, live.wire if live is not None else None, context)
        if live is None:
            return Outcome(op["id"], "done", writer.create(kind.collection, body), 1)
        writer.update(kind.collection, live.id, body, etag)
        return Outcome(op["id"], "done", live.id, 1)
    except PreconditionFailed as error:
        return Outcome(op["id"], "conflict", op["platformId"], 1, (error.code, error.message))
    except PlatformRefused as error:
        return Outcome(op["id"], "failed", op["platformId"], 1, (error.platform_code or error.code, error.message))
    except Unreachable as error:
        return Outcome(op["id"], "unknown", op["platformId"], 1, (error.code, error.message))
    except PlatformError as error:
        return Outcome(op["id"], "failed", op["platformId"], 1, (error.code, error.message))


def _complete(op: Operation, live: Live | None, context: Context) -> list[Attachment] | None:
    """The complete list of attachments of a repository in the end: what is there, without, with, and changed."""
    if op["kind"] != "Repository":
        return None
    gone = {item["id"] for item in op["detach"]}
    masters = {field["path"]: field["after"] for field in op["fields"]}
    complete = []
    for item in live.attachments if live is not None else ():
        if item.id not in gone:
            master = masters.get(f"/spec/resources/{attachment_token(item)}/master", item.master)
            complete.append(item._replace(master=master))
    complete.extend(_with_id(_attachment(item), context) for item in op["attach"])
    return complete


def _with_id(item: Attachment, context: Context) -> Attachment:
    """An attachment with the id of its resource; one that this run created is found by identity and label."""
    if item.id is not None:
        return item
    lives = context.llms.values() if item.identity[0] == "LLM" else context.buckets.values()
    found = [live.id for live in lives if _is(live, item)]
    if len(found) != 1:
        what = "/".join(item.identity[1:])
        how = "is not there" if not found else f"is there {len(found)} times"
        raise PlatformRefused(
            f"{item.identity[0]} {what} ({item.label or item.identity[-1]}) {how}", platform_code="NOT_FOUND"
        )
    return item._replace(id=found[0])


def _is(live: Live, item: Attachment) -> bool:
    if item.identity[0] == "LLM":
        return live.key.name == item.identity[1]
    return live.key.name == item.label and comparable(bucket.identity(live.spec)) == comparable(item.identity)


def _verify(written: Sequence[Operation], current: Current | None, run: Run, outcomes: dict[str, Outcome]) -> bool:
    """Read back: what is unknown becomes known, and what was done must be there as wanted. True if something is not."""
    diverged = False
    for op in written:
        outcome = outcomes[op["id"]]
        if current is None:
            if outcome.status == "done":
                diverged = True
                outcomes[op["id"]] = outcome._replace(error=("unverified", "written, but it could not be read back"))
            continue
        if outcome.status not in ("done", "unknown"):
            continue
        live = _find(op, current)
        as_wanted = (
            live is None if op["action"] == "delete" else isinstance(live, Live) and _hash(live) == op["post"]["hash"]
        )
        if as_wanted:
            found = live.id if isinstance(live, Live) else outcome.platform_id
            outcomes[op["id"]] = outcome._replace(status="done", platform_id=found, error=None)
        elif outcome.status == "unknown":
            before = (
                live is None if not op["pre"]["exists"] else isinstance(live, Live) and _hash(live) == op["pre"]["hash"]
            )
            outcomes[op["id"]] = outcome._replace(status="failed" if before else "unknown")
        else:
            diverged = True
            outcomes[op["id"]] = outcome._replace(error=("diverged", _divergence(op, live)))
    return diverged


def _divergence(op: Operation, live: Live | list[Live] | None) -> str:
    if not isinstance(live, Live):
        return (
            "written, but it does not read back" if live is None else f"written, and there are {len(live)} of this name"
        )
    if op["action"] == "delete":
        return "deleted, but it is still there"
    rows = "; ".join(f"{path}: live {found!r}, wanted {wanted!r}" for path, _, found, wanted in _rows(op, live))
    return f"written, but it reads back differently: {rows}"


def _record(plan: Plan, outcomes: Mapping[str, Outcome], run: Run, writer: Writer) -> None:
    """Remember what this project has applied, so that a later plan knows its own (adopts, --prune)."""
    ids = [o.platform_id for o in outcomes.values() if o.status in _FINE and o.platform_id is not None]
    if not run.stop():
        ids += [adopted["platformId"] for adopted in plan["adopts"]]
    if ids:
        writer.record(run.project, ids)


def make_receipt(plan: Plan, outcomes: Sequence[Outcome], *, converged: bool) -> Mapping[str, Any]:
    """The receipt of product.md, section 4."""
    return {
        "formatVersion": "1.0",
        "fingerprint": plan["fingerprint"],
        "outcomes": [
            {
                "id": o.id,
                "status": o.status,
                "platformId": o.platform_id,
                "attempts": o.attempts,
                "error": {"code": o.error[0], "message": o.error[1]} if o.error is not None else None,
            }
            for o in outcomes
        ],
        "summary": {status: sum(o.status == status for o in outcomes) for status in STATUSES},
        "converged": converged,
        "diagnostics": list(plan["diagnostics"]),
    }
