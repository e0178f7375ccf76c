#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a route table of a VPC."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_route_table
version_added: 0.1.0
short_description: Manage a route table of a VPC
description:
  - Creates, updates and deletes a route table with its routes, its subnets and its tags.
  - M(amazon.aws.ec2_vpc_route_table) finds a table by all of its tags. With a new tag it makes a second table, takes
    the subnets from the first one and does not give them to the second, so that the network is down until the next run.
    It also warns about each route of a gateway endpoint on every run.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the route table, kept as its tag C(Name), by which it is found again in the VPC.
    type: str
    required: true
  vpc_id:
    description: ID of the VPC.
    type: str
    required: true
  routes:
    description:
      - All routes that someone has made; others of this kind are deleted.
      - Routes within the VPC, those of gateway endpoints and those that are propagated stay as they are.
    type: list
    elements: dict
    suboptions:
      destination:
        description: Range of IPv4 addresses, such as V(0.0.0.0/0).
        type: str
        required: true
      gateway_id:
        description: ID of the Internet gateway that leads there.
        type: str
      nat_gateway_id:
        description: ID of the NAT gateway that leads there.
        type: str
  subnet_ids:
    description:
      - IDs of all subnets that use the route table.
      - One that uses another table changes to this one without being without a table in between.
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
- name: Route table of the public subnets
  slipway.aws.ec2_route_table:
    name: shop-prod-public
    vpc_id: vpc-0123456789abcdef0
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    routes:
      - destination: 0.0.0.0/0
        gateway_id: igw-0123456789abcdef0

- name: No such route table
  slipway.aws.ec2_route_table:
    name: shop-prod-public
    vpc_id: vpc-0123456789abcdef0
    state: absent
"""

RETURN = r"""
route_table:
  description: The route table, as DescribeRouteTables returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    route_table_id:
      description: ID of the route table.
      returned: always, but not when check mode would create it
      type: str
      sample: rtb-0123456789abcdef0
    routes:
      description: The routes that someone has made.
      returned: always
      type: list
      elements: dict
      sample: [{destination_cidr_block: 0.0.0.0/0, gateway_id: igw-0123456789abcdef0}]
    subnet_ids:
      description: IDs of the subnets that use the route table.
      returned: always
      type: list
      elements: str
      sample: [subnet-0123456789abcdef0]
    tags:
      description: Tags of the route table.
      returned: always
      type: dict
      sample: {Name: shop-prod-public}
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    SETTLES_SECONDS,
    RefusedError,
    Resource,
    State,
    Tags,
    build_module,
    given,
    retry_while,
    run,
    tags_to_dict,
    tags_to_list,
)

TARGETS = {"gateway_id": "GatewayId", "nat_gateway_id": "NatGatewayId"}
# What was made a moment ago is not known everywhere.
NOT_YET = (
    "InvalidRouteTableID.NotFound",
    "InvalidRouteTableId.NotFound",
    "InvalidSubnetID.NotFound",
    "InvalidGatewayID.NotFound",
    "InvalidNatGatewayID.NotFound",
    "NatGatewayNotFound",
)


