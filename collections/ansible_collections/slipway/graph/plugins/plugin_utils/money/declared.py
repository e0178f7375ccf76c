# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What tasks declare, as far as their inputs alone tell it: every call with the options that need no result."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import re
import typing as t

from ansible.errors import AnsibleError

from ansible_collections.slipway.graph.plugins.plugin_utils.read import mentions
from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer, Variables
from ansible_collections.slipway.graph.plugins.plugin_utils.run import results
from ansible_collections.slipway.graph.plugins.plugin_utils.run.labels import HIDDEN_LABEL, label_of

# A task's ``vars`` may say here what its options will be where only a result tells.
HINTS = "price"
VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclasses.dataclass(frozen=True, eq=False)
class Declared:
    """One call. ``arguments`` lacks the options that depend on results."""

    step: Step
    item: str | None
    arguments: dict[str, t.Any]


def calls(graph: Graph, renderer: Renderer) -> c.Iterator[Declared]:
    """Every call that makes something on AWS, in reading order.

    A condition that depends on results holds; a loop over results counts as one call.
    """
    names = {name for step in graph.steps for name in step.registers}
    for step in graph.steps:
        if mentions.uses_aws(step) and not results.only_reads(step.module):
            yield from _calls_of(step, renderer, names)


def _calls_of(step: Step, renderer: Renderer, names: set[str]) -> c.Iterator[Declared]:
    for item, overlay in _items(step, renderer, names):
        variables = renderer.variables(step, overlay)
        if _is_ruled_out(step, renderer, variables, names):
            continue
        yield Declared(
            step,
            _label(step, renderer, variables, item) if overlay else None,
            _arguments(step, renderer, variables, names),
        )


def _items(step: Step, renderer: Renderer, names: set[str]) -> list[tuple[t.Any, dict[str, t.Any]]]:
    if step.task.loop is None:
        return [(None, {})]
    if renderer.value_reaches(step, step.task.loop, names):
        items = _as_written(step, renderer)
        if items is None:
            return [(None, {})]
    else:
        items = renderer.loop_items(step) or []
    return [(item, renderer.loop_variables(step, items, position)) for position, item in enumerate(items)]


def _as_written(step: Step, renderer: Renderer) -> list[t.Any] | None:
    """The items of a variable that is a list, though something in them needs a result."""
    name = VARIABLE.fullmatch(str(step.task.loop))
    value = renderer.variables(step).get(name[1]) if name else None
    return list(value) if isinstance(value, list) else None


def _label(step: Step, renderer: Renderer, variables: Variables, item: t.Any) -> str | None:
    try:
        hides = renderer.field(step.task.no_log, variables)
        return HIDDEN_LABEL if hides else label_of(step, variables, item, renderer)
    except AnsibleError:
        return None  # over what only a result tells


def _is_ruled_out(step: Step, renderer: Renderer, variables: Variables, names: set[str]) -> bool:
    for condition in step.task.when:
        if not renderer.value_reaches(step, "{{ " + str(condition) + " }}", names):
            try:
                if not renderer.holds([condition], variables):
                    return True
            except AnsibleError:
                continue  # over an item that only a result tells
    return False


def _arguments(step: Step, renderer: Renderer, variables: Variables, names: set[str]) -> dict[str, t.Any]:
    known: dict[str, t.Any] = {}
    for option, value in step.task.args.items():
        if not option.startswith("_") and not renderer.value_reaches(step, value, names):
            try:
                known |= renderer.arguments(step, variables, {option})
            except AnsibleError:
                continue  # as above
    hints = renderer.field(step.task.vars.get(HINTS) or {}, variables)
    return {**known, **hints}
