# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a selection means to a verb that deletes.

Tags and ``only`` select what is planned and applied, with what that needs. Taken over by what deletes, the same words
would delete what others stand on, or take for an orphan what was merely left out. So each such verb says here what it
understands, and refuses the rest.
"""

from __future__ import annotations

import typing as t

from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.preparation import refuse_unknown_roles
from ansible_collections.slipway.graph.plugins.plugin_utils.remove import per_module


class Selection(t.NamedTuple):
    """``graph`` is what has to be read, ``removable`` the steps of it whose resources may be deleted."""

    graph: Graph
    removable: set[Step]


def to_destroy(whole: Graph, only: list[str]) -> Selection:
    """Everything; with ``only`` those roles and all that needs them, never what they need.

    :raises AnsibleActionFail: for tags that leave something out, and for a role that is not there.
    """
    _refuse_tags("destroy", whole, "To destroy a part, name roles: -e only=<role>,<role>.")
    if not only:
        return Selection(whole, set(whole.steps))
    refuse_unknown_roles(whole, only)
    removable = _with_what_needs_them(whole, {step for step in whole.steps if step.role in only})
    others = sorted({step.role or "tasks outside of roles" for step in removable} - set(only))
    Display().warning(
        f"only {', '.join(only)}: of {len(whole.steps)} tasks, {len(removable)} are destroyed: these roles and "
        f"what needs them ({', '.join(others) or 'nothing else'})"
    )
    return Selection(whole.subgraph(whole.closure(removable)), removable)


def to_look_for_orphans(whole: Graph, only: list[str]) -> Graph:
    """Every task: what was left out by a selection would be taken for an orphan.

    :raises AnsibleActionFail: for tags that leave something out and for ``only``.
    """
    advice = "What a task makes is no orphan, whether or not its tags are asked for."
    _refuse_tags("orphans", whole, advice)
    if only:
        raise AnsibleActionFail(
            f"orphans does not take only ({', '.join(only)}): what belongs to the other roles would be taken for "
            "orphans. Leave it out."
        )
    return whole


def _refuse_tags(verb: str, whole: Graph, advice: str) -> None:
    wanted, unwanted = context.CLIARGS.get("tags") or ["all"], context.CLIARGS.get("skip_tags") or []
    given = [f"--tags {','.join(wanted)}"] if list(wanted) != ["all"] else []
    given += [f"--skip-tags {','.join(unwanted)}"] if unwanted else []
    # Some programs always give tags that no task has: molecule skips `notest`.
    left_out = [step for step in whole.steps if not step.is_selected and not step.is_gate] if given else []
    if left_out:
        raise AnsibleActionFail(
            f"{verb} does not take {' or '.join(given)}, which leaves out {len(left_out)} tasks, the first of them "
            f"{left_out[0].name!r} ({left_out[0].location}): tags select what is planned and applied, never what is "
            f"deleted. Nothing was deleted. {advice}"
        )


def _with_what_needs_them(graph: Graph, chosen: set[Step]) -> set[Step]:
    dependents: dict[Step, set[Step]] = {step: set() for step in graph.steps}
    for step in graph.steps:
        for need in _stands_on(graph, step):
            dependents[need].add(step)
    found: set[Step] = set()
    pending = list(chosen)
    while pending:
        step = pending.pop()
        if step not in found:
            found.add(step)
            pending.extend(dependents[step])
    return found


def _stands_on(graph: Graph, step: Step) -> set[Step]:
    """What a step could not be without: what it reads or says it follows, and other resources that it names.

    The place of a command among its neighbours makes nobody stand on anybody.
    """
    found = graph.data[step] | graph.order[step]
    if per_module.can_be_absent(step.module):
        found |= {need for need in graph.place.get(step, set()) if per_module.can_be_absent(need.module)}
    return found
