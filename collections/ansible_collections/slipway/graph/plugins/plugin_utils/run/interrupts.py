# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wishes to stop a run: the first lets running calls end, the second ends them too.

What arrives here follows from what Ansible does. On Ctrl-C it hands SIGINT on, waits ten seconds, sends SIGTERM
and goes on waiting; another Ctrl-C then ends it at once. On SIGTERM it hands that on and ends at once. The kernel
tells this process (by PARENT_GONE, see :func:`_follow_parent`) when Ansible is gone, also after kill -9.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
import typing as t

PR_SET_PDEATHSIG = 1
# Of two signals that arrive together Python handles the lower number first, and SIGTERM has to come before this one.
PARENT_GONE = getattr(signal, "SIGRTMIN", signal.SIGHUP)
SIGNALS = (signal.SIGINT, signal.SIGTERM, PARENT_GONE)


class Interrupts:
    """A context in which signals only set :attr:`level`: 0 go on, 1 start nothing new, 2 end what runs too.

    Readable for a selector once a signal has arrived.
    """

    def __init__(self) -> None:
        self.level = 0
        self.abandoned = False
        self._first: int | None = None
        self._said: int | None = None
        self._before: dict[int, t.Any] = {}

    def __enter__(self) -> t.Self:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._wakeup_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        with contextlib.suppress(OSError):  # now, because Ansible may be gone when there is something to say
            self._said = os.open(f"/proc/{os.getppid()}/fd/2", os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
        self._before = {number: signal.signal(number, self._arrived) for number in SIGNALS}
        _follow_parent(PARENT_GONE)
        return self

    def __exit__(self, *_exception: object) -> None:
        _follow_parent(0)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._reader.close()
        self._writer.close()
        if self._said is not None:
            os.close(self._said)

    def fileno(self) -> int:
        """For a selector."""
        return self._reader.fileno()

    def drain(self) -> None:
        """Stop being readable until the next signal."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(64):
                pass

    def tell(self, text: str) -> None:
        """Say something on the standard error of Ansible, which no longer passes messages on once it is stopping."""
        if self._said is not None:
            with contextlib.suppress(OSError):
                os.write(self._said, f"{text}\n".encode())

    def _arrived(self, number: int, _frame: object) -> None:
        if number == PARENT_GONE:
            self.abandoned = True
            # After SIGTERM Ansible always goes at once; otherwise it was killed, or told to stop a second time.
            self.level = self.level if self._first == signal.SIGTERM else 2
        elif self._first == signal.SIGINT and number == signal.SIGTERM:
            pass  # Ansible itself, which has waited ten seconds for this process
        else:
            self._first = self._first or number
            self.level = min(2, self.level + 1)


def _follow_parent(number: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
