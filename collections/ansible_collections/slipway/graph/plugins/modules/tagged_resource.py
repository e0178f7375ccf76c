#!/usr/bin/python
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: tagged_resource
short_description: Delete an AWS resource that no task knows, by its type and ARN
version_added: "0.1.0"
author: The Slipway developers (@slipway)
description:
  - Deletes one resource as M(slipway.graph.tagged_resources_info) lists it. It neither checks tags again nor whether
    something is protected; M(slipway.graph.orphans) does both.
  - A database leaves a final snapshot, keys and secrets keep their recovery window, and a bucket is emptied first.
options:
  type:
    description: Service and type as in the ARN, such as C(ec2:vpc).
    type: str
    required: true
  id:
    description: The ID or name.
    type: str
    required: true
  arn:
    description: The ARN.
    type: str
    required: true
  state:
    description: The only possible value.
    type: str
    choices: [absent]
    default: absent
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Deletes nothing.
    support: full
  diff_mode:
    description: There is no diff.
    support: none
"""

EXAMPLES = r"""
- name: Delete a log group that is left over
  slipway.graph.tagged_resource:
    type: logs:log-group
    id: /shop/old
    arn: arn:aws:logs:eu-central-1:123456789012:log-group:/shop/old
"""

RETURN = r"""
in_use:
  description: Whether it could not be deleted because something else is using it, so that another attempt may succeed
    later.
  returned: failure
  type: bool
supported:
  description: Whether this module can delete such a thing at all.
  returned: failure
  type: bool
"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    import botocore.exceptions

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.graph.plugins.module_utils import still_in_use
from ansible_collections.slipway.graph.plugins.module_utils.tagged import deletion


def main() -> None:
    """Delete."""
    module = AnsibleAWSModule(
        argument_spec={
            "type": {"type": "str", "required": True},
            "id": {"type": "str", "required": True},
            "arn": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["absent"], "default": "absent"},
        },
        supports_check_mode=True,
    )
    resource = {key: module.params[key] for key in ("type", "id", "arn")}
    if resource["type"] not in deletion.DELETIONS:
        module.fail_json(
            msg=f"cannot delete resources of type {resource['type']}: {resource['arn']}", supported=False, in_use=False
        )
    if module.check_mode:
        module.exit_json(changed=True)
    service, delete = deletion.DELETIONS[resource["type"]]
    try:
        delete(module.client(service), resource)
    except botocore.exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if deletion.is_gone(code):
            module.exit_json(changed=False)
        in_use = still_in_use.find(service, code, str(error)) is not None
        module.fail_json(msg=str(error), supported=True, in_use=in_use)
    except botocore.exceptions.BotoCoreError as error:
        module.fail_json(msg=str(error), supported=True, in_use=False)
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
