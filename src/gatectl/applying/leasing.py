"""Leases, held: taken before an apply reads for the last time, renewed while it is at work, let go of in the end.

Law: nothing is written under a lease that may have lapsed. How long one is good is counted from when its last renewal was *sent*, by a
clock that only grows and that goes on while the machine sleeps; one that lapsed is never renewed. Whoever waits believes the store's
clock, or its own watch over a lease that does not change, and no other machine's.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from gatectl.applying.holders import is_dead
from gatectl.clock import Clock, timestamp
from gatectl.errors import LeaseLost, PlatformError, PlatformLocked, Uncertain
from gatectl.platforms.interface import Fences, Writer
from gatectl.quote import quote
from gatectl.records.interface import Records, Release
from gatectl.records.leases import PLATFORM, Holder, Lease, Leases, Seen, after, is_same


class Terms(NamedTuple):
    """How leases are held, in seconds: how long one lasts, how often it is renewed, by how much longer it is watched where the store
    has no clock, how long somebody is waited for who renews, how much of a lease has to be left for a write, and how long it is at most
    between two looks at one that somebody else holds."""

    lasts: float = 60.0
    beat: float = 20.0
    margin: float = 20.0
    busy: float = 10.0
    need: float = 15.0
    glance: float = 1.0


USUAL: Final = Terms()
PATIENCE: Final = 90.0
"""Seconds to wait for a holder that does not renew."""
_PAUSE: Final = 0.05
_TRIES: Final = 3
"""How often a lease is looked at that its holder renews at the same moment."""


class Way(NamedTuple):
    """What leases are taken with: the store, the platform that they are of, who takes them, a clock, how long to wait for others, and
    the moment by which the run has to be over. `beyond`: the store is one that others have too, so the platform is told of numbers."""

    leases: Leases
    platform: str
    holder: Holder
    clock: Clock
    patience: float = PATIENCE
    ends: float | None = None
    beyond: bool = True


class Held(NamedTuple):
    """A lease of ours, and until when it is good."""

    seen: Seen
    good_until: float


class Leasing:
    """The leases of one apply. Several threads may check them."""

    def __init__(self, way: Way, terms: Terms = USUAL) -> None:
        self._way = way
        self._terms = terms
        self._held: dict[str, Held] = {}
        """Looked through as a list: it may grow while the heart beats."""
        self._lost: str | None = None
        self._beating = threading.Lock()
        self._over = threading.Event()
        self._heart: threading.Thread | None = None

    @property
    def fences(self) -> Fences | None:
        """The numbers that writes go by; None where there is nobody who could tell others by them."""
        store = self._way.leases.instance
        if store is None or not self._way.beyond:
            return None
        return Fences(store, {workspace: held.seen.lease.fence for workspace, held in self._held.items()})

    def take(self, workspaces: Mapping[str, str]) -> bool:
        """Take the leases of workspaces that are not held yet, by id, one after the other in order; their names are for messages.
        Whether there were any. Raises PlatformLocked where somebody else holds one and does not end, PlatformError."""
        missing = sorted(set(workspaces) - set(self._held))
        for workspace in missing:
            self._held[workspace] = self._taken(workspace, workspaces[workspace])
            if self._heart is None:
                self._heart = threading.Thread(target=self._live, name="gatectl-leases", daemon=True)
                self._heart.start()
        return bool(missing)

    def holds(self, workspaces: Iterable[str]) -> bool:
        """Whether the leases of all these workspaces are held."""
        return set(workspaces) <= set(self._held)

    def check(self, need: float | None = None) -> None:
        """Raises LeaseLost unless all leases are ours for so many seconds more (None: as many as a write needs)."""
        self._keep()
        left = min((held.good_until for held in list(self._held.values())), default=None)
        if left is not None and left - self._way.clock.passed() < (self._terms.need if need is None else need):
            self._lose("it was not renewed in time")
        if self._lost is not None:
            raise LeaseLost(
                f"the lease of this run is lost ({self._lost}): nothing more is written",
                "somebody else may be at work; look at the platform (gatectl plan), then apply again",
            )

    def beat(self) -> None:
        """Renew all leases, once. A store that does not answer is asked again by the next beat."""
        with self._beating:
            for workspace, held in list(self._held.items()):
                sent = self._way.clock.passed()
                if sent >= held.good_until:
                    self._lose("it lapsed")
                if self._lost is not None or self._over.is_set():
                    return
                with contextlib.suppress(PlatformError):
                    seen = self._way.leases.renew(self._way.platform, held.seen)
                    if seen is None:
                        self._lose("somebody else took it")
                        return
                    self._held[workspace] = Held(seen, sent + self._terms.lasts)

    def let_go(self, workspace: str) -> bool:
        """Let go of one lease that nothing more is written under; whether it was held. What cannot be told to the store lapses."""
        with self._beating:
            held = self._held.pop(workspace, None)
            if held is not None and self._lost is None:
                with contextlib.suppress(PlatformError):
                    self._way.leases.put(self._way.platform, held.seen.lease._replace(released=True), held.seen)
        return held is not None

    def release(self) -> None:
        """Let go of all leases, and close the store. What cannot be told to the store lapses."""
        self._over.set()
        with self._beating, contextlib.suppress(PlatformError):
            for held in reversed(list(self._held.values())):
                self._way.leases.put(self._way.platform, held.seen.lease._replace(released=True), held.seen)
        self._held.clear()
        with contextlib.suppress(PlatformError):
            self._way.leases.close()

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why

    def _keep(self) -> None:
        """Renew where it is time, should nobody else have done so."""
        due = self._way.clock.passed() + self._terms.lasts - self._terms.beat
        late = any(held.good_until <= due for held in list(self._held.values()))
        if late and not self._beating.locked():
            self.beat()

    def _live(self) -> None:
        """Renew, for as long as it lasts; sooner where the store did not answer."""
        while not self._over.wait(self._terms.beat / 4):
            self._keep()

    def _taken(self, workspace: str, name: str) -> Held:
        way, clock = self._way, self._way.clock
        began, pause = clock.passed(), _PAUSE
        first = watched = way.leases.look(way.platform, workspace)
        since = began
        while True:
            self._keep()
            sent = clock.passed()
            if watched is None or self._is_over(watched, sent - since):
                seen = _put(way.leases, way.platform, self._new(workspace, watched), watched)
                if seen is not None:
                    return Held(seen, sent + self._terms.lasts)
            elif self._gives_up(first, watched, sent - began):
                raise _locked(watched.lease, name, sent - began)
            clock.sleep(pause)
            pause = min(2 * pause, self._terms.glance)
            found = way.leases.look(way.platform, workspace)
            if found is None or watched is None or found.version != watched.version:
                since = clock.passed()
            if found is not None and (first is None or found.lease.fence != first.lease.fence):
                first = found  # somebody else has it by now: that is no renewal
            watched = found

    def _is_over(self, seen: Seen, unchanged: float) -> bool:
        """Whether nobody holds it any more. `unchanged`: for how long it was seen as it is."""
        watched_out = seen.lapsed is None and unchanged >= seen.lease.seconds + self._terms.margin
        return seen.free or watched_out or is_dead(seen.lease.holder, self._way.holder)

    def _gives_up(self, first: Seen | None, seen: Seen, waited: float) -> bool:
        renews = first is not None and first.version != seen.version
        limit = min(self._terms.busy, self._way.patience) if renews else self._way.patience
        late = self._way.ends is not None and self._way.clock.now() >= self._way.ends
        return waited >= limit or late

    def _new(self, workspace: str, before: Seen | None) -> Lease:
        return _lease(self._way, workspace, after(0 if before is None else before.lease.fence, workspace), self._terms)


def let_go(leases: Leases, platform: str, workspace: str, fence: int) -> int:
    """Take the lease of this number from whoever has it; the new number, which is higher, and nobody's. Whoever had it can neither
    renew it nor write by the old one.

    Raises PlatformLocked where it is another one by now, or nobody's, or does not stay as it is for long enough; PlatformError.
    """
    for _ in range(_TRIES):
        seen = leases.look(platform, workspace)
        if seen is None or seen.lease.released or seen.lease.fence != fence:
            break
        lease = seen.lease._replace(fence=after(fence, workspace), token=secrets.token_hex(8), released=True)
        if _put(leases, platform, lease, seen) is not None:
            return lease.fence
    raise PlatformLocked("the lease is not any more as it was seen", "look again: gatectl lock status")


def raise_above(way: Way, workspace: str, name: str, number: int) -> int:
    """Give a lease that nobody holds a number that is higher than this one, and than all that it had; the new number.

    Raises PlatformLocked where somebody is at work, or it does not stay as it was seen for long enough; PlatformError.
    """
    for _ in range(_TRIES):
        seen = way.leases.look(way.platform, workspace)
        if seen is not None and not seen.free and not is_dead(seen.lease.holder, way.holder):
            raise _locked(seen.lease, name, 0)
        lease = _lease(way, workspace, after(max(number, 0 if seen is None else seen.lease.fence), workspace), USUAL)
        if _put(way.leases, way.platform, lease._replace(released=True), seen) is not None:
            return lease.fence
    raise PlatformLocked("the lease is not any more as it was seen", "look again: gatectl lock status")


def _lease(way: Way, workspace: str, fence: int, terms: Terms) -> Lease:
    """A lease that is taken now."""
    since = timestamp(way.clock.moment())
    return Lease(workspace, fence, way.holder, since, "", terms.lasts, secrets.token_hex(8))


def _put(leases: Leases, platform: str, lease: Lease, before: Seen | None) -> Seen | None:
    """The lease, where it was written: an answer that did not come is looked for."""
    try:
        return leases.put(platform, lease, before)
    except Uncertain:
        found = leases.look(platform, lease.workspace)
        return found if found is not None and is_same(found.lease, lease) else None


def _locked(lease: Lease, name: str, waited: float) -> PlatformLocked:
    where = "the platform" if lease.workspace == PLATFORM else f"workspace {quote(name)}"
    holder = lease.holder
    run = "".join(f", {quote(each)}" for each in (holder.run and f"run {holder.run}", holder.url) if each)
    return PlatformLocked(
        f"another apply is writing to {where}: {quote(holder.name)} since {quote(lease.since)}{run} (waited for {waited:.0f} s)",
        "wait until it is done, then try again; gatectl lock status shows who is at it",
    )


class Access(NamedTuple):
    """What writes to a platform, what remembers that, and what keeps others out meanwhile (None: nothing does); opened together,
    since a platform's database may be the store of all."""

    writer: Writer
    records: Records
    leasing: Leasing | None = None

    def holds(self, workspaces: Iterable[str]) -> bool:
        """Whether nobody else is at work in these workspaces, by id, as far as that can be told."""
        return self.leasing is None or self.leasing.holds(workspaces)

    def take(self, workspaces: Callable[[], Mapping[str, str]]) -> None:
        """Take the leases of workspaces, and tell the writer of their numbers. Raises as `Leasing.take`."""
        if self.leasing is not None and self.leasing.take(workspaces()) and self.leasing.fences is not None:
            self.writer.hold_to(self.leasing.fences)

    def let_go_of_platform(self, homes: Callable[[], Collection[str] | None]) -> None:
        """Others may have the platform's own lease, once all that is left to be written lies in workspaces (`homes`, by id; None: it does
        not) whose leases are held."""
        if self.leasing is None or not self.leasing.holds((PLATFORM,)) or (left := homes()) is None:
            return
        if self.leasing.holds(left) and self.leasing.let_go(PLATFORM) and self.leasing.fences is not None:
            self.writer.hold_to(self.leasing.fences)

    def check(self) -> None:
        """Right before a write. Raises LeaseLost."""
        if self.leasing is not None:
            self.leasing.check()


@contextlib.contextmanager
def claimed(access: Access, workspaces: Callable[[], Mapping[str, str]]) -> Iterator[None]:
    """While this lasts no other apply is at work in these workspaces, where that can be told; then everything is closed, and only then
    the next one is let in. Raises PlatformLocked.
    """
    with contextlib.ExitStack() as last:
        if access.leasing is not None:
            last.callback(access.leasing.release)
        release: Release | None = None
        try:
            release = access.records.claim()
            access.take(workspaces)
            yield
        finally:
            try:
                for part in (access.writer, access.records):
                    with contextlib.suppress(PlatformError):
                        part.close()
            finally:
                if release is not None:
                    last.callback(release)
