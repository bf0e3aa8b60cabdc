"""What protects a platform from a plan that is no longer true: below the command line, before each write. Pure.

A plan is bound to a platform, a project and an environment. And what it refers to has to be as it was reviewed: the
changes are worked out again from what is live now, with every object that they name and with the rules of the final state
(product.md, section 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from gatectl.applying.conditions import Conflict, Row, judge, read_after
from gatectl.documents.operations import NAME, credentials_of, has_states, key_of, new_names, renames
from gatectl.documents.plans import OLD_VERSION, Operation, Plan, Pointed, Resource, unsettled, unwritten
from gatectl.documents.states import pointed_of, points_of, read_attachment
from gatectl.errors import StalePlan, Unsettled
from gatectl.kinds import KINDS, home_of, referred
from gatectl.kinds.interface import find_api_keys
from gatectl.kinds.states import attachment_token
from gatectl.model import Live, ObjectKey
from gatectl.planning.changes import Ending, count_api_keys
from gatectl.planning.current import Current, WorkspaceState
from gatectl.planning.final_state import final_state
from gatectl.planning.old_plans import downgraded_fingerprint
from gatectl.planning.plan import Target, target_json
from gatectl.planning.registering import Registered, registered_buckets, same_identity
from gatectl.quote import quote
from gatectl.resources import folded, is_placed

Verdict = Live | Conflict | Literal["already"] | None
"""What is to be done with an operation: write over this object, or where there is none (None), or nothing."""

_AGAIN: Final = "choose the environment that it was made for, or plan again"
_BOUND: Final[Sequence[tuple[Literal["project", "environment", "wire"], str]]] = (
    ("project", "of project"), ("environment", "of environment"), ("wire", "for wire values"),
)  # fmt: skip
"""What else of a target has to be the same, and in which words that is said."""

_NO_RULES: Final[Mapping[str, str]] = {}


class Guard(NamedTuple):
    """What a plan is held against: where it is to be applied, the severities of the project's rules, and what was approved."""

    target: Target
    rules: Mapping[str, str] = _NO_RULES
    expect: str | None = None

    def admit(self, plan: Plan) -> None:
        """Raises StalePlan for a plan of another place, of another project, or that is not the one that was approved."""
        check_expected(plan, self.expect)
        check_target(plan, self.target)

    def judge(self, plan: Plan, pending: Sequence[Operation], current: Current) -> dict[str, Verdict]:
        """The verdict on each of the operations that are still to be done, by id."""
        about = _About.of(plan["operations"], current)
        verdicts: dict[str, Verdict] = {}
        for op in pending:
            verdict: Verdict = judge(op, current)
            if not isinstance(verdict, (Conflict, str)):
                rows = tuple(_references(op, verdict, current, about))
                verdict = Conflict(op["id"], rows) if rows else verdict
            verdicts[op["id"]] = verdict
        for name, broken in _breaches(pending, verdicts, current, self.rules).items():
            verdicts[name] = Conflict(name, (), tuple(broken))
        return verdicts

    def conflicts(self, plan: Plan, current: Current) -> list[Conflict]:
        """The operations of a plan that cannot be done as it was reviewed."""
        check_adopted(plan, current)
        return [v for v in self.judge(plan, plan["operations"], current).values() if isinstance(v, Conflict)]


def check_expected(plan: Plan, expect: str | None) -> None:
    """What is applied is what was approved, or nothing. Raises StalePlan."""
    if expect is None or plan["fingerprint"] == expect:
        return
    if plan["formatVersion"] != OLD_VERSION and downgraded_fingerprint(plan) == expect:
        raise StalePlan(
            f"the expected fingerprint {quote(expect)} is that of a plan of format 1.0, this plan is of format"
            f" {quote(plan['formatVersion'])}",
            f"nothing was written; an earlier gatectl made it: have {quote(plan['fingerprint'])} approved",
        )
    raise StalePlan(
        f"the plan is not the expected one: its fingerprint is {quote(plan['fingerprint'])} (format {quote(plan['formatVersion'])}),"
        f" expected is {quote(expect)}",
        "nothing was written; look at the new plan (gatectl plan), and have its fingerprint approved",
    )


