# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One line per finished call, while the run goes on."""

from __future__ import annotations

from ansible import constants as C  # noqa: N812 - the name that Ansible's own code uses
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.plugin_utils import records
from ansible_collections.slipway.graph.plugins.plugin_utils.records import CallRecord

_COLORS = {
    records.OK: C.COLOR_OK,
    records.CHANGED: C.COLOR_CHANGED,
    records.SKIPPED: C.COLOR_SKIP,
    records.FAILED: C.COLOR_ERROR,
    records.BLOCKED: C.COLOR_SKIP,
}


class Progress:
    """Plain lines; a plan's own lines come at its end, in reading order."""

    def __init__(self, display: Display, planning: bool) -> None:
        self._display = display
        self._planning = planning

    def show(self, record: CallRecord, done: int, total: int) -> None:
        """Show a call that has ended."""
        loud = record.status in ((records.FAILED,) if self._planning else (records.FAILED, records.CHANGED))
        if not loud and self._display.verbosity < 1 and (self._planning or record.status != records.OK):
            return
        width = len(str(total))
        text = f"[{done:>{width}}/{total}] {record.status:<8} {record.title}  {record.seconds:.1f} s"
        if record.msg:
            text += f"\n    {record.location}: {record.msg}"
        self._display.display(text, color=_COLORS.get(record.status))
        for call in record.api_calls if self._display.verbosity >= 1 else ():
            error = f" {call['error']}" if call.get("error") else ""
            self._display.display(f"      {call['service']}:{call['operation']} {call['seconds']:.2f} s{error}")
