# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What earlier applies have made and no task knows any more: a role, a task or an item that was taken out.

It stays in AWS and costs. A plan would not see it, since it runs the tasks that there are.
"""

from __future__ import annotations

import collections.abc as c
import re

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.preparation import Preparation
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer
from ansible_collections.slipway.graph.plugins.plugin_utils.record import last_applied, records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.last_applied import Applied
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.remove import per_module

# Tells tasks of one name apart.
_NUMBER = re.compile(r"#\d+$")
# More names than these say no more.
MOST_NAMES = 5


def of_last_apply(applied: Applied, prepared: Preparation, run: Graph, calls: c.Sequence[CallRecord]) -> list[str]:
    """The keys of what the last apply left and no task knows, whatever the run has selected.

    :arg run: the tasks that have run, planned, applied or looked at, with ``calls``.
    """
    whole, renderer = prepared.whole, prepared.renderer
    steps = {step.key: step for step in whole.steps}
    unseen = set(by_tags_alone(applied, prepared))
    by_task: dict[str, list[CallRecord]] = {}
    for call in calls:
        by_task.setdefault(call.task_key, []).append(call)
    # What was renamed is known under its new name.
    known = set(last_applied.found_again(calls, applied).values())
    registered = frozenset(name for step in whole.steps for name in step.registers)
    found = []
    for key, entry in applied.calls.items():
        step = steps.get(records.task_of(key))
        if key in known or key in unseen or not per_module.can_be_absent(entry.module):
            continue
        if step is None or (step in run.data and _is_left_out(key, step, by_task, renderer, registered)):
            found.append(key)
    return sorted(found)


def by_tags_alone(applied: Applied, prepared: Preparation) -> list[str]:
    """The keys of what was made by tasks that run only when tags ask for them, and that nobody has looked at."""
    steps = {step.key for step in prepared.whole.steps}
    found = []
    for key, entry in applied.calls.items():
        task = records.task_of(key)
        plain, role = _NUMBER.sub("", task), f"{task.partition('/')[0]}/"
        if task not in steps and per_module.can_be_absent(entry.module) and {plain, role} & prepared.left_out:
            found.append(key)
    return sorted(found)


def _is_left_out(
    key: str, step: Step, by_task: dict[str, list[CallRecord]], renderer: Renderer, registered: frozenset[str]
) -> bool:
    """Whether a step that has run no longer makes a call that it once made, because of its inputs alone."""
    calls = by_task.get(step.key, [])
    unclear = (records.UNKNOWN, records.FAILED, records.BLOCKED, records.IGNORED)
    if not calls or step.gates or any(call.status in unclear for call in calls):
        return False
    if any(records.key_of(call) == key and call.status != records.SKIPPED for call in calls):
        return False
    conditions = ["{{ " + str(condition) + " }}" for condition in step.task.when]
    return not renderer.value_reaches(step, [*conditions, step.task.loop], set(registered))


def names(keys: c.Sequence[str]) -> str:
    """Keys as calls are named to people, as many as say something."""
    more = f" and {len(keys) - MOST_NAMES} more" if len(keys) > MOST_NAMES else ""
    return ", ".join(_name(key) for key in keys[:MOST_NAMES]) + more


def line(keys: c.Sequence[str]) -> str:
    """That for people, in one line."""
    resources, them = ("resource", "it") if len(keys) == 1 else ("resources", "them")
    return f"{len(keys)} {resources} of earlier applies, and no task knows {them} any more (see orphans): {names(keys)}"


def _name(key: str) -> str:
    """A key as calls are named to people."""
    role, _slash, task = key.partition("/")
    return f"{role}: {task}" if role else task
