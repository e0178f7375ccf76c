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
    # Whether a play would have met the task at all, and registered that it was skipped.
    is_met: bool = True


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
        found = self._kept_from(step)
        if found:
            return found
        if step.is_gate:
            return self._open_gate(step)
        if step.has_action_plugin:
            return Opened()
        try:
            self[step].items = self._renderer.loop_items(step)
        except AnsibleError as error:
            return self._without_items(step, error)
        self[step].in_turn = _goes_in_turn(step)
        return Opened(records.SKIPPED) if self[step].items == [] else Opened()

    def _kept_from(self, step: Step) -> Opened | None:
        """What keeps a step from being looked at: a failure, a closed gate, results that only an apply would have."""
        if self._is_blocked(step):
            return Opened(records.BLOCKED)
        for gate in (each for each in step.gates if each in self._standings):
            if self[gate].status == records.SKIPPED:
                return Opened(records.SKIPPED, is_met=False)
            if self[gate].status == records.UNKNOWN:
                return Opened(records.UNKNOWN, unknown=self[gate].unknown)
        unknown = self._names_of(step, [need for need in self._planned(step) if not self[need].known])
        return Opened(records.UNKNOWN, unknown=unknown) if unknown else None

    def _is_blocked(self, step: Step) -> bool:
        """Whether something that a step needs has failed. An ``always`` runs unless nothing of its block has begun."""
        lost = {need for need in self._graph.needs(step) if self._is_lost_to(step, need)}
        if not lost:
            return False
        self[step].forgiven = tuple(block for block in step.cleans_up if lost & set(block))
        lost -= {each for block in step.cleans_up for each in block}
        return bool(lost) or any(self._never_began(block) for block in step.cleans_up)

    def _is_lost_to(self, step: Step, need: Step) -> bool:
        """Whether a need has failed, or stands in the ``always`` of a block that has, which saves nobody behind it."""
        if self[need].status in (records.FAILED, records.BLOCKED):
            return True
        return any(block not in step.cleans_up for block in self[need].forgiven)

    def _never_began(self, block: tuple[Step, ...]) -> bool:
        here = [each for each in block if each in self._standings and not each.is_gate]
        return bool(here) and all(self[each].status == records.BLOCKED for each in here)

    def _open_gate(self, gate: Step) -> Opened:
        """Decide whether the steps behind a gate run: once, as a play evaluates the condition of an include."""
        if gate.instead_of:
            # An assertion about inputs, which has no standing, has run before everything.
            standings = [self._standings.get(each) for each in gate.instead_of]
            ran = any(each is None or each.status not in (records.SKIPPED, records.BLOCKED) for each in standings)
            return Opened(records.SKIPPED if ran else records.OK)
        try:
            holds = self._renderer.holds(gate.task.when, self._renderer.variables(gate))
        except AnsibleError as error:
            unclear = self.unclear(gate)
            return Opened(records.UNKNOWN, unknown=unclear) if unclear else Opened(records.FAILED, message=str(error))
        return Opened(records.OK if holds else records.SKIPPED)

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


def _goes_in_turn(step: Step) -> bool:
    """Whether each item of a loop has to wait for the one before it."""
    control = step.task.loop_control
    return keeps_its_place(step) or bool(control and (control.break_when or control.pause))
