"""A repository of the fleet is looked at: what is newest there, whether it comes after what is followed, and which targets it makes.

A branch that was pushed by force is not followed until somebody says so (product.md, section 9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Final

from gatectl.clock import Deadline
from gatectl.controller import checkouts, repositories
from gatectl.controller.repositories import Followed, Repository
from gatectl.controller.store import Placed
from gatectl.controller.worker import Worker
from gatectl.errors import GatectlError
from gatectl.fleet.mirrors import Head, Mirror
from gatectl.fleet.values import Fleet, Source
from gatectl.quote import quote

PATIENCE: Final = 420.0
"""Seconds that a look at a repository may take: what git may take to say what is there, and to fetch it."""


def intervals_of(fleet: Fleet) -> Mapping[str, float]:
    """How often each repository of a fleet is looked at, in seconds: as often as the most eager of its sources says."""
    found: dict[str, float] = {}
    for source in fleet.sources:
        found[source.git.url] = min(source.interval, found.get(source.git.url, source.interval))
    return found


def follow(worker: Worker, repository: Repository) -> Sequence[str]:
    """Look at a repository that this process claimed; the targets that are to be looked at, the first that others depend on first.

    That git cannot be asked is no error, but kept with the repository. Raises PlatformError for the database.
    """
    sources = [each for each in worker.operator.fleet.sources if each.git.url == repository.url]
    heads = dict(repository.heads)
    urgent = repository.asked > repository.done
    asked: list[str] = []
    try:
        mirror = worker.mirrored.mirror(sources[0], Deadline(worker.clock.now() + PATIENCE, worker.clock))
        missing = _look(worker, repository, mirror, sources, heads)
        worker.repositories.seen(repository, worker.id, heads)
        for source in ordered(sources):
            if source.git.ref in heads:
                asked += worker.store.place(source.name, *_placed(mirror, source, heads[source.git.ref]), urgent=urgent)
        error = f"{repositories.MISSING}{', '.join(map(quote, missing))}" if missing else None
    except GatectlError as failed:
        error = failed.message
    worker.measures.asked_git(failed=error is not None)
    worker.repositories.found(repository, worker.id, error)
    return asked


def _look(
    worker: Worker, repository: Repository, mirror: Mirror, sources: Sequence[Source], heads: dict[str, Followed]
) -> Sequence[str]:
    """What is newest of each branch and tag that is followed, in `heads`; those that are not there. Raises InputError, DeadlinePassed."""
    refs = sorted({source.git.ref for source in sources})
    newest = mirror.heads(refs)
    for ref in newest:
        heads[ref] = _followed(worker, repository.url, ref, mirror, newest[ref], heads.get(ref))
    return [ref for ref in refs if ref not in newest]


def _followed(
    worker: Worker, url: str, ref: str, mirror: Mirror, head: Head, before: Followed | None
) -> Followed:  # fmt: skip
    """What is followed of a branch from now on. A row that nobody of ours wrote is as if there were none."""
    if before is not None and not repositories.is_followed(worker.key, url, ref, before):
        before = None
    if before is not None and head.commit == before.commit:
        return before._replace(seen=head.commit, name=head.name)
    commit = mirror.fetch(head)
    if before is not None and not mirror.follows(commit, before.commit):
        return before._replace(seen=commit, name=head.name)
    return Followed(commit, commit, repositories.sign(worker.key, url, ref, commit), head.name)


def _placed(mirror: Mirror, source: Source, head: Followed) -> tuple[str, Sequence[Placed]]:
    """The commit that is followed, and the targets of a source in it."""
    if source.folders is not None:
        mirror.fetch(Head(head.name, head.commit))
    made = checkouts.targets_in(source, mirror, head.commit)
    placed = [Placed(target.name, target.project) for target in made.targets]
    odd = [Placed(f"{source.name}/{quote(folder)[:200]}", "", refused=why) for folder, why in made.refused]
    return head.commit, [*placed, *odd]


def ordered(sources: Sequence[Source]) -> Sequence[Source]:
    """Those that others depend on first, so that a new commit of theirs is known when the others are looked at."""
    by_name = {source.name: source for source in sources}
    needs = {source.name: [name for name in source.depends_on if name in by_name] for source in sources}
    return [by_name[name] for name in TopologicalSorter(needs).static_order()]
