# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All tasks of a play's roles and of task files as steps in reading order: includes followed, each role once."""

from __future__ import annotations

import collections
import collections.abc as c
import dataclasses
import typing as t

from ansible.errors import AnsibleError, AnsibleParserError

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Block, Play, Role, Task
from ansible_collections.slipway.graph.plugins.plugin_utils.read import (
    conversion,
    includes,
    keywords,
    loading,
    ordering,
)
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.locality import Locality
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer
from ansible_collections.slipway.graph.plugins.plugin_utils.read.tags import Tags

# An include inside itself this often never ends.
DEEPEST = 50


@dataclasses.dataclass
class Reading:
    """``entries`` are Ansible's own validations of the roles' inputs, which are done before anything runs.

    ``left_out`` are the keys of tasks that only tags would have run; an include's ends with a slash, since what it
    includes is not read: any task of its role may be.
    """

    steps: list[Step]
    entries: list[Step]
    left_out: frozenset[str] = frozenset()


def read(play: Play, renderer: Renderer, task_files: t.Sequence[str], tags: Tags, locality: Locality) -> Reading:
    """Everything that a play of roles and task files would run.

    :raises AnsibleParserError: for whatever has no place in a graph; all of it at once, each with file and line.
    """
    reader = _Reader(play, renderer, tags, locality)
    blocks = ansible_doors.blocks_of_roles(play)
    for path in task_files:
        blocks += ansible_doors.blocks_of_file(play, path)
    reader.read(blocks, _Place())
    if reader.refusals:
        raise AnsibleParserError("\n".join(reader.refusals))
    renderer.reading_ended(reader.included)
    loading.tell_apart([step for step in reader.steps if not step.is_gate])
    return Reading(reader.steps, reader.entries, frozenset(reader.left_out))


def _told(error: AnsibleError, location: str) -> str:
    """What is wrong, with the place that the error itself names, or else the task that was read."""
    text, place = str(error), ansible_doors.written_at(error.obj)
    if place and place.path and place.line:
        location = f"{place.path}:{place.line}"
    return text if location in text else f"{location}: {text}"


class _Place(t.NamedTuple):
    """What the includes around a task make of it."""

    gates: tuple[Step, ...] = ()
    is_ordinary: bool = True
    is_selected: bool = True


