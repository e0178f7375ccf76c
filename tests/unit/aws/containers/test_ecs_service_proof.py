"""slipway.aws.ecs_service_proof: every task, several times, and again."""

from __future__ import annotations

import io
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.slipway.aws.plugins.module_utils import ecs as ecs_utils
from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError
from ansible_collections.slipway.aws.plugins.modules import ecs_service_proof as module
from tests.unit.aws.containers.test_ecs_one_off_task import Clock, Logs

REVISION = "arn:aws:ecs:eu-central-1:1:task-definition/shop-api:7"
OPTIONS: dict[str, Any] = {
    "cluster": "shop", "service": "api", "url": "http://shop/version", "expected": {"commit": "new"},
    "instance_field": "instance", "rounds": 3, "grace_seconds": 10, "timeout": 30, "log_lines": 5,
}  # fmt: skip


class Ecs:
    """An ECS with one service of two tasks."""

    def __init__(self) -> None:
        self.running = 2
        self.dead: list[dict[str, Any]] = []

    def describe_services(self, **_: Any) -> dict[str, Any]:
        service = {"status": "ACTIVE", "runningCount": self.running, "desiredCount": 2, "taskDefinition": REVISION}
        return {"services": [service]}

    def list_tasks(self, desiredStatus: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - the API's spelling
        return {"taskArns": ["arn:task/t1"] if self.dead and desiredStatus == "STOPPED" else []}

    def describe_tasks(self, **_: Any) -> dict[str, Any]:
        return {"tasks": self.dead}

    def describe_task_definition(self, **_: Any) -> dict[str, Any]:
        options = {"awslogs-group": "shop", "awslogs-stream-prefix": "ecs"}
        container = {"name": "api", "logConfiguration": {"logDriver": "awslogs", "options": options}}
        return {"taskDefinition": {"taskDefinitionArn": REVISION, "containerDefinitions": [container]}}

    def kill(self) -> None:
        self.dead = [
            {
                "taskArn": "arn:task/t1",
                "taskDefinitionArn": REVISION,
                "stopCode": "EssentialContainerExited",
                "stoppedReason": "Essential container exited",
                "createdAt": datetime.now(UTC),
                "stoppedAt": datetime.now(UTC) + timedelta(seconds=1),
            }
        ]


class LoadBalancer:
    """Sends each question to the next task."""

    def __init__(self, *answers: Any) -> None:
        self.answers = itertools.cycle(answers)
        self.asked = 0
        self.tokens: set[str] = set()

    def __call__(self, *_: Any, headers: dict[str, str], **__: Any) -> io.BytesIO:
        self.asked += 1
        self.tokens.add(headers.get("Authorization", ""))
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(json.dumps(answer).encode())


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(ecs_utils, "time", clock)
    return clock


@pytest.fixture
def ecs() -> Ecs:
    return Ecs()


def prove(ecs: Ecs, monkeypatch: pytest.MonkeyPatch, *answers: Any, token: str = "") -> tuple[set[str], LoadBalancer]:
    balancer = LoadBalancer(*answers)
    monkeypatch.setattr(module, "open_url", balancer)
    return module.Proof(OPTIONS, ecs, Logs(), token).prove(), balancer


def new(instance: str) -> dict[str, str]:
    return {"commit": "new", "instance": instance}


def test_every_task_is_asked_in_every_round_before_and_after_the_grace_time(
    ecs: Ecs, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    instances, balancer = prove(ecs, monkeypatch, new("a"), new("b"))
    assert instances == {"a", "b"}
    assert balancer.asked == 2 * 3 * 2
    assert clock.now >= OPTIONS["grace_seconds"]


def test_a_service_that_wants_to_know_who_asks_is_told(ecs: Ecs, monkeypatch: pytest.MonkeyPatch) -> None:
    _, balancer = prove(ecs, monkeypatch, new("a"), new("b"), token="the-key")
    assert balancer.tokens == {"Bearer the-key"}
    _, balancer = prove(ecs, monkeypatch, new("a"), new("b"))
    assert balancer.tokens == {""}


class Secrets:
    """A Secrets Manager with one secret."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value

    def get_secret_value(self, **_: Any) -> dict[str, Any]:
        return self.value


def test_the_token_is_a_field_of_the_secret() -> None:
    document = json.dumps({"principal": "operator", "token": "the-key"})
    assert module.read_token(Secrets({"SecretString": document}), "shop-operator") == "the-key"


@pytest.mark.parametrize(
    "value", [{"SecretString": "the-key"}, {"SecretString": '{"key": "the-key"}'}, {"SecretString": '"the-key"'}, {}]
)
def test_a_secret_without_a_token_is_named_and_not_shown(value: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="shop-operator is not a JSON object with a field token") as failure:
        module.read_token(Secrets(value), "shop-operator")
    assert "the-key" not in str(failure.value)


def test_one_old_answer_begins_the_rounds_again(ecs: Ecs, monkeypatch: pytest.MonkeyPatch) -> None:
    old = {"commit": "old", "instance": "o"}
    answers = [new("a"), new("b"), old, *([new("a"), new("b")] * 20)]
    instances, balancer = prove(ecs, monkeypatch, *answers)
    assert instances == {"a", "b"}
    assert balancer.asked == 3 + 2 * 3 * 2


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([{"commit": "old", "instance": "o"}], '"commit": "old"'),
        ([new("a")], "only 1 of 2 running tasks answer: a"),
        ([new("a"), OSError("HTTP Error 502: Bad Gateway")], "502"),
        ([["no object"]], "no object"),
    ],
)
def test_what_is_not_expected_fails_with_what_came_instead(
    ecs: Ecs, monkeypatch: pytest.MonkeyPatch, answers: list[Any], said: str
) -> None:
    with pytest.raises(RefusedError) as failure:
        prove(ecs, monkeypatch, *answers)
    assert said in str(failure.value)


def test_too_few_running_tasks_fail(ecs: Ecs, monkeypatch: pytest.MonkeyPatch) -> None:
    ecs.running = 1
    with pytest.raises(RefusedError, match="1 of 2 tasks are running"):
        prove(ecs, monkeypatch, new("a"))


def test_a_task_that_dies_in_the_grace_time_fails_with_its_last_lines(
    ecs: Ecs, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    clock.while_asleep = ecs.kill
    with pytest.raises(RefusedError) as failure:
        prove(ecs, monkeypatch, new("a"), new("b"))
    assert "1 tasks died in the meantime" in str(failure.value)
    assert "line 8" in str(failure.value)
