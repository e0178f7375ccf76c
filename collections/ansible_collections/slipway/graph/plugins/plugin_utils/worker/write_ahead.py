# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells the journal of a write before it is sent, so that a run killed at any moment leaves all that AWS has seen.

Nothing is sent by a run that has lost its lock: somebody else may be writing.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import time
import typing as t

from ansible_collections.slipway.graph.plugins.module_utils import lock_heart
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.json_lines import JsonLines


class Untold(BaseException):
    """A write was not sent: nobody could be told, or the lock is lost.

    Not an ``Exception``: modules catch those and would go on.
    """


class WriteAhead:
    """What the writes of the running call are told to; one per process. Without a journal they are told to nobody."""

    def __init__(self) -> None:
        # Why a write of this call was not sent.
        self.untold = ""
        self._path = ""
        self._key = ""
        self._hearts: c.Sequence[str] = ()
        self._lines: JsonLines | None = None

    def begin(self, path: str, key: str, hearts: c.Sequence[str] = ()) -> None:
        """Tell from now on of the writes of another call.

        :arg path: the journal's lines; empty without a journal.
        :arg key: what finds the call in it.
        :arg hearts: those of the locks that the run has (see :class:`lock_keeper.Heart`).
        """
        if self._lines and self._lines.path != path:
            self._lines.close()
            self._lines = None
        self._path, self._key, self._hearts, self.untold = path, key, hearts, ""

    def sending(self, service: str, operation: str) -> None:
        """Tell of a write that is about to be sent.

        :raises Untold: where that cannot be done, or a lock is lost; the write must not be sent then.
        """
        lost = next(filter(None, map(lock_heart.loss, self._hearts)), "")
        if lost:
            self.untold = f"{service}:{operation} was not sent, because {lost}"
            raise Untold(self.untold)
        if not self._path:
            return
        try:
            if self._lines is None:
                self._lines = JsonLines(self._path)
            self._lines.append("write", **self._line(service, operation))
        except OSError as error:
            reason = f"the journal {self._path} cannot be written: {error.strerror or error}"
            self.untold = f"{service}:{operation} was not sent, because {reason}"
            raise Untold(self.untold) from error

    def answered(self, call: c.Mapping[str, t.Any]) -> None:
        """Tell that a write has had an answer; nothing is lost if that cannot be done."""
        if self._lines:
            error = {"error": call["error"]} if call.get("error") else {}
            with contextlib.suppress(OSError):
                self._lines.append("written", **self._line(call["service"], call["operation"]), **error)

    def _line(self, service: str, operation: str) -> dict[str, t.Any]:
        return {"key": self._key, "service": service, "operation": operation, "at": round(time.time(), 3)}
