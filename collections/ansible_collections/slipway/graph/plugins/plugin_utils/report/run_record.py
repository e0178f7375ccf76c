# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run keeps of itself: lines from its beginning, documents at its end, and what is applied then."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import plan
from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.record import (
    cut_off,
    journal,
    last_applied,
    records,
    running_journal,
)
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.report import files


class RunRecord:
    """The record of one run, as a context: what leaves it early leaves the lines to the next run.

    ``notes`` is what people must know before the run, ``problems`` what could not be kept, and ``cut_off`` names the
    journals of runs before this one that were cut off.
    """

    def __init__(
        self, host: str, planning: bool, options: c.Mapping[str, t.Any], began_at: datetime.datetime,
        applied: last_applied.Applied,
    ) -> None:  # fmt: skip
        self.notes: list[str] = []
        self.problems: list[str] = []
        self.cut_off: list[str] = []
        self.journal: running_journal.RunningJournal | None = None
        # The account and the Region, once they are known.
        self.place = ("", "")
        self._host = host
        self._planning = planning
        self._began_at = began_at
        self._state: str = options["state"]
        self._path: str = options["journal"]
        self._applied_path: str = options["applied"]
        self._keeps_applied = bool(self._applied_path or options["ledger"])
        self.applied = applied
        if self.applied.problem:
            self.notes.append(f"{self.applied.problem}: nothing is called drift until the next apply")

    def __enter__(self) -> t.Self:
        """Take over what a run has left that was cut off, and begin the lines.

        :raises AnsibleActionFail: where they cannot be written.
        """
        if self._path:
            try:
                self._take_over()
                self.journal = running_journal.start(self._path)
            except OSError as error:
                raise AnsibleActionFail(
                    f"journal: {error.filename or self._path} cannot be written: {error.strerror}. Nothing was done."
                ) from None
            self.journal.begin(self._host, "plan" if self._planning else "apply", self._state)
            self._refuse_to_begin_without()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.journal is None:
            return
        if cut_off.read(Path(self.journal.path)).writes:
            self.journal.leave()
        else:
            self.journal.remove()

    @property
    def learns(self) -> bool:
        """Whether what this run applies is kept for the next plan."""
        return self._keeps_applied and not self._planning and not (self.journal and self.journal.problem)

    @property
    def known_to_repeat(self) -> dict[str, str]:
        """The writes that calls wanted to make again after an apply before this one, by key."""
        return {key: then.repeats for key, then in self.applied.calls.items() if then.repeats}

    def ended(
        self, graph: Graph, calls: list[CallRecord], forgotten: c.Sequence[str] = ()
    ) -> tuple[journal.Document, plan.Document | None]:
        """Keep what has come of it: each document, even if another cannot be written.

        :arg forgotten: the keys of what was made earlier and no task knows any more.
        """
        self._add_lost_writes(calls)
        if self._planning:
            last_applied.mark_drift(calls, self.applied)
        elif self._keeps_applied:
            self.applied = last_applied.after(self.applied, calls, self._state)
            if self._applied_path:
                self._keep(lambda: last_applied.write(self._applied_path, self.applied), self._applied_path)
        run = journal.document(self._host, "plan" if self._planning else "apply", self._state, graph, calls)
        run |= {"account": self.place[0], "region": self.place[1], "notes": self.notes, "forgotten": list(forgotten)}
        planned = None
        if self._planning:
            planned = plan.document(self._host, self._state, calls, self.notes, self._began_at, forgotten, self.place)
        if self.journal:
            self.journal.end()
            if self.journal.problem:
                self.problems.append(self.journal.problem)
            if self._keep(lambda: files.write(self._path, run, planned), self._path):
                self.journal.remove()
                self.journal = None
        return run, planned

    def _add_lost_writes(self, calls: c.Iterable[CallRecord]) -> None:
        silent = [call for call in calls if call.status == records.FAILED and not call.api_calls]
        if silent and self.journal:
            cut_off.read(Path(self.journal.path)).add_lost_writes(silent)

    def _keep(self, write: c.Callable[[], None], path: str) -> bool:
        try:
            write()
        except OSError as error:
            self.problems.append(f"{path} cannot be written: {error.strerror or error}")
            return False
        return True

    def _take_over(self) -> None:
        """A plan only tells of a run that was cut off: an apply keeps its journal, and what it has applied."""
        for run, lines in cut_off.found(self._path):
            if run.writes or (run.calls and run.mode != "plan"):
                self.notes.append(run.told())
                if run.host == self._host:
                    self.applied = run.added_to(self.applied)
                if not self._planning:
                    path = files.write_cut_off(self._path, run)
                    self.cut_off.append(str(path))
                    self.notes[-1] += f": {path}"
                    run.path.unlink()
            elif not self._planning:
                run.path.unlink()
            lines.close()

    def _refuse_to_begin_without(self) -> None:
        problem = self.journal.problem if self.journal else ""
        if problem:
            self.__exit__()
            raise AnsibleActionFail(f"{problem}. Nothing was done.")
