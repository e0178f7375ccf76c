# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A step's variables with Ansible's precedence, and its fields rendered from them with Ansible's own engine."""

from __future__ import annotations

import collections
import collections.abc as c
import contextlib
import json
import re
import typing as t

from ansible.errors import AnsibleError
from ansible.inventory.host import Host
from ansible.module_utils.common.json import Direction, get_module_encoder

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Play, Task, Templar
from ansible_collections.slipway.graph.plugins.plugin_utils.read import connection
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.mentions import KnownValues
from ansible_collections.slipway.graph.plugins.plugin_utils.read.needs import (
    ANYTHING,
    FILE,
    FILES,
    WORLD,
    Reach,
    expression_names,
    looked_at_by,
    value_names,
)

Variables = c.MutableMapping[str, t.Any]
_ENCODER = get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)


# A template that is nothing but a variable.
_ONE_VARIABLE = re.compile(r"\s*{{\s*(\w+)\s*}}\s*")
# Deeper than this a variable holds itself.
_DEEPEST = 20


class _Scope(t.NamedTuple):
    """What a task's place gives it: where it finds files, what beats results, and what results beat."""

    # Kept, so that its id is not given to another.
    task: Task
    paths: dict[str, t.Any]
    parameters: dict[str, t.Any]
    own: dict[str, t.Any]


