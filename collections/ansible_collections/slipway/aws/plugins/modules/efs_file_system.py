#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage an EFS file system."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_file_system
version_added: 0.1.0
short_description: Manage an EFS file system
description:
  - Creates, updates and deletes a file system with its lifecycle rules and its policy.
  - M(community.aws.efs) uses deprecated operations for tags, and supports neither check mode nor a policy nor archive
    storage, and only one lifecycle rule.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description:
      - Name of the file system, at most 64 characters. It is used as the creation token, so AWS refuses a second one.
      - For the console, give it as the tag Name as well.
    type: str
    required: true
  performance_mode:
    description: V(maxIO) scales to thousands of clients but has a higher latency. Cannot be changed.
    type: str
    choices: [generalPurpose, maxIO]
  throughput_mode:
    description: How throughput is determined - by size, by use, or by O(provisioned_throughput).
    type: str
    choices: [bursting, elastic, provisioned]
  provisioned_throughput:
    description: MiB per second. Required with O(throughput_mode=provisioned).
    type: float
  encrypted:
    description: Encryption at rest. Cannot be changed.
    type: bool
    default: true
  kms_key_arn:
    description: ARN of the key that encrypts it. Without it, EFS's own key in this account. Cannot be changed.
    type: str
  lifecycle:
    description: Where files that nobody reads are moved. Rules that are not listed are removed.
    type: dict
    suboptions:
      transition_to_ia:
        description: When files move to the infrequent access class, for example V(AFTER_30_DAYS).
        type: str
      transition_to_archive:
        description: When files move to the archive class, for example V(AFTER_90_DAYS).
        type: str
      transition_to_primary_storage_class:
        description: V(AFTER_1_ACCESS) moves them back.
        type: str
  policy:
    description:
      - Policy of the file system. Each statement needs a C(Sid), because AWS makes one up otherwise; a statement
        without C(Resource) applies to this file system.
      - V({}) removes the policy.
    type: dict
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Models, of which old ones cost little
  slipway.aws.efs_file_system:
    name: shop-prod-models
    throughput_mode: bursting
    lifecycle: {transition_to_ia: AFTER_30_DAYS}
    tags: {Name: shop-prod-models}

- name: No file system
  slipway.aws.efs_file_system:
    name: shop-prod-models
    state: absent
"""

RETURN = r"""
file_system:
  description: The file system, as DescribeFileSystems returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    file_system_arn:
      description: ARN of the file system.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/fs-0123456789abcdef0
    file_system_id:
      description: ID of the file system.
      returned: always, but not when check mode would create it
      type: str
      sample: fs-0123456789abcdef0
    lifecycle_policies:
      description: Its lifecycle rules.
      returned: when they were given
      type: list
      elements: dict
      sample: [{transition_to_ia: AFTER_30_DAYS}]
    tags:
      description: Tags of the file system.
      returned: always
      type: dict
      sample: {system: shop}
