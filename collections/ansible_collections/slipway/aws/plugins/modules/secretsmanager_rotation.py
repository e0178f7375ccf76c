#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Let Secrets Manager rotate a secret by itself."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secretsmanager_rotation
version_added: 0.1.0
short_description: Let Secrets Manager rotate a secret on a schedule
description:
  - Sets the function that rotates a secret, and how often. Nothing is rotated now; AWS only tests whether the function
    can be called. The schedule is deleted with the secret.
  - M(community.aws.secretsmanager_secret) sets a rotation only together with the value of the secret, and rotates
    immediately.
author:
  - Slipway contributors (@slipway)
options:
  secret_id:
    description: Name or ARN of the secret.
    type: str
    required: true
  function_arn:
    description: ARN of the Lambda function, which Secrets Manager must be allowed to invoke.
    type: str
    required: true
  days:
    description: Days between rotations, 1 to 1000.
    type: int
    required: true
extends_documentation_fragment:
  - slipway.aws.check_mode
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: A new password each month
  slipway.aws.secretsmanager_rotation:
    secret_id: shop-prod-database
    function_arn: arn:aws:lambda:eu-central-1:123456789012:function:shop-prod-rotation
    days: 30
"""

RETURN = r"""
rotation:
  description: The rotation, as DescribeSecret returns it, in snake_case.
  returned: always
  type: complex
  contains:
    rotation_lambda_arn:
      description: ARN of the function.
      returned: always
      type: str
      sample: arn:aws:lambda:eu-central-1:123456789012:function:shop-prod-rotation
    rotation_rules:
      description: How often the secret is rotated.
      returned: always
      type: dict
      sample: {automatically_after_days: 30}
"""

import uuid
from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    State,
    connect,
    difference,
    finish,
    retry_while,
)

# How long what a call before has made may be unknown to the next.
SETTLES_SECONDS = 120


def differs(secret: State, rotation: State) -> bool:
    """Whether a secret is not rotated so yet."""
    return not secret.get("RotationEnabled") or bool(difference(secret, rotation))


def ensure(client: Any, secret_id: str, rotation: State, check: bool) -> bool:
    """Set the rotation where it differs, and say whether it did."""
    changed = differs(client.describe_secret(SecretId=secret_id), rotation)
    if changed and not check:
        # One rotation, however often it is asked for: what lets Secrets Manager call the function may be too new to be
        # known. The Terraform provider waits for it as well (internal/service/secretsmanager/secret_rotation.go).
        token = str(uuid.uuid4())
        retry_while(
            ("AccessDeniedException", "InvalidRequestException"),
            lambda: client.rotate_secret(
                SecretId=secret_id, **rotation, RotateImmediately=False, ClientRequestToken=token
            ),
            SETTLES_SECONDS,
        )
    return changed


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "secret_id": {"required": True, "no_log": False},
            "function_arn": {"required": True},
            "days": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    rotation = {
        "RotationLambdaARN": module.params["function_arn"],
        "RotationRules": {"AutomaticallyAfterDays": module.params["days"]},
    }
    secret_id = module.params["secret_id"]
    finish(
        module,
        lambda: {
            "changed": ensure(connect(module, "secretsmanager"), secret_id, rotation, module.check_mode),
            "rotation": camel_dict_to_snake_dict(rotation),
        },
        f"Could not set the rotation of the secret {secret_id}",
    )


if __name__ == "__main__":
    main()
