"""slipway.aws.ecs_service: made, updated by difference, deployed or said why not, deleted."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.slipway.aws.plugins.module_utils import resource
from ansible_collections.slipway.aws.plugins.modules import ecs_service as module
from tests.support.modules import Run, runner

REVISION = "arn:aws:ecs:eu-central-1:1:task-definition/shop-api:{}"
SUBNETS = ["subnet-1", "subnet-2"]
OPTIONS: dict[str, Any] = {
    "name": "api",
    "cluster": "shop",
    "task_definition": REVISION.format(1),
    "desired_count": 2,
    "network_configuration": {"subnets": SUBNETS, "security_groups": ["sg-1"]},
    "load_balancers": [{"target_group_arn": "arn:tg", "container_name": "api", "container_port": 8080}],
    "health_check_grace_period_seconds": 60,
    "deployment_configuration": {
        "strategy": "ROLLING",
        "minimum_healthy_percent": 100,
        "maximum_percent": 200,
        "deployment_circuit_breaker": {"enable": True, "rollback": True},
        "alarms": {"alarm_names": ["slow", "wrong"], "enable": True, "rollback": True},
    },
    "capacity_provider_strategy": [{"capacity_provider": "FARGATE", "weight": 1, "base": 1}],
    "platform_version": "1.4.0",
    "enable_execute_command": False,
    "enable_ecs_managed_tags": True,
    "propagate_tags": "SERVICE",
    "wait_timeout": 5,
    "tags": {"system": "shop"},
}


class Model:
    """The API's model, from which requests are checked."""

    def __init__(self) -> None:
        import botocore.session  # noqa: PLC0415 - only here

        self.service_model = botocore.session.get_session().get_service_model("ecs")


class Ecs:
    """An ECS with one service; its tasks start at once unless ``breaks`` is set."""

    meta = Model()

    def __init__(self) -> None:
        self.service: dict[str, Any] | None = None
        self.updates: list[dict[str, Any]] = []
        self.breaks = False

    def describe_services(self, **_: Any) -> dict[str, Any]:
        return {"services": [copy.deepcopy(self.service)] if self.service else [], "failures": []}

    def create_service(self, cluster: str, **request: Any) -> dict[str, Any]:
        self.service = {**request, "clusterArn": cluster, "serviceArn": "arn:service", "status": "ACTIVE", "events": []}
        # ECS fills in what was not given.
        self.service["deploymentConfiguration"] = {**request["deploymentConfiguration"], "bakeTimeInMinutes": 0}
        self.service["schedulingStrategy"] = "REPLICA"
        return self._deploy()

    def update_service(self, cluster: str, service: str, **request: Any) -> dict[str, Any]:
        assert self.service is not None
        self.updates.append({"cluster": cluster, "service": service, **request})
        self.service |= request
        return self._deploy()

    def _deploy(self) -> dict[str, Any]:
        assert self.service is not None
        number = len(self.updates)
        state = "FAILED" if self.breaks else "COMPLETED"
        self.service["runningCount"] = 0 if self.breaks else self.service["desiredCount"]
        self.service["deployments"] = [
            {"id": f"ecs-svc/{number}", "status": "PRIMARY", "rolloutState": state, "runningCount": 2,
             "rolloutStateReason": "ECS deployment circuit breaker was triggered"},
        ]  # fmt: skip
        return {"service": self.service}

    def delete_service(self, force: bool, **_: Any) -> None:
        assert force
        self.service = None

    def list_tasks(self, **_: Any) -> dict[str, Any]:
        return {"taskArns": ["arn:task/1"]}

    def describe_tasks(self, **_: Any) -> dict[str, Any]:
        container = {"name": "api", "exitCode": 3}
        return {
            "tasks": [
                {"taskArn": "arn:task/1", "stoppedReason": "Essential container exited", "containers": [container]}
            ]
        }

    def tag_resource(self, tags: list[dict[str, str]], **_: Any) -> None:
        assert self.service is not None
        self.service["tags"] = [*self.service["tags"], *tags]

    def untag_resource(self, tagKeys: list[str], **_: Any) -> None:  # noqa: N803 - the API's spelling
        assert self.service is not None
        self.service["tags"] = [tag for tag in self.service["tags"] if tag["key"] not in tagKeys]


@pytest.fixture
def ecs(monkeypatch: pytest.MonkeyPatch) -> Ecs:
    ecs = Ecs()
    monkeypatch.setattr(resource, "connect", lambda *_: ecs)
    return ecs


