"""slipway.aws.rds_last_snapshot: a snapshot is taken against moto, and what is wrong with one is told apart."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from ansible_collections.slipway.aws.plugins.modules import rds_last_snapshot
from tests.support.modules import REGION, Client, Run, first_answers, runner

INSTANCE = {
    "DBInstanceIdentifier": "shop", "Engine": "mysql", "EngineVersion": "8.0.40", "AllocatedStorage": 20,
    "StorageEncrypted": True, "KmsKeyId": "arn:key",
}  # fmt: skip
SNAPSHOT = {
    "DBInstanceIdentifier": "shop", "Engine": "mysql", "EngineVersion": "8.0.40", "AllocatedStorage": 20,
    "Encrypted": True, "KmsKeyId": "arn:key", "Status": "available", "PercentProgress": 100,
}  # fmt: skip


@pytest.fixture
def rds(in_moto: Client) -> Any:
    return in_moto("rds")


@pytest.fixture
def take(rds: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("rds_last_snapshot", capsys, db_instance_identifier="shop", db_snapshot_identifier="shop-final")


def database(rds: Any, **fields: Any) -> None:
    rds.create_db_instance(
        DBInstanceIdentifier="shop", Engine="mysql", DBInstanceClass="db.t3.micro", AllocatedStorage=20,
        MasterUsername="shop", MasterUserPassword="not-so-secret-1", **fields,
    )  # fmt: skip


def snapshots(rds: Any) -> list[str]:
    return [each["DBSnapshotIdentifier"] for each in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]]


def test_a_snapshot_is_taken_and_proven(rds: Any, take: Run) -> None:
    database(rds)
    taken = take()
    assert taken["changed"] is True
    assert taken["snapshot"]["status"] == "available"
    assert snapshots(rds) == ["shop-final"]


def test_a_backup_that_rds_takes_itself_is_waited_for(rds: Any, take: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    database(rds)
    first_answers(monkeypatch, CreateDBSnapshot=["InvalidDBInstanceState", "InvalidDBInstanceState"])
    assert take()["changed"] is True


def test_without_an_instance_there_is_nothing_to_take(rds: Any, take: Run) -> None:
    assert take()["changed"] is False
    assert snapshots(rds) == []


def test_check_mode_takes_none(rds: Any, take: Run) -> None:
    database(rds)
    assert take(check=True)["changed"] is True
    assert snapshots(rds) == []


def test_a_snapshot_whose_key_goes_is_none(rds: Any, take: Run) -> None:
    kms = boto3.client("kms", region_name=REGION)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    database(rds, StorageEncrypted=True, KmsKeyId=key)
    kms.schedule_key_deletion(KeyId=key)
    assert f"its key {key} is PendingDeletion" in take()["msg"]


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"Status": "failed"}, "its status is failed"),
        ({"PercentProgress": 40}, "only 40 percent of it is complete"),
        ({"AllocatedStorage": 10}, "AllocatedStorage is 10 and not 20"),
        ({"EngineVersion": "8.0.39"}, "EngineVersion is '8.0.39' and not '8.0.40'"),
        ({"Encrypted": False}, "Encrypted is False and not True"),
        ({"KmsKeyId": "arn:other"}, "KmsKeyId is 'arn:other' and not 'arn:key'"),
    ],
)
def test_what_would_not_bring_the_instance_back_is_named(other: dict[str, Any], says: str) -> None:
    assert rds_last_snapshot.flaws({**SNAPSHOT, **other}, INSTANCE) == [says]


def test_a_snapshot_like_its_instance_has_no_flaw() -> None:
    assert rds_last_snapshot.flaws(SNAPSHOT, INSTANCE) == []
