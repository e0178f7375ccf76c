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
from ansible_collections.slipway.graph.plugins.plugin_utils.read import graph as graphs
from ansible_collections.slipway.graph.plugins.plugin_utils.read import loading, mentions, surroundings, validation
from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer

OnSteps = c.Callable[[list[Step]], None]


@dataclasses.dataclass
class Preparation:
    """A graph that is ready to run, or the problems that keep it from it.

    ``graph`` holds what tags and ``only`` select for a plan or an apply, ``whole`` every task whatever they say: what
    deletes starts from that (see :mod:`selection`).
    """

    host: Host
    renderer: Renderer
    graph: Graph
    whole: Graph
    environment: dict[str, str]
    problems: list[str]


def prepare(
    task: Task, task_vars: dict[str, t.Any], options: dict[str, t.Any], on_steps: OnSteps = lambda _steps: None
) -> Preparation:
    """Load, validate and connect what the task of a play names. Offline: reads files only.

    ``on_steps`` is told the steps as soon as they are known.
    """
    surroundings.refuse_other_collections()
    parent = task.get_play()
    host = ansible_doors.host_of(parent, task_vars["inventory_hostname"])
    environment = environment_of(task)
    roles = list(options["roles"])
    try:
        play = ansible_doors.load_play(parent, roles, task.module_defaults, environment, host.name)
        surroundings.refuse_roles_of_one_name(loading.all_roles(play), str(task_vars["playbook_dir"]))
        renderer = Renderer(play, host, diff=bool(task.diff), verbosity=Display().verbosity)
        steps = loading.load_steps(play, renderer, options["tasks"])
    except AnsibleError as error:
        raise AnsibleActionFail(str(error)) from error
    on_steps(steps)
    problems = validation.problems(play, host, renderer, steps)
    region = region_of(options, environment) if "region" in options else ""
    if region:
        problems += filter(None, [validation.region_problem(region)])
    whole = Graph([], {}, {}) if problems else _whole(steps, renderer)
    graph = whole if options.get("state") == "absent" else _selected(whole, renderer, options.get("only") or [])
    return Preparation(host, renderer, graph, whole, environment, problems)


def _whole(steps: list[Step], renderer: Renderer) -> Graph:
    targets = frozenset(name for step in steps for name in step.registers)
    graph = graphs.build(steps, lambda step: renderer.reached(step, targets))
    kept = {step for step in graph.steps if not validation.is_offline_assert(step, renderer, targets)}
    return graphs.with_places(graph.subgraph(kept), lambda step: mentions.of(step, renderer, targets))


def _selected(whole: Graph, renderer: Renderer, only: list[str]) -> Graph:
    kept = _tagged(whole, renderer)
    return whole.subgraph(kept & _targeted(whole, only) if only else kept)


def _tagged(graph: Graph, renderer: Renderer) -> set[Step]:
    wanted, unwanted = context.CLIARGS.get("tags") or ["all"], context.CLIARGS.get("skip_tags") or []
    if list(wanted) == ["all"] and not unwanted:
        return set(graph.steps)
    return {
        step
        for step in graph.steps
        if step.task.evaluate_tags(list(wanted), list(unwanted), dict(renderer.variables(step)))
    }


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
