"""Rules 3, 4 and 5 on graphs that nobody thought of: calls that succeed, fail, hang or die, in any shape of graph.

The invariants hold whatever happens; Hypothesis prints the seed and the smallest graph that breaks one.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import socket
import threading
import types
import typing as t

from ansible.errors import AnsibleError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.run.modes import APPLY, PLAN
from ansible_collections.slipway.graph.plugins.plugin_utils.run.scheduling import Options, Schedule

SUCCEED, CHANGE, FAIL, DIE, HANG, UNRENDERABLE = "succeed", "change", "fail", "die", "hang", "unrenderable"
# Fails, and its task says that this does not matter.
IGNORED = "ignored"


@dataclasses.dataclass
class Shape:
    """A graph to be: for each step its fate, its number of loop items (None without a loop) and its needs.

    ``blocks``: the block in whose ``always`` it stands, if any; that is among its needs.
    """

    fates: list[str]
    items: list[int | None]
    needs: list[set[int]]
    blocks: list[set[int]] = dataclasses.field(default_factory=list)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Any acyclic graph of up to twelve steps."""
    size = draw(st.integers(1, 12))
    fates = draw(
        st.lists(
            st.sampled_from([SUCCEED, CHANGE, FAIL, DIE, HANG, UNRENDERABLE, IGNORED]), min_size=size, max_size=size
        )
    )
    items = draw(st.lists(st.one_of(st.none(), st.integers(0, 3)), min_size=size, max_size=size))
    needs = [draw(st.sets(st.integers(0, index - 1))) if index else set() for index in range(size)]
    no_block = st.just(set[int]())
    blocks = [
        draw(st.one_of(no_block, st.sets(st.integers(0, index - 1)))) if index else set() for index in range(size)
    ]
    return Shape(fates, items, [need | block for need, block in zip(needs, blocks, strict=True)], blocks)


class Renderer:
    """Stands in for Ansible's templates: arguments name the step, loops are plain lists."""

    def __init__(self) -> None:
        self.registered: dict[str, t.Any] = {}

    def register(self, facts: dict[str, t.Any]) -> None:
        self.registered.update(facts)

    def register_result(self, name: str, result: dict[str, t.Any]) -> None:
        self.registered[name] = result

    def loop_items(self, step: t.Any) -> list[int] | None:
        return t.cast("list[int] | None", step.task.loop)

    def loop_variables(self, _step: t.Any, items: list[int], position: int) -> dict[str, t.Any]:
        return {"item": items[position]}

    def variables(self, _step: t.Any, overlay: dict[str, t.Any] | None = None) -> t.Any:
        return collections.ChainMap(dict(overlay or {}))

    def label(self, _step: t.Any, _variables: t.Any, item: t.Any) -> str:
        return str(item)

    def field(self, value: t.Any, _variables: t.Any) -> t.Any:
        if value == UNRENDERABLE:
            raise AnsibleError("'count' is undefined")
        return value

    def false_condition(self, _step: t.Any, _variables: t.Any) -> None:
        return None

    def holds(self, conditions: list[t.Any], _variables: t.Any) -> bool:
        return all(conditions)

    def environment(self, _step: t.Any, _variables: t.Any) -> dict[str, str]:
        return {}

    def arguments(self, _step: t.Any, _variables: t.Any, _only: t.Any) -> dict[str, t.Any]:
        return {}

    def serialise(self, step: t.Any, _arguments: t.Any, **_flags: t.Any) -> bytes:
        return str(step.index).encode()

    def reached(self, _step: t.Any, names: set[str]) -> set[str]:
        return names

    def value_reaches(self, _step: t.Any, _value: t.Any, _names: set[str]) -> set[str]:
        return set()