"""

import json
from typing import Any, ClassVar

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies

from ansible_collections.slipway.aws.plugins.module_utils.efs import EfsResource
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    State,
    Tags,
    build_module,
    found,
    run,
    tags_to_list,
)

RULES = {
    "transition_to_ia": "TransitionToIA",
    "transition_to_archive": "TransitionToArchive",
    "transition_to_primary_storage_class": "TransitionToPrimaryStorageClass",
}
THROUGHPUT = ("ThroughputMode", "ProvisionedThroughputInMibps")


class FileSystem(EfsResource):
    """A file system; its lifecycle rules and its policy are fields beside those that AWS describes."""

    identifier = "FileSystemId"
    kind = "file system"
    result = "file_system"
    keys: ClassVar = {
        "name": "CreationToken",
        "performance_mode": "PerformanceMode",
        "throughput_mode": "ThroughputMode",
        "provisioned_throughput": "ProvisionedThroughputInMibps",
        "encrypted": "Encrypted",
        "kms_key_arn": "KmsKeyId",
        "policy": "Policy",
    }
    immutable = frozenset({"PerformanceMode", "Encrypted", "KmsKeyId"})
    unordered = frozenset({"LifecyclePolicies"})
    opaque = ("Policy",)

    def read(self) -> State | None:
        """The file system of this name, unless it is being deleted."""
        current = self.describe()
        if current is None or current["LifeCycleState"] == "deleting":
            return None
        if self.params["lifecycle"] is not None:
            answer = self.client.describe_lifecycle_configuration(FileSystemId=current["FileSystemId"])
            current["LifecyclePolicies"] = answer["LifecyclePolicies"]
        if self.params["policy"] is not None:
            answer = found(
                self.client.describe_file_system_policy, "PolicyNotFound", FileSystemId=current["FileSystemId"]
            )
            current["Policy"] = json.loads(answer["Policy"]) if answer else {}
        return current

    def describe(self) -> State | None:
        systems = self.client.describe_file_systems(CreationToken=self.name)["FileSystems"]
        return next((dict(system) for system in systems if system["LifeCycleState"] != "deleted"), None)

    def desired(self) -> State:
        """The options in the API's spelling; each lifecycle rule is an entry of its own there."""
        desired = super().desired()
        rules = self.params["lifecycle"]
        if rules is not None:
            desired["LifecyclePolicies"] = [{RULES[rule]: when} for rule, when in rules.items() if when]
        return desired

    def check(self, current: State | None, desired: State) -> None:
        """Refuse what AWS would refuse in other words, and statements whose name AWS would invent."""
        nameless = [each for each in statements(desired.get("Policy") or {}) if not each.get("Sid")]
        if nameless:
            raise RefusedError(f"policy: a statement has no Sid: {json.dumps(nameless[0])}")
        if desired.get("ThroughputMode") == "provisioned" and not desired.get("ProvisionedThroughputInMibps"):
            raise RefusedError("throughput_mode: provisioned needs provisioned_throughput.")

    def differences(self, current: State, desired: State) -> State:
        """Policies are equal when they mean the same."""
        changes = super().differences(current, {key: desired[key] for key in desired if key != "Policy"})
        if "Policy" in desired and _differ(current["Policy"], complete(desired["Policy"], current["FileSystemArn"])):
            changes["Policy"] = desired["Policy"]
        return changes

    def create(self, desired: State, tags: Tags) -> None:
        """Make it, then set its rules and its policy, which AWS takes only of one that is available."""
        if self.describe() is not None:
            self.wait_gone()
        later = {"LifecyclePolicies", "Policy"}
        fields = {field: value for field, value in desired.items() if field not in later}
        made = self.client.create_file_system(**fields, Tags=tags_to_list(tags))
        self.wait_ready()
        self._set(made, {field: value for field, value in desired.items() if field in later and value})

    def update(self, current: State, changes: State) -> None:
        """Set what differs, once whoever made it has ended."""
        self.wait_ready()
        throughput = {field: changes[field] for field in THROUGHPUT if field in changes}
        if throughput:
            mode = changes.get("ThroughputMode", current["ThroughputMode"])
            arguments = {**throughput, "ThroughputMode": mode}
            self.client.update_file_system(FileSystemId=current["FileSystemId"], **arguments)
        self._set(current, changes)

    def _set(self, current: State, changes: State) -> None:
        name = current["FileSystemId"]
        if "LifecyclePolicies" in changes:
            self.client.put_lifecycle_configuration(FileSystemId=name, LifecyclePolicies=changes["LifecyclePolicies"])
        if changes.get("Policy"):
            policy = complete(changes["Policy"], current["FileSystemArn"])
            self.client.put_file_system_policy(FileSystemId=name, Policy=json.dumps(policy))
        elif "Policy" in changes:
            self.client.delete_file_system_policy(FileSystemId=name)

    def delete(self, current: State) -> None:
        """Delete it with all its files."""
        self.client.delete_file_system(FileSystemId=current["FileSystemId"])


def statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy; one alone may stand without a list."""
    found_ones = policy.get("Statement", [])
    return [found_ones] if isinstance(found_ones, dict) else list(found_ones)


def complete(policy: dict[str, Any], arn: str) -> dict[str, Any]:
    """The policy with the file system as the resource of each statement that names none."""
    if not policy:
        return {}
    return {**policy, "Statement": [{"Resource": arn, **statement} for statement in statements(policy)]}


def _differ(current: dict[str, Any], wanted: dict[str, Any]) -> bool:
    if not current or not wanted:
        return bool(current) != bool(wanted)
    # AWS numbers a policy that has no Id.
    return bool(compare_policies({key: current[key] for key in current if key != "Id"}, wanted, "2012-10-17"))


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "performance_mode": {"choices": ["generalPurpose", "maxIO"]},
            "throughput_mode": {"choices": ["bursting", "elastic", "provisioned"]},
            "provisioned_throughput": {"type": "float"},
            "encrypted": {"type": "bool", "default": True},
            "kms_key_arn": {"no_log": False},
            "lifecycle": {"type": "dict", "options": {rule: {} for rule in RULES}},
            "policy": {"type": "dict"},
        }
    )
    run(FileSystem(module))


if __name__ == "__main__":
    main()
