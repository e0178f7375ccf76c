#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Read the value of a secret for a task that has to pass it on."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secretsmanager_secret_value_info
version_added: 0.1.0
short_description: Read the value of a secret in Secrets Manager
description:
  - Reads the current value of a secret, for a task that has to pass it on, such as the creation of a database with its
    first password. Anything that can read a secret itself should be given the ARN instead.
  - There is no upstream module for this. The lookup P(amazon.aws.secretsmanager_secret#lookup) runs outside of tasks,
    so it gets neither their C(environment) nor the C(module_defaults), and needs every connection option again.
  - The result holds the value. Use C(no_log) on the task.
author:
  - Slipway contributors (@slipway)
options:
  secret_id:
    description: Name or ARN of the secret.
    type: str
    required: true
extends_documentation_fragment:
  - slipway.aws.check_mode.reads
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Read the first password of the database
  slipway.aws.secretsmanager_secret_value_info:
    secret_id: shop-prod-database
  register: database_secret
  no_log: true
"""

RETURN = r"""
text:
  description: The value, if it is text.
  returned: when the secret is a text
  type: str
fields:
  description: The fields of the value, if it is a JSON object.
  returned: when the secret is a JSON object
  type: dict
"""

import json
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError, connect, finish


def fields_of(text: str) -> dict[str, Any]:
    """The fields of a JSON object, or none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return {"fields": value} if isinstance(value, dict) else {}


def read(client: Any, secret: str) -> dict[str, Any]:
    """The module's result."""
    text = client.get_secret_value(SecretId=secret).get("SecretString")
    if text is None:
        raise RefusedError(f"The secret {secret} is binary, but only text can be returned.")
    return {"changed": False, "text": text, **fields_of(text)}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={"secret_id": {"required": True, "no_log": False}}, supports_check_mode=True
    )
    secret = module.params["secret_id"]
    finish(module, lambda: read(connect(module, "secretsmanager"), secret), f"Could not read the secret {secret}")


if __name__ == "__main__":
    main()
