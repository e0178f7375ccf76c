# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The journal of a run: every call and every API call it made, never a value that was read or hidden."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.record import critical_path, records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord

Document = dict[str, t.Any]


def document(host: str, mode: str, state: str, graph: Graph, calls: c.Sequence[CallRecord]) -> Document:
    """Everything that is known of a run, as plain data."""
    return of_steps(host, mode, state, steps_of(graph), calls)


def of_steps(
    host: str, mode: str, state: str, steps: list[dict[str, t.Any]], calls: c.Sequence[CallRecord]
) -> Document:
    """The same, of a graph that is plain data already."""
    needs = {step["index"]: step["needs"] for step in steps}
    return {
        "host": host,
        "mode": mode,
        "state": state,
        "ended_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "summary": records.summary(calls),
        "critical_path": critical_path.entries(critical_path.chain(calls, needs)),
        "graph": steps,
        "calls": [entry(call) for call in calls],
    }


def steps_of(graph: Graph) -> list[dict[str, t.Any]]:
    """The graph as plain data."""
    return [
        {
            "index": step.index,
            "key": step.key,
            "title": step.name,
            "role": step.role,
            "module": step.module,
            "location": step.location,
            "needs": sorted(need.index for need in graph.needs(step)),
        }
        for step in graph.steps
    ]


def entry(call: CallRecord) -> dict[str, t.Any]:
    """A call as plain data."""
    return {"key": records.key_of(call), "title": call.title, **vars(call)}