class Renderer:
    """Renders the steps of one play on one host; holds the registered results."""

    def __init__(self, play: Play, host: Host, diff: bool, verbosity: int) -> None:
        self.registered: dict[str, t.Any] = {}
        # What ``include_vars`` has read, at the end of all roles; a step knows what it had read at its place.
        self.included: c.Mapping[str, t.Any] = ansible_doors.included_before(play, host)
        self._facts_before = ansible_doors.facts_before(play, host)
        self._play = play
        self._host = host
        self._diff = diff
        self._verbosity = verbosity
        # A copy: what is converted here stays as it is for Ansible itself.
        self._extra_variables = dict(ansible_doors.extra_variables(play))
        self._converted: dict[int | None, dict[str, tuple[t.Any, t.Any]]] = {}
        self._look_at: ansible_doors.LookAt | None = None
        self._base: dict[int, dict[str, t.Any]] = {}
        self._scopes: dict[int, _Scope] = {}
        self._reaches: dict[t.Any, Reach] = {}
        self._known_templars: dict[t.Any, Templar] = {}
        self._static_items: dict[t.Any, list[t.Any] | None] = {}
        self._readers_of_vars: dict[Step, bool] = {}
        self._names: dict[Step, set[str]] = {}

    def reading_ended(self, included: c.Mapping[str, t.Any]) -> None:
        """All roles have been read: from now on every task sees what they export."""
        self.included = included
        self._forget()

    def _forget(self) -> None:
        self._base.clear()
        self._scopes.clear()
        self._reaches.clear()
        self._known_templars.clear()
        self._static_items.clear()

    def convert(self, step: Step, name: str, value: t.Any, converted: t.Any) -> None:
        """From now on have a variable seen as its role's specification has it, wherever it holds this value.

        A literal is seen so by all roles; what a template was rendered to, by the role of the step alone.
        """
        if name in self._extra_variables:
            self._extra_variables[name] = converted
        else:
            role = None if not value_names(value) else id(ansible_doors.role_of(step.task))
            self._converted.setdefault(role, {})[name] = (value, converted)
        self._forget()

    def _as_converted(self, variables: dict[str, t.Any], role: object) -> dict[str, t.Any]:
        known = {**self._converted.get(None, {}), **self._converted.get(id(role), {})}
        found = {
            name: converted
            for name, (value, converted) in known.items()
            if name in variables and type(variables[name]) is type(value) and variables[name] == value
        }
        return {**variables, **found} if found else variables

    @contextlib.contextmanager
    def foreseeing(self, results: c.Mapping[str, t.Any], look_at: ansible_doors.LookAt) -> c.Iterator[None]:
        """Render with something that stands for results; ``look_at`` is asked before each test of a template."""
        before = dict(self.registered)
        self.registered.update(results)
        self._look_at = look_at
        try:
            yield
        finally:
            self._look_at = None
            self.registered.clear()
            self.registered.update(before)

    def variables(self, step: Step, overlay: dict[str, t.Any] | None = None) -> Variables:
        """What a step sees, nearest first: loop variables, ``-e``, parameters of includes and of its role, results,
        what ``include_vars`` has read, its own variables and its role's.
        """
        scope = self._scope(step.task)
        seen = collections.ChainMap(
            dict(overlay or {}),
            scope.paths,
            self._extra_variables,
            scope.parameters,
            self.registered,
            self._facts_before,
            t.cast("dict[str, t.Any]", step.included),
            scope.own,
            self._role_variables(step.task),
        )
        return seen.new_child({"vars": dict(seen)}) if self._reads_vars(step) else seen

    def _scope(self, task: Task) -> _Scope:
        if id(task) not in self._scopes:
            paths = {"ansible_search_path": ansible_doors.search_path(task, self._play)}
            parameters = self._as_converted(ansible_doors.parameters_of(task), ansible_doors.role_of(task))
            self._scopes[id(task)] = _Scope(task, paths, parameters, task.get_vars())
        return self._scopes[id(task)]

    def _reads_vars(self, step: Step) -> bool:
        """Whether a step looks variables up in ``vars``, which Ansible fills before there are results."""
        if step not in self._readers_of_vars:
            found = self._reach(step, frozenset({"vars"})).of(self._names_of(step))
            self._readers_of_vars[step] = bool(found)
        return self._readers_of_vars[step]

    def register(self, facts: c.Mapping[str, t.Any]) -> None:
        """Keep results by the names that tasks register, also for who looks them up in ``hostvars``."""
        self.registered.update(facts)
        ansible_doors.keep_facts(self._play, self._host, facts)

    def register_result(self, name: str, result: dict[str, t.Any]) -> None:
        """Keep a task's result by the name that it registers."""
        self.register({name: ansible_doors.as_registered(result, self._variables_of_play())})

    def _role_variables(self, task: Task) -> dict[str, t.Any]:
        """The variables below a task's own, as Ansible merges them for a task of its role.

        One role may stand in a play more than once, each time with other variables.
        """
        key = id(ansible_doors.role_of(task))
        if key not in self._base:
            found = ansible_doors.variables_of_role(self._play, self._host, task)
            self._base[key] = self._as_converted(found, ansible_doors.role_of(task))
        return self._base[key]

    def _variables_of_play(self) -> dict[str, t.Any]:
        if 0 not in self._base:
            self._base[0] = self._as_converted(ansible_doors.variables_of_play(self._play, self._host), None)
        return self._base[0]

    def reached(self, step: Step, targets: c.Set[str]) -> set[str]:
        """The registered names (of ``targets``) that a step's fields reach."""
        found = self._reach(step, targets).of(self._names_of(step))
        return found - set(step.registers) | self._own_names_read(step, targets)

    def _names_of(self, step: Step) -> set[str]:
        """The names that a step's fields refer to."""
        if step not in self._names:
            self._names[step] = _field_names(step.task)
        return self._names[step]

    def value_reaches(self, step: Step, value: t.Any, targets: c.Set[str]) -> set[str]:
        """The registered names (of ``targets``) that one value of a step reaches."""
        names = value_names(value)
        return self._reach(step, targets).of(names) if names else set()

    def looks_outside(self, step: Step) -> bool:
        """Whether a step looks at more than variables: at files, or at anything that a task may change."""
        outside = frozenset({FILES, WORLD})
        return bool(self._reach(step, outside).of(self._names_of(step)) & outside)

    def value_looks_outside(self, step: Step, value: t.Any) -> bool:
        """Whether one value of a step comes from files, or from anything else that a task may change."""
        return bool(self.value_reaches(step, value, frozenset({FILES, WORLD})) & {FILES, WORLD})

    def loop_looks_outside(self, step: Step) -> bool:
        """Whether the items of a loop come from files, or from anything else that a task may change."""
        outside = frozenset({FILES, WORLD})
        looked_at = looked_at_by(step.task.loop_with) if step.task.loop_with else set()
        return bool((looked_at | self.value_reaches(step, step.task.loop, outside)) & outside)

    def _reach(self, step: Step, targets: c.Set[str]) -> Reach:
        """What finds names through a task's variables: one for all tasks of a role that have none of their own."""
        scope = self._scope(step.task)
        own = {name: value for name, value in scope.own.items() if name != "after"}
        has_own = bool(own or scope.parameters)
        key = (
            id(step.task) if has_own else None,
            id(ansible_doors.role_of(step.task)),
            id(step.included),
            frozenset(targets),
        )
        if key not in self._reaches:
            # These take the place of a result of their name.
            above = collections.ChainMap(self._extra_variables, scope.parameters)
            below = (t.cast("dict[str, t.Any]", step.included), own, self._role_variables(step.task))
            self._reaches[key] = Reach(
                collections.ChainMap(*above.maps, *below), targets - set(above), self._reader_of_templates(step.task)
            )
        return self._reaches[key]

    def _reader_of_templates(self, task: Task) -> c.Callable[[str], str | None]:
        """What finds the text of a template file where the task would."""

        def read(file: str) -> str | None:
            try:
                return ansible_doors.path_of_template(self._play, task, file).read_text(encoding="utf-8")
            except (AnsibleError, OSError, UnicodeDecodeError):
                return None

        return read

    def known_items(self, step: Step, targets: c.Set[str]) -> list[dict[str, t.Any]] | None:
        """The loop variables of each round, ``[{}]`` without a loop; ``None`` where only results tell."""
        if step.task.loop is None:
            return [{}]
        try:
            items = self.static_items(step, targets)
        except AnsibleError:
            return None
        return None if items is None else [self.loop_variables(step, items, place) for place in range(len(items))]

    def static_items(self, step: Step, targets: c.Set[str]) -> list[t.Any] | None:
        """The items of a loop as far as they are known before anything runs; ``None`` where only results tell.

        :raises AnsibleError: for a loop that cannot be rendered.
        """
        if step not in self._static_items:
            is_static = not self.value_reaches(step, step.task.loop, targets)
            self._static_items[step] = self.loop_items(step) if is_static else None
        return self._static_items[step]

    def known_values(self, step: Step, overlay: dict[str, t.Any], targets: c.Set[str]) -> KnownValues:
        """What renders a value as a step sees it before anything has run, or tells the names that it reaches."""
        reach = self._reach(step, targets)
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
        scope = self._scope(step.task)
        if overlay or scope.own or scope.parameters:
            return self.templar(self.variables(step, overlay))
        key = (id(ansible_doors.role_of(step.task)), id(step.included), *scope.paths["ansible_search_path"])
        if key not in self._known_templars:
            self._known_templars[key] = self.templar(self.variables(step))
        return self._known_templars[key]

    def _own_names_read(self, step: Step, targets: c.Set[str]) -> set[str]:
        """A step that reads what it registers itself (a counter by set_fact) needs the one before it."""
        names = value_names([step.task.args, step.task.loop]) | {
            name for condition in step.task.when if isinstance(condition, str) for name in expression_names(condition)
        }
        return names & set(step.registers) & targets

    def templar(self, variables: Variables) -> Templar:
        """Ansible's template engine over some variables."""
        if self._look_at is not None:
            return ansible_doors.careful_templar(self._play, variables, self._look_at)
        return ansible_doors.templar(self._play, variables)

    def loop_items(self, step: Step) -> list[t.Any] | None:
        """The items of a step's loop; ``None`` without a loop."""
        task = step.task
        if task.loop is None:
            return None
        templar = self.templar(self.variables(step))
        if task.loop_with:
            return ansible_doors.looked_up(templar, task.loop_with, task.loop)
        items = templar.template(task.loop)
        if not isinstance(items, list):
            kind = type(items).__name__.removeprefix("_AnsibleTagged").lower()  # not the value, it may be a secret
            raise AnsibleError(f"`loop` must be a list, not {kind}")
        return items

    def loop_variables(self, step: Step, items: list[t.Any], position: int) -> dict[str, t.Any]:
        """What ``loop_control`` puts beside the item."""
        control = step.task.loop_control
        overlay = {control.loop_var: items[position], "ansible_loop_var": control.loop_var}
        if control.index_var:
            overlay |= {control.index_var: position, "ansible_index_var": control.index_var}
        if control.extended:
            overlay["ansible_loop"] = _extended(items, position, with_all=control.extended_allitems)
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
        rendered = ansible_doors.environment_of(step.task, self.templar(variables))
        return {str(name): str(value) for name, value in rendered.items()}

    def arguments(self, step: Step, variables: Variables, only: t.Container[str] | None = None) -> dict[str, t.Any]:
        """The module's arguments, ``module_defaults`` beneath them.

        :arg only: of its own no others than these, and those by which it reaches AWS.
        """
        templar = self.templar(variables)
        defaults = ansible_doors.argument_defaults(step.module, step.task, templar)
        given = {name: value for name, value in step.task.args.items() if not name.startswith("_")}
        spread = step.task.args.get("_variable_params")
        if spread:
            given = {**templar.template(spread), **given}
        if only is not None:
            given = {name: value for name, value in given.items() if name in only or name in connection.NAMES}
        return t.cast("dict[str, t.Any]", templar.template({**defaults, **given}))

    def connection(self, task: Task) -> dict[str, t.Any]:
        """What ``module_defaults`` of a task give every module that asks AWS: Region, credentials, endpoint."""
        templar = self.templar(self._variables_of_play())
        defaults = ansible_doors.argument_defaults(_ANY_OF_AWS, task, templar)
        return t.cast("dict[str, t.Any]", templar.template(defaults))

    def outputs(self, value: t.Any) -> t.Any:
        """Something rendered after the run, when every result exists.

        :raises AnsibleError: naming the part that cannot be rendered.
        """
        variables = collections.ChainMap(
            self._extra_variables,
            self.registered,
            self._facts_before,
            t.cast("dict[str, t.Any]", self.included),
            self._variables_of_play(),
        )
        try:
            return self.templar(variables).template(value)
        except AnsibleError as error:
            where = ".".join(["outputs", *map(str, self._path_to_failure(value, variables))])
            raise AnsibleError(f"{where} cannot be rendered: {error}") from None

    def as_written(self, value: t.Any) -> t.Any:
        """A value that is not rendered yet; where one variable alone stands for it, what that holds."""
        name = _ONE_VARIABLE.fullmatch(value) if isinstance(value, str) else None
        variables = collections.ChainMap(self._extra_variables, self.registered, self._variables_of_play())
        return variables.get(name[1], value) if name else value

    def _path_to_failure(self, value: t.Any, variables: Variables, depth: int = 0) -> list[t.Any]:
        """Where in a structure a template fails, through variables that hold a structure themselves."""
        if depth > _DEEPEST:
            return []
        if isinstance(value, str) and (name := _ONE_VARIABLE.fullmatch(value)):
            value = variables.get(name[1])
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, part in parts:
            try:
                self.templar(variables).template(part)
            except AnsibleError:
                return [key, *self._path_to_failure(part, variables, depth + 1)]
        return []

    def serialise_for(self, module: str, arguments: dict[str, t.Any]) -> bytes:
        """Arguments for a module that no step names."""
        return self._serialise(module, arguments, check_mode=False, no_log=False)

    def serialise(self, step: Step, arguments: dict[str, t.Any], check_mode: bool, no_log: bool) -> bytes:
        """Arguments as Ansible hands them to a module, its internal ones among them."""
        return self._serialise(step.module, arguments, check_mode, no_log)

    def _serialise(self, module: str, arguments: dict[str, t.Any], check_mode: bool, no_log: bool) -> bytes:
        internal = ansible_doors.internal_arguments(module, check_mode, no_log, self._diff, self._verbosity)
        return json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **internal}}, cls=_ENCODER).encode()


