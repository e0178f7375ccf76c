#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Let API Gateway write logs in an account and Region."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apigateway_account
version_added: 0.1.0
short_description: Let API Gateway write logs in an account and Region
description:
  - Sets the role that API Gateway acts as to write the logs of all APIs of an account in a Region. Without one, AWS
    refuses to create a stage with logs.
  - No upstream module manages this setting.
author:
  - Slipway contributors (@slipway)
options:
  log_role_arn:
    description: The role. O(state=absent) removes it, or whichever is set if this is not given.
    type: str
  replace:
    description:
      - Whether a role that somebody else has set for the account is replaced or removed. Otherwise it stays, with a
        warning, because the logs of all APIs in the account and Region depend on it.
    type: bool
    default: false
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Let APIs write logs
  slipway.aws.apigateway_account:
    log_role_arn: arn:aws:iam::123456789012:role/api-gateway-logs
"""

RETURN = r"""
account:
  description: The setting.
  returned: when state is present
  type: complex
  contains:
    cloudwatch_role_arn:
      description: The role.
      returned: always
      type: str
      sample: arn:aws:iam::123456789012:role/api-gateway-logs
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    Resource,
    State,
    Tags,
    build_module,
    run,
)

ROLE = "cloudwatchRoleArn"


class Account(Resource):
    """A setting that is there or not."""

    service = "apigateway"
    kind = "account setting of"
    result = "account"
    taggable = False

    @property
    def name(self) -> str:
        """There is one."""
        return "API Gateway"

    def read(self) -> State | None:
        """The role, if there is one."""
        role = self.client.get_account().get(ROLE)
        return {ROLE: role} if role else None

    def desired(self) -> State:
        """The role."""
        return {ROLE: self.params["log_role_arn"]}

    def differences(self, current: State, desired: State) -> State:
        """Another role is none of ours, unless told otherwise."""
        return {} if self._keeps(current) else super().differences(current, desired)

    def ensure_absent(self) -> dict[str, Any]:
        """Another role is not taken away either."""
        current = self.read()
        return {"changed": False} if current and self._keeps(current) else super().ensure_absent()

    def _keeps(self, current: State) -> bool:
        own = self.params["log_role_arn"]
        if self.params["replace"] or own in (None, current[ROLE]):
            return False
        self.module.warn(
            f"API Gateway already writes this account's logs as {current[ROLE]}, which stays; it is replaced by {own}"
            " only with replace: true"
        )
        return True

    def create(self, desired: State, tags: Tags) -> None:
        """Set it."""
        self.update({}, desired)

    def update(self, current: State, changes: State) -> None:
        """Set another one."""
        self.client.update_account(patchOperations=[{"op": "replace", "path": f"/{ROLE}", "value": changes[ROLE]}])

    def delete(self, current: State) -> None:
        """Take it away."""
        self.client.update_account(patchOperations=[{"op": "replace", "path": f"/{ROLE}", "value": ""}])


def main() -> None:
    """Run the module."""
    module = build_module(
        {"log_role_arn": {}, "replace": {"type": "bool", "default": False}},
        taggable=False,
        required_if=[("state", "present", ("log_role_arn",))],
    )
    run(Account(module))


if __name__ == "__main__":
    main()
