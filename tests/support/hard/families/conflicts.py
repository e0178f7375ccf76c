"""What is done at the same time is refused."""

from __future__ import annotations

import typing as t

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.protocol import Call, Outcome, Refusal
from tests.support.hard.world import World

SETTLES_SECONDS = 1.0


class NewBuckets(Behaviour):
    """The first change of a bucket that was just made meets the making of it."""

    name: t.ClassVar = "new-buckets"
    source: t.ClassVar = "S3 API reference, Error responses: OperationAborted; Terraform provider, service/s3/bucket.go"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.made: dict[str, float] = {}

    def before(self, call: Call) -> Outcome | None:
        """Refuse it once."""
        is_change = call.service == "s3" and call.operation.startswith("PutBucket")
        made = self.made.pop(str(call.parameters.get("Bucket")), float("-inf")) if is_change else float("-inf")
        if self.world.clock() - made >= SETTLES_SECONDS:
            return None
        return Refusal(
            "OperationAborted",
            "A conflicting conditional operation is currently in progress against this resource. Please try again.",
            409,
        )

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Remember when a bucket was made."""
        if (call.service, call.operation) == ("s3", "CreateBucket") and not isinstance(outcome, Refusal):
            self.made[str(call.parameters["Bucket"])] = self.world.clock()
        return outcome

    def forget(self) -> None:
        """Know no bucket."""
        self.made.clear()
