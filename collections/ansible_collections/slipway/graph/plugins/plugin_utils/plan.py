# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plan for people: what would be written, and what cannot be known before it is."""

from __future__ import annotations

import collections.abc as c
import json
import typing as t

from ansible_collections.slipway.graph.plugins.plugin_utils import records
from ansible_collections.slipway.graph.plugins.plugin_utils.records import CallRecord

MAX_VALUE = 200


def lines(calls: c.Iterable[CallRecord]) -> list[str]:
    """One line per call that would write or might, in reading order, then what they add up to."""
    ordered = sorted(calls, key=lambda call: call.order)
    found = [_line(call) for call in ordered if call.status in (records.PLANNED, records.UNKNOWN) and not call.reads]
    return [*found, headline(ordered)]


def headline(calls: c.Iterable[CallRecord]) -> str:
    """What a plan adds up to, in one line."""
    calls = list(calls)
    planned = sum(call.status == records.PLANNED for call in calls)
    unknown = sum(call.status == records.UNKNOWN and not call.reads for call in calls)
    failed = sum(call.status == records.FAILED for call in calls)
    unchanged = sum(call.status == records.OK for call in calls)
    text = f"Plan: {planned + unknown} to change"
    if unknown:
        text += f" ({unknown} with inputs known after apply)"
    text += f", {unchanged} unchanged"
    return text + (f", {failed} failed" if failed else "")


def _line(call: CallRecord) -> str:
    if call.status == records.UNKNOWN:
        return f"  ? {call.title}: {call.module}, inputs known after apply: {', '.join(call.unknown)}"
    if not call.writes:
        return f"  ~ {call.title}: {call.module} would change something (its check mode says so)"
    return f"  + {call.title}: {describe(call.writes[0])}"


def describe(write: dict[str, t.Any]) -> str:
    """One stopped write: ``rds:ModifyDBInstance {"DBInstanceClass": "db.t3.large"}``."""
    parameters = json.dumps(write["parameters"], default=str)
    if len(parameters) > MAX_VALUE:
        parameters = parameters[: MAX_VALUE - 1] + "…"
    return f"{write['service']}:{write['operation']} {parameters}"


def outcome(calls: c.Iterable[CallRecord]) -> str:
    """What an apply did, in one line."""
    counts = records.summary(calls)
    parts = [f"{counts[status]} {status}" for status in (records.CHANGED, records.OK, records.FAILED) if counts[status]]
    if counts[records.BLOCKED]:
        parts.append(f"{counts[records.BLOCKED]} not run because they need what failed")
    return "Done: " + (", ".join(parts) or "nothing to do")