def _extended(items: list[t.Any], position: int, with_all: bool) -> dict[str, t.Any]:
    """What ``loop_control: {extended: true}`` tells of a round."""
    return {
        "index": position + 1,
        "index0": position,
        "first": position == 0,
        "last": position + 1 == len(items),
        "length": len(items),
        "revindex": len(items) - position,
        "revindex0": len(items) - position - 1,
        **({"allitems": items} if with_all else {}),
        **({"nextitem": items[position + 1]} if position + 1 < len(items) else {}),
        **({"previtem": items[position - 1]} if position else {}),
    }


# A module that has no other options than those of all modules of its group.
_ANY_OF_AWS = "amazon.aws.aws_caller_info"
# Arguments that are expressions without braces, by the action that takes them so.
_EXPRESSIONS = {"assert": "that", "debug": "var"}


def _field_names(task: Task) -> set[str]:
    control = task.loop_control
    fields = [
        task.args, task.loop, task.environment, task.retries, task.delay, task.check_mode, task.no_log,
        task.module_defaults, task.ignore_errors, control.label if control else None,
    ]  # fmt: skip
    names = value_names(fields)
    if task.loop_with:
        names |= looked_at_by(task.loop_with)
    if "validate_args_context" in task.args:
        names |= set(task.args.get("argument_spec") or ())
    if task.action.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.") == "template":
        source = task.args.get("src")
        names.add(ANYTHING if value_names(source) or not isinstance(source, str) else FILE + source)
    bare = task.args.get(_EXPRESSIONS.get(task.action.removeprefix("ansible.builtin."), ""))
    breaks = control.break_when if control else None
    for conditions in (task.when, task.until, task.changed_when, task.failed_when, breaks, bare):
        for condition in _listed(conditions):
            if isinstance(condition, str):
                names |= set(expression_names(condition))
    return names


def _listed(conditions: t.Any) -> list[t.Any]:
    """Conditions as a list: Ansible itself makes one of a single condition only when it runs the task."""
    if conditions is None:
        return []
    return list(conditions) if isinstance(conditions, list) else [conditions]
