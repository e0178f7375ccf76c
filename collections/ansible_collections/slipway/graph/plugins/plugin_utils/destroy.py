# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Destroy: the graph backwards, with the same tasks and ``state: absent``.

A first pass runs every module against the account without letting it write, which finds what exists and its ids.
Only what exists is deleted, and nothing before all that needs it is gone.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.loader import fragment_loader, module_loader
from ansible.utils.display import Display
from ansible.utils.plugin_docs import get_docstring

from ansible_collections.slipway.graph.plugins.plugin_utils import records
from ansible_collections.slipway.graph.plugins.plugin_utils.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.preparation import Preparation
from ansible_collections.slipway.graph.plugins.plugin_utils.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.scheduling import INSPECT, PLAN, Options, Schedule
from ansible_collections.slipway.graph.plugins.plugin_utils.warm import WarmProcesses


@dataclasses.dataclass(frozen=True)
class Deletion:
    """How a module's call differs when it deletes.

    ``add`` are options to add, ``from_result`` options to fill from what was found. ``identity`` are the only options
    that deleting needs: such a resource is deleted even when its other inputs do not exist (any more).
    """

    add: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    from_result: dict[str, str] = dataclasses.field(default_factory=dict)
    identity: tuple[str, ...] = ()


# Options without which `state: absent` deletes nothing, refuses, or leaves something behind.
EXCEPTIONS = {
    "amazon.aws.s3_bucket": Deletion(add={"force": True}),
    "amazon.aws.rds_instance": Deletion(add={"wait": True}),
    "amazon.aws.iam_role": Deletion(add={"delete_instance_profile": True}),
    "amazon.aws.secretsmanager_secret": Deletion(add={"recovery_window": 0}),
    "amazon.aws.ec2_vpc_nat_gateway": Deletion(
        add={"release_eip": True, "wait": True}, from_result={"nat_gateway_id": "nat_gateway_id"}
    ),
    "amazon.aws.elb_application_lb": Deletion(add={"wait": True}),
    "community.aws.secretsmanager_secret": Deletion(add={"recovery_window": 0}),
    "community.aws.ecs_ecr": Deletion(add={"force_absent": True}),
    "slipway.aws.ecs_service": Deletion(identity=("name", "cluster")),
    "slipway.aws.ecs_task_definition": Deletion(identity=("family",)),
}


def run(
    prepared: Preparation, processes: WarmProcesses, options: Options, confirm: str
) -> tuple[Graph, list[CallRecord]]:
    """Delete what the graph's tasks made; in a plan, say what that would be.

    :returns: the graph that was run, and a record per call.
    :raises AnsibleActionFail: without the confirmation, with the list of what would be lost.
    """
    inspection = Schedule(
        prepared.graph,
        prepared.renderer,
        processes,
        dataclasses.replace(options, mode=INSPECT, on_record=lambda *_: None),
    )
    inspection.run()
    _refuse_what_cannot_be_read(inspection)
    doomed = {step for step in prepared.graph.steps if _is_to_go(step, inspection.step_status(step))}
    if options.mode != PLAN:
        _ask(prepared, inspection, doomed, confirm)
    graph = backwards(prepared.graph, doomed)
    deletion = Schedule(
        graph,
        prepared.renderer,
        processes,
        dataclasses.replace(
            options,
            register=False,
            options_of=lambda step: _deletion(step).identity or None,
            arguments=lambda step, given: _arguments(step, given, inspection.results.get(step)),
        ),
    )
    return graph, deletion.run()


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


@functools.lru_cache
def can_be_absent(module: str) -> bool:
    """Whether a module knows ``state: absent``, by its documentation, fragments included."""
    found = module_loader.find_plugin_with_context(module)
    if not found.resolved:
        return False
    documentation = get_docstring(found.plugin_resolved_path, fragment_loader, is_module=True)[0] or {}
    state = (documentation.get("options") or {}).get("state") or {}
    return "absent" in (state.get("choices") or [])


def _deletion(step: Step) -> Deletion:
    return EXCEPTIONS.get(step.module, Deletion())


def _is_to_go(step: Step, status: str) -> bool:
    if not can_be_absent(step.module):
        return False
    found = (records.OK, records.CHANGED)
    # What is known by its identity alone may exist although its other inputs do not, or differ.
    return status in (*found, records.PLANNED, records.UNKNOWN) if _deletion(step).identity else status in found


def _arguments(step: Step, given: dict[str, t.Any], result: dict[str, t.Any] | None) -> dict[str, t.Any]:
    deletion = _deletion(step)
    found = {option: value for option, key in deletion.from_result.items() if (value := _found(given, result, key))}
    return {**given, **deletion.add, **found, "state": "absent"}


def _found(given: dict[str, t.Any], result: dict[str, t.Any] | None, key: str) -> t.Any:
    """A value from what the read pass found, of the loop item that has the same arguments."""
    for item in (result or {}).get("results", [result or {}]):
        asked = (item.get("invocation") or {}).get("module_args") or {}
        if item.get(key) and all(str(asked.get(name)) == str(value) for name, value in given.items() if name in asked
                                 and isinstance(value, (str, int))):  # fmt: skip
            return item[key]
    return None


def _refuse_what_cannot_be_read(inspection: Schedule) -> None:
    failures = [record for record in inspection.records if record.status == records.FAILED]
    if failures:
        details = "\n".join(f"  {record.title} ({record.location}): {record.msg}" for record in failures)
        raise AnsibleActionFail(f"nothing was deleted, because what exists could not be read:\n{details}")


def _ask(prepared: Preparation, inspection: Schedule, doomed: set[Step], confirm: str) -> None:
    indexes = {step.index for step in doomed}
    lost = [record for record in inspection.records if record.order[0] in indexes and record.status != records.SKIPPED]
    listed = sorted(lost, key=lambda record: record.order)
    protected = {step.index for step in doomed if _is_protected(step, prepared)}
    text = "\n".join(f"  {record.title}{'  [protected]' if record.order[0] in protected else ''}" for record in listed)
    name = prepared.host.name
    if confirm != name:
        raise AnsibleActionFail(
            f"this would delete {len(listed)} resources of {name} for good:\n{text or '  nothing'}\n"
            f"Nothing was deleted. To go on, say which system in which environment: -e confirm={name}"
        )
    Display().display(f"Deleting {len(listed)} resources of {name}:\n{text}")


def _is_protected(step: Step, prepared: Preparation) -> bool:
    return bool(prepared.renderer.field(step.protect, prepared.renderer.variables(step)))
