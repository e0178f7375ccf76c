#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a scalable target of Application Auto Scaling with its policies."""

from __future__ import annotations

DOCUMENTATION = r"""
module: application_autoscaling_target
version_added: 0.1.0
short_description: Manage a scalable target of Application Auto Scaling with its policies
description:
  - Registers what is to be scaled, such as the desired count of an ECS service, with its limits and its target tracking
    policies.
  - M(community.aws.application_autoscaling_policy) declares check mode support but writes in check mode. It manages one
    policy at a time, leaves the target behind when the policy is deleted, and does not support tags.
author:
  - Slipway contributors (@slipway)
options:
  service_namespace:
    description: Namespace of the service, such as V(ecs).
    type: str
    required: true
  resource_id:
    description: What is scaled, such as V(service/my-cluster/my-service).
    type: str
    required: true
  scalable_dimension:
    description: Which of its properties to scale, such as V(ecs:service:DesiredCount).
    type: str
    required: true
  min_capacity:
    description: Lower limit. Required on creation.
    type: int
  max_capacity:
    description: Upper limit. Required on creation.
    type: int
  suspend:
    description: Suspend scaling in, scaling out and scheduled scaling, for example during an investigation.
    type: bool
  policies:
    description: Target tracking policies. All other policies of the target are removed. If this option is not set,
      policies stay as they are.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the policy.
        type: str
        required: true
      metric:
        description: Predefined metric, such as V(ECSServiceAverageCPUUtilization).
        type: str
        required: true
      resource_label:
        description: Load balancer and target group of the metric V(ALBRequestCountPerTarget).
        type: str
      target_value:
        description: Value at which to keep the metric.
        type: float
        required: true
      scale_in_cooldown:
        description: Seconds between two reductions.
        type: int
      scale_out_cooldown:
        description: Seconds between two increases.
        type: int
      disable_scale_in:
        description: Only add capacity, never remove it.
        type: bool
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Two to ten tasks, as many as keep the CPU at 60 percent
  slipway.aws.application_autoscaling_target:
    service_namespace: ecs
    resource_id: service/shop-prod/api
    scalable_dimension: ecs:service:DesiredCount
    min_capacity: 2
    max_capacity: 10
    policies:
      - name: cpu
        metric: ECSServiceAverageCPUUtilization
        target_value: 60
        scale_in_cooldown: 300
        scale_out_cooldown: 60

- name: No autoscaling
  slipway.aws.application_autoscaling_target:
    service_namespace: ecs
    resource_id: service/shop-prod/api
    scalable_dimension: ecs:service:DesiredCount
    state: absent
"""

