# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What earlier applies have made and no task knows any more: a role, a task or an item that was taken out.

It stays in AWS and costs. A plan would not see it, since it runs the tasks that there are.
"""

from __future__ import annotations

import collections.abc as c

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer
from ansible_collections.slipway.graph.plugins.plugin_utils.record import last_applied, records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.last_applied import Applied
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.remove import per_module

# More names than these say no more.
MOST_NAMES = 5


def of_last_apply(
    applied: Applied, whole: Graph, run: Graph, renderer: Renderer, calls: c.Sequence[CallRecord]
) -> list[str]:
    """The keys of what the last apply left and no task knows.

    :arg whole: every task that there is, whatever the run has selected.
    :arg run: the tasks that have run, planned, applied or looked at, with ``calls``.
    """
    steps = {step.key: step for step in whole.steps}
    by_task: dict[str, list[CallRecord]] = {}
    for call in calls:
        by_task.setdefault(call.task_key, []).append(call)
    # What was renamed is known under its new name.
    known = set(last_applied.found_again(calls, applied).values())
    registered = frozenset(name for step in whole.steps for name in step.registers)
    found = []
    for key, entry in applied.calls.items():
        step = steps.get(records.task_of(key))
        if key in known or not per_module.can_be_absent(entry.module):
            continue
        if step is None or (step in run.data and _is_left_out(key, step, by_task, renderer, registered)):
            found.append(key)
    return sorted(found)


def _is_left_out(
    key: str, step: Step, by_task: dict[str, list[CallRecord]], renderer: Renderer, registered: frozenset[str]
) -> bool:
    """Whether a step that has run no longer makes a call that it once made, because of its inputs alone."""
    calls = by_task.get(step.key, [])
    if any(call.status in (records.UNKNOWN, records.FAILED, records.BLOCKED) for call in calls) or not calls:
        return False
    if any(records.key_of(call) == key and call.status != records.SKIPPED for call in calls):
        return False
    conditions = ["{{ " + str(condition) + " }}" for condition in step.task.when]
    return not renderer.value_reaches(step, [*conditions, step.task.loop], set(registered))


def line(keys: c.Sequence[str]) -> str:
    """That for people, in one line."""
    names = ", ".join(_name(key) for key in keys[:MOST_NAMES])
    more = f" and {len(keys) - MOST_NAMES} more" if len(keys) > MOST_NAMES else ""
    resources, them = ("resource", "it") if len(keys) == 1 else ("resources", "them")
    return f"{len(keys)} {resources} of earlier applies, and no task knows {them} any more (see orphans): {names}{more}"


def _name(key: str) -> str:
    """A key as calls are named to people."""
    role, _slash, task = key.partition("/")
    return f"{role}: {task}" if role else task
