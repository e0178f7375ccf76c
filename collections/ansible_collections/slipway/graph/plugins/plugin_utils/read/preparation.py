# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a task of a play to a checked graph: the part that plan, apply, destroy and validation share."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ansible import context
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.inventory.host import Host
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Task
from ansible_collections.slipway.graph.plugins.plugin_utils.read import (
    dependencies,
    mentions,
    reading,
    surroundings,
    validation,
)
from ansible_collections.slipway.graph.plugins.plugin_utils.read import graph as graphs
from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.locality import Locality
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer
from ansible_collections.slipway.graph.plugins.plugin_utils.read.tags import Tags

OnSteps = c.Callable[[list[Step]], None]


@dataclasses.dataclass
class Preparation:
    """A graph that is ready to run, or the problems that keep it from it.

    ``graph`` holds what tags and ``only`` select for a plan or an apply, ``whole`` every task that runs without tags:
    what deletes starts from that (see :mod:`selection`). ``left_out`` are the keys of those that only tags would run.
    """

    host: Host
    renderer: Renderer
    graph: Graph
    whole: Graph
    environment: dict[str, str]
    problems: list[str]
    left_out: frozenset[str] = frozenset()


def prepare(
    task: Task, task_vars: dict[str, t.Any], options: dict[str, t.Any], on_steps: OnSteps = lambda _steps: None
) -> Preparation:
    """Load, validate and connect what the task of a play names. Offline: reads files only.

    ``on_steps`` is told the steps as soon as they are known.
    """
    surroundings.refuse_other_collections()
    host = ansible_doors.host_of(task.get_play(), task_vars["inventory_hostname"])
    environment = environment_of(task)
    roles = list(options["roles"])
    if not roles and not options["tasks"]:
        raise AnsibleActionFail(
            "roles lists nothing (in the playbooks it is system_roles); allowed: names of roles, at least one"
        )
    try:
        play = ansible_doors.load_play(task, roles, environment, host.name)
        surroundings.refuse_roles_of_one_name(ansible_doors.all_roles(play), str(task_vars["playbook_dir"]))
        renderer = Renderer(play, host, diff=bool(task.diff), verbosity=Display().verbosity)
        locality = Locality(play, host.name, has_company=len(task_vars.get("ansible_play_hosts_all", [])) > 1)
        found = reading.read(play, renderer, options["tasks"], _tags(), locality)
        # Includes may have brought more.
        surroundings.refuse_roles_of_one_name(ansible_doors.all_roles(play), str(task_vars["playbook_dir"]))
    except (AnsibleError, RecursionError) as error:
        cycle = dependencies.cycle(roles, str(task_vars["playbook_dir"])) if _is_too_deep(error) else None
        if cycle:
            raise AnsibleActionFail(cycle) from None
        raise AnsibleActionFail(_told(error)) from error
    on_steps([step for step in found.steps if not step.is_gate])
    problems = validation.problems(play, host, renderer, found)
    region = region_of(options, environment) if "region" in options else ""
    if region:
        problems += filter(None, [validation.region_problem(region)])
    problems += filter(None, [validation.account_problem(options.get("account") or "")])
    steps = [] if problems else found.steps
    make = _maker(steps, renderer)
    whole = make({step for step in steps if step.is_ordinary})
    graph = whole
    if options.get("state") != "absent":
        selected = {step for step in steps if step.is_selected}
        graph = whole if all(step.is_ordinary == step.is_selected for step in steps) else make(selected)
        only = options.get("only") or []
        graph = graph.subgraph(_targeted(graph, only)) if only else graph
    return Preparation(host, renderer, graph, whole, environment, problems, found.left_out)


def _maker(steps: list[Step], renderer: Renderer) -> c.Callable[[set[Step]], Graph]:
    """What makes a graph of some of the steps, without what is decided before anything runs."""
    targets = frozenset(name for step in steps for name in step.registers)
    connected = graphs.build(steps, lambda step: renderer.reached(step, targets))
    offline = {step for step in steps if step.is_decided or validation.is_offline_assert(step, renderer, targets)}

    def make(chosen: set[Step]) -> Graph:
        return graphs.with_places(
            connected.subgraph(chosen - offline), lambda step: mentions.of(step, renderer, targets)
        )

    return make


def _told(error: Exception) -> str:
    """What is wrong, and where, if Ansible knows."""
    place = ansible_doors.written_at(getattr(error, "obj", None))
    text = "roles or imports include themselves without end" if isinstance(error, RecursionError) else str(error)
    if not place or not place.path or not place.line or f"{place.path}:{place.line}" in text:
        return text
    return f"{place.path}:{place.line}: {text}"


def _is_too_deep(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, RecursionError):
        error = error.__cause__ or error.__context__
    return error is not None


def _tags() -> Tags:
    wanted, unwanted = context.CLIARGS.get("tags") or ["all"], context.CLIARGS.get("skip_tags") or []
    return Tags(tuple(wanted), tuple(unwanted))


def refuse_unknown_roles(graph: Graph, only: c.Iterable[str]) -> None:
    """Refuse a target that is no role.

    :raises AnsibleActionFail: with the roles that there are.
    """
    known = {step.role for step in graph.steps}
    unknown = sorted(set(only) - known)
    if unknown:
        raise AnsibleActionFail(f"only: unknown role {', '.join(unknown)}; the roles are {', '.join(sorted(known))}")


def _targeted(graph: Graph, only: list[str]) -> set[Step]:
    refuse_unknown_roles(graph, only)
    kept = graph.closure(step for step in graph.steps if step.role in only)
    Display().warning(
        f"only {', '.join(only)}: running {len(kept)} of {len(graph.steps)} tasks: these roles and their dependencies"
    )
    return kept


def environment_of(task: Task) -> dict[str, str]:
    """The environment variables that a running task was given."""
    environment = task.environment
    if isinstance(environment, list):
        merged: dict[str, t.Any] = {}
        for part in environment:
            merged |= part or {}
        environment = merged
    return {str(name): str(value) for name, value in (environment or {}).items()}


def region_of(options: c.Mapping[str, t.Any], environment: c.Mapping[str, str]) -> str:
    """The Region that the option names, or the environment; empty if neither does."""
    return options["region"] or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or ""
