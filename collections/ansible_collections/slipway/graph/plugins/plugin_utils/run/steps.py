# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where each step of a run stands, and what a step is going to do once its needs have ended."""

from __future__ import annotations

import dataclasses

from ansible.errors import AnsibleError

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.ordering import keeps_its_place
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.run.calls import Standing
from ansible_collections.slipway.graph.plugins.plugin_utils.run.modes import APPLY


@dataclasses.dataclass(frozen=True)
class Opened:
    """What a step comes to: calls, or, with a ``status``, none.

    ``unknown`` are the names that it needs and that only an apply would register.
    """

    status: str = ""
    message: str = ""
    unknown: frozenset[str] = frozenset()


class Steps:
    """The standing of each step."""

    def __init__(self, graph: Graph, renderer: Renderer, run_mode: str) -> None:
        self._graph = graph
        self._renderer = renderer
        self._run_mode = run_mode
        self._standings = {step: Standing(missing=len(graph.needs(step))) for step in graph.steps}

    def __getitem__(self, step: Step) -> Standing:
        return self._standings[step]

    def open(self, step: Step) -> Opened:
        """Find out what a step is going to do, and its items."""
        if any(self[need].status in (records.FAILED, records.BLOCKED) for need in self._graph.needs(step)):
            return Opened(records.BLOCKED)
        unknown = self._names_of(step, [need for need in self._planned(step) if not self[need].known])
        if unknown:
            return Opened(records.UNKNOWN, unknown=unknown)
        if step.has_action_plugin:
            return Opened()
        try:
            self[step].items = self._renderer.loop_items(step)
        except AnsibleError as error:
            return self._without_items(step, error)
        return Opened(records.SKIPPED) if self[step].items == [] else Opened()

    def unclear(self, step: Step) -> frozenset[str]:
        """The names that a step needs and that a plan knows only in part, because they come from what would write."""
        changing = {records.PLANNED, records.CHANGED}
        return self._names_of(step, [need for need in self._planned(step) if changing & self[need].statuses])

    def may_fail_for_want_of_others(self, step: Step) -> bool:
        """Whether a plan has not done something before the step that nobody can say what it does."""
        if self._run_mode == APPLY:
            return False
        undone = {records.PLANNED, records.UNKNOWN}
        return any(keeps_its_place(earlier) and undone & self[earlier].statuses for earlier in self._graph.before(step))

    def _without_items(self, step: Step, error: AnsibleError) -> Opened:
        """A loop that cannot be rendered is no failure if a condition (without the item) rules the step out."""
        try:
            skipped = not self._renderer.holds(step.task.when, self._renderer.variables(step))
        except AnsibleError:
            skipped = False
        if skipped:
            return Opened(records.SKIPPED)
        unclear = self.unclear(step)
        return Opened(records.UNKNOWN, unknown=unclear) if unclear else Opened(records.FAILED, message=str(error))

    def _planned(self, step: Step) -> set[Step]:
        """The steps whose results a step reads, unless all results are real."""
        return set() if self._run_mode == APPLY else self._graph.data[step]

    def _names_of(self, step: Step, needs: list[Step]) -> frozenset[str]:
        names = frozenset(name for need in needs for name in need.registers)
        if not names:
            return names
        # Who looks names up at run time may need any of them.
        return names & self._renderer.reached(step, set(names)) or names
