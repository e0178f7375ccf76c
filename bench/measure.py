# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs one command and says what it cost: wall time, CPU time and peak memory of it and everything it started.

    python -m bench.measure RESULT.json COMMAND...

A process of its own, because it adopts what the command leaves behind: Ansible and Mitogen start processes that
outlive their parents, whose CPU time the parents' own books miss.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.25
# What is left behind gets this long to end by itself.
LEFTOVER_SECONDS = 15.0


class Memory(threading.Thread):
    """Samples the memory of all descendants; what they share is counted once (PSS)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._ended = threading.Event()

    def run(self) -> None:
        """Sample until told to end."""
        myself = psutil.Process()
        while not self._ended.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(_memory(process) for process in myself.children(recursive=True)))

    def end(self) -> int:
        """Stop sampling; the peak in bytes."""
        self._ended.set()
        self.join()
        return self.peak


def main(arguments: list[str]) -> int:
    """Measure, write the result, end as the command ended."""
    target, *command = arguments
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    memory = Memory()
    memory.start()
    started = time.monotonic()
    # Not subprocess's own wait: all children are waited for in one place, which sums up what they used.
    process = subprocess.Popen(command)
    code, wall, cpu = _wait_for_all(process.pid, started)
    process.returncode = code
    result = {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "rss_mib": round(memory.end() / 2**20, 1)}
    Path(target).write_text(json.dumps(result), encoding="utf-8")
    return code


def _wait_for_all(first: int, started: float) -> tuple[int, float, float]:
    """Exit code and wall time of the command, CPU time of it and all that it left behind."""
    code, wall, cpu, deadline = -1, 0.0, 0.0, float("inf")
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return code, wall, cpu
        if pid == 0:
            if time.monotonic() > deadline:
                _end_leftovers()
            time.sleep(0.01)
            continue
        cpu += usage.ru_utime + usage.ru_stime
        if pid == first:
            code, wall = os.waitstatus_to_exitcode(status), time.monotonic() - started
            deadline = time.monotonic() + LEFTOVER_SECONDS


def _end_leftovers() -> None:
    for process in psutil.Process().children(recursive=True):
        process.send_signal(signal.SIGKILL)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
