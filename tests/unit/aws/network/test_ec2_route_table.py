"""slipway.aws.ec2_route_table against moto."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.client import BaseClient

from tests.support.modules import Client, Run, first_answers, runner

NAME = "shop-public"
EVERYWHERE = "0.0.0.0/0"


@pytest.fixture
def ec2(in_moto: Client) -> Any:
    return in_moto("ec2")


@pytest.fixture
def vpc(ec2: Any) -> str:
    made: str = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return made


@pytest.fixture
def subnets(ec2: Any, vpc: str) -> list[str]:
    ranges = [f"10.0.{index}.0/24" for index in range(3)]
    return [ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"] for cidr in ranges]


@pytest.fixture
def gateways(ec2: Any, vpc: str) -> list[str]:
    made: list[str] = [ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(2)]
    ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=made[0])
    return made


@pytest.fixture
def run(vpc: str, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("ec2_route_table", capsys, name=NAME, vpc_id=vpc)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The writes that are made."""
    made: list[str] = []
    client_class: Any = BaseClient
    original = client_class._make_api_call

    def record(self: Any, operation: str, parameters: Any) -> Any:
        if not operation.startswith("Describe"):
            made.append(operation)
        return original(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", record)
    return made


def named(ec2: Any, name: str = NAME) -> list[dict[str, Any]]:
    held: list[dict[str, Any]] = ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": [name]}])[
        "RouteTables"
    ]
    return held


def used_by(table: dict[str, Any]) -> list[str]:
    return sorted(each["SubnetId"] for each in table["Associations"] if each.get("SubnetId"))


def made_routes(table: dict[str, Any]) -> dict[str, str]:
    return {
        route["DestinationCidrBlock"]: route.get("GatewayId") or route.get("NatGatewayId", "")
        for route in table["Routes"] if route["Origin"] == "CreateRoute" and "DestinationCidrBlock" in route
    }  # fmt: skip


def out(gateway: str) -> list[dict[str, str]]:
    return [{"destination": EVERYWHERE, "gateway_id": gateway}]


def test_a_table_is_made_with_its_parts_and_made_once(
    ec2: Any, run: Run, subnets: list[str], gateways: list[str]
) -> None:
    wanted: dict[str, Any] = {"routes": out(gateways[0]), "subnet_ids": subnets[:2], "tags": {"system": "shop"}}
    assert run(check=True, **wanted)["changed"]
    assert named(ec2) == []
    made = run(**wanted)
    assert made["changed"], made
    (table,) = named(ec2)
    assert used_by(table) == sorted(subnets[:2])
    assert made_routes(table) == {EVERYWHERE: gateways[0]}
    assert made["route_table"]["tags"] == {"Name": NAME, "system": "shop"}
    assert made["route_table"]["routes"] == [{"destination_cidr_block": EVERYWHERE, "gateway_id": gateways[0]}]
    assert not run(**{**wanted, "subnet_ids": subnets[1::-1]})["changed"]


def test_a_new_tag_is_all_that_changes(ec2: Any, run: Run, subnets: list[str], calls: list[str]) -> None:
    run(routes=[], subnet_ids=subnets, tags={"system": "shop"})
    (before,) = named(ec2)
    calls.clear()
    assert run(routes=[], subnet_ids=subnets, tags={"system": "shop", "cost-center": "4711"})["changed"]
    assert calls == ["CreateTags"]
    (after,) = named(ec2)
    assert (after["RouteTableId"], used_by(after)) == (before["RouteTableId"], sorted(subnets))


def test_routes_are_added_replaced_and_deleted(ec2: Any, run: Run, gateways: list[str], calls: list[str]) -> None:
    run(routes=[], subnet_ids=[])
    calls.clear()
    run(routes=out(gateways[0]), subnet_ids=[])
    run(routes=out(gateways[1]), subnet_ids=[])
    assert made_routes(named(ec2)[0]) == {EVERYWHERE: gateways[1]}
    assert run(subnet_ids=[])["changed"] is False
    run(routes=[], subnet_ids=[])
    assert made_routes(named(ec2)[0]) == {}
    assert calls == ["CreateRoute", "ReplaceRoute", "DeleteRoute"]


def test_the_way_of_an_endpoint_stays(ec2: Any, run: Run, vpc: str) -> None:
    table = run(routes=[], subnet_ids=[])["route_table"]["route_table_id"]
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.eu-central-1.s3", RouteTableIds=[table])
    again = run(routes=[], subnet_ids=[])
    assert again["changed"] is False
    assert not again.get("warnings")


def test_a_subnet_of_another_table_changes_over_without_a_gap(
    ec2: Any, run: Run, subnets: list[str], calls: list[str]
) -> None:
    run(name="other", routes=[], subnet_ids=subnets[:2])
    calls.clear()
    run(routes=[], subnet_ids=subnets[1:])
    assert sorted(calls) == ["AssociateRouteTable", "CreateRouteTable", "ReplaceRouteTableAssociation"]
    assert used_by(named(ec2)[0]) == sorted(subnets[1:])
    assert used_by(named(ec2, "other")[0]) == subnets[:1]
    run(routes=[], subnet_ids=subnets[2:])
    assert used_by(named(ec2)[0]) == subnets[2:]


def test_a_table_that_is_not_known_everywhere_yet_is_waited_for(
    ec2: Any, run: Run, subnets: list[str], gateways: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first_answers(
        monkeypatch, CreateRoute=["InvalidRouteTableID.NotFound"] * 2, AssociateRouteTable=["InvalidSubnetID.NotFound"]
    )
    made = run(routes=out(gateways[0]), subnet_ids=subnets[:1])
    assert made.get("changed"), made
    assert made_routes(named(ec2)[0]) == {EVERYWHERE: gateways[0]}


def test_a_table_is_deleted_although_subnets_use_it(ec2: Any, run: Run, subnets: list[str]) -> None:
    run(routes=[], subnet_ids=subnets)
    run(name="other", routes=[], subnet_ids=[])
    assert run(state="absent")["changed"]
    assert named(ec2) == []
    assert len(named(ec2, "other")) == 1
    assert not run(state="absent")["changed"]


def test_two_tables_of_one_name_are_refused(ec2: Any, run: Run, vpc: str, subnets: list[str]) -> None:
    first = run(routes=[], subnet_ids=subnets)["route_table"]["route_table_id"]
    tags = [{"ResourceType": "route-table", "Tags": [{"Key": "Name", "Value": NAME}]}]
    second = ec2.create_route_table(VpcId=vpc, TagSpecifications=tags)["RouteTable"]["RouteTableId"]
    said = run(routes=[], subnet_ids=subnets)["msg"]
    assert f"{first} with 3 subnets" in said
    assert f"{second} with 0 subnets" in said
