"""slipway.aws.application_autoscaling_target against moto."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ansible_collections.slipway.aws.plugins.modules.application_autoscaling_target import ScalableTarget
from tests.support.modules import Client, Run, runner

CPU = {"name": "cpu", "metric": "ECSServiceAverageCPUUtilization", "target_value": 60, "scale_in_cooldown": 300}
MEMORY = {"name": "memory", "metric": "ECSServiceAverageMemoryUtilization", "target_value": 70.5}


@pytest.fixture
def scaling(in_moto: Client, monkeypatch: pytest.MonkeyPatch) -> Any:
    # moto has no tags of scalable targets.
    monkeypatch.setattr(ScalableTarget, "read_tags", lambda *_: {})
    ecs = in_moto("ecs")
    ecs.create_cluster(clusterName="shop")
    container = {"name": "api", "image": "api", "memory": 128}
    ecs.register_task_definition(family="api", containerDefinitions=[container])
    ecs.create_service(cluster="shop", serviceName="api", taskDefinition="api", desiredCount=1)
    return in_moto("application-autoscaling")


@pytest.fixture
def run(scaling: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(
        "application_autoscaling_target",
        capsys,
        service_namespace="ecs",
        resource_id="service/shop/api",
        scalable_dimension="ecs:service:DesiredCount",
    )


def policies(scaling: Any) -> dict[str, float]:
    held = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    return {policy["PolicyName"]: policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for policy in held}


def targets(scaling: Any) -> list[dict[str, Any]]:
    held: list[dict[str, Any]] = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    return held


def test_registers_the_target_with_its_policies(scaling: Any, run: Run) -> None:
    result = run(min_capacity=2, max_capacity=10, policies=[MEMORY, CPU])
    assert result["changed"] is True
    assert result["scalable_target"]["max_capacity"] == 10
    assert policies(scaling) == {"cpu": 60.0, "memory": 70.5}


def test_the_role_that_the_first_target_of_an_account_makes_is_waited_for(
    scaling: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = ["FailedResourceAccessException", "ObjectNotFoundException"]
    put = ScalableTarget._put

    def refused_at_first(self: ScalableTarget, policy: dict[str, Any]) -> None:
        def call(**options: Any) -> Any:
            if refusals:
                raise ClientError({"Error": {"Code": refusals.pop(), "Message": "not yet"}}, "PutScalingPolicy")
            return original(**options)

        original, self.client.put_scaling_policy = self.client.put_scaling_policy, call
        put(self, policy)

    monkeypatch.setattr(ScalableTarget, "_put", refused_at_first)
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert run(min_capacity=2, max_capacity=10, policies=[CPU])["changed"] is True
    assert (refusals, policies(scaling)) == ([], {"cpu": 60.0})


def test_a_second_run_changes_nothing(run: Run) -> None:
    run(min_capacity=2, max_capacity=10, policies=[MEMORY, CPU])
    assert run(min_capacity=2, max_capacity=10, policies=[CPU, MEMORY])["changed"] is False


def test_bounds_and_policies_are_put_right(scaling: Any, run: Run) -> None:
    run(min_capacity=2, max_capacity=10, policies=[CPU, MEMORY])
    result = run(min_capacity=2, max_capacity=12, policies=[{**CPU, "target_value": 50}])
    assert result["changed"] is True
    assert targets(scaling)[0]["MaxCapacity"] == 12
    assert policies(scaling) == {"cpu": 50.0}


def test_policies_that_are_not_given_stay(scaling: Any, run: Run) -> None:
    run(min_capacity=2, max_capacity=10, policies=[CPU])
    assert run(min_capacity=2, max_capacity=10)["changed"] is False
    assert policies(scaling) == {"cpu": 60.0}


def test_scaling_can_be_suspended(scaling: Any, run: Run) -> None:
    run(min_capacity=2, max_capacity=10)
    assert run(suspend=True)["changed"] is True
    assert targets(scaling)[0]["SuspendedState"]["DynamicScalingInSuspended"] is True
    assert run(suspend=True)["changed"] is False


def test_check_mode_writes_nothing(scaling: Any, run: Run) -> None:
    assert run(check=True, min_capacity=2, max_capacity=10, policies=[CPU])["changed"] is True
    assert targets(scaling) == []


def test_absent_works_twice(scaling: Any, run: Run) -> None:
    run(min_capacity=2, max_capacity=10, policies=[CPU])
    assert run(state="absent")["changed"] is True
    assert targets(scaling) == []
    assert run(state="absent")["changed"] is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_capacity": 2}, "min_capacity and max_capacity are needed"),
        ({"min_capacity": 5, "max_capacity": 4}, "min_capacity is 5, max_capacity 4"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(scaling: Any, run: Run, options: dict[str, int], message: str) -> None:
    result = run(**options)
    assert result["failed"] is True
    assert message in result["msg"]
    assert targets(scaling) == []
