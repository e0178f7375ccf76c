# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one door to what ansible-core does not promise to keep: its executor, its objects of a play, its template engine.

Everything of ansible-core that is private, or that differs between the versions that work, is behind a function here,
and is checked when this module is imported, which is before a task of ours runs. :mod:`worker.ansible_doors` is the
door of the warm processes, which are outside the controller.
"""

from __future__ import annotations

import collections
import collections.abc as c
import contextlib
import copy
import functools
import importlib
import typing as t
from pathlib import Path

from ansible_collections.slipway.graph.plugins.plugin_utils import compiled_templates, versions

_NAMES_OF_ALL = (
    "ansible._internal._datatag._tags:Origin.get_tag",
    "ansible._internal._datatag._tags:TrustedAsTemplate.tag",
    "ansible._internal._templating._engine:TemplateEngine._compile_expression",
    "ansible._internal._templating._engine:TemplateEngine._compile_template",
    "ansible._internal._templating._engine:TemplateEngine.environment",
    "ansible._internal._templating._jinja_bits:_flatten_and_lazify_vars",
    "ansible._internal._templating._jinja_plugins:_DirectCall.mark",
    "ansible._internal._templating._jinja_plugins:_invoke_lookup",
    "ansible.executor.module_common:_get_action_arg_defaults",
    "ansible.executor.task_executor:TaskExecutor.run",
    "ansible.inventory.helpers:sort_groups",
    "ansible.inventory.manager:InventoryManager._sources",
    "ansible.inventory.manager:InventoryManager.get_host",
    "ansible.playbook.block:Block._dep_chain",
    "ansible.playbook.block:Block._loader",
    "ansible.playbook.block:Block._variable_manager",
    "ansible.playbook.helpers:load_list_of_blocks",
    "ansible.playbook.play:Play._action_groups",
    "ansible.playbook.play:Play._group_actions",
    "ansible.playbook.play:Play._loader",
    "ansible.playbook.play:Play._variable_manager",
    "ansible.playbook.play_context:PlayContext.copy",
    "ansible.playbook.role:Role._default_vars",
    "ansible.playbook.role:Role._get_role_argspecs",
    "ansible.playbook.role:Role._metadata",
    "ansible.playbook.role:Role._role_path",
    "ansible.playbook.role:Role._role_vars",
    "ansible.playbook.role:Role.get_role_params",
    "ansible.playbook.role_include:IncludeRole._from_files",
    "ansible.playbook.role_include:IncludeRole._role_name",
    "ansible.playbook.role_include:IncludeRole.get_block_list",
    "ansible.playbook.task:Task._loader",
    "ansible.playbook.task:Task._parent",
    "ansible.playbook.task:Task._post_validate_environment",
    "ansible.playbook.task:Task._role",
    "ansible.playbook.task:Task._variable_manager",
    "ansible.playbook.task_include:TaskInclude.build_parent_block",
    "ansible.template:Templar._engine",
    "ansible.template:Templar._from_template_engine",
    "ansible.vars.plugins:get_vars_from_inventory_sources",
    "ansible.vars.plugins:get_vars_from_path",
    "ansible.vars.manager:VariableManager._inventory",
    "ansible.vars.manager:VariableManager._nonpersistent_fact_cache",
    "ansible.vars.manager:VariableManager._vars_cache",
    "ansible.vars.manager:VariableManager.extra_vars",
    "ansible.vars.manager:VariableManager.set_nonpersistent_facts",
)
_NAMES_SINCE_2_21 = (
    "ansible._internal._task:POLYMORPHIC_RESULT_EXPRESSION",
    "ansible._internal._task:TaskContext.create",
    "ansible._internal._task:UnifiedTaskResult.as_result_dict",
    "ansible._internal._task:UnifiedTaskResult.finalize_warnings",
    "ansible._internal._task:UnifiedTaskResult.no_log",
)
_NAMES_SINCE_2_22 = (
    "ansible._internal._task:TaskContext.flush_new_secrets",
    "ansible.module_utils._internal._secrets:SecretMasker._secrets",
    "ansible.module_utils._internal._secrets:_secret_masker",
    "ansible.module_utils.secrets:register_secrets",
)
_SINCE_2_21 = versions.parsed(versions.ANSIBLE_HERE) >= (2, 21)
_SINCE_2_22 = versions.parsed(versions.ANSIBLE_HERE) >= (2, 22)
NAMES = _NAMES_OF_ALL + (_NAMES_SINCE_2_21 if _SINCE_2_21 else ()) + (_NAMES_SINCE_2_22 if _SINCE_2_22 else ())
versions.require(NAMES)

from ansible import constants as C  # noqa: N812 - the name that Ansible's own code uses
from ansible._internal import _task
from ansible._internal._datatag._tags import Origin, TrustedAsTemplate
from ansible._internal._templating._engine import TemplateEngine
from ansible._internal._templating._jinja_bits import _flatten_and_lazify_vars
from ansible._internal._templating._jinja_plugins import _DirectCall, _invoke_lookup
from ansible.errors import AnsibleParserError
from ansible.executor.module_common import _get_action_arg_defaults
from ansible.executor.task_executor import TaskExecutor
from ansible.inventory.helpers import sort_groups
from ansible.inventory.host import Host
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.block import Block
from ansible.playbook.helpers import load_list_of_blocks
from ansible.playbook.play import Play
from ansible.playbook.play_context import PlayContext
from ansible.playbook.role import Role
from ansible.playbook.role_include import IncludeRole
from ansible.playbook.task import Task
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.loader import action_loader, connection_loader
from ansible.template import Templar
from ansible.vars.plugins import get_vars_from_inventory_sources, get_vars_from_path

# What a plain `register` is made into since ansible-core 2.21.
_WHOLE_RESULT = _task.POLYMORPHIC_RESULT_EXPRESSION if _SINCE_2_21 else None

# What is registered of tasks that do nothing has more in it since ansible-core 2.21.
IN_EVERY_RESULT: dict[str, t.Any] = {"failed": False} if _SINCE_2_21 else {}
REASONS_OF_NO_ITEMS = ("skip_reason", "skipped_reason") if _SINCE_2_21 else ("skipped_reason",)
# What failed_when has said stands since ansible-core 2.21, also if all attempts were in vain.
FAILED_WHEN_STANDS = _SINCE_2_21

# Carries the secrets of a result that was made in another process.
_MADE_KNOWN = "_ansible_new_secrets"
_secrets: t.Any = importlib.import_module("ansible.module_utils.secrets") if _SINCE_2_22 else None
_masking: t.Any = importlib.import_module("ansible.module_utils._internal._secrets") if _SINCE_2_22 else None

# What `include_role` takes besides names of files; each is an attribute of the include.
_ROLE_OPTIONS = ("public", "allow_duplicates", "rolespec_validate")

__all__ = ["Block", "IncludeRole", "Play", "PlayContext", "Role", "Task", "TaskInclude", "Templar"]


# ---- Playbooks: hosts, plays, roles, tasks


def host_of(play: Play, name: str) -> Host:
    """A host of a play's inventory."""
    return play._variable_manager._inventory.get_host(name)


