# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of the windows in which RDS and ElastiCache back up and maintain, all in UTC.

A daily window is written 02:00-03:00, a weekly one sun:04:00-sun:05:00. Either may go past midnight.
"""

from __future__ import annotations

import re
from collections.abc import Callable

DAY = 24 * 60
WEEK = 7 * DAY
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK = r"(\d\d):(\d\d)"
DAILY = re.compile(rf"{CLOCK}-{CLOCK}")
WEEKLY = re.compile(rf"({'|'.join(DAYS)}):{CLOCK}-({'|'.join(DAYS)}):{CLOCK}")
# A schedule of EventBridge that names one minute and any day.
EVERY_DAY = re.compile(r"cron\((\d+) (\d+) [*?] \* [*?] \*\)")
# Minutes since the begin of the day or week.
Window = tuple[int, int]


def daily_window(value: object, minutes: int = 30) -> bool:
    """Whether a value is a daily window that is not shorter than AWS wants."""
    window = _daily(str(value))
    return window is not None and minutes <= window[1] - window[0] < DAY


def weekly_window(value: object, minutes: int = 30) -> bool:
    """Whether a value is a weekly window that is neither shorter nor longer than AWS wants: at most a day."""
    window = _weekly(str(value).lower())
    return window is not None and minutes <= window[1] - window[0] < DAY


def overlapping(daily: object, weekly: object) -> bool:
    """Whether a daily window and a weekly one have a minute in common, on whatever day."""
    each_day, once = _daily(str(daily)), _weekly(str(weekly).lower())
    if each_day is None or once is None:
        return False
    # From the day before, whose window may go past midnight, to the last one of a window that goes past the week.
    return any(each_day[0] + day * DAY < once[1] and once[0] < each_day[1] + day * DAY for day in range(-1, 9))


def held_up_by(schedule: object, weekly: object, before: int = 60) -> bool:
    """Whether what begins each day at one time sometimes begins in a weekly window or shortly before one."""
    match, once = EVERY_DAY.fullmatch(str(schedule)), _weekly(str(weekly).lower())
    if match is None or once is None:
        return False
    begins = int(match[2]) * 60 + int(match[1])
    return any(once[0] - before <= begins + day * DAY < once[1] for day in range(-1, 9))


def _daily(text: str) -> Window | None:
    match = DAILY.fullmatch(text)
    if match is None:
        return None
    first, last = _minutes(match[1], match[2]), _minutes(match[3], match[4])
    return None if first is None or last is None else _forward(first, last, DAY)


def _weekly(text: str) -> Window | None:
    match = WEEKLY.fullmatch(text)
    if match is None:
        return None
    first, last = _minutes(match[2], match[3]), _minutes(match[5], match[6])
    if first is None or last is None:
        return None
    return _forward(first + DAYS.index(match[1]) * DAY, last + DAYS.index(match[4]) * DAY, WEEK)


def _minutes(hours: str, minutes: str) -> int | None:
    inside = int(hours) < 24 and int(minutes) < 60
    return int(hours) * 60 + int(minutes) if inside else None


def _forward(first: int, last: int, period: int) -> Window:
    return (first, last if last > first else last + period)


class TestModule:
    """The tests by their names in templates."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Name to test."""
        return {
            "daily_window": daily_window,
            "held_up_by": held_up_by,
            "overlapping": overlapping,
            "weekly_window": weekly_window,
        }
