# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Repeats a deletion that AWS refuses because something still uses the resource, until it has let go.

What was deleted before often lives on for a while: the interfaces of a load balancer, a database on its way out, and
above all the interfaces that Lambda has made in a network.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import time

from ansible_collections.slipway.graph.plugins.module_utils import still_in_use
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.run.calls import Call
from ansible_collections.slipway.graph.plugins.plugin_utils.run.results import Result, failure_text

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


@dataclasses.dataclass
class _Wait:
    """A call that was refused: since when, how often, and how many API calls it had made by then."""

    since: float
    times: int = 0
    api_calls: int = 0


class Repetition:
    """Says after which pause a deletion is tried again.

    :param deletes: the steps that delete; no other call is repeated.
    :param patient: whether functions of this system may have left interfaces in a network.
    :param tell: shows a line.
    """

    def __init__(
        self,
        deletes: c.Container[Step],
        patient: bool,
        tell: c.Callable[[str], None],
        clock: c.Callable[[], float] = time.monotonic,
    ) -> None:
        self._deletes = deletes
        self._patient = patient
        self._tell = tell
        self._clock = clock
        self._waits: dict[tuple[int, int], _Wait] = {}

    def pause_before_repeat(self, call: Call, result: Result) -> float | None:
        """How long to wait before a call that has failed is made again; ``None`` if it is not."""
        if call.step not in self._deletes:
            return None
        wait = self._waits.setdefault((call.step.index, call.position), _Wait(self._clock()))
        made = call.api_calls[wait.api_calls :]
        wait.api_calls = len(call.api_calls)
        refused = [each for each in made if each.get("error")]
        if not refused:
            return None
        service, code = refused[-1]["service"], refused[-1]["error"]
        refusal = still_in_use.find(service, code, failure_text(result))
        if refusal is None:
            return None
        minutes = self._minutes(refusal)
        left = wait.since + minutes * 60 - self._clock()
        if left <= 0:
            result["msg"] = f"{failure_text(result)} (still in use after {minutes} minutes)"
            return None
        if wait.times == 0:
            title = records.title(call.step.role, call.step.name, call.label)
            self._tell(f"waiting  {title}: still in use ({code}), tried again for up to {minutes} minutes")
        wait.times += 1
        return min(FIRST_PAUSE * 2.0 ** (wait.times - 1), LONGEST_PAUSE, max(left, FIRST_PAUSE))

    def _minutes(self, refusal: still_in_use.Refusal) -> int:
        by_function = self._patient and refusal.minutes == still_in_use.NETWORK_MINUTES
        return still_in_use.LAMBDA_MINUTES if by_function else refusal.minutes
