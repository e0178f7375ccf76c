"""The role vpc after a run that was ended in the middle."""

from __future__ import annotations

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
