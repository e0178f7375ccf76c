#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage an ECS cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_cluster
version_added: 0.1.0
short_description: Manage an ECS cluster
description:
  - Creates, updates and deletes an ECS cluster with its capacity providers, Container Insights, ECS Exec
    and tags.
  - M(community.aws.ecs_cluster) supports neither tags nor settings (Container Insights) nor an ECS Exec configuration.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the cluster.
    type: str
    required: true
  container_insights:
    description: Collect metrics of tasks and services with Container Insights, which is charged per metric.
    type: str
    choices: [disabled, enabled, enhanced]
  capacity_providers:
    description: Capacity providers that services of this cluster may use.
    type: list
    elements: str
  capacity_provider_strategy:
    description: Where tasks run that specify neither a launch type nor a strategy.
    type: list
    elements: dict
    suboptions:
      capacity_provider:
        description: One of O(capacity_providers).
        type: str
        required: true
      weight:
        description: Share of the tasks beyond O(capacity_provider_strategy[].base), relative to the others.
        type: int
      base:
        description: Number of tasks that run on this provider before the weights apply.
        type: int
  execute_command:
    description: How C(aws ecs execute-command) sessions are encrypted and logged.
    type: dict
    suboptions:
      kms_key_id:
        description: KMS key that encrypts the session.
        type: str
      log_group:
        description: CloudWatch log group that records the sessions.
        type: str
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Cluster that runs on spot capacity beyond the first task
  slipway.aws.ecs_cluster:
    name: shop-prod
    container_insights: enhanced
    capacity_providers: [FARGATE, FARGATE_SPOT]
    capacity_provider_strategy:
      - capacity_provider: FARGATE
        base: 1
        weight: 1
      - capacity_provider: FARGATE_SPOT
        weight: 3

- name: No cluster
  slipway.aws.ecs_cluster:
    name: shop-prod
    state: absent
"""

RETURN = r"""
cluster:
  description: The cluster, as DescribeClusters returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    cluster_arn:
      description: ARN of the cluster.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:ecs:eu-central-1:123456789012:cluster/shop-prod
    cluster_name:
      description: Name of the cluster.
      returned: always
      type: str
      sample: shop-prod
    capacity_providers:
      description: Capacity providers of the cluster.
      returned: always
      type: list
      elements: str
      sample: [FARGATE, FARGATE_SPOT]
    tags:
      description: Tags of the cluster.
      returned: always
      type: dict
      sample: {system: shop}
"""

from typing import ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.ecs import STRATEGY, EcsResource, strategy
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    State,
    Tags,
    build_module,
    given,
    retry_while,
    run,
    tags_to_list,
    wait_until,
)

STILL_IN_USE = (
    "ClusterContainsServicesException",
    "ClusterContainsTasksException",
    "UpdateInProgressException",
)


class Cluster(EcsResource):
    """An ECS cluster."""

    identifier = "clusterArn"
    kind = "ECS cluster"
    result = "cluster"
    keys: ClassVar = {"name": "clusterName", "capacity_providers": "capacityProviders"}
    unordered = frozenset({"capacityProviders", "defaultCapacityProviderStrategy", "settings"})

    def read(self) -> State | None:
        """The active cluster of this name."""
        answer = self.client.describe_clusters(
            clusters=[self.name], include=["TAGS", "SETTINGS", "CONFIGURATIONS", "ATTACHMENTS"]
        )
        return next((cluster for cluster in answer["clusters"] if cluster["status"] != "INACTIVE"), None)

    def desired(self) -> State:
        """The options in the spelling of CreateCluster."""
        desired = given(self.params, self.keys)
        if self.params["capacity_provider_strategy"] is not None:
            desired["defaultCapacityProviderStrategy"] = strategy(self.params)
        if self.params["container_insights"] is not None:
            desired["settings"] = [{"name": "containerInsights", "value": self.params["container_insights"]}]
        if self.params["execute_command"] is not None:
            desired["configuration"] = {"executeCommandConfiguration": self._execute_command()}
        return desired

    def _execute_command(self) -> State:
        options = self.params["execute_command"]
        configuration = given(options, {"kms_key_id": "kmsKeyId"})
        if options["log_group"]:
            configuration["logging"] = "OVERRIDE"
            configuration["logConfiguration"] = {"cloudWatchLogGroupName": options["log_group"]}
        return configuration

    def create(self, desired: State, tags: Tags) -> None:
        """Make the cluster."""
        self.client.create_cluster(**desired, tags=tags_to_list(tags, lower=True))

    def update(self, current: State, changes: State) -> None:
        """Settings and configuration are one call, capacity providers and their strategy another."""
        described = {field: changes[field] for field in ("settings", "configuration") if field in changes}
        if described:
            self.client.update_cluster(cluster=self.name, **described)
        providers = {
            field: changes.get(field, current.get(field, []))
            for field in ("capacityProviders", "defaultCapacityProviderStrategy")
        }
        if providers.keys() & changes.keys():
            retry_while(
                ("UpdateInProgressException",),
                lambda: self.client.put_cluster_capacity_providers(cluster=self.name, **providers),
                self.params["wait_timeout"],
            )

    def delete(self, current: State) -> None:
        """Remove the cluster; services and tasks that are just being stopped are waited for."""
        timeout = self.params["wait_timeout"] if self.params["wait"] else 0
        retry_while(STILL_IN_USE, lambda: self.client.delete_cluster(cluster=current["clusterArn"]), timeout)

    def wait_ready(self) -> None:
        """Until the cluster is active and its capacity providers are attached."""
        wait_until(self._is_ready, self.params["wait_timeout"], f"the ECS cluster {self.name} is active")

    def _is_ready(self) -> bool:
        cluster = self.read() or {}
        return cluster.get("status") == "ACTIVE" and cluster.get("attachmentsStatus") != "UPDATE_IN_PROGRESS"


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "container_insights": {"choices": ["disabled", "enabled", "enhanced"]},
            "capacity_providers": {"type": "list", "elements": "str"},
            "capacity_provider_strategy": STRATEGY,
            "execute_command": {"type": "dict", "options": {"kms_key_id": {}, "log_group": {}}},
        }
    )
    run(Cluster(module))


if __name__ == "__main__":
    main()