def load_play(task: Task, roles: list[t.Any], environment: dict[str, str], host: str) -> Play:
    """A play of just these roles that sees and does what its parent's tasks see and do; ``task`` is one of them."""
    parent = task.get_play()
    play = Play.load(
        {"name": "converge", "hosts": host, "gather_facts": False, "roles": roles},
        variable_manager=parent._variable_manager,
        loader=_reading_once(parent._loader),
        vars=dict(parent.vars),
    )
    play.vars_files = parent.vars_files
    play.module_defaults = task.module_defaults
    play.connection, play.become, play.no_log = task.connection, task.become, task.no_log
    # The task's own are not meant for what it runs.
    play.ignore_errors, play.tags = parent.ignore_errors, parent.tags
    play._action_groups = parent._action_groups
    play._group_actions = parent._group_actions
    play.environment = [environment]
    return play


def _reading_once(loader: DataLoader) -> DataLoader:
    """A loader that hands out what it has read instead of a deep copy, which takes longer than reading.

    Only of argument_specs, which nobody changes, more than one may have the same.
    """
    loader = copy.copy(loader)
    read = type(loader).load_from_file

    def load_from_file(file_name: str, *_cache: t.Any, **options: t.Any) -> t.Any:
        kept = Path(file_name).stem == "argument_specs"
        return read(loader, file_name, **{**options, "unsafe": True, "cache": "all" if kept else "none"})

    loader.load_from_file = load_from_file
    return loader