class Processes:
    """Warm processes that meet a fate; one that hangs answers only after the others had their turn."""

    def __init__(self, shape: Shape, limit: int) -> None:
        self.shape = shape
        self.limit = limit
        self.running: dict[socket.socket, tuple[int, socket.socket]] = {}
        self.started: list[int] = []
        self.ended: list[int] = []
        self.most_at_once = 0
        self.timers: list[threading.Timer] = []

    def submit(self, _number: int, call: t.Any) -> socket.socket:
        index = int(call.args)
        ours, theirs = socket.socketpair()
        self.running[ours] = (index, theirs)
        self.started.append(index)
        self.most_at_once = max(self.most_at_once, len(self.running))
        if self.shape.fates[index] == HANG:
            timer = threading.Timer(0.002, theirs.send, [b"."])
            self.timers.append(timer)
            timer.start()
        else:
            theirs.send(b".")
        return ours

    def collect(self, connection: socket.socket) -> dict[str, t.Any] | None:
        index, theirs = self.running.pop(connection)
        connection.close()
        theirs.close()
        self.ended.append(index)
        fate = self.shape.fates[index]
        if fate == DIE:
            return None
        result = {"changed": fate == CHANGE, "failed": fate in (FAIL, IGNORED), "msg": fate}
        return {"result": json.dumps(result), "crash": None, "calls": [], "writes": []}


def graph_of(shape: Shape) -> Graph:
    """The steps and edges of a shape."""
    steps = [
        Step(
            index=index, task=_task(index, shape), role="role", name=f"step {index}", location="x:1",
            module="slipway.aws.thing", path="", has_action_plugin=False, registers=(f"r{index}",), after=(),
            register=f"r{index}",
        )
        for index in range(len(shape.fates))
    ]  # fmt: skip
    for step, block in zip(steps, shape.blocks, strict=False):
        step.cleans_up = (tuple(steps[each] for each in sorted(block)),) if block else ()
    data = {step: {steps[need] for need in shape.needs[step.index]} for step in steps}
    return Graph(steps, data, {step: set() for step in steps})


def _task(index: int, shape: Shape) -> t.Any:
    items, retries = shape.items[index], UNRENDERABLE if shape.fates[index] == UNRENDERABLE else None
    return types.SimpleNamespace(
        loop=None if items is None else list(range(items)), when=[], until=None, retries=retries, delay=0, no_log=False,
        check_mode=None, get_ds=dict, changed_when=None, failed_when=None, register=f"r{index}", loop_control=None,
        ignore_errors=shape.fates[index] == IGNORED,
    )  # fmt: skip


def run(shape: Shape, parallel: int, mode: str = APPLY) -> tuple[Schedule, Processes, Graph]:
    """Run a shape to its end."""
    processes = Processes(shape, parallel)
    graph = graph_of(shape)
    options = Options(mode=mode, parallel=parallel, start_action=lambda *_: None, on_record=lambda *_: None)
    schedule = Schedule(graph, t.cast("t.Any", Renderer()), t.cast("t.Any", processes), options)
    schedule.run()
    for timer in processes.timers:
        timer.join()
    return schedule, processes, graph


def broken(shape: Shape, index: int) -> bool:
    """Whether a step fails by its own fate; one without items makes no call and cannot."""
    return shape.fates[index] in (FAIL, DIE, UNRENDERABLE) and shape.items[index] != 0