def check_undone(plan: Plan) -> None:
    """An undo is of the whole run, unless somebody said that the rest is meant. Raises StalePlan."""
    left = plan.get("undoes", {}).get("left", ())
    if left:
        first = f"{quote(left[0]['kind'])} {quote(left[0]['name'])}: {left[0]['what']}"
        more = f" (and {len(left) - 1:,} more)" if len(left) > 1 else ""
        raise StalePlan(
            f"not all of run {quote(plan['undoes']['run'])} can be undone: {first}{more}",
            "nothing was written; --keep-going undoes the rest",
        )


def check_settled(plan: Plan) -> None:
    """Nothing is applied beside what nobody can tell of, unless somebody said that the rest is meant. Raises Unsettled."""
    for held in unsettled(plan):
        of = ObjectKey(held["kind"], held["workspace"], held["name"])
        raise Unsettled(
            f"{quote(of)} waits: {quote(held['reason'])}",
            "nothing was written; gatectl runs tells what is not clear, --keep-going does the rest",
        )


def check_target(plan: Plan, here: Target) -> None:
    """A plan is for one platform, one project and one environment. Raises StalePlan.

    One that was made before the platform's store existed fits only the store that came to be in the same place.
    """
    planned, found = plan["target"], target_json(here)
    if plan["formatVersion"] == OLD_VERSION:
        _check_old(plan)
    if (planned["driver"], planned["url"]) != (here.driver, here.url):
        raise StalePlan(f"the plan is for {quote(planned['url'])}, this is {quote(here.url)}", _AGAIN)
    if planned["instance"] is None:
        if planned.get("place") != here.place:
            raise StalePlan(f"the plan is for a {quote(planned['url'])} platform in another folder", _AGAIN)
    elif planned["instance"] != here.instance:
        there = f"instance {quote(planned['instance'])} of {quote(planned['url'])}"
        raise StalePlan(f"the plan is for {there}, this is instance {quote(here.instance or '(none yet)')}", _AGAIN)
    for name, words in _BOUND:
        if name in planned and planned[name] != found[name]:
            raise StalePlan(f"the plan is {words} {_shown(planned[name])}, this is {_shown(found[name])}", _AGAIN)


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return (
            ", ".join(f"{quote(name)} {quote(inner)}" for name, inner in value.items() if inner is not None) or "(none)"
        )
    return quote(value)


def _check_old(plan: Plan) -> None:
    """Plans of format 1.0 say less of what they were made from, so they may do less. Raises StalePlan."""
    operations = plan["operations"]
    why = None
    if any(op["action"] == "delete" or op["detach"] for op in operations):
        why = "deletes or detaches"
    elif plan["target"]["instance"] is None:
        why = "does not say which platform it is for"
    if why is not None:
        raise StalePlan(f"the plan is of format 1.0 and {why}", "plan again: gatectl plan --out FILE")


def check_adopted(plan: Plan, current: Current) -> None:
    """What is to be taken under management, or over, is there as it was planned. Raises StalePlan."""
    for item in unwritten(plan):
        key = ObjectKey(item["kind"], item["workspace"], item["name"])
        live = current.among(key).by_id.get(item["platformId"]) if key.kind in KINDS else None
        if live is None or live.key != key:
            raise StalePlan(
                f"{quote(key)} ({quote(item['platformId'])}) was to be taken under management, and is not there any more",
                "nothing was written; plan again",
            )


