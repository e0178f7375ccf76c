"""A version of a function that was just published cannot be called yet."""

from __future__ import annotations

import typing as t

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.kinds import short
from tests.support.hard.protocol import Call, Outcome, Refusal
from tests.support.hard.world import World

PENDING_SECONDS = 1.5


class NewVersions(Behaviour):
    """A new version is pending for a while, and is not invoked meanwhile."""

    name: t.ClassVar = "new-versions"
    source: t.ClassVar = "Lambda developer guide, Lambda function states; botocore's waiter PublishedVersionActive"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.published: dict[tuple[str, str], float] = {}

    def before(self, call: Call) -> Outcome | None:
        """Refuse to invoke it."""
        if (call.service, call.operation) != ("lambda", "Invoke") or not self._is_pending(call):
            return None
        return Refusal(
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the following state: Pending",
            409,
        )

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Remember when it was published, and show it as pending."""
        if call.service != "lambda" or isinstance(outcome, Refusal):
            return outcome
        if call.operation == "PublishVersion":
            name = short(str(call.parameters["FunctionName"]))
            self.published.setdefault((name, str(outcome["Version"])), self.world.clock())
        elif call.operation == "GetFunctionConfiguration" and self._is_pending(call):
            return {**outcome, "State": "Pending"}
        elif call.operation == "GetFunction" and self._is_pending(call):
            return {**outcome, "Configuration": {**outcome["Configuration"], "State": "Pending"}}
        return outcome

    def _is_pending(self, call: Call) -> bool:
        key = short(str(call.parameters.get("FunctionName"))), str(call.parameters.get("Qualifier"))
        return self.world.clock() - self.published.get(key, float("-inf")) < PENDING_SECONDS

    def forget(self) -> None:
        """Know no version."""
        self.published.clear()
