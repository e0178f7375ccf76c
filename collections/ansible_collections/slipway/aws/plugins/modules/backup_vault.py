#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a vault of AWS Backup."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_vault
version_added: 0.1.0
short_description: Manage a vault of AWS Backup and its lock
description:
  - Creates, locks, tags and deletes a backup vault.
  - M(amazon.aws.backup_vault) cannot lock a vault, does not notice when the vault has a different key, and fails with
    AWS's error for a vault that has recovery points.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the vault.
    type: str
    required: true
  kms_key_arn:
    description: ARN of the key that encrypts backups. Without it, AWS Backup's own key. Cannot be changed.
    type: str
  lock:
    description:
      - Who may shorten the retention of a backup or delete it early.
      - V(none) leaves that to permissions, V(governance) to those who may remove the lock.
      - V(compliance) allows it to nobody, AWS included, and cannot be removed after O(cooling_off_days).
    type: str
    choices: [none, governance, compliance]
  min_retention_days:
    description: With a lock, backups with a shorter retention are refused.
    type: int
  max_retention_days:
    description: With a lock, backups with a longer retention are refused.
    type: int
  cooling_off_days:
    description: Days during which V(compliance) can still be removed; at least 3.
    type: int
    default: 3
  recovery_points:
    description:
      - What happens to the backups in a vault that is to be deleted.
      - V(refuse) only deletes an empty vault, V(keep) leaves a vault with backups as it is, V(delete) deletes them.
    type: str
    choices: [refuse, keep, delete]
    default: refuse
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Vault from which nobody deletes early by mistake
  slipway.aws.backup_vault:
    name: shop-prod
    lock: governance
    min_retention_days: 7

- name: No vault, if it is empty
  slipway.aws.backup_vault:
    name: shop-dev
    state: absent
"""

RETURN = r"""
kept:
  description: That it was not deleted, for the backups in it.
  returned: when it was kept
  type: bool
vault:
  description: The vault, as ListBackupVaults returns it, in snake_case.
  returned: when state is present, and when it was kept
  type: complex
  contains:
    backup_vault_arn:
      description: ARN of the vault.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:backup:eu-central-1:123456789012:backup-vault:shop-prod
    backup_vault_name:
      description: Name of the vault.
      returned: always
      type: str
      sample: shop-prod
    locked:
      description: Whether it has a lock.
      returned: always, but not when check mode would create it
      type: bool
    number_of_recovery_points:
      description: How many backups it holds.
      returned: always, but not when check mode would create it
      type: int
    tags:
      description: Tags of the vault.
      returned: always
      type: dict
      sample: {system: shop}
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    Resource,
    State,
    Tags,
    build_module,
    run,
    wait_until,
)

LOCK = ("Lock", "MinRetentionDays", "MaxRetentionDays")


