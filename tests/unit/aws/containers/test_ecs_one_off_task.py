"""slipway.aws.ecs_one_off_task: runs once, always stops what it started, and says why it failed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.slipway.aws.plugins.module_utils import ecs as ecs_utils
from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError
from ansible_collections.slipway.aws.plugins.modules import ecs_one_off_task as module

REVISION = "arn:aws:ecs:eu-central-1:1:task-definition/shop-api:7"
OPTIONS: dict[str, Any] = {
    "cluster": "shop", "task_definition": REVISION, "remember_as": "migration", "remember": True, "until": "exited",
    "container": None, "command": ["migrate"], "environment": None, "launch_type": None,
    "capacity_provider_strategy": None, "platform_version": None, "network_configuration": None,
    "probe": "container_health", "port": None, "path": "/", "serving_seconds": 3, "timeout": 20, "log_lines": 5,
    "tags": None,
}  # fmt: skip
Script = list[dict[str, Any]]


class Clock:
    """Time that passes only while someone sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.while_asleep: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.while_asleep()

    def monotonic(self) -> float:
        return self.now


class Ecs:
    """An ECS whose task goes through a script, one step each time that it is looked at."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.tasks: dict[str, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.tags: list[dict[str, str]] = []

    def describe_task_definition(self, **_: Any) -> dict[str, Any]:
        options = {"awslogs-group": "shop", "awslogs-stream-prefix": "ecs"}
        container = {"name": "api", "logConfiguration": {"logDriver": "awslogs", "options": options}}
        definition = {"taskDefinitionArn": REVISION, "containerDefinitions": [container]}
        return {"taskDefinition": definition, "tags": self.tags}

    def run_task(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        task = {"taskArn": "arn:task/shop/t1", "taskDefinitionArn": REVISION, "startedBy": request["startedBy"]}
        self.tasks[task["taskArn"]] = task
        return {"tasks": [task], "failures": []}

    def list_tasks(self, startedBy: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - the API's spelling
        running = [
            arn
            for arn, task in self.tasks.items()
            if task["startedBy"] == startedBy and task.get("lastStatus") != "STOPPED" and arn not in self.stopped
        ]
        return {"taskArns": running}

    def describe_tasks(self, tasks: list[str], **_: Any) -> dict[str, Any]:
        for arn in tasks:
            step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            self.tasks[arn] |= step
        return {"tasks": [self.tasks[arn] for arn in tasks]}

    def stop_task(self, task: str, **_: Any) -> None:
        self.stopped.append(task)

    def tag_resource(self, tags: list[dict[str, str]], **_: Any) -> None:
        self.tags += tags


class Logs:
    """A log group with one stream."""

    def get_log_events(self, logStreamName: str, limit: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        if logStreamName != "ecs/api/t1":
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetLogEvents")
        return {"events": [{"message": f"line {number}\n"} for number in range(9)][-limit:]}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(ecs_utils, "time", clock)
    return clock


def task(script: Script, **options: Any) -> tuple[module.OneOffTask, Ecs]:
    ecs = Ecs(script)
    return module.OneOffTask({**OPTIONS, **options}, ecs, Logs()), ecs


RUNNING = {"lastStatus": "RUNNING", "containers": [{"name": "api"}]}
HEALTHY = {**RUNNING, "healthStatus": "HEALTHY"}


def exited(code: int | None, stop_code: str = "EssentialContainerExited") -> dict[str, Any]:
    container = {"name": "api"} | ({} if code is None else {"exitCode": code})
    return {
        "lastStatus": "STOPPED",
        "stopCode": stop_code,
        "stoppedReason": "Essential container in task exited",
        "containers": [container],
    }


def test_a_migration_that_exits_with_0_succeeds() -> None:
    one_off, ecs = task([RUNNING, RUNNING, exited(0)])
    assert one_off.run() == "arn:task/shop/t1"
    assert ecs.requests[0]["overrides"]["containerOverrides"][0]["command"] == ["migrate"]
    assert ecs.stopped == []


def test_success_is_remembered_on_the_revision() -> None:
    one_off, ecs = task([exited(0)])
    one_off.remember()
    assert ecs.tags[0]["key"] == one_off.memory == "slipway:migration"


@pytest.mark.parametrize("end", [exited(7), exited(None, "TaskFailedToStart"), exited(0, "UserInitiated")])
def test_any_other_end_fails_with_the_reason_and_the_last_lines(end: dict[str, Any]) -> None:
    one_off, _ecs = task([RUNNING, end])
    with pytest.raises(RefusedError) as failure:
        one_off.run()
    assert "shop-api:7 failed: Essential container in task exited" in str(failure.value)
    assert "line 4\nline 5\nline 6\nline 7\nline 8" in str(failure.value)
    assert "line 3" not in str(failure.value)


def test_a_migration_that_takes_too_long_is_stopped() -> None:
    one_off, ecs = task([RUNNING])
    with pytest.raises(RefusedError, match="did not end within 20 seconds"):
        one_off.run()
    assert ecs.stopped == ["arn:task/shop/t1"]


def test_a_rehearsal_serves_without_a_break_and_is_stopped(clock: Clock) -> None:
    unhealthy = {**RUNNING, "healthStatus": "UNKNOWN"}
    one_off, ecs = task([unhealthy, HEALTHY, HEALTHY, unhealthy, HEALTHY], until="serving", command=None)
    one_off.run()
    # Two good looks do not count, as a bad one follows: four more are needed for three seconds.
    assert clock.now == 7
    assert ecs.stopped == ["arn:task/shop/t1"]


def test_a_rehearsal_that_dies_fails_with_the_last_lines() -> None:
    one_off, ecs = task([HEALTHY, HEALTHY, exited(1)], until="serving", command=None)
    with pytest.raises(RefusedError, match=r"exited with code 1.*\n.*last log lines"):
        one_off.run()
    assert ecs.stopped == []


def test_a_rehearsal_that_never_answers_says_what_was_asked() -> None:
    address = {"attachments": [{"details": [{"name": "privateIPv4Address", "value": "127.0.0.1"}]}]}
    one_off, ecs = task([{**RUNNING, **address}], until="serving", command=None, probe="direct", port=9)
    with pytest.raises(RefusedError, match=r"http://127\.0\.0\.1:9/ does not answer"):
        one_off.run()
    assert ecs.stopped == ["arn:task/shop/t1"]


def test_sigterm_stops_what_was_started(clock: Clock) -> None:
    one_off, ecs = task([RUNNING])
    clock.while_asleep = lambda: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(module.InterruptedByUser), module.interruptible():
        one_off.run()
    assert ecs.stopped == ["arn:task/shop/t1"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_task_that_a_killed_run_left_is_taken_up() -> None:
    one_off, ecs = task([RUNNING, exited(0)])
    ecs.tasks["arn:task/shop/left"] = {
        "taskArn": "arn:task/shop/left", "taskDefinitionArn": REVISION, "startedBy": one_off.started_by,
    }  # fmt: skip
    assert one_off.run() == "arn:task/shop/left"
    assert ecs.requests == []


def test_a_task_of_another_revision_that_a_killed_run_left_is_stopped() -> None:
    one_off, ecs = task([RUNNING, RUNNING, exited(0)])
    ecs.tasks["arn:task/shop/left"] = {
        "taskArn": "arn:task/shop/left", "taskDefinitionArn": REVISION + "0", "startedBy": one_off.started_by,
    }  # fmt: skip
    assert one_off.run() == "arn:task/shop/t1"
    assert "arn:task/shop/left" in ecs.stopped


def test_a_task_that_is_told_something_else_each_time_is_not_taken_up() -> None:
    one_off, ecs = task([RUNNING, RUNNING, exited(0)], remember=False, remember_as="export")
    ecs.tasks["arn:task/shop/left"] = {
        "taskArn": "arn:task/shop/left", "taskDefinitionArn": REVISION, "startedBy": one_off.started_by,
    }  # fmt: skip
    assert one_off.run() == "arn:task/shop/t1"
    assert "arn:task/shop/left" in ecs.stopped


@pytest.mark.parametrize(("remember", "runs"), [(True, 1), (False, 2)])
def test_what_is_not_remembered_runs_each_time(monkeypatch: pytest.MonkeyPatch, remember: bool, runs: int) -> None:
    ecs = Ecs([exited(0)])
    clients = {"ecs": ecs, "logs": Logs()}
    monkeypatch.setattr(module, "connect", lambda _module, service: clients[service])
    monkeypatch.setattr(module, "refuse_malformed", lambda *_: None)
    options = SimpleNamespace(params={**OPTIONS, "remember": remember}, check_mode=False)
    results = [module.run_once(options) for _ in range(2)]
    assert len(ecs.requests) == runs
    assert [result["changed"] for result in results] == [True, not remember]
    assert bool(ecs.tags) == remember


def test_another_migration_is_run_although_the_revision_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ecs = Ecs([exited(0)])
    clients = {"ecs": ecs, "logs": Logs()}
    monkeypatch.setattr(module, "connect", lambda _module, service: clients[service])
    monkeypatch.setattr(module, "refuse_malformed", lambda *_: None)
    commands = (["migrate"], ["migrate"], ["migrate", "--all"], ["migrate", "--all"])
    results = []
    for command in commands:
        results.append(module.run_once(SimpleNamespace(params={**OPTIONS, "command": command}, check_mode=False)))
        ecs.tags = ecs.tags[-1:]
    assert [result["changed"] for result in results] == [True, False, True, False]


def test_what_a_killed_run_left_and_does_something_else_is_stopped() -> None:
    one_off, ecs = task([RUNNING, RUNNING, exited(0)])
    ecs.tasks["arn:task/shop/left"] = {
        "taskArn": "arn:task/shop/left", "taskDefinitionArn": REVISION, "startedBy": one_off.started_by,
        "overrides": {"containerOverrides": [{"name": "api", "command": ["migrate", "--all"]}]},
    }  # fmt: skip
    assert one_off.run() == "arn:task/shop/t1"
    assert "arn:task/shop/left" in ecs.stopped


def test_an_unknown_container_is_refused_with_those_that_are_known() -> None:
    one_off, ecs = task([RUNNING], container="web")
    with pytest.raises(RefusedError, match="container is 'web'; the task definition contains api"):
        one_off.run()
    assert ecs.tasks == {}
