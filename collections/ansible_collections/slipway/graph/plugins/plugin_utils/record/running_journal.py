# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The journal while a run goes on: JSON lines beside ``journal.json``, which takes their place at the end.

A run that is killed leaves them behind, with every write that AWS has seen: the workers tell of each before they send
it (see worker/write_ahead.py). Who finds lines that nobody holds knows that the run was cut off.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import os
import typing as t
from pathlib import Path

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.record import journal
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.json_lines import JsonLines


class RunningJournal:
    """The lines of a run, held until its end. ``problem`` says why no more can be written, once that is so."""

    def __init__(self, lines: JsonLines) -> None:
        self.path = lines.path
        self.problem = ""
        self._lines = lines

    def begin(self, host: str, mode: str, state: str) -> None:
        """Say which run this is."""
        self._append("begin", host=host, mode=mode, state=state, started_at=_now())

    def graph(self, graph: Graph) -> None:
        """Say what is going to run; of several the last one counts."""
        self._append("graph", steps=journal.steps_of(graph))

    def call(self, record: CallRecord) -> None:
        """Say how a call has ended."""
        self._append("call", **journal.entry(record))

    def end(self) -> None:
        """Say that the run is over."""
        self._append("end", ended_at=_now())

    def remove(self) -> None:
        """Give the lines up: they stand elsewhere now, or there is nothing to tell."""
        with contextlib.suppress(OSError):
            Path(self.path).unlink()
        self._lines.close()

    def leave(self) -> None:
        """Leave the lines to the next run."""
        self._lines.close()

    def _append(self, event: str, **fields: t.Any) -> None:
        """Add a line, unless one could not be added already: a run goes on to its end without."""
        if self.problem:
            return
        try:
            self._lines.append(event, **fields)
        except OSError as error:
            self.problem = f"the journal {self.path} cannot be written: {error.strerror or error}"


def start(path: str) -> RunningJournal:
    """Make the lines of a run, and hold them.

    :arg path: where the journal will stand at the end.
    :raises OSError: where that cannot be done.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    own = target.with_name(f"{target.stem}.{os.getpid()}.jsonl")
    own.unlink(missing_ok=True)  # of a process that had our number
    # Where somebody is running, or has left lines that are still to be read, we take another name.
    for name in (target.with_suffix(".jsonl"), own):
        with contextlib.suppress(FileExistsError):
            lines = JsonLines(str(name), create=True)
            if hold(lines.descriptor):
                return RunningJournal(lines)
            lines.close()  # somebody was quicker, and took it for lines that were left
    raise FileExistsError(errno.EEXIST, "somebody else writes the same file", str(own))


def hold(descriptor: int) -> bool:
    """Take the lines, for as long as this process lives; whether nobody else has them."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
