"""The role vpc after a run that was ended in the middle, and after a change of the tags."""

from __future__ import annotations

import typing as t

from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Project


def test_a_gateway_that_was_not_attached_in_time_is_attached_and_not_made_again(aws: tuple[Project, ApiProxy]) -> None:
    project, proxy = aws
    project.inventory(
        aws_region="eu-central-1", aws_availability_zones=["eu-central-1a", "eu-central-1b"], vpc_nat_gateways="none"
    )
    ec2 = client(proxy, "ec2")
    name = {"Key": "Name", "Value": project.host}
    left = ec2.create_internet_gateway(TagSpecifications=[{"ResourceType": "internet-gateway", "Tags": [name]}])
    made = project.converge("vpc")
    assert made.returncode == 0, made.output
    gateways = ec2.describe_internet_gateways(Filters=[{"Name": "tag:Name", "Values": [project.host]}])
    (gateway,) = gateways["InternetGateways"]
    assert gateway["InternetGatewayId"] == left["InternetGateway"]["InternetGatewayId"]
    assert len(gateway["Attachments"]) == 1
    assert project.converge("vpc", arguments=("--check",)).calls("planned") == []


def routed(ec2: t.Any) -> dict[str, str]:
    """Subnet -> the route table that it is associated with."""
    tables = ec2.describe_route_tables()["RouteTables"]
    return {
        each["SubnetId"]: table["RouteTableId"]
        for table in tables for each in table["Associations"] if each.get("SubnetId")
    }  # fmt: skip


def test_a_new_tag_leaves_each_subnet_its_route_table(aws: tuple[Project, ApiProxy]) -> None:
    project, proxy = aws
    ec2 = client(proxy, "ec2")
    inputs = {
        "aws_region": "eu-central-1", "aws_availability_zones": ["eu-central-1a", "eu-central-1b"],
        "vpc_nat_gateways": "none",
    }  # fmt: skip
    project.inventory(**inputs, vpc_tags={"system": "demo"})
    assert project.converge("vpc").returncode == 0
    before = routed(ec2)
    assert len(before) == 6
    project.inventory(**inputs, vpc_tags={"system": "demo", "cost-center": "4711"})
    changed = project.converge("vpc")
    assert changed.returncode == 0, changed.output
    assert routed(ec2) == before
    tagged = ec2.describe_route_tables(Filters=[{"Name": "tag:cost-center", "Values": ["4711"]}])["RouteTables"]
    assert {table["RouteTableId"] for table in tagged} == set(before.values())
    assert project.converge("vpc", arguments=("--check",)).calls("planned") == []
