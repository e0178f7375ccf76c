"""A backup of a table is worth what a restore of it shows: playbooks/backup.yml and restore_drill.yml on items."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import emulators, system
from tests.support.paths import ROOT

HOST = "items-dev"
TABLE = f"{HOST}-items"
ITEMS = 300


class Tables(t.NamedTuple):
    """An account with one table in it, and where runs leave what they leave."""

    environment: dict[str, str]
    folder: Path

    def run(self, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [emulators.program("ansible-playbook"), "-i", "inventories/dev", "--limit", HOST,
             f"playbooks/{playbook}.yml", "-e", f"system_run_directory={self.folder}", *arguments],
            cwd=ROOT, env={**os.environ, **self.environment},
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def client(self, service: str) -> t.Any:
        return system.client(self.environment, service)

    def report(self) -> dict[str, t.Any]:
        newest = sorted((self.folder / "drills").glob("*-tables.json"))[-1]
        read: dict[str, t.Any] = json.loads(newest.read_text())
        return read

    def names(self) -> list[str]:
        names: list[str] = self.client("dynamodb").list_tables()["TableNames"]
        return names


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """A table with items and a backup of it."""
    with system.emulated() as environment:
        tables = Tables(environment, tmp_path_factory.mktemp("items"))
        location = {"LocationConstraint": environment["AWS_REGION"]}
        tables.client("s3").create_bucket(Bucket=system.BUCKET, CreateBucketConfiguration=location)
        database = tables.client("dynamodb")
        key = {"AttributeName": "id", "AttributeType": "S"}
        for name, key_schema in ((TABLE, "id"), ("slipway-locks", "LockID")):
            database.create_table(
                TableName=name, AttributeDefinitions=[{**key, "AttributeName": key_schema}],
                KeySchema=[{"AttributeName": key_schema, "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
            )  # fmt: skip
        for number in range(ITEMS):
            item = {"id": {"S": str(number)}, "price": {"N": f"{number}.50"}, "tags": {"SS": ["a", "b"]}}
            database.put_item(TableName=TABLE, Item=item)
        taken = tables.run("backup")
        assert taken.returncode == 0, taken.stdout[-3000:]
        yield tables


def test_a_backup_is_restored_beside_the_table_and_proven_item_by_item(tables: Tables) -> None:
    drilled = tables.run("restore_drill")
    assert drilled.returncode == 0, drilled.stdout[-3000:]
    report = tables.report()
    assert report["passed"]
    assert report["tables"][TABLE]["items"] == ITEMS
    assert report["recovery_time_seconds"] >= 0
    assert TABLE in tables.names()
    assert f"{TABLE}-drill" not in tables.names()


def test_what_a_killed_drill_has_left_is_no_hindrance_and_goes(tables: Tables) -> None:
    tables.client("dynamodb").create_table(
        TableName=f"{TABLE}-drill", AttributeDefinitions=[{"AttributeName": "x", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "x", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    assert tables.run("restore_drill").returncode == 0
    assert f"{TABLE}-drill" not in tables.names()


def test_check_mode_says_what_would_happen_and_writes_nothing(tables: Tables) -> None:
    s3 = tables.client("s3")
    before = s3.list_objects_v2(Bucket=system.BUCKET)["KeyCount"]
    for playbook, would in (("backup", f"Would back up {TABLE}."), ("restore_drill", "Would restore the backup 2")):
        checked = tables.run(playbook, "--check")
        assert checked.returncode == 0, checked.stdout[-3000:]
        assert would in checked.stdout
    assert s3.list_objects_v2(Bucket=system.BUCKET)["KeyCount"] == before
    assert f"{TABLE}-drill" not in tables.names()


def test_a_backup_that_is_not_what_its_record_says_fails_with_the_reason(tables: Tables) -> None:
    s3 = tables.client("s3")
    (listed,) = s3.list_objects_v2(Bucket=system.BUCKET, Prefix=f"table-backups/{HOST}/")["Contents"]
    kept = s3.get_object(Bucket=system.BUCKET, Key=listed["Key"])["Body"].read()
    record = json.loads(kept)
    record["tables"][TABLE]["digest"] = "0" * 64
    s3.put_object(Bucket=system.BUCKET, Key=listed["Key"], Body=json.dumps(record).encode())
    drilled = tables.run("restore_drill")
    s3.put_object(Bucket=system.BUCKET, Key=listed["Key"], Body=kept)
    assert drilled.returncode != 0
    assert f"{TABLE}: {ITEMS} items, but not all of them unchanged" in " ".join(drilled.stdout.split())
    assert not tables.report()["passed"]
    assert f"{TABLE}-drill" not in tables.names()


def test_a_backup_that_is_gone_fails_with_the_reason(tables: Tables) -> None:
    refused = tables.run("restore_drill", "-e", "backup=20000101T000000Z")
    assert refused.returncode != 0
    assert f"{HOST} has no backup 20000101T000000Z. Recorded backups: 2" in " ".join(refused.stdout.split())