class Vault(Resource):
    """A vault; its lock is a field beside those that AWS lists."""

    service = "backup"
    kind = "backup vault"
    result = "vault"
    keys: ClassVar = {
        "name": "BackupVaultName",
        "kms_key_arn": "EncryptionKeyArn",
        "lock": "Lock",
        "min_retention_days": "MinRetentionDays",
        "max_retention_days": "MaxRetentionDays",
    }
    immutable = frozenset({"EncryptionKeyArn"})

    def read(self) -> State | None:
        """The vault of this name. Asked for by name, AWS denies access to one that does not exist."""
        vaults = self.client.get_paginator("list_backup_vaults").paginate().build_full_result()["BackupVaultList"]
        vault = next((each for each in vaults if each["BackupVaultName"] == self.name), None)
        return {**vault, "Lock": lock_of(vault)} if vault else None

    def check(self, current: State | None, desired: State) -> None:
        """Refuse what AWS would refuse in other words."""
        limits = desired.keys() & {"MinRetentionDays", "MaxRetentionDays"}
        if limits and desired.get("Lock", "none") == "none":
            raise RefusedError("min_retention_days and max_retention_days need lock: governance or compliance.")
        if self.params["cooling_off_days"] < 3:
            raise RefusedError("cooling_off_days: AWS requires at least 3.")
        if current and current["Lock"] == "compliance" and desired.get("Lock", "compliance") != "compliance":
            raise RefusedError(
                f"lock: the backup vault {self.name} is in compliance mode, which becomes permanent on"
                f" {current['LockDate']}. Until then, it can be removed by hand."
            )

    def differences(self, current: State, desired: State) -> State:
        """A lock is set as a whole."""
        changes = super().differences(current, desired)
        if not changes.keys() & set(LOCK):
            return changes
        return {**changes, **{field: desired[field] for field in LOCK if field in desired}}

    def create(self, desired: State, tags: Tags) -> None:
        """Make it, then lock it."""
        fields = {field: value for field, value in desired.items() if field not in LOCK}
        self.client.create_backup_vault(**fields, BackupVaultTags=tags)
        if desired.get("Lock", "none") != "none":
            self._lock(desired)

    def update(self, current: State, changes: State) -> None:
        """Lock or unlock it."""
        if changes.get("Lock", current["Lock"]) == "none":
            self.client.delete_backup_vault_lock_configuration(BackupVaultName=self.name)
        else:
            self._lock({"Lock": current["Lock"], **changes})

    def _lock(self, fields: State) -> None:
        arguments = {field: value for field, value in fields.items() if field in LOCK and field != "Lock"}
        if fields["Lock"] == "compliance":
            arguments["ChangeableForDays"] = self.params["cooling_off_days"]
        self.client.put_backup_vault_lock_configuration(BackupVaultName=self.name, **arguments)

    def ensure_absent(self) -> dict[str, Any]:
        """Delete it, unless it holds backups that are to be kept."""
        current = self.read()
        if current and current["NumberOfRecoveryPoints"] and self.params["recovery_points"] != "delete":
            held = f"The backup vault {self.name} holds {current['NumberOfRecoveryPoints']} recovery points"
            if self.params["recovery_points"] == "refuse":
                raise RefusedError(f"{held}. To delete them as well, set recovery_points: delete.")
            self.module.warn(f"{held} and is kept.")
            return {"changed": False, "kept": True, self.result: self._described(current, self.read_tags(current))}
        return super().ensure_absent()

    def delete(self, current: State) -> None:
        """Delete its backups, which the options allow, and then the vault; governance lets who may unlock it."""
        if current["Lock"] == "governance":
            self.client.delete_backup_vault_lock_configuration(BackupVaultName=self.name)
        for point in self._recovery_points():
            self.client.delete_recovery_point(BackupVaultName=self.name, RecoveryPointArn=point["RecoveryPointArn"])
        wait_until(
            lambda: not self._recovery_points(),
            self.params["wait_timeout"],
            f"the recovery points of the backup vault {self.name} are deleted",
        )
        self.client.delete_backup_vault(BackupVaultName=self.name)

    def _recovery_points(self) -> list[State]:
        pages = self.client.get_paginator("list_recovery_points_by_backup_vault")
        return list(pages.paginate(BackupVaultName=self.name).build_full_result()["RecoveryPoints"])

    def read_tags(self, current: State) -> Tags:
        """Tags of the vault."""
        return dict(self.client.list_tags(ResourceArn=current["BackupVaultArn"]).get("Tags", {}))

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.tag_resource(ResourceArn=current["BackupVaultArn"], Tags=tags)

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.untag_resource(ResourceArn=current["BackupVaultArn"], TagKeyList=list(keys))


def lock_of(vault: State) -> str:
    """The kind of lock: only compliance mode has a date on which it begins for good."""
    if not vault.get("Locked"):
        return "none"
    return "compliance" if vault.get("LockDate") else "governance"


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "kms_key_arn": {"no_log": False},
            "lock": {"choices": ["none", "governance", "compliance"]},
            "min_retention_days": {"type": "int"},
            "max_retention_days": {"type": "int"},
            "cooling_off_days": {"type": "int", "default": 3},
            "recovery_points": {"choices": ["refuse", "keep", "delete"], "default": "refuse"},
        }
    )
    run(Vault(module))


if __name__ == "__main__":
    main()