@pytest.fixture
def run(ecs: Ecs, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("ecs_service", capsys, **OPTIONS)


def nested(**changes: Any) -> dict[str, Any]:
    return {"deployment_configuration": {**OPTIONS["deployment_configuration"], **changes}}


def test_makes_a_service_with_everything_that_was_given(run: Run, ecs: Ecs) -> None:
    result = run()
    assert result["changed"]
    assert result["service"]["service_arn"] == "arn:service"
    assert "events" not in result["service"]
    assert ecs.service is not None
    assert ecs.service["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"
    assert ecs.service["enableECSManagedTags"] is True
    assert ecs.service["tags"] == [{"key": "system", "value": "shop"}]


def test_the_same_again_is_no_change_whatever_the_order_and_the_defaults(run: Run, ecs: Ecs) -> None:
    run()
    other_order = {"subnets": ["subnet-2", "subnet-1"], "security_groups": ["sg-1"]}
    alarms = {"alarm_names": ["wrong", "slow"], "enable": True, "rollback": True}
    assert not run(network_configuration=other_order, **nested(alarms=alarms))["changed"]
    assert ecs.updates == []


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"task_definition": REVISION.format(2)}, "taskDefinition"),
        ({"desired_count": 3}, "desiredCount"),
        ({"network_configuration": {"subnets": ["subnet-3"], "security_groups": ["sg-1"]}}, "networkConfiguration"),
        ({"network_configuration": {"subnets": SUBNETS, "assign_public_ip": True}}, "networkConfiguration"),
        ({"health_check_grace_period_seconds": 0}, "healthCheckGracePeriodSeconds"),
        ({"platform_version": "LATEST"}, "platformVersion"),
        ({"enable_execute_command": True}, "enableExecuteCommand"),
        ({"propagate_tags": "NONE"}, "propagateTags"),
        ({"availability_zone_rebalancing": "ENABLED"}, "availabilityZoneRebalancing"),
        (nested(strategy="CANARY", canary_configuration={"canary_percent": 10.0}), "deploymentConfiguration"),
        (nested(strategy="LINEAR", linear_configuration={"step_percent": 20.0}), "deploymentConfiguration"),
        (nested(strategy="BLUE_GREEN", bake_time_in_minutes=5), "deploymentConfiguration"),
        (nested(deployment_circuit_breaker={"enable": False, "rollback": False}), "deploymentConfiguration"),
        (nested(alarms={"alarm_names": ["slow"], "enable": True, "rollback": True}), "deploymentConfiguration"),
        (nested(minimum_healthy_percent=50), "deploymentConfiguration"),
        ({"load_balancers": []}, "loadBalancers"),
    ],
)  # fmt: skip
def test_only_what_differs_is_sent(run: Run, ecs: Ecs, other: dict[str, Any], field: str) -> None:
    run()
    assert run(**other)["changed"]
    assert [set(update) for update in ecs.updates] == [{"cluster", "service", field}]


def test_other_capacity_providers_need_a_new_deployment(run: Run, ecs: Ecs) -> None:
    run()
    run(capacity_provider_strategy=[{"capacity_provider": "FARGATE_SPOT", "weight": 1}])
    assert ecs.updates[0]["forceNewDeployment"] is True


def test_autoscaling_may_change_the_number_when_asked_for(run: Run, ecs: Ecs) -> None:
    run()
    assert ecs.service is not None
    ecs.service["desiredCount"] = ecs.service["runningCount"] = 7
    assert not run(ignore_desired_count_drift=True)["changed"]
    assert run()["changed"]


def test_check_mode_changes_nothing_and_shows_the_difference(run: Run, ecs: Ecs) -> None:
    run()
    result = run(check=True, desired_count=3)
    assert result["changed"]
    assert result["diff"] == {"before": {"desired_count": 2}, "after": {"desired_count": 3}}
    assert ecs.updates == []


def test_a_deployment_that_ecs_gives_up_fails_with_the_reason_of_the_tasks(run: Run, ecs: Ecs) -> None:
    run()
    ecs.breaks = True
    result = run(task_definition=REVISION.format(2))
    assert result["failed"]
    assert "circuit breaker was triggered" in result["msg"]
    assert "container api exited with code 3" in result["msg"]


def test_a_deployment_that_another_one_replaces_fails() -> None:
    service = module.Service.__new__(module.Service)
    service.params = {"name": "api", "cluster": "shop"}
    service.client = Ecs()
    service.client.service = {"status": "ACTIVE", "deployments": [{"id": "ecs-svc/back", "status": "PRIMARY"}]}
    service.deployment = "ecs-svc/1"
    with pytest.raises(resource.RefusedError, match="it was superseded by another deployment"):
        service._is_deployed()


def test_a_deployment_that_ecs_does_not_show_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    service = module.Service.__new__(module.Service)
    service.params = {"name": "api", "cluster": "shop", "wait_timeout": 60}
    service.client = Ecs()
    service.deployment = "ecs-svc/2"
    old = {"id": "ecs-svc/1", "status": "PRIMARY", "runningCount": 1}
    new = {"id": "ecs-svc/2", "status": "PRIMARY", "runningCount": 1, "rolloutState": "COMPLETED"}
    states: list[Any] = [None, {"deployments": [old]}, {"deployments": [new], "runningCount": 1, "desiredCount": 1}]
    monkeypatch.setattr(module.Service, "read", lambda _: states.pop(0))
    monkeypatch.setattr("time.sleep", lambda _: None)
    service.wait_ready()
    assert states == []


def test_a_launch_type_cannot_be_changed(ecs: Ecs, capsys: pytest.CaptureFixture[str]) -> None:
    options = {name: value for name, value in OPTIONS.items() if name != "capacity_provider_strategy"}
    run = runner("ecs_service", capsys, **options)
    run(launch_type="FARGATE")
    result = run(launch_type="EC2")
    assert result["failed"]
    assert "launchType" in result["msg"]
    assert ecs.updates == []


def test_tags_are_put_right(run: Run, ecs: Ecs) -> None:
    run()
    assert run(tags={"team": "shop"})["service"]["tags"] == {"team": "shop"}
    assert ecs.updates == []


def test_absent_deletes_with_the_tasks_and_is_idempotent(run: Run, ecs: Ecs) -> None:
    run()
    assert run(state="absent")["changed"]
    assert ecs.service is None
    assert not run(state="absent")["changed"]
