# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Destroy: the graph backwards, with the same tasks and ``state: absent``.

A first pass runs every module against the account without letting it write, which finds what exists and its ids.
Only what exists is deleted, and nothing before all that needs it is gone.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import datetime
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.preparation import Preparation
from ansible_collections.slipway.graph.plugins.plugin_utils.read.protection import is_protected
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.remove import confirmation, doubts, per_module
from ansible_collections.slipway.graph.plugins.plugin_utils.remove.repetition import Repetition
from ansible_collections.slipway.graph.plugins.plugin_utils.remove.selection import Selection
from ansible_collections.slipway.graph.plugins.plugin_utils.run.modes import INSPECT, PLAN
from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import WarmProcesses
from ansible_collections.slipway.graph.plugins.plugin_utils.run.results import Result
from ansible_collections.slipway.graph.plugins.plugin_utils.run.scheduling import Options, Schedule

# Steps that destroy adds are numbered from here, beyond those of any play.
FIRST_ADDED_INDEX = 1_000_000


@dataclasses.dataclass(frozen=True)
class Order:
    """What was typed: the host's name, and the names of what is protected (see :mod:`confirmation`).

    ``given_at`` is when; an order that is held to a plan is as old as the plan: last snapshots are named as planned.
    """

    confirm: str
    confirm_protected: list[str]
    given_at: datetime.datetime


def run(
    prepared: Preparation, selected: Selection, processes: WarmProcesses, options: Options, ordered: Order
) -> tuple[Graph, list[CallRecord]]:
    """Delete what the selected tasks made; in a plan, say what that would be.

    :returns: the graph that was run, and a record per call.
    :raises AnsibleActionFail: without the confirmation, with the list of what would be lost.
    """
    inspection = Schedule(
        selected.graph,
        prepared.renderer,
        processes,
        dataclasses.replace(options, mode=INSPECT, on_record=lambda *_: None),
    )
    inspection.run()
    if inspection.stopped:
        return Graph([], {}, {}), []  # interrupted: who has seen a part only deletes nothing
    _refuse_what_cannot_be_read(inspection, selected)
    _refuse_what_cannot_be_known(inspection, selected, prepared.renderer)
    candidates = {step for step in selected.removable if _may_exist(step, inspection.statuses(step))}
    protected = _protected(selected.removable, candidates, prepared.renderer)
    time = per_module.time_of(ordered.given_at)
    looked = _look_again(candidates, protected, time, lambda graph, changes: Schedule(
        graph, prepared.renderer, processes, dataclasses.replace(options, **changes)
    ))  # fmt: skip
    if looked is None:
        return Graph([], {}, {}), []
    doomed = {step for step in candidates if step not in looked.steps or looked.is_there(step)}
    doomed -= _needed_by_what_is_kept(selected.graph, doomed, looked.kept)
    _warn_of_what_may_stay(inspection, selected.removable, doomed, looked)
    if options.mode != PLAN:
        _ask(prepared.host.name, _lost(inspection, doomed, looked), protected, ordered)
    graph, backing_up = with_last_backups(backwards(selected.graph, doomed), protected)
    graph, unprotecting = with_unprotection(graph)

    def arguments(step: Step, given: per_module.Arguments) -> per_module.Arguments | None:
        if step in backing_up:
            return per_module.arguments_to_back_up(backing_up[step].module, given, time)
        if step in unprotecting:
            found = inspection.results.get(unprotecting[step])
            return per_module.arguments_to_unprotect(step.module, given, found)
        found = inspection.results.get(step)
        return per_module.arguments_to_delete(step.module, given, found, step in protected, time)

    repetition = Repetition(
        {step for step in graph.steps if step not in backing_up and step not in unprotecting},
        patient=any("lambda" in step.module for step in prepared.whole.steps),
        tell=options.tell,
    )
    deletion = Schedule(
        graph,
        prepared.renderer,
        processes,
        dataclasses.replace(
            options,
            register=False,
            ignores_errors=False,
            options_of=lambda step: per_module.deletion_of(step.module).identity or None,
            arguments=arguments,
            pause_before_repeat=repetition.pause_before_repeat,
        ),
    )
    return graph, deletion.run()


class _Looked(t.NamedTuple):
    """What a second look has found of some steps: the calls that would delete something, the steps that could not be
    looked for, and those that are there and would be kept all the same."""

    steps: set[Step]
    there: list[CallRecord]
    hidden: set[Step]
    kept: set[Step]

    def is_there(self, step: Step) -> bool:
        return any(record.order[0] == step.index for record in self.there)


