#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage an access point of an EFS file system."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_access_point
version_added: 0.1.0
short_description: Manage an access point of an EFS file system
description:
  - Creates, tags and deletes an entry point into one directory of a file system, as one user.
  - Neither amazon.aws nor community.aws has a module for this.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the access point, at most 64 characters. AWS refuses a second one of the same name.
    type: str
    required: true
  file_system_id:
    description: ID of the file system.
    type: str
    required: true
  path:
    description: Directory that clients see as the root. Created on first access. Cannot be changed.
    type: str
    default: /
  uid:
    description: User ID for all access, and owner of a directory that is created. Cannot be changed.
    type: int
    default: 1000
  gid:
    description: Group ID of that user. Cannot be changed.
    type: int
    default: 1000
  permissions:
    description: Permissions of a directory that is created, in octal. Cannot be changed.
    type: str
    default: "750"
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: The models, for the API only
  slipway.aws.efs_access_point:
    name: shop-prod-models
    file_system_id: fs-0123456789abcdef0
    path: /models
    uid: 10001
    gid: 10001
"""

RETURN = r"""
access_point:
  description: The access point, as DescribeAccessPoints returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    access_point_arn:
      description: ARN of the access point.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:elasticfilesystem:eu-central-1:123456789012:access-point/fsap-0123456789abcdef0
    access_point_id:
      description: ID of the access point.
      returned: always, but not when check mode would create it
      type: str
      sample: fsap-0123456789abcdef0
    tags:
      description: Tags of the access point.
      returned: always
      type: dict
      sample: {system: shop}
"""

import functools
from typing import ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.efs import OfFileSystem
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    State,
    Tags,
    build_module,
    run,
    tags_to_list,
)


class AccessPoint(OfFileSystem):
    """An access point, known by its client token."""

    identifier = "AccessPointId"
    kind = "access point"
    result = "access_point"
    keys: ClassVar = {"name": "ClientToken", "file_system_id": "FileSystemId"}
    immutable = frozenset({"PosixUser", "RootDirectory"})

    def describe(self) -> State | None:
        """The access point of this name, also while it is being deleted."""
        points = self.listed("describe_access_points", "AccessPoints")
        return next((point for point in points if point["ClientToken"] == self.name), None)

    def desired(self) -> State:
        """The options in the API's spelling."""
        owner, group = self.params["uid"], self.params["gid"]
        root: State = {"Path": self.params["path"]}
        if self.params["path"] != "/":
            root["CreationInfo"] = {
                "OwnerUid": owner,
                "OwnerGid": group,
                "Permissions": self.params["permissions"],
            }
        return {**super().desired(), "PosixUser": {"Uid": owner, "Gid": group}, "RootDirectory": root}

    def create(self, desired: State, tags: Tags) -> None:
        """Make it."""
        self.make(functools.partial(self.client.create_access_point, **desired, Tags=tags_to_list(tags)))

    def delete(self, current: State) -> None:
        """Delete it; its directory stays."""
        self.client.delete_access_point(AccessPointId=current["AccessPointId"])


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "file_system_id": {"required": True},
            "path": {"default": "/"},
            "uid": {"type": "int", "default": 1000},
            "gid": {"type": "int", "default": 1000},
            "permissions": {"default": "750"},
        }
    )
    run(AccessPoint(module))


if __name__ == "__main__":
    main()
