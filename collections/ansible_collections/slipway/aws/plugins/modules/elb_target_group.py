#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a target group of an application or network load balancer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: elb_target_group
version_added: 0.1.0
short_description: Manage a target group of a load balancer
description:
  - Creates, updates and deletes a target group. Registering targets is left to whatever runs them, such as an ECS
    service.
  - M(community.aws.elb_target_group) has no check mode, so a plan silently skips it; it can turn stickiness and
    connection termination on but never off; and it supports only some of the attributes.
  - Upstream also expects DescribeTargetGroups to answer an unknown name with the error C(TargetGroupNotFound), as AWS
    does. Some emulators answer with an empty list, which this module accepts as well.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the target group, at most 32 letters, digits and hyphens.
    type: str
    required: true
  protocol:
    description: Protocol that the targets speak. Cannot be changed later.
    type: str
    choices: [HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP]
  protocol_version:
    description: HTTP version that the targets speak. Cannot be changed later.
    type: str
    choices: [HTTP1, HTTP2, GRPC]
  port:
    description: Port of targets that are registered without one. Cannot be changed later.
    type: int
  vpc_id:
    description: VPC of the targets. Cannot be changed later.
    type: str
  target_type:
    description: What a target is. Tasks on Fargate are V(ip). Cannot be changed later.
    type: str
    choices: [instance, ip, lambda, alb]
  health_check:
    description: How the load balancer checks whether a target can serve.
    type: dict
    suboptions:
      enabled:
        description: Whether targets are checked. Only targets of type V(lambda) may go unchecked.
        type: bool
      protocol:
        description: Protocol of the check.
        type: str
        choices: [HTTP, HTTPS, TCP]
      port:
        description: Port of the check; V(traffic-port) is the port that receives traffic.
        type: str
      path:
        description: Path that is requested.
        type: str
      interval:
        description: Seconds between checks.
        type: int
      timeout:
        description: Seconds without a response after which a check fails.
        type: int
      healthy_threshold:
        description: Consecutive successful checks that make a target healthy.
        type: int
      unhealthy_threshold:
        description: Consecutive failed checks that make a target unhealthy.
        type: int
      success_codes:
        description: HTTP status codes that mean success, such as V(200-299).
        type: str
  attributes:
    description:
      - Attributes by their AWS names, such as C(deregistration_delay.timeout_seconds) or C(stickiness.enabled).
      - Attributes that are not listed stay as they are.
    type: dict
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: amazon.aws.elb_application_lb
"""

EXAMPLES = r"""
- name: Target group for tasks on Fargate that are healthy after 10 seconds
  slipway.aws.elb_target_group:
    name: shop-prod-api
    target_type: ip
    protocol: HTTP
    port: 8080
    vpc_id: vpc-0123456789abcdef0
    health_check:
      path: /health
      interval: 5
      timeout: 2
      healthy_threshold: 2
    attributes:
      deregistration_delay.timeout_seconds: 15

- name: No target group
  slipway.aws.elb_target_group:
    name: shop-prod-api
    state: absent
"""

RETURN = r"""
target_group:
  description: The target group, as DescribeTargetGroups returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    target_group_arn:
      description: ARN of the target group.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-prod-api/0123456789abcdef
    target_group_name:
      description: Name of the target group.
      returned: always
      type: str
      sample: shop-prod-api
    attributes:
      description: Attributes by their AWS names.
      returned: always
      type: dict
      sample: {deregistration_delay.timeout_seconds: "15"}
    tags:
      description: Tags of the target group.
      returned: always
      type: dict
      sample: {system: shop}
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    Resource,
    State,
    Tags,
    build_module,
    found,
    given,
    retry_while,
    run,
    tags_to_dict,
    tags_to_list,
)

HEALTH_CHECK = {
    "enabled": "HealthCheckEnabled",
    "protocol": "HealthCheckProtocol",
    "port": "HealthCheckPort",
    "path": "HealthCheckPath",
    "interval": "HealthCheckIntervalSeconds",
    "timeout": "HealthCheckTimeoutSeconds",
    "healthy_threshold": "HealthyThresholdCount",
    "unhealthy_threshold": "UnhealthyThresholdCount",
}


