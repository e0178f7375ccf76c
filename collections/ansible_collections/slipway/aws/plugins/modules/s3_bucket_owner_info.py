#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Refuse a bucket of another account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: s3_bucket_owner_info
version_added: 0.1.0
short_description: Refuse a bucket of another account
description:
  - Asks whether there is a bucket, and fails where there is one that does not belong to the account. Names of buckets
    are unique in the whole world, and many can be guessed, so anybody may have made one with that name before and let
    everybody write to it.
  - The modules of amazon.aws that make buckets and write objects do not ask this.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the bucket.
    type: str
    required: true
  account:
    description: ID of the account that it has to belong to.
    type: str
    required: true
extends_documentation_fragment:
  - slipway.aws.check_mode.reads
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Write to nobody else's bucket
  slipway.aws.s3_bucket_owner_info:
    name: deployments-123456789012
    account: "123456789012"
"""

RETURN = r"""
exists:
  description: Whether there is such a bucket. It belongs to the account then.
  returned: always
  type: bool
  sample: true
"""

from contextlib import suppress
from typing import Any

# Where it is missing, AnsibleAWSModule says so.
with suppress(ImportError):
    from botocore.exceptions import ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError, connect, finish


def is_there(s3: Any, name: str, account: str) -> bool:
    """Whether the account has the bucket.

    :raises RefusedError: where somebody else has it, or where it may not be looked at.
    """
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=account)
    except ClientError as error:
        # There is no body to say more with.
        code = error.response["Error"]["Code"]
        if code == "404":
            return False
        if code == "403":
            raise RefusedError(
                f"The bucket {name} belongs to another account than {account}, or these credentials may not look at it."
                " Nothing in it was read or written"
            ) from error
        raise
    return True


def main() -> None:
    """Run the module."""
    options: dict[str, Any] = {name: {"required": True} for name in ("name", "account")}
    module = AnsibleAWSModule(argument_spec=options, supports_check_mode=True)
    name, account = module.params["name"], module.params["account"]
    finish(
        module,
        lambda: {"changed": False, "exists": is_there(connect(module, "s3"), name, account)},
        f"Could not ask whose the bucket {name} is",
    )


if __name__ == "__main__":
    main()
