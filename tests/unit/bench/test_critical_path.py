"""How long a run must take at least."""

from __future__ import annotations

import typing as t

import pytest

from bench import critical_path
from bench.proxy import CREATIONS, Creation


def journal(needs: dict[int, list[int]], calls: list[tuple[int, list[str]]]) -> dict[str, t.Any]:
    """A journal of calls, given by the index of their task and the operations they asked for."""
    return {
        "graph": [{"index": index, "needs": needed} for index, needed in needs.items()],
        "calls": [
            {"order": [index, position], "api_calls": [{"service": "x", "operation": name} for name in operations]}
            for position, (index, operations) in enumerate(calls)
        ],
    }


def test_independent_tasks_run_side_by_side() -> None:
    found = journal({0: [], 1: []}, [(0, ["A"]), (1, ["B", "C", "D"])])
    assert critical_path.seconds(found, latency=0.05) == pytest.approx(0.15)


def test_tasks_that_need_each_other_add_up() -> None:
    found = journal({0: [], 1: [0], 2: [1]}, [(0, ["A"]), (1, ["B", "C"]), (2, ["D"])])
    assert critical_path.seconds(found, latency=0.05) == pytest.approx(0.2)


def test_of_two_ways_to_a_task_the_longer_counts() -> None:
    found = journal({0: [], 1: [], 2: [0, 1]}, [(0, ["A"]), (1, ["B", "C", "D"]), (2, ["E"])])
    assert critical_path.seconds(found, latency=1) == 4


def test_of_a_loop_the_longest_item_counts() -> None:
    found = journal({0: []}, [(0, ["A"]), (0, ["A", "B"]), (0, ["A"])])
    assert critical_path.seconds(found, latency=1) == 2


def test_a_task_that_asked_nothing_takes_no_time_but_passes_on_that_of_those_before_it() -> None:
    found = journal({0: [], 1: [0], 2: [1]}, [(0, ["A"]), (2, ["B"])])
    assert critical_path.seconds(found, latency=1) == 2


def test_what_is_made_takes_its_creation_time_and_asking_for_it_counts_once() -> None:
    creation = Creation("x", "Create", 10, b"", b"")
    found = journal({0: []}, [(0, ["Describe", "Create", "Describe", "Describe", "Describe", "Tags"])])
    assert critical_path.seconds(found, latency=1, creations=[creation]) == 14


def test_a_creation_time_counts_only_where_something_is_made() -> None:
    creation = Creation("x", "Create", 10, b"", b"")
    assert critical_path.seconds(journal({0: []}, [(0, ["Describe"])]), latency=1, creations=[creation]) == 1


@pytest.mark.parametrize(("seconds", "poll", "visible"), [(52.5, 60, 60), (60, 60, 60), (61, 60, 120), (52.5, 0, 52.5)])
def test_a_module_sees_what_is_ready_when_it_asks_next(seconds: float, poll: float, visible: float) -> None:
    assert Creation("x", "Create", seconds, b"", b"", poll).visible_seconds == visible


def test_scaling_makes_creations_faster_and_leaves_the_modules_as_they_are() -> None:
    scaled = [creation.scaled(0.5) for creation in CREATIONS]
    assert [creation.seconds for creation in scaled] == [45, 75, 210, 210]
    assert [creation.poll_seconds for creation in scaled] == [creation.poll_seconds for creation in CREATIONS]
