# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Roles and task files, read with Ansible's own loader into a flat list of steps in reading order."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ansible.errors import AnsibleParserError
from ansible.plugins.loader import action_loader, module_loader

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Block, Play, Role, Task, TaskInclude
from ansible_collections.slipway.graph.plugins.plugin_utils.read import includes, modules

# Everything a task may say. Ansible has more keywords; each of the others either has no meaning for tasks that
# run as a graph on one host (delegate_to, run_once, async) or has none yet.
TASK_KEYWORDS = frozenset({
    "name", "action", "args", "loop", "loop_control", "when", "register", "vars", "environment", "check_mode",
    "no_log", "changed_when", "failed_when", "retries", "until", "delay", "tags", "module_defaults", "collections",
})  # fmt: skip
BLOCK_KEYWORDS = frozenset({"name", "block", "when", "vars", "tags", "module_defaults", "environment", "collections"})


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
    protect: t.Any = False
    # How many steps stand before it that have the same name in the same role: a file can be included twice.
    occurrence: int = 0
    # The name of its result alone; `registers` has the facts that it sets, too.
    register: str | None = None

    def __hash__(self) -> int:
        return self.index

    @property
    def key(self) -> str:
        """What finds the step again in another run: nothing that moves when a line is added above it."""
        # A bracket begins the item of a call's key.
        number = f"#{self.occurrence + 1}" if self.occurrence else ""
        return f"{self.role}/{self.name.replace('[', '(')}{number}"


def load_steps(play: Play, templates: includes.Templates, task_files: t.Sequence[str] = ()) -> list[Step]:
    """All tasks of the play's roles, then of the task files, includes followed, in reading order."""
    blocks: list[Block] = []
    for role in play.roles:
        blocks += role.compile(play)
    for path in task_files:
        blocks += ansible_doors.load_task_file(play, path)
    followed: list[includes.Followed] = []
    steps = [_step(index, task) for index, task in enumerate(_flatten(blocks, play, templates, followed))]
    registered = {name for step in steps for name in step.registers}
    for each in followed:
        each.refuse_results(templates, registered)
    _tell_apart(steps)
    return steps


def _tell_apart(steps: list[Step]) -> None:
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


def all_roles(play: Play) -> list[Role]:
    """The play's roles and what they depend on, each once, dependencies first."""
    found: list[Role] = []
    for role in play.roles:
        for candidate in [*role.get_all_dependencies(), role]:
            if candidate not in found:
                found.append(candidate)
    return found


def _flatten(
    blocks: t.Iterable[Block | Task], play: Play, templates: includes.Templates, followed: list[includes.Followed]
) -> list[Task]:
    tasks: list[Task] = []
    for item in blocks:
        if isinstance(item, Block):
            _check_block(item)
            tasks += _flatten(item.block, play, templates, followed)
        elif isinstance(item, TaskInclude) and item.action in includes.NAMES:
            inside, include = includes.follow(item, play, templates)
            followed.append(include)
            tasks += _flatten(inside, play, templates, followed)
        elif not _is_bookkeeping(item):
            _check_keywords(item, item.get_ds() or {}, TASK_KEYWORDS)
            tasks.append(item)
    return tasks


def _is_bookkeeping(task: Task) -> bool:
    """What Ansible itself adds to a role: the mark of its end, and the validation that :mod:`validation` does."""
    return bool(task.implicit) or "validate_args_context" in task.args


def _check_block(block: Block) -> None:
    for section in ("rescue", "always"):
        if getattr(block, section):
            raise AnsibleParserError(
                f"`{section}` has no meaning in a graph: tasks that do not need a failed task run anyway",
                obj=getattr(block, section)[0].get_ds(),
            )
    data = block.get_ds()
    if isinstance(data, dict) and "block" in data:
        _check_keywords(block, data, BLOCK_KEYWORDS)


def _check_keywords(item: Block | Task, data: dict[str, t.Any], allowed: frozenset[str]) -> None:
    known = {name for name in item.fattributes if name not in allowed} | {"local_action"}
    for key in data:
        if key in known or str(key).startswith("with_"):
            raise AnsibleParserError(
                f"{location_of(item)}: the keyword `{key}` is not supported here; allowed: "
                f"{', '.join(sorted(allowed - {'action', 'args', 'collections'}))}",
                obj=data,
            )


def _step(index: int, task: Task) -> Step:
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
    role = ansible_doors.role_of(task)
    register = ansible_doors.register_of(task)
    return Step(
        index=index,
        task=task,
        role=role.get_name() if role else "",
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


def location_of(item: Block | Task) -> str:
    """Where a task stands: path:line."""
    return str(item.get_path() or "").strip() or "unknown"
