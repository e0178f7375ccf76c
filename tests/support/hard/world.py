"""What a proxy remembers of an account: what was written when, and what nobody can see yet."""

from __future__ import annotations

import threading
import time
import typing as t
from collections.abc import Callable

from tests.support.hard.protocol import Call, Outcome, Refusal, Result
from tests.support.hard.texts import new_ids
from tests.support.hard.transits import Transits

# How long reads lag behind writes. On AWS it is mostly less than a second and may be minutes.
LAG_SECONDS = 1.0
# What makes something begins so.
MAKING = ("Create", "Allocate", "Register", "Publish", "Run")


class World:
    """One account since it was emptied. ``clock`` is the time in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.transits = Transits(clock)
        self.forget_all()

    def forget_all(self) -> None:
        """Begin with an account that nothing has happened in."""
        with self.lock:
            # By service the times of its writes, and by id when it was made.
            self.writes: dict[str, list[float]] = {}
            self.made: dict[str, float] = {}
            self.transits.forget()
            # When somebody last wrote without this proxy.
            self.changed = float("-inf")

    def note(self, call: Call, outcome: Outcome) -> None:
        """Remember what an emulator has said."""
        self.transits.note(call, outcome)
        if not call.is_read and not isinstance(outcome, Refusal):
            self.note_write(call, outcome)

    def note_write(self, call: Call, result: Result) -> None:
        """Remember that something was written, and the ids of what it made."""
        with self.lock:
            now = self.clock()
            self.writes.setdefault(call.service, []).append(now)
            if call.operation.startswith(MAKING):
                for new in new_ids(call.parameters, result):
                    self.made.setdefault(new, now)

    def is_fresh(self, text: t.Any, seconds: float = LAG_SECONDS) -> bool:
        """Whether something with this id was made just now."""
        return isinstance(text, str) and self.clock() - self.made.get(text, float("-inf")) < seconds

    def wrote_between(self, service: str, begin: float, end: float) -> bool:
        """Whether a service was written to in that time."""
        return any(begin < when <= end for when in self.writes.get(service, ()))
