#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a secret whose value Secrets Manager generates once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secretsmanager_generated_secret
version_added: 0.1.0
short_description: Manage a secret whose value is generated once
description:
  - Creates a secret that holds a JSON object with one generated value and optional fixed fields.
  - The value is generated if the secret has none, and never read, shown or replaced afterwards.
  - M(community.aws.secretsmanager_secret) takes the value as an option and reads it back on each run, so everyone who
    provisions must know it.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the secret.
    type: str
    required: true
  generate:
    description: Key of the JSON object that gets the generated value. Required when O(state=present).
    type: str
  fields:
    description: Other keys of the JSON object, for example a user name. Used when the value is generated.
    type: dict
  length:
    description: Number of characters to generate.
    type: int
    default: 32
  exclude_punctuation:
    description: Use letters and digits only; several databases, caches and URLs do not accept some other characters.
    type: bool
    default: true
  description:
    description: What the secret is for.
    type: str
  kms_key_id:
    description: KMS key that encrypts it. Without it, Secrets Manager's own key in this account.
    type: str
  recovery_window:
    description: Days in which a deleted secret can be restored, 7 to 30; V(0) deletes it permanently and immediately.
    type: int
    default: 30
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Master user of the database
  slipway.aws.secretsmanager_generated_secret:
    name: shop-prod-database
    description: Master user of the database
    fields: {username: shop}
    generate: password

- name: Delete it, with a week to change one's mind
  slipway.aws.secretsmanager_generated_secret:
    name: shop-prod-database
    recovery_window: 7
    state: absent
"""

RETURN = r"""
secret:
  description: The secret without its value, as DescribeSecret returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    arn:
      description: ARN of the secret.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop-prod-database-a1b2c3
    name:
      description: Name of the secret.
      returned: always
      type: str
      sample: shop-prod-database
    tags:
      description: Tags of the secret.
      returned: always
      type: dict
      sample: {system: shop}
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    Resource,
    State,
    Tags,
    build_module,
    found,
    retry_while,
    run,
    tags_to_list,
)

# How long the name of a secret that was deleted for good is not free yet, or one that was restored not there yet.
SETTLES_SECONDS = 120


class GeneratedSecret(Resource):
    """A secret that generates its value."""

    service = "secretsmanager"
    kind = "secret"
    result = "secret"
    keys: ClassVar = {"name": "Name", "description": "Description", "kms_key_id": "KmsKeyId"}
    opaque = ("VersionIdsToStages",)

    def read(self) -> State | None:
        """Its description, never its value. A deleted one counts: it can be restored."""
        secret = found(self.client.describe_secret, "ResourceNotFoundException", SecretId=self.name)
        if secret is None or (self.params["state"] == "absent" and secret.get("DeletedDate")):
            return None
        return {**secret, "Deleted": bool(secret.get("DeletedDate")), "HasValue": _has_value(secret)}

    def desired(self) -> State:
        """What was given, not deleted and with a value."""
        return {**super().desired(), "Deleted": False, "HasValue": True}

    def create(self, desired: State, tags: Tags) -> None:
        """At once with its value, so that whoever is killed leaves no secret without one."""
        fields = {key: value for key, value in desired.items() if key not in ("Deleted", "HasValue")}
        fields = {**fields, "SecretString": self._generate(), "Tags": tags_to_list(tags)}
        _once_it_is_free(lambda: self.client.create_secret(**fields))

    def update(self, current: State, changes: State) -> None:
        """Restore, describe and, where an interrupted run left none, generate the value."""
        if "Deleted" in changes:
            self.client.restore_secret(SecretId=self.name)
        fields = {key: changes[key] for key in ("Description", "KmsKeyId") if key in changes}
        if fields:
            _once_it_is_free(lambda: self.client.update_secret(SecretId=self.name, **fields))
        if "HasValue" in changes:
            value = self._generate()
            _once_it_is_free(lambda: self.client.put_secret_value(SecretId=self.name, SecretString=value))

    def delete(self, current: State) -> None:
        """Delete it, for good or with a time to restore it."""
        days = self.params["recovery_window"]
        window = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        self.client.delete_secret(SecretId=self.name, **window)

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.tag_resource(SecretId=self.name, Tags=tags_to_list(tags))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.untag_resource(SecretId=self.name, TagKeys=list(keys))

    def show(self, state: State) -> dict[str, Any]:
        """Without the marks that only this module uses."""
        return super().show({key: state[key] for key in state if key not in ("Deleted", "HasValue")})

    def _generate(self) -> str:
        generated: str = self.client.get_random_password(
            PasswordLength=self.params["length"],
            ExcludePunctuation=self.params["exclude_punctuation"],
            RequireEachIncludedType=True,
        )["RandomPassword"]
        # A plan, which stops at the first write, shows what would be written, but not this.
        self.module.no_log_values.add(generated)
        return json.dumps({**(self.params["fields"] or {}), self.params["generate"]: generated})


def _once_it_is_free(write: Callable[[], Any]) -> Any:
    """Repeat a write while AWS says that the secret is scheduled, or marked, for deletion."""
    return retry_while(("InvalidRequestException",), write, SETTLES_SECONDS, says="for deletion")


def _has_value(secret: State) -> bool:
    stages = secret.get("VersionIdsToStages") or {}
    return any("AWSCURRENT" in labels for labels in stages.values())


def main() -> None:
    """Run the module."""
    run(
        GeneratedSecret(
            build_module(
                {
                    "name": {"required": True},
                    "generate": {},
                    "fields": {"type": "dict"},
                    "length": {"type": "int", "default": 32},
                    "exclude_punctuation": {"type": "bool", "default": True},
                    "description": {},
                    "kms_key_id": {"no_log": False},
                    "recovery_window": {"type": "int", "default": 30},
                },
                required_if=[("state", "present", ("generate",))],
            )
        )
    )


if __name__ == "__main__":
    main()
