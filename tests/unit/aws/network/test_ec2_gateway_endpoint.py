"""slipway.aws.ec2_gateway_endpoint against moto."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.modules import Client, Run, first_answers, runner

NAME = "shop-s3"
SERVICE = "com.amazonaws.eu-central-1.s3"


@pytest.fixture
def ec2(in_moto: Client) -> Any:
    return in_moto("ec2")


@pytest.fixture
def vpc(ec2: Any) -> str:
    made: str = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return made


@pytest.fixture
def tables(ec2: Any, vpc: str) -> list[str]:
    return [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(3)]


@pytest.fixture
def run(vpc: str, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("ec2_gateway_endpoint", capsys, name=NAME, vpc_id=vpc, service=SERVICE, tags={"system": "shop"})


def held(ec2: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    return [each for each in found if each["State"] not in ("deleting", "deleted")]


def test_it_is_made_with_its_routes_and_made_once(ec2: Any, run: Run, tables: list[str]) -> None:
    assert run(check=True, route_table_ids=tables[:2])["changed"]
    assert held(ec2) == []
    made = run(route_table_ids=tables[:2])
    assert made["changed"], made
    (endpoint,) = held(ec2)
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert endpoint["ServiceName"] == SERVICE
    assert sorted(endpoint["RouteTableIds"]) == sorted(tables[:2])
    assert made["gateway_endpoint"]["tags"] == {"Name": NAME, "system": "shop"}
    assert not run(route_table_ids=tables[1::-1])["changed"]


def test_route_tables_come_and_go_in_the_same_endpoint(ec2: Any, run: Run, tables: list[str]) -> None:
    run(route_table_ids=tables[:2])
    (before,) = held(ec2)
    changed = run(route_table_ids=tables[1:])
    assert changed["changed"], changed
    (endpoint,) = held(ec2)
    assert endpoint["VpcEndpointId"] == before["VpcEndpointId"]
    assert sorted(endpoint["RouteTableIds"]) == sorted(tables[1:])


def test_tags_follow_the_options_and_the_name_stays(ec2: Any, run: Run, tables: list[str]) -> None:
    run(route_table_ids=tables)
    assert run(route_table_ids=tables, tags={"team": "a"})["gateway_endpoint"]["tags"] == {"Name": NAME, "team": "a"}
    assert len(held(ec2)) == 1


def test_it_is_deleted_and_one_of_another_name_stays(ec2: Any, run: Run, tables: list[str]) -> None:
    run(route_table_ids=tables[:1])
    run(name="other", route_table_ids=tables[1:])
    assert run(state="absent")["changed"]
    assert [tables[1:]] == [each["RouteTableIds"] for each in held(ec2)]
    assert not run(state="absent")["changed"]


def test_one_that_is_being_deleted_is_none(
    ec2: Any, run: Run, vpc: str, tables: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    going = {
        "VpcEndpointId": "vpce-1", "VpcId": vpc, "ServiceName": SERVICE, "State": "deleting", "RouteTableIds": tables,
        "Tags": [{"Key": "Name", "Value": NAME}],
    }  # fmt: skip
    first_answers(monkeypatch, DescribeVpcEndpoints=[{"VpcEndpoints": [going]}])
    assert run(route_table_ids=tables)["changed"]
    assert len(held(ec2)) == 1


def test_what_aws_does_not_delete_is_told(run: Run, tables: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(route_table_ids=tables)
    refused = {"Error": {"Code": "OperationNotPermitted", "Message": "managed by another service"}}
    first_answers(monkeypatch, DeleteVpcEndpoints=[{"Unsuccessful": [{"ResourceId": "vpce-1", **refused}]}])
    assert "managed by another service" in run(state="absent")["msg"]
