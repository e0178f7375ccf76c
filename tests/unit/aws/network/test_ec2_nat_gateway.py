"""slipway.aws.ec2_nat_gateway against moto."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.modules import Client, Run, first_answers, runner

NAME = "shop-a"


@pytest.fixture
def ec2(in_moto: Client) -> Any:
    return in_moto("ec2")


@pytest.fixture
def subnets(ec2: Any) -> list[str]:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ranges = ("10.0.0.0/24", "10.0.1.0/24")
    return [ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"] for cidr in ranges]


@pytest.fixture
def run(subnets: list[str], capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("ec2_nat_gateway", capsys, name=NAME, subnet_id=subnets[0], tags={"system": "shop"})


def gateways(ec2: Any) -> list[dict[str, Any]]:
    held = ec2.describe_nat_gateways()["NatGateways"]
    return [gateway for gateway in held if gateway["State"] not in ("deleted", "deleting")]


def tags(resource: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in resource["Tags"]}


def test_makes_a_gateway_and_its_address_with_the_same_tags(ec2: Any, run: Run) -> None:
    made = run()["nat_gateway"]
    (gateway,), (address,) = gateways(ec2), ec2.describe_addresses()["Addresses"]
    assert tags(gateway) == tags(address) == {"Name": NAME, "system": "shop"}
    assert made["public_ip"] == address["PublicIp"]
    assert made["nat_gateway_id"] == gateway["NatGatewayId"]


def test_a_second_run_changes_nothing(run: Run) -> None:
    assert run()["changed"] is True
    assert run()["changed"] is False


def test_a_gateway_that_lists_do_not_have_yet_is_waited_for(
    ec2: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing: dict[str, Any] = {"NatGateways": []}
    # Whether there is one; is it ready: not found, empty, pending; then read again: not in the list yet.
    pending = {"NatGateways": [{"NatGatewayId": "nat-1", "State": "pending"}]}
    first_answers(monkeypatch, DescribeNatGateways=[nothing, "NatGatewayNotFound", nothing, pending])
    assert run()["nat_gateway"]["state"] == "available"


@pytest.mark.parametrize("code", ["InvalidAllocationID.NotFound", "InvalidSubnetID.NotFound"])
def test_what_a_gateway_needs_may_not_be_known_yet(
    ec2: Any, run: Run, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    first_answers(monkeypatch, CreateNatGateway=[code, code])
    assert run()["changed"] is True
    assert len(ec2.describe_addresses()["Addresses"]) == 1


def test_a_gateway_that_aws_could_not_make_is_told_with_the_reason(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"NatGatewayId": "nat-1", "State": "failed", "FailureMessage": "Subnet has no free addresses"}
    first_answers(monkeypatch, DescribeNatGateways=[{"NatGateways": []}, {"NatGateways": [failed]}])
    assert "could not create the NAT gateway shop-a: Subnet has no free addresses" in run()["msg"]


def test_a_gateway_that_an_interrupted_run_left_pending_is_waited_for(
    ec2: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    (gateway,) = gateways(ec2)
    first_answers(monkeypatch, DescribeNatGateways=[{"NatGateways": [{**gateway, "State": "pending"}]}])
    again = run()
    assert (again["changed"], again["nat_gateway"]["state"]) == (False, "available")


def test_other_names_are_other_gateways(ec2: Any, run: Run, subnets: list[str]) -> None:
    run()
    assert run(name="shop-b", subnet_id=subnets[1])["changed"] is True
    assert len(gateways(ec2)) == 2


def test_an_address_that_an_interrupted_run_left_is_used(ec2: Any, run: Run) -> None:
    ec2.allocate_address(
        Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": [{"Key": "Name", "Value": NAME}]}]
    )
    run()
    assert len(ec2.describe_addresses()["Addresses"]) == 1


def test_tags_are_put_right(ec2: Any, run: Run) -> None:
    made = run()["nat_gateway"]
    ec2.create_tags(Resources=[made["nat_gateway_id"]], Tags=[{"Key": "system", "Value": "other"}])
    assert run()["changed"] is True
    assert tags(gateways(ec2)[0]) == {"Name": NAME, "system": "shop"}


def test_another_subnet_is_refused(run: Run, subnets: list[str]) -> None:
    run()
    assert "AWS cannot change that" in run(subnet_id=subnets[1])["msg"]


def test_absent_deletes_the_gateway_and_releases_the_address(ec2: Any, run: Run) -> None:
    run()
    assert run(state="absent")["changed"] is True
    assert gateways(ec2) == []
    assert ec2.describe_addresses()["Addresses"] == []
    assert run(state="absent")["changed"] is False


def test_absent_releases_an_address_without_a_gateway(ec2: Any, run: Run) -> None:
    run()
    ec2.delete_nat_gateway(NatGatewayId=gateways(ec2)[0]["NatGatewayId"])
    assert run(state="absent")["changed"] is True
    assert ec2.describe_addresses()["Addresses"] == []


def test_check_mode_writes_nothing(ec2: Any, run: Run) -> None:
    assert run(check=True)["changed"] is True
    assert gateways(ec2) == []
    assert ec2.describe_addresses()["Addresses"] == []
