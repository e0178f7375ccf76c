#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage an ECS service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_service
version_added: 0.1.0
short_description: Manage an ECS service
description:
  - Creates, updates and deletes an ECS service, and waits until a deployment has finished.
  - M(community.aws.ecs_service) does not compare the network, deployment configuration, platform version and capacity
    providers, and does not support the deployment strategies that ECS has had since 2025 (blue/green, linear, canary).
  - If ECS gives up on a deployment because of its circuit breaker or an alarm, the task fails and shows why tasks
    stopped.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the service.
    type: str
    required: true
  cluster:
    description: Name or ARN of the cluster.
    type: str
    required: true
  task_definition:
    description: ARN of a revision, or a family, whose newest active revision is used.
    type: str
  desired_count:
    description: Number of tasks.
    type: int
  ignore_desired_count_drift:
    description:
      - Set O(desired_count) only when the service is created.
      - Use it if something else changes the number afterwards, such as Application Auto Scaling.
    type: bool
    default: false
  load_balancers:
    description: Target groups that the tasks join.
    type: list
    elements: dict
    suboptions:
      target_group_arn:
        description: ARN of the target group.
        type: str
        required: true
      container_name:
        description: Container that receives the traffic.
        type: str
        required: true
      container_port:
        description: Port on which it listens.
        type: int
        required: true
      advanced_configuration:
        description: What blue/green, linear and canary deployments need to shift traffic.
        type: dict
        suboptions:
          alternate_target_group_arn:
            description: ARN of the second target group.
            type: str
            required: true
          production_listener_rule:
            description: ARN of the listener rule for production traffic.
            type: str
            required: true
          test_listener_rule:
            description: ARN of the listener rule for test traffic.
            type: str
          role_arn:
            description: Role with which ECS changes the load balancer.
            type: str
            required: true
  health_check_grace_period_seconds:
    description: Seconds after a task's start during which failed health checks are ignored.
    type: int
  deployment_configuration:
    description: How a deployment replaces tasks.
    type: dict
    suboptions:
      strategy:
        description: Replace tasks in place, or shift traffic to a second set of tasks - all at once, evenly or in two
          steps.
        type: str
        choices: [ROLLING, BLUE_GREEN, LINEAR, CANARY]
      minimum_healthy_percent:
        description: Percentage of O(desired_count) that keeps serving during a rolling deployment.
        type: int
      maximum_percent:
        description: Upper limit of tasks during a rolling deployment, as a percentage of O(desired_count).
        type: int
      bake_time_in_minutes:
        description: How long both sets of tasks stay after all traffic has been shifted.
        type: int
      deployment_circuit_breaker:
        description: Give up on a deployment whose tasks keep failing.
        type: dict
        suboptions:
          enable:
            description: Whether this is on.
            type: bool
            required: true
          rollback:
            description: Go back to the last deployment that succeeded.
            type: bool
            required: true
      alarms:
        description: Give up on a deployment during which an alarm fires.
        type: dict
        suboptions:
          alarm_names:
            description: Names of the alarms.
            type: list
            elements: str
            required: true
          enable:
            description: Whether this is on.
            type: bool
            required: true
          rollback:
            description: Go back to the last deployment that succeeded.
            type: bool
            required: true
      linear_configuration:
        description: Steps of the strategy V(LINEAR).
        type: dict
        suboptions:
          step_percent:
            description: Percentage of the traffic that each step shifts.
            type: float
          step_bake_time_in_minutes:
            description: Minutes between two steps.
            type: int
      canary_configuration:
        description: Steps of the strategy V(CANARY).
        type: dict
        suboptions:
          canary_percent:
            description: Percentage of the traffic that the first step shifts.
            type: float
          canary_bake_time_in_minutes:
            description: Minutes until the rest follows.
            type: int
      lifecycle_hooks:
        description: Lambda functions that decide whether a deployment goes on.
        type: list
        elements: dict
        suboptions:
          hook_target_arn:
            description: ARN of the function.
            type: str
            required: true
          role_arn:
            description: Role with which ECS calls it.
            type: str
            required: true
          lifecycle_stages:
            description: When it is called, for example C(POST_TEST_TRAFFIC_SHIFT).
            type: list
            elements: str
            required: true
  availability_zone_rebalancing:
    description: Whether ECS moves tasks to balance them across Availability Zones.
    type: str
    choices: [ENABLED, DISABLED]
  enable_execute_command:
    description: Allow C(aws ecs execute-command) into the tasks.
    type: bool
  enable_ecs_managed_tags:
    description: Let ECS tag tasks with their cluster and service.
    type: bool
  propagate_tags:
    description: Whose tags the tasks get.
    type: str
    choices: [TASK_DEFINITION, SERVICE, NONE]
  force_new_deployment:
    description: Replace all tasks even if nothing else changes. This always reports a change.
    type: bool
    default: false
