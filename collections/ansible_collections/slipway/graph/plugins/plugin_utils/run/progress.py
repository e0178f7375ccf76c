# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people see while a run goes on: a line per finished call, and on a terminal one that says what is running."""

from __future__ import annotations

import collections.abc as c
import os
import sys
import time
import typing as t

from ansible import constants as C  # noqa: N812 - the name that Ansible's own code uses
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.module_utils.harmless import harmless
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import differences

_COLORS = {
    records.OK: C.COLOR_OK,
    records.CHANGED: C.COLOR_CHANGED,
    records.SKIPPED: C.COLOR_SKIP,
    records.FAILED: C.COLOR_ERROR,
    records.BLOCKED: C.COLOR_SKIP,
    records.IGNORED: C.COLOR_WARN,
}
_ERASE_LINE = "\x1b[K"
_REDRAW_SECONDS = 0.2
# Without a terminal a long wait is mentioned this often: whoever reads the log of a job, or ends silent ones, sees it.
_REMIND_SECONDS = 60.0

Running = list[tuple[str, float]]


def _columns_of_terminal() -> int | None:
    """How wide the terminal is; ``None`` where there is none that can redraw a line."""
    try:
        if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
            return None
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return None


# Ansible imports action plugins before it forks the process that runs them, and there output is no terminal any more.
COLUMNS = _columns_of_terminal()


class Progress:
    """Shows calls as they end. A plan's own lines come at its end, in reading order, so it only shows failures.

    A context: whatever ends the run, the live line is gone afterwards.

    :param prefix: stands before each line, where several hosts speak at once.
    :param columns: the width of the terminal; ``None`` for plain lines.
    :param is_silent: whether nobody listens any more, since Ansible is on its way out.
    """

    def __init__(
        self,
        display: Display,
        planning: bool,
        prefix: str = "",
        columns: int | None = COLUMNS,
        clock: c.Callable[[], float] = time.monotonic,
        is_silent: c.Callable[[], bool] = lambda: False,
    ) -> None:
        self._display = display
        self._planning = planning
        self._prefix = prefix
        self._columns = None if prefix else columns  # several hosts cannot share one line
        self._clock = clock
        self._is_silent = is_silent
        self._spoke = clock()
        self._counter = ""
        self._live = False

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if not self._is_silent():
            self._end()

    def show(self, record: CallRecord, done: int, total: int) -> None:
        """Show a call that has ended."""
        self._counter = f"[{done:>{len(str(total))}}/{total}]"
        if self._is_silent() or not self._is_shown(record):
            return
        text = f"{self._counter} {record.status:<8} {record.title}  {record.seconds:.1f} s"
        if record.msg:
            text += f"\n    {record.location}: {record.msg}"
        self._say(text, _COLORS.get(record.status))
        for line in self._differences(record):
            self._say(f"      {line}")
        for call in record.api_calls if self._display.verbosity >= 1 else ():
            error = f" {call['error']}" if call.get("error") else ""
            self._say(f"      {call['service']}:{call['operation']} {call['seconds']:.2f} s{error}")

    def _differences(self, record: CallRecord) -> list[str]:
        """What a call has changed, as far as its module says so; a plan shows that at its end."""
        changes = [] if self._planning else record.diff
        return [harmless(line) for each in changes for line in differences.lines(t.cast(differences.Change, each))]

    def _is_shown(self, record: CallRecord) -> bool:
        if record.status in (records.FAILED, records.IGNORED) or self._display.verbosity >= 1:
            return True
        return not self._planning and record.status in (records.OK, records.CHANGED)

    def tell(self, text: str) -> None:
        """Show a line between those of calls."""
        if not self._is_silent():
            self._say(text)

    def tick(self, what_runs: c.Callable[[], Running]) -> None:
        """Show what runs and for how long, if it is time to."""
        waited = self._clock() - self._spoke
        if self._is_silent() or waited < (_REMIND_SECONDS if self._columns is None else _REDRAW_SECONDS):
            return
        running = sorted(what_runs(), key=lambda call: -call[1])
        if not running:
            return
        if self._columns is None:
            self._say(f"{self._counter} running  {_listed(running)}".strip())
        else:
            self._draw(f"{self._counter} {_listed(running)}".strip())

    def _end(self) -> None:
        if self._live:
            self._display.display(_ERASE_LINE, screen_only=True, newline=False)
            self._live = False

    def _draw(self, text: str) -> None:
        room = t.cast(int, self._columns) - 1
        shown = text if len(text) <= room else text[: room - 1] + "…"
        # The cursor goes back to the line's start, so that whatever is written next takes its place.
        self._display.display(f"{shown}{_ERASE_LINE}\r", screen_only=True, newline=False)
        self._spoke, self._live = self._clock(), True

    def _say(self, text: str, color: str | None = None) -> None:
        self._end()
        self._display.display(self._prefix + text, color=color)
        self._spoke = self._clock()


def _listed(running: Running) -> str:
    """What runs longest first: it is what everything waits for."""
    return ", ".join(f"{title} {_duration(seconds)}" for title, seconds in running)


def _duration(seconds: float) -> str:
    return f"{int(seconds)} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60:02} s"
