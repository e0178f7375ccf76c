# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs that were cut off: what the lines say that they have left behind (see :mod:`running_journal`)."""

from __future__ import annotations

import collections.abc as c
import contextlib
import dataclasses
import datetime
import glob
import json
import typing as t
from pathlib import Path

from ansible_collections.slipway.graph.plugins.plugin_utils.record import journal, last_applied, records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.record.running_journal import hold
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.json_lines import JsonLines

NO_ANSWER = "no answer"
_BEGINNING = '{"event": '
_FIELDS = {field.name for field in dataclasses.fields(CallRecord)}


@dataclasses.dataclass
class CutOff:
    """What is known of a run that did not come to its end.

    ``writes`` are all that it may have sent, ``unanswered`` those of them of which nobody knows what has become.
    ``has_ended`` says that it did come to its end, and only its journal could not be written.
    """

    path: Path
    host: str = ""
    mode: str = ""
    state: str = "present"
    started_at: str = ""
    has_ended: bool = False
    steps: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    calls: list[CallRecord] = dataclasses.field(default_factory=list)
    writes: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    unanswered: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    damaged: int = 0

    @property
    def interrupted(self) -> set[str]:
        """The keys of the calls that had begun to write and did not end."""
        return {write["key"] for write in self.writes} - {records.key_of(call) for call in self.calls}

    def told(self) -> str:
        """What people must know of it."""
        verb = {"absent": "destroy"}.get(self.state, self.mode)
        if self.has_ended:
            return f"the journal of the last {verb} of {self.host} ({self.started_at}) could not be written then"
        text = f"the last {verb} of {self.host} ({self.started_at}) was cut off; {len(self.writes)} writes"
        if self.unanswered:
            names = ", ".join(sorted({f"{write['service']}:{write['operation']}" for write in self.unanswered}))
            text += f", {len(self.unanswered)} of them without an answer ({names})"
        return text + (f"; {self.damaged} damaged lines are left out" if self.damaged else "")

    def document(self) -> journal.Document:
        """Its journal. Calls that it was in the middle of have failed, as far as anybody knows."""
        self.add_lost_writes(self.calls)
        calls = [*self.calls, *map(self._interrupted_call, sorted(self.interrupted))]
        seen = {call.order[0] for call in calls}
        calls += [
            _record(step, records.BLOCKED, msg="the run was cut off")
            for step in self.steps
            if step["index"] not in seen
        ]
        made = journal.of_steps(self.host, self.mode, self.state, self.steps, calls)
        ended = datetime.datetime.fromtimestamp(self.path.stat().st_mtime, datetime.UTC)
        return {
            **made, "started_at": self.started_at, "ended_at": ended.isoformat(timespec="seconds"),
            "cut_off": not self.has_ended,
        }  # fmt: skip

    def added_to(self, applied: last_applied.Applied) -> last_applied.Applied:
        """What is applied after it. What it was in the middle of is not known: nobody else need have changed it."""
        if not self.calls or (applied.made_at and applied.made_at > self.started_at):
            return applied  # somebody has applied since, from elsewhere
        after = last_applied.after(applied, self.calls, self.state)
        kept = {key: entry for key, entry in after.calls.items() if key not in self.interrupted}
        return dataclasses.replace(after, calls=kept)

    def add_lost_writes(self, calls: c.Iterable[CallRecord]) -> None:
        """Give calls whose process was ended the writes that it had told of before: it took what it knew with it."""
        for call in calls:
            if call.status == records.FAILED and not call.api_calls:
                call.api_calls = self._api_calls(records.key_of(call))

    def _api_calls(self, key: str) -> list[dict[str, t.Any]]:
        """The writes of a call in the shape of its API calls."""
        return [
            {"service": write["service"], "operation": write["operation"], "seconds": 0.0, "retries": 0}
            | ({"error": NO_ANSWER} if write in self.unanswered else {})
            for write in self.writes
            if write["key"] == key
        ]

    def _interrupted_call(self, key: str) -> CallRecord:
        api_calls = self._api_calls(key)
        task_key, _bracket, item = key.partition(" [")
        step = next((step for step in self.steps if step["key"] == task_key), None)
        names = ", ".join(f"{call['service']}:{call['operation']}" for call in api_calls)
        return _record(
            step or {"title": key, "role": "", "location": "", "module": "", "index": 0},
            records.FAILED,
            msg=f"the run was cut off while this was at work; it had sent {names}",
            item=item.rpartition("]")[0] or None,
            task_key=task_key,
            api_calls=api_calls,
        )


def _record(step: dict[str, t.Any], status: str, **details: t.Any) -> CallRecord:
    return CallRecord(
        task=step["title"], role=step["role"], location=step["location"], module=step["module"], status=status,
        order=(step["index"], 0), **details,
    )  # fmt: skip


def found(path: str) -> list[tuple[CutOff, JsonLines]]:
    """The runs that have left lines where a journal is to stand, the oldest first; and those lines, held.

    :arg path: the journal's.
    """
    target = Path(path)
    candidates = [target.with_suffix(".jsonl"), *target.parent.glob(f"{glob.escape(target.stem)}.*.jsonl")]
    held: list[tuple[CutOff, JsonLines]] = []
    for each in candidates:
        with contextlib.suppress(OSError):  # it may be gone meanwhile, and is another's to read then
            if not each.is_file():
                continue
            lines = JsonLines(str(each))
            if hold(lines.descriptor):
                held.append((read(each), lines))
            else:
                lines.close()  # of a run that goes on
    return sorted(held, key=lambda pair: pair[0].started_at)


def read(path: Path) -> CutOff:
    """What some lines say; those that are damaged are counted and left out."""
    run = CutOff(path)
    open_writes: list[dict[str, t.Any]] = []
    for text in filter(None, path.read_bytes().decode(errors="replace").split("\n")):
        try:
            _take(run, open_writes, _parsed(text))
        except (KeyError, TypeError, ValueError, StopIteration):
            run.damaged += 1
    run.unanswered = open_writes
    return run


def _parsed(text: str) -> dict[str, t.Any]:
    """A line; of one that was torn, because the disk was full, what was appended to it."""
    for candidate in (text, text[max(text.rfind(_BEGINNING), 0) :]):
        try:
            line = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(line, dict):
            return line
    return {"event": "damaged"}


def _take(run: CutOff, open_writes: list[dict[str, t.Any]], line: c.Mapping[str, t.Any]) -> None:
    match line["event"]:
        case "begin":
            run.host, run.mode, run.state = line["host"], line["mode"], line["state"]
            run.started_at = line["started_at"]
        case "graph":
            run.steps = list(line["steps"])
        case "call":
            values = {name: value for name, value in line.items() if name in _FIELDS}
            run.calls.append(CallRecord(**{**values, "order": tuple(values["order"])}))
        case "write":
            write = {name: line[name] for name in ("key", "service", "operation", "at")}
            run.writes.append(write)
            open_writes.append(write)
        case "written":
            names = ("key", "service", "operation")
            open_writes.remove(next(each for each in open_writes if all(each[part] == line[part] for part in names)))
        case "end":
            run.has_ended = True
        case _:
            raise ValueError(line["event"])
