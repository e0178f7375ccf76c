# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who needs whom: a directed acyclic graph over steps, with data and order edges told apart."""

from __future__ import annotations

import bisect
import collections.abc as c
import dataclasses
import graphlib
import itertools

from ansible.errors import AnsibleParserError

from ansible_collections.slipway.graph.plugins.plugin_utils.read import ordering
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.mentions import Mentions
from ansible_collections.slipway.graph.plugins.plugin_utils.read.needs import ANYTHING


@dataclasses.dataclass
class Graph:
    """``data`` holds for each step the steps whose results it reads, ``order`` those it follows because it says so or
    registers their names again, ``place`` those it follows because a play would run them first (see :mod:`ordering`).
    """

    steps: list[Step]
    data: dict[Step, set[Step]]
    order: dict[Step, set[Step]]
    place: dict[Step, set[Step]] = dataclasses.field(default_factory=dict)

    def needs(self, step: Step) -> set[Step]:
        """Everything that must have ended before a step starts."""
        return self.data[step] | self.order[step] | self.place.get(step, set())

    def dependents(self) -> dict[Step, set[Step]]:
        """The edges turned round."""
        found: dict[Step, set[Step]] = {step: set() for step in self.steps}
        for step in self.steps:
            for need in self.needs(step):
                found[need].add(step)
        return found

    def closure(self, wanted: c.Iterable[Step]) -> set[Step]:
        """Some steps and all they need, directly or not; what they follow by place alone is not needed."""
        found: set[Step] = set()
        pending = list(wanted)
        while pending:
            step = pending.pop()
            if step not in found:
                found.add(step)
                pending.extend(self.data[step] | self.order[step])
        return found

    def before(self, step: Step) -> set[Step]:
        """Everything that must have ended before a step starts, directly or not."""
        found: set[Step] = set()
        pending = [step]
        while pending:
            more = self.needs(pending.pop()) - found
            found |= more
            pending.extend(more)
        return found

    def subgraph(self, kept: c.Set[Step]) -> Graph:
        """The graph of only these steps; who followed another through one that is left out still follows it."""
        return Graph(
            steps=[step for step in self.steps if step in kept],
            data={step: self.data[step] & kept for step in kept},
            order={step: self.order[step] & kept for step in kept},
            place=self._places_among(kept),
        )

    def _places_among(self, kept: c.Set[Step]) -> dict[Step, set[Step]]:
        if len(kept) == len(self.steps):
            return self.place
        follows: dict[Step, set[Step]] = {}
        for step in self._in_order():
            direct = self.place.get(step, set()) if step in kept else self.needs(step)
            through = (follows[each] for each in direct if each not in kept)
            follows[step] = (direct & kept).union(*through)
        return {step: follows[step] for step in kept}

    def _in_order(self) -> c.Iterable[Step]:
        """The steps, each behind all that it needs."""
        return graphlib.TopologicalSorter({step: self.needs(step) for step in self.steps}).static_order()

    def independent(self, wanted: c.Callable[[Step], bool]) -> set[Step]:
        """The wanted steps that need nobody but each other."""
        found: set[Step] = set()
        for step in self.steps:  # in reading order, which no need goes against but `after`
            if wanted(step) and self.needs(step) <= found:
                found.add(step)
        return found

    def heights(self) -> dict[Step, int]:
        """How long the longest chain behind each step is: what holds up most starts first."""
        dependents = self.dependents()
        found: dict[Step, int] = {}
        for step in reversed(list(self._in_order())):
            found[step] = 1 + max((found[dependent] for dependent in dependents[step]), default=0)
        return found


def build(steps: list[Step], reached: c.Callable[[Step], set[str]]) -> Graph:
    """Connect each step with those before it that register what it reaches.

    A name registered twice is as in a play: a reader gets the newest before it, and whoever registers it again
    waits for those who still read the old one.

    :raises AnsibleParserError: for a cycle, which it prints, and for an ``after`` that names nothing.
    """
    writers: dict[str, list[Step]] = {}
    for step in steps:
        for name in step.registers:
            writers.setdefault(name, []).append(step)
    graph = Graph(steps, {step: set() for step in steps}, {step: set() for step in steps})
    readers: dict[str, list[Step]] = {}
    for step in steps:
        names = reached(step)
        if ANYTHING in names:
            graph.order[step].update(steps[: step.index])
            names = names - {ANYTHING} | writers.keys()
        for name in names:
            readers.setdefault(name, []).append(step)
            graph.data[step].update(_newest_before(writers.get(name, []), step))
        graph.order[step].update(_named_in_after(step, writers))
        graph.order[step].update(step.gates, step.instead_of, *step.cleans_up)
    _keep_old_readers_first(graph, writers, readers)
    _refuse_cycles(graph)
    return graph


def with_places(graph: Graph, named: c.Callable[[Step], Mentions]) -> Graph:
    """The graph with the order that no data tells; ``named`` tells what a step of an AWS module names."""
    needs = {step: graph.needs(step) for step in graph.steps}
    return dataclasses.replace(graph, place=ordering.places(graph.steps, needs, named))


def _newest_before(writers: list[Step], reader: Step) -> list[Step]:
    position = bisect.bisect_left([writer.index for writer in writers], reader.index)
    # Only one of several writers may have run (each under its own condition), so all before it count.
    return writers[:position]


def _named_in_after(step: Step, writers: dict[str, list[Step]]) -> set[Step]:
    found: set[Step] = set()
    for name in step.after:
        if name not in writers:
            raise AnsibleParserError(
                f"{step.location}: `after` names {name!r}, which no task registers; registered names: "
                f"{', '.join(sorted(writers)) or 'none'}"
            )
        found.update(writer for writer in writers[name] if writer is not step)
    return found


def _keep_old_readers_first(graph: Graph, writers: dict[str, list[Step]], readers: dict[str, list[Step]]) -> None:
    for name, steps in writers.items():
        for earlier, later in itertools.pairwise(steps):
            graph.order[later].add(earlier)
            graph.order[later].update(
                reader for reader in readers.get(name, []) if earlier.index < reader.index < later.index
            )


def _refuse_cycles(graph: Graph) -> None:
    try:
        graphlib.TopologicalSorter({step: graph.needs(step) for step in graph.steps}).prepare()
    except graphlib.CycleError as error:
        circle = "\n  needs ".join(f"{step.name} ({step.location})" for step in reversed(error.args[1]))
        raise AnsibleParserError(f"these tasks need each other in a cycle:\n  {circle}") from None