class _Reader:
    """Walks through blocks; what it finds grows in reading order."""

    def __init__(self, play: Play, renderer: Renderer, tags: Tags, locality: Locality) -> None:
        self.steps: list[Step] = []
        self.entries: list[Step] = []
        self.refusals: list[str] = []
        self.left_out: set[str] = set()
        # What the tasks see that the tags select, and those that run without tags.
        self.included: c.Mapping[str, t.Any] = renderer.included
        self._included_without_tags = renderer.included
        self._play = play
        self._renderer = renderer
        self._tags = tags
        self._locality = locality
        self._registered: set[str] = set()
        self._changers: list[Step] = []
        self._depths: collections.Counter[str] = collections.Counter()
        self._roles = _Roles()

    def read(self, items: c.Iterable[Block | Task], place: _Place) -> None:
        """Read blocks and tasks. What is wrong with one of them keeps none of the others from being read."""
        for item in items:
            if isinstance(item, Block):
                self._read_block(item, place)
                continue
            try:
                self._read_task(item, place)
            except AnsibleError as error:
                self.refusals.append(_told(error, loading.location_of(item)))

    def _read_block(self, block: Block, place: _Place) -> None:
        if isinstance(block.get_ds(), dict) and "block" in block.get_ds():
            self.refusals += keywords.refused_keywords(block, keywords.BLOCK_KEYWORDS)
        first = len(self.steps)
        self.read(block.block, place)
        inside = tuple(self.steps[first:])
        self.read(block.always, place)
        for step in self.steps[first + len(inside) :]:
            step.cleans_up += (inside,)

    def _read_task(self, task: Task, place: _Place) -> None:
        ended = ansible_doors.has_ended(task)
        if ended is not None:
            self._roles.end(ended)
            return
        if keywords.is_meta(task):
            refusal = None if task.implicit else keywords.refused_meta(task)
            self.refusals += [refusal] if refusal else []
            return
        repeated = self._roles.gate(task, lambda: len(self.steps))
        if repeated is _AGAIN:
            return
        if isinstance(repeated, Step):
            self._add(self._placed(repeated, place))
        gates = (gate for gate in self._roles.gates(task) if gate not in place.gates)
        place = _Place((*place.gates, *gates), place.is_ordinary, place.is_selected)
        if str(task.action) in includes.ACTIONS:
            self._read_include(task, place)
        elif "validate_args_context" in task.args:
            self._read_entry(task, place)
        else:
            self._read_step(task, place)

    def _read_step(self, task: Task, place: _Place) -> None:
        step = self._placed(loading.step_of(len(self.steps), task), place)
        if self._is_left_out(step):
            self.left_out.add(step.key)
            return
        self._refuse(step, keywords.TASK_KEYWORDS)
        refusal = keywords.refused_module(step)
        self.refusals += [refusal] if refusal else []
        self._add(step)

    def _read_entry(self, task: Task, place: _Place) -> None:
        """Ansible's own validation of a role's inputs: done beforehand, unless only a run tells whether it is done."""
        step = self._placed(loading.step_of(len(self.steps), task), place)
        if self._is_left_out(step):
            return
        holds = self._known().holds(step)
        if holds is None or place.gates:
            self._add(step)
        elif holds:
            self.entries.append(step)
            self._roles.add(step)
            conversion.convert_literals(step, self._renderer)

    def _read_include(self, task: Task, place: _Place) -> None:
        step = self._placed(loading.gate_of(len(self.steps), task), place)
        if self._is_left_out(step):
            self.left_out.add(f"{step.role}/")
            return
        self._refuse(step, keywords.INCLUDE_KEYWORDS)
        for variables in self._rounds(step, self._known()):
            each = loading.gate_of(len(self.steps), ansible_doors.round_of(task, variables))
            self._placed(each, place)
            holds = self._known().holds(each)
            if holds is not False:
                self._follow(each, place, is_open=holds is True)

    def _rounds(self, step: Step, known: includes.Known) -> list[dict[str, t.Any]]:
        try:
            return known.rounds(step)
        except AnsibleParserError:
            # As in a play, a loop that cannot be rendered is no mistake where a condition rules the include out.
            if step.task.when and self._is_ruled_out(step, known):
                return []
            raise

    @staticmethod
    def _is_ruled_out(step: Step, known: includes.Known) -> bool:
        try:
            return known.holds(step) is False
        except AnsibleParserError:
            return False

    def _follow(self, step: Step, place: _Place, is_open: bool) -> None:
        if step.module == includes.VARIABLES:
            self._include_variables(step, place, is_open)
            return
        self._depths[step.location] += 1
        if self._depths[step.location] > DEEPEST:
            raise AnsibleParserError(f"{step.location}: {step.name}: it includes itself without end")
        blocks = includes.blocks_of(step, self._known(), self._renderer, self._play)
        if not is_open:
            self._add(step)
        gates = place.gates if is_open else (*place.gates, step)
        self.read(blocks, _Place(gates, step.is_ordinary, step.is_selected))
        self._depths[step.location] -= 1

    def _include_variables(self, step: Step, place: _Place, is_open: bool) -> None:
        if not is_open or place.gates:
            raise AnsibleParserError(
                f"{step.location}: include_vars is read before anything runs, so a condition cannot depend on what a "
                "task registers or changes"
            )
        found = self._variables(step)
        before, without_tags = self.included, self._included_without_tags
        # One mapping as long as there is no difference: whoever keeps something by it need not keep it twice.
        both = {**before, **found} if before is without_tags and step.is_ordinary and step.is_selected else None
        if step.is_selected:
            self.included = both or {**before, **found}
        if step.is_ordinary:
            self._included_without_tags = both or {**without_tags, **found}

    def _variables(self, step: Step) -> dict[str, t.Any]:
        try:
            return includes.variables_of(step, self._known(), self._renderer, self._play)
        except AnsibleError:
            if step.task.ignore_errors is True or step.task.failed_when in (False, [False]):
                return {}
            raise

    def _placed(self, step: Step, place: _Place) -> Step:
        """A step with what its place makes of it."""
        step.gates = place.gates
        step.included = self.included if place.is_selected else self._included_without_tags

        def variables() -> c.Mapping[str, t.Any]:
            return self._renderer.variables(step)

        step.is_ordinary = place.is_ordinary and Tags().select(step.task, variables)
        step.is_selected = place.is_selected and self._tags.select(step.task, variables)
        if step.is_ordinary and not step.is_selected:
            step.included = self._included_without_tags
        return step

    @staticmethod
    def _is_left_out(step: Step) -> bool:
        return not (step.is_ordinary or step.is_selected)

    def _add(self, step: Step) -> None:
        step.index = len(self.steps)
        step.follows_changes = bool(self._changers)
        self.steps.append(step)
        self._roles.add(step)
        self._registered.update(step.registers)
        if ordering.may_change_the_world(step):
            self._changers.append(step)

    def _known(self) -> includes.Known:
        return includes.Known(self._renderer, self._registered, self._changers)

    def _refuse(self, step: Step, allowed: frozenset[str]) -> None:
        found = list(keywords.refused_keywords(step.task, allowed))
        self.refusals += found
        refusal = None if step.is_gate else self._locality.refusal(step, self._renderer.variables(step), self._rendered)
        self.refusals += [refusal] if refusal else []

    def _rendered(self, step: Step, value: t.Any) -> t.Any:
        if not isinstance(value, str) or "{{" not in value:
            return value
        names = self._renderer.value_reaches(step, value, self._registered)
        if names:
            raise AnsibleError(f"it depends on {', '.join(sorted(names))}")
        return self._renderer.field(value, self._renderer.variables(step))


