# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One task of a role as a step of the graph."""

from __future__ import annotations

import collections
import collections.abc as c
import dataclasses
import typing as t

from ansible.errors import AnsibleParserError
from ansible.plugins.loader import action_loader, module_loader

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Block, Task
from ansible_collections.slipway.graph.plugins.plugin_utils.read import modules


@dataclasses.dataclass(eq=False)
class Step:
    """One task as written, with what the engine needs to know of it before anything is rendered."""

    index: int
    task: Task
    role: str
    name: str
    location: str
    module: str
    path: str
    has_action_plugin: bool
    registers: tuple[str, ...]
    after: tuple[str, ...]
    # Whether its ``vars`` have an ``after``, be it empty: then it says itself what it follows.
    says_its_order: bool = False
    # Whether a step before it may change what it sees of this machine.
    follows_changes: bool = False
    protect: t.Any = False
    # How many steps stand before it that have the same name in the same role: a file can be included twice.
    occurrence: int = 0
    # The name of its result alone; `registers` has the facts that it sets, too.
    register: str | None = None
    # What ``include_vars`` has read before it.
    included: c.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    # The includes that it stands in, as far as only a run can tell whether they are followed.
    gates: tuple[Step, ...] = ()
    # The tasks of the blocks in whose ``always`` it stands: it runs whatever becomes of them.
    cleans_up: tuple[tuple[Step, ...], ...] = ()
    # It calls nothing: it decides, once, whether the steps behind it run.
    is_gate: bool = False
    # A gate of a role that has been listed before: it opens if none of these, the role's tasks there, has run.
    instead_of: tuple[Step, ...] = ()
    # An assertion that holds whatever the results are that it names: it has been decided before anything runs.
    is_decided: bool = False
    # Whether it runs without tags on the command line, and whether it does with those that are there.
    is_ordinary: bool = True
    is_selected: bool = True

    def __hash__(self) -> int:
        return self.index

    @property
    def key(self) -> str:
        """What finds the step again in another run: nothing that moves when a line is added above it."""
        # A bracket begins the item of a call's key.
        number = f"#{self.occurrence + 1}" if self.occurrence else ""
        return f"{self.role}/{self.name.replace('[', '(')}{number}"


def step_of(index: int, task: Task) -> Step:
    """A task as a step.

    :raises AnsibleParserError: where there is no such module.
    """
    context = action_loader.get_with_context(task.action, collection_list=task.collections, class_only=True)
    found = context.plugin_load_context
    has_action_plugin = found.resolved and not modules.has_known_plugin(found.resolved_fqcn)
    if not has_action_plugin:
        found = module_loader.find_plugin_with_context(task.action, collection_list=task.collections)
        if not found.resolved:
            raise AnsibleParserError(f"{location_of(task)}: unknown module {task.action!r}", obj=task.get_ds())
    path = str(found.plugin_resolved_path or "")
    module = found.resolved_fqcn
    task_vars = task.get_vars()
    register = ansible_doors.register_of(task)
    return Step(
        index=index,
        task=task,
        role=_role_name(task),
        name=str(task.name or module),
        location=location_of(task),
        module=module,
        path=path,
        # A program is run as a play runs it: by the action plugin `normal`.
        has_action_plugin=has_action_plugin or modules.is_program(path),
        register=register,
        registers=_registered_names(task, module, register),
        after=_after(task, task_vars),
        says_its_order="after" in task_vars,
        protect=task_vars.get("protect", False),
    )


def gate_of(index: int, task: Task) -> Step:
    """An include, which calls nothing, as a step."""
    return Step(
        index=index,
        task=task,
        role=_role_name(task),
        name=str(task.name or task.action),
        location=location_of(task),
        module="ansible.builtin." + str(task.action).rpartition(".")[2],
        path="",
        has_action_plugin=False,
        registers=(),
        after=(),
        is_gate=True,
    )


def _role_name(task: Task) -> str:
    role = ansible_doors.role_of(task)
    return role.get_name() if role else ""


def _after(task: Task, task_vars: dict[str, t.Any]) -> tuple[str, ...]:
    names = task_vars.get("after") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise AnsibleParserError(
            f"{location_of(task)}: `after` in `vars` must be a list of names that tasks register, not {names!r}",
            obj=task.get_ds(),
        )
    return tuple(names)


def _registered_names(task: Task, module: str, register: str | None) -> tuple[str, ...]:
    names = [register] if register else []
    if module in {"ansible.builtin.set_fact", "ansible.legacy.set_fact"}:
        names += [name for name in task.args if name != "cacheable" and not name.startswith("_")]
        names += [str(task.args["_variable_params"])] if "_variable_params" in task.args else []
    return tuple(names)


def tell_apart(steps: list[Step]) -> None:
    """Give each step a key of its own, whatever the tasks are called."""
    seen: collections.Counter[str] = collections.Counter()
    used: set[str] = set()
    for step in steps:
        plain = step.key
        step.occurrence = seen[plain]
        while step.key in used:  # somebody has called a task as another's second occurrence
            step.occurrence += 1
        seen[plain] = step.occurrence + 1
        used.add(step.key)


def location_of(item: Block | Task) -> str:
    """Where a task stands: path:line."""
    return str(item.get_path() or "").strip() or "unknown"
