# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a warm process waits: botocore's waiters ask at fixed intervals, of up to a minute; these ask sooner at first."""

from __future__ import annotations

import collections.abc as c
import time
import typing as t

try:
    import botocore.exceptions
    import botocore.waiter
except ImportError:  # warm_server uses this only where boto3 is
    pass

FIRST_PAUSE = 0.5
GROWTH = 2


def ask_sooner() -> None:
    """Make waiters ask a few times at growing intervals before they go on at their own.

    ``amazon.aws.rds_instance`` asks once a minute: on average half a minute after a database is there. The first
    questions come on top of a waiter's own attempts, so none gives up earlier than it would.
    """
    waiter: t.Any = botocore.waiter.Waiter
    wait = waiter.wait

    def sooner(self: t.Any, **kwargs: t.Any) -> t.Any:
        config = {"Delay": self.config.delay, "MaxAttempts": self.config.max_attempts, **kwargs.pop("WaiterConfig", {})}
        if config["MaxAttempts"] > 1:
            for pause in pauses(config["Delay"]):
                try:
                    return wait(self, WaiterConfig={**config, "MaxAttempts": 1}, **kwargs)
                except botocore.exceptions.WaiterError as error:
                    if not _is_not_yet(error):
                        raise
                time.sleep(pause)
        return wait(self, WaiterConfig=config, **kwargs)

    waiter.wait = sooner


def pauses(delay: float) -> c.Iterator[float]:
    """The seconds between the first questions: those of a growing row that are less than a waiter's own delay."""
    pause = FIRST_PAUSE
    while pause < delay:
        yield pause
        pause *= GROWTH


def _is_not_yet(error: botocore.exceptions.WaiterError) -> bool:
    """Whether a waiter has only run out of attempts; botocore tells that from a failure by its words alone."""
    return str(error.kwargs["reason"]).startswith("Max attempts exceeded")
