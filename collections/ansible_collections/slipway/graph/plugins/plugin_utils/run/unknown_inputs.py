# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a plan can say of a step whose inputs exist only after the apply."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ansible.errors import AnsibleError

from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.run.labels import HIDDEN_LABEL, label_of


class Foreseen(t.NamedTuple):
    """A call that an apply would decide about; ``status`` is *unknown*, or *skipped* where that is certain already."""

    position: int
    label: str | None
    status: str


def foresee(step: Step, missing: set[str], renderer: Renderer) -> c.Iterator[Foreseen]:
    """What would run once the ``missing`` results are there, item by item where the loop does not need them."""
    items = _items(step, missing, renderer)
    conditions = ["{{ " + str(condition) + " }}" for condition in step.task.when]
    decided = not any(renderer.value_reaches(step, condition, missing) for condition in conditions)
    for position, item in enumerate([None] if items is None else items):
        overlay = {} if items is None else renderer.loop_variables(step, items, position)
        variables = renderer.variables(step, overlay)
        status, label = records.UNKNOWN, None
        try:
            if decided and not renderer.holds(step.task.when, variables):
                status = records.SKIPPED
            if items is not None:
                hides = bool(renderer.field(step.task.no_log, variables))
                label = HIDDEN_LABEL if hides else label_of(step, variables, item, renderer)
        except AnsibleError:
            pass  # a condition over what only the apply can tell
        yield Foreseen(position, label, status)


def _items(step: Step, missing: set[str], renderer: Renderer) -> list[t.Any] | None:
    try:
        return None if renderer.value_reaches(step, step.task.loop, missing) else renderer.loop_items(step)
    except AnsibleError:
        return None
