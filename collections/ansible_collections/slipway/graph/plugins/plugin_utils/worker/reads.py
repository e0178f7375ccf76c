# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Equal reads that follow each other closely, asked once.

Only while nothing is written. An answer is kept for a moment, not for good: a module that waits until something is so
must see it when it is.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import threading
import time
import typing as t

KEPT_SECONDS = 2.0
Key = tuple[t.Any, ...]


class Reads:
    """What one process has been told of late."""

    def __init__(self, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: dict[Key, tuple[float, bytes]] = {}
        # Modules may read in several threads.
        self._lock = threading.Lock()

    def find(self, key: Key) -> t.Any:
        """A kept answer, as a copy that the asker may change; ``None`` if there is none."""
        until, answer = self._answers.get(key, (0.0, b""))
        return pickle.loads(answer) if answer and self._clock() < until else None  # noqa: S301 - written below

    def keep(self, key: Key, answer: t.Any) -> None:
        """Keep an answer, unless it is a stream, which can be read once only."""
        now = self._clock()
        with contextlib.suppress(TypeError, AttributeError, pickle.PicklingError):
            kept = now + KEPT_SECONDS, pickle.dumps(answer)
            with self._lock:
                self._answers = {known: other for known, other in self._answers.items() if now < other[0]}
                self._answers[key] = kept

    def forget(self) -> None:
        """Keep nothing of before."""
        self._answers.clear()


def key_of(client: t.Any, operation: str, parameters: t.Any) -> Key:
    """Everything that an answer depends on: who asks whom for what."""
    credentials = client._get_credentials()
    return (
        client.meta.service_model.service_name,
        client.meta.endpoint_url,
        client.meta.region_name,
        (credentials.access_key, credentials.token) if credentials else None,
        operation,
        json.dumps(parameters, sort_keys=True, default=str),
    )
