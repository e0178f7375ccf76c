#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a KMS key and its alias."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kms_key
version_added: 0.1.0
short_description: Manage a KMS key and its alias
description:
  - Creates, updates and deletes a symmetric key with its alias, policy, rotation and tags.
  - M(amazon.aws.kms_key) creates the key and its alias with two calls, and finds keys by their alias only. If it is
    killed between the two, it creates a second key the next time, and the first is forgotten but still paid for. This
    module finds that key by its tags.
  - O(state=present) restores a key that is pending deletion.
author:
  - Slipway contributors (@slipway)
options:
  alias:
    description: Name of the key, without C(alias/).
    type: str
    required: true
  description:
    description: What the key is for.
    type: str
  policy:
    description: The key policy. A new key without one gets AWS's default policy, which leaves it to the account's
      administrators.
    type: dict
  enable_key_rotation:
    description: Whether AWS rotates the key material each year. The key's ARN stays the same.
    type: bool
  pending_window:
    description: With O(state=absent), days until the key, and everything encrypted with it, is lost; 7 to 30.
    type: int
    default: 30
  keep_if_needed:
    description:
      - With O(state=absent), keep the key if an RDS snapshot, a DynamoDB backup or an AWS Backup vault could not be
        read without it.
    type: bool
    default: false
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Key for data at rest
  slipway.aws.kms_key:
    alias: shop-prod-data
    description: Database and cache
    enable_key_rotation: true
    tags: {system: shop, environment: prod, Name: shop-prod-data}
"""

RETURN = r"""
key:
  description: The key, as DescribeKey returns it, in snake_case, with its alias, policy and rotation.
  returned: when state is present
  type: complex
  contains:
    arn:
      description: ARN of the key.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
    key_id:
      description: ID of the key.
      returned: always, but not when check mode would create it
      type: str
      sample: 1234abcd-12ab-34cd-56ef-1234567890ab
    tags:
      description: Tags of the key.
      returned: always
      type: dict
      sample: {system: shop}
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar

# Where it is missing, AnsibleAWSModule says so.
with suppress(ImportError):
    from botocore.exceptions import ClientError

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies

from ansible_collections.slipway.aws.plugins.module_utils.backups import backups_with
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    SETTLES_SECONDS,
    Resource,
    State,
    Tags,
    build_module,
    connect,
    error_code,
    found,
    given,
    retry_while,
    run,
    string_tags,
)

ALIAS = "AliasName"
POLICY = "Policy"
ROTATION = "KeyRotationEnabled"
STATE = "KeyState"
TO_BE_DELETED = "PendingDeletion"


