# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run knows of a call on its way and of a step's calls together, and how a call's result is judged."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer, Variables
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.run.modes import Mode
from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import ModuleCall
from ansible_collections.slipway.graph.plugins.plugin_utils.run.results import Result
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import differences

# Ansible's own defaults for `until` without `retries`.
UNTIL_RETRIES = 3
GRAVEST_FIRST = (
    records.FAILED, records.BLOCKED, records.PLANNED, records.UNKNOWN, records.CHANGED, records.IGNORED, records.OK,
)  # fmt: skip


@dataclasses.dataclass
class Call:
    """A call on its way: the item at ``position`` of its step's loop, or the whole step without a loop."""

    step: Step
    position: int
    item: t.Any
    label: str | None
    variables: Variables
    mode: Mode
    started: float = 0.0
    # How many items before it have the same label.
    label_occurrence: int = 0
    attempt: int = 0
    module_call: ModuleCall | None = None
    no_log: bool = False
    # The condition of ``when`` that does not hold.
    false_condition: t.Any = None
    inputs: str = ""
    last_result: Result = dataclasses.field(default_factory=dict)
    api_calls: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    changes: list[differences.Change] = dataclasses.field(default_factory=list)
    ended: bool = False


@dataclasses.dataclass
class Standing:
    """Where a step stands."""

    missing: int
    items: list[t.Any] | None = None
    # How many items have which label, of those that have begun.
    labels: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    next_position: int = 0
    running: int = 0
    results: dict[int, Result] = dataclasses.field(default_factory=dict)
    statuses: set[str] = dataclasses.field(default_factory=set)
    # Whether its results are those that an apply would have, as far as others need them.
    known: bool = True
    ended: bool = False
    # Whether an item begins only when the one before it has ended.
    in_turn: bool = False
    # The blocks in whose ``always`` it stands and in which something has failed.
    forgiven: tuple[tuple[Step, ...], ...] = ()
    # The results that a gate waits for which only an apply would register.
    unknown: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        return 1 if self.items is None else len(self.items)

    @property
    def status(self) -> str:
        """The gravest of its calls'."""
        return next((status for status in GRAVEST_FIRST if status in self.statuses), records.SKIPPED)


def attempts_allowed(call: Call, renderer: Renderer) -> int:
    """How often an apply tries a call."""
    task = call.step.task
    if task.retries is not None:
        return 1 + max(0, int(renderer.field(task.retries, call.variables)))
    return 1 + UNTIL_RETRIES if is_repeated(task) else 1


def is_repeated(task: t.Any) -> bool:
    """Whether a task has an ``until``."""
    return _is_given(task.until)


def _is_given(conditions: t.Any) -> bool:
    """Whether a task has conditions; one may be just ``false``, and not every version of Ansible makes it a list."""
    return conditions not in (None, [])


def judge(call: Call, result: Result, renderer: Renderer) -> bool:
    """Apply ``changed_when`` and ``failed_when`` the way Ansible's executor does; whether ``until`` holds then."""
    result.setdefault("failed", result.get("rc", 0) not in (0, "0"))
    result.setdefault("changed", False)
    task = call.step.task
    if "skipped" not in result:
        if _is_given(task.changed_when):
            result["changed"] = renderer.holds(task.changed_when, with_result(call, result))
        if _is_given(task.failed_when):
            failed = renderer.holds(task.failed_when, with_result(call, result))
            result["failed"] = result["failed_when_result"] = failed
    until = task.until if is_repeated(task) else [not result["failed"]]
    return renderer.holds(until, with_result(call, result))


def with_result(call: Call, result: Result) -> Variables:
    """What a call sees once it has a result."""
    register = call.step.register
    return call.variables.new_child({register: result}) if register else call.variables  # type: ignore[attr-defined]
