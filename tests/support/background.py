"""What goes on in the background while a test does something else, and what a test waits for."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def repeatedly(act: Callable[[], object], pause: float, threads: int = 1) -> Iterator[None]:
    """Act again and again, in each thread with a pause of some seconds after each time."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            act()
            stop.wait(pause)

    running = [threading.Thread(target=go_on) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in running:
            thread.join()


def wait_until(condition: Callable[[], object], what: str, seconds: float = 120, pause: float = 0.1) -> None:
    """Wait for a condition; the limit only ends a test that would hang."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(pause)
