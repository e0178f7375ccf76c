# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``vars: {protect: true}``: whether what a task makes may be deleted only by its own name.

A boolean and nothing else: the text "false" is true to Python, and a list that is empty today is not tomorrow.
"""

from __future__ import annotations

import collections.abc as c

from ansible.errors import AnsibleActionFail, AnsibleError

from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.needs import value_names
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer


def problem(step: Step, renderer: Renderer, targets: c.Set[str]) -> str:
    """What is wrong with a step's ``protect``, with file and line; empty if nothing is.

    One that depends on what only a run can tell (``targets`` are the names that tasks register) is judged there.
    """
    if isinstance(step.protect, bool) or renderer.value_reaches(step, [step.protect, _loop_of(step)], targets):
        return ""
    try:
        is_protected(step, renderer)
    except AnsibleActionFail as error:
        return str(error)
    return ""


def is_protected(step: Step, renderer: Renderer) -> bool:
    """Whether a step is protected; one with a loop is where any of its items is.

    :raises AnsibleActionFail: for what is no boolean, with file and line.
    """
    if isinstance(step.protect, bool):
        return step.protect
    try:
        items = renderer.loop_items(step) if _loop_of(step) is not None else None
        overlays = [None] if items is None else [renderer.loop_variables(step, items, at) for at in range(len(items))]
        found = [renderer.field(step.protect, renderer.variables(step, overlay)) for overlay in overlays]
    except AnsibleError as error:
        raise AnsibleActionFail(f"{_place(step)} cannot be told: {str(error).splitlines()[0]}") from error
    wrong = [value for value in found if not isinstance(value, bool)]
    if wrong:
        raise AnsibleActionFail(
            f"{_place(step)} must be true or false, not {wrong[0]!r} ({_kind(wrong[0])}). On the command line "
            """a boolean is given as JSON: -e '{"<name>": true}'."""
        )
    return any(found)


def _loop_of(step: Step) -> object:
    """The loop, where the protection of its items differs."""
    task = step.task
    varies = task.loop is not None and task.loop_control.loop_var in value_names(step.protect)
    return task.loop if varies else None


def _kind(value: object) -> str:
    """A type's plain name: Ansible remembers where a value stood, by types of its own."""
    return next((kind.__name__ for kind in (str, int, float, list, dict) if isinstance(value, kind)), "nothing")


def _place(step: Step) -> str:
    return f"{step.location}: {step.name}: `protect`"
