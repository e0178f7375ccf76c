"""The tests slipway.aws.daily_window, held_up_by, weekly_window and overlapping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.slipway.aws.plugins.test import windows


@pytest.mark.parametrize(
    ("value", "minutes", "good"),
    [
        ("02:00-03:00", 30, True),
        ("02:00-02:30", 30, True),
        ("02:00-02:29", 30, False),
        ("02:00-02:30", 60, False),
        ("23:45-00:45", 60, True),
        ("02:00-02:00", 30, False),
        ("24:00-25:00", 30, False),
        ("02:60-04:00", 30, False),
        ("2:00-3:00", 30, False),
        ("sun:02:00-sun:03:00", 30, False),
        ("", 30, False),
    ],
)
def test_a_daily_window_is_a_time_of_day_that_is_long_enough(value: str, minutes: int, good: bool) -> None:
    assert windows.daily_window(value, minutes) is good


@pytest.mark.parametrize(
    ("value", "minutes", "good"),
    [
        ("sun:04:00-sun:05:00", 60, True),
        ("Sun:04:00-Sun:05:00", 60, True),
        ("sun:23:30-mon:00:30", 60, True),
        ("sun:04:00-sun:04:20", 30, False),
        ("mon:04:00-tue:04:00", 30, False),
        ("sun:04:00-sun:03:00", 30, False),
        ("sun:04:00-sonntag:05:00", 30, False),
        ("sun:25:00-sun:26:00", 30, False),
        ("04:00-05:00", 30, False),
    ],
)
def test_a_weekly_window_is_less_than_a_day_and_long_enough(value: str, minutes: int, good: bool) -> None:
    assert windows.weekly_window(value, minutes) is good


@pytest.mark.parametrize(
    ("daily", "weekly", "overlap"),
    [
        ("02:00-03:00", "sun:04:00-sun:05:00", False),
        ("02:00-03:00", "sun:03:00-sun:04:00", False),
        ("02:00-03:01", "sun:03:00-sun:04:00", True),
        ("02:00-06:00", "sun:03:00-sun:04:00", True),
        ("23:30-00:30", "mon:00:00-mon:01:00", True),
        ("23:30-00:30", "sun:23:00-mon:00:00", True),
        ("00:00-00:30", "sun:23:30-mon:00:15", True),
        ("01:00-02:00", "sun:23:30-mon:00:30", False),
        ("", "sun:23:30-mon:00:30", False),
    ],
)
def test_windows_overlap_also_past_midnight_and_the_end_of_the_week(daily: str, weekly: str, overlap: bool) -> None:
    assert windows.overlapping(daily, weekly) is overlap


@pytest.mark.parametrize(
    ("schedule", "held_up"),
    [
        ("cron(0 1 * * ? *)", False),
        ("cron(59 2 * * ? *)", False),
        ("cron(0 3 * * ? *)", True),
        ("cron(30 4 * * ? *)", True),
        ("cron(0 5 * * ? *)", False),
        ("cron(0 4 ? * MON *)", False),
        ("rate(12 hours)", False),
    ],
)
def test_a_backup_is_held_up_by_a_maintenance_and_in_the_hour_before(schedule: str, held_up: bool) -> None:
    assert windows.held_up_by(schedule, "sun:04:00-sun:05:00") is held_up


@pytest.mark.parametrize("window", ["mon:00:00-mon:00:30", "sun:23:45-mon:00:30", ""])
def test_a_backup_before_midnight_is_held_up_by_a_maintenance_after_it(window: str) -> None:
    assert windows.held_up_by("cron(30 23 * * ? *)", window) is bool(window)


def clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


@given(
    day=st.integers(0, 6), first=st.integers(0, 1439), length=st.integers(30, 600),
    start=st.integers(0, 1439), lasts=st.integers(30, 600),
)  # fmt: skip
def test_overlapping_is_having_a_minute_in_common(day: int, first: int, length: int, start: int, lasts: int) -> None:
    end = (first + length) // 1440
    weekly = f"{windows.DAYS[day]}:{clock(first)}-{windows.DAYS[(day + end) % 7]}:{clock(first + length)}"
    daily = f"{clock(start)}-{clock(start + lasts)}"
    maintained = {minute % 1440 for minute in range(first, first + length)}
    backed_up = {minute % 1440 for minute in range(start, start + lasts)}
    assert windows.overlapping(daily, weekly) is bool(maintained & backed_up)