class RouteTable(Resource):
    """A route table."""

    service = "ec2"
    kind = "route table"
    result = "route_table"
    keys: ClassVar = {"vpc_id": "VpcId", "subnet_ids": "SubnetIds"}
    unordered = frozenset({"Routes", "SubnetIds"})

    def read(self) -> State | None:
        """The table of this name."""
        filters = [
            {"Name": "vpc-id", "Values": [self.params["vpc_id"]]},
            {"Name": "tag:Name", "Values": [self.name]},
        ]
        tables = [table for table in self._tables(filters) if self._is_this(table)]
        if len(tables) > 1:
            ids = ", ".join(f"{each['RouteTableId']} with {len(_associations(each))} subnets" for each in tables)
            raise RefusedError(
                f"{len(tables)} route tables of {self.params['vpc_id']} have the Name {self.name}: {ids}."
                " Delete or rename all but one, which the subnets should use."
            )
        return _state_of(tables[0]) if tables else None

    def _tables(self, filters: list[State]) -> list[State]:
        pages = self.client.get_paginator("describe_route_tables").paginate(Filters=filters)
        return [table for page in pages for table in page["RouteTables"]]

    def _is_this(self, table: State) -> bool:
        """Asked again of what a filter let through: not every implementation of the API knows it."""
        name = tags_to_dict(table.get("Tags", [])).get("Name")
        return bool(table["VpcId"] == self.params["vpc_id"] and name == self.name)

    def desired(self) -> State:
        """The options in the shape of `_state_of`."""
        desired = super().desired()
        if self.params["routes"] is not None:
            desired["Routes"] = [
                {"DestinationCidrBlock": route["destination"], **given(route, TARGETS)}
                for route in self.params["routes"]
            ]
        return desired

    def create(self, desired: State, tags: Tags) -> None:
        """Make the table, then its parts; a run that is broken off between the two is taken up by the next one."""
        named = {"ResourceType": "route-table", "Tags": tags_to_list({**tags, "Name": self.name})}
        made = self.client.create_route_table(VpcId=desired["VpcId"], TagSpecifications=[named])
        self.update(_state_of(made["RouteTable"]), desired)

    def update(self, current: State, changes: State) -> None:
        """The routes first: a subnet that comes to the table has its way at once."""
        if "Routes" in changes:
            self._change_routes(current, changes["Routes"])
        if "SubnetIds" in changes:
            self._change_subnets(current, changes["SubnetIds"])

    def _change_routes(self, current: State, wanted: list[State]) -> None:
        table = {"RouteTableId": current["RouteTableId"]}
        there = {route["DestinationCidrBlock"]: route for route in current["Routes"]}
        for route in wanted:
            old = there.pop(route["DestinationCidrBlock"], None)
            if old is None:
                self._patiently(self.client.create_route, **table, **route)
            elif old != route:
                self._patiently(self.client.replace_route, **table, **route)
        for destination in there:
            self.client.delete_route(**table, DestinationCidrBlock=destination)

    def _change_subnets(self, current: State, wanted: list[str]) -> None:
        own = _associations(current)
        for subnet in sorted(set(wanted) - own.keys()):
            self._associate(current["RouteTableId"], subnet)
        for subnet in sorted(own.keys() - set(wanted)):
            self.client.disassociate_route_table(AssociationId=own[subnet])

    def _associate(self, table: str, subnet: str) -> None:
        others = self._tables([{"Name": "association.subnet-id", "Values": [subnet]}])
        association = next((held[subnet] for held in map(_associations, others) if subnet in held), "")
        if association:
            self._patiently(self.client.replace_route_table_association, RouteTableId=table, AssociationId=association)
        else:
            self._patiently(self.client.associate_route_table, RouteTableId=table, SubnetId=subnet)

    def _patiently(self, call: Callable[..., Any], **arguments: Any) -> None:
        retry_while(NOT_YET, lambda: call(**arguments), SETTLES_SECONDS)

    def delete(self, current: State) -> None:
        """Take the subnets from it, and delete it with its routes."""
        for association in _associations(current).values():
            self.client.disassociate_route_table(AssociationId=association)
        self.client.delete_route_table(RouteTableId=current["RouteTableId"])

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.create_tags(Resources=[current["RouteTableId"]], Tags=tags_to_list(tags))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.delete_tags(Resources=[current["RouteTableId"]], Tags=[{"Key": key} for key in keys])


def _state_of(table: State) -> State:
    routes = [
        {field: route[field] for field in ("DestinationCidrBlock", *_targets(route)) if field in route}
        for route in table.get("Routes", [])
        if _is_made(route)
    ]
    return {**table, "Routes": routes, "SubnetIds": sorted(_associations(table))}


def _is_made(route: State) -> bool:
    """Whether someone has made a route: neither the VPC, nor an endpoint, nor a virtual private gateway."""
    is_own = route.get("Origin", "CreateRoute") == "CreateRoute" and route.get("GatewayId") != "local"
    return is_own and "DestinationCidrBlock" in route


def _targets(route: State) -> list[str]:
    """The fields that say where a route leads: also those that this module never sets, for they are a difference."""
    known = {"DestinationCidrBlock", "Origin", "State"}
    return [field for field in route if field not in known]


def _associations(table: State) -> dict[str, str]:
    """Subnet -> how it is associated with the table."""
    return {
        each["SubnetId"]: each["RouteTableAssociationId"]
        for each in table.get("Associations", [])
        if each.get("SubnetId")
        and each.get("AssociationState", {}).get("State") not in ("disassociating", "disassociated")
    }


def main() -> None:
    """Run the module."""
    targets = ("gateway_id", "nat_gateway_id")
    module = build_module(
        {
            "name": {"required": True},
            "vpc_id": {"required": True},
            "routes": {
                "type": "list",
                "elements": "dict",
                "options": {"destination": {"required": True}, **{target: {} for target in targets}},
                "mutually_exclusive": [targets],
                "required_one_of": [targets],
            },
            "subnet_ids": {"type": "list", "elements": "str"},
        },
    )
    if module.params["tags"] is not None:
        module.params["tags"] = {**module.params["tags"], "Name": module.params["name"]}
    run(RouteTable(module))


if __name__ == "__main__":
    main()
