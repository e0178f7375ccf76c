"""The role vpc: what is there already, which zones are, and who waits for its routes."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.support import system
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


INPUTS: dict[str, t.Any] = {
    "aws_region": "eu-central-1", "aws_availability_zones": ["eu-central-1a", "eu-central-1b"],
}  # fmt: skip


def test_a_new_tag_leaves_each_subnet_its_route_table(aws: tuple[Project, ApiProxy]) -> None:
    project, proxy = aws
    ec2 = client(proxy, "ec2")
    inputs = {**INPUTS, "vpc_nat_gateways": "none"}
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


def test_a_zone_without_nat_gateways_is_refused_by_its_id_before_anything_is_made(
    aws: tuple[Project, ApiProxy],
) -> None:
    project, proxy = aws
    zones = client(proxy, "ec2").describe_availability_zones()["AvailabilityZones"]
    (poor,) = (zone["ZoneId"] for zone in zones if zone["ZoneName"] == "eu-central-1b")
    project.inventory(**INPUTS)
    proxy.forget()
    refused = project.converge("vpc", arguments=("-e", f'{{"vpc_poor_zone_ids": ["{poor}"]}}'))
    assert refused.returncode != 0
    assert f"vpc_availability_zones names eu-central-1b, which is {poor} in this account" in " ".join(
        refused.output.split()
    )
    assert proxy.writes == []


def test_endpoints_that_are_not_wanted_any_more_go(aws: tuple[Project, ApiProxy]) -> None:
    project, proxy = aws
    ec2 = client(proxy, "ec2")
    project.inventory(**INPUTS, vpc_nat_gateways="none")
    made = project.converge("vpc")
    assert made.returncode == 0, made.output
    services = sorted(each["ServiceName"] for each in ec2.describe_vpc_endpoints()["VpcEndpoints"])
    assert services == ["com.amazonaws.eu-central-1.dynamodb", "com.amazonaws.eu-central-1.s3"]
    project.inventory(**INPUTS, vpc_nat_gateways="none", vpc_gateway_endpoints=["s3"])
    planned = project.converge("vpc", arguments=("--check",))
    assert planned.calls("planned") == ["Remove the ways that are not wanted any more/dynamodb"]
    assert project.converge("vpc").returncode == 0
    (left,) = (each for each in ec2.describe_vpc_endpoints()["VpcEndpoints"] if each["State"] != "deleted")
    assert left["ServiceName"] == "com.amazonaws.eu-central-1.s3"


def test_a_route_that_somebody_deletes_is_all_that_a_plan_finds(aws: tuple[Project, ApiProxy]) -> None:
    """What runs in the subnets waits for the routes, but is not in doubt because of them."""
    project, proxy = aws
    ec2 = client(proxy, "ec2")
    project.role(
        "use",
        "- name: Use the subnets\n  slipway.aws.ecs_cluster:\n"
        "    name: 'demo-{{ (vpc_connected_subnet_ids + [security_groups_ready_ids.app]) | length }}'\n"
        "  register: use_result\n",
    )
    rules = [{"port": 80, "cidr": "10.0.0.0/8"}]
    groups = [{"name": "app", "description": "Application", "ingress": rules}]
    project.inventory(**INPUTS, security_groups_list=groups)
    roles = ("vpc", "security_groups", "use")
    made = project.converge(*roles)
    assert made.returncode == 0, made.output
    steps = {step["title"]: step for step in made.journal["graph"]}
    needed = {step["title"] for step in made.journal["graph"] if step["index"] in steps["Use the subnets"]["needs"]}
    assert {
        "Route each private subnet to its NAT gateway", "Give the groups their rules",
        "Give the private subnets their own way to S3 and DynamoDB",
    } <= needed  # fmt: skip
    tables = ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": ["*-private-eu-central-1a"]}])
    (table,) = tables["RouteTables"]
    ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")
    found = project.converge(*roles, arguments=("--check",))
    assert found.calls("planned") == ["Route each private subnet to its NAT gateway/eu-central-1a"]
    assert found.calls("unknown") == []


# -- the system transactions ----------------------------------------------------------------------------------

NEEDED = {
    "vpc: Make the NAT gateways",
    "vpc: Route each private subnet to its NAT gateway",
    "vpc: Give the private subnets their own way to S3 and DynamoDB",
    "security_groups: Give the groups their rules",
}
RUNNING = [
    "ecs_services: Migrate with the new images",
    "ecs_services: Rehearse the new revisions",
    "ecs_services: Make the services",
    "lambda_functions: Publish the versions",
    "lambda_functions: Shift traffic to the versions",
]


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, t.Any]]:
    """The graph of a plan, by role and title."""
    folder = tmp_path_factory.mktemp("waits")
    converge = {"roles": system.SYSTEM["system_roles"], "journal": str(folder / "journal.json")}
    with system.emulated() as environment:
        system.play(folder, environment, {"tasks": [{"name": "Plan", "slipway.graph.converge": converge}]}, "--check")
    graph = json.loads((folder / "journal.json").read_text())["graph"]
    return {f"{step['role']}: {step['title']}": step for step in graph}


@pytest.mark.parametrize("task", RUNNING)
def test_what_runs_waits_for_its_network(steps: dict[str, dict[str, t.Any]], task: str) -> None:
    titles = {step["index"]: title for title, step in steps.items()}
    waited: set[str] = set()
    pending = [task]
    while pending:
        needs = {titles[index] for index in steps[pending.pop()]["needs"] if index in titles} - waited
        waited |= needs
        pending.extend(needs)
    assert waited >= NEEDED