def blocks_of_roles(play: Play) -> list[Block]:
    """The tasks of the roles that a play lists, dependencies first; roles that others import are in these."""
    return [block for role in play.roles if not role.from_include for block in role.compile(play)]


def all_roles(play: Play) -> list[Role]:
    """The play's roles and what they depend on, each once, dependencies first."""
    found: list[Role] = []
    for role in play.roles:
        for candidate in [*role.get_all_dependencies(), role]:
            if candidate not in found:
                found.append(candidate)
    return found


def blocks_of_file(play: Play, path: str) -> list[Block]:
    """The tasks of a file that belongs to no role."""
    return _blocks(play, play._loader.path_dwim(path), path)


def _blocks(play: Play, path: str, name: str, **place: t.Any) -> list[Block]:
    data = play._loader.load_from_file(path, trusted_as_template=True)
    if data is None:
        return []
    if not isinstance(data, list):
        raise AnsibleParserError(f"{name}: a task file must contain a list of tasks")
    found = load_list_of_blocks(data, play=play, loader=play._loader, variable_manager=play._variable_manager, **place)
    return t.cast("list[Block]", found)


def round_of(include: TaskInclude, variables: c.Mapping[str, t.Any]) -> TaskInclude:
    """An include as it is in one round of its loop."""
    copied = include.copy(exclude_parent=True)
    copied._parent = include._parent
    copied.loop = copied.loop_with = None
    copied.vars = {**include.vars, **variables}
    return t.cast(TaskInclude, copied)


def blocks_of_include(include: TaskInclude, target: str, templar: Templar, play: Play) -> list[Block]:
    """The tasks of the file that an include names, found where Ansible finds it."""
    path = _file_of(include, target, templar, play)
    copied = round_of(include, {})
    copied.args = {**_arguments(include), "_raw_params": target}
    return _blocks(play, path, target, parent_block=copied.build_parent_block(), role=include._role)


def blocks_of_role(include: IncludeRole, arguments: dict[str, t.Any], play: Play) -> list[Block]:
    """The tasks of the role that an include names; ``arguments`` are the include's, rendered."""
    copied = round_of(include, {})
    copied.args = _arguments(include)
    copied._role_name = arguments.get("name", arguments.get("role"))
    copied._from_files = {
        key.removesuffix("_from"): arguments[key] for key in IncludeRole.FROM_ARGS if key in arguments
    }
    for option in _ROLE_OPTIONS:
        if option in arguments:
            setattr(copied, option, boolean(arguments[option]))
    blocks, _handlers = copied.get_block_list(play=play, variable_manager=play._variable_manager, loader=play._loader)
    return t.cast("list[Block]", blocks)


def _arguments(include: TaskInclude) -> dict[str, t.Any]:
    """An include's arguments; Ansible adds to those of ``apply``."""
    return {name: copy.copy(value) if name == "apply" else value for name, value in include.args.items()}


def _file_of(include: TaskInclude, target: str, templar: Templar, play: Play) -> str:
    """The file that ``include_tasks`` means: one beside the files that include it, or one of the role."""
    loader, role = play._loader, include._role
    base = str(Path(role._role_path, "tasks")) if role else loader.get_basedir()
    in_role = role and loader.path_dwim_relative(role._role_path, "tasks", target, is_role=True)
    own = str(in_role or loader.path_dwim(target))
    folder: Path | None = None
    for parent in surroundings(include):
        if parent is include or not isinstance(parent, TaskInclude):
            continue
        if isinstance(parent, IncludeRole):
            here = Path(parent._role_path)
        else:
            here = Path(templar.template(parent.args.get("_raw_params")) or "").parent
        folder = here / folder if folder is not None and not folder.is_absolute() else here
        if role:
            beside = loader.path_dwim_relative(str(Path(base, folder)), "tasks", target, is_role=True)
            candidates = [own, str(beside)]
        else:
            candidates = [str(loader.path_dwim_relative(base, str(folder), target))]
        found = [candidate for candidate in candidates if Path(candidate).exists()]
        if found:
            return found[0]
    return own


