# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plan as a document, and that document for people: what would be written, and what cannot be known before it is.

Imports nothing of Ansible, so that a program without it can read plans (tools/plan_comment.py does).
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import json
import typing as t

from ansible_collections.slipway.graph.plugins.module_utils.harmless import harmless
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import differences

VERSION = 2
MAX_VALUE = 200
# Of a call without a check mode, or one that needs what a plan has not done.
UNASKED = "only an apply can tell"
# What differs from plan to plan of the same account and inputs, or says where in this run a call stood.
_NOT_PLANNED = ("seconds", "started", "api_calls", "order", "task_key", "item_occurrence")

# How the ends of calls are named to people, in the order in which they are counted.
SAID = {
    records.CHANGED: "changed", records.OK: "ok", records.FAILED: "failed", records.IGNORED: "failed and ignored",
}  # fmt: skip

Document = dict[str, t.Any]


def document(
    host: str,
    state: str,
    calls: c.Iterable[CallRecord],
    notes: c.Sequence[str] = (),
    began_at: datetime.datetime | None = None,
    forgotten: c.Sequence[str] = (),
    place: tuple[str, str] = ("", ""),
) -> Document:
    """The plan as it is written to ``plan.json``: every call in reading order, those without a change too.

    :arg notes: what is to be known of the plan as a whole.
    :arg forgotten: the keys of what was made earlier and no task knows any more.
    :arg place: the account and the Region, empty where they are not known.
    """
    ordered = sorted(calls, key=lambda call: call.order)
    return {
        "version": VERSION,
        "host": host,
        "state": state,
        "account": place[0],
        "region": place[1],
        **({"began_at": began_at.isoformat()} if began_at else {}),
        "made_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "summary": records.summary(ordered),
        "notes": list(notes),
        "forgotten": list(forgotten),
        "calls": [_planned(call) for call in ordered],
    }


def _planned(call: CallRecord) -> dict[str, t.Any]:
    fields = dataclasses.asdict(call)
    return {
        "key": records.key_of(call),
        "title": call.title,
        **{name: value for name, value in fields.items() if name not in _NOT_PLANNED},
        "repeats": bool(call.repeats),
    }


def changes(plan: Document) -> list[dict[str, t.Any]]:
    """The calls that would write, or might."""
    return [
        call
        for call in plan["calls"]
        if call["status"] == records.PLANNED or (call["status"] == records.UNKNOWN and not call["reads"])
    ]


def failures(plan: Document) -> list[dict[str, t.Any]]:
    """The calls that could not be planned."""
    return [call for call in plan["calls"] if call["status"] == records.FAILED]


def lines(plan: Document) -> list[str]:
    """What would change, then what is to be known of it, and what it adds up to."""
    described = (line for call in changes(plan) for line in describe(call))
    return [*(f"  {line}" for line in [*described, *plan["notes"]]), f"Plan: {headline(plan)}"]


def headline(plan: Document) -> str:
    """What a plan adds up to, in one line."""
    changed = changes(plan)
    unknown = [call for call in changed if call["status"] == records.UNKNOWN]
    waiting = sum(bool(call["unknown"]) for call in unknown)
    drift = sum(call["drift"] for call in changed)
    repeated = sum(bool(call["repeats"]) for call in changed)
    text = f"{len(changed)} to change"
    details = [f"{drift} by drift"] if drift else []
    details += [f"{repeated} not idempotent"] if repeated else []
    details += [f"{waiting} with inputs known after apply"] if waiting else []
    details += [f"{len(unknown) - waiting} that {UNASKED}"] if len(unknown) > waiting else []
    if details:
        text += f" ({', '.join(details)})"
    counts = plan["summary"]
    forgotten = len(plan.get("forgotten", ()))
    text += f", {forgotten} no longer in any task" if forgotten else ""
    text += f", {counts[records.OK]} unchanged"
    for status in (records.FAILED, records.IGNORED):
        text += f", {counts[status]} {SAID[status]}" if counts.get(status) else ""
    return text


def describe(call: dict[str, t.Any], limit: int = MAX_VALUE) -> list[str]:
    """One call that would change something: a line; where differences were asked for, one for each in the place of all
    parameters.

    ``+`` is a write, ``!`` one that puts right what someone else has changed, ``*`` one that the module wanted to make
    again right after its own apply, ``~`` a change that a module announces, ``?`` a call whose inputs do not exist yet.
    """
    if call["status"] == records.UNKNOWN:
        missing = f"inputs known after apply: {', '.join(call['unknown'])}" if call["unknown"] else UNASKED
        return [f"? {call['title']}: {call['module']}, {missing}"]
    sign = "!" if call["drift"] else "*" if call["repeats"] else "+" if call["writes"] else "~"
    details = [harmless(line) for change in call["diff"] for line in differences.lines(change)]
    if not call["writes"]:
        what = f"{call['module']} would change something"
    else:
        what = _operation(call["writes"][0]) if details else describe_write(call["writes"][0], limit)
    return [f"{sign} {call['title']}: {what}", *(f"    {line}" for line in details)]


def describe_write(write: dict[str, t.Any], limit: int = MAX_VALUE) -> str:
    """One write: ``rds:ModifyDBInstance {"DBInstanceClass": "db.t3.large"}``."""
    return f"{_operation(write)} {_parameters(write, limit)}"


def _operation(write: dict[str, t.Any]) -> str:
    return f"{write['service']}:{write['operation']}"


def _parameters(write: dict[str, t.Any], limit: int) -> str:
    text = " ".join(json.dumps(write["parameters"], ensure_ascii=False, default=str).split())
    return harmless(text if len(text) <= limit else text[: limit - 1] + "…")


def repeated(calls: c.Iterable[CallRecord]) -> list[str]:
    """What an apply has found to be not idempotent, one a line."""
    found = sorted((call for call in calls if call.repeats), key=lambda call: call.order)
    if not found:
        return []
    return [
        "Not idempotent, because right after this apply the same would be written again:",
        *(f"  {call.title} ({call.location})" for call in found),
    ]


def outcome(calls: c.Iterable[CallRecord]) -> str:
    """What an apply did, in one line."""
    counts = records.summary(calls)
    parts = [f"{counts[status]} {said}" for status, said in SAID.items() if counts[status]]
    if counts[records.BLOCKED]:
        parts.append(f"{counts[records.BLOCKED]} not run because they need a failed call")
    return "Done: " + (", ".join(parts) or "nothing to do")
