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
import typing as t

from ansible.errors import AnsibleError
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import saved_plan
from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer, Variables
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.run import results
from ansible_collections.slipway.graph.plugins.plugin_utils.run.calls import (
    Call,
    Standing,
    attempts_allowed,
    is_repeated,
    judge,
)
from ansible_collections.slipway.graph.plugins.plugin_utils.run.interrupts import Interrupts
from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import ModuleCall, WarmProcesses
from ansible_collections.slipway.graph.plugins.plugin_utils.run.results import Result
from ansible_collections.slipway.graph.plugins.plugin_utils.run.secrets import Secrets
from ansible_collections.slipway.graph.plugins.plugin_utils.run.unknown_inputs import foresee
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import barrier, differences

APPLY, PLAN, INSPECT = "apply", "plan", "inspect"
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
    on_record: c.Callable[[CallRecord, int, int], None]
    # Called a few times a second; what it is given says which calls run and for how many seconds.
    on_tick: c.Callable[[c.Callable[[], list[tuple[str, float]]]], None] | None = None
    register: bool = True
    # Whether to keep what each call changes, or would.
    diff: bool = False
    interrupts: Interrupts | None = None
    saved_plan: saved_plan.SavedPlan | None = None
    # Which of a step's options are rendered at all; None for all of them.
    options_of: c.Callable[[Step], t.Container[str] | None] = lambda _step: None
    arguments: ArgumentsFilter = lambda _step, arguments: arguments


