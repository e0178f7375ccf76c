# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs a graph: every call the moment its own needs are met and a slot is free, in one single-threaded loop."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import heapq
import itertools
import selectors
import time
import traceback
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.slipway.graph.plugins.module_utils import lock_heart
from ansible_collections.slipway.graph.plugins.plugin_utils.plan import saved_plan
from ansible_collections.slipway.graph.plugins.plugin_utils.read import modules
from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.modules import Holding
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer, Variables
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.record.running_journal import RunningJournal
from ansible_collections.slipway.graph.plugins.plugin_utils.run import modes, results
from ansible_collections.slipway.graph.plugins.plugin_utils.run.account import may_write
from ansible_collections.slipway.graph.plugins.plugin_utils.run.calls import (
    Call,
    attempts_allowed,
    is_repeated,
    judge,
    with_result,
)
from ansible_collections.slipway.graph.plugins.plugin_utils.run.interrupts import Interrupts
from ansible_collections.slipway.graph.plugins.plugin_utils.run.labels import HIDDEN_LABEL, label_of
from ansible_collections.slipway.graph.plugins.plugin_utils.run.modes import APPLY, INSPECT
from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import ModuleCall, WarmProcesses
from ansible_collections.slipway.graph.plugins.plugin_utils.run.recording import (
    HIDDEN_MESSAGE,
    OnRecord,
    Recorder,
    record_of,
)
from ansible_collections.slipway.graph.plugins.plugin_utils.run.results import Result
from ansible_collections.slipway.graph.plugins.plugin_utils.run.steps import Opened, Steps
from ansible_collections.slipway.graph.plugins.plugin_utils.run.unknown_inputs import foresee

# How long the loop sleeps at most when someone watches.
TICK_SECONDS = 0.2

# Changes a call's arguments; None means that there is nothing to call for.
ArgumentsFilter = c.Callable[[Step, dict[str, t.Any]], dict[str, t.Any] | None]
ActionRunner = c.Callable[[Step, Variables, bool], t.Any]


@t.runtime_checkable
class Killable(t.Protocol):
    """A running call with a process of its own."""

    def kill(self) -> None:
        """End it at once."""


@dataclasses.dataclass
class Options:
    """How a run is done. ``start_action`` starts a task that has an action plugin (see :mod:`actions`)."""

    mode: str
    parallel: int
    start_action: ActionRunner
    on_record: OnRecord
    # Is told what is going to run and of each write before it is sent.
    journal: RunningJournal | None = None
    # Of the locks that the run has (see worker/lock_keeper.py): without them nothing is written.
    hearts: c.Sequence[str] = ()
    # Says of a call's arguments and environment why it may not write: it would be in another account.
    guard: c.Callable[[c.Mapping[str, t.Any], c.Mapping[str, str]], str] | None = None
    # Called a few times a second; what it is given says which calls run and for how many seconds.
    on_tick: c.Callable[[c.Callable[[], list[tuple[str, float]]]], None] | None = None
    register: bool = True
    # Whether to keep what each call changes, or would.
    diff: bool = False
    interrupts: Interrupts | None = None
    saved_plan: saved_plan.SavedPlan | None = None
    # Whether a task's `ignore_errors` counts: where something is to be deleted, no failure may go unseen.
    ignores_errors: bool = True
    # Called once before anything may be written; what it raises ends the run.
    before_writing: c.Callable[[], None] = lambda: None
    # Which of a step's options are rendered at all; None for all of them.
    options_of: c.Callable[[Step], t.Container[str] | None] = lambda _step: None
    arguments: ArgumentsFilter = lambda _step, arguments: arguments
    # For a call of an apply that has failed, the seconds after which it is made again; None if it is not.
    pause_before_repeat: c.Callable[[Call, Result], float | None] = lambda _call, _result: None
    # Shows a line between those of calls.
    tell: c.Callable[[str], None] = lambda _text: None


