# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a call is asked for, and what its answer means: one class for each mode that a call can be in.

A call begins in the mode that its run and its task ask for (:func:`first_mode`). An answer leads to a verdict: the
result has arrived, the call is asked once more in another mode, it is held back, or it ends.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import plan, saved_plan
from ansible_collections.slipway.graph.plugins.plugin_utils.read.modules import Holding
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.run import results
from ansible_collections.slipway.graph.plugins.plugin_utils.run.results import Result
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import local_effects, operations

APPLY, PLAN, INSPECT = "apply", "plan", "inspect"
Writes = list[dict[str, t.Any]]


@dataclasses.dataclass(frozen=True)
class Arrived:
    """The module did what it was asked; its result is still to be judged by the task's conditions."""

    result: Result


@dataclasses.dataclass(frozen=True)
class Again:
    """The call is asked for once more, in another mode."""

    mode: Mode


@dataclasses.dataclass(frozen=True)
class Held:
    """The call waits until everything has been read that must come before the first write."""

    mode: Mode


@dataclasses.dataclass(frozen=True)
class Ended:
    """The call is over. ``is_known``: an apply would return this result as well."""

    status: str
    result: Result
    writes: Writes
    is_known: bool


@dataclasses.dataclass(frozen=True)
class Stale:
    """The call would do something else than the plan that it is held to."""

    message: str


Verdict = Arrived | Again | Held | Ended | Stale


class Mode(t.Protocol):
    """A mode of a call."""

    @property
    def seam(self) -> str:
        """How the barrier treats writes: see worker/barrier.py."""

    @property
    def expected(self) -> saved_plan.Expected:
        """The writes that the barrier lets through; None for any."""

    @property
    def uses_check_mode(self) -> bool:
        """Whether a module is asked what it would do instead of being told to do it."""

    @property
    def guards(self) -> bool:
        """Whether what a module does without boto3 is stopped where nobody has looked at it."""

    def verdict(self, module: str, answer: t.Any) -> Verdict:
        """What a module's answer means."""

    def verdict_of_action(self, result: Result) -> Verdict:
        """What the result of a task with an action plugin means."""

    def status_of(self, result: Result) -> str:
        """The status of a result that has arrived and been judged."""


@dataclasses.dataclass
class Apply:
    """Does what the task says."""

    expected: saved_plan.Expected = None

    @property
    def seam(self) -> str:
        """Writes pass."""
        return APPLY

    @property
    def uses_check_mode(self) -> bool:
        """Never."""
        return False

    @property
    def guards(self) -> bool:
        """Never: whoever may write may do everything."""
        return False

    def verdict(self, module: str, answer: t.Any) -> Verdict:
        """The result has arrived."""
        return Arrived(results.decoded(module, answer))

    def verdict_of_action(self, result: Result) -> Verdict:
        """The plugin has judged the result already, as in a play."""
        return Ended(self.status_of(result), result, [], is_known=True)

    def status_of(self, result: Result) -> str:
        """As in a play."""
        return results.status_of(result)


@dataclasses.dataclass
class ApplyHeldBack(Apply):
    """Goes up to the first write while reads that must come before it are on their way: most calls have none."""

    expected: saved_plan.Expected = dataclasses.field(default_factory=list)

    def verdict(self, module: str, answer: t.Any) -> Verdict:
        """Hold what wants to write, and what failed for want of what others write."""
        result = results.decoded(module, answer)
        return Held(Apply()) if answer["writes"] or result.get("failed") else Arrived(result)


@dataclasses.dataclass
class ApplyPlanned(Apply):
    """Does what a saved plan announced, and stops before it writes anything else."""

    def verdict(self, module: str, answer: t.Any) -> Verdict:
        """A write that the barrier stopped was not planned."""
        if answer["writes"]:
            planned = self.expected[0] if self.expected else None
            return Stale(saved_plan.difference(planned, answer["writes"][0]))
        return super().verdict(module, answer)


@dataclasses.dataclass
class ApplyGuarded(ApplyPlanned):
    """Does nothing, as the plan announced, be it to AWS or to this machine."""

    expected: saved_plan.Expected = dataclasses.field(default_factory=list)

    @property
    def guards(self) -> bool:
        """Always."""
        return True

    def verdict(self, module: str, answer: t.Any) -> Verdict:
        """Of what was stopped on this machine the module itself says whether it would have changed anything."""
        if answer["writes"] and answer["writes"][0]["service"] == local_effects.SERVICE:
            return Again(Verify())
        return super().verdict(module, answer)


