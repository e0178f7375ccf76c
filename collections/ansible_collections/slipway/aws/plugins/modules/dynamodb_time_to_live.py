#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage when items of a DynamoDB table expire."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynamodb_time_to_live
version_added: 0.1.0
short_description: Manage the time to live of a DynamoDB table's items
description:
  - Names the attribute that says when an item expires, or switches expiry off, whichever attribute says it now.
  - M(community.aws.dynamodb_ttl) switches off only the attribute that it is told, which whoever has taken it out of
    their inputs does not know any more; meanwhile items go on being deleted. It has no check mode.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the table.
    type: str
    required: true
  attribute:
    description: Attribute with the second, since 1970, at which its item expires. Empty if items do not expire.
    type: str
    default: ""
extends_documentation_fragment:
  - slipway.aws.check_mode
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Items expire
  slipway.aws.dynamodb_time_to_live:
    name: shop-prod-items
    attribute: expiresAt

- name: Items stay
  slipway.aws.dynamodb_time_to_live:
    name: shop-prod-items
"""

RETURN = r"""
attribute:
  description: The attribute that says when an item expires; empty if none does.
  returned: success
  type: str
  sample: expiresAt
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError, connect, finish, found

ON = ("ENABLED", "ENABLING")


def expire(module: Any, client: Any) -> dict[str, Any]:
    """The module's result.

    :raises RefusedError: for another attribute than that by which items expire now.
    """
    name, wanted = module.params["name"], module.params["attribute"]
    # A plan of a table that is still to be made sees none.
    answer = found(client.describe_time_to_live, "ResourceNotFoundException", TableName=name)
    told = answer["TimeToLiveDescription"] if answer else {}
    current = told["AttributeName"] if told.get("TimeToLiveStatus") in ON else ""
    if current and wanted and current != wanted:
        raise RefusedError(
            f"Items of {name} expire by {current}, not by {wanted}. AWS changes that only an hour after it was "
            "switched off: apply without an attribute first, and with the new one an hour later."
        )
    if current != wanted and not module.check_mode:
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": bool(wanted), "AttributeName": wanted or current}
        )
    return {
        "changed": current != wanted,
        "attribute": wanted,
        "diff": {"before": {"attribute": current}, "after": {"attribute": wanted}},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={"name": {"required": True}, "attribute": {"default": ""}}, supports_check_mode=True
    )
    name = module.params["name"]
    finish(module, lambda: expire(module, connect(module, "dynamodb")), f"Could not set when items of {name} expire")


if __name__ == "__main__":
    main()
