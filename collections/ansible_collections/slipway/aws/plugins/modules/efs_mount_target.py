#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a mount target of an EFS file system."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_mount_target
version_added: 0.1.0
short_description: Manage a mount target of an EFS file system
description:
  - Creates, updates and deletes the address through which one Availability Zone reaches a file system.
  - M(community.aws.efs) manages mount targets as an option of the file system, without check mode.
author:
  - Slipway contributors (@slipway)
options:
  file_system_id:
    description: ID of the file system.
    type: str
    required: true
  subnet_id:
    description: Subnet of the mount target. A file system has one mount target in each Availability Zone.
    type: str
    required: true
  security_group_ids:
    description: Security groups of the mount target. Without them, the VPC's default group.
    type: list
    elements: str
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Way to the models
  slipway.aws.efs_mount_target:
    file_system_id: fs-0123456789abcdef0
    subnet_id: subnet-0123456789abcdef0
    security_group_ids: [sg-0123456789abcdef0]
"""

RETURN = r"""
mount_target:
  description: The mount target, as DescribeMountTargets returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    mount_target_id:
      description: ID of the mount target.
      returned: always, but not when check mode would create it
      type: str
      sample: fsmt-0123456789abcdef0
    ip_address:
      description: Address in the subnet.
      returned: always, but not when check mode would create it
      type: str
      sample: 10.0.64.4
    security_groups:
      description: IDs of its security groups.
      returned: always
      type: list
      elements: str
      sample: [sg-0123456789abcdef0]
"""

import functools
from typing import ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.efs import OfFileSystem
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    State,
    Tags,
    build_module,
    run,
)


class MountTarget(OfFileSystem):
    """A mount target, known by its file system and its subnet."""

    kind = "mount target"
    result = "mount_target"
    keys: ClassVar = {
        "file_system_id": "FileSystemId",
        "subnet_id": "SubnetId",
        "security_group_ids": "SecurityGroups",
    }
    unordered = frozenset({"SecurityGroups"})
    taggable = False

    @property
    def name(self) -> str:
        """It has none of its own."""
        return f"of {self.params['file_system_id']} in {self.params['subnet_id']}"

    def read(self) -> State | None:
        """The mount target in this subnet with its groups, unless it is being deleted."""
        target = super().read()
        if target is None:
            return None
        answer = self.client.describe_mount_target_security_groups(MountTargetId=target["MountTargetId"])
        return {**target, "SecurityGroups": answer.get("SecurityGroups") or []}

    def describe(self) -> State | None:
        """The mount target in this subnet, also while it is being deleted."""
        targets = self.listed("describe_mount_targets", "MountTargets")
        return next((target for target in targets if target["SubnetId"] == self.params["subnet_id"]), None)

    def create(self, desired: State, tags: Tags) -> None:
        """Make it; one that is still being deleted has its place."""
        self.make(functools.partial(self.client.create_mount_target, **desired))

    def update(self, current: State, changes: State) -> None:
        """Give it other groups."""
        self.client.modify_mount_target_security_groups(
            MountTargetId=current["MountTargetId"], SecurityGroups=changes["SecurityGroups"]
        )

    def delete(self, current: State) -> None:
        """Delete it; whoever has mounted the file system by it loses it."""
        self.client.delete_mount_target(MountTargetId=current["MountTargetId"])


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "file_system_id": {"required": True},
            "subnet_id": {"required": True},
            "security_group_ids": {"type": "list", "elements": "str"},
        },
        taggable=False,
    )
    run(MountTarget(module))


if __name__ == "__main__":
    main()