def variables_of_files(
    task: Task, arguments: dict[str, t.Any], templar: Templar, variables: c.Mapping[str, t.Any], play: Play
) -> dict[str, t.Any]:
    """What ``include_vars`` reads, by Ansible's own plugin.

    :raises AnsibleParserError: for what cannot be read.
    """
    copied = task.copy()
    copied.args = arguments
    context = PlayContext()
    action = action_loader.get(
        "ansible.builtin.include_vars", task=copied, connection=connection_loader.get("local", context),
        play_context=context, loader=play._loader, templar=templar, shared_loader_obj=None,
    )  # fmt: skip
    result = action.run(task_vars=variables)
    if result.get("failed"):
        raise AnsibleParserError(str(result.get("message") or result.get("msg")), obj=task.get_ds())
    return t.cast("dict[str, t.Any]", result["ansible_facts"])


def has_ended(task: Task) -> Role | None:
    """The role whose end a task marks; Ansible itself puts one behind each role."""
    return role_of(task) if task.implicit and task.args.get("_raw_params") == "role_complete" else None


def may_run_again(role: Role) -> bool:
    """Whether a role runs as often as it is listed."""
    return bool(role._metadata.allow_duplicates)


def surroundings(task: Task) -> c.Iterator[t.Any]:
    """A task, and all that it stands in: blocks, includes, its role."""
    item = task
    while item is not None:
        yield item
        item = item._parent
    if role_of(task) is not None:
        yield role_of(task)


def search_path(task: Task, play: Play) -> list[str]:
    """Where lookups of a task look for files."""
    folders = list(task.get_search_path())
    base = play._loader.get_basedir()
    return folders if base in folders else [*folders, base]


def role_of(task: Task) -> Role | None:
    """The role that a task stands in."""
    return task._role


def register_of(task: Task) -> str | None:
    """The name that a task registers its result under.

    :raises AnsibleParserError: for the expressions that ``register`` takes since ansible-core 2.21.
    """
    register = task.register
    if not isinstance(register, dict):
        return t.cast("str | None", register or None)
    if list(register.values()) == [_WHOLE_RESULT]:
        return str(next(iter(register)))
    raise AnsibleParserError(
        f"{task.get_path()}: `register` takes one name here, for the whole result; expressions over it belong into "
        "`vars` of the tasks that need them",
        obj=task.get_ds(),
    )


def path_of_template(play: Play, task: Task, file: str) -> Path:
    """Where a task would find a template file."""
    return Path(play._loader.path_dwim_relative_stack(task.get_search_path(), "templates", file))


def path_of_file(task: Task, file: str) -> str:
    """Where a task finds a file of its role's ``files``, or of the playbook's.

    :raises AnsibleFileNotFound: where there is none.
    """
    loader = task._loader
    return str(
        loader.get_real_file(loader.path_dwim_relative_stack(task.get_search_path(), "files", file), decrypt=False)
    )


def argument_specs_of(role: Role) -> dict[str, t.Any]:
    """A role's argument_specs by entry point; empty without any."""
    return t.cast("dict[str, t.Any]", role._get_role_argspecs())


# ---- Variables


def extra_variables(play: Play) -> dict[str, t.Any]:
    """What was given with ``-e``."""
    return t.cast("dict[str, t.Any]", play._variable_manager.extra_vars)


def keep_facts(play: Play, host: Host, facts: c.Mapping[str, t.Any]) -> None:
    """Have facts seen by who looks them up in ``hostvars``."""
    play._variable_manager.set_nonpersistent_facts(host.name, dict(facts))


def given_variables(play: Play, host: Host) -> dict[str, t.Any]:
    """What inventory, group_vars, host_vars and ``-e`` say of a host."""
    return t.cast("dict[str, t.Any]", play._variable_manager.get_vars(host=host, include_hostvars=False))


def variables_of_role(play: Play, host: Host, task: Task) -> dict[str, t.Any]:
    """The variables below a task's own, as Ansible merges them for a task of its role."""
    role = role_of(task)
    block = Block(play=play, role=role)
    block._loader, block._variable_manager = play._loader, play._variable_manager
    # Those of the roles that depend on its role are among them.
    block._dep_chain = task.get_dep_chain()
    probe = Task(block=block, role=role)
    return t.cast("dict[str, t.Any]", play._variable_manager.get_vars(play=play, host=host, task=probe))


def variables_of_play(play: Play, host: Host) -> dict[str, t.Any]:
    """The variables that a play sees outside its roles."""
    probe = Task(block=Block(play=play))
    return t.cast("dict[str, t.Any]", play._variable_manager.get_vars(play=play, host=host, task=probe))


