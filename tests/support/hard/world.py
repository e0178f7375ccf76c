"""What a proxy remembers of an account: what was written when, and what nobody can see yet."""

from __future__ import annotations

import threading
import time
import typing as t
from collections.abc import Callable, Iterator

from tests.support.hard.protocol import Call, Result

# How long reads lag behind writes. On AWS it is mostly less than a second and may be minutes.
LAG_SECONDS = 1.0


class World:
    """One account since it was emptied. ``clock`` is the time in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.forget_all()

    def forget_all(self) -> None:
        """Begin with an account that nothing has happened in."""
        with self.lock:
            # By service the times of its writes, and by id when it was made.
            self.writes: dict[str, list[float]] = {}
            self.made: dict[str, float] = {}
            # When somebody last wrote without this proxy.
            self.changed = float("-inf")

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


MAKING = ("Create", "Allocate", "Register", "Publish", "Run")
SHORTEST_ID = 8


def new_ids(parameters: Result, result: Result) -> set[str]:
    """The ids in an answer that were not in the request."""
    asked = set(texts(parameters))
    return {text for name, text in named_texts(result) if name.endswith(ID_ENDS) and text not in asked and _is_id(text)}


ID_ENDS = ("Id", "id", "Arn", "ARN", "arn")


def _is_id(text: str) -> bool:
    return len(text) >= SHORTEST_ID and not text.isdigit()


def texts(value: t.Any) -> Iterator[str]:
    """Every text in a value."""
    return (text for _name, text in named_texts(value))


def named_texts(value: t.Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with the name of the member that holds it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from named_texts(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from named_texts(each, name)
