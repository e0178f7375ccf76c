# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Says whether a run still has its lock, by the small file that the lock's keeper writes: its heart.

The heart says until when the lock is surely held, by a clock that goes on while the machine sleeps, and the kernel's
lock on it says that its keeper lives. Whoever writes looks there first. What runs outside of a graph finds the heart by
an environment variable.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import time

# Names the heart of the lock that a playbook has taken.
VARIABLE = "SLIPWAY_LOCK_HEART"
HEART_BYTES = 4096


def now() -> float:
    """Seconds by a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def packed(deadline: float, key: str, why: str) -> bytes:
    """What a heart says: until when the lock of a key is held, or why it is not; always of the same length."""
    told = json.dumps({"key": key, "why": why[:300]}).encode()
    return (struct.pack("!d", deadline) + told).ljust(HEART_BYTES)


def loss(heart: str) -> str:
    """Why a lock is not held any more; empty while it is."""
    try:
        descriptor = os.open(heart, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        return f"the lock of this run was lost: {heart} cannot be read: {error.strerror}"
    try:
        read = os.pread(descriptor, HEART_BYTES, 0)
        is_kept = is_held(descriptor)
    finally:
        os.close(descriptor)
    deadline = struct.unpack_from("!d", read)[0]
    if is_kept and now() < deadline:
        return ""
    told = json.loads(read[8:])
    why = "it was not renewed in time" if is_kept else "the process that renewed it has died"
    return f"the lock of {told['key']} was lost: {told['why'] or why}"


def is_held(descriptor: int) -> bool:
    """Whether somebody has the kernel's lock on a file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