def included_before(play: Play, host: Host) -> dict[str, t.Any]:
    """What ``include_vars`` has read in the play before."""
    return dict(play._variable_manager._vars_cache.get(host.name, {}))


def facts_before(play: Play, host: Host) -> dict[str, t.Any]:
    """What tasks have set and registered in the play before."""
    return dict(play._variable_manager._nonpersistent_fact_cache.get(host.name, {}))


def connection_of(play: Play, name: str) -> str | None:
    """What the inventory says of the connection to a host; a host that it does not have is not reached."""
    host = play._variable_manager._inventory.get_host(name)
    if host is None:
        return "unknown"
    variables = play._variable_manager.get_vars(host=host, include_hostvars=False)
    return t.cast("str | None", variables.get("ansible_connection"))


def parameters_of(task: Task) -> dict[str, t.Any]:
    """What beats results: what the entry of a task's role in the list of roles gives it, and the includes around it."""
    role = task._role.get_role_params(task.get_dep_chain()) if task._role else {}
    return {**role, **task.get_include_params()}


def own_variables(role: Role) -> set[str]:
    """The names in a role's ``defaults`` and ``vars``."""
    return set(role._default_vars or ()) | set(role._role_vars or ())


def default_variables(role: Role) -> dict[str, t.Any]:
    """A role's ``defaults``."""
    return dict(role._default_vars or {})


class Place(t.NamedTuple):
    """Where a value was written, as far as Ansible remembers it."""

    path: str | None
    line: int | None
    description: str | None


def written_at(value: t.Any) -> Place | None:
    """Where a value was written; ``None`` for one that was made."""
    origin = Origin.get_tag(value)
    return Place(origin.path, origin.line_num, origin.description) if origin else None


def written_where(made: t.Any, value: t.Any) -> t.Any:
    """Something made of a value, with the place where that was written."""
    origin = Origin.get_tag(value)
    return origin.try_tag(made) if origin else made


def said_at(play: Play, host: Host, name: str) -> Place | None:
    """Where the user says what a variable is: with ``-e``, in the playbook or the inventory; ``None`` if nowhere.

    Ansible remembers no place of null, true and false; that of their name stands for it.
    """
    for title, source in _said(play, host):
        key = next((key for key in source if key == name), None)
        if key is not None:
            place = written_at(source[name]) or _of_first_part(source[name]) or written_at(key)
            return place if place and place.path else Place(None, None, title)
    return None


def _of_first_part(value: t.Any) -> Place | None:
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return next(filter(None, (written_at(part) or _of_first_part(part) for part in parts)), None)


def _said(play: Play, host: Host) -> c.Iterator[tuple[str, c.Mapping[str, t.Any]]]:
    """What beats the defaults of roles, nearest first, each source apart: merging forgets where names stood."""
    manager, loader = play._variable_manager, play._loader
    yield "-e", manager.extra_vars
    yield "the play", play.vars
    for file in reversed(play.get_vars_files()):
        if isinstance(file, str) and "{{" not in file:
            yield file, loader.load_from_file(loader.path_dwim(file)) or {}
    for entity in [host, *reversed(sort_groups(host.get_groups()))]:
        yield entity.name, get_vars_from_path(loader, loader.get_basedir(), [entity], "task")
        yield entity.name, get_vars_from_inventory_sources(loader, manager._inventory._sources, [entity], "task")
        yield entity.name, entity.vars


# ---- Templates


