# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation of the options that say where ECS runs tasks."""


class ModuleDocFragment:
    """Options that module_utils/ecs.py has as PLACEMENT."""

    DOCUMENTATION = r"""
options:
  launch_type:
    description:
      - Where tasks run.
      - ECS cannot change it for an existing service; use O(capacity_provider_strategy) instead.
    type: str
    choices: [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES]
  capacity_provider_strategy:
    description:
      - Where tasks run.
      - With neither this nor O(launch_type), the cluster's default strategy applies.
    type: list
    elements: dict
    suboptions:
      capacity_provider:
        description: Name of the capacity provider.
        type: str
        required: true
      weight:
        description: Share of the tasks beyond O(capacity_provider_strategy[].base), relative to the others.
        type: int
      base:
        description: Number of tasks that run on this provider before the weights apply.
        type: int
  platform_version:
    description: Version of Fargate.
    type: str
  network_configuration:
    description: Network of the tasks, for task definitions with the network mode C(awsvpc).
    type: dict
    suboptions:
      subnets:
        description: IDs of the subnets.
        type: list
        elements: str
        required: true
      security_groups:
        description: IDs of the security groups.
        type: list
        elements: str
      assign_public_ip:
        description: Whether tasks get public addresses.
        type: bool
        default: false
"""
