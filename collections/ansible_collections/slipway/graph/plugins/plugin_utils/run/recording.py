# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is kept of a run: a record for each call as it ends, without what is secret."""

from __future__ import annotations

import collections.abc as c
import time
import typing as t

from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.module_utils.harmless import harmless
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.run import results
from ansible_collections.slipway.graph.plugins.plugin_utils.run.calls import Call
from ansible_collections.slipway.graph.plugins.plugin_utils.run.results import Result
from ansible_collections.slipway.graph.plugins.plugin_utils.run.secrets import Secrets
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import differences

# Is told each record, how many there are, and how many there will be as far as is known.
OnRecord = c.Callable[[CallRecord, int, int], None]

HIDDEN_MESSAGE = "the output is hidden by no_log"


class Recorder:
    """The records of one run, in the order in which calls end."""

    def __init__(self, on_record: OnRecord, expected: int, keeps_changes: bool, warns: bool) -> None:
        self.records: list[CallRecord] = []
        self.expected = expected
        self._on_record = on_record
        self._keeps_changes = keeps_changes
        self._warns = warns
        self._origin = time.monotonic()
        self._secrets = Secrets()

    def call_ended(
        self, call: Call, result: Result, status: str, writes: list[t.Any], unknown: c.Iterable[str]
    ) -> None:
        """Keep what a call has come to. What a task with ``no_log`` has returned is secret from then on."""
        message = results.failure_text(result) if status in (records.FAILED, records.IGNORED) else ""
        changes = [*call.changes, *differences.of_result(result)] if self._keeps_changes else []
        hides = call.no_log or bool(result.get("_ansible_no_log"))
        if hides:
            message, changes = message and f"{HIDDEN_MESSAGE}{_last_error(call)}", []
            self._secrets.learn(result)
        elif self._warns:
            for warning in results.warnings_of(result):
                Display().warning(f"{call.step.role}: {call.step.name}: {harmless(self.hide(warning))}")
        self.add(
            record_of(
                call.step,
                call.position,
                call.label,
                status,
                msg=message,
                writes=[{**write, "parameters": {}} for write in writes] if call.no_log else writes,
                diff=list(changes),
                unknown=sorted(unknown),
                item_occurrence=call.label_occurrence,
                api_calls=call.api_calls,
                inputs="" if call.no_log else call.inputs,
                started=call.started - self._origin,
                seconds=time.monotonic() - call.started,
            )
        )

    def hide(self, value: t.Any) -> t.Any:
        """A value without the secrets that the run has met so far."""
        return self._secrets.hide(value)

    def add(self, record: CallRecord) -> None:
        """Keep a record."""
        for field in ("item", "msg", "writes", "diff"):
            setattr(record, field, self.hide(getattr(record, field)))
        record.msg = harmless(record.msg)
        self.records.append(record)
        self._on_record(record, len(self.records), self.expected)


def record_of(step: Step, position: int, item: str | None, status: str, **details: t.Any) -> CallRecord:
    """A record of a call, or of a step that made none."""
    return CallRecord(
        task=step.name, role=step.role, location=step.location, module=step.module, status=status,
        order=(step.index, position), task_key=step.key, item=item, reads=_only_reads(step),
        **details,
    )  # fmt: skip


def _only_reads(step: Step) -> bool:
    """Whether a step changes nothing, by its module's name or by its own word."""
    return results.only_reads(step.module) or step.task.changed_when in (False, [False])


def _last_error(call: Call) -> str:
    """The code of the API call that failed last: never a value, and mostly enough."""
    failed = [each for each in call.api_calls if each.get("error")]
    return f"; {failed[-1]['service']}:{failed[-1]['operation']} failed with {failed[-1]['error']}" if failed else ""