class Schedule:
    """One run of one graph. ``records`` grows as calls end; ``results`` has what each step returned."""

    def __init__(self, graph: Graph, renderer: Renderer, processes: WarmProcesses, options: Options) -> None:
        self.records: list[CallRecord] = []
        self.results: dict[Step, Result] = {}
        # Why nothing new is started, once that is so.
        self.stopped = ""
        self._killed = False
        self._graph = graph
        self._renderer = renderer
        self._processes = processes
        self._options = options
        self._progress = {step: Standing(missing=len(graph.needs(step))) for step in graph.steps}
        self._dependents = graph.dependents()
        # A read that fails (a secret that is missing, no permission) is better found before the first write.
        self._first = graph.independent(_is_plain_read) if options.mode == APPLY else set()
        self._held: list[Step] = []
        self._held_calls: list[Call] = []
        self._urgency = graph.heights()
        self._ready: list[tuple[int, int, Step]] = []
        self._delayed: list[tuple[float, int, Call]] = []
        self._running: dict[t.Any, Call] = {}
        self._selector = selectors.DefaultSelector()
        self._numbers = itertools.count()
        self._origin = time.monotonic()
        self._secrets = Secrets()
        # How many records there will be, as far as is known.
        self._expected = len(graph.steps)

    def run(self) -> list[CallRecord]:
        """Run until everything that can run has ended.

        :returns: a record per call, in the order they ended.
        """
        if self._options.interrupts:
            self._selector.register(self._options.interrupts, selectors.EVENT_READ)
        for step in self._graph.steps:
            self._offer_if_ready(step)
        while self._running or self._delayed or (self._ready and not self.stopped):
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

    def _obey(self, interrupts: Interrupts) -> None:
        interrupts.drain()
        if interrupts.level >= 1 and not self.stopped:
            self.stop("interrupted")
            running = ", ".join(sorted(call.step.name for call in self._running.values())) or "nothing"
            interrupts.tell(f"Interrupted: nothing new starts; waiting for what runs ({running}). Again: end that too.")
        if interrupts.level >= 2 and not self._killed:
            self._killed = True
            self._processes.kill()
            for running in self._running:
                if isinstance(running, Killable):
                    running.kill()

    def _record_what_never_ran(self) -> None:
        for step in self._graph.steps:
            if not self._progress[step].ended:
                self._progress[step].statuses.add(records.BLOCKED)
                position = self._progress[step].next_position
                self._add_record(self._record(step, position, None, records.BLOCKED, msg=self.stopped))

    def statuses(self, step: Step) -> set[str]:
        """The statuses of a step's calls."""
        return self._progress[step].statuses

    def step_status(self, step: Step) -> str:
        """A step's status: the gravest among its calls'."""
        return self._progress[step].status

    # Starting

    def _offer_if_ready(self, step: Step) -> None:
        if self._progress[step].missing:
            return
        if self._must_not_write(step) and not self._may_ask(step):
            self._held.append(step)
        else:
            heapq.heappush(self._ready, (-self._urgency[step], step.index, step))

    def _must_not_write(self, step: Step) -> bool:
        return bool(self._first) and step not in self._first

    def _may_ask(self, step: Step) -> bool:
        """Whether a call can run up to its first write: most find that there is none."""
        return self._options.saved_plan is None and results.uses_boto3(step.module)

    def _start_what_can(self) -> None:
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now and self._free:
            self._dispatch(heapq.heappop(self._delayed)[2])
        while self._ready and not self.stopped and self._free:
            entry = heapq.heappop(self._ready)
            if self._advance(entry[2]):
                heapq.heappush(self._ready, entry)
            self._collect(timeout=0)  # what has ended meanwhile may make something more urgent ready

    @property
    def _free(self) -> bool:
        return len(self._running) < self._options.parallel

    def _advance(self, step: Step) -> bool:
        """Start the step's next call; whether it has more to start."""
        progress = self._progress[step]
        if progress.next_position == 0 and not self._open(step):
            return False
        position = progress.next_position
        progress.next_position += 1
        progress.running += 1
        self._begin(step, position)
        return progress.next_position < progress.size and not progress.ended

    def _open(self, step: Step) -> bool:
        """Find out what the step is going to do; whether there are calls to start."""
        statuses = {self.step_status(need) for need in self._graph.needs(step)}
        if statuses & {records.FAILED, records.BLOCKED}:
            self._end_without_calls(step, records.BLOCKED)
            return False
        unknown = self._unknown_needs(step)
        if unknown:
            self._record_unknown(step, unknown)
            return False
        if step.has_action_plugin:
            return True
        try:
            self._progress[step].items = self._renderer.loop_items(step)
            self._expected += self._progress[step].size - 1
        except AnsibleError as error:
            return self._loop_failed(step, error)
        if self._progress[step].items == []:
            self._end_without_calls(step, records.SKIPPED)
            return False
        return True

    def _loop_failed(self, step: Step, error: AnsibleError) -> bool:
        """A loop that cannot be rendered is no failure if a condition (without the item) rules the step out."""
        try:
            skipped = not self._renderer.holds(step.task.when, self._renderer.variables(step))
        except AnsibleError:
            skipped = False
        unclear = self._unclear_needs(step)
        if skipped:
            self._end_without_calls(step, records.SKIPPED)
        elif unclear:
            self._record_unknown(step, unclear)
        else:
            self._progress[step].statuses.add(records.FAILED)
            self._add_record(self._record(step, 0, None, records.FAILED, msg=str(error)))
            self._finish(step)
        return False

    def _unknown_needs(self, step: Step) -> list[Step]:
        if self._options.mode == APPLY:
            return []
        return [need for need in self._graph.data[step] if not self._progress[need].known]

    def _unclear_needs(self, step: Step) -> list[Step]:
        """Steps whose results a plan knows only in part, because they would write."""
        if self._options.mode == APPLY:
            return []
        return [need for need in self._graph.data[step] if {records.PLANNED, records.CHANGED} & self.statuses(need)]

    def _record_unknown(self, step: Step, unknown: list[Step]) -> None:
        """Say what would run once its inputs exist."""
        missing = {name for need in unknown for name in need.registers}
        reached = sorted(missing & self._renderer.reached(step, missing))
        progress = self._progress[step]
        for call in foresee(step, missing, self._renderer):
            progress.statuses.add(call.status)
            progress.known &= call.status != records.UNKNOWN
            self._add_record(self._record(step, call.position, call.label, call.status, unknown=reached))
        self._finish(step)

    def _begin(self, step: Step, position: int) -> None:
        items = self._progress[step].items
        overlay = self._renderer.loop_variables(step, items, position) if items is not None else {}
        variables = self._renderer.variables(step, overlay)
        item = items[position] if items is not None else None
        call = Call(step, position, item, None, variables, started=time.monotonic())
        try:
            call.no_log = bool(self._renderer.field(step.task.no_log, variables))
            if items is not None:
                call.label = "(hidden by no_log)" if call.no_log else self._renderer.label(step, variables, item)
            self._hold_to_plan(call)
            if step.has_action_plugin:
                self._start_action(call)
                return
            false_condition = self._renderer.false_condition(step, variables)
            if false_condition is not None:
                self._end_call(call, results.skipped(false_condition), records.SKIPPED)
                return
            call.asking = self._must_not_write(step)
            call.module_call = self._module_call(call)
            if call.module_call is None:
                self._end_call(call, results.skipped("nothing to do"), records.SKIPPED)
                return
        except AnsibleError as error:
            result = {"failed": True, "changed": False, "msg": str(error)}
            unclear = self._unclear_needs(step)
            self._end_call(call, result, records.UNKNOWN if unclear else records.FAILED, unknown=unclear)
            return
        self._dispatch(call)

    def _hold_to_plan(self, call: Call) -> None:
        plan = self._options.saved_plan
        if plan is None or self._options.mode != APPLY or self._check_mode(call):
            return
        try:
            call.expected = plan.expected(records.key_of(self._record(call.step, call.position, call.label, "")))
        except KeyError:
            self.stop(saved_plan.STALE)
            raise AnsibleError(f"{saved_plan.STALE}: it does not have this call") from None
        if call.expected and call.no_log:
            call.expected = [{**write, "parameters": None} for write in call.expected]
        call.verifying = call.expected == [] and not results.uses_boto3(call.step.module)

    def _end_stale(self, call: Call, message: str) -> None:
        self.stop(saved_plan.STALE)
        self._end_call(call, {"failed": True, "changed": False, "msg": message}, records.FAILED)

    def _module_call(self, call: Call) -> ModuleCall | None:
        step = call.step
        rendered = self._renderer.arguments(step, call.variables, self._options.options_of(step))
        arguments = self._options.arguments(step, rendered)
        if arguments is None:
            return None
        check_mode = self._check_mode(call)
        plans = self._options.mode != APPLY or check_mode
        mode = self._options.mode if self._options.mode != APPLY else (PLAN if check_mode else APPLY)
        # A module that uses boto3 is stopped by the barrier, whatever its check mode says; the others are asked.
        return ModuleCall(
            module=call.step.module,
            path=call.step.path,
            args=self._renderer.serialise(
                call.step,
                arguments,
                check_mode=(plans or call.verifying) and (bool(call.stopped) or not results.uses_boto3(step.module)),
                no_log=call.no_log,
            ),
            environment=self._renderer.environment(call.step, call.variables),
            mode=mode,
            expected=[] if call.asking else call.expected,
        )

    def _check_mode(self, call: Call) -> bool:
        own = call.step.task.check_mode
        if isinstance(own, str):
            own = self._renderer.field(own, call.variables)
        return bool(own) if own is not None else False

    def _dispatch(self, call: Call) -> None:
        if call.module_call is None:
            raise RuntimeError("a call without a module cannot be dispatched")
        call.attempt += 1
        connection = self._processes.submit(next(self._numbers), call.module_call)
        self._running[connection] = call
        self._selector.register(connection, selectors.EVENT_READ)

    def _start_action(self, call: Call) -> None:
        check_mode = self._options.mode != APPLY or self._check_mode(call) or call.verifying
        fork = self._options.start_action(call.step, call.variables, check_mode)
        self._running[fork] = call
        self._selector.register(fork, selectors.EVENT_READ)

    # Ending

    def _wait(self) -> None:
        timeout = None
        if self._delayed:
            timeout = max(0.0, self._delayed[0][0] - time.monotonic())
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
            if call.step.has_action_plugin:
                self._action_ended(call, key.fileobj.collect())  # type: ignore[union-attr]  # an ActionFork
            else:
                self._module_ended(call, key.fileobj)

    def _what_runs(self) -> list[tuple[str, float]]:
        now = time.monotonic()
        return [
            (records.title(call.step.role, call.step.name, call.label), now - call.started)
            for call in self._running.values()
        ]

    def _action_ended(self, call: Call, result: Result) -> None:
        if call.verifying and not result.get("failed"):
            self._verified(call, result)
            return
        if result.get("failed"):
            status = records.FAILED
        elif result.get("skipped"):
            status = records.SKIPPED
        elif result.get("changed"):
            status = records.CHANGED if self._options.mode == APPLY else records.PLANNED
        else:
            status = records.OK
        if status != records.FAILED and call.step.module == "ansible.builtin.set_fact":
            self._register_facts(result)
        self._end_call(call, result, status)

    def _verified(self, call: Call, result: Result) -> None:
        """Go on with what changes nothing in check mode either, as its plan says."""
        if result.get("changed"):
            self._end_stale(call, f"{saved_plan.STALE}: planned was no change, but now it would change something")
            return
        call.verifying, call.attempt = False, 0
        if call.step.has_action_plugin:
            self._start_action(call)
        else:
            call.module_call = self._module_call(call)
            self._dispatch(call)

    def _register_facts(self, result: Result) -> None:
        for entry in result.get("results", [result]):
            self._renderer.registered.update(entry.get("ansible_facts") or {})

    def _module_ended(self, call: Call, connection: t.Any) -> None:
        answer = self._processes.collect(connection)
        if answer is None:
            how = "was ended by the interrupt" if self._killed else "died"
            result: Result = {"failed": True, "msg": f"the process that ran {call.step.module} {how}"}
            self._end_call(call, result, records.FAILED)
            return
        call.api_calls += answer["calls"]
        call.inputs = call.inputs or answer.get("inputs", "")
        call.changes = call.changes or answer.get("changes", [])
        if answer["writes"] and call.asking:
            self._hold_call(call)
            return
        if answer["writes"] and call.expected is not None:
            expected = call.expected[0] if call.expected else None
            self._end_stale(call, saved_plan.difference(expected, answer["writes"][0]))
            return
        if answer["writes"] or call.stopped:
            self._module_stopped(call, answer)
            return
        result = results.decoded(call.step.module, answer)
        if call.asking and result.get("failed"):
            self._hold_call(call)
        elif call.verifying and not result.get("failed"):
            self._verified(call, result)
        else:
            self._result_arrived(call, result)

    def _hold_call(self, call: Call) -> None:
        """Keep a call that has something to write until all has been read that must come first, then run it anew."""
        call.asking, call.attempt = False, 0
        self._held_calls.append(call)
        self._release_held_calls()

    def _release_held_calls(self) -> None:
        while self._held_calls and not self._first and not self.stopped:
            call = self._held_calls.pop()
            call.module_call = self._module_call(call)
            heapq.heappush(self._delayed, (0.0, next(self._numbers), call))

    def _module_stopped(self, call: Call, answer: t.Any) -> None:
        """A module wanted to write. What exists already it may still tell about, in check mode at the latest."""
        result = results.decoded(call.step.module, answer)
        is_known = answer["result"] is not None and not result.get("failed")
        first_time = not call.stopped
        call.stopped = call.stopped or answer["writes"]
        exists = not any(barrier.creates(write["operation"]) for write in call.stopped)
        if exists and first_time and not is_known:
            call.module_call = self._module_call(call)
            self._dispatch(call)
            return
        writes = [{**write, "parameters": {}} for write in call.stopped] if call.no_log else call.stopped
        status = records.CHANGED if exists and self._options.mode == INSPECT else records.PLANNED
        self._end_call(call, result if is_known else {"changed": True}, status, writes, is_known=is_known)

    def _result_arrived(self, call: Call, result: Result) -> None:
        retries = attempts_allowed(call, self._renderer) if self._options.mode == APPLY else 1
        if retries > 1:
            result["attempts"] = call.attempt
        try:
            satisfied = judge(call, result, self._renderer)
        except AnsibleError as error:
            result |= {"failed": True, "msg": str(error)}
            satisfied = True
        call.last_result = result
        if not satisfied and call.attempt < retries and not self.stopped:
            delay = float(self._renderer.field(call.step.task.delay, call.variables))
            entry = (time.monotonic() + max(delay, 0.0), next(self._numbers), call)
            heapq.heappush(self._delayed, entry)
            return
        if retries > 1 and not satisfied:
            result["failed"] = True
        status = results.status_of(result)
        if status == records.CHANGED and self._options.mode == PLAN:
            status = records.PLANNED  # a module without boto3, asked in check mode
        self._end_call(call, result, status)

    def _end_call(
        self,
        call: Call,
        result: Result,
        status: str,
        writes: list[t.Any] | None = None,
        unknown: c.Sequence[Step] = (),
        is_known: bool | None = None,
    ) -> None:
        progress = self._progress[call.step]
        progress.running -= 1
        progress.statuses.add(status)
        progress.known &= status not in (records.PLANNED, records.UNKNOWN) if is_known is None else is_known
        task = call.step.task
        if progress.items is not None:
            overlay = self._renderer.loop_variables(call.step, progress.items, call.position)
            result = {**result, **overlay, "_ansible_item_result": True}
        progress.results[call.position] = result
        message = "" if status != records.FAILED else results.failure_text(result)
        changes = [*call.changes, *differences.of_result(result)] if self._options.diff else []
        if call.no_log or result.get("_ansible_no_log"):
            message, changes = message and f"the output is hidden by no_log{_last_error(call)}", []
            self._secrets.learn(result)
        elif self._options.mode != INSPECT:
            for warning in results.warnings_of(result):
                Display().warning(f"{call.step.role}: {call.step.name}: {self._secrets.hide(warning)}")
        self._add_record(
            self._record(
                call.step,
                call.position,
                call.label,
                status,
                msg=self._secrets.hide(message),
                writes=self._secrets.hide(writes or []),
                diff=self._secrets.hide(changes),
                unknown=sorted({name for need in unknown for name in need.registers}),
                api_calls=call.api_calls,
                inputs="" if call.no_log else call.inputs,
                started=call.started - self._origin,
                seconds=time.monotonic() - call.started,
            )
        )
        if len(progress.results) == progress.size:
            registered = results.assemble(progress.results, looped=progress.items is not None)
            self.results[call.step] = registered
            if task.register and self._options.register and progress.known:
                self._renderer.registered[task.register] = registered
            self._finish(call.step)

    def _end_without_calls(self, step: Step, status: str) -> None:
        self._progress[step].statuses.add(status)
        if status == records.SKIPPED and step.task.register and self._options.register:
            empty = {
                "changed": False,
                "skipped": True,
                "skipped_reason": "No items in the list",
                "results": [],
            }
            self.results[step] = self._renderer.registered[step.task.register] = empty
        self._add_record(self._record(step, 0, None, status))
        self._finish(step)

    def _finish(self, step: Step) -> None:
        self._progress[step].ended = True
        for dependent in self._dependents[step]:
            self._progress[dependent].missing -= 1
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

    def _record(self, step: Step, position: int, item: str | None, status: str, **details: t.Any) -> CallRecord:
        return CallRecord(
            task=step.name, role=step.role, location=step.location, module=step.module, status=status,
            order=(step.index, position), occurrence=step.occurrence, item=item, reads=results.only_reads(step.module),
            **details,
        )  # fmt: skip

    def _add_record(self, record: CallRecord) -> None:
        self.records.append(record)
        self._options.on_record(record, len(self.records), self._expected)


def _last_error(call: Call) -> str:
    """The code of the API call that failed last: never a value, and mostly enough."""
    failed = [each for each in call.api_calls if each.get("error")]
    return f"; {failed[-1]['service']}:{failed[-1]['operation']} failed with {failed[-1]['error']}" if failed else ""


def _is_plain_read(step: Step) -> bool:
    """Whether a step reads AWS once: one that is repeated until something is so may wait for a write."""
    repeated = is_repeated(step.task) or step.task.retries
    return results.uses_boto3(step.module) and results.only_reads(step.module) and not repeated
