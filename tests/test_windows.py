"""When applies may run: by the clocks of a time zone, over midnight and where these are put forward and back."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatectl import windows
from gatectl.windows import UnknownZone, is_open, next_opening, read_window

WORK = "Mon-Fri 08:00-18:00 Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("window", "moment", "opened"),
    [
        (WORK, "2026-11-30T08:00:00+01:00", True), (WORK, "2026-11-30T07:59:59+01:00", False),
        (WORK, "2026-11-30T17:59:59+01:00", True), (WORK, "2026-11-30T18:00:00+01:00", False),
        (WORK, "2026-11-29T12:00:00+01:00", False), (WORK, "2026-07-01T08:00:00+02:00", True),
        (WORK, "2026-07-01T06:00:00+00:00", True), (WORK, "2026-12-01T06:00:00+00:00", False),
        ("Fri 22:00-04:00 UTC", "2026-11-28T03:59:00+00:00", True), ("Fri 22:00-04:00 UTC", "2026-11-28T04:00:00+00:00", False),
        ("Fri 22:00-04:00 UTC", "2026-11-27T21:59:00+00:00", False), ("Fri 22:00-04:00 UTC", "2026-11-27T03:00:00+00:00", False),
        ("Sat-Mon 10:00-11:00 UTC", "2026-11-29T10:30:00+00:00", True), ("Sat-Mon 10:00-11:00 UTC", "2026-12-01T10:30:00+00:00", False),
        ("Mon,Wed 00:00-24:00 UTC", "2026-12-02T23:59:59+00:00", True), ("Mon,Wed 00:00-24:00 UTC", "2026-12-01T00:00:00+00:00", False),
        ("Sun 01:30-03:30 Europe/Berlin", "2027-03-28T03:15:00+02:00", True),
        ("Sun 02:30-04:00 Europe/Berlin", "2027-03-28T03:00:00+02:00", True),
        ("Sun 02:30-04:00 Europe/Berlin", "2027-03-28T01:59:59+01:00", False),
        ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25T02:30:00+02:00", True),
        ("Sun 02:15-02:45 Europe/Berlin", "2026-10-25T02:30:00+01:00", False),
        ("Sun 02:15-02:45 Europe/Berlin", "2027-03-28T03:00:00+02:00", False),
    ],
)  # fmt: skip
def test_a_window_is_open_by_the_clocks_of_its_zone(window: str, moment: str, opened: bool) -> None:
    assert is_open([[window]], at(moment)) is opened


@pytest.mark.parametrize(
    ("lists", "now", "opens"),
    [
        ([[WORK]], "2026-11-27T18:00:00+01:00", "2026-11-30T08:00:00+01:00"),
        ([[WORK]], "2026-11-30T10:00:00+01:00", "2026-11-30T10:00:00+01:00"),
        ([[WORK, "Sat 10:00-11:00 UTC"]], "2026-11-27T18:00:00+01:00", "2026-11-28T10:00:00+00:00"),
        ([[WORK], ["Wed 12:00-14:00 UTC"]], "2026-11-27T18:00:00+01:00", "2026-12-02T12:00:00+00:00"),
        ([["Sun 02:30-04:00 Europe/Berlin"]], "2027-03-27T12:00:00+01:00", "2027-03-28T03:00:00+02:00"),
        ([["Fri 10:00-11:00 Pacific/Apia"]], "2011-12-29T00:00:00+00:00", "2012-01-05T20:00:00+00:00"),
    ],
)  # fmt: skip
def test_it_says_when_the_next_one_opens(lists: list[list[str]], now: str, opens: str) -> None:
    assert next_opening(lists, at(now)) == at(opens)


def test_windows_that_never_meet_do_not_open() -> None:
    assert next_opening([["Mon 08:00-09:00 UTC"], ["Tue 08:00-09:00 UTC"]], at("2026-11-28T12:00:00+00:00")) is None


DAYS = st.sampled_from(["Mon", "Mon-Fri", "Sat-Sun", "Sun-Tue", "Mon,Thu", "Wed-Wed,Fri"])
TIMES = st.integers(0, 24 * 60 - 1).map(lambda minutes: f"{minutes // 60:02d}:{minutes % 60:02d}")
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
)
WINDOWS = st.tuples(DAYS, TIMES, TIMES, ZONES).filter(lambda parts: parts[1] != parts[2]).map(
    lambda parts: f"{parts[0]} {parts[1]}-{parts[2]} {parts[3]}"
)  # fmt: skip
MOMENTS = st.integers(1_260_000_000, 2_080_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
LISTS = st.lists(st.lists(WINDOWS, min_size=1, max_size=2), min_size=1, max_size=2)


@given(LISTS, MOMENTS)
def test_the_next_opening_is_the_first_moment_that_is_open(lists: list[list[str]], now: datetime) -> None:
    opens = next_opening(lists, now)
    if opens is None:
        assert len(lists) > 1 and not is_open(lists, now)
        return
    assert opens >= now and is_open(lists, opens)
    if opens > now:
        assert not is_open(lists, now)
        assert not is_open(lists, opens - timedelta(seconds=1))


@given(WINDOWS, MOMENTS)
def test_a_window_opens_on_its_days_alone(window: str, now: datetime) -> None:
    opens, read = next_opening([[window]], now), read_window(window)
    assert opens is not None
    local = opens.astimezone(windows.zone_of(read.zone))
    if opens > now and local.hour * 60 + local.minute == read.opens:
        assert local.weekday() in read.days


@pytest.mark.parametrize(
    "text", ["", "Mon 08:00-18:00", "mon 08:00-18:00 UTC", "Mon 8:00-18:00 UTC", "Mon 08:00-08:00 UTC", "Mon 08:60-09:00 UTC",
             "Mon 08:00-24:01 UTC", "Mon  08:00-18:00 UTC", "Mon 08:00-18:00 UTC\n", "Mon- 08:00-18:00 UTC", "Mon ٠8:00-18:00 UTC"],
)  # fmt: skip
def test_what_is_no_window_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_window(text)


@pytest.mark.parametrize("zone", ["Europe/Berln", "../../etc/passwd", "Europe", "/etc/localtime", "."])
def test_a_time_zone_that_there_is_not_is_unknown(zone: str) -> None:
    with pytest.raises(UnknownZone) as raised:
        is_open([[f"Mon 08:00-18:00 {zone}"]], at("2026-11-30T08:00:00+00:00"))
    assert not raised.value.nowhere


def test_who_has_no_window_does_not_wait_for_the_time_zone_database() -> None:
    code = "import sys, gatectl.api; print('zoneinfo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
