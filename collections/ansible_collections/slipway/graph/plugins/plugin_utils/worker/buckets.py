# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Token buckets as AWS has them, shared by all processes of a run: better to wait here than to be throttled there.

Sizes are per account and Region. Sources: "Request throttling for the Amazon EC2 API" and "Request throttling for
the Amazon ECS API" in AWS's guides; for IAM, which publishes none, ten requests a second.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import struct
import tempfile
import time
import typing as t
from collections.abc import Callable, Iterator


class Size(t.NamedTuple):
    """How many requests at once, and how many a second afterwards."""

    capacity: float
    refill: float


# By service and operation; `read` and `write` hold for the operations that are not named.
SIZES: dict[str, dict[str, Size]] = {
    "ec2": {
        "read": Size(100, 20),
        "write": Size(50, 5),
        "AuthorizeSecurityGroupIngress": Size(50, 5),
        "AuthorizeSecurityGroupEgress": Size(50, 5),
        "CreateNatGateway": Size(10, 1),
        "CreateVpcEndpoint": Size(4, 0.3),
        "RunInstances": Size(5, 2),
    },
    "ecs": {
        "read": Size(100, 20),
        "write": Size(50, 5),
        "RegisterTaskDefinition": Size(20, 1),
    },
    "iam": {"read": Size(20, 10), "write": Size(20, 10)},
}
_SLOTS = {
    name: position
    for position, name in enumerate((service, kind) for service, kinds in SIZES.items() for kind in kinds)
}
_NUMBER = struct.Struct("d")
# The slot after the buckets: when the run last wrote to IAM.
_IAM_WRITTEN = len(_SLOTS)


class Buckets:
    """All buckets of a run. Made before the processes that share it are forked.

    A bucket is one number: the time at which it is full again. Kept in shared memory, and changed under a lock that
    the kernel takes away with a process that dies.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._memory = mmap.mmap(-1, _NUMBER.size * (_IAM_WRITTEN + 1))
        self._lock = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the run
        self._clock, self._sleep = clock, sleep

    def take(self, service: str, operation: str, is_read: bool) -> float:
        """Take a token, and wait for it if there is none.

        :returns: the seconds waited.
        """
        kinds = SIZES.get(service)
        if not kinds:
            return 0.0
        kind = operation if operation in kinds else "read" if is_read else "write"
        wait = self._reserve(_SLOTS[service, kind], kinds[kind])
        if wait > 0:
            self._sleep(wait)
        return max(wait, 0.0)

    def note_iam_write(self) -> None:
        """Remember that this run has just written to IAM."""
        self._write(_IAM_WRITTEN, self._clock())

    def since_iam_write(self) -> float:
        """Seconds since this run has last written to IAM; infinite if it has not."""
        written = self._read(_IAM_WRITTEN)
        return self._clock() - written if written else float("inf")

    def _reserve(self, slot: int, size: Size) -> float:
        """Take a token that may be there only later; the seconds until it is."""
        with self._locked():
            now = self._clock()
            full_at = max(self._read(slot), now) + 1 / size.refill
            self._write(slot, full_at)
            return full_at - size.capacity / size.refill - now

    def _read(self, slot: int) -> float:
        return float(_NUMBER.unpack_from(self._memory, slot * _NUMBER.size)[0])

    def _write(self, slot: int, value: float) -> None:
        _NUMBER.pack_into(self._memory, slot * _NUMBER.size, value)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)
