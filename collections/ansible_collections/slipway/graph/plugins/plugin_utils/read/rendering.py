# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A step's variables with Ansible's precedence, and its fields rendered from them with Ansible's own engine."""

from __future__ import annotations

import collections
import collections.abc as c
import json
import typing as t
from pathlib import Path

from ansible import constants as C  # noqa: N812 - the name that Ansible's own code uses
from ansible._internal._templating._engine import TemplateEngine
from ansible._internal._templating._jinja_bits import _flatten_and_lazify_vars
from ansible.errors import AnsibleError
from ansible.executor.module_common import _get_action_arg_defaults
from ansible.inventory.host import Host
from ansible.module_utils.ansible_release import __version__ as ansible_version
from ansible.module_utils.common.json import Direction, get_module_encoder
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.role import Role
from ansible.playbook.task import Task
from ansible.template import Templar

from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.mentions import KnownValues
from ansible_collections.slipway.graph.plugins.plugin_utils.read.needs import (
    ANYTHING,
    FILE,
    Reach,
    expression_names,
    value_names,
)

Variables = c.MutableMapping[str, t.Any]
_ENCODER = get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)


class KeepingEngine(TemplateEngine):
    """Ansible's engine, which compiles a template each time it meets it; this one keeps what it has compiled."""

    _kept_environment: t.ClassVar[t.Any] = None
    _kept: t.ClassVar[dict[t.Any, t.Any]] = {}
    _layers: tuple[t.Any, t.Any] | None = None

    @property
    def environment(self) -> t.Any:
        """One environment for all engines of a run: they differ in their variables only."""
        if KeepingEngine._kept_environment is None:
            KeepingEngine._kept_environment = super().environment
            # Looking for what could be computed beforehand takes longer than computing it.
            KeepingEngine._kept_environment.optimized = False
        return KeepingEngine._kept_environment

    def __deepcopy__(self, _memo: t.Any) -> KeepingEngine:
        """The engine itself: a lookup copies the variables, which hold it, with all that they reach."""
        return self

    def _compile_template(self, template: str, options: t.Any) -> t.Any:
        key = (str(template), options.escape_backslashes, options.overrides)
        if key not in self._kept:
            self._kept[key] = super()._compile_template(template, options)
        compiled = self._kept[key]
        return lambda variables: compiled(self._rendered_once(variables))

    def _rendered_once(self, variables: t.Any) -> t.Any:
        """Variables that keep what they were rendered to: Ansible renders them again for each template of a value."""
        if self._layers is None or self._layers[0] is not variables:
            self._layers = variables, collections.ChainMap(*_flatten_and_lazify_vars(variables))
        return self._layers[1]

    def _compile_expression(self, expression: str, options: t.Any) -> t.Any:
        key = (str(expression), options.escape_backslashes, None)
        if key not in self._kept:
            self._kept[key] = super()._compile_expression(expression, options)
        return self._kept[key]


