# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands around the graph of a run: the lock, what was applied last, and the record of the run in the ledger.

Asked for in a warm process, with the credentials of the run. A plan takes no lock and leaves no record.
"""

from __future__ import annotations

import collections.abc as c
import datetime
import json
import os
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.module_utils import lock_heart
from ansible_collections.slipway.graph.plugins.plugin_utils.record import journal, last_applied, ledger, records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.run import locking, results
from ansible_collections.slipway.graph.plugins.plugin_utils.run.modes import APPLY, PLAN
from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import LEDGER, ModuleCall, WarmProcesses
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import lock_keeper

OPTIONS: dict[str, t.Any] = {
    "lock": {
        "type": "dict",
        "options": {**locking.OPTIONS, "key": {"type": "str", "default": ""}, "reason": {"type": "str", "default": ""}},
    },
    "ledger": {"type": "dict", "options": ledger.OPTIONS},
}


def modules(options: dict[str, t.Any]) -> dict[str, str]:
    """The module that the frame runs, and its file, for who has to have it ready."""
    return (
        {LEDGER: str(Path(lock_keeper.__file__).with_name("ledger.py"))} if options["lock"] or options["ledger"] else {}
    )


class Caller(t.NamedTuple):
    """Who asks AWS: the arguments that every module gets, the environment, and how arguments are made into bytes."""

    connection: dict[str, t.Any]
    environment: dict[str, str]
    serialise: t.Callable[[str, dict[str, t.Any]], bytes]


class Frame:
    """The frame of one run. ``applied`` is what the last apply was given, ``hearts`` are those of the run's locks."""

    def __init__(
        self, processes: WarmProcesses, caller: Caller, host: str, options: dict[str, t.Any], planning: bool
    ) -> None:  # fmt: skip
        self.applied = last_applied.Applied()
        self.hearts: list[str] = []
        self._processes = processes
        self._caller = caller
        self._host = host
        self._state: str = options["state"]
        self._copy: str = options["applied"]
        self._mode = PLAN if planning else APPLY
        self._planning = planning
        self._place = ledger.place_of(options, host)
        self._lock = None if planning else options["lock"]
        self._moment = datetime.datetime.now(datetime.UTC)
        self._beginning: dict[str, t.Any] = {}

    def begin(self, is_interrupted: c.Callable[[], bool] = lambda: False) -> None:
        """Take the lock; then find out what was applied last.

        :raises AnsibleActionFail: without the lock, or when the ledger does not answer. Nothing was written then.
        """
        content = None
        asked = self._questions()
        if asked:
            answer = self._answer(asked, is_interrupted)
            if answer.get("failed"):
                raise AnsibleActionFail(f"{answer['msg']}. Nothing was written.")
            if "lock" in asked:
                locking.judge(asked["lock"], answer["lock"])
                self.hearts = [answer["lock"]["heart"]]
            content = answer["content"]
            if answer["elsewhere"] and self._place is not None:
                raise AnsibleActionFail(ledger.known_elsewhere(self._place, answer["elsewhere"]))
        if self._lock is None and not self._planning:  # a task before may have taken some
            self.hearts = lock_keeper.hearts_of(os.getppid())
        if content is not None and self._place is not None:
            self.applied = last_applied.parse(content, self._place.url(self._place.applied))
            if self._copy and not self.applied.problem:
                last_applied.write(self._copy, self.applied)
        else:  # without a ledger, and before the first apply that it saw
            self.applied = last_applied.read(self._copy)

    def lost(self) -> str:
        """Why this run may not write any more; empty while it may."""
        return next(filter(None, map(lock_heart.loss, self.hearts)), "")

    def _answer(self, asked: dict[str, t.Any], is_interrupted: c.Callable[[], bool]) -> dict[str, t.Any]:
        if "lock" not in asked:
            return self._ask(asked)
        watch = locking.Watch(asked["lock"])
        while True:
            answer = self._ask({**asked, "lock": watch.request(asked["lock"])})
            if answer.get("failed") or not watch.goes_on(answer["lock"], is_interrupted):
                return answer

    def record_beginning(self) -> None:
        """Have the ledger say, before the first write, that this run writes: of a run that is killed, it stays.

        :raises AnsibleActionFail: when the ledger refuses.
        """
        if self._place is None or self._beginning:
            return
        holder = lock_keeper.holder_of(os.getppid())
        self._beginning = ledger.beginning(self._place, self._mode, self._state, self._moment, holder)
        answer = self._put({self._place.run(self._moment): json.dumps(self._beginning, indent=1)})
        if answer.get("failed"):
            raise AnsibleActionFail(f"the run could not be put on record: {answer['msg']}. Nothing was written.")

    def end(
        self, run: journal.Document, calls: c.Sequence[CallRecord], applied: last_applied.Applied, is_interrupted: bool
    ) -> list[str]:
        """Put on record what was applied, and a run that may have written.

        :returns: why that could not be done.
        """
        is_failed = any(call.status == records.FAILED for call in calls)
        status = ledger.INTERRUPTED if is_interrupted else ledger.FAILED if is_failed else ledger.ENDED
        if self._place is None or not self._beginning:
            return []
        record = {**self._beginning, **run, "host": self._place.name, "status": status}
        objects = {self._place.run(self._moment): json.dumps(record, indent=1, default=str)}
        if not self.lost():  # whoever has the lock now may have written there
            objects[self._place.applied] = last_applied.dump(applied)
        answer = self._put(objects)
        return [f"the run is not on record: {answer['msg']}"] if answer.get("failed") else []

    def _questions(self) -> dict[str, t.Any]:
        asked: dict[str, t.Any] = {}
        if self._lock is not None:
            default_reason = self._place.verb if self._place else locking.OPTIONS["reason"]["default"]
            asked["lock"] = lock_keeper.Request(
                table=self._lock["table"],
                key=self._lock["key"] or self._host,
                reason=self._lock["reason"] or default_reason,
                process=os.getppid(),
                folder=str(lock_keeper.private_folder()),
            )
        if self._place is not None:
            place = self._place
            asked |= {
                "bucket": place.bucket, "owner": place.owner, "fetch": place.applied, "elsewhere": place.elsewhere,
                "left": place.left,
            }  # fmt: skip
        return asked

    def _put(self, objects: dict[str, str]) -> dict[str, t.Any]:
        place = {"bucket": self._place.bucket, "owner": self._place.owner} if self._place else {}
        return self._ask({**place, "put": objects})

    def _ask(self, asked: dict[str, t.Any]) -> dict[str, t.Any]:
        """What the ledger's module returned; ``failed`` and ``msg`` when it could not."""
        arguments = self._caller.serialise(LEDGER, {**self._caller.connection, **asked})
        call = ModuleCall(LEDGER, "", arguments, self._caller.environment, mode=self._mode)
        processes = self._processes.alive()
        try:
            answer = processes.collect(processes.submit(0, call))
        finally:
            if processes is not self._processes:
                processes.close()
        if answer is None:
            return {"failed": True, "msg": "the process that asks the ledger has died"}
        if Display().verbosity:
            for each in answer["calls"]:
                error = f" {each['error']}" if each.get("error") else ""
                Display().display(
                    f"{self._host}, not the graph: {each['service']}:{each['operation']} {each['seconds']:.2f} s{error}"
                )
        return results.decoded("the ledger", answer)
