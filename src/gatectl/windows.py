"""When applies may run: windows as "Mon-Fri 08:00-18:00 Europe/Berlin" (product.md, section 6, *Guardrails*).

A window opens and closes at times of a wall clock. One that ends before it begins ends on the next day, and belongs to the day
on which it opens. Where clocks are put forward over a time, it is the moment in which they are; where they are put back, the first
of the two. The time is handed in; of the machine only its time zone database is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY: Final = f"(?:{'|'.join(_DAYS)})"
_FORM: Final = re.compile(
    rf"(?P<days>{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*) (?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d) (?P<zone>\S+)",
    re.ASCII,
)
_SOONEST: Final = 21
"""Days that are looked through for the next opening of a window: in a week there is one, unless clocks leap over it."""
_TURNS: Final = 400
"""How often several lists of windows are asked in turn for a moment in which all are open."""
_SECOND: Final = timedelta(seconds=1)


class UnknownZone(ValueError):
    """A time zone that is not known. `nowhere`: none is, since this machine has no time zone database."""

    def __init__(self, name: str, *, nowhere: bool) -> None:
        super().__init__(name)
        self.name = name
        self.nowhere = nowhere


class Window(NamedTuple):
    """The days on which it opens (Monday is 0), when it opens and closes, in minutes of the day, and the time zone's name."""

    days: frozenset[int]
    opens: int
    closes: int
    zone: str


def read_window(text: str) -> Window:
    """The window that a text means. Raises ValueError for one that means none."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("it is no window")
    opens, closes = (_minutes(found[name]) for name in ("opens", "closes"))
    if opens == closes:
        raise ValueError("it closes when it opens")
    return Window(frozenset(_days(found["days"])), opens, closes, found["zone"])


def _minutes(text: str) -> int:
    hours, minutes = int(text[:2]), int(text[3:])
    if minutes > 59 or hours > 24 or (hours == 24 and minutes):
        raise ValueError("there is no such time of day")
    return hours * 60 + minutes


def _days(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        start = _DAYS.index(first)
        yield from ((start + step) % 7 for step in range((_DAYS.index(last or first) - start) % 7 + 1))


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """A time zone by its name. Raises UnknownZone. UTC is known everywhere."""
    if name == "UTC":
        return UTC
    # Loaded where a window is at all: few projects have one, and every command would wait for it.
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # there is none, it is of no name that a zone has, or of a folder of names
        raise UnknownZone(name, nowhere=not available_timezones()) from None


def is_open(lists: Sequence[Sequence[str]], now: datetime) -> bool:
    """Whether each of the lists has a window that is open. Raises UnknownZone."""
    return all(any(_is_open(read_window(text), now) for text in texts) for texts in lists)


def next_opening(lists: Sequence[Sequence[str]], now: datetime) -> datetime | None:
    """The first moment from now on in which each of the lists has a window that is open, in a time zone of theirs; None: there is
    none in sight. Raises UnknownZone."""
    moment = now
    for _ in range(_TURNS):
        waited = [found for texts in lists if not is_open([texts], moment) if (found := _opening(texts, moment))]
        if is_open(lists, moment):
            return moment
        if not waited:
            return None
        moment = max(waited)
    return None


def _opening(texts: Sequence[str], now: datetime) -> datetime | None:
    """When the first of a list's windows opens next."""
    windows = map(read_window, texts)
    return min((start for window in windows if (start := _next(window, now)) is not None), default=None)


def _next(window: Window, now: datetime) -> datetime | None:
    return next((start for start, end in _times(window, now) if start > now and end > start), None)


def _is_open(window: Window, now: datetime) -> bool:
    return any(start <= now < end for start, end in _times(window, now))


def _times(window: Window, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """When a window opens and closes, from the day before yesterday on."""
    zone = zone_of(window.zone)
    today = now.astimezone(zone).date()
    for step in range(-2, _SOONEST):
        day = today + timedelta(days=step)
        if day.weekday() in window.days:
            later = window.closes if window.closes > window.opens else window.closes + 24 * 60
            yield _moment(day, window.opens, zone), _moment(day, later, zone)


def _moment(day: date, minutes: int, zone: tzinfo) -> datetime:
    """The moment in which clocks show a time: the first of two, and of none that in which they are put forward over it."""
    days, rest = divmod(minutes, 24 * 60)
    wall = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), zone)
    moment = wall.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return moment.astimezone(zone)
    before, after = wall.replace(fold=1).astimezone(UTC), moment
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0).astimezone(zone)