class Key(Resource):
    """A symmetric KMS key."""

    service = "kms"
    kind = "KMS key"
    result = "key"
    keys: ClassVar = {"description": "Description", "policy": POLICY, "enable_key_rotation": ROTATION}
    opaque = (POLICY,)

    @property
    def name(self) -> str:
        """Its alias."""
        return str(self.params["alias"])

    @property
    def alias(self) -> str:
        """Its alias as the API spells it."""
        return f"alias/{self.name}"

    def read(self) -> State | None:
        """The key behind the alias, or the one that an interrupted run left without its alias."""
        answer = found(self.client.describe_key, "NotFoundException", KeyId=self.alias)
        key = {**answer["KeyMetadata"], ALIAS: self.alias} if answer else self._without_alias()
        if key is None or (self.params["state"] == "absent" and key[STATE] == TO_BE_DELETED):
            return None
        return {**key, **self._details(key["KeyId"])}

    def _details(self, key_id: str) -> State:
        details: State = {}
        if self.params["policy"] is not None:
            answer = _when_known(lambda: self.client.get_key_policy(KeyId=key_id, PolicyName="default"))
            details[POLICY] = json.loads(answer["Policy"])
        if self.params["enable_key_rotation"] is not None:
            answer = _when_known(lambda: self.client.get_key_rotation_status(KeyId=key_id))
            details[ROTATION] = answer[ROTATION]
        return details

    def _without_alias(self) -> State | None:
        wanted = string_tags(self.params["tags"])
        if not wanted:
            return None
        aliases = self.client.get_paginator("list_aliases").paginate().build_full_result()["Aliases"]
        named = {alias.get("TargetKeyId") for alias in aliases}
        keys = self.client.get_paginator("list_keys").paginate().build_full_result()["Keys"]
        for key_id in (key["KeyId"] for key in keys if key["KeyId"] not in named):
            # Of somebody else's key nothing may be known, and one that was just made is not known everywhere.
            answer = found(self.client.describe_key, "AccessDeniedException", "NotFoundException", KeyId=key_id)
            key: State = answer["KeyMetadata"] if answer else {}
            usable = bool(key) and key["KeyManager"] == "CUSTOMER" and key[STATE] != TO_BE_DELETED
            if usable and wanted.items() <= self._tags_if_allowed(key).items():
                return {**key, ALIAS: None}
        return None

    def _tags_if_allowed(self, key: State) -> Tags:
        try:
            return self.read_tags(key)
        except ClientError as error:
            if error_code(error) != "AccessDeniedException":
                raise
            return {}

    def desired(self) -> State:
        """What was given; an alias; usable, not waiting for its deletion."""
        return {**given(self.params, self.keys), ALIAS: self.alias, STATE: "Enabled"}

    def differences(self, current: State, desired: State) -> State:
        """AWS gives a policy back in another order."""
        changes = super().differences(current, {key: desired[key] for key in desired if key != POLICY})
        if POLICY in desired and compare_policies(current[POLICY], desired[POLICY]):
            changes[POLICY] = desired[POLICY]
        return changes

    def create(self, desired: State, tags: Tags) -> None:
        """The tags come with the key itself, so that it is found again whatever happens next."""
        fields = {"Description": desired["Description"]} if "Description" in desired else {}
        if POLICY in desired:
            fields[POLICY] = json.dumps(desired[POLICY])
        key = self.client.create_key(**fields, Tags=_tag_list(tags))["KeyMetadata"]
        self.update(key, {field: desired[field] for field in (ALIAS, ROTATION) if desired.get(field)})

    def update(self, current: State, changes: State) -> None:
        """Each attribute has a call of its own."""
        key_id = current["KeyId"]
        if STATE in changes:
            self._enable(current)
        if ALIAS in changes:
            _when_known(lambda: self.client.create_alias(AliasName=self.alias, TargetKeyId=key_id))
        if "Description" in changes:
            self.client.update_key_description(KeyId=key_id, Description=changes["Description"])
        if POLICY in changes:
            self.client.put_key_policy(KeyId=key_id, PolicyName="default", Policy=json.dumps(changes[POLICY]))
        if changes.get(ROTATION):
            _when_known(lambda: self.client.enable_key_rotation(KeyId=key_id))
        elif ROTATION in changes:
            self.client.disable_key_rotation(KeyId=key_id)

    def _enable(self, current: State) -> None:
        if current[STATE] == TO_BE_DELETED:
            self.client.cancel_key_deletion(KeyId=current["KeyId"])
        self.client.enable_key(KeyId=current["KeyId"])

    def ensure_absent(self) -> dict[str, Any]:
        """Delete it, unless backups are to be read with it."""
        current = self.read()
        needing = self._needing(current["Arn"]) if current else []
        if not current or not needing:
            return super().ensure_absent()
        self.module.warn(f"The key {self.name} is kept: without it, nobody could read {', '.join(needing)}.")
        return {"changed": False, self.result: self._described(current, self.read_tags(current))}

    def _needing(self, arn: str) -> list[str]:
        if not self.params["keep_if_needed"]:
            return []
        return backups_with(arn, lambda service: connect(self.module, service))

    def delete(self, current: State) -> None:
        """AWS deletes it, and its alias, when the window has passed."""
        self.client.schedule_key_deletion(KeyId=current["KeyId"], PendingWindowInDays=self.params["pending_window"])

    def read_tags(self, current: State) -> Tags:
        """KMS has its own spelling of tags."""
        pages = self.client.get_paginator("list_resource_tags").paginate(KeyId=current["KeyId"])
        held = _when_known(lambda: pages.build_full_result()["Tags"])
        return {tag["TagKey"]: tag["TagValue"] for tag in held}

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.tag_resource(KeyId=current["KeyId"], Tags=_tag_list(tags))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.untag_resource(KeyId=current["KeyId"], TagKeys=list(keys))


def _when_known(call: Callable[[], Any]) -> Any:
    """Ask for a key that exists: one that was just made is not known everywhere at once."""
    return retry_while(("NotFoundException",), call, SETTLES_SECONDS)


def _tag_list(tags: Tags) -> list[dict[str, str]]:
    return [{"TagKey": name, "TagValue": text} for name, text in tags.items()]


def main() -> None:
    """Run the module."""
    options: dict[str, Any] = {
        "alias": {"required": True},
        "description": {},
        "policy": {"type": "dict"},
        "enable_key_rotation": {"type": "bool"},
        "pending_window": {"type": "int", "default": 30},
        "keep_if_needed": {"type": "bool", "default": False},
    }
    run(Key(build_module(options)))


if __name__ == "__main__":
    main()
