"""slipway.aws.kms_key against moto."""

from __future__ import annotations

import unittest.mock
from typing import Any

import boto3
import pytest

from ansible_collections.slipway.aws.plugins.module_utils.backups import backups_with
from tests.support.modules import REGION, Client, Run, first_answers, runner

ALIAS = "alias/shop-data"
OPTIONS: dict[str, Any] = {
    "description": "Data",
    "enable_key_rotation": True,
    "policy": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}],
    },
    "tags": {"system": "shop", "Name": "shop-data"},
}


@pytest.fixture
def client(in_moto: Client) -> Any:
    return in_moto("kms")


@pytest.fixture
def run(client: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("kms_key", capsys, alias="shop-data")


def key(client: Any) -> dict[str, Any]:
    held: dict[str, Any] = client.describe_key(KeyId=ALIAS)["KeyMetadata"]
    return held


def rotates(client: Any) -> bool:
    return bool(client.get_key_rotation_status(KeyId=key(client)["KeyId"])["KeyRotationEnabled"])


def test_makes_a_key_with_everything_and_leaves_it_alone_the_next_time(client: Any, run: Run) -> None:
    made = run(**OPTIONS)["key"]
    assert made["arn"] == key(client)["Arn"]
    assert made["tags"] == OPTIONS["tags"]
    assert rotates(client)
    again = run(**OPTIONS)
    assert not again["changed"]
    assert again["key"]["arn"] == made["arn"]


def test_check_mode_makes_nothing(client: Any, run: Run) -> None:
    assert run(check=True, **OPTIONS)["changed"]
    assert client.list_keys()["Keys"] == []


def test_a_key_that_an_interrupted_run_left_without_its_alias_gets_it(client: Any, run: Run) -> None:
    tags = [{"TagKey": name, "TagValue": value} for name, value in OPTIONS["tags"].items()]
    left = client.create_key(Tags=tags)["KeyMetadata"]
    run(**OPTIONS)
    assert [each["KeyId"] for each in client.list_keys()["Keys"]] == [left["KeyId"]]
    assert key(client)["KeyId"] == left["KeyId"]
    assert key(client)["Description"] == "Data"
    assert rotates(client)


@pytest.mark.parametrize("tags", [[], [{"TagKey": "system", "TagValue": "shop"}]], ids=["no tags", "other tags"])
def test_somebody_elses_key_without_an_alias_is_left_alone(client: Any, run: Run, tags: list[dict[str, str]]) -> None:
    left = client.create_key(Tags=tags)["KeyMetadata"]
    run(**OPTIONS)
    assert key(client)["KeyId"] != left["KeyId"]


@pytest.mark.parametrize(
    "operation", ["CreateAlias", "EnableKeyRotation", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags"]
)
def test_a_key_that_is_not_known_everywhere_yet_is_waited_for(
    client: Any, run: Run, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    first_answers(monkeypatch, **{operation: ["NotFoundException", "NotFoundException"]})
    assert run(**OPTIONS)["changed"] is True
    assert run(**OPTIONS)["changed"] is False


def test_somebody_elses_key_that_is_not_known_everywhere_yet_is_left_alone(
    client: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.create_key(Tags=[{"TagKey": "system", "TagValue": "other"}])
    first_answers(monkeypatch, DescribeKey=["NotFoundException", "NotFoundException"])
    assert run(**OPTIONS)["changed"] is True


@pytest.mark.parametrize("operation", ["DescribeKey", "ListResourceTags"])
def test_a_key_that_nobody_may_know_is_somebody_elses(
    client: Any, run: Run, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    client.create_key(Tags=[{"TagKey": "system", "TagValue": "other"}])
    refusals = (
        ["NotFoundException", "AccessDeniedException"] if operation == "DescribeKey" else ["AccessDeniedException"]
    )
    first_answers(monkeypatch, **{operation: refusals})
    assert run(**OPTIONS)["changed"] is True


def test_a_key_that_waits_for_its_deletion_is_kept(client: Any, run: Run) -> None:
    made = run(**OPTIONS)["key"]
    assert run(state="absent", pending_window=7)["changed"]
    assert not run(state="absent", pending_window=7)["changed"]
    assert key(client)["KeyState"] == "PendingDeletion"
    assert run(**OPTIONS)["key"]["arn"] == made["arn"]
    assert key(client)["KeyState"] == "Enabled"


def test_what_was_changed_by_hand_is_put_right(client: Any, run: Run) -> None:
    run(**OPTIONS)
    client.disable_key_rotation(KeyId=key(client)["KeyId"])
    client.update_key_description(KeyId=key(client)["KeyId"], Description="Other")
    client.untag_resource(KeyId=key(client)["KeyId"], TagKeys=["system"])
    changed = run(**OPTIONS)
    assert changed["diff"]["before"]["description"] == "Other"
    assert rotates(client)
    assert key(client)["Description"] == "Data"
    assert changed["key"]["tags"] == OPTIONS["tags"]


def test_a_policy_with_its_statements_in_another_order_is_the_same(client: Any, run: Run) -> None:
    first, second = ({"Sid": sid, **OPTIONS["policy"]["Statement"][0]} for sid in ("a", "b"))
    run(**OPTIONS | {"policy": {"Version": "2012-10-17", "Statement": [first, second]}})
    again = run(**OPTIONS | {"policy": {"Version": "2012-10-17", "Statement": [second, first]}})
    assert not again["changed"]
    assert run(**OPTIONS)["changed"]


def database(arn: str) -> Any:
    """A database that is encrypted with a key."""
    rds = boto3.client("rds", region_name=REGION)
    rds.create_db_instance(
        DBInstanceIdentifier="shop", Engine="mysql", DBInstanceClass="db.t3.micro", AllocatedStorage=20,
        MasterUsername="shop", MasterUserPassword="not-so-secret-1", StorageEncrypted=True, KmsKeyId=arn,
    )  # fmt: skip
    return rds


def test_a_key_stays_as_long_as_a_snapshot_needs_it(client: Any, run: Run) -> None:
    rds = database(run(**OPTIONS)["key"]["arn"])
    rds.create_db_snapshot(DBInstanceIdentifier="shop", DBSnapshotIdentifier="shop-final")
    rds.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True)
    kept = run(state="absent", keep_if_needed=True)
    assert kept["changed"] is False
    assert "nobody could read the snapshot shop-final" in str(kept["warnings"])
    assert key(client)["KeyState"] == "Enabled"
    rds.delete_db_snapshot(DBSnapshotIdentifier="shop-final")
    assert run(state="absent", keep_if_needed=True)["changed"] is True
    assert key(client)["KeyState"] == "PendingDeletion"


def test_snapshots_that_go_with_their_database_do_not_keep_a_key(client: Any, run: Run) -> None:
    database(run(**OPTIONS)["key"]["arn"])
    assert run(state="absent", keep_if_needed=True)["changed"] is True


def test_a_key_that_a_snapshot_needs_goes_where_that_is_not_asked(client: Any, run: Run) -> None:
    rds = database(run(**OPTIONS)["key"]["arn"])
    rds.create_db_snapshot(DBInstanceIdentifier="shop", DBSnapshotIdentifier="shop-final")
    assert run(state="absent")["changed"] is True


class Paged:
    """A client whose listings are one page."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def get_paginator(self, operation: str) -> Any:
        pages = unittest.mock.Mock()
        pages.paginate.return_value.build_full_result.return_value = self._answers[operation]
        return pages

    def describe_backup(self, **_asked: Any) -> Any:
        return self._answers["describe_backup"]


@pytest.mark.parametrize("encrypted", [True, False])
def test_vaults_and_backups_of_tables_need_their_key_too(encrypted: bool) -> None:
    arn = "arn:aws:kms:eu-central-1:123456789012:key/one"
    used = arn if encrypted else "arn:aws:kms:eu-central-1:123456789012:key/two"
    vaults = [
        {"BackupVaultName": "full", "NumberOfRecoveryPoints": 3, "EncryptionKeyArn": used},
        {"BackupVaultName": "empty", "NumberOfRecoveryPoints": 0, "EncryptionKeyArn": arn},
    ]
    features = {"SourceTableFeatureDetails": {"SSEDescription": {"KMSMasterKeyArn": used}}}
    clients = {
        "rds": Paged(describe_db_snapshots={"DBSnapshots": []}),
        "dynamodb": Paged(
            list_backups={"BackupSummaries": [{"BackupArn": "arn:b", "BackupName": "items-final"}]},
            describe_backup={"BackupDescription": features},
        ),
        "backup": Paged(list_backup_vaults={"BackupVaultList": vaults}),
    }
    needing = ["the backup items-final", "the backup vault full"] if encrypted else []
    assert backups_with(arn, clients.__getitem__) == needing
