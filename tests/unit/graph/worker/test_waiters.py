"""Waiters of warm processes ask sooner, and give up no earlier."""

from __future__ import annotations

import time
import typing as t

import botocore.waiter
import pytest
from botocore.exceptions import WaiterError

from ansible_collections.slipway.graph.plugins.plugin_utils.worker import waiters

MODEL = botocore.waiter.WaiterModel({
    "version": 2,
    "waiters": {
        "Available": {
            "operation": "Describe", "delay": 4, "maxAttempts": 3,
            "acceptors": [
                {"matcher": "path", "argument": "Status", "expected": "available", "state": "success"},
                {"matcher": "path", "argument": "Status", "expected": "broken", "state": "failure"},
            ],
        }
    },
})  # fmt: skip


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, in no time."""
    slept: list[float] = []
    monkeypatch.setattr(botocore.waiter.Waiter, "wait", botocore.waiter.Waiter.wait)
    monkeypatch.setattr(time, "sleep", slept.append)
    waiters.ask_sooner()
    return slept


def waiter(*statuses: str, asked: list[t.Any] | None = None) -> botocore.waiter.Waiter:
    """A waiter whose questions get these answers; the last one again and again. Questions are added to `asked`."""
    answers = iter(statuses)

    def describe(**question: t.Any) -> dict[str, str]:
        if asked is not None:
            asked.append(question)
        return {"Status": next(answers, statuses[-1])}

    config: t.Any = MODEL.get_waiter("Available")
    return botocore.waiter.Waiter("Available", config, describe)


@pytest.mark.parametrize(
    ("statuses", "pauses"),
    [
        (["available"], []),
        (["creating", "available"], [0.5]),
        (["creating"] * 6 + ["available"], [0.5, 0.85, 1.445, 2.4565, 4, 4]),
    ],
)
def test_a_waiter_asks_at_growing_intervals_up_to_its_own(
    slept: list[float], statuses: list[str], pauses: list[float]
) -> None:
    waiter(*statuses).wait()
    assert slept == pytest.approx(pauses)


def test_the_callers_interval_counts(slept: list[float]) -> None:
    waiter("creating", "creating", "available").wait(WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert slept == pytest.approx([0.5, 0.85])


def test_a_waiter_that_asks_seldom_asks_every_ten_seconds_for_as_long(slept: list[float]) -> None:
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        waiter("creating").wait(WaiterConfig={"Delay": 60, "MaxAttempts": 3})
    assert slept[-17:] == [10] * 17
    assert max(slept[:-17]) < 10
    assert sum(slept) >= 60 * 2


def test_a_failure_ends_the_wait_at_once(slept: list[float]) -> None:
    with pytest.raises(WaiterError, match="terminal failure"):
        waiter("creating", "broken").wait()
    assert slept == [0.5]


def test_a_waiter_has_all_its_own_attempts_after_the_first_ones(slept: list[float]) -> None:
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        waiter("creating").wait()
    assert slept == pytest.approx([0.5, 0.85, 1.445, 2.4565, 4, 4])


def test_a_single_attempt_stays_one(slept: list[float]) -> None:
    asked: list[t.Any] = []
    with pytest.raises(WaiterError):
        waiter("creating", asked=asked).wait(Name="shop", WaiterConfig={"MaxAttempts": 1})
    assert (asked, slept) == ([{"Name": "shop"}], [])
