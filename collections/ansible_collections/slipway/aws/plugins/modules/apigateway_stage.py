#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a stage of a REST API."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apigateway_stage
version_added: 0.1.0
short_description: Manage a stage of a REST API
description:
  - Deploys an API of M(slipway.aws.apigateway_rest_api) to a stage whenever it has changed, with access logs,
    throttling,
    metrics and tracing.
  - M(community.aws.api_gateway) deploys on every run, and supports none of these settings.
author:
  - Slipway contributors (@slipway)
options:
  rest_api_id:
    description: ID of the API.
    type: str
    required: true
  name:
    description: Name of the stage, which is the first part of every path.
    type: str
    required: true
  deployment:
    description: Digest of the API's definition. The stage gets a new deployment if its current one has another digest.
    type: str
  access_log_group_arn:
    description: Log group that gets a line for each request; empty for none. API Gateway needs a role in the account's
      settings for this, see M(slipway.aws.apigateway_account).
    type: str
  access_log_format:
    description: Format of the line, with API Gateway's variables.
    type: str
  throttling_rate_limit:
    description: Sustained number of requests per second that all callers together may make.
    type: float
  throttling_burst_limit:
    description: Number of requests that may arrive at the same time.
    type: int
  logging_level:
    description: How much API Gateway logs about its own execution, in a log group of its own.
    type: str
    choices: ["OFF", ERROR, INFO]
  metrics_enabled:
    description: Whether to collect metrics for each method, which cost extra.
    type: bool
  tracing_enabled:
    description: Whether requests are sampled for X-Ray.
    type: bool
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: The API in service
  slipway.aws.apigateway_stage:
    rest_api_id: "{{ api.rest_api.id }}"
    name: v1
    deployment: "{{ api.rest_api.digest }}"
    throttling_rate_limit: 100
    throttling_burst_limit: 200
"""

RETURN = r"""
stage:
  description: The stage, as GetStage returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    stage_name:
      description: Its name.
      returned: always
      type: str
      sample: v1
    arn:
      description: ARN of the stage.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:apigateway:eu-central-1::/restapis/a1b2c3d4e5/stages/v1
    deployment:
      description: Digest of what is deployed.
      returned: always
      type: str
      sample: 5891b5b522d5df08
    tags:
      description: Tags of the stage.
      returned: always
      type: dict
      sample: {system: shop}
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils.apigateway import ApiGatewayResource, replace
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    State,
    Tags,
    build_module,
    found,
    run,
)

ALL_METHODS = "*/*"
# Options that are settings of all methods: option -> field of the settings and path of the patch that changes it.
SETTINGS = {
    "throttling_rate_limit": ("throttlingRateLimit", "throttling/rateLimit"),
    "throttling_burst_limit": ("throttlingBurstLimit", "throttling/burstLimit"),
    "logging_level": ("loggingLevel", "logging/loglevel"),
    "metrics_enabled": ("metricsEnabled", "metrics/enabled"),
}