def _look_again(
    candidates: set[Step],
    protected: set[Step],
    time: str,
    schedule: c.Callable[[Graph, dict[str, t.Any]], Schedule],
) -> _Looked | None:
    """Ask what deleting would change, of those that are known by their identity alone: what an apply would change of
    them does not say whether they are. None if it was interrupted.

    :raises AnsibleActionFail: where it cannot be read.
    """
    steps = {step for step in candidates if per_module.deletion_of(step.module).identity}
    named: set[Step] = set()

    def arguments(step: Step, given: per_module.Arguments) -> per_module.Arguments:
        named.add(step)
        return per_module.arguments_to_look(step.module, given, step in protected, time)

    alone: dict[Step, set[Step]] = {step: set() for step in steps}
    look = schedule(Graph(sorted(steps, key=lambda step: step.index), alone, alone), {
        "mode": INSPECT, "register": False, "ignores_errors": False, "on_record": lambda *_: None,
        "options_of": lambda step: per_module.deletion_of(step.module).identity, "arguments": arguments,
    })  # fmt: skip
    look.run()
    if look.stopped:
        return None
    asked = {step.index for step in named}
    _refuse_failures([each for each in look.records if each.status == records.FAILED and each.order[0] in asked])
    there = [each for each in look.records if each.status in (records.CHANGED, records.PLANNED)]
    return _Looked(steps, there, steps - named, {step for step in steps if _is_kept(look.results.get(step))})


def _is_kept(result: Result | None) -> bool:
    found = (result or {}).get("results", [result or {}])
    return any(item.get("kept") for item in found)


def _needed_by_what_is_kept(graph: Graph, doomed: set[Step], kept: set[Step]) -> set[Step]:
    """What has to stay: a vault of backups is no good without the role that ends their time."""
    needed = (graph.closure(kept) - kept) & doomed
    if kept:
        also = f", and so is what it needs: {_names(needed)}" if needed else ""
        Display().warning(f"what holds backups is kept: {_names(kept)}{also}")
    return needed


def _names(steps: set[Step]) -> str:
    return ", ".join(sorted(f"{step.role}: {step.name}" for step in steps))


def with_last_backups(graph: Graph, protected: c.Set[Step]) -> tuple[Graph, dict[Step, Step]]:
    """The graph with a step before each protected one that backs it up, and which is before which."""

    def backup(step: Step) -> Step | None:
        last = per_module.deletion_of(step.module).backup
        if last is None or step not in protected:
            return None
        name = f"{step.name}: take a final backup and verify it"
        return dataclasses.replace(
            _added(step, 2 * FIRST_ADDED_INDEX, name), module=last.module, path=per_module.path_of(last.module)
        )

    return _with_steps_before(graph, backup)


def with_unprotection(graph: Graph) -> tuple[Graph, dict[Step, Step]]:
    """The graph with a step before each one whose resource may be protected, and which is before which."""

    def unprotection(step: Step) -> Step | None:
        if per_module.deletion_of(step.module).unprotection is None:
            return None
        return _added(step, FIRST_ADDED_INDEX, f"{step.name}: switch off deletion protection")

    return _with_steps_before(graph, unprotection)


def _added(step: Step, index: int, name: str) -> Step:
    return dataclasses.replace(step, index=step.index + index, name=name, registers=(), protect=False)


def _with_steps_before(graph: Graph, make: c.Callable[[Step], Step | None]) -> tuple[Graph, dict[Step, Step]]:
    before = {new: step for step in graph.steps if (new := make(step)) is not None}
    order = {**graph.order, **{new: graph.order[step] for new, step in before.items()}}
    for new, step in before.items():
        order[step] = {*order[step], new}
    steps = [*before, *graph.steps]
    return Graph(steps, {step: set() for step in steps}, order), before


def backwards(graph: Graph, kept: set[Step]) -> Graph:
    """The graph of some steps with its edges turned round; paths through other steps still count."""
    dependents = graph.dependents()
    order: dict[Step, set[Step]] = {}
    for step in kept:
        found: set[Step] = set()
        pending, seen = list(dependents[step]), set()
        while pending:
            dependent = pending.pop()
            if dependent in seen:
                continue
            seen.add(dependent)
            if dependent in kept:
                found.add(dependent)
            else:
                pending.extend(dependents[dependent])
        order[step] = found
    return Graph([step for step in graph.steps if step in kept], {step: set() for step in kept}, order)