class Schedule:
    """One run of one graph. ``records`` grows as calls end; ``results`` has what each step returned."""

    def __init__(self, graph: Graph, renderer: Renderer, processes: WarmProcesses, options: Options) -> None:
        self.results: dict[Step, Result] = {}
        # Why nothing new is started, once that is so.
        self.stopped = ""
        self._killed = False
        self._graph = graph
        self._renderer = renderer
        self._processes = processes
        self._options = options
        self._steps = Steps(graph, renderer, options.mode)
        self._recorder = Recorder(
            options.on_record, expected=_count(graph), keeps_changes=options.diff, warns=options.mode != INSPECT
        )
        self._dependents = graph.dependents()
        # A read that fails (a secret that is missing, no permission) is better found before the first write.
        self._first = graph.independent(_is_plain_read) - _cleaned_up(graph) if options.mode == APPLY else set()
        self._held: list[Step] = []
        self._held_calls: list[Call] = []
        self._urgency = graph.heights()
        self._ready: list[tuple[int, int, Step]] = []
        self._delayed: list[tuple[float, int, Call]] = []
        # Loops that pause between their items, and until when.
        self._paused: list[tuple[float, int, Step]] = []
        self._running: dict[t.Any, Call] = {}
        self._selector = selectors.DefaultSelector()
        self._numbers = itertools.count()

    @property
    def records(self) -> list[CallRecord]:
        """A record per call, in the order they ended."""
        return self._recorder.records

    def run(self) -> list[CallRecord]:
        """Run until everything that can run has ended; no exception of a call leaves this.

        :returns: the records.
        """
        if self._options.mode == APPLY:
            self._options.before_writing()
        if self._options.journal and self._options.mode != INSPECT:
            self._options.journal.graph(self._graph)
        if self._options.interrupts:
            self._selector.register(self._options.interrupts, selectors.EVENT_READ)
        for step in self._graph.steps:
            self._offer_if_ready(step)
        while self._running or self._delayed or ((self._ready or self._paused) and not self.stopped):
            self._start_what_can()
            self._wait()
        self._selector.close()
        self._record_what_never_ran()
        return self.records

    def stop(self, reason: str) -> None:
        """Start nothing new; what runs may end, and what waits for another attempt has ended."""
        self.stopped = self.stopped or reason
        while self._delayed:
            call = heapq.heappop(self._delayed)[2]
            if call.attempt:
                self._end_call(call, {**call.last_result, "failed": True}, records.FAILED)

    def statuses(self, step: Step) -> set[str]:
        """The statuses of a step's calls."""
        return self._steps[step].statuses

    def step_status(self, step: Step) -> str:
        """A step's status: the gravest among its calls'."""
        return self._steps[step].status

    def _obey(self, interrupts: Interrupts) -> None:
        interrupts.drain()
        if interrupts.level >= 1 and not self.stopped:
            self.stop("interrupted")
            running = ", ".join(sorted(call.step.name for call in self._running.values())) or "nothing"
            interrupts.tell(
                f"Interrupted: nothing new starts; waiting for running calls ({running}). "
                "Interrupt again to end them too."
            )
        if interrupts.level >= 2 and not self._killed:
            self._killed = True
            self._processes.kill()
            for running in self._running:
                if isinstance(running, Killable):
                    running.kill()

    def _record_what_never_ran(self) -> None:
        for step in self._graph.steps:
            standing = self._steps[step]
            if not standing.ended and not step.is_gate:
                standing.statuses.add(records.BLOCKED)
                record = record_of(step, standing.next_position, None, records.BLOCKED, msg=self.stopped)
                self._recorder.add(record)

    # Starting

    def _offer_if_ready(self, step: Step) -> None:
        if self._steps[step].missing:
            return
        if self._must_not_write(step) and not self._may_ask(step):
            self._held.append(step)
        else:
            self._make_ready(step)

    def _make_ready(self, step: Step) -> None:
        heapq.heappush(self._ready, (-self._urgency[step], step.index, step))

    def _must_not_write(self, step: Step) -> bool:
        return bool(self._first) and step not in self._first

    def _may_ask(self, step: Step) -> bool:
        """Whether a call can run up to its first write: most find that there is none."""
        return self._options.saved_plan is None and modules.holding_of(step) is Holding.BARRIER

    def _start_what_can(self) -> None:
        if self._options.journal and self._options.journal.problem:
            self.stop(self._options.journal.problem)
        self._stop_without_lock()
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now and self._free:
            call = heapq.heappop(self._delayed)[2]
            self._go_on(self._dispatch, call)
        while self._paused and self._paused[0][0] <= now:
            self._make_ready(heapq.heappop(self._paused)[2])
        while self._ready and not self.stopped and self._free:
            entry = heapq.heappop(self._ready)
            if self._advance(entry[2]):
                heapq.heappush(self._ready, entry)
            self._collect(timeout=0)  # what has ended meanwhile may make something more urgent ready
            self._stop_without_lock()

    def _stop_without_lock(self) -> None:
        """What is no call to AWS is stopped here only; AWS calls are held back by their workers, too."""
        lost = next(filter(None, map(lock_heart.loss, self._options.hearts)), "")
        if lost and not self.stopped:
            self.stop(lost)

    @property
    def _free(self) -> bool:
        return len(self._running) < self._options.parallel

    def _advance(self, step: Step) -> bool:
        """Start the step's next call; whether it has more to start."""
        standing = self._steps[step]
        if standing.next_position == 0 and not self._open(step):
            return False
        position = standing.next_position
        standing.next_position += 1
        standing.running += 1
        self._begin(step, position)
        return standing.next_position < standing.size and not standing.ended and not standing.in_turn

    def _open(self, step: Step) -> bool:
        """Find out what the step is going to do; whether there are calls to start."""
        try:
            opened = self._steps.open(step)
            self._recorder.expected += max(0, self._steps[step].size - 1)
            if opened.status == records.UNKNOWN and not step.is_gate:
                self._end_unknown(step, opened.unknown)
                return False
        except Exception as error:
            opened = Opened(records.FAILED, message=_told(error))
        if opened.status:
            self._end_without_calls(step, opened)
        return not opened.status

    def _begin(self, step: Step, position: int) -> None:
        items = self._steps[step].items
        overlay = self._renderer.loop_variables(step, items, position) if items is not None else {}
        variables = self._renderer.variables(step, overlay)
        item = items[position] if items is not None else None
        call = Call(step, position, item, None, variables, modes.Apply(), started=time.monotonic())
        try:
            self._prepare(call, looped=items is not None)
        except AnsibleError as error:
            unclear = self._steps.unclear(step)
            status = records.UNKNOWN if unclear else records.FAILED
            self._end_call(call, _failure(error), status, unknown=unclear)
        except Exception as error:
            self._end_call(call, _failure(error), records.FAILED)
        else:
            self._go_on(self._start, call)

    def _prepare(self, call: Call, looped: bool) -> None:
        step = call.step
        call.no_log = bool(self._renderer.field(step.task.no_log, call.variables))
        if looped:
            label = HIDDEN_LABEL if call.no_log else label_of(step, call.variables, call.item, self._renderer)
            call.label = self._recorder.hide(label)
            labels = self._steps[step].labels
            call.label_occurrence = labels[call.label]
            labels[call.label] += 1
        checks = self._checks(call)
        held_back = self._must_not_write(step)
        planned = None if checks else self._planned_writes(call)
        call.mode = modes.first_mode(
            self._options.mode, checks, modules.holding_of(step), held_back=held_back, planned=planned
        )
        if step.has_action_plugin:
            return
        call.false_condition = self._renderer.false_condition(step, call.variables)
        if call.false_condition is None:
            call.module_call = self._module_call(call)

    def _start(self, call: Call) -> None:
        if self._would_run_anyway(call):
            self._obey_verdict(call, call.mode.verdict_of_action(results.left_undone()))
            return
        if call.step.has_action_plugin or call.module_call is not None:
            self._dispatch(call)
            return
        reason = call.false_condition if call.false_condition is not None else "nothing to do"
        self._end_call(call, results.skipped(reason), records.SKIPPED)

    def _would_run_anyway(self, call: Call) -> bool:
        """Whether a call is to be asked for what it would do, and would do it."""
        is_own_wish = isinstance(call.mode, modes.Plan) and self._options.mode == APPLY
        if is_own_wish or not call.mode.uses_check_mode or modules.holding_of(call.step) is not Holding.NOTHING:
            return False
        return call.step.task.loop is not None or self._renderer.false_condition(call.step, call.variables) is None

    def _planned_writes(self, call: Call) -> saved_plan.Expected:
        """The writes that a saved plan allows the call.

        :raises AnsibleError: for a call that the plan does not have.
        """
        plan = self._options.saved_plan
        if plan is None or self._options.mode != APPLY:
            return None
        try:
            expected = plan.expected(records.call_key(call.step.key, call.label, call.label_occurrence))
        except KeyError:
            self.stop(saved_plan.STALE)
            raise AnsibleError(f"{saved_plan.STALE}: it does not contain this call") from None
        if expected and call.no_log:
            return [{**write, "parameters": None} for write in expected]
        return expected

    def _module_call(self, call: Call) -> ModuleCall | None:
        step = call.step
        rendered = self._renderer.arguments(step, call.variables, self._options.options_of(step))
        arguments = self._options.arguments(step, rendered)
        if arguments is None:
            return None
        arguments = modules.prepared(step, arguments)
        environment = self._renderer.environment(step, call.variables)
        self._refuse_another_account(step, arguments, environment)
        return ModuleCall(
            module=step.module,
            path=step.path,
            args=self._renderer.serialise(step, arguments, check_mode=call.mode.uses_check_mode, no_log=call.no_log),
            environment=environment,
            mode=call.mode.seam,
            expected=call.mode.expected,
            guarded=call.mode.guards and modules.holding_of(step) is Holding.GUARD,
            journal=self._options.journal.path if self._options.journal else "",
            key=records.call_key(step.key, call.label, call.label_occurrence),
            hearts=self._options.hearts if call.mode.seam == "apply" else (),
        )

    def _refuse_another_account(self, step: Step, arguments: dict[str, t.Any], environment: dict[str, str]) -> None:
        """Ask whose account it is before a call writes with credentials that only this run has brought."""
        if self._options.guard and may_write(step):
            problem = self._options.guard(arguments, environment)
            if problem:
                self.stop(problem)
                raise AnsibleError(problem)

    def _checks(self, call: Call) -> bool | None:
        """What the task itself says of check mode; one that says nothing has that of the command line."""
        if "check_mode" not in (call.step.task.get_ds() or {}):
            return None
        own = call.step.task.check_mode
        if isinstance(own, str):
            own = self._renderer.field(own, call.variables)
        return None if own is None else bool(own)

    def _dispatch(self, call: Call) -> None:
        call.attempt += 1
        running: t.Any
        if call.step.has_action_plugin:
            check_mode = call.mode.uses_check_mode
            running = self._options.start_action(call.step, call.variables, check_mode)
        else:
            if call.module_call is None:
                raise RuntimeError("a call without a module cannot be dispatched")
            running = self._processes.submit(next(self._numbers), call.module_call)
        self._running[running] = call
        self._selector.register(running, selectors.EVENT_READ)

    # Ending

    def _wait(self) -> None:
        timeout = None
        waited_for = [waiting[0][0] for waiting in (self._delayed, self._paused) if waiting]
        if waited_for:
            timeout = max(0.0, min(waited_for) - time.monotonic())
        if not self._running and timeout is None:
            return
        if self._options.on_tick:
            self._options.on_tick(self._what_runs)
            timeout = TICK_SECONDS if timeout is None else min(timeout, TICK_SECONDS)
        self._collect(timeout)

    def _collect(self, timeout: float | None) -> None:
        for key, _events in self._selector.select(timeout):
            if key.fileobj is self._options.interrupts:
                self._obey(self._options.interrupts)
                continue
            self._selector.unregister(key.fileobj)
            call = self._running.pop(key.fileobj)
            ended = self._action_ended if call.step.has_action_plugin else self._module_ended
            self._go_on(ended, call, key.fileobj)

    def _what_runs(self) -> list[tuple[str, float]]:
        now = time.monotonic()
        waiting = (call for _due, _number, call in self._delayed if call.attempt)
        return [
            (records.title(call.step.role, call.step.name, call.label), now - call.started)
            for call in [*self._running.values(), *waiting]
        ]

    def _go_on(self, act: c.Callable[..., None], call: Call, *arguments: t.Any) -> None:
        """No exception leaves the loop: what goes wrong with a call ends that call."""
        try:
            act(call, *arguments)
        except Exception as error:
            if call.ended:
                raise  # not the call's: what keeps records has failed
            self._end_call(call, _failure(error), records.FAILED)

    def _action_ended(self, call: Call, fork: t.Any) -> None:
        result = fork.collect()
        if not result.get("failed") and call.step.module == "ansible.builtin.set_fact":
            self._register_facts(result)
        self._obey_verdict(call, call.mode.verdict_of_action(result))

    def _register_facts(self, result: Result) -> None:
        for entry in result.get("results", [result]):
            self._renderer.register(entry.get("ansible_facts") or {})

    def _module_ended(self, call: Call, connection: t.Any) -> None:
        answer = self._processes.collect(connection)
        if answer is None:
            how = "was ended by an interrupt" if self._killed else "died"
            result: Result = {"failed": True, "msg": f"the process that ran {call.step.module} {how}"}
            self._end_call(call, result, records.FAILED)
            return
        call.api_calls += answer["calls"]
        call.inputs = call.inputs or answer.get("inputs", "")
        call.changes = call.changes or answer.get("changes", [])
        if answer.get("untold"):
            self.stop(answer["untold"])
            self._end_call(call, {"failed": True, "changed": False, "msg": answer["untold"]}, records.FAILED)
            return
        self._obey_verdict(call, call.mode.verdict(call.step.module, answer))

    def _obey_verdict(self, call: Call, verdict: modes.Verdict) -> None:
        match verdict:
            case modes.Arrived(result):
                self._result_arrived(call, result)
            case modes.Again(mode):
                self._change_mode(call, mode)
                self._dispatch(call)
            case modes.Held(mode):
                call.mode, call.attempt = mode, 0
                self._held_calls.append(call)
                self._release_held_calls()
            case modes.Ended(status, result, writes, is_known):
                self._end_call(call, result, status, writes, is_known=is_known)
            case modes.Stale(message):
                self.stop(saved_plan.STALE)
                self._end_call(call, {"failed": True, "changed": False, "msg": message}, records.FAILED)

    def _change_mode(self, call: Call, mode: modes.Mode) -> None:
        call.mode, call.attempt = mode, 0
        if not call.step.has_action_plugin:
            call.module_call = self._module_call(call)

    def _release_held_calls(self) -> None:
        while self._held_calls and not self._first and not self.stopped:
            call = self._held_calls.pop()
            self._go_on(self._release, call)

    def _release(self, call: Call) -> None:
        self._change_mode(call, call.mode)
        heapq.heappush(self._delayed, (0.0, next(self._numbers), call))

    def _result_arrived(self, call: Call, result: Result) -> None:
        is_asked = isinstance(call.mode, modes.Plan)
        attempts = 1 if is_asked else attempts_allowed(call, self._renderer)
        if attempts > 1:
            result["attempts"] = call.attempt
        try:
            satisfied = judge(call, result, self._renderer)
        except AnsibleError as error:
            result |= {"failed": True, "msg": str(error)}
            satisfied = True
        call.last_result = result
        if result.get("failed") and self._is_repeated_later(call, result):
            return
        if not satisfied and call.attempt < attempts and not self.stopped:
            delay = float(self._renderer.field(call.step.task.delay, call.variables))
            heapq.heappush(self._delayed, (time.monotonic() + max(delay, 0.0), next(self._numbers), call))
            return
        if attempts > 1 and not satisfied:
            # As Ansible counts them: without the first.
            result |= {"failed": results.fails_in_the_end(result), "attempts": attempts - 1}
        self._end_call(call, result, call.mode.status_of(result))

    def _is_repeated_later(self, call: Call, result: Result) -> bool:
        """Have a call made again after a pause, if it is to be; its first write was the planned one already."""
        if self._options.mode != APPLY or self.stopped:
            return False
        pause = self._options.pause_before_repeat(call, result)
        if pause is None:
            return False
        attempt = call.attempt
        self._change_mode(call, modes.Apply())
        call.attempt = attempt
        heapq.heappush(self._delayed, (time.monotonic() + pause, next(self._numbers), call))
        return True

    def _end_call(
        self,
        call: Call,
        result: Result,
        status: str,
        writes: c.Sequence[t.Any] = (),
        unknown: c.Iterable[str] = (),
        is_known: bool | None = None,
    ) -> None:
        call.ended = True
        if status == records.FAILED and self._steps.may_fail_for_want_of_others(call.step):
            status, is_known = records.UNKNOWN, False
        if status == records.FAILED and self._ignores_failure(call):
            status = records.IGNORED
        step, standing = call.step, self._steps[call.step]
        standing.running -= 1
        standing.statuses.add(status)
        standing.known &= status not in (records.PLANNED, records.UNKNOWN) if is_known is None else is_known
        if standing.items is not None:
            overlay = self._renderer.loop_variables(step, standing.items, call.position)
            result = {**result, **overlay, "_ansible_item_result": True}
        standing.results[call.position] = result
        if standing.in_turn and self._breaks(call, result):
            self._recorder.expected -= standing.size - len(standing.results)
            standing.items = (standing.items or [])[: len(standing.results)]
        self._recorder.call_ended(call, result, status, list(writes), unknown)
        if len(standing.results) == standing.size:
            self._register(step, results.assemble(standing.results, looped=standing.items is not None))
            self._finish(step)
        elif standing.in_turn:
            self._pause(call)

    def _ignores_failure(self, call: Call) -> bool:
        """Whether a play would go on as if the call had not failed. What has been stopped has not failed by itself."""
        ignores = call.step.task.ignore_errors
        if not ignores or self.stopped or not self._options.ignores_errors:
            return False
        try:
            return bool(boolean(self._renderer.field(ignores, call.variables)))
        except (AnsibleError, TypeError):
            return False

    def _breaks(self, call: Call, result: Result) -> bool:
        """Whether a loop ends with this item."""
        control = call.step.task.loop_control
        if not control or not control.break_when:
            return False
        try:
            return self._renderer.holds(control.break_when, with_result(call, result))
        except AnsibleError:
            return False

    def _pause(self, call: Call) -> None:
        """Let a loop's next item begin, after the pause that the loop asks for."""
        control = call.step.task.loop_control
        try:
            seconds = float(self._renderer.field(control.pause, call.variables)) if control else 0.0
        except (AnsibleError, ValueError):
            seconds = 0.0
        heapq.heappush(self._paused, (time.monotonic() + seconds, next(self._numbers), call.step))

    def _register(self, step: Step, result: Result) -> None:
        self.results[step] = result
        if step.register and self._options.register and self._steps[step].known:
            self._renderer.register_result(step.register, result)

    def _end_unknown(self, step: Step, missing: frozenset[str]) -> None:
        """Say what would run once its inputs exist."""
        standing = self._steps[step]
        for call in foresee(step, set(missing), self._renderer):
            standing.statuses.add(call.status)
            standing.known &= call.status != records.UNKNOWN
            before = 0 if call.label is None else standing.labels[call.label]
            standing.labels[call.label or ""] += 1
            self._recorder.add(
                record_of(step, call.position, call.label, call.status, unknown=sorted(missing), item_occurrence=before)
            )
        self._finish(step)

    def _end_without_calls(self, step: Step, opened: Opened) -> None:
        opened = self._forgiven(step, opened)
        standing = self._steps[step]
        standing.statuses.add(opened.status)
        standing.unknown = opened.unknown
        if opened.status == records.SKIPPED and opened.is_met and not step.is_gate:
            self._register(step, results.of_no_items())
        if opened.status == records.IGNORED:
            self._register(step, {"failed": True, "changed": False, "msg": opened.message})
        message = HIDDEN_MESSAGE if opened.message and step.task.no_log else opened.message
        if not step.is_gate or opened.status == records.FAILED:
            self._recorder.add(record_of(step, 0, None, opened.status, msg=message))
        self._finish(step)

    def _forgiven(self, step: Step, opened: Opened) -> Opened:
        """What a step comes to that failed before it called anything; ``ignore_errors`` counts there, too."""
        if opened.status != records.FAILED or step.is_gate:
            return opened
        call = Call(step, 0, None, None, self._renderer.variables(step), modes.Apply())
        return dataclasses.replace(opened, status=records.IGNORED) if self._ignores_failure(call) else opened

    def _finish(self, step: Step) -> None:
        self._steps[step].ended = True
        for dependent in self._dependents[step]:
            self._steps[dependent].missing -= 1
            self._offer_if_ready(dependent)
        if step in self._first:
            self._first_ended(step)

    def _first_ended(self, step: Step) -> None:
        if self.step_status(step) == records.FAILED:
            self.stop(f"nothing was written, because {step.name} failed")
        self._first.remove(step)
        if not self._first:
            held, self._held = self._held, []
            for each in held:
                self._offer_if_ready(each)
            self._release_held_calls()


def _failure(error: Exception) -> Result:
    """The result of a call that an exception has ended."""
    trace = "" if isinstance(error, AnsibleError) else "".join(traceback.format_exception(error))
    return {"failed": True, "changed": False, "msg": _told(error), **({"exception": trace} if trace else {})}


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, AnsibleError) else f"{type(error).__name__}: {error}"


def _is_plain_read(step: Step) -> bool:
    """Whether a step reads AWS once: one that is repeated until something is so may wait for a write."""
    repeated = is_repeated(step.task) or step.task.retries
    return modules.holding_of(step) is Holding.BARRIER and results.only_reads(step.module) and not repeated


def _count(graph: Graph) -> int:
    """How many steps will have a record."""
    return sum(not step.is_gate for step in graph.steps)


def _cleaned_up(graph: Graph) -> set[Step]:
    """The steps whose block has an ``always``, which must run even if they fail."""
    return {each for step in graph.steps for block in step.cleans_up for each in block}
