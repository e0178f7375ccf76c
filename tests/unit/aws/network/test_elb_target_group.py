"""slipway.aws.elb_target_group against moto, and against an emulator that answers with an empty list."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ansible_collections.slipway.aws.plugins.module_utils import resource
from tests.support.modules import REGION, Client, Run, runner


@pytest.fixture
def elb(in_moto: Client) -> Any:
    return in_moto("elbv2")


@pytest.fixture
def run(elb: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    vpc = boto3.client("ec2", region_name=REGION).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return runner("elb_target_group", capsys, name="shop-api", target_type="ip", protocol="HTTP", port=8080, vpc_id=vpc)


def attributes(elb: Any, arn: str) -> dict[str, str]:
    answer = elb.describe_target_group_attributes(TargetGroupArn=arn)
    return {pair["Key"]: pair["Value"] for pair in answer["Attributes"]}


def test_makes_a_group_with_attributes_and_tags(elb: Any, run: Run) -> None:
    group = run(
        health_check={"path": "/health", "interval": 5, "timeout": 2, "success_codes": "200-204"},
        attributes={"deregistration_delay.timeout_seconds": 15, "stickiness.enabled": True},
        tags={"system": "shop"},
    )["target_group"]
    assert group["health_check_path"] == "/health"
    assert group["matcher"] == {"http_code": "200-204"}
    assert group["tags"] == {"system": "shop"}
    held = attributes(elb, group["target_group_arn"])
    assert held["deregistration_delay.timeout_seconds"] == "15"
    assert held["stickiness.enabled"] == "true"


def test_a_second_run_changes_nothing(run: Run) -> None:
    options = {"health_check": {"path": "/health"}, "attributes": {"stickiness.enabled": False}}
    assert run(**options)["changed"] is True
    assert run(**options)["changed"] is False


def test_stickiness_can_be_turned_off(elb: Any, run: Run) -> None:
    run(attributes={"stickiness.enabled": True})
    result = run(attributes={"stickiness.enabled": False})
    assert result["changed"] is True
    held = attributes(elb, result["target_group"]["target_group_arn"])
    assert held["stickiness.enabled"] == "false"


def test_the_health_check_is_put_right(elb: Any, run: Run) -> None:
    arn = run(health_check={"path": "/health"})["target_group"]["target_group_arn"]
    elb.modify_target_group(TargetGroupArn=arn, HealthCheckPath="/elsewhere")
    result = run(health_check={"path": "/health"})
    assert result["diff"]["before"] == {"health_check_path": "/elsewhere"}
    assert result["target_group"]["health_check_path"] == "/health"


def test_a_port_cannot_be_changed(run: Run) -> None:
    run()
    result = run(port=9090)
    assert result["failed"] is True
    assert "Port=8080" in result["msg"]


def test_check_mode_writes_nothing(elb: Any, run: Run) -> None:
    assert run(check=True)["changed"] is True
    assert elb.describe_target_groups()["TargetGroups"] == []


def test_absent_works_twice(elb: Any, run: Run) -> None:
    run()
    assert run(state="absent")["changed"] is True
    assert elb.describe_target_groups()["TargetGroups"] == []
    assert run(state="absent")["changed"] is False


def test_an_empty_answer_means_that_there_is_none(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    client = boto3.client("elbv2", region_name=REGION)
    with Stubber(client) as stubber:
        stubber.add_response("describe_target_groups", {"TargetGroups": []}, {"Names": ["shop-api"]})
        monkeypatch.setattr(resource, "connect", lambda *_: client)
        assert run(check=True)["changed"] is True
        stubber.assert_no_pending_responses()
