"""AWS has no room for every call."""

from __future__ import annotations

import collections
import typing as t
import zlib

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.protocol import Call, Outcome, Refusal
from tests.support.hard.world import World

RATE_EXCEEDED = "Rate exceeded"
# By service what it says: the code, the words and the status.
WORDS = {
    # Error codes for the Amazon EC2 API
    "ec2": Refusal("RequestLimitExceeded", "Request limit exceeded.", 503),
    # botocore's models of the services
    "ecr": Refusal("ThrottlingException", RATE_EXCEEDED),
    "lambda": Refusal("TooManyRequestsException", RATE_EXCEEDED, 429),
    "apigateway": Refusal("TooManyRequestsException", "Too Many Requests", 429),
    "dynamodb": Refusal("ThrottlingException", RATE_EXCEEDED),
    "efs": Refusal("ThrottlingException", RATE_EXCEEDED, 429),
    "kms": Refusal("ThrottlingException", RATE_EXCEEDED),
    "logs": Refusal("ThrottlingException", RATE_EXCEEDED),
    "secretsmanager": Refusal("ThrottlingException", RATE_EXCEEDED),
    "ecs": Refusal("ThrottlingException", RATE_EXCEEDED),
    "application-autoscaling": Refusal("ThrottlingException", RATE_EXCEEDED),
    "backup": Refusal("ThrottlingException", RATE_EXCEEDED),
    # Amazon S3 API reference, Error responses
    "s3": Refusal("SlowDown", "Please reduce your request rate.", 503),
    "sqs": Refusal("RequestThrottled", RATE_EXCEEDED),
}
# Common Error Types of the query services: iam, sts, rds, elasticache, elbv2, cloudwatch, sns
OTHERS = Refusal("Throttling", RATE_EXCEEDED)
# One in so many calls of an operation.
ONE_IN = 12


class Throttling(Behaviour):
    """One in twelve calls of each operation is refused; which one, its name says. Never two in a row."""

    name: t.ClassVar = "throttling"
    source: t.ClassVar = "Error codes for the Amazon EC2 API; Common Error Types of each service; botocore's retries"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.asked: collections.Counter[str] = collections.Counter()

    def before(self, call: Call) -> Outcome | None:
        """Refuse the call whose turn it is."""
        with self.world.lock:
            self.asked[f"{call.service}:{call.operation}"] += 1
            number = self.asked[f"{call.service}:{call.operation}"]
        first = zlib.crc32(call.operation.encode()) % ONE_IN
        return WORDS.get(call.service, OTHERS) if number % ONE_IN == first else None

    def forget(self) -> None:
        """Count anew."""
        self.asked.clear()