notes:
  - With O(state=absent) the service is deleted together with its running tasks.
extends_documentation_fragment:
  - slipway.aws.state
  - slipway.aws.placement
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: API behind a load balancer, with autoscaling
  slipway.aws.ecs_service:
    name: shop-prod-api
    cluster: shop-prod
    task_definition: "{{ definition.task_definition.task_definition_arn }}"
    desired_count: 3
    ignore_desired_count_drift: true
    launch_type: FARGATE
    network_configuration:
      subnets: [subnet-1, subnet-2]
      security_groups: [sg-1]
    load_balancers:
      - target_group_arn: arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/api/0123
        container_name: api
        container_port: 8080
    deployment_configuration:
      minimum_healthy_percent: 100
      maximum_percent: 200
      deployment_circuit_breaker: {enable: true, rollback: true}

- name: Without it
  slipway.aws.ecs_service:
    name: shop-prod-api
    cluster: shop-prod
    state: absent
"""

RETURN = r"""
service:
  description: The service, as DescribeServices returns it, in snake_case, without its events.
  returned: when state is present
  type: complex
  contains:
    service_arn:
      description: ARN of the service.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:ecs:eu-central-1:123456789012:service/shop-prod/shop-prod-api
    task_definition:
      description: ARN of the revision that it runs.
      returned: always
      type: str
      sample: arn:aws:ecs:eu-central-1:123456789012:task-definition/shop-prod-api:7
    desired_count:
      description: Number of tasks that it should have.
      returned: always
      type: int
      sample: 3
    tags:
      description: Tags of the service.
      returned: always
      type: dict
      sample: {system: shop}
