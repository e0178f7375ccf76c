"""slipway.aws.dynamodb_table_backup and dynamodb_restore_drill against moto."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.slipway.aws.plugins.module_utils import dynamodb_items
from ansible_collections.slipway.aws.plugins.modules import dynamodb_restore_drill
from tests.support.modules import Client, Run, runner

TABLE = "shop-items"


@pytest.fixture
def client(in_moto: Client) -> Any:
    client = in_moto("dynamodb")
    client.create_table(
        TableName=TABLE, AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    for number in range(5):
        client.put_item(TableName=TABLE, Item={"id": {"S": str(number)}})
    return client


@pytest.fixture
def back_up(client: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("dynamodb_table_backup", capsys, table=TABLE)


@pytest.fixture
def drill(client: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("dynamodb_restore_drill", capsys, table=f"{TABLE}-drill")


def test_a_backup_says_what_is_in_it_and_a_drill_proves_it(client: Any, back_up: Run, drill: Run) -> None:
    backup = back_up(name="slipway-1")["backup"]
    assert (backup["items"], backup["certain"]) == (5, True)
    client.put_item(TableName=TABLE, Item={"id": {"S": "later"}})
    drilled = drill(backup_arn=backup["arn"], items=backup["items"], digest=backup["digest"])["drill"]
    assert (drilled["difference"], drilled["items"]) == ("", 5)
    assert client.list_tables()["TableNames"] == [TABLE]


def test_older_backups_go_and_those_of_others_stay(client: Any, back_up: Run) -> None:
    client.create_backup(TableName=TABLE, BackupName="by-hand")
    for number in range(4):
        back_up(name=f"slipway-{number}", keep=2)
    names = sorted(each["BackupName"] for each in client.list_backups(TableName=TABLE)["BackupSummaries"])
    assert names == ["by-hand", "slipway-2", "slipway-3"]


def test_check_mode_does_nothing(client: Any, back_up: Run, drill: Run) -> None:
    back_up(name="slipway-1", check=True)
    drill(backup_arn="arn:of:nothing", items=1, digest="0", check=True)
    assert client.list_backups(TableName=TABLE)["BackupSummaries"] == []


def test_only_a_table_that_is_called_a_drill_is_ever_deleted(client: Any, drill: Run) -> None:
    refused = drill(table=TABLE, backup_arn="arn:of:nothing", items=1, digest="0")
    assert "table is shop-items; allowed: names that end in -drill" in refused["msg"]
    assert client.list_tables()["TableNames"] == [TABLE]


def test_a_backup_that_is_gone_is_told_and_nothing_is_left(client: Any, back_up: Run, drill: Run) -> None:
    backup = back_up(name="slipway-1")["backup"]
    client.delete_backup(BackupArn=backup["arn"])
    failed = drill(backup_arn=backup["arn"], items=5, digest=backup["digest"])
    assert "BackupNotFoundException" in failed["msg"]
    assert client.list_tables()["TableNames"] == [TABLE]


@pytest.mark.parametrize(
    ("items", "certain", "says"),
    [
        (5, True, "5 items, but not all of them unchanged"),
        (6, True, "5 items of 6"),
        (6, False, ""),
        (0, False, "5 items of 0"),
    ],
)
def test_a_difference_is_told_in_words(items: int, certain: bool, says: str) -> None:
    there = dynamodb_items.Fingerprint(5, "aa")
    expected = {"items": items, "digest": "bb", "certain": certain}
    told = dynamodb_restore_drill.difference(there, expected)
    assert told.startswith(says) if says else told == ""


def test_equal_items_are_the_same_bytes_and_others_are_not() -> None:
    item = {
        "id": {"S": "1"},
        "tags": {"SS": ["a", "b"]},
        "raw": {"B": b"\x00"},
        "list": {"L": [{"N": "1"}, {"N": "2"}]},
    }
    same = {
        "list": {"L": [{"N": "1"}, {"N": "2"}]},
        "raw": {"B": b"\x00"},
        "tags": {"SS": ["b", "a"]},
        "id": {"S": "1"},
    }
    other = {**item, "list": {"L": [{"N": "2"}, {"N": "1"}]}}
    assert dynamodb_items.canonical(item) == dynamodb_items.canonical(same)
    assert dynamodb_items.canonical(item) != dynamodb_items.canonical(other)
