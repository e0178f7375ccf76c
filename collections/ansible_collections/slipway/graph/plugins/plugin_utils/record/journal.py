# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The journal of a run: every call and every API call it made, never a value that was read or hidden."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.record import critical_path, records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord

Document = dict[str, t.Any]


def document(host: str, mode: str, state: str, graph: Graph, calls: c.Sequence[CallRecord]) -> Document:
    """Everything that is known of a run, as plain data."""
    return {
        "host": host,
        "mode": mode,
        "state": state,
        "ended_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "summary": records.summary(calls),
        "critical_path": critical_path.entries(critical_path.chain(calls, needs_of(graph))),
        "graph": [
            {
                "index": step.index,
                "title": step.name,
                "role": step.role,
                "module": step.module,
                "location": step.location,
                "needs": sorted(need.index for need in graph.needs(step)),
            }
            for step in graph.steps
        ],
        "calls": [{"key": records.key_of(call), "title": call.title, **dataclasses.asdict(call)} for call in calls],
    }


def needs_of(graph: Graph) -> dict[int, list[int]]:
    """The graph as indexes of its steps."""
    return {step.index: [need.index for need in graph.needs(step)] for step in graph.steps}