class TargetGroup(Resource):
    """A target group; its attributes are kept as one field, since AWS has calls of their own for them."""

    service = "elbv2"
    kind = "target group"
    result = "target_group"
    keys: ClassVar = {
        "name": "Name",
        "protocol": "Protocol",
        "protocol_version": "ProtocolVersion",
        "port": "Port",
        "vpc_id": "VpcId",
        "target_type": "TargetType",
    }
    immutable = frozenset({"Protocol", "ProtocolVersion", "Port", "VpcId", "TargetType"})
    opaque = ("Attributes",)

    def read(self) -> State | None:
        """The target group of this name, with its attributes."""
        answer = found(self.client.describe_target_groups, "TargetGroupNotFound", Names=[self.name])
        if not answer or not answer["TargetGroups"]:
            return None
        group = answer["TargetGroups"][0]
        attributes = self.client.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])
        return {
            **group,
            "Name": group["TargetGroupName"],
            "Attributes": {pair["Key"]: pair["Value"] for pair in attributes["Attributes"]},
        }

    def desired(self) -> State:
        """The options in the spelling of CreateTargetGroup, with the attributes beside them."""
        desired = super().desired()
        check = self.params["health_check"]
        if check is not None:
            desired |= given(check, HEALTH_CHECK)
            if check["success_codes"] is not None:
                field = "GrpcCode" if self.params["protocol_version"] == "GRPC" else "HttpCode"
                desired["Matcher"] = {field: check["success_codes"]}
        if self.params["attributes"] is not None:
            desired["Attributes"] = attribute_texts(self.params["attributes"])
        return desired

    def create(self, desired: State, tags: Tags) -> None:
        """Make the target group; attributes cannot be given on creation."""
        arguments = {field: value for field, value in desired.items() if field != "Attributes"}
        # AWS takes a list of tags that is not empty, or none.
        tagged = {"Tags": tags_to_list(tags)} if tags else {}
        group = self.client.create_target_group(**arguments, **tagged)["TargetGroups"][0]
        self._set_attributes(group["TargetGroupArn"], desired.get("Attributes", {}))

    def update(self, current: State, changes: State) -> None:
        """The health check is one call, the attributes another."""
        arn = current["TargetGroupArn"]
        check = {field: value for field, value in changes.items() if field != "Attributes"}
        if check:
            self.client.modify_target_group(TargetGroupArn=arn, **check)
        differing = {
            key: value
            for key, value in changes.get("Attributes", {}).items()
            if current["Attributes"].get(key) != value
        }
        self._set_attributes(arn, differing)

    def _set_attributes(self, arn: str, attributes: Mapping[str, str]) -> None:
        if attributes:
            self.client.modify_target_group_attributes(TargetGroupArn=arn, Attributes=tags_to_list(attributes))

    def delete(self, current: State) -> None:
        """Delete the target group once no listener uses it; a listener just deleted counts for a moment."""
        timeout = min(60, self.params["wait_timeout"]) if self.params["wait"] else 0
        arn = current["TargetGroupArn"]
        retry_while(("ResourceInUse",), lambda: self.client.delete_target_group(TargetGroupArn=arn), timeout)

    def read_tags(self, current: State) -> Tags:
        """Tags of the target group."""
        answer = self.client.describe_tags(ResourceArns=[current["TargetGroupArn"]])
        return tags_to_dict(answer["TagDescriptions"][0]["Tags"] if answer["TagDescriptions"] else [])

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.add_tags(ResourceArns=[current["TargetGroupArn"]], Tags=tags_to_list(tags))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.remove_tags(ResourceArns=[current["TargetGroupArn"]], TagKeys=list(keys))


def attribute_texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Attributes as AWS keeps them: texts, with booleans in lower case."""
    return {
        str(key): str(value).lower() if isinstance(value, bool) else str(value) for key, value in attributes.items()
    }


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "protocol": {"choices": ["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP"]},
            "protocol_version": {"choices": ["HTTP1", "HTTP2", "GRPC"]},
            "port": {"type": "int"},
            "vpc_id": {},
            "target_type": {"choices": ["instance", "ip", "lambda", "alb"]},
            "health_check": {
                "type": "dict",
                "options": {
                    "enabled": {"type": "bool"},
                    "protocol": {"choices": ["HTTP", "HTTPS", "TCP"]},
                    "port": {},
                    "path": {},
                    "interval": {"type": "int"},
                    "timeout": {"type": "int"},
                    "healthy_threshold": {"type": "int"},
                    "unhealthy_threshold": {"type": "int"},
                    "success_codes": {},
                },
            },
            "attributes": {"type": "dict"},
        }
    )
    run(TargetGroup(module))


if __name__ == "__main__":
    main()
