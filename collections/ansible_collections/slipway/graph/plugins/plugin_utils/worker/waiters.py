# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a warm process waits: botocore's waiters ask at fixed intervals, of up to a minute; these ask sooner."""

from __future__ import annotations

import collections.abc as c
import math
import time
import typing as t

try:
    import botocore.exceptions
    import botocore.waiter
except ImportError:  # the worker uses this only where boto3 is
    pass

FIRST_PAUSE = 0.5
GROWTH = 1.7
# Who asks more often has a little sooner what took a while, and is throttled.
LONGEST_PAUSE = 10


def ask_sooner() -> None:
    """Make waiters ask at growing intervals, of ten seconds in the end, or their own if those are shorter.

    ``amazon.aws.rds_instance`` asks once a minute: on average half a minute after a database is there. No waiter gives
    up earlier than it would.
    """
    waiter: t.Any = botocore.waiter.Waiter
    wait = waiter.wait

    def sooner(self: t.Any, **kwargs: t.Any) -> t.Any:
        config = {"Delay": self.config.delay, "MaxAttempts": self.config.max_attempts, **kwargs.pop("WaiterConfig", {})}
        if config["MaxAttempts"] == 1:
            return wait(self, WaiterConfig=config, **kwargs)
        delay = min(config["Delay"], LONGEST_PAUSE)
        for pause in pauses(delay):
            try:
                return wait(self, WaiterConfig={**config, "MaxAttempts": 1}, **kwargs)
            except botocore.exceptions.WaiterError as error:
                if not _is_not_yet(error):
                    raise
            time.sleep(pause)
        attempts = math.ceil(config["MaxAttempts"] * config["Delay"] / delay) if delay else config["MaxAttempts"]
        return wait(self, WaiterConfig={"Delay": delay, "MaxAttempts": attempts}, **kwargs)

    waiter.wait = sooner


def pauses(delay: float) -> c.Iterator[float]:
    """The seconds between the first questions: those of a growing row that are less than the delay that follows."""
    pause = FIRST_PAUSE
    while pause < delay:
        yield pause
        pause *= GROWTH


def _is_not_yet(error: botocore.exceptions.WaiterError) -> bool:
    """Whether a waiter has only run out of attempts; botocore tells that from a failure by its words alone."""
    return str(error.kwargs["reason"]).startswith("Max attempts exceeded")