RETURN = r"""
scalable_target:
  description: The target, as DescribeScalableTargets returns it, in snake_case, with its policies.
  returned: when state is present
  type: complex
  contains:
    scalable_target_arn:
      description: ARN of the target.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:application-autoscaling:eu-central-1:123456789012:scalable-target/0ec50123
    min_capacity:
      description: Lower limit.
      returned: always
      type: int
      sample: 2
    max_capacity:
      description: Upper limit.
      returned: always
      type: int
      sample: 10
    policies:
      description: Policies of the target, by name.
      returned: always
      type: list
      elements: dict
    tags:
      description: Tags of the target.
      returned: always
      type: dict
      sample: {system: shop}
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    Resource,
    State,
    Tags,
    build_module,
    covers,
    found,
    given,
    retry_while,
    run,
)

# How long what a call before has made may be unknown to the next.
SETTLES_SECONDS = 120
BOUNDS = ("MinCapacity", "MaxCapacity", "SuspendedState")
TRACKING = {
    "target_value": "TargetValue",
    "scale_in_cooldown": "ScaleInCooldown",
    "scale_out_cooldown": "ScaleOutCooldown",
    "disable_scale_in": "DisableScaleIn",
}


class ScalableTarget(Resource):
    """A scalable target; its policies are kept as one field, since AWS has calls of their own for them."""

    service = "application-autoscaling"
    kind = "scalable target"
    result = "scalable_target"
    keys: ClassVar = {
        "service_namespace": "ServiceNamespace",
        "resource_id": "ResourceId",
        "scalable_dimension": "ScalableDimension",
        "min_capacity": "MinCapacity",
        "max_capacity": "MaxCapacity",
    }

    @property
    def name(self) -> str:
        """A target has no name but what it scales."""
        return f"{self.params['resource_id']} ({self.params['scalable_dimension']})"

    @property
    def _identity(self) -> State:
        return {field: self.params[option] for option, field in self.keys.items() if field not in BOUNDS}

    def read(self) -> State | None:
        """The target with its policies."""
        answer = self.client.describe_scalable_targets(
            ServiceNamespace=self.params["service_namespace"],
            ResourceIds=[self.params["resource_id"]],
            ScalableDimension=self.params["scalable_dimension"],
        )
        if not answer["ScalableTargets"]:
            return None
        return {**answer["ScalableTargets"][0], "Policies": self._read_policies()}

    def _read_policies(self) -> list[State]:
        pages = self.client.get_paginator("describe_scaling_policies").paginate(**self._identity)
        policies: list[State] = pages.build_full_result()["ScalingPolicies"]
        return sorted(policies, key=lambda policy: str(policy["PolicyName"]))

    def desired(self) -> State:
        """The options in the API's spelling."""
        desired = super().desired()
        if self.params["suspend"] is not None:
            processes = ("DynamicScalingIn", "DynamicScalingOut", "ScheduledScaling")
            desired["SuspendedState"] = {f"{process}Suspended": self.params["suspend"] for process in processes}
        if self.params["policies"] is not None:
            policies = [policy_of(options) for options in self.params["policies"]]
            desired["Policies"] = sorted(policies, key=lambda policy: str(policy["PolicyName"]))
        return desired

    def check(self, current: State | None, desired: State) -> None:
        """Bounds are needed, and in order."""
        wanted = {**(current or {}), **desired}
        low, high = wanted.get("MinCapacity"), wanted.get("MaxCapacity")
        if low is None or high is None:
            raise RefusedError(f"min_capacity and max_capacity are needed to register {self.name}.")
        if low > high:
            raise RefusedError(f"min_capacity is {low}, max_capacity {high}: the lower bound is above the upper.")

    def create(self, desired: State, tags: Tags) -> None:
        """Register the target, then its policies."""
        bounds = {field: desired[field] for field in BOUNDS if field in desired}
        tagged = {"Tags": tags} if tags else {}
        self.client.register_scalable_target(**self._identity, **bounds, **tagged)
        for policy in desired.get("Policies", []):
            self._put(policy)

    def update(self, current: State, changes: State) -> None:
        """Registering again changes the bounds; of the policies only those that differ are written."""
        bounds = {field: changes[field] for field in BOUNDS if field in changes}
        if bounds:
            self.client.register_scalable_target(**self._identity, **bounds)
        if "Policies" in changes:
            self._update_policies(current["Policies"], changes["Policies"])

    def _update_policies(self, current: Sequence[State], wanted: Sequence[State]) -> None:
        existing = {policy["PolicyName"]: policy for policy in current}
        for policy in wanted:
            if not covers(existing.pop(policy["PolicyName"], None), policy):
                self._put(policy)
        for name in existing:
            self.client.delete_scaling_policy(**self._identity, PolicyName=name)

    def _put(self, policy: State) -> None:
        # The first target of an account makes AWS make a role, which the alarms of the policy need and do not know yet:
        # the Terraform provider waits for it as well (internal/service/appautoscaling/policy.go).
        retry_while(
            ("FailedResourceAccessException", "ObjectNotFoundException"),
            lambda: self.client.put_scaling_policy(**self._identity, **policy),
            SETTLES_SECONDS,
        )

    def delete(self, current: State) -> None:
        """Deregister the target; AWS deletes its policies and their alarms with it."""
        identity = {field: current[field] for field in self._identity}
        found(self.client.deregister_scalable_target, "ObjectNotFoundException", **identity)

    def read_tags(self, current: State) -> Tags:
        """Tags of the target, where it has an ARN to hang them on (targets of before 2023 have none)."""
        arn = current.get("ScalableTargetARN")
        return dict(self.client.list_tags_for_resource(ResourceARN=arn)["Tags"]) if arn else {}

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.tag_resource(ResourceARN=current["ScalableTargetARN"], Tags=tags)

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.untag_resource(ResourceARN=current["ScalableTargetARN"], TagKeys=list(keys))


def policy_of(options: Mapping[str, Any]) -> State:
    """A target tracking policy as PutScalingPolicy takes it."""
    metric = given(options, {"metric": "PredefinedMetricType", "resource_label": "ResourceLabel"})
    return {
        "PolicyName": options["name"],
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            **given(options, TRACKING),
            "PredefinedMetricSpecification": metric,
        },
    }


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "service_namespace": {"required": True},
            "resource_id": {"required": True},
            "scalable_dimension": {"required": True},
            "min_capacity": {"type": "int"},
            "max_capacity": {"type": "int"},
            "suspend": {"type": "bool"},
            "policies": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "name": {"required": True},
                    "metric": {"required": True},
                    "resource_label": {},
                    "target_value": {"type": "float", "required": True},
                    "scale_in_cooldown": {"type": "int"},
                    "scale_out_cooldown": {"type": "int"},
                    "disable_scale_in": {"type": "bool"},
                },
            },
        }
    )
    run(ScalableTarget(module))


if __name__ == "__main__":
    main()