def behind_a_failure(shape: Shape) -> set[int]:
    """The steps that need a failed one, directly or not; what cleans up is, if nothing of its block has begun."""
    found: set[int] = set()
    blocks = shape.blocks or [set()] * len(shape.needs)
    forgiving: set[int] = set()
    for index, needs in enumerate(shape.needs):
        block = blocks[index]
        lost = {need for need in needs if need in found or broken(shape, need)}
        # What cleans up saves nobody but what cleans up after the same block.
        lost |= {need for need in needs & forgiving if blocks[need] != block}
        if lost - block or (block and block <= found):
            found.add(index)
        elif lost:
            forgiving.add(index)
    return found


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shape=shapes(), parallel=st.integers(1, 6))
def test_rules_03_to_05_hold_on_any_graph(shape: Shape, parallel: int) -> None:
    schedule, processes, graph = run(shape, parallel)
    blocked = behind_a_failure(shape)

    expected_calls = {
        index: (1 if items is None else items) if index not in blocked else 0 for index, items in enumerate(shape.items)
    }
    for index, count in expected_calls.items():
        assert processes.started.count(index) == count, "each call runs exactly once, and none behind a failure"
    assert processes.most_at_once <= parallel
    assert not processes.running, "nothing is left running"

    for step in graph.steps:
        status = schedule.step_status(step)
        if step.index in blocked:
            assert status == records.BLOCKED
        elif broken(shape, step.index):
            assert status == records.FAILED
        elif shape.fates[step.index] == IGNORED:
            assert status == (records.SKIPPED if shape.items[step.index] == 0 else records.IGNORED)
        else:
            assert status in (records.OK, records.CHANGED, records.SKIPPED)
        for need in shape.needs[step.index]:
            if step.index in processes.started and need in processes.ended:
                first_start = processes.started.index(step.index)
                assert need not in processes.started[first_start:], "a step starts after all calls of its needs"


@settings(max_examples=100, deadline=None)
@given(shape=shapes())
def test_rule_07_in_a_plan_what_needs_an_unmade_result_is_unknown_and_not_run(shape: Shape) -> None:
    fates = [SUCCEED if fate in (FAIL, DIE, HANG, UNRENDERABLE, IGNORED) else fate for fate in shape.fates]
    shape = Shape(fates, shape.items, shape.needs)
    schedule, processes, graph = run(shape, 4, mode=PLAN)
    unmade: set[int] = set()
    for step in graph.steps:
        if any(need in unmade for need in shape.needs[step.index]):
            unmade.add(step.index)
            assert step.index not in processes.started
            if shape.items[step.index] != 0:
                assert schedule.step_status(step) == records.UNKNOWN
            else:
                unmade.discard(step.index)
        elif shape.fates[step.index] == CHANGE and shape.items[step.index] != 0:
            unmade.add(step.index)
            assert schedule.step_status(step) == records.PLANNED


def test_rule_04_what_holds_up_most_starts_first() -> None:
    shape = Shape([SUCCEED] * 4, [None] * 4, [set(), set(), {1}, {2}])
    _schedule, processes, _graph = run(shape, 1)
    assert processes.started[0] == 1


def test_rule_06_after_an_interrupt_nothing_new_starts_and_running_calls_end() -> None:
    shape = Shape([SUCCEED] * 3, [None] * 3, [set(), {0}, {1}])
    processes = Processes(shape, 2)
    schedules: list[Schedule] = []
    options = Options(
        mode=APPLY, parallel=2, start_action=lambda *_: None, on_record=lambda *_: schedules[0].stop("interrupted")
    )
    schedules.append(Schedule(graph_of(shape), t.cast("t.Any", Renderer()), t.cast("t.Any", processes), options))
    schedules[0].run()
    assert processes.started == [0]
    assert not processes.running


class Odd(Renderer):
    """Raises what nobody expects."""

    def arguments(self, step: t.Any, _variables: t.Any, _only: t.Any) -> dict[str, t.Any]:
        if step.index == 0:
            raise RecursionError("too deep")
        return {}

    def reached(self, _step: t.Any, _names: set[str]) -> set[str]:
        raise KeyError("reached")


def test_rule_05_an_exception_that_nobody_expects_ends_its_call_and_not_the_run() -> None:
    shape = Shape([SUCCEED] * 3, [None] * 3, [set(), set(), {0}])
    graph, processes = graph_of(shape), Processes(shape, 2)
    options = Options(mode=APPLY, parallel=2, start_action=lambda *_: None, on_record=lambda *_: None)
    schedule = Schedule(graph, t.cast("t.Any", Odd()), t.cast("t.Any", processes), options)
    by_order = {record.order[0]: record for record in schedule.run()}
    assert [by_order[index].status for index in range(3)] == [records.FAILED, records.OK, records.BLOCKED]
    assert by_order[0].msg == "RecursionError: too deep"


