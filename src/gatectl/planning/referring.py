"""What objects refer to by name (`Kind.refers`): that it is there or made before (GW501, GW502), and that nothing is deleted
which others still name (GW505). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from gatectl.kinds import KINDS, referred
from gatectl.model import Change, Finding, Live, ObjectKey, Spot, State
from gatectl.planning.current import Current
from gatectl.planning.match import Pair
from gatectl.quote import quote


def declared_keys(pairs: Sequence[Pair]) -> Mapping[ObjectKey, Pair]:
    """What is declared, by its key, as far as others may refer to it."""
    wanted = {name for kind in KINDS.values() for name in kind.refers.values()}
    return {pair.key: pair for pair in pairs if pair.key.kind in wanted} if wanted else {}


def refer(
    pair: Pair, after: State | None, declared: Mapping[ObjectKey, Pair], current: Current
) -> tuple[frozenset[ObjectKey], list[Finding]]:
    """What has to be made before an object can refer to it, and what it refers to that is neither there nor made."""
    needs: set[ObjectKey] = set()
    findings: list[Finding] = []
    for path, key in referred(pair.key, after):
        if key in declared:
            needs.update((key,) if declared[key].live is None else ())
            continue
        there = current.among(key).by_name.get(key.name, ())
        if len(there) != 1:
            findings.append(
                _unclear(pair, path, key, there, (*current.among(key).by_name, *(k.name for k in declared)))
            )
    return frozenset(needs), findings


def _unclear(pair: Pair, path: str, key: ObjectKey, there: Sequence[Live], names: Sequence[str]) -> Finding:
    pointer = tuple(path.strip("/").split("/"))
    spot = Spot(pair.manifest.document, pointer if pointer[-1] in pair.manifest.spec else ("spec",))
    if there:
        ids = ", ".join(sorted(quote(live.id) for live in there))
        return Finding("GW502", f"{len(there)} live objects are called '{quote(key.name)}' ({quote(key.kind)}): {ids}",
                       "rename one of them in the platform", spot=spot, subject=pair.manifest.subject)  # fmt: skip
    near = get_close_matches(key.name, names, n=1, cutoff=0.75)
    hint = f"declare it with {KINDS[key.kind].one} manifest, or create it in the platform"
    return Finding("GW501", f"{key} is neither live nor declared",
                   f"did you mean '{quote(near[0])}'? Or {hint}" if near else hint,
                   spot=spot, subject=pair.manifest.subject)  # fmt: skip


def check_referred(doomed: Sequence[Live], changes: Sequence[Change], current: Current) -> Iterator[Finding]:
    """GW505 where something is to be deleted, and another object will name it in the end. `changes` without deletions."""
    users = _users(doomed, changes, current) if doomed else {}
    for live in doomed:
        if live.key in users:
            yield Finding("GW505", f"{live.key} is to be deleted, but others refer to it: {', '.join(sorted(users[live.key]))}",
                          "declare it, or let them refer to another one first", subject=live.key)  # fmt: skip


def _users(doomed: Sequence[Live], changes: Sequence[Change], current: Current) -> dict[ObjectKey, list[str]]:
    """The objects that refer to others in the end, by what they refer to."""
    decided = {live.id for live in doomed} | {change.id for change in changes}
    ends = [(change.key, change.after) for change in changes]
    ends += [(live.key, live.state) for live in current.lives() if live.id not in decided]
    users: dict[ObjectKey, list[str]] = {}
    for key, state in ends:
        for _, named in referred(key, state):
            users.setdefault(named, []).append(str(key))
    return users
