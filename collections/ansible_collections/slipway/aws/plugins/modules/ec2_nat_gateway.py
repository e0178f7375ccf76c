#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a public NAT gateway together with its Elastic IP address."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_nat_gateway
version_added: 0.1.0
short_description: Manage a public NAT gateway and its address
description:
  - Creates a NAT gateway with its own Elastic IP address, finds both again by their Name tag, and deletes both.
  - M(amazon.aws.ec2_vpc_nat_gateway) does not tag the address it allocates, so an interrupted run loses track of an
    address that you go on paying for, and it deletes gateways only by ID.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Value of the Name tag of the gateway and of its address. One gateway per name and account.
    type: str
    required: true
  subnet_id:
    description: A public subnet. The gateway cannot be moved later. Required when O(state=present).
    type: str
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: The way out of the private subnets
  slipway.aws.ec2_nat_gateway:
    name: shop-prod-eu-central-1a
    subnet_id: "{{ public_subnet.subnet.id }}"
    tags: {system: shop}

- name: Remove the gateway and release its address
  slipway.aws.ec2_nat_gateway:
    name: shop-prod-eu-central-1a
    state: absent
"""

RETURN = r"""
nat_gateway:
  description: The gateway, as DescribeNatGateways returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    nat_gateway_id:
      description: ID of the gateway.
      returned: always, but not when check mode would create it
      type: str
      sample: nat-0123456789abcdef0
    public_ip:
      description: The public address.
      returned: always, but not when check mode would create it
      type: str
      sample: 203.0.113.7
    tags:
      description: Tags of the gateway and of its address.
      returned: always
      type: dict
      sample: {Name: shop-prod-eu-central-1a}
"""

from collections.abc import Sequence
from typing import ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    SETTLES_SECONDS,
    RefusedError,
    Resource,
    State,
    Tags,
    build_module,
    found,
    retry_while,
    run,
    tags_to_dict,
    tags_to_list,
    wait_until,
)


class NatGateway(Resource):
    """A NAT gateway and its address."""

    service = "ec2"
    kind = "NAT gateway"
    result = "nat_gateway"
    keys: ClassVar = {"subnet_id": "SubnetId"}
    immutable = frozenset({"SubnetId"})
    # The ID of the gateway that this run has made.
    made = ""

    def read(self) -> State | None:
        """The gateway of this name, or what an interrupted run left: an address without a gateway."""
        gateway, address = self._gateway("pending", "available"), self._address()
        if gateway is None and (address is None or self.params["state"] == "present"):
            return None
        addresses = [each.get("PublicIp", "") for each in (gateway or {}).get("NatGatewayAddresses", [])]
        return {**(gateway or {}), "PublicIp": next(filter(None, addresses), (address or {}).get("PublicIp", ""))}

    def is_settled(self, current: State) -> bool:
        """Whether traffic can go through it."""
        return bool(current.get("State") != "pending")

    def create(self, desired: State, tags: Tags) -> None:
        """An address that is already there under this name is used."""
        address = self._address()
        if address is None:
            address = self.client.allocate_address(Domain="vpc", TagSpecifications=[self._tags("elastic-ip", tags)])
        allocation = address["AllocationId"]
        # An address and a subnet that were just made are not known everywhere at once.
        made = retry_while(
            ("InvalidAllocationID.NotFound", "InvalidSubnetID.NotFound"),
            lambda: self.client.create_nat_gateway(
                AllocationId=allocation, TagSpecifications=[self._tags("natgateway", tags)], **desired
            ),
            SETTLES_SECONDS,
        )
        self.made = made["NatGateway"]["NatGatewayId"]

    def delete(self, current: State) -> None:
        """Delete the gateway; its address can be released only when it is gone."""
        if "NatGatewayId" in current:
            self.client.delete_nat_gateway(NatGatewayId=current["NatGatewayId"])
            wait_until(
                lambda: self._gateway("pending", "available", "deleting") is None,
                self.params["wait_timeout"],
                f"the NAT gateway {self.name} is deleted",
            )
        address = self._address()
        if address is not None:
            retry_while(
                ("InvalidIPAddress.InUse", "AuthFailure"),
                lambda: self.client.release_address(AllocationId=address["AllocationId"]),
                self.params["wait_timeout"],
            )

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags of the gateway and of its address."""
        self.client.create_tags(Resources=self._ids(current), Tags=tags_to_list(tags))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags of the gateway and of its address."""
        self.client.delete_tags(Resources=self._ids(current), Tags=[{"Key": key} for key in keys])

    def wait_ready(self) -> None:
        """Until the gateway is available."""
        wait_until(self._is_ready, self.params["wait_timeout"], f"the NAT gateway {self.name} is available")

    def _is_ready(self) -> bool:
        gateway = self._made() if self.made else self._gateway("pending", "available", "failed")
        if gateway is None and not self.made:
            raise RefusedError(f"AWS could not create the NAT gateway {self.name}: it is gone")
        if gateway is None:  # not yet in the list
            return False
        if gateway["State"] not in ("pending", "available"):
            why = gateway.get("FailureMessage", f"it is {gateway['State']}")
            raise RefusedError(f"AWS could not create the NAT gateway {self.name}: {why}")
        return bool(gateway["State"] == "available")

    def _made(self) -> State | None:
        """The gateway that this run has made, by its ID: filters know it later."""
        answer = found(self.client.describe_nat_gateways, "NatGatewayNotFound", NatGatewayIds=[self.made])
        return next(iter(answer["NatGateways"]), None) if answer else None

    def _gateway(self, *states: str) -> State | None:
        filters = [{"Name": "tag:Name", "Values": [self.name]}, {"Name": "state", "Values": list(states)}]
        pages = self.client.get_paginator("describe_nat_gateways").paginate(Filters=filters)
        named = [
            gateway
            for page in pages
            for gateway in page["NatGateways"]
            if gateway["State"] in states and self._is_named(gateway)
        ]
        if len(named) > 1:
            ids = ", ".join(gateway["NatGatewayId"] for gateway in named)
            raise RefusedError(f"{len(named)} NAT gateways have the Name {self.name}: {ids}. Rename all but one.")
        return named[0] if named else None

    def _address(self) -> State | None:
        filters = [{"Name": "tag:Name", "Values": [self.name]}]
        addresses = self.client.describe_addresses(Filters=filters)["Addresses"]
        return next((address for address in addresses if self._is_named(address)), None)

    def _is_named(self, resource: State) -> bool:
        """Asked again of what a filter let through: not every implementation of the API knows it."""
        return tags_to_dict(resource.get("Tags", [])).get("Name") == self.name

    def _ids(self, current: State) -> list[str]:
        address = self._address()
        return [current["NatGatewayId"], *([address["AllocationId"]] if address else [])]

    def _tags(self, kind: str, tags: Tags) -> State:
        return {"ResourceType": kind, "Tags": tags_to_list({**tags, "Name": self.name})}


def main() -> None:
    """Run the module."""
    module = build_module(
        {"name": {"required": True}, "subnet_id": {}}, required_if=[("state", "present", ("subnet_id",))]
    )
    if module.params["tags"] is not None:
        module.params["tags"] = {**module.params["tags"], "Name": module.params["name"]}
    run(NatGateway(module))


if __name__ == "__main__":
    main()