@dataclasses.dataclass
class Verify(Apply):
    """Asks in check mode first, because the plan announced no change and no barrier holds the module."""

    @property
    def uses_check_mode(self) -> bool:
        """Always."""
        return True

    def verdict(self, module: str, answer: t.Any) -> Verdict:
        """Go on only with what changes nothing."""
        result = results.decoded(module, answer)
        return Arrived(result) if result.get("failed") else self._verified(result)

    def verdict_of_action(self, result: Result) -> Verdict:
        """Go on only with what changes nothing."""
        return super().verdict_of_action(result) if result.get("failed") else self._verified(result)

    @staticmethod
    def _verified(result: Result) -> Verdict:
        if result.get("changed"):
            return Stale(f"{saved_plan.STALE}: the plan says no change, but now it would change something")
        if results.was_left_undone(result):
            return Stale(f"{saved_plan.STALE}: the plan says no change, but of what it would do now {plan.UNASKED}")
        return Again(Apply())


@dataclasses.dataclass
class RunInPlan(Apply):
    """Runs although nothing is to be written, because the task says ``check_mode: false``: it reads for others."""

    def status_of(self, result: Result) -> str:
        """A plan announces nothing that it has done itself."""
        status = results.status_of(result)
        return records.OK if status == records.CHANGED else status


@dataclasses.dataclass
class Plan:
    """Writes nothing: the barrier stops whom it holds, whatever the module's check mode says; others are asked."""

    # Of the whole run: in an apply it is the task itself that asks for check mode.
    run_mode: str
    is_held: bool
    expected: saved_plan.Expected = None
    # Writes that the barrier has stopped already: the module is asked in check mode what it knows of what exists.
    stopped: Writes = dataclasses.field(default_factory=list)

    @property
    def seam(self) -> str:
        """An apply's task is planned."""
        return PLAN if self.run_mode == APPLY else self.run_mode

    @property
    def uses_check_mode(self) -> bool:
        """Where no barrier holds the module, or it has stopped it once."""
        return bool(self.stopped) or not self.is_held

    @property
    def guards(self) -> bool:
        """Unless the module itself says that it will do nothing."""
        return not self.uses_check_mode

    def verdict(self, module: str, answer: t.Any) -> Verdict:
        """Of what exists a module may tell although it wanted to write, in check mode at the latest."""
        result = results.decoded(module, answer)
        if not answer["writes"] and not self.stopped:
            return self._unless_left_undone(result, Arrived(result))
        if any(write["service"] == local_effects.SERVICE for write in self.stopped):
            return self._asked_after_local_effect(result, answer)
        is_known = answer["result"] is not None and not result.get("failed")
        stopped = self.stopped or answer["writes"]
        exists = not any(operations.creates(write["operation"]) for write in stopped)
        if exists and not self.stopped and not is_known:
            return Again(dataclasses.replace(self, stopped=stopped))
        status = records.CHANGED if exists and self.run_mode == INSPECT else records.PLANNED
        return Ended(status, result if is_known else {"changed": True}, stopped, is_known)

    def _asked_after_local_effect(self, result: Result, answer: t.Any) -> Verdict:
        """Of this machine a module knows best in check mode whether it would change it."""
        was_asked = not results.was_left_undone(result)
        if was_asked and not answer["writes"] and not result.get("changed") and not result.get("failed"):
            return Arrived(result)
        return Ended(records.PLANNED, {"changed": True}, answer["writes"] or self.stopped, is_known=False)

    def verdict_of_action(self, result: Result) -> Verdict:
        """What would change is planned; a task that asks for check mode itself says so in an apply."""
        status = results.status_of(result)
        if status == records.CHANGED and self.run_mode != APPLY:
            status = records.PLANNED
        return self._unless_left_undone(result, Ended(status, result, [], is_known=status != records.PLANNED))

    def status_of(self, result: Result) -> str:
        """What a module without boto3 would change, it has been asked in check mode."""
        status = results.status_of(result)
        return records.PLANNED if status == records.CHANGED and self.run_mode == PLAN else status

    def _unless_left_undone(self, result: Result, verdict: Verdict) -> Verdict:
        """Of what a module does not tell in check mode nothing is known, not even whether it would change something."""
        if self.run_mode != APPLY and results.was_left_undone(result):
            return Ended(records.UNKNOWN, result, [], is_known=False)
        return verdict


def first_mode(
    run_mode: str, checks: bool | None, holding: Holding, held_back: bool, planned: saved_plan.Expected
) -> Mode:
    """The mode that a call begins in.

    :arg run_mode: of the whole run: apply, plan or inspect.
    :arg checks: what the task itself says of check mode.
    :arg holding: what keeps the module from writing.
    :arg held_back: whether something that must come first is still to be read.
    :arg planned: the writes that a saved plan allows; None without one, or where it promised nothing.
    """
    is_held = holding in (Holding.BARRIER, Holding.GUARD)
    if run_mode != APPLY and checks is False and not is_held:
        return RunInPlan()
    if run_mode != APPLY or checks:
        return Plan(run_mode, is_held)
    if planned == [] and holding is not Holding.BARRIER:
        return ApplyGuarded() if is_held else Verify()
    if planned is not None:
        return ApplyPlanned(expected=planned)
    return ApplyHeldBack() if held_back and holding is Holding.BARRIER else Apply()
