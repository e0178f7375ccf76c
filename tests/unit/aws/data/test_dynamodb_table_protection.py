"""slipway.aws.dynamodb_table_protection against MiniStack; moto forgets a key that a table gets later."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.support.modules import Run, first_answers, runner

NAME = "shop-items"
OPTIONS: dict[str, Any] = {"point_in_time_recovery": True, "deletion_protection": True}


@pytest.fixture
def client(account: boto3.session.Session) -> Any:
    return account.client("dynamodb")


@pytest.fixture
def table(client: Any) -> Any:
    client.create_table(
        TableName=NAME,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture
def run(client: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("dynamodb_table_protection", capsys, name=NAME)


def described(client: Any) -> dict[str, Any]:
    held: dict[str, Any] = client.describe_table(TableName=NAME)["Table"]
    return held


def recovery(client: Any) -> str:
    backups = client.describe_continuous_backups(TableName=NAME)["ContinuousBackupsDescription"]
    return str(backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"])


def test_protects_a_table(table: Any, run: Run) -> None:
    made = run(**OPTIONS)["protection"]
    assert described(table)["DeletionProtectionEnabled"] is True
    assert recovery(table) == "ENABLED"
    assert made["deletion_protection_enabled"] is True


def test_a_second_run_changes_nothing(table: Any, run: Run) -> None:
    assert run(**OPTIONS)["changed"] is True
    assert run(**OPTIONS)["changed"] is False


def test_what_was_switched_off_is_switched_on_again(table: Any, run: Run) -> None:
    run(**OPTIONS)
    table.update_table(TableName=NAME, DeletionProtectionEnabled=False)
    assert run(**OPTIONS)["changed"] is True
    assert described(table)["DeletionProtectionEnabled"] is True


def test_a_key_encrypts_and_no_longer_does(
    account: boto3.session.Session,
    table: Any,
    run: Run,
) -> None:
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    assert run(kms_key_arn=key)["changed"] is True
    assert described(table)["SSEDescription"]["KMSMasterKeyArn"] == key
    assert run(kms_key_arn=key)["changed"] is False
    assert run(kms_key_arn="")["protection"]["kms_key_arn"] == ""


def test_a_table_that_is_still_being_changed_is_waited_for(
    table: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_answers(monkeypatch, UpdateTable=["ResourceInUseException", "ResourceInUseException"])
    run(**OPTIONS)
    assert described(table)["DeletionProtectionEnabled"] is True


def test_a_table_that_is_not_there_is_refused(run: Run) -> None:
    refused = run(**OPTIONS)
    assert refused["failed"] is True
    assert f"The table {NAME} does not exist" in refused["msg"]


def test_absent_lets_the_table_be_deleted_and_leaves_it(table: Any, run: Run) -> None:
    run(**OPTIONS)
    assert run(state="absent")["changed"] is True
    assert described(table)["DeletionProtectionEnabled"] is False
    assert run(state="absent")["changed"] is False


def test_absent_takes_the_backup_first(table: Any, run: Run) -> None:
    run(**OPTIONS)
    assert run(state="absent", final_backup="last")["changed"] is True
    backups = table.list_backups(TableName=NAME)["BackupSummaries"]
    assert [(backup["BackupName"], backup["BackupStatus"]) for backup in backups] == [("last", "AVAILABLE")]


def test_absent_of_a_table_that_is_gone_changes_nothing(run: Run) -> None:
    assert run(state="absent", final_backup="last")["changed"] is False


def test_check_mode_writes_nothing(table: Any, run: Run) -> None:
    assert run(check=True, **OPTIONS)["changed"] is True
    assert recovery(table) == "DISABLED"
