#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a gateway endpoint of a VPC."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_gateway_endpoint
version_added: 0.1.0
short_description: Manage a gateway endpoint of a VPC
description:
  - Creates, updates and deletes the way from route tables to S3 or DynamoDB that passes no NAT gateway and is free.
  - M(amazon.aws.ec2_vpc_endpoint) makes a second endpoint, which AWS refuses, when route tables are added or taken out,
    may take one for present that is being deleted, and deletes only what it is given the ID of.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the endpoint, kept as its tag C(Name), by which it is found again in the VPC.
    type: str
    required: true
  vpc_id:
    description: ID of the VPC.
    type: str
    required: true
  service:
    description: Full name of the service, such as V(com.amazonaws.eu-central-1.s3).
    type: str
  route_table_ids:
    description: IDs of the route tables that get a route to the service; others of the endpoint lose theirs.
    type: list
    elements: str
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Way to S3 that costs nothing
  slipway.aws.ec2_gateway_endpoint:
    name: shop-prod-s3
    vpc_id: vpc-0123456789abcdef0
    service: com.amazonaws.eu-central-1.s3
    route_table_ids: [rtb-0123456789abcdef0]

- name: No such way
  slipway.aws.ec2_gateway_endpoint:
    name: shop-prod-s3
    vpc_id: vpc-0123456789abcdef0
    state: absent
"""

RETURN = r"""
gateway_endpoint:
  description: The endpoint, as DescribeVpcEndpoints returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    vpc_endpoint_id:
      description: ID of the endpoint.
      returned: always, but not when check mode would create it
      type: str
      sample: vpce-0123456789abcdef0
    service_name:
      description: Full name of the service.
      returned: always
      type: str
      sample: com.amazonaws.eu-central-1.s3
    route_table_ids:
      description: IDs of the route tables that have a route to the service.
      returned: always
      type: list
      elements: str
      sample: [rtb-0123456789abcdef0]
    tags:
      description: Tags of the endpoint.
      returned: always
      type: dict
      sample: {Name: shop-prod-s3}
"""

from collections.abc import Sequence
from typing import ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    Resource,
    State,
    Tags,
    build_module,
    run,
    tags_to_dict,
    tags_to_list,
    wait_until,
)

THERE = ("pending", "available")


class GatewayEndpoint(Resource):
    """A gateway endpoint."""

    service = "ec2"
    kind = "gateway endpoint"
    result = "gateway_endpoint"
    keys: ClassVar = {"vpc_id": "VpcId", "service": "ServiceName", "route_table_ids": "RouteTableIds"}
    unordered = frozenset({"RouteTableIds"})
    immutable = frozenset({"ServiceName"})

    def read(self) -> State | None:
        """The endpoint of this name, unless it is being deleted."""
        return self._endpoint(*THERE)

    def _endpoint(self, *states: str) -> State | None:
        filters = [
            {"Name": "vpc-id", "Values": [self.params["vpc_id"]]},
            {"Name": "tag:Name", "Values": [self.name]},
        ]
        pages = self.client.get_paginator("describe_vpc_endpoints").paginate(Filters=filters)
        endpoints = (endpoint for page in pages for endpoint in page["VpcEndpoints"])
        return next((each for each in endpoints if self._is_this(each) and each["State"].lower() in states), None)

    def _is_this(self, endpoint: State) -> bool:
        """Asked again of what a filter let through: not every implementation of the API knows it."""
        name = tags_to_dict(endpoint.get("Tags", [])).get("Name")
        return bool(endpoint["VpcId"] == self.params["vpc_id"] and name == self.name)

    def create(self, desired: State, tags: Tags) -> None:
        """Make it with its routes."""
        named = {"ResourceType": "vpc-endpoint", "Tags": tags_to_list({**tags, "Name": self.name})}
        self.client.create_vpc_endpoint(VpcEndpointType="Gateway", TagSpecifications=[named], **desired)

    def update(self, current: State, changes: State) -> None:
        """Give some route tables their routes, and take them from others."""
        old, new = set(current["RouteTableIds"]), set(changes["RouteTableIds"])
        parts = {"AddRouteTableIds": sorted(new - old), "RemoveRouteTableIds": sorted(old - new)}
        self.client.modify_vpc_endpoint(
            VpcEndpointId=current["VpcEndpointId"], **{field: ids for field, ids in parts.items() if ids}
        )

    def delete(self, current: State) -> None:
        """Delete it with its routes. What AWS refuses here, it says in its answer and not as an error."""
        answer = self.client.delete_vpc_endpoints(VpcEndpointIds=[current["VpcEndpointId"]])
        for refused in answer.get("Unsuccessful", []):
            raise RefusedError(f"AWS does not delete the gateway endpoint {self.name}: {refused['Error']['Message']}")

    def wait_gone(self) -> None:
        """Until AWS no longer has it: before, the VPC cannot go."""
        wait_until(
            lambda: self._endpoint(*THERE, "deleting") is None,
            self.params["wait_timeout"],
            f"the gateway endpoint {self.name} is deleted",
        )

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.create_tags(Resources=[current["VpcEndpointId"]], Tags=tags_to_list(tags))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.delete_tags(Resources=[current["VpcEndpointId"]], Tags=[{"Key": key} for key in keys])


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "vpc_id": {"required": True},
            "service": {},
            "route_table_ids": {"type": "list", "elements": "str"},
        },
        required_if=[("state", "present", ("service", "route_table_ids"))],
    )
    if module.params["tags"] is not None:
        module.params["tags"] = {**module.params["tags"], "Name": module.params["name"]}
    run(GatewayEndpoint(module))


if __name__ == "__main__":
    main()
