"""Reads lag behind writes."""

from __future__ import annotations

import typing as t

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.families import absence
from tests.support.hard.protocol import Call, Outcome, Refusal, Result
from tests.support.hard.world import LAG_SECONDS, World

# By service where it is said that its reads lag. Services that are not here show at once what was written.
SOURCES = {
    "ec2": "EC2 developer guide: Eventual consistency in the Amazon EC2 API",
    "iam": "IAM user guide: Changes that I make are not always immediately visible",
    "ecs": "ECS API reference, RunTask: The Amazon ECS API follows an eventual consistency model",
    "kms": "KMS developer guide: KMS eventual consistency",
    "dynamodb": "DynamoDB API reference, DescribeTable: uses an eventually consistent query",
    "elbv2": "Terraform provider for AWS, service/elbv2/target_group.go: RetryWhenNewResourceNotFound",
    "ecr": "Terraform provider for AWS, service/ecr/repository.go: a new repository is asked for again",
    "sqs": "SQS API reference, CreateQueue: wait at least one second after the queue is created",
}
# Of which only that is known of what is new, not of what was changed or deleted.
OF_NEW_ONLY = {"elbv2", "ecr"}
# Where only these operations are said to.
ONLY = {"dynamodb": {"DescribeTable"}}
# Older answers than this are of no use, as somebody may have written without this proxy.
OLDEST_SECONDS = 4.0


class FreshIsMissing(Behaviour):
    """What was just made is in no list, and whoever asks for it by its id is told that it does not exist."""

    name: t.ClassVar = "fresh-is-missing"
    source: t.ClassVar = "; ".join(SOURCES.values())

    def before(self, call: Call) -> Outcome | None:
        """Refuse a read of what was just made."""
        if not lags(call):
            return None
        fresh = next((text for text in asked_for(call.parameters) if self.world.is_fresh(text)), None)
        return absence.of(call, fresh) if fresh else None

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Take what was just made out of lists."""
        if isinstance(outcome, Refusal) or not lags(call):
            return outcome
        return self._without_fresh(outcome)

    def _without_fresh(self, result: Result) -> Result:
        shown = {name: self._shown(value) if isinstance(value, list) else value for name, value in result.items()}
        return shown if shown != result else result

    def _shown(self, items: list[t.Any]) -> list[t.Any]:
        return [each for each in items if not self._is_fresh(each)]

    def _is_fresh(self, item: t.Any) -> bool:
        if isinstance(item, dict):
            return any(self.world.is_fresh(value) for value in item.values())
        return self.world.is_fresh(item)


class FreshIsUnknown(Behaviour):
    """Who builds on what was just made is told that it does not exist."""

    name: t.ClassVar = "fresh-is-unknown"
    source: t.ClassVar = f"{SOURCES['ec2']}; {SOURCES['kms']}"
    services: t.ClassVar = ("ec2", "kms")

    def before(self, call: Call) -> Outcome | None:
        """Refuse a write that names something new."""
        if call.service not in self.services or call.is_read:
            return None
        fresh = next((text for text in asked_for(call.parameters) if self.world.is_fresh(text)), None)
        return absence.of(call, fresh) if fresh else None


class StaleAnswers(Behaviour):
    """A read that was made before a write gets the same answer again just after it."""

    name: t.ClassVar = "stale-answers"
    source: t.ClassVar = FreshIsMissing.source

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.answers: dict[tuple[str, str, str, str], tuple[float, Outcome]] = {}

    def before(self, call: Call) -> Outcome | None:
        """Answer as before the last write, if that was just now and nothing was written between."""
        if not lags(call) or call.service in OF_NEW_ONLY:
            return None
        now = self.world.clock()
        asked, outcome = self.answers.get(call.key, (float("-inf"), None))
        is_old = asked < max(now - OLDEST_SECONDS, self.world.changed)
        is_usable = not is_old and not self.world.wrote_between(call.service, asked, now - LAG_SECONDS)
        return outcome if is_usable and self.world.wrote_between(call.service, asked, now) else None

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Remember what was answered."""
        if lags(call) and call.service not in OF_NEW_ONLY:
            self.answers[call.key] = (self.world.clock(), outcome)
        return outcome

    def forget(self) -> None:
        """Know no answer."""
        self.answers.clear()


def lags(call: Call) -> bool:
    """Whether a call is a read that lags."""
    return call.service in SOURCES and call.is_read and call.operation in ONLY.get(call.service, {call.operation})


def asked_for(parameters: Result) -> list[str]:
    """The texts that a read names directly, not those of its filters: what these do not find is no error."""
    found = []
    for value in parameters.values():
        found += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
    return found
