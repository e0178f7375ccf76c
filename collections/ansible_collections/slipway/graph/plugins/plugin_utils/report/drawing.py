# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where everything stands in a drawing of the graph: columns by the longest path, a lane for each role."""

from __future__ import annotations

import collections
import collections.abc as c
import dataclasses
import typing as t

WIDTH, HEIGHT = 188, 24
COLUMN, ROW = 228, 31
MARGIN, LANE_HEAD = 12, 24
# As many letters as fit into a node.
LETTERS = 25


@dataclasses.dataclass
class Node:
    """One task."""

    index: int
    title: str
    role: str
    status: str
    x: int
    y: int

    @property
    def label(self) -> str:
        """The title as far as it fits."""
        return self.title if len(self.title) <= LETTERS else self.title[: LETTERS - 1] + "…"


@dataclasses.dataclass
class Lane:
    """The tasks of one role, which stand one under the other."""

    role: str
    y: int
    height: int


@dataclasses.dataclass
class Drawing:
    """``edges`` are SVG paths with the indexes of the tasks they connect."""

    width: int
    height: int
    lanes: list[Lane]
    nodes: list[Node]
    edges: list[tuple[int, int, str]]
    node_width: int = WIDTH


def draw(steps: c.Sequence[dict[str, t.Any]], statuses: c.Mapping[int, str]) -> Drawing:
    """Place the steps of a journal's graph; ``statuses`` by their index, ``skipped`` for those that have none."""
    needs = {step["index"]: step["needs"] for step in steps}
    columns = _columns(needs)
    nodes: dict[int, Node] = {}
    lanes: list[Lane] = []
    top = MARGIN
    for role, members in _by_role(steps).items():
        taken: collections.Counter[int] = collections.Counter()
        for step in members:
            column = columns[step["index"]]
            nodes[step["index"]] = Node(
                step["index"],
                step["title"],
                role,
                statuses.get(step["index"], "skipped"),
                x=MARGIN + column * COLUMN,
                y=top + LANE_HEAD + taken[column] * ROW,
            )
            taken[column] += 1
        height = LANE_HEAD + max(taken.values()) * ROW
        lanes.append(Lane(role, top, height))
        top += height + MARGIN
    edges = [
        (need, index, _curve(nodes[need], nodes[index]))
        for index, direct in _reduced(needs, columns).items()
        for need in sorted(direct)
    ]
    width = 2 * MARGIN + max(columns.values(), default=0) * COLUMN + WIDTH
    return Drawing(width, top, lanes, list(nodes.values()), edges)


def _by_role(steps: c.Iterable[dict[str, t.Any]]) -> dict[str, list[dict[str, t.Any]]]:
    found: dict[str, list[dict[str, t.Any]]] = {}
    for step in steps:
        found.setdefault(step["role"], []).append(step)
    return found


def _columns(needs: c.Mapping[int, c.Sequence[int]]) -> dict[int, int]:
    """How many steps the longest path to each step has before it."""
    found: dict[int, int] = {}
    pending = list(needs)
    while pending:
        index = pending[-1]
        missing = [need for need in needs[index] if need not in found]
        if missing:
            pending += missing
        else:
            found[pending.pop()] = 1 + max((found[need] for need in needs[index]), default=-1)
    return found


def _reduced(needs: c.Mapping[int, c.Sequence[int]], columns: c.Mapping[int, int]) -> dict[int, set[int]]:
    """The needs without those that another need has already: fewer lines say the same."""
    before: dict[int, int] = {}  # as bits, for graphs of thousands
    reduced: dict[int, set[int]] = {}
    for index in sorted(needs, key=lambda index: columns[index]):
        through = 0
        for need in needs[index]:
            through |= before[need]
        reduced[index] = {need for need in needs[index] if not through >> need & 1}
        before[index] = through | sum(1 << need for need in reduced[index])
    return reduced


def _curve(need: Node, node: Node) -> str:
    x1, y1, x2, y2 = need.x + WIDTH, need.y + HEIGHT // 2, node.x, node.y + HEIGHT // 2
    bend = max(24, (x2 - x1) // 2)
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