def test_rule_05_a_delay_that_cannot_be_rendered_fails_its_task_only() -> None:
    shape = Shape([FAIL, SUCCEED], [None, None], [set(), set()])
    graph, processes = graph_of(shape), Processes(shape, 2)
    graph.steps[0].task.retries, graph.steps[0].task.delay = 2, UNRENDERABLE
    options = Options(mode=APPLY, parallel=2, start_action=lambda *_: None, on_record=lambda *_: None)
    schedule = Schedule(graph, t.cast("t.Any", Renderer()), t.cast("t.Any", processes), options)
    schedule.run()
    assert schedule.step_status(graph.steps[0]) == records.FAILED
    assert schedule.step_status(graph.steps[1]) == records.OK


def gated(opens: bool | None, fate: str = SUCCEED) -> tuple[Schedule, Processes, Graph]:
    """A step, and one behind an include, whose condition is evaluated once: it holds or not, or cannot be rendered."""
    shape = Shape([fate, SUCCEED, SUCCEED], [None, None, None], [set(), {0}, {1}])
    graph, processes = graph_of(shape), Processes(shape, 2)
    first, gate, behind = graph.steps
    gate.is_gate, behind.gates = True, (gate,)
    gate.task.when = [opens]

    class Conditions(Renderer):
        def holds(self, conditions: list[t.Any], variables: t.Any) -> bool:
            if None in conditions:
                raise AnsibleError("'ready' is undefined")
            return super().holds(conditions, variables)

    options = Options(mode=APPLY, parallel=2, start_action=lambda *_: None, on_record=lambda *_: None)
    schedule = Schedule(graph, t.cast("t.Any", Conditions()), t.cast("t.Any", processes), options)
    schedule.run()
    assert schedule.step_status(first) == (records.FAILED if fate == FAIL else records.OK)
    return schedule, processes, graph


def test_rule_03_what_stands_behind_an_include_runs_if_its_condition_holds() -> None:
    schedule, processes, _graph = gated(True)
    assert processes.started == [0, 2]
    assert [record.order[0] for record in schedule.records] == [0, 2], "the include itself is no call"


def test_rule_03_what_stands_behind_an_include_whose_condition_does_not_hold_is_skipped_and_registers_nothing() -> None:
    schedule, processes, graph = gated(False)
    assert processes.started == [0]
    assert schedule.step_status(graph.steps[2]) == records.SKIPPED
    assert graph.steps[2] not in schedule.results


def test_rule_05_an_include_whose_condition_cannot_be_rendered_fails_and_what_stands_behind_it_is_not_run() -> None:
    schedule, _processes, graph = gated(None)
    assert [schedule.step_status(step) for step in graph.steps[1:]] == [records.FAILED, records.BLOCKED]
    assert [record.msg for record in schedule.records if record.status == records.FAILED] == ["'ready' is undefined"]


def test_rule_05_an_include_behind_a_failure_is_not_run() -> None:
    schedule, processes, _graph = gated(True, fate=FAIL)
    assert processes.started == [0]
    assert [record.status for record in schedule.records] == [records.FAILED, records.BLOCKED]


def test_rule_10_a_deletion_that_fails_is_no_success_because_its_task_ignores_errors() -> None:
    shape = Shape([IGNORED, SUCCEED], [None, None], [set(), {0}])
    graph, processes = graph_of(shape), Processes(shape, 2)
    options = Options(
        mode=APPLY, parallel=2, start_action=lambda *_: None, on_record=lambda *_: None, ignores_errors=False
    )
    schedule = Schedule(graph, t.cast("t.Any", Renderer()), t.cast("t.Any", processes), options)
    schedule.run()
    assert [schedule.step_status(step) for step in graph.steps] == [records.FAILED, records.BLOCKED]