"""

import time
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.ecs import (
    PLACEMENT,
    EcsResource,
    describe_revision,
    matches,
    placement,
    refuse_malformed,
    stop_summary,
)
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    SETTLES_SECONDS,
    RefusedError,
    State,
    Tags,
    build_module,
    camel,
    found,
    given,
    run,
    tags_to_list,
    wait_until,
)

NESTED = {
    "load_balancers": "loadBalancers",
    "deployment_configuration": "deploymentConfiguration",
}


class Service(EcsResource):
    """An ECS service."""

    identifier = "serviceArn"
    kind = "ECS service"
    result = "service"
    keys: ClassVar = {
        "desired_count": "desiredCount",
        "health_check_grace_period_seconds": "healthCheckGracePeriodSeconds",
        "availability_zone_rebalancing": "availabilityZoneRebalancing",
        "enable_execute_command": "enableExecuteCommand",
        "enable_ecs_managed_tags": "enableECSManagedTags",
        "propagate_tags": "propagateTags",
    }
    immutable = frozenset({"launchType"})
    deployment = ""

    def read(self) -> State | None:
        """The service, also while it is being deleted."""
        answer = found(
            self.client.describe_services,
            "ClusterNotFoundException",
            cluster=self.params["cluster"],
            services=[self.name],
            include=["TAGS"],
        )
        services = answer["services"] if answer else []
        return next((service for service in services if service["status"] != "INACTIVE"), None)

    def desired(self) -> State:
        """The options in the spelling of CreateService."""
        desired = {**given(self.params, self.keys), **placement(self.params)}
        for option, field in NESTED.items():
            value = self.params[option]
            if isinstance(value, list):
                desired[field] = [camel(item, False) for item in value]
            elif value is not None:
                desired[field] = camel(value, False)
        desired["taskDefinition"] = self._revision()
        return desired

    def _revision(self) -> str:
        name = str(self.params["task_definition"])
        if name.startswith("arn:"):
            return name
        revision = describe_revision(self.client, name)
        if revision is None:
            raise RefusedError(f"task_definition is {name!r}, but there is no such task definition.")
        return str(revision[0]["taskDefinitionArn"])

    def check(self, current: State | None, desired: State) -> None:
        """Refuse a malformed request before it is sent, and wait for a service that is being deleted."""
        refuse_malformed(self.client, "CreateService", {**desired, "serviceName": self.name})
        if current and current["status"] == "DRAINING":
            raise RefusedError(f"The ECS service {self.name} is still being deleted. Run again in a minute.")

    def differences(self, current: State, desired: State) -> State:
        """What differs. Subnets, groups and the like are sets; what was not given is left as it is."""
        ignored = {"desiredCount"} if self.params["ignore_desired_count_drift"] else set()
        changes = {
            field: value
            for field, value in desired.items()
            if field not in ignored and not self._same(field, value, current)
        }
        if self.params["force_new_deployment"] or "capacityProviderStrategy" in changes:
            changes["forceNewDeployment"] = True
        return changes

    def _same(self, field: str, value: Any, current: State) -> bool:
        if field == "launchType" and current.get("capacityProviderStrategy"):
            return False
        return matches(value, current.get(field))

    # Whether ECS has shown the deployment that was begun, and until when it may not.
    seen = False
    patient_until = 0.0

    def create(self, desired: State, tags: Tags) -> None:
        """Make the service."""
        answer = self.client.create_service(
            cluster=self.params["cluster"],
            serviceName=self.name,
            tags=tags_to_list(tags, lower=True),
            **desired,
        )
        self.deployment = primary(answer.get("service", {})).get("id", "")

    def update(self, current: State, changes: State) -> None:
        """Change what differs; what concerns the tasks begins a deployment."""
        answer = self.client.update_service(cluster=self.params["cluster"], service=self.name, **changes)
        self.deployment = primary(answer.get("service", {})).get("id", "")

    def delete(self, current: State) -> None:
        """Remove the service with its tasks."""
        if current["status"] != "DRAINING":
            self.client.delete_service(cluster=self.params["cluster"], service=self.name, force=True)

    def wait_gone(self) -> None:
        """Until the last task has stopped."""
        wait_until(lambda: self.read() is None, self.params["wait_timeout"], f"the ECS service {self.name} is gone")

    def wait_ready(self) -> None:
        """Until the deployment that was begun is over."""
        if not self.deployment:
            return
        self.patient_until = time.monotonic() + SETTLES_SECONDS
        wait_until(self._is_deployed, self.params["wait_timeout"], f"the ECS service {self.name} has been deployed")

    def _is_deployed(self) -> bool:
        service = self.read() or {}
        ours = next((each for each in service.get("deployments", []) if each["id"] == self.deployment), None)
        # What ECS says of a service lags behind what was done to it.
        if ours is None and not self.seen and time.monotonic() < self.patient_until:
            return False
        self.seen = True
        if ours is None or ours["status"] != "PRIMARY" or ours.get("rolloutState") == "FAILED":
            reason = (ours or {}).get("rolloutStateReason") or "it was superseded by another deployment"
            raise RefusedError(
                f"The deployment of the ECS service {self.name} failed: {reason}\n{self._why_tasks_stopped()}"
            )
        draining = [each for each in service["deployments"] if each["status"] == "ACTIVE" and each["runningCount"]]
        return (
            ours.get("rolloutState", "COMPLETED") == "COMPLETED"
            and service["runningCount"] >= service["desiredCount"]
            and not draining
        )

    def _why_tasks_stopped(self) -> str:
        arns = self.client.list_tasks(
            cluster=self.params["cluster"], serviceName=self.name, desiredStatus="STOPPED", maxResults=5
        )["taskArns"]
        if not arns:
            return "ECS lists no stopped task."
        tasks = self.client.describe_tasks(cluster=self.params["cluster"], tasks=arns)["tasks"]
        return "\n".join(f"{task['taskArn'].rsplit('/', 1)[-1]}: {stop_summary(task)}" for task in tasks)

    def show(self, state: State) -> dict[str, Any]:
        """Without the events, of which ECS keeps a hundred."""
        return super().show({field: value for field, value in state.items() if field != "events"})


def primary(service: State) -> State:
    """The deployment that is to replace all others."""
    return next((each for each in service.get("deployments", []) if each["status"] == "PRIMARY"), {})


OPTIONS: dict[str, Any] = {
    "name": {"required": True},
    "cluster": {"required": True},
    "task_definition": {},
    "desired_count": {"type": "int"},
    "ignore_desired_count_drift": {"type": "bool", "default": False},
    **PLACEMENT,
    "load_balancers": {
        "type": "list",
        "elements": "dict",
        "options": {
            "target_group_arn": {"required": True},
            "container_name": {"required": True},
            "container_port": {"type": "int", "required": True},
            "advanced_configuration": {
                "type": "dict",
                "options": {
                    "alternate_target_group_arn": {"required": True},
                    "production_listener_rule": {"required": True},
                    "test_listener_rule": {},
                    "role_arn": {"required": True},
                },
            },
        },
    },
    "health_check_grace_period_seconds": {"type": "int"},
    "deployment_configuration": {
        "type": "dict",
        "options": {
            "strategy": {"choices": ["ROLLING", "BLUE_GREEN", "LINEAR", "CANARY"]},
            "minimum_healthy_percent": {"type": "int"},
            "maximum_percent": {"type": "int"},
            "bake_time_in_minutes": {"type": "int"},
            "deployment_circuit_breaker": {
                "type": "dict",
                "options": {
                    "enable": {"type": "bool", "required": True},
                    "rollback": {"type": "bool", "required": True},
                },
            },
            "alarms": {
                "type": "dict",
                "options": {
                    "alarm_names": {"type": "list", "elements": "str", "required": True},
                    "enable": {"type": "bool", "required": True},
                    "rollback": {"type": "bool", "required": True},
                },
            },
            "linear_configuration": {
                "type": "dict",
                "options": {
                    "step_percent": {"type": "float"},
                    "step_bake_time_in_minutes": {"type": "int"},
                },
            },
            "canary_configuration": {
                "type": "dict",
                "options": {
                    "canary_percent": {"type": "float"},
                    "canary_bake_time_in_minutes": {"type": "int"},
                },
            },
            "lifecycle_hooks": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "hook_target_arn": {"required": True},
                    "role_arn": {"required": True},
                    "lifecycle_stages": {"type": "list", "elements": "str", "required": True},
                },
            },
        },
    },
    "availability_zone_rebalancing": {"choices": ["ENABLED", "DISABLED"]},
    "enable_execute_command": {"type": "bool"},
    "enable_ecs_managed_tags": {"type": "bool"},
    "propagate_tags": {"choices": ["TASK_DEFINITION", "SERVICE", "NONE"]},
    "force_new_deployment": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    module = build_module(
        OPTIONS,
        required_if=[("state", "present", ["task_definition"])],
        mutually_exclusive=[("launch_type", "capacity_provider_strategy")],
    )
    run(Service(module))


if __name__ == "__main__":
    main()
