#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a cache parameter group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: elasticache_parameter_group
version_added: 0.1.0
short_description: Manage an ElastiCache parameter group
description:
  - Creates, updates and deletes a cache parameter group and the values in it.
  - M(community.aws.elasticache_parameter_group) supports families only up to redis6.x, so it cannot create a group for
    Redis 7 or Valkey, and it supports neither tags nor check mode.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the parameter group.
    type: str
    required: true
  family:
    description: Family of engine versions, such as V(redis7) or V(valkey8). Required on creation. Cannot be changed
      later.
    type: str
  description:
    description: What the group is for. Cannot be changed later; the name is used if none is given.
    type: str
  parameters:
    description: Values by parameter name. Parameters that are not listed stay as they are.
    type: dict
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Evict the least recently used keys when the cache is full
  slipway.aws.elasticache_parameter_group:
    name: shop-prod-cache
    family: redis7
    parameters:
      maxmemory-policy: allkeys-lru

- name: No parameter group
  slipway.aws.elasticache_parameter_group:
    name: shop-prod-cache
    state: absent
"""

RETURN = r"""
parameter_group:
  description: The parameter group, as DescribeCacheParameterGroups returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    arn:
      description: ARN of the group.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:elasticache:eu-central-1:123456789012:parametergroup:shop-prod-cache
    cache_parameter_group_name:
      description: Name of the group.
      returned: always
      type: str
      sample: shop-prod-cache
    parameters:
      description: Values of the parameters that can be changed.
      returned: always
      type: dict
      sample: {maxmemory-policy: allkeys-lru}
    tags:
      description: Tags of the group.
      returned: always
      type: dict
      sample: {system: shop}
"""

from collections.abc import Mapping
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

PARAMETERS_OF_ONE_CALL = 20


class ParameterGroup(ElastiCacheResource):
    """A cache parameter group; its values are kept as one field, since AWS has calls of their own for them."""

    kind = "cache parameter group"
    result = "parameter_group"
    keys: ClassVar = {
        "name": "CacheParameterGroupName",
        "family": "CacheParameterGroupFamily",
        "description": "Description",
    }
    immutable = frozenset({"CacheParameterGroupFamily", "Description"})
    opaque = ("Parameters",)

    def read(self) -> State | None:
        """The group of this name with the values of its changeable parameters."""
        answer = found(
            self.client.describe_cache_parameter_groups,
            "CacheParameterGroupNotFound",
            "CacheParameterGroupNotFoundFault",
            CacheParameterGroupName=self.name,
        )
        if not answer or not answer["CacheParameterGroups"]:
            return None
        return {**answer["CacheParameterGroups"][0], "Parameters": self._read_parameters()}

    def _read_parameters(self) -> dict[str, str]:
        pages = self.client.get_paginator("describe_cache_parameters")
        parameters = pages.paginate(CacheParameterGroupName=self.name).build_full_result()["Parameters"]
        return {
            parameter["ParameterName"]: parameter.get("ParameterValue", "")
            for parameter in parameters
            if parameter.get("IsModifiable")
        }

    def desired(self) -> State:
        """The options in the API's spelling."""
        desired = super().desired()
        if self.params["parameters"] is not None:
            desired["Parameters"] = {str(key): str(value) for key, value in self.params["parameters"].items()}
        return desired

    def create(self, desired: State, tags: Tags) -> None:
        """Make the group, then set its values."""
        fields = {field: value for field, value in desired.items() if field != "Parameters"}
        self.client.create_cache_parameter_group(**{"Description": self.name, **fields}, Tags=tags_to_list(tags))
        self._set(desired.get("Parameters", {}))

    def update(self, current: State, changes: State) -> None:
        """Set the values that differ."""
        held = current["Parameters"]
        self._set({key: value for key, value in changes["Parameters"].items() if held.get(key) != value})

    def _set(self, parameters: Mapping[str, str]) -> None:
        values = [{"ParameterName": key, "ParameterValue": value} for key, value in parameters.items()]
        for start in range(0, len(values), PARAMETERS_OF_ONE_CALL):
            self.client.modify_cache_parameter_group(
                CacheParameterGroupName=self.name,
                ParameterNameValues=values[start : start + PARAMETERS_OF_ONE_CALL],
            )

    def delete(self, current: State) -> None:
        """Delete the group."""
        self.client.delete_cache_parameter_group(CacheParameterGroupName=current["CacheParameterGroupName"])


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "family": {},
            "description": {},
            "parameters": {"type": "dict"},
        },
        required_if=[("state", "present", ("family",))],
    )
    run(ParameterGroup(module))


if __name__ == "__main__":
    main()
