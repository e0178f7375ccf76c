# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Follows ``include_tasks`` before anything runs, once for each item of a loop: all its tasks are in the graph."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ansible.errors import AnsibleError, AnsibleParserError

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Block, Play, Task, TaskInclude

NAMES = frozenset({"include_tasks", "ansible.builtin.include_tasks", "ansible.legacy.include_tasks"})
_TOO_LATE = (
    "include_tasks is followed before anything runs, so its file and its loop cannot depend on what a task registers. "
    "Loop over the result in the tasks inside instead"
)


class Templates(t.Protocol):
    """Renders what is known before anything runs."""

    def static(self, task: Task, value: t.Any, overlay: dict[str, t.Any] | None = None) -> t.Any:
        """A value as a task sees it."""

    def task_reaches(self, task: Task, value: t.Any, targets: c.Set[str]) -> set[str]:
        """The registered names (of ``targets``) that a value reaches."""


class Followed(t.NamedTuple):
    """An include that was followed, with the fields that had to be known for it."""

    include: TaskInclude
    fields: list[t.Any]

    def refuse_results(self, templates: Templates, registered: c.Set[str]) -> None:
        """Refuse an include that depends on a result although it could be rendered, by a default for example."""
        names = templates.task_reaches(self.include, self.fields, registered)
        if names:
            raise AnsibleParserError(f"{_TOO_LATE} (it needs {', '.join(sorted(names))})", obj=self.include.get_ds())


def follow(include: TaskInclude, play: Play, templates: Templates) -> tuple[list[Block], Followed]:
    """The tasks of an include: those of its file, once for each item of its loop.

    :raises AnsibleParserError: for what is known only while tasks run.
    """
    target = include.args.get("_raw_params") or include.args.get("file")
    try:
        blocks = [
            block
            for variables in _items(include, templates)
            for block in _load(include, templates.static(include, target, variables), variables, play)
        ]
    except AnsibleParserError:
        raise
    except AnsibleError as error:
        raise AnsibleParserError(f"{_TOO_LATE}: {error}", obj=include.get_ds()) from error
    return blocks, Followed(include, [target, include.loop])


def _items(include: TaskInclude, templates: Templates) -> list[dict[str, t.Any]]:
    """The variables of each round."""
    if include.loop is None:
        return [{}]
    items = templates.static(include, include.loop)
    if not isinstance(items, list):
        raise AnsibleParserError(f"`loop` must be a list, not {type(items).__name__}", obj=include.get_ds())
    control = include.loop_control
    index = [control.index_var] if control.index_var else []
    return [{control.loop_var: item, **dict.fromkeys(index, position)} for position, item in enumerate(items)]


def _load(include: TaskInclude, target: t.Any, variables: dict[str, t.Any], play: Play) -> list[Block]:
    if not isinstance(target, str) or not target:
        raise AnsibleParserError("include_tasks does not name a file", obj=include.get_ds())
    return ansible_doors.load_included(include, target, variables, play)
