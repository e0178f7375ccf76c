#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage the permissions boundary of an IAM role."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_permissions_boundary
version_added: 0.1.0
short_description: Manage the permissions boundary of an IAM role
description:
  - Gives a role that exists a permissions boundary, or takes it away.
  - M(amazon.aws.iam_role) takes one away only where the role is there already, and fails where it is to make the role.
author:
  - Slipway contributors (@slipway)
options:
  role_name:
    description: Name of the role.
    type: str
    required: true
  boundary:
    description: ARN of the managed policy beyond which the role may do nothing. Empty for no boundary.
    type: str
    default: ""
extends_documentation_fragment:
  - slipway.aws.check_mode
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: The role may do what its policies say
  slipway.aws.iam_permissions_boundary:
    role_name: shop-prod-deploy
"""

RETURN = r"""
boundary:
  description: The boundary; empty if there is none.
  returned: success
  type: str
  sample: arn:aws:iam::123456789012:policy/boundary
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import connect, finish, found


def bound(module: Any, client: Any) -> dict[str, Any]:
    """The module's result."""
    name, wanted = module.params["role_name"], module.params["boundary"]
    answer = found(client.get_role, "NoSuchEntity", RoleName=name)
    if answer is None:  # a plan of a role that is still to be made, with its boundary
        return {"changed": False, "boundary": wanted}
    current = answer["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    if current != wanted and not module.check_mode:
        if wanted:
            client.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=wanted)
        else:
            client.delete_role_permissions_boundary(RoleName=name)
    return {
        "changed": current != wanted,
        "boundary": wanted,
        "diff": {"before": {"boundary": current}, "after": {"boundary": wanted}},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={"role_name": {"required": True}, "boundary": {"default": ""}}, supports_check_mode=True
    )
    name = module.params["role_name"]
    finish(module, lambda: bound(module, connect(module, "iam")), f"Could not set the boundary of the role {name}")


if __name__ == "__main__":
    main()