_AGAIN = object()


class _Roles:
    """Which roles have run: as in a play, one that has run a task and is the same is not run again."""

    def __init__(self) -> None:
        self._steps: dict[int, list[Step]] = {}
        self._ended: list[tuple[Role, list[Step]]] = []
        self._met: dict[int, t.Any] = {}

    def add(self, step: Step) -> None:
        """Note a step of its role."""
        role = ansible_doors.role_of(step.task)
        if role is not None and not step.is_gate:
            self._steps.setdefault(id(role), []).append(step)

    def end(self, role: Role) -> None:
        """Note that all of a role has been read."""
        if self._met.get(id(role)) is not _AGAIN:
            self._ended.append((role, self._steps.get(id(role), [])))

    def gate(self, task: Task, index: c.Callable[[], int]) -> t.Any:
        """What the first task of a role meets: nothing, a new gate, or that it has run (for each of its tasks)."""
        role = ansible_doors.role_of(task)
        if role is None:
            return None
        if id(role) in self._met:
            return _AGAIN if self._met[id(role)] is _AGAIN else None
        self._met[id(role)] = found = self._again(role, task, index)
        return found

    def gates(self, task: Task) -> tuple[Step, ...]:
        """The gate of a task's role, if there is one."""
        found = self._met.get(id(ansible_doors.role_of(task)))
        return (found,) if isinstance(found, Step) else ()

    def _again(self, role: Role, task: Task, index: c.Callable[[], int]) -> t.Any:
        if ansible_doors.may_run_again(role):
            return None
        earlier = [step for other, steps in self._ended if other == role for step in steps if step.is_selected]
        if not earlier:
            return None
        if any(_surely_runs(step) for step in earlier):
            return _AGAIN
        gate = loading.gate_of(index(), task)
        gate.instead_of = tuple(earlier)
        return gate


def _surely_runs(step: Step) -> bool:
    return not step.task.when and step.task.loop is None and not step.gates
