"""Ends a process the way a machine does that loses power: at once, with all that it has started."""

from __future__ import annotations

import contextlib

import psutil


def kill_with_children(pid: int) -> None:
    """Kill a process and its descendants; one that has ended is none."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for member in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
