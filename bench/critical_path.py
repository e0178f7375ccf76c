# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long a run must take at least, whoever schedules it: its longest chain of tasks that need each other.

A call takes the latency of each of its API calls, which a module makes one after the other, and the time that AWS
needs to make the resource. Nothing else: computing, the emulator's own work and waiting for a slot count as zero.
"""

from __future__ import annotations

import collections.abc as c
import graphlib
import itertools
import typing as t

from bench.proxy import Creation


def seconds(journal: dict[str, t.Any], latency: float, creations: c.Sequence[Creation] = ()) -> float:
    """The length of the critical path of a run, by its journal's graph and API calls."""
    longest: dict[int, float] = {}
    for call in journal["calls"]:
        index = call["order"][0]  # the items of a loop run side by side
        longest[index] = max(longest.get(index, 0.0), call_seconds(call["api_calls"], latency, creations))
    needs = {step["index"]: step["needs"] for step in journal["graph"]}
    ends: dict[int, float] = {}
    for index in graphlib.TopologicalSorter(needs).static_order():
        ends[index] = longest.get(index, 0.0) + max((ends[need] for need in needs.get(index, ())), default=0.0)
    return max(ends.values(), default=0.0)


def call_seconds(api_calls: c.Sequence[dict[str, t.Any]], latency: float, creations: c.Sequence[Creation]) -> float:
    """How long one call must take."""
    asked = [(api_call["service"], api_call["operation"]) for api_call in api_calls]
    waited = [creation for creation in creations if (creation.service, creation.operation) in asked]
    if waited:  # asking again and again whether it is ready is part of the creation time
        asked = [operation for operation, _repeated in itertools.groupby(asked)]
    return len(asked) * latency + sum(creation.visible_seconds for creation in waited)
