# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an apply has changed is asked again at its end, in a plan: who wants to write once more is not idempotent.

Later nobody could tell that from drift: after an apply that made something, each write that it made may be needed
again because somebody else has undone it.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import time

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer
from ansible_collections.slipway.graph.plugins.plugin_utils.record import last_applied, records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.run.modes import INSPECT
from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import WarmProcesses
from ansible_collections.slipway.graph.plugins.plugin_utils.run.scheduling import Options, Schedule

# AWS may tell of a change only after a moment; who still wants to write after these pauses is believed.
PAUSES_SECONDS = (1, 3)


def mark_what_repeats(
    graph: Graph,
    calls: c.Sequence[CallRecord],
    renderer: Renderer,
    processes: WarmProcesses,
    options: Options,
    known: c.Mapping[str, str],
) -> None:
    """Note in the records of what has changed which write it wants to make again.

    :arg known: what is known to repeat, by key; nobody waits for that.
    """
    changed = {records.key_of(call): call for call in calls if call.status == records.CHANGED and call.inputs}
    steps = {step.index: step for step in graph.steps if _can_be_asked(step)}
    wanted = {key: call for key, call in changed.items() if call.order[0] in steps}
    for pause in (0, *PAUSES_SECONDS):
        if not wanted or (options.interrupts and options.interrupts.level):
            return
        time.sleep(pause)
        asked = [steps[index] for index in sorted({call.order[0] for call in wanted.values()})]
        again = {records.key_of(call): call for call in _ask(asked, renderer, processes, options)}
        for key, call in wanted.items():
            # With other inputs, because a name was registered anew meanwhile, it is another call.
            same = key in again and again[key].inputs == call.inputs
            writes = same and again[key].status in (records.PLANNED, records.CHANGED)
            call.repeats = last_applied.digest_of_write(again[key].writes) if writes else ""
        wanted = {key: call for key, call in wanted.items() if call.repeats and call.repeats != known.get(key)}


def _can_be_asked(step: Step) -> bool:
    """Whether a plan would ask the step: not one that says of itself that it does something in a plan, too."""
    return not step.has_action_plugin and "check_mode" not in (step.task.get_ds() or {})


def _ask(steps: list[Step], renderer: Renderer, processes: WarmProcesses, options: Options) -> list[CallRecord]:
    """Look without writing, and without leaving a trace in the run's own records and results.

    All that the steps need is there, so none waits for another.
    """
    asking = dataclasses.replace(
        options, mode=INSPECT, on_record=lambda *_: None, journal=None, saved_plan=None, register=False, diff=False
    )
    graph = Graph(steps, {step: set() for step in steps}, {step: set() for step in steps})
    return Schedule(graph, renderer, processes, asking).run()
