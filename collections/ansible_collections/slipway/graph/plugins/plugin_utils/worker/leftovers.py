# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a module leaves behind, put away after each one: many run in one process, and each expects its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sys
import threading
import typing as t
from pathlib import Path

# Those that a module may have a reason to catch; to look at all of them would take longer than many a module.
SIGNALS = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGALRM, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE,
    signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip
# A thread that is about to end is given this long.
PATIENCE_SECONDS = 0.5


class Surroundings:
    """A process as it is when this is made."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._folder = os.getcwd()  # noqa: PTH109 - asked for each module
        self._mask = os.umask(0o077)
        os.umask(self._mask)
        self._handlers = {number: signal.getsignal(number) for number in SIGNALS}
        self._threads = set(threading.enumerate())
        self._path, self._arguments = list(sys.path), list(sys.argv)
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._timeout = socket.getdefaulttimeout()

    def restore(self) -> bool:
        """Put back what a module has changed; whether everything is as it was."""
        if os.environ != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        with contextlib.suppress(OSError):
            os.chdir(self._folder)
        os.umask(self._mask)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._handlers.items():
            if signal.getsignal(number) is not handler and handler is not None:
                signal.signal(number, handler)
        sys.path[:], sys.argv[:] = self._path, self._arguments
        sys.stdin, sys.stdout, sys.stderr = self._streams
        socket.setdefaulttimeout(self._timeout)
        return self._is_alone()

    def _is_alone(self) -> bool:
        """Whether no thread of a module goes on."""
        left = [thread for thread in threading.enumerate() if thread not in self._threads]
        for thread in left:
            thread.join(PATIENCE_SECONDS)
        return not any(thread.is_alive() for thread in left)


def clean_up(modules: t.Iterable[t.Any]) -> None:
    """Remove the temporary files of modules: Ansible's own library does so when Python exits, which no worker does."""
    for module in modules:
        with contextlib.suppress(Exception):
            module.do_cleanup_files()
        folder = getattr(module, "_tmpdir", None)
        if folder and Path(folder).name.startswith("ansible-moduletmp-"):
            shutil.rmtree(folder, ignore_errors=True)
