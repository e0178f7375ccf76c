# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The chain of calls, each needing the one before it, that decided how long a run took."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord


def chain(calls: c.Iterable[CallRecord], needs: c.Mapping[int, c.Collection[int]]) -> list[CallRecord]:
    """Start at the call that ended last, and go back to the one that its task waited for longest, and so on.

    :param needs: for the index of each task those of the tasks it needs.
    """
    last: dict[int, CallRecord] = {}
    for call in calls:
        index = call.order[0]
        if call.seconds and (index not in last or _end(call) > _end(last[index])):
            last[index] = call
    found: list[CallRecord] = []
    candidates = list(last.values())
    while candidates:
        found.append(max(candidates, key=_end))
        candidates = _waited_for(found[-1].order[0], last, needs)
    return found[::-1]


def entries(path: c.Iterable[CallRecord]) -> list[dict[str, t.Any]]:
    """The chain as plain data."""
    return [
        {"title": call.title, "order": call.order, "started": call.started, "seconds": call.seconds} for call in path
    ]


def lines(path: c.Sequence[dict[str, t.Any]], limit: int = 8) -> list[str]:
    """The chain for people; of a long one the calls that took longest."""
    if not path:
        return []
    shown = sorted(path, key=lambda call: -call["seconds"])[:limit]
    width = len(f"{shown[0]['seconds']:.1f}")
    rest = len(path) - len(shown)
    return [
        f"Critical path, {path[-1]['started'] + path[-1]['seconds']:.1f} s:",
        *(f"  {call['seconds']:>{width}.1f} s  {call['title']}" for call in path if call in shown),
        *([f"  and {rest} shorter calls between them"] if rest else []),
    ]


def _end(call: CallRecord) -> float:
    return call.started + call.seconds


def _waited_for(
    index: int, last: c.Mapping[int, CallRecord], needs: c.Mapping[int, c.Collection[int]]
) -> list[CallRecord]:
    """The last calls of the needed tasks; through a task that made none, those of the tasks that it needs."""
    found: list[CallRecord] = []
    pending, seen = list(needs.get(index, ())), set()
    while pending:
        need = pending.pop()
        if need in seen:
            continue
        seen.add(need)
        if need in last:
            found.append(last[need])
        else:
            pending.extend(needs.get(need, ()))
    return found
