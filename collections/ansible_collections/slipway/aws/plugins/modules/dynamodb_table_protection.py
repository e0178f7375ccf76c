#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage what protects a DynamoDB table."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynamodb_table_protection
version_added: 0.1.0
short_description: Manage the protection of a DynamoDB table
description:
  - Sets a table's point-in-time recovery, its encryption key and its deletion protection.
  - M(community.aws.dynamodb_table) creates tables, but supports none of the three, and neither does any other upstream
    module.
  - O(state=absent) makes the table deletable, after a final backup if O(final_backup) names one. The table itself
    stays.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the table.
    type: str
    required: true
  point_in_time_recovery:
    description: Allow the table to be restored as it was at any second.
    type: bool
  recovery_period_days:
    description: How many days back, from 1 to 35. The default of AWS is 35.
    type: int
  kms_key_arn:
    description: Key that encrypts the table. Empty for a key that AWS owns.
    type: str
  deletion_protection:
    description: Refuse to delete the table.
    type: bool
  final_backup:
    description: With O(state=absent), name of a backup to take, and to wait for, before the protection is removed.
    type: str
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Any second of the last 35 days can be brought back
  slipway.aws.dynamodb_table_protection:
    name: shop-prod-items
    point_in_time_recovery: true
    deletion_protection: true

- name: The table may go, once a backup of it exists
  slipway.aws.dynamodb_table_protection:
    name: shop-prod-items
    final_backup: shop-prod-items-final
    state: absent
"""

RETURN = r"""
protection:
  description: What protects the table.
  returned: when state is present
  type: complex
  contains:
    deletion_protection_enabled:
      description: Whether AWS refuses to delete it.
      returned: always
      type: bool
      sample: true
    point_in_time_recovery:
      description: Whether the table can be restored as of any second, and for how many days back.
      returned: always
      type: dict
      sample: {point_in_time_recovery_enabled: true, recovery_period_in_days: 35}
    kms_key_arn:
      description: Key that encrypts the table; empty for a key that AWS owns.
      returned: always
      type: str
      sample: arn:aws:kms:eu-central-1:123456789012:key/12345678-1234-1234-1234-123456789012
"""

from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    Resource,
    State,
    Tags,
    build_module,
    found,
    retry_while,
    run,
    wait_until,
)

RECOVERY = "PointInTimeRecovery"
LONGEST_RECOVERY = 35


class Protection(Resource):
    """Point-in-time recovery, key and deletion protection of a table that another module makes."""

    service = "dynamodb"
    kind = "protection of the table"
    result = "protection"
    taggable = False

    def read(self) -> State | None:
        """What protects the table; nothing does when it is not there, or may be deleted and only that matters."""
        table = self._table()
        if table is None:
            return None
        protected = bool(table.get("DeletionProtectionEnabled"))
        if self.params["state"] == "absent" and not (protected or self.params["final_backup"]):
            return None
        answer = self.client.describe_continuous_backups(TableName=self.name)
        recovery = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        return {
            "DeletionProtectionEnabled": protected,
            RECOVERY: {
                "PointInTimeRecoveryEnabled": recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
                "RecoveryPeriodInDays": recovery.get("RecoveryPeriodInDays", LONGEST_RECOVERY),
            },
            "KmsKeyArn": _key(table),
        }

    def desired(self) -> State:
        """The options as fields of their own, since AWS has a call for each."""
        desired: State = {}
        if self.params["deletion_protection"] is not None:
            desired["DeletionProtectionEnabled"] = self.params["deletion_protection"]
        if self.params["point_in_time_recovery"] is not None:
            desired[RECOVERY] = {"PointInTimeRecoveryEnabled": self.params["point_in_time_recovery"]}
            if self.params["point_in_time_recovery"] and self.params["recovery_period_days"] is not None:
                desired[RECOVERY]["RecoveryPeriodInDays"] = self.params["recovery_period_days"]
        if self.params["kms_key_arn"] is not None:
            desired["KmsKeyArn"] = self.params["kms_key_arn"]
        return desired

    def create(self, desired: State, tags: Tags) -> None:
        """Nothing protects a table that is not there."""
        raise RefusedError(f"The table {self.name} does not exist. Create it first, with community.aws.dynamodb_table.")

    def update(self, current: State, changes: State) -> None:
        """One call for each, since a table takes only one change of itself at a time."""
        if "KmsKeyArn" in changes:
            key = changes["KmsKeyArn"]
            wanted = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key} if key else {"Enabled": False}
            self._update_table(SSESpecification=wanted)
        if "DeletionProtectionEnabled" in changes:
            self._update_table(DeletionProtectionEnabled=changes["DeletionProtectionEnabled"])
        if RECOVERY in changes:
            # A table that was just made has no continuous backups for some seconds.
            retry_while(
                ["ContinuousBackupsUnavailableException"],
                lambda: self.client.update_continuous_backups(
                    TableName=self.name, PointInTimeRecoverySpecification=changes[RECOVERY]
                ),
                self.params["wait_timeout"],
            )

    def delete(self, current: State) -> None:
        """Let the table be deleted, with a backup of it at hand if one was asked for."""
        if self.params["final_backup"]:
            self._back_up()
        if current["DeletionProtectionEnabled"]:
            self._update_table(DeletionProtectionEnabled=False)

    def wait_ready(self) -> None:
        """A table that changes its key is not to be changed in another way meanwhile."""
        wait_until(self._is_ready, self.params["wait_timeout"], f"the table {self.name} is active")

    def _table(self) -> State | None:
        answer = found(self.client.describe_table, "ResourceNotFoundException", TableName=self.name)
        return answer["Table"] if answer else None

    def _is_ready(self) -> bool:
        table = self._table() or {}
        return table.get("TableStatus") == "ACTIVE" and table.get("SSEDescription", {}).get("Status") != "UPDATING"

    def _update_table(self, **change: Any) -> None:
        # A table may say that it is active when it is not yet, since AWS answers from what it knew a moment ago.
        retry_while(
            ("ResourceInUseException",),
            lambda: self.client.update_table(TableName=self.name, **change),
            self.params["wait_timeout"],
        )
        self.wait_ready()

    def _back_up(self) -> None:
        name = self.params["final_backup"]
        arn = self.client.create_backup(TableName=self.name, BackupName=name)["BackupDetails"]["BackupArn"]

        def is_there() -> bool:
            details = self.client.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
            if details["BackupStatus"] == "DELETED":
                raise RefusedError(f"The backup {name} of the table {self.name} disappeared, so the table is kept.")
            return bool(details["BackupStatus"] == "AVAILABLE")

        wait_until(is_there, self.params["wait_timeout"], f"the backup {name} of the table {self.name} is available")


def _key(table: State) -> str:
    encryption = table.get("SSEDescription", {})
    return str(encryption.get("KMSMasterKeyArn", "")) if encryption.get("Status") in ("ENABLED", "UPDATING") else ""


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "point_in_time_recovery": {"type": "bool"},
            "recovery_period_days": {"type": "int"},
            "kms_key_arn": {"no_log": False},
            "deletion_protection": {"type": "bool"},
            "final_backup": {},
        },
        taggable=False,
    )
    run(Protection(module))


if __name__ == "__main__":
    main()