class Renderer:
    """Renders the steps of one play on one host; holds the registered results."""

    def __init__(self, play: Play, host: Host, diff: bool, verbosity: int) -> None:
        self.registered: dict[str, t.Any] = {}
        self._play = play
        self._host = host
        self._diff = diff
        self._verbosity = verbosity
        self._manager = play._variable_manager
        self._loader = play._loader
        self._base: dict[int, dict[str, t.Any]] = {}
        self._reaches: dict[t.Any, Reach] = {}
        self._known_templars: dict[int, Templar] = {}
        self._readers_of_vars: dict[Step, bool] = {}

    def variables(self, step: Step, overlay: dict[str, t.Any] | None = None) -> Variables:
        """What a step sees, nearest first: loop variables, ``-e``, role parameters, results, its own and its role's."""
        task = step.task
        parameters = task._role.get_role_params(task.get_dep_chain()) if task._role else {}
        seen = collections.ChainMap(
            dict(overlay or {}),
            self._manager.extra_vars,
            parameters,
            self.registered,
            task.get_vars(),
            self.role_variables(task._role),
        )
        return seen.new_child({"vars": dict(seen)}) if self._reads_vars(step) else seen

    def _reads_vars(self, step: Step) -> bool:
        """Whether a step looks variables up in ``vars``, which Ansible fills before there are results."""
        if step not in self._readers_of_vars:
            found = self._reach(step.task, frozenset({"vars"})).of(_field_names(step.task))
            self._readers_of_vars[step] = bool(found)
        return self._readers_of_vars[step]

    def register(self, facts: c.Mapping[str, t.Any]) -> None:
        """Keep results by the names that tasks register, also for who looks them up in ``hostvars``."""
        self.registered.update(facts)
        self._manager.set_nonpersistent_facts(self._host.name, dict(facts))

    def role_variables(self, role: Role | None) -> dict[str, t.Any]:
        """The variables below a task's own, as Ansible merges them for a task of this role.

        One role may stand in a play more than once, each time with other variables.
        """
        if id(role) not in self._base:
            block = Block(play=self._play, role=role)
            block._loader, block._variable_manager = self._loader, self._manager
            probe = Task(block=block, role=role)
            self._base[id(role)] = self._manager.get_vars(play=self._play, host=self._host, task=probe)
        return self._base[id(role)]

    def reached(self, step: Step, targets: c.Set[str]) -> set[str]:
        """The registered names (of ``targets``) that a step's fields reach."""
        found = self._reach(step.task, targets).of(_field_names(step.task))
        return found - set(step.registers) | self._own_names_read(step, targets)

    def value_reaches(self, step: Step, value: t.Any, targets: c.Set[str]) -> set[str]:
        """The registered names (of ``targets``) that one value of a step reaches."""
        return self.task_reaches(step.task, value, targets)

    def task_reaches(self, task: Task, value: t.Any, targets: c.Set[str]) -> set[str]:
        """The registered names (of ``targets``) that one value of a task reaches."""
        names = value_names(value)
        return self._reach(task, targets).of(names) if names else set()

    def _reach(self, task: Task, targets: c.Set[str]) -> Reach:
        """What finds names through a task's variables: one for all tasks of a role that have none of their own."""
        own = {name: value for name, value in task.get_vars().items() if name != "after"}
        key = (id(task) if own else None, id(task._role), frozenset(targets))
        if key not in self._reaches:
            extra = self._manager.extra_vars
            scope = collections.ChainMap(extra, own, self.role_variables(task._role))
            # ``-e`` with a registered name takes the result's place.
            self._reaches[key] = Reach(scope, targets - set(extra), self._reader_of_templates(task))
        return self._reaches[key]

    def _reader_of_templates(self, task: Task) -> c.Callable[[str], str | None]:
        """What finds the text of a template file where the task would."""

        def read(file: str) -> str | None:
            try:
                path = self._loader.path_dwim_relative_stack(task.get_search_path(), "templates", file)
                return Path(path).read_text(encoding="utf-8")
            except (AnsibleError, OSError, UnicodeDecodeError):
                return None

        return read

    def known_items(self, step: Step, targets: c.Set[str]) -> list[dict[str, t.Any]] | None:
        """The loop variables of each round, ``[{}]`` without a loop; ``None`` where only results tell."""
        if step.task.loop is None:
            return [{}]
        try:
            items = None if self.value_reaches(step, step.task.loop, targets) else self.loop_items(step)
        except AnsibleError:
            return None
        return None if items is None else [self.loop_variables(step, items, place) for place in range(len(items))]

    def known_values(self, step: Step, overlay: dict[str, t.Any], targets: c.Set[str]) -> KnownValues:
        """What renders a value as a step sees it before anything has run, or tells the names that it reaches."""
        reach = self._reach(step.task, targets)
        templar: list[Templar] = []

        def known(value: t.Any) -> tuple[t.Any, frozenset[str]]:
            names = value_names(value)
            reached = frozenset(reach.of(names)) if names else frozenset()
            if reached or not names:
                return (None if reached else value), reached
            if not templar:
                templar.append(self._known_templar(step, overlay))
            return templar[0].template(value), reached

        return known

    def _known_templar(self, step: Step, overlay: dict[str, t.Any]) -> Templar:
        """One for all steps of a role that see the same: it keeps what it has rendered."""
        role = step.task._role
        if overlay or step.task.get_vars():
            return self.templar(self.variables(step, overlay))
        if id(role) not in self._known_templars:
            self._known_templars[id(role)] = self.templar(self.variables(step))
        return self._known_templars[id(role)]

    def static(self, task: Task, value: t.Any, overlay: dict[str, t.Any] | None = None) -> t.Any:
        """A value as a task sees it before anything has run."""
        parameters = task._role.get_role_params(task.get_dep_chain()) if task._role else {}
        scope = collections.ChainMap(
            dict(overlay or {}), self._manager.extra_vars, parameters, task.get_vars(), self.role_variables(task._role)
        )
        return self.templar(scope).template(value)

    def _own_names_read(self, step: Step, targets: c.Set[str]) -> set[str]:
        """A step that reads what it registers itself (a counter by set_fact) needs the one before it."""
        names = value_names([step.task.args, step.task.loop]) | {
            name for condition in step.task.when if isinstance(condition, str) for name in expression_names(condition)
        }
        return names & set(step.registers) & targets

    def templar(self, variables: Variables) -> Templar:
        """Ansible's template engine over some variables."""
        return t.cast(Templar, Templar._from_template_engine(KeepingEngine(self._loader, variables)))

    def loop_items(self, step: Step) -> list[t.Any] | None:
        """The items of a step's loop; ``None`` without a loop."""
        if step.task.loop is None:
            return None
        items = self.templar(self.variables(step)).template(step.task.loop)
        if not isinstance(items, list):
            raise AnsibleError(f"`loop` must be a list, not {type(items).__name__}: {items!r}")
        return items

    def loop_variables(self, step: Step, items: list[t.Any], position: int) -> dict[str, t.Any]:
        """What ``loop_control`` puts beside the item."""
        control = step.task.loop_control
        overlay = {control.loop_var: items[position], "ansible_loop_var": control.loop_var}
        if control.index_var:
            overlay |= {control.index_var: position, "ansible_index_var": control.index_var}
        if control.extended:
            overlay["ansible_loop"] = {
                "index": position + 1,
                "index0": position,
                "first": position == 0,
                "last": position + 1 == len(items),
                "length": len(items),
                "revindex": len(items) - position,
                "revindex0": len(items) - position - 1,
            } | ({"allitems": items} if control.extended_allitems else {})
        return overlay

    def label(self, step: Step, variables: Variables, item: t.Any) -> str:
        """How an item is called in the output."""
        template = step.task.loop_control.label
        value = self.templar(variables).template(template) if template else item
        return value if isinstance(value, str) else json.dumps(value, default=str)

    def false_condition(self, step: Step, variables: Variables) -> t.Any:
        """The first condition of ``when`` that does not hold; ``None`` if all do."""
        return self._first_false(step.task.when, variables)

    def holds(self, conditions: t.Any, variables: Variables) -> bool:
        """Whether all conditions hold; there may be one or a list of them."""
        return self._first_false(conditions, variables) is None

    def _first_false(self, conditions: t.Any, variables: Variables) -> t.Any:
        templar = self.templar(variables)
        for condition in _listed(conditions):
            if not templar.evaluate_conditional(condition):
                return condition
        return None

    def field(self, value: t.Any, variables: Variables) -> t.Any:
        """One keyword's value."""
        return self.templar(variables).template(value)

    def environment(self, step: Step, variables: Variables) -> dict[str, str]:
        """The environment variables of a step, its play's included."""
        templar = self.templar(variables)
        rendered = step.task._post_validate_environment("environment", step.task.environment, templar._engine)
        return {str(name): str(value) for name, value in rendered.items()}

    def arguments(self, step: Step, variables: Variables, only: t.Container[str] | None = None) -> dict[str, t.Any]:
        """The module's arguments, ``module_defaults`` beneath them; with ``only``, of its own no others than these."""
        templar = self.templar(variables)
        defaults = _get_action_arg_defaults(step.module, step.task, templar._engine)
        given = {name: value for name, value in step.task.args.items() if not name.startswith("_")}
        spread = step.task.args.get("_variable_params")
        if spread:
            given = {**templar.template(spread), **given}
        if only is not None:
            given = {name: value for name, value in given.items() if name in only}
        return t.cast("dict[str, t.Any]", templar.template({**defaults, **given}))

    def outputs(self, value: t.Any) -> t.Any:
        """Something rendered after the run, when every result exists."""
        variables = collections.ChainMap(self._manager.extra_vars, self.registered, self.role_variables(None))
        return self.templar(variables).template(value)

    def serialise_for(self, module: str, arguments: dict[str, t.Any]) -> bytes:
        """Arguments for a module that no step names."""
        return self._serialise(module, arguments, check_mode=False, no_log=False)

    def serialise(self, step: Step, arguments: dict[str, t.Any], check_mode: bool, no_log: bool) -> bytes:
        """Arguments as Ansible hands them to a module, its internal ones among them."""
        return self._serialise(step.module, arguments, check_mode, no_log)

    def _serialise(self, module: str, arguments: dict[str, t.Any], check_mode: bool, no_log: bool) -> bytes:
        internal = {
            "_ansible_check_mode": check_mode,
            "_ansible_no_log": no_log,
            "_ansible_debug": False,
            "_ansible_diff": self._diff,
            "_ansible_verbosity": self._verbosity,
            "_ansible_version": ansible_version,
            "_ansible_module_name": module,
            "_ansible_syslog_facility": C.DEFAULT_SYSLOG_FACILITY,
            "_ansible_selinux_special_fs": C.DEFAULT_SELINUX_SPECIAL_FS,
            "_ansible_socket": None,
            "_ansible_shell_executable": "/bin/sh",
            "_ansible_keep_remote_files": False,
            "_ansible_tmpdir": None,
            "_ansible_remote_tmp": "~/.ansible/tmp",
            "_ansible_ignore_unknown_opts": False,
            "_ansible_target_log_info": None,
            "_ansible_tracebacks_for": [],
        }
        return json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **internal}}, cls=_ENCODER).encode()


# Arguments that are expressions without braces, by the action that takes them so.
_EXPRESSIONS = {"assert": "that", "debug": "var"}


def _field_names(task: Task) -> set[str]:
    fields = [
        task.args, task.loop, task.environment, task.retries, task.delay, task.check_mode, task.no_log,
        task.module_defaults, task.loop_control.label if task.loop_control else None,
    ]  # fmt: skip
    names = value_names(fields)
    if task.action.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.") == "template":
        source = task.args.get("src")
        names.add(ANYTHING if value_names(source) or not isinstance(source, str) else FILE + source)
    bare = task.args.get(_EXPRESSIONS.get(task.action.removeprefix("ansible.builtin."), ""))
    for conditions in (task.when, task.until, task.changed_when, task.failed_when, bare):
        for condition in _listed(conditions):
            if isinstance(condition, str):
                names |= set(expression_names(condition))
    return names


def _listed(conditions: t.Any) -> list[t.Any]:
    """Conditions as a list: Ansible itself makes one of a single condition only when it runs the task."""
    if conditions is None:
        return []
    return list(conditions) if isinstance(conditions, list) else [conditions]