def _may_exist(step: Step, statuses: set[str]) -> bool:
    if not per_module.can_be_absent(step.module):
        return False
    found = {records.OK, records.CHANGED}
    # What is known by its identity alone may exist although its other inputs do not, or differ.
    if per_module.deletion_of(step.module).identity:
        found |= {records.PLANNED, records.UNKNOWN}
    return bool(statuses & found)


def _warn_of_what_may_stay(inspection: Schedule, removable: set[Step], doomed: set[Step], looked: _Looked) -> None:
    """What needs something that is missing cannot be looked for; it may exist if that was deleted by somebody else."""
    known = doomed | (looked.steps - looked.hidden)
    unseen = {step.index for step in removable - known if per_module.can_be_absent(step.module)}
    hidden = [
        f"  {record.title} (needs {', '.join(record.unknown)})"
        for record in sorted(inspection.records, key=lambda record: record.order)
        if record.status == records.UNKNOWN and record.order[0] in unseen
    ]
    if hidden and doomed:  # of a system that is gone as a whole nothing is hidden
        Display().warning(
            "could not be looked for, because something they need does not exist; "
            "if they exist, they stay (see orphans):\n" + "\n".join(hidden)
        )


def _refuse_what_cannot_be_read(inspection: Schedule, selected: Selection) -> None:
    # Behind a command that was not run a failure counts as unknown; of what would be deleted it stays one. So does one
    # that the task ignores: what failed to be found would stay.
    failed = {step.index for step in selected.removable if _has_failed(inspection.results.get(step))}
    failures = [
        record
        for record in inspection.records
        if record.status == records.FAILED
        or (record.status == records.UNKNOWN and record.order[0] in failed)
        or (record.status == records.IGNORED and per_module.can_be_absent(record.module))
    ]
    _refuse_failures(failures)


def _refuse_failures(failures: list[CallRecord]) -> None:
    if failures:
        details = "\n".join(f"  {record.title} ({record.location}): {record.msg}" for record in failures)
        raise AnsibleActionFail(f"nothing was deleted, because the existing resources could not be read:\n{details}")


def _has_failed(result: Result | None) -> bool:
    return bool(result and result.get("failed"))


def _refuse_what_cannot_be_known(inspection: Schedule, selected: Selection, renderer: Renderer) -> None:
    unknown = doubts.of_reading(selected.graph, renderer, inspection.records, selected.removable)
    if unknown:
        raise AnsibleActionFail(
            "nothing was deleted, because it cannot be known what these tasks have made; they need results that only "
            "an apply has:\n" + "\n".join(unknown) + "\nA task that only reads can say so by `check_mode: false`. What "
            "others return has to come from a variable, or is to be deleted by hand."
        )


def _protected(removable: set[Step], doomed: set[Step], renderer: Renderer) -> set[Step]:
    """The protected steps, those of which nothing is left among them: a destroy is run again with the same words.

    :raises AnsibleActionFail: where it cannot be told of what would be deleted.
    """
    found = {step for step in doomed if is_protected(step, renderer)}
    for step in removable - doomed:
        with contextlib.suppress(AnsibleActionFail):
            found |= {step} if is_protected(step, renderer) else set()
    return found


def _lost(inspection: Schedule, doomed: set[Step], looked: _Looked) -> list[CallRecord]:
    indexes = {step.index for step in doomed - looked.steps}
    seen = [record for record in inspection.records if record.order[0] in indexes and record.status != records.SKIPPED]
    return sorted([*seen, *looked.there], key=lambda record: record.order)


def _ask(host: str, lost: list[CallRecord], protected: set[Step], ordered: Order) -> None:
    """Say what would be lost, and go on only with the right words."""
    indexes = {step.index for step in protected}
    text = "\n".join(f"  {record.title}{'  [protected]' if record.order[0] in indexes else ''}" for record in lost)
    advice = confirmation.advice(host, protected, lost)
    problems = confirmation.of_protected(protected, lost, ordered.confirm_protected)
    if problems or ordered.confirm != host:
        reasons = [confirmation.of_system(host, ordered.confirm), *(problems if ordered.confirm else [])]
        raise AnsibleActionFail(
            f"this would delete {len(lost)} resources of {host} for good:\n{text or '  nothing'}\n"
            f"{' '.join(filter(None, ['Nothing was deleted.', *reasons]))} To go ahead, {advice}"
        )
    Display().display(f"Deleting {len(lost)} resources of {host}:\n{text}")