class _About(NamedTuple):
    """What the operations of a plan say of each other's objects."""

    registered: Registered
    """The live buckets of each remote identity, as (label, id)."""
    labels: frozenset[tuple[str | None, str]]
    """The workspaces and labels of the buckets that the plan registers."""
    pointed: Mapping[str, Sequence[Pointed]]
    """Where the buckets and LLMs that the plan changes point, before and after, by id."""
    released: Mapping[str | None, frozenset[str | None]]
    """The repositories that the plan detaches a resource from, by its id."""
    made: frozenset[ObjectKey]
    """The objects that the plan creates."""
    ids: frozenset[str | None]
    """The ids of those that it changes or deletes."""
    names: Mapping[str, str]
    """The new names of those that it renames, by id."""

    @staticmethod
    def of(operations: Sequence[Operation], current: Current) -> _About:
        labels, made, pointed, ids = set(), set(), dict[str, list[Pointed]](), set()
        released: dict[str | None, set[str | None]] = {}
        for op in operations:
            ids.add(op["platformId"])
            if op["action"] == "create":
                labels.update([(op["workspace"], op["name"])] if KINDS[op["kind"]].doubles else [])
                made.add(key_of(op))
            elif op["action"] == "update" and op["platformId"] is not None and KINDS[op["kind"]].registers:
                pointed[op["platformId"]] = list(_points(op))
            for item in op["detach"]:
                released.setdefault(item["id"], set()).add(op["platformId"])
        freed = {name: frozenset(ids) for name, ids in released.items()}
        registered = registered_buckets(current) if labels else {}
        return _About(
            registered, frozenset(labels), pointed, freed, frozenset(made), frozenset(ids), new_names(operations)
        )


def _points(op: Operation) -> Iterator[Pointed]:
    """Where its object points, before and after."""
    for state in (op.get("before"), op.get("after")):
        if state is not None:
            yield points_of(state["spec"])


def _references(op: Operation, live: Live | None, current: Current, about: _About) -> Iterator[Row]:
    """Where something that an operation refers to is not as it was reviewed."""
    state = None
    if op["workspace"] is not None:
        there = len(current.workspaces.by_name.get(op["workspace"], ()))
        if there != 1 and not (there == 0 and home_of(key_of(op)) in about.made):
            yield "/metadata/workspace", op["workspace"], f"{there} of this name", op["workspace"]
        state = current.states.get(op["workspace"])
    yield from _names(op, current)
    if state is not None:
        for item in op["attach"]:
            yield from _attached(op, item, state, about)
        yield from _api_key(op, state)
        yield from _users(op, state, about)
    yield from _referred(op, current, about)
    yield from _twins(op, about)
    yield from _keys(op, live)


def _names(op: Operation, current: Current) -> Iterator[Row]:
    """Another object that has meanwhile taken the name, or one like it."""
    renamed = op["action"] == "update" and any(field["path"] == NAME for field in op["fields"])
    if op["action"] != "create" and not renamed:
        return
    index = current.among(key_of(op))
    for other in index.by_lower.get(op["name"].lower(), ()):
        if other.id != op["platformId"] and (not renamed or KINDS[op["kind"]].unique or renames(op)):
            yield "/metadata/name", "free", f"that of '{other.key.name}' {other.id}", op["name"]


def _attached(op: Operation, item: Resource, state: WorkspaceState, about: _About) -> Iterator[Row]:
    """A resource to attach that is gone, is called otherwise, or points elsewhere."""
    if item["id"] is None:
        return
    planned = read_attachment(item)
    path = f"/spec/resources/{attachment_token(planned)}"
    kind = KINDS[planned.registered(None).kind]
    live = state.indexes[kind.name].by_id.get(item["id"])
    if live is None:
        yield path, f"registered as {item['id']}", None, "attached"
        return
    name = about.names.get(live.id, live.key.name)
    identity = folded(kind.identity({**live.spec, "name": name})) if kind.identity is not None else ()
    if identity != folded(planned.identity):
        yield f"{path}/identity", "/".join(planned.identity), "/".join(identity), "/".join(planned.identity)
    if is_placed(planned.type) and name.lower() != (planned.label or "").lower():
        yield f"{path}/label", planned.label, name, planned.label
    told = pointed_of(item)
    if has_states(op) and points_of(live.spec) not in (told, *about.pointed.get(live.id, ())):
        yield f"{path}/endpoint", _shown(told), _shown(points_of(live.spec)), _shown(told)


