#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage what a plan of AWS Backup backs up."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_selection
version_added: 0.1.0
short_description: Manage what a plan of AWS Backup backs up
description:
  - Creates, updates and deletes a resource selection of a backup plan.
  - M(amazon.aws.backup_selection) fails if its plan does not exist, even in check mode and with O(state=absent),
    compares conditions as text, so that a different order counts as a change, and finds nothing beyond the first page.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the selection.
    type: str
    required: true
  plan_id:
    description: ID of the plan.
    type: str
    required: true
  iam_role_arn:
    description: Role that AWS Backup acts as. Required when O(state=present).
    type: str
  resources:
    description: ARNs of resources; C(*) is allowed. Required when O(state=present).
    type: list
    elements: str
  not_resources:
    description: ARNs of resources to leave out.
    type: list
    elements: str
  resource_tags:
    description: Tags that a resource must have, all of them.
    type: dict
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Every file system of shop in prod
  slipway.aws.backup_selection:
    name: shop-prod
    plan_id: 1111f877-1ecf-4d79-9718-a861cd09df3b
    iam_role_arn: arn:aws:iam::123456789012:role/shop-prod-backup
    resources: ["arn:aws:elasticfilesystem:*:*:file-system/*"]
    resource_tags: {system: shop, environment: prod}
"""

RETURN = r"""
selection:
  description: The selection, as GetBackupSelection returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    selection_id:
      description: ID of the selection. Each change creates a new one.
      returned: always, but not when check mode would create it
      type: str
      sample: 1111c217-5d71-4a55-8728-5fc4e63d437b
    resource_tags:
      description: Tags that a resource must have.
      returned: when they were given
      type: dict
      sample: {system: shop}
"""

from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    Resource,
    State,
    Tags,
    build_module,
    found,
    run,
    string_tags,
)

TAG = "aws:ResourceTag/"


class Selection(Resource):
    """A selection; its conditions are kept as the tags that they ask for."""

    service = "backup"
    kind = "backup selection"
    result = "selection"
    keys: ClassVar = {
        "name": "SelectionName",
        "iam_role_arn": "IamRoleArn",
        "resources": "Resources",
        "not_resources": "NotResources",
    }
    unordered = frozenset({"Resources", "NotResources"})
    opaque = ("ResourceTags",)
    taggable = False

    def read(self) -> State | None:
        """The selection of this name; there is none where there is no plan."""
        plan = {"BackupPlanId": self.params["plan_id"]}
        pages = self.client.get_paginator("list_backup_selections")
        answer = found(lambda: pages.paginate(**plan).build_full_result(), "ResourceNotFoundException")
        entries = answer["BackupSelectionsList"] if answer else []
        entry = next((each for each in entries if each["SelectionName"] == self.name), None)
        if entry is None:
            return None
        selection = self.client.get_backup_selection(**plan, SelectionId=entry["SelectionId"])["BackupSelection"]
        return {**selection, "SelectionId": entry["SelectionId"], "ResourceTags": tags_of(selection)}

    def desired(self) -> State:
        """The options in the API's spelling, but for the tags."""
        tags = string_tags(self.params["resource_tags"])
        return {**super().desired(), **({} if tags is None else {"ResourceTags": tags})}

    def differences(self, current: State, desired: State) -> State:
        """A condition more is a difference too."""
        changes = super().differences(current, desired)
        if desired.get("ResourceTags", current["ResourceTags"]) != current["ResourceTags"]:
            changes["ResourceTags"] = desired["ResourceTags"]
        return changes

    def create(self, desired: State, tags: Tags) -> None:
        """Make it."""
        fields = {field: value for field, value in desired.items() if field != "ResourceTags"}
        conditions = [
            {"ConditionKey": TAG + key, "ConditionValue": value}
            for key, value in desired.get("ResourceTags", {}).items()
        ]
        if conditions:
            fields["Conditions"] = {"StringEquals": conditions}
        self.client.create_backup_selection(BackupPlanId=self.params["plan_id"], BackupSelection=fields)

    def update(self, current: State, changes: State) -> None:
        """AWS changes none: it is made anew."""
        self.delete(current)
        kept = ("SelectionName", "IamRoleArn", "Resources", "NotResources", "ResourceTags")
        self.create({**{field: current[field] for field in kept if current.get(field)}, **changes}, {})

    def delete(self, current: State) -> None:
        """Delete it; backups that exist stay."""
        self.client.delete_backup_selection(BackupPlanId=self.params["plan_id"], SelectionId=current["SelectionId"])


def tags_of(selection: State) -> dict[str, Any]:
    """The tags that the conditions of a selection ask for."""
    equals = (selection.get("Conditions") or {}).get("StringEquals") or []
    return {each["ConditionKey"].removeprefix(TAG): each["ConditionValue"] for each in equals}


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "plan_id": {"required": True},
            "iam_role_arn": {},
            "resources": {"type": "list", "elements": "str"},
            "not_resources": {"type": "list", "elements": "str"},
            "resource_tags": {"type": "dict"},
        },
        taggable=False,
        required_if=[("state", "present", ("iam_role_arn", "resources"))],
    )
    run(Selection(module))


if __name__ == "__main__":
    main()
