# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Follows includes of tasks, roles and variables before anything runs, once for each item of a loop."""

from __future__ import annotations

import collections.abc as c
import re
import typing as t
from pathlib import Path

from ansible.errors import AnsibleError, AnsibleParserError

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Block, IncludeRole, Play
from ansible_collections.slipway.graph.plugins.plugin_utils.read import needs
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer

VARIABLES = "ansible.builtin.include_vars"
_PREFIXES = ("", "ansible.builtin.", "ansible.legacy.")
ACTIONS = frozenset(prefix + name for prefix in _PREFIXES for name in ("include_tasks", "include_role", "include_vars"))
_TOO_LATE = (
    "{action} is followed before anything runs, so {what} cannot depend on what a task registers{named}. "
    "Loop over the result, or ask for it with `when`, in the tasks inside instead"
)


class Known:
    """What can be told of an include at its place in reading order.

    :arg registered: the names that tasks before it register.
    :arg changers: the tasks before it that may change files, and what else lookups and tests look at.
    """

    def __init__(self, renderer: Renderer, registered: c.Set[str], changers: c.Sequence[Step]) -> None:
        self._renderer = renderer
        self._registered = registered
        self._changers = changers
        self._looks = {needs.WORLD, needs.FILES} if changers else set()

    def holds(self, step: Step) -> bool | None:
        """Whether the conditions of a step hold; ``None`` if only a run can tell.

        :raises AnsibleParserError: for a condition that cannot be rendered.
        """
        undecided = False
        for condition in step.task.when:
            if self._reached(step, "{{ " + str(condition) + " }}"):
                undecided = True
                continue
            try:
                if not self._renderer.holds([condition], self._renderer.variables(step)):
                    return False
            except AnsibleError as error:
                if not undecided:
                    raise AnsibleParserError(f"{step.location}: {step.name}: `when`: {error}") from error
        return None if undecided else True

    def rounds(self, step: Step) -> list[dict[str, t.Any]]:
        """The loop variables of each round of an include.

        :raises AnsibleParserError: for a loop that only a run can tell, or that cannot be rendered.
        """
        if step.task.loop is None:
            return [{}]
        self._refuse_what_a_run_tells(step, "its loop", step.task.loop)
        try:
            if step.task.loop_with and needs.looked_at_by(step.task.loop_with):
                patterns = self._renderer.field(step.task.loop, self._renderer.variables(step))
                self._refuse_what_is_written(step, [*_texts(patterns), *map(_folder, _texts(patterns))])
            items = self._renderer.loop_items(step) or []
        except AnsibleError as error:
            raise AnsibleParserError(f"{step.location}: {step.name}: {error}") from error
        return [self._renderer.loop_variables(step, items, position) for position in range(len(items))]

    def arguments(self, step: Step) -> dict[str, t.Any]:
        """The arguments of an include, rendered; ``apply`` is left as written.

        :raises AnsibleParserError: for what only a run can tell, or cannot be rendered.
        """
        written = {name: value for name, value in step.task.args.items() if name != "apply"}
        self._refuse_what_a_run_tells(step, "what it names", written)
        try:
            arguments = t.cast("dict[str, t.Any]", self._renderer.field(written, self._renderer.variables(step)))
            paths = [arguments.get(name) for name in ("_raw_params", "file", "dir")]
            self._refuse_what_is_written(step, [str(path) for path in paths if path])
            return arguments
        except AnsibleParserError:
            raise
        except AnsibleError as error:
            raise AnsibleParserError(f"{step.location}: {step.name}: {error}") from error

    def _reached(self, step: Step, value: t.Any) -> set[str]:
        targets = frozenset(self._registered | self._looks)
        found = self._renderer.value_reaches(step, value, targets)
        return set(self._registered) if needs.ANYTHING in found else found & targets

    def _refuse_what_a_run_tells(self, step: Step, what: str, value: t.Any) -> None:
        # A file of the role, which lookups find, was there before.
        names = self._reached(step, value) - {needs.FILES}
        if needs.WORLD in names:
            raise AnsibleParserError(
                f"{step.location}: {step.task.action} is followed before anything runs, so {what} cannot look at what "
                "tasks before it may change"
            )
        if names:
            named = f" (it needs {', '.join(sorted(names))})"
            raise AnsibleParserError(
                f"{step.location}: " + _TOO_LATE.format(action=step.task.action, what=what, named=named)
            )

    def _refuse_what_is_written(self, step: Step, paths: c.Iterable[str]) -> None:
        """Refuse a file that a task before the include may write: it would be read before that."""
        names = {name for path in paths for name in (path, _file_name(path)) if name}
        if not self._changers or not names:
            return
        pattern = re.compile("|".join(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])" for name in sorted(names)))
        for changer in self._changers:
            if pattern.search(self._text_of(changer)):
                raise AnsibleParserError(
                    f"{step.location}: {step.task.action} is followed before anything runs, so it cannot read what a "
                    f"task before it names ({changer.name}, {changer.location})"
                )

    def _text_of(self, step: Step) -> str:
        try:
            return str(self._renderer.field(step.task.args, self._renderer.variables(step)))
        except AnsibleError:
            return str(step.task.args)


def _texts(value: t.Any) -> list[str]:
    """All texts inside a value."""
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, c.Mapping) else value if isinstance(value, (list, tuple)) else ()
    return [text for each in inside for text in _texts(each)]


def _file_name(path: str) -> str:
    """The name of a file by itself, if it is one that nothing else has by chance."""
    name = Path(path).name
    return name if Path(name).suffix and "*" not in name else ""


def _folder(path: str) -> str:
    return str(Path(path).parent) if path.startswith("/") else ""


def blocks_of(step: Step, known: Known, renderer: Renderer, play: Play) -> list[Block]:
    """The tasks that an include brings.

    :raises AnsibleParserError: for what cannot be found or is known only while tasks run.
    """
    arguments = known.arguments(step)
    if isinstance(step.task, IncludeRole):
        return ansible_doors.blocks_of_role(step.task, arguments, play)
    target = arguments.get("_raw_params") or arguments.get("file")
    if not isinstance(target, str) or not target:
        raise AnsibleParserError(f"{step.location}: include_tasks names no file")
    return ansible_doors.blocks_of_include(step.task, target, renderer.templar(renderer.variables(step)), play)


def variables_of(step: Step, known: Known, renderer: Renderer, play: Play) -> dict[str, t.Any]:
    """What ``include_vars`` brings."""
    variables = renderer.variables(step)
    arguments = known.arguments(step)
    return ansible_doors.variables_of_files(step.task, arguments, renderer.templar(variables), variables, play)
