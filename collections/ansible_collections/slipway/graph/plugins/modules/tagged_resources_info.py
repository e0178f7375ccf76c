#!/usr/bin/python
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: tagged_resources_info
short_description: List everything in an AWS account that carries given tags
version_added: "0.1.0"
author: The Slipway developers (@slipway)
description:
  - Asks the Resource Groups Tagging API, and the services themselves for what that API leaves out (IAM roles and
    policies, Auto Scaling groups), for what it still lists after deletion, and for creation times.
  - What these credentials may not read is listed in RV(unread); the rest is returned all the same.
options:
  tags:
    description: The tags that a resource must carry; all of them must match.
    type: dict
    required: true
  where:
    description:
      - V(here) lists what is in the Region, and what has none.
      - V(elsewhere) lists what is in the other Regions that the account has enabled, by the Tagging API alone and
        without copies of data. What has no Region may belong to that. RV(unread) then names Regions.
    type: str
    choices: [here, elsewhere]
    default: here
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Only reads.
    support: full
  diff_mode:
    description: There is no diff.
    support: none
"""

EXAMPLES = r"""
- name: List what carries the tags of a system
  slipway.graph.tagged_resources_info:
    tags: {system: shop, environment: prod}
    region: eu-central-1
  register: tagged
"""

RETURN = r"""
resources:
  description: The resources, ordered by type and ID.
  returned: always
  type: list
  elements: dict
  contains:
    type:
      description: Service and type as in the ARN, such as C(ec2:vpc).
      type: str
    id:
      description: The ID or name.
      type: str
    arn:
      description: The ARN.
      type: str
    service:
      description: The service as boto3 calls it, or as the ARN does where boto3's name is not known.
      type: str
    tags:
      description: All its tags.
      type: dict
    created:
      description: When it was created, as ISO 8601 in UTC; empty if AWS does not say.
      type: str
    noun:
      description: What the service's operations call this type; may be empty.
      type: str
    with_:
      description: The resource that creates and removes it; empty if there is none.
      type: str
    protected:
      description: Why it should not be deleted lightly, such as C(a database); empty otherwise.
      type: str
    alias:
      description: Another name that only this resource has, such as an address; may be empty.
      type: str
unread:
  description: Types that could not be read, with the reason.
  returned: always
  type: dict
"""

import contextlib
import dataclasses
import threading
import typing as t

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    import botocore.exceptions
    import botocore.parsers

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ansible_collections.slipway.graph.plugins.module_utils.tagged import finding, resources


class _Clients:
    """Clients for several threads: making one is not safe in two threads at once, using one is."""

    def __init__(self, module: t.Any) -> None:
        self._module = module
        self._lock = threading.Lock()

    def __call__(self, service: str, **options: t.Any) -> t.Any:
        with self._lock:
            if "region" in options:
                return self._in_region(service, options["region"])
            return self._module.client(service)

    def _in_region(self, service: str, region: str) -> t.Any:
        given = self._module.params.get("region")
        self._module.params["region"] = region
        try:
            return self._module.client(service)
        finally:
            self._module.params["region"] = given


def main() -> None:
    """List."""
    module = AnsibleAWSModule(
        argument_spec={
            "tags": {"type": "dict", "required": True},
            "where": {"type": "str", "choices": ["here", "elsewhere"], "default": "here"},
        },
        supports_check_mode=True,
    )
    tags = {str(name): str(value) for name, value in module.params["tags"].items()}
    if not tags:
        module.fail_json(msg="tags: set at least one; otherwise everything in the account would be listed")
    errors = (
        botocore.exceptions.BotoCoreError,
        botocore.exceptions.ClientError,
        botocore.parsers.ResponseParserError,
    )
    try:
        identity = module.client("sts", retry_decorator=AWSRetry.jittered_backoff()).get_caller_identity(aws_retry=True)
        region = module.client("ec2").meta.region_name
    except errors as error:
        module.fail_json_aws(error, msg="could not determine the AWS account")
    partition = identity["Arn"].split(":")[1]
    account = resources.Account(_Clients(module), tags, partition, region, identity["Account"])
    find = finding.find if module.params["where"] == "here" else finding.find_elsewhere
    found, unread = find(account, errors)
    module.exit_json(changed=False, resources=[dataclasses.asdict(each) for each in found], unread=unread)


if __name__ == "__main__":
    main()
