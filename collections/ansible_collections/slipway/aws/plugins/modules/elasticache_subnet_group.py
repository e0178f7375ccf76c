#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a cache subnet group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: elasticache_subnet_group
version_added: 0.1.0
short_description: Manage an ElastiCache subnet group
description:
  - Creates, updates and deletes a cache subnet group.
  - M(community.aws.elasticache_subnet_group) does not support tags.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the subnet group, in lower case.
    type: str
    required: true
  description:
    description: What the group is for. The name is used if none is given on creation.
    type: str
  subnet_ids:
    description: Subnets that nodes may be placed in, one for each Availability Zone. Required on creation.
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
- name: Subnet group of a cache
  slipway.aws.elasticache_subnet_group:
    name: shop-prod-cache
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]

- name: No subnet group
  slipway.aws.elasticache_subnet_group:
    name: shop-prod-cache
    state: absent
"""

RETURN = r"""
subnet_group:
  description: The subnet group, as DescribeCacheSubnetGroups returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    arn:
      description: ARN of the group.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:elasticache:eu-central-1:123456789012:subnetgroup:shop-prod-cache
    cache_subnet_group_name:
      description: Name of the group.
      returned: always
      type: str
      sample: shop-prod-cache
    tags:
      description: Tags of the group.
      returned: always
      type: dict
      sample: {system: shop}
"""

from typing import ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.elasticache import ElastiCacheResource
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    State,
    Tags,
    build_module,
    found,
    run,
    tags_to_list,
)


class SubnetGroup(ElastiCacheResource):
    """A cache subnet group."""

    kind = "cache subnet group"
    result = "subnet_group"
    keys: ClassVar = {
        "name": "CacheSubnetGroupName",
        "description": "CacheSubnetGroupDescription",
        "subnet_ids": "SubnetIds",
    }
    unordered = frozenset({"SubnetIds"})

    def read(self) -> State | None:
        """The group of this name; its subnets also under the name that CreateCacheSubnetGroup has for them."""
        answer = found(
            self.client.describe_cache_subnet_groups,
            "CacheSubnetGroupNotFoundFault",
            CacheSubnetGroupName=self.name,
        )
        if not answer or not answer["CacheSubnetGroups"]:
            return None
        group = answer["CacheSubnetGroups"][0]
        return {**group, "SubnetIds": [subnet["SubnetIdentifier"] for subnet in group["Subnets"]]}

    def create(self, desired: State, tags: Tags) -> None:
        """Make the group."""
        arguments = {"CacheSubnetGroupDescription": self.name, **desired}
        self.client.create_cache_subnet_group(**arguments, Tags=tags_to_list(tags))

    def update(self, current: State, changes: State) -> None:
        """Change description or subnets."""
        self.client.modify_cache_subnet_group(CacheSubnetGroupName=current["CacheSubnetGroupName"], **changes)

    def delete(self, current: State) -> None:
        """Delete the group."""
        self.client.delete_cache_subnet_group(CacheSubnetGroupName=current["CacheSubnetGroupName"])


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "description": {},
            "subnet_ids": {"type": "list", "elements": "str"},
        },
        required_if=[("state", "present", ("subnet_ids",))],
    )
    run(SubnetGroup(module))


if __name__ == "__main__":
    main()
