# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Backups that nobody could read without a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

# Those that RDS takes by itself go with their database.
LASTING_SNAPSHOTS = ("manual", "awsbackup")


def backups_with(key_arn: str, client: Callable[[str], Any]) -> list[str]:
    """What the key encrypts: snapshots of RDS, backups of DynamoDB, vaults of AWS Backup that are not empty."""
    readers = (_snapshots, _table_backups, _vaults)
    return [name for read in readers for name, key in read(client) if key and _is_same(key, key_arn)]


def _is_same(key: str, arn: str) -> bool:
    """Whether a key that may be named by its id alone is the one with the ARN."""
    return key == arn or arn.endswith(f"/{key}")


def _snapshots(client: Callable[[str], Any]) -> Iterator[tuple[str, str | None]]:
    pages = client("rds").get_paginator("describe_db_snapshots")
    for kind in LASTING_SNAPSHOTS:
        for snapshot in pages.paginate(SnapshotType=kind).build_full_result()["DBSnapshots"]:
            yield f"the snapshot {snapshot['DBSnapshotIdentifier']}", snapshot.get("KmsKeyId")


def _table_backups(client: Callable[[str], Any]) -> Iterator[tuple[str, str | None]]:
    dynamodb = client("dynamodb")
    pages = dynamodb.get_paginator("list_backups")
    for backup in pages.paginate(BackupType="USER").build_full_result().get("BackupSummaries", []):
        described = dynamodb.describe_backup(BackupArn=backup["BackupArn"])["BackupDescription"]
        encryption = described.get("SourceTableFeatureDetails", {}).get("SSEDescription", {})
        yield f"the backup {backup['BackupName']}", encryption.get("KMSMasterKeyArn")


def _vaults(client: Callable[[str], Any]) -> Iterator[tuple[str, str | None]]:
    pages = client("backup").get_paginator("list_backup_vaults")
    for vault in pages.paginate().build_full_result()["BackupVaultList"]:
        if vault["NumberOfRecoveryPoints"]:
            yield f"the backup vault {vault['BackupVaultName']}", vault.get("EncryptionKeyArn")