def _keeping_what_it_compiles(environment: t.Any) -> t.Any:
    """An environment of Ansible's that compiles nothing twice, not even in another run."""
    kind = type(environment)

    class Keeping(kind):  # type: ignore[misc,valid-type]  # whatever Ansible takes
        # Of what is at hand the text, and how it is compiled; empty for what is not to be kept.
        at_hand = ("", "")

        def compile(self, source: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
            def compile_it() -> t.Any:
                return kind.compile(self, source, *arguments, **options)

            text, way = self.at_hand
            if not text or self.overlayed or arguments or options:
                return compile_it()
            return _compiled().code(self, text, way, compile_it)

    environment.__class__ = Keeping
    # Looking for what could be computed beforehand takes longer than computing it.
    environment.optimized = False
    return environment


@functools.cache
def _compiled() -> compiled_templates.CompiledTemplates:
    return compiled_templates.CompiledTemplates(Path(C.ANSIBLE_HOME) / "slipway/templates", versions.ANSIBLE_HERE)


class KeepingEngine(TemplateEngine):
    """Ansible's engine, which compiles a template each time it meets it; this one keeps what it has compiled."""

    _kept_environment: t.ClassVar[t.Any] = None
    _kept: t.ClassVar[dict[t.Any, t.Any]] = {}
    _layers: tuple[t.Any, t.Any] | None = None

    @property
    def environment(self) -> t.Any:
        """One environment for all engines of a run: they differ in their variables only."""
        if KeepingEngine._kept_environment is None:
            KeepingEngine._kept_environment = _keeping_what_it_compiles(super().environment)
        return KeepingEngine._kept_environment

    def __deepcopy__(self, _memo: t.Any) -> KeepingEngine:
        """The engine itself: a lookup copies the variables, which hold it, with all that they reach."""
        return self

    def _compile_template(self, template: str, options: t.Any) -> t.Any:
        key = (str(template), options.escape_backslashes, options.overrides)
        if key not in self._kept:
            with self._at_hand(template, f"template, escapes: {options.escape_backslashes}"):
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
            with self._at_hand(expression, f"expression, escapes: {options.escape_backslashes}"):
                self._kept[key] = super()._compile_expression(expression, options)
        compiled = self._kept[key]
        return lambda variables: compiled(self._rendered_once(variables))

    @contextlib.contextmanager
    def _at_hand(self, text: str, way: str) -> c.Iterator[None]:
        self.environment.at_hand = (str(text), way) if _stands_in_a_file(text) else ("", "")
        try:
            yield
        finally:  # or what is compiled next would be kept as this
            self.environment.at_hand = ("", "")


def _stands_in_a_file(template: str) -> bool:
    """Whether somebody who can read the user's files can read a template, too; an encrypted value is never one."""
    origin = Origin.get_tag(template)
    return bool(origin and origin.path and compiled_templates.is_plain(origin.path))


def as_template(text: str) -> str:
    """A text of the engine's own as one that may be rendered."""
    return t.cast("str", TrustedAsTemplate().tag(text))


def templar(play: Play, variables: c.Mapping[str, t.Any]) -> Templar:
    """Ansible's template engine over some variables."""
    return Templar._from_template_engine(KeepingEngine(play._loader, variables))


# Is handed a test and what that is given; says that it holds, or leaves it to the test, or raises.
LookAt = c.Callable[[t.Any, tuple[t.Any, ...]], bool]


class CarefulEngine(KeepingEngine):
    """An engine whose tests are asked about what they are given first: by a type's name, most would just say no."""

    # One environment for each way of looking.
    environments: t.ClassVar[dict[t.Any, t.Any]] = {}
    _kept: t.ClassVar[dict[t.Any, t.Any]] = {}
    look_at: LookAt

    @property
    def environment(self) -> t.Any:
        """Ansible's own environment, with careful tests."""
        if self.look_at not in self.environments:
            made = _keeping_what_it_compiles(TemplateEngine(self._loader).environment)
            made.tests = t.cast("t.Any", CarefulTests(made.tests, self.look_at))
            self.environments[self.look_at] = made
        return self.environments[self.look_at]


class CarefulTests(collections.UserDict[str, t.Any]):
    """The tests of an environment, each of which is preceded by ``look_at``."""

    def __init__(self, tests: c.Mapping[str, t.Any], look_at: LookAt) -> None:
        super().__init__()
        self.tests, self.look_at = tests, look_at

    def __contains__(self, name: object) -> bool:
        return name in self.tests

    def __getitem__(self, name: str) -> t.Any:
        test = self.tests[name]

        @functools.wraps(test)
        def careful(*arguments: t.Any, **options: t.Any) -> t.Any:
            return self.look_at(test, arguments) or test(*arguments, **options)

        return careful


def careful_templar(play: Play, variables: c.Mapping[str, t.Any], look_at: LookAt) -> Templar:
    """Ansible's template engine, which asks ``look_at`` before each test."""
    engine = CarefulEngine(play._loader, variables)
    engine.look_at = look_at
    return Templar._from_template_engine(engine)


def looked_up(templar: Templar, lookup: str, terms: t.Any) -> list[t.Any]:
    """The items of a ``with_…`` loop."""
    engine = templar._engine
    if isinstance(terms, str):
        terms = engine.resolve_to_container(terms)
    if not isinstance(terms, list):
        terms = [terms]

    @_DirectCall.mark  # type: ignore[untyped-decorator]
    def invoke_lookup() -> t.Any:
        return _invoke_lookup(
            plugin_name=lookup, lookup_terms=terms, lookup_kwargs={"wantlist": True}, invoked_as_with=True
        )

    expression = TrustedAsTemplate().tag("invoke_lookup()")
    items = engine.evaluate_expression(expression, local_variables={"invoke_lookup": invoke_lookup})
    return t.cast("list[t.Any]", items)


def environment_of(task: Task, templar: Templar) -> dict[str, t.Any]:
    """The environment variables of a task, its play's included, rendered."""
    rendered = task._post_validate_environment("environment", task.environment, templar._engine)
    return t.cast("dict[str, t.Any]", rendered)


def argument_defaults(module: str, task: Task, templar: Templar) -> dict[str, t.Any]:
    """What ``module_defaults`` give a module, action groups included."""
    return t.cast("dict[str, t.Any]", _get_action_arg_defaults(module, task, templar._engine))


# ---- Running


def internal_arguments(module: str, check_mode: bool, no_log: bool, diff: bool, verbosity: int) -> dict[str, t.Any]:
    """The arguments that Ansible itself adds to those of a module."""
    return {
        "_ansible_check_mode": check_mode,
        "_ansible_no_log": no_log,
        "_ansible_debug": False,
        "_ansible_diff": diff,
        "_ansible_verbosity": verbosity,
        "_ansible_version": versions.ANSIBLE_HERE,
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
        # Deleting tells the items of a loop by what they were called with.
        **({"_ansible_inject_invocation": True} if _SINCE_2_21 else {}),
    }


def as_registered(result: dict[str, t.Any], variables: c.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """A result without what a play does not register: since ansible-core 2.21 the ``invocation``, unless asked for."""
    if not _SINCE_2_21 or C.config.get_config_value("INJECT_INVOCATION", variables=variables):
        return result
    kept = {name: value for name, value in result.items() if name != "invocation"}
    if isinstance(kept.get("results"), list):
        kept["results"] = [
            as_registered(each, variables) if isinstance(each, dict) else each for each in kept["results"]
        ]
    return kept


class _NoCallbacks:
    """Stands where a play's result queue is: the engine reports calls itself."""

    def send_callback(self, *_args: t.Any, **_kwargs: t.Any) -> None:
        """Drop a callback."""


def run_action(
    task: Task, variables: dict[str, t.Any], host: Host, context: PlayContext, loaders: t.Any, check_mode: bool
) -> dict[str, t.Any]:
    """Run a task with Ansible's own executor, in this process; the result as a play would register it."""
    task = task.copy()
    task.check_mode = check_mode
    loader, manager = task._loader, task._variable_manager
    if not _SINCE_2_21:
        executor = TaskExecutor(host, task, variables, context.copy(), loader, loaders, _NoCallbacks(), manager)
        result: dict[str, t.Any] = executor.run()
        result.pop("_ansible_notify", None)
        return result
    task.squash()
    with _task.TaskContext.create(task=task, task_vars=variables, host_name=host.name) as current:
        done = TaskExecutor(host, context.copy(), loader, loaders, _NoCallbacks(), manager).run()
        result = {**done.as_result_dict(), **({"_ansible_no_log": True} if done.no_log else {})}
        # A result that has none shows those that converge itself has gathered.
        for name in ("warnings", "deprecations"):
            if getattr(done, f"_{name}", None) is None:
                result.pop(name, None)
        if _SINCE_2_22:
            result[_MADE_KNOWN] = current.flush_new_secrets()
        return result


def learn_secrets(result: dict[str, t.Any]) -> dict[str, t.Any]:
    """The result of :func:`run_action` in another process, whose secrets this one then hides from the screen, too."""
    secrets = result.pop(_MADE_KNOWN, None)
    if secrets:
        _secrets.register_secrets(secrets)
    return result


def known_secrets() -> frozenset[str]:
    """What Ansible itself hides from the screen: since ansible-core 2.22 it no longer hides them in results."""
    return frozenset(_masking._secret_masker._secrets) if _SINCE_2_22 else frozenset()
