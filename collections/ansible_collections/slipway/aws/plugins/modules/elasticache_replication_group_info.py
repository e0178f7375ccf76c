#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Read an ElastiCache replication group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: elasticache_replication_group_info
version_added: 0.1.0
short_description: Read an ElastiCache replication group
description:
  - Returns a replication group, or nothing where there is none or where it is being deleted.
  - M(community.aws.elasticache_info) is asked for a node and not for a group, and it fails while the group is saved,
    maintained or changed, because it reads tags as well.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the replication group.
    type: str
    required: true
extends_documentation_fragment:
  - slipway.aws.check_mode.reads
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Look for the cache
  slipway.aws.elasticache_replication_group_info:
    name: shop-prod-cache
  register: cache

- name: Say that it wants no token
  ansible.builtin.debug:
    msg: Whoever reaches it may read it.
  when: cache.replication_groups | rejectattr('auth_token_enabled') | length > 0
"""

RETURN = r"""
replication_groups:
  description: The replication group, as DescribeReplicationGroups returns it, in snake_case; or an empty list.
  returned: always
  type: list
  elements: dict
  contains:
    replication_group_id:
      description: Name of the replication group.
      returned: always
      type: str
      sample: shop-prod-cache
    status:
      description: What it is at.
      returned: always
      type: str
      sample: available
    auth_token_enabled:
      description: Whether it wants an AUTH token.
      returned: always
      type: bool
      sample: true
"""

from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.botocore import normalize_boto3_result
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import connect, finish, found


def ask(module: Any) -> dict[str, Any]:
    """The module's result."""
    client = connect(module, "elasticache")
    answer = found(
        client.describe_replication_groups,
        "ReplicationGroupNotFoundFault",
        ReplicationGroupId=module.params["name"],
    )
    groups = [group for group in (answer or {}).get("ReplicationGroups", []) if group["Status"] != "deleting"]
    described = [camel_dict_to_snake_dict(normalize_boto3_result(group)) for group in groups]
    return {"changed": False, "replication_groups": [{"auth_token_enabled": False, **group} for group in described]}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec={"name": {"required": True}}, supports_check_mode=True)
    finish(module, lambda: ask(module), f"Could not read the replication group {module.params['name']}")


if __name__ == "__main__":
    main()
