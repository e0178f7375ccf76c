#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a usage plan of API Gateway with its API keys."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apigateway_usage_plan
version_added: 0.1.0
short_description: Manage a usage plan of API Gateway with its API keys
description:
  - Limits how many requests the holders of certain API keys may make to a stage, and creates those keys. AWS generates
    their values; this module neither reads nor returns them.
  - No upstream module manages usage plans or API keys.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the plan.
    type: str
    required: true
  rest_api_id:
    description: ID of the API.
    type: str
  stage:
    description: Stage of the API.
    type: str
  api_keys:
    description: Names of the keys. Keys that are no longer listed are deleted.
    type: list
    elements: str
  rate_limit:
    description: Requests per second for each key.
    type: float
  burst_limit:
    description: Simultaneous requests for each key.
    type: int
  quota:
    description: Requests per month for each key; 0 for no limit.
    type: int
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Ten requests per second for a partner
  slipway.aws.apigateway_usage_plan:
    name: shop-prod-partners
    rest_api_id: a1b2c3d4e5
    stage: prod
    api_keys: [shop-prod-example]
    rate_limit: 10
    burst_limit: 20
    quota: 100000
"""

RETURN = r"""
usage_plan:
  description: The plan, as GetUsagePlan returns it, in snake_case, with the names of its keys.
  returned: when state is present
  type: complex
  contains:
    id:
      description: ID of the plan.
      returned: always, but not when check mode would create it
      type: str
      sample: a1b2c3
    arn:
      description: ARN of the plan.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:apigateway:eu-central-1::/usageplans/a1b2c3
    api_keys:
      description: Names of its keys.
      returned: always
      type: list
      elements: str
      sample: [shop-prod-example]
    api_key_arns:
      description: ARNs of its keys.
      returned: always, but not when check mode would create it
      type: list
      elements: str
      sample: ["arn:aws:apigateway:eu-central-1::/apikeys/d4e5f6"]
"""

from collections.abc import Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils.apigateway import ApiGatewayResource, replace
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    State,
    Tags,
    build_module,
    run,
    string_tags,
)

KEYS = "apiKeys"


class UsagePlan(ApiGatewayResource):
    """A plan for one stage, and the keys that are in it."""

    kind = "usage plan"
    result = "usage_plan"
    unordered = frozenset({KEYS})

    def read(self) -> State | None:
        """The plan of this name, with its keys by name."""
        plan = next((each for each in self.listed("get_usage_plans") if each["name"] == self.name), None)
        if plan is None:
            return None
        quota = plan.get("quota", {})
        keys = self._keys(plan)
        return {
            **plan,
            "arn": self.arn(self.path(plan)),
            "quota": {"limit": quota.get("limit", 0)},
            KEYS: sorted(key["name"] for key in keys),
            "apiKeyArns": [self.arn(f"apikeys/{key['id']}") for key in keys],
        }

    def desired(self) -> State:
        """The options in the API's shape."""
        params = self.params
        desired: State = {"apiStages": [{"apiId": params["rest_api_id"], "stage": params["stage"]}]}
        bounds = {"rateLimit": params["rate_limit"], "burstLimit": params["burst_limit"]}
        throttle = {field: value for field, value in bounds.items() if value is not None}
        if throttle:
            desired["throttle"] = throttle
        if params["quota"] is not None:
            desired["quota"] = {"limit": params["quota"]}
        if params["api_keys"] is not None:
            desired[KEYS] = params["api_keys"]
        return desired

    def create(self, desired: State, tags: Tags) -> None:
        """Make the plan, then its keys."""
        quota = desired.get("quota", {}).get("limit", 0)
        given = {field: desired[field] for field in ("apiStages", "throttle") if field in desired}
        bound = {"quota": {"limit": quota, "period": "MONTH"}} if quota else {}
        plan = self.client.create_usage_plan(name=self.name, **given, **bound)
        self._put_keys(plan, desired.get(KEYS, []), tags)
        if tags:
            self.tag(plan, tags)

    def update(self, current: State, changes: State) -> None:
        """One patch for the plan, then its keys."""
        operations = [replace(f"/throttle/{field}", value) for field, value in changes.get("throttle", {}).items()]
        if "quota" in changes and changes["quota"]["limit"]:
            operations += [replace("/quota/limit", changes["quota"]["limit"]), replace("/quota/period", "MONTH")]
        elif "quota" in changes:
            operations.append({"op": "remove", "path": "/quota"})
        if "apiStages" in changes:
            operations += [_stage("remove", each) for each in current.get("apiStages", [])]
            operations += [_stage("add", each) for each in changes["apiStages"]]
        if operations:
            self.client.update_usage_plan(usagePlanId=current["id"], patchOperations=operations)
        if KEYS in changes:
            self._put_keys(current, changes[KEYS], string_tags(self.params["tags"]) or {})

    def delete(self, current: State) -> None:
        """Delete it with its keys; a plan that is still for a stage cannot be deleted."""
        self._put_keys(current, [], {})
        operations = [_stage("remove", each) for each in current.get("apiStages", [])]
        if operations:
            self.client.update_usage_plan(usagePlanId=current["id"], patchOperations=operations)
        self.client.delete_usage_plan(usagePlanId=current["id"])

    def path(self, current: State) -> str:
        """Where it is under API Gateway."""
        return f"usageplans/{current['id']}"

    def _keys(self, plan: State) -> list[Any]:
        return self.listed("get_usage_plan_keys", usagePlanId=plan["id"])

    def _put_keys(self, plan: State, wanted: Sequence[str], tags: Tags) -> None:
        held = {key["name"]: key["id"] for key in self._keys(plan)}
        for name in held.keys() - set(wanted):
            self.client.delete_usage_plan_key(usagePlanId=plan["id"], keyId=held[name])
            self.client.delete_api_key(apiKey=held[name])
        # A key that a run made and did not come to use is taken up.
        loose = {key["name"]: key["id"] for key in self.listed("get_api_keys")}
        for name in wanted:
            if name not in held:
                key = loose.get(name) or self.client.create_api_key(name=name, enabled=True, tags=tags)["id"]
                self.client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key, keyType="API_KEY")


def _stage(operation: str, stage: State) -> dict[str, str]:
    return {"op": operation, "path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"}


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "rest_api_id": {},
            "stage": {},
            "api_keys": {"type": "list", "elements": "str", "no_log": False},
            "rate_limit": {"type": "float"},
            "burst_limit": {"type": "int"},
            "quota": {"type": "int"},
        },
        required_if=[("state", "present", ("rest_api_id", "stage"))],
    )
    run(UsagePlan(module))


if __name__ == "__main__":
    main()