class Stage(ApiGatewayResource):
    """A stage; what it serves is known by the description of its deployment."""

    kind = "stage"
    result = "stage"

    @property
    def _address(self) -> dict[str, str]:
        return {"restApiId": self.params["rest_api_id"], "stageName": self.name}

    def read(self) -> State | None:
        """The stage, flat: every setting a field of its own."""
        stage = found(self.client.get_stage, "NotFoundException", **self._address)
        if stage is None:
            return None
        log = stage.get("accessLogSettings") or {}
        settings = stage.get("methodSettings", {}).get(ALL_METHODS, {})
        return {
            "arn": self.arn(self.path(stage)),
            "stageName": stage["stageName"],
            "deploymentId": stage.get("deploymentId", ""),
            "deployment": self._deployed(stage.get("deploymentId", "")),
            "accessLogGroup": log.get("destinationArn", "").removesuffix(":*"),
            "accessLogFormat": log.get("format", ""),
            "tracingEnabled": bool(stage.get("tracingEnabled")),
            **{field: settings.get(field) for field, _path in SETTINGS.values()},
        }

    def desired(self) -> State:
        """The options, by the fields of `read`."""
        params = self.params
        desired = {
            "deployment": params["deployment"],
            "accessLogGroup": None if params["access_log_group_arn"] is None else _group(params),
            "accessLogFormat": params["access_log_format"] if params["access_log_group_arn"] else None,
            "tracingEnabled": params["tracing_enabled"],
            **{field: params[option] for option, (field, _path) in SETTINGS.items()},
        }
        return {field: value for field, value in desired.items() if value is not None}

    def create(self, desired: State, tags: Tags) -> None:
        """Deploy the API, make the stage, then give it its settings."""
        self.client.create_stage(**self._address, deploymentId=self._deployment(desired["deployment"]))
        current = self.read() or {}
        self.update(current, self.differences(current, desired))
        if tags:
            self.tag(current, tags)

    def update(self, current: State, changes: State) -> None:
        """One patch for all that differs; the deployment that was in service before goes when nothing serves it."""
        operations = [replace(f"/*/*/{path}", changes[field]) for field, path in SETTINGS.values() if field in changes]
        if "deployment" in changes:
            operations.append(replace("/deploymentId", self._deployment(changes["deployment"])))
        if "tracingEnabled" in changes:
            operations.append(replace("/tracingEnabled", changes["tracingEnabled"]))
        operations += self._log_operations(changes)
        if operations:
            self.client.update_stage(**self._address, patchOperations=operations)
        if "deployment" in changes:
            self._delete_deployment(current["deploymentId"])

    def _log_operations(self, changes: State) -> list[dict[str, str]]:
        if changes.get("accessLogGroup") == "":
            return [{"op": "remove", "path": "/accessLogSettings"}]
        paths = {"accessLogGroup": "destinationArn", "accessLogFormat": "format"}
        return [
            replace(f"/accessLogSettings/{path}", changes[field]) for field, path in paths.items() if field in changes
        ]

    def delete(self, current: State) -> None:
        """Delete it, and what it served."""
        self.client.delete_stage(**self._address)
        self._delete_deployment(current["deploymentId"])

    def path(self, current: State) -> str:
        """Where it is under API Gateway."""
        return f"restapis/{self.params['rest_api_id']}/stages/{self.name}"

    def _deployed(self, deployment_id: str) -> str:
        if not deployment_id:
            return ""
        deployment = found(
            self.client.get_deployment,
            "NotFoundException",
            restApiId=self.params["rest_api_id"],
            deploymentId=deployment_id,
        )
        return str((deployment or {}).get("description", ""))

    def _deployment(self, digest: str) -> str:
        """The id of the deployment of this digest; one that a run made and did not come to use is taken up."""
        api = {"restApiId": self.params["rest_api_id"]}
        for page in self.client.get_paginator("get_deployments").paginate(**api):
            for deployment in page.get("items", []):
                if deployment.get("description") == digest:
                    return str(deployment["id"])
        return str(self.client.create_deployment(**api, description=digest)["id"])

    def _delete_deployment(self, deployment_id: str) -> None:
        stages = self.client.get_stages(restApiId=self.params["rest_api_id"])["item"]
        if deployment_id and all(stage.get("deploymentId") != deployment_id for stage in stages):
            self.client.delete_deployment(restApiId=self.params["rest_api_id"], deploymentId=deployment_id)


def _group(params: dict[str, Any]) -> str:
    return str(params["access_log_group_arn"]).removesuffix(":*")


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "rest_api_id": {"required": True},
            "name": {"required": True},
            "deployment": {},
            "access_log_group_arn": {},
            "access_log_format": {},
            "throttling_rate_limit": {"type": "float"},
            "throttling_burst_limit": {"type": "int"},
            "logging_level": {"choices": ["OFF", "ERROR", "INFO"]},
            "metrics_enabled": {"type": "bool"},
            "tracing_enabled": {"type": "bool"},
        },
        required_if=[("state", "present", ("deployment",))],
    )
    run(Stage(module))


if __name__ == "__main__":
    main()
