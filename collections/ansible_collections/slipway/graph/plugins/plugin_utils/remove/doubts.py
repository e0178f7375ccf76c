# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a pass that only reads cannot know, so that nobody can say whether it exists.

A resource whose name comes from a command is looked for under no name: nothing runs the command. That is something else
than one whose needs do not exist, which cannot exist either.
"""

from __future__ import annotations

import collections.abc as c

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.remove import per_module


def of_reading(
    graph: Graph, renderer: Renderer, calls: c.Iterable[CallRecord], removable: c.Iterable[Step]
) -> list[str]:
    """A line with file and line for each removable step of which it cannot be known what it has made.

    :arg calls: the records of the pass that has read.
    """
    by_step: dict[int, list[CallRecord]] = {}
    for call in calls:
        by_step.setdefault(call.order[0], []).append(call)
    undone = {step for step in graph.steps if _was_left_undone(by_step.get(step.index, []))}
    found = []
    for step in sorted(removable, key=lambda each: each.index):
        if step not in undone and per_module.can_be_absent(step.module) and _is_unknown(by_step.get(step.index, [])):
            causes = sorted(_causes(graph, step, undone), key=lambda each: each.index)
            if causes and _names_itself_by(step, renderer, _names(graph, step)):
                found.append(_told(step, causes))
    return found


def _is_unknown(calls: list[CallRecord]) -> bool:
    return any(call.status == records.UNKNOWN for call in calls)


def _was_left_undone(calls: list[CallRecord]) -> bool:
    """Whether a step has run, but not done its work: nothing of AWS is missing, it was just not asked for."""
    return any(
        (call.status == records.UNKNOWN and not call.unknown) or (call.status == records.PLANNED and not call.writes)
        for call in calls
    )


def _causes(graph: Graph, step: Step, undone: set[Step]) -> set[Step]:
    """The steps that were left undone among those whose results a step reads, also through others."""
    found: set[Step] = set()
    seen: set[Step] = set()
    pending = list(graph.data[step])
    while pending:
        need = pending.pop()
        if need in undone:
            found.add(need)
        elif need not in seen:
            seen.add(need)
            pending.extend(graph.data[need])
    return found


def _names(graph: Graph, step: Step) -> set[str]:
    return {name for need in graph.data[step] for name in need.registers}


def _names_itself_by(step: Step, renderer: Renderer, names: set[str]) -> bool:
    """Whether a step is found by results at all: some modules need only a name to delete."""
    identity = per_module.deletion_of(step.module).identity
    if not identity:
        return True
    given = {name: value for name, value in step.task.args.items() if name in identity or name.startswith("_")}
    return bool(renderer.value_reaches(step, [given, step.task.loop], names))


def _told(step: Step, causes: list[Step]) -> str:
    needs = ", ".join(f"{'/'.join(each.registers) or each.name} of {each.name!r} ({each.location})" for each in causes)
    return f"  {records.title(step.role, step.name, None)} ({step.location}) needs {needs}"
