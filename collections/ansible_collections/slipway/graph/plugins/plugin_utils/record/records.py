# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is remembered of each call: the one shape that output, plan, journal and the task's result are made from."""

from __future__ import annotations

import collections
import collections.abc as c
import dataclasses
import typing as t

OK = "ok"
CHANGED = "changed"
PLANNED = "planned"
UNKNOWN = "unknown"
SKIPPED = "skipped"
FAILED = "failed"
BLOCKED = "blocked"
# Failed, and the task says that this does not matter.
IGNORED = "ignored"
STATUSES = (OK, CHANGED, PLANNED, UNKNOWN, SKIPPED, FAILED, BLOCKED, IGNORED)


@dataclasses.dataclass
class CallRecord:
    """One call, or one task that made none (skipped, blocked).

    ``writes`` are the writes a plan stopped, ``unknown`` the registered names a plan could not know yet, ``diff`` what
    would change (see :mod:`differences`), ``reads`` says that the module never writes. ``inputs`` is a digest of the
    module's arguments without secrets, and with ``drift`` a plan would write although they are those of the last apply.
    ``repeats`` is a digest of the write that a call wants to make again right after its own apply: that is no drift.
    ``order`` is the task's place in reading order and the item's in its loop. ``task_key`` finds the task again in
    another run, ``item_occurrence`` says how many items before it have the same label.
    """

    task: str
    role: str
    location: str
    module: str
    status: str
    order: tuple[int, int]
    item: str | None = None
    msg: str = ""
    seconds: float = 0.0
    started: float = 0.0
    writes: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    unknown: list[str] = dataclasses.field(default_factory=list)
    diff: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    drift: bool = False
    repeats: str = ""
    inputs: str = ""
    reads: bool = False
    task_key: str = ""
    item_occurrence: int = 0
    api_calls: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)

    @property
    def title(self) -> str:
        """How the call is named to people."""
        return title(self.role, self.task, self.item)

    def as_result(self) -> dict[str, t.Any]:
        """The call as the task's result lists it."""
        return {
            "key": key_of(self),
            "task": self.task,
            "role": self.role,
            "item": self.item,
            "location": self.location,
            "module": self.module,
            "status": self.status,
            "msg": self.msg,
            "seconds": round(self.seconds, 3),
            "writes": self.writes,
            "unknown": self.unknown,
            "diff": self.diff,
            "drift": self.drift,
            "repeats": bool(self.repeats),
            "reads": self.reads,
            "api_calls": len(self.api_calls),
        }


def key_of(record: CallRecord) -> str:
    """What finds a call again in another run: its task's key and its item, unique within a run.

    No line and no position is in it, because others move when one is added.
    """
    return call_key(record.task_key, record.item, record.item_occurrence)


def call_key(task_key: str, item: str | None, item_occurrence: int) -> str:
    """The key of a call, by its task's key, the item's label and how many items before it have the same."""
    if item is None:
        return task_key
    return f"{task_key} [{item}]" + (f"#{item_occurrence + 1}" if item_occurrence else "")


def task_of(key: str) -> str:
    """The key of the task whose call has this key."""
    return key.partition(" [")[0]


def title(role: str, task: str, item: str | None) -> str:
    """How a call is named to people."""
    label = f"{task} ({item})" if item is not None else task
    return f"{role}: {label}" if role else label


def summary(records: c.Iterable[CallRecord]) -> dict[str, int]:
    """How many calls ended how; every status is there."""
    counts = collections.Counter(record.status for record in records)
    return {status: counts[status] for status in STATUSES}
