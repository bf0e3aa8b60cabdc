"""A repository of the fleet is looked at: what is newest there, whether it comes after what is followed, and which targets it makes.

A branch that was pushed by force is not followed until somebody says so (product.md, section 9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from gatectl.clock import CLOCK, Clock, Deadline
from gatectl.controller import checkouts, repositories
from gatectl.controller.measures import Measures
from gatectl.controller.mirrored import Mirrored
from gatectl.controller.repositories import Followed, Repositories, Repository
from gatectl.controller.store import Placed, Store
from gatectl.errors import GatectlError
from gatectl.fleet.mirrors import Head, Mirror
from gatectl.fleet.values import Fleet, Source
from gatectl.quote import quote

PATIENCE: Final = 420.0
"""Seconds that a look at a repository may take: what git may take to say what is there, and to fetch it."""


class Follower(NamedTuple):
    """What a process follows repositories with: the fleet, its tables, the mirrors of this machine, the controller's key, and itself."""

    fleet: Fleet
    store: Store
    repositories: Repositories
    mirrored: Mirrored
    key: bytes
    worker: str
    measures: Measures
    clock: Clock = CLOCK


def intervals_of(fleet: Fleet) -> Mapping[str, float]:
    """How often each repository of a fleet is looked at, in seconds: as often as the most eager of its sources says."""
    found: dict[str, float] = {}
    for source in fleet.sources:
        found[source.git.url] = min(source.interval, found.get(source.git.url, source.interval))
    return found


def follow(follower: Follower, repository: Repository) -> Sequence[str]:
    """Look at a repository that this process claimed; the targets that are to be looked at, the first that others depend on first.

    That git cannot be asked is no error, but kept with the repository. Raises PlatformError for the database.
    """
    sources = [each for each in follower.fleet.sources if each.git.url == repository.url]
    heads = dict(repository.heads)
    urgent = repository.asked > repository.done
    asked: list[str] = []
    try:
        mirror = follower.mirrored.mirror(sources[0], Deadline(follower.clock.now() + PATIENCE, follower.clock))
        missing = _look(follower, repository, mirror, sources, heads)
        follower.repositories.seen(repository, follower.worker, heads)
        for source in _ordered(sources):
            if source.git.ref in heads:
                asked += follower.store.place(
                    source.name, *_placed(mirror, source, heads[source.git.ref]), urgent=urgent
                )
        error = f"{repositories.MISSING}{', '.join(map(quote, missing))}" if missing else None
    except GatectlError as failed:
        error = failed.message
    follower.measures.asked_git(failed=error is not None)
    follower.repositories.found(repository, follower.worker, error)
    return asked


def _look(
    follower: Follower, repository: Repository, mirror: Mirror, sources: Sequence[Source], heads: dict[str, Followed]
) -> Sequence[str]:
    """What is newest of each branch and tag that is followed, in `heads`; those that are not there. Raises InputError, DeadlinePassed."""
    refs = sorted({source.git.ref for source in sources})
    newest = mirror.heads(refs)
    for ref in newest:
        heads[ref] = _followed(follower, repository.url, ref, mirror, newest[ref], heads.get(ref))
    return [ref for ref in refs if ref not in newest]


def _followed(
    follower: Follower, url: str, ref: str, mirror: Mirror, head: Head, before: Followed | None
) -> Followed:  # fmt: skip
    """What is followed of a branch from now on. A row that nobody of ours wrote is as if there were none."""
    if before is not None and not repositories.is_followed(follower.key, url, ref, before):
        before = None
    if before is not None and head.commit == before.commit:
        return before._replace(seen=head.commit, name=head.name)
    commit = mirror.fetch(head)
    if before is not None and not mirror.follows(commit, before.commit):
        return before._replace(seen=commit, name=head.name)
    return Followed(commit, commit, repositories.sign(follower.key, url, ref, commit), head.name)


def _placed(mirror: Mirror, source: Source, head: Followed) -> tuple[str, Sequence[Placed]]:
    """The commit that is followed, and the targets of a source in it."""
    if source.folders is not None:
        mirror.fetch(Head(head.name, head.commit))
    made = checkouts.targets_in(source, mirror, head.commit)
    placed = [Placed(target.name, target.project) for target in made.targets]
    odd = [Placed(f"{source.name}/{quote(folder)[:200]}", "", refused=why) for folder, why in made.refused]
    return head.commit, [*placed, *odd]


def _ordered(sources: Sequence[Source]) -> Sequence[Source]:
    """Those that others depend on first, so that a new commit of theirs is known when the others are looked at."""
    by_name = {source.name: source for source in sources}
    done: dict[str, Source] = {}

    def add(source: Source) -> None:
        if source.name not in done:
            for name in source.depends_on:
                if name in by_name:
                    add(by_name[name])
            done[source.name] = source

    for source in sources:
        add(source)
    return list(done.values())