def _api_key(op: Operation, state: WorkspaceState) -> Iterator[Row]:
    """A provider API key that is gone, or whose description means another one now."""
    reference = credentials_of(op)
    if reference is None or "apiKey" not in reference:
        return
    found = find_api_keys(reference["apiKey"], state.context.api_keys)
    planned = reference.get("id", reference["apiKey"] if has_states(op) else None)
    if len(found) != 1 or (planned is not None and found != [planned]):
        yield "/spec/credentials/apiKey", planned or reference["apiKey"], ", ".join(found) or None, planned


def _users(op: Operation, state: WorkspaceState, about: _About) -> Iterator[Row]:
    """Repositories that attach what is to be deleted, besides those that the plan detaches it from."""
    if op["action"] != "delete" or not KINDS[op["kind"]].registers:
        return
    letting_go = about.released.get(op["platformId"], frozenset())
    for live in (live for index in state.indexes.values() for live in index.by_id.values()):
        if live.id not in letting_go and any(a.id == op["platformId"] for a in live.attachments):
            yield "attached by", None, live.key.name, None


def _referred(op: Operation, current: Current, about: _About) -> Iterator[Row]:
    """What an operation's object will name and is not there, or there are several of; and who names what is to be deleted,
    besides those that the plan changes."""
    names = KINDS[op["kind"]].refers and op.get("after") is not None
    for path, key in referred(key_of(op), read_after(op)) if names else ():
        there = len(current.among(key).by_name.get(key.name, ()))
        if there != 1 and not (there == 0 and key in about.made):
            yield path, key.name, f"{there} of this name", key.name
    if op["action"] == "delete":
        for live in current.lives():
            if live.id not in about.ids and any(key == key_of(op) for _, key in referred(live.key, live.state)):
                yield "referred to by", None, str(live.key), None


def _twins(op: Operation, about: _About) -> Iterator[Row]:
    """Buckets that have meanwhile been registered with the identity of one that is to be registered."""
    if not KINDS[op["kind"]].doubles or op["action"] != "create":
        return
    spec = read_after(op).spec
    after = op.get("after")
    known = {item["id"] for item in after.get("besides", ())} if after is not None else set()
    for label, platform_id in same_identity(about.registered, key_of(op), spec):
        if platform_id not in known and (op["workspace"], label) not in about.labels:
            yield "registered", None, f"as '{label}' {platform_id}", f"as '{op['name']}'"


def _keys(op: Operation, live: Live | None) -> Iterator[Row]:
    """API keys that came to be, and would reach what is attached, or die, though nobody has reviewed that."""
    keys = count_api_keys(live) if live is not None else 0
    if op["action"] == "update" and op["attach"] and keys and op["risk"] == "none":
        yield "API keys", None, f"{keys} that will reach what is attached", None
    before = op.get("before")
    known = before.get("apiKeys", 0) if before is not None else 0
    if op["action"] == "delete" and keys > known:
        yield "API keys", str(known), str(keys), None


def _breaches(
    pending: Sequence[Operation], verdicts: Mapping[str, Verdict], current: Current, rules: Mapping[str, str]
) -> dict[str, list[str]]:
    """What the final state would break, by the operation that would bring it about; the rules of GW504."""
    endings, deleted, changed = [], set(), {}
    for op in pending:
        verdict = verdicts[op["id"]]
        if not KINDS[op["kind"]].attaches or isinstance(verdict, (Conflict, str)):
            continue
        if op["action"] == "delete":
            deleted.add(op["platformId"])
            continue
        key = key_of(op)
        after = read_after(op, verdict)
        nowhere = (None,) * len(after.attachments)
        endings.append(Ending(key, op["platformId"], None, after, nowhere))
        changed[key] = op["id"]
    broken: dict[str, list[str]] = {}
    if not changed:
        return broken
    named = {(key.workspace, key.name): name for key, name in changed.items()}
    for finding in final_state(endings, deleted, frozenset(changed), current, rules):
        if finding.severity == "error":
            for workspace, name in finding.about:
                found = named.get((workspace, name or ""))
                if found is not None:
                    broken.setdefault(found, []).append(finding.message)
    return broken
