"""Backups of the delivered system: restored beside it and equal, or refused, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.hidden import assert_hidden, secrets_looked_up, secrets_now
from tests.delivery.releases import BUCKET, NAME, System
from tests.support.background import wait_until
from tests.support.emulators import program
from tests.support.local import ACCOUNT, REGION

ROWS = 100_000
BACKUPS = f"{NAME}-backups-{ACCOUNT}-{REGION}"
DRILL = f"{NAME}-drill"


def sql(system: System, statements: str) -> str:
    """Run statements on the system's database as its administrator, who has the master user's password at first."""
    labels = ("ministack=rds", f"db_id={NAME}-database", f"account_id={ACCOUNT}")
    filters = [f"--filter=label={label}" for label in labels]
    container = system.local.docker("ps", "--quiet", *filters).strip()
    command = 'mysql -uroot -p"$MYSQL_ROOT_PASSWORD" --batch --skip-column-names transactions -e "$0"'
    return system.local.docker("exec", container, "bash", "-c", command, statements).strip()


def backup(system: System, *arguments: str) -> dict[str, Any]:
    """Back up, and return what the ledger has of it."""
    system.succeed("playbooks/backup.yml", *arguments)
    return newest(system, f"backups/{NAME}/")


def newest(system: System, prefix: str) -> dict[str, Any]:
    """The newest document in the ledger under a prefix."""
    s3 = system.local.client("s3")
    key = max(item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"])
    document: dict[str, Any] = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    return document


def left_behind(system: System) -> list[str]:
    """Servers and secrets of drills."""
    servers = system.local.client("rds").describe_db_instances()["DBInstances"]
    secrets = system.local.client("secretsmanager").list_secrets()["SecretList"]
    names = [each["DBInstanceIdentifier"] for each in servers] + [each["Name"] for each in secrets]
    return [name for name in names if name.startswith(DRILL)]


def databases(system: System) -> set[str]:
    """The containers of databases that there are."""
    filters = ("--filter=label=ministack=rds", f"--filter=label=account_id={ACCOUNT}")
    return set(system.local.docker("ps", "--all", "--quiet", "--no-trunc", *filters).split())


@pytest.fixture(scope="module")
def full(system: System) -> System:
    """The system with many transactions in its database."""
    digits = "WITH d AS (SELECT 0 AS n" + "".join(f" UNION ALL SELECT {digit}" for digit in range(1, 10)) + ")"
    number = "(a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n)"
    columns = f"{number} / 100, CONCAT('transaction ', {number}), '2026-01-01' + INTERVAL {number} SECOND"
    rows = f"{digits} SELECT {columns} FROM d a, d b, d c, d e, d f"  # noqa: S608
    sql(system, f"INSERT INTO transactions (amount, description, created_at) {rows}")
    return system


@pytest.fixture(scope="module")
def taken(full: System) -> dict[str, Any]:
    """A backup of it."""
    return backup(full)


def test_backup_says_what_is_in_it(full: System, taken: dict[str, Any]) -> None:
    rows = int(sql(full, "SELECT COUNT(*) FROM transactions"))
    assert rows >= ROWS
    assert taken["tables"]["transactions"]["rows"] == rows
    head = full.local.client("s3").head_object(Bucket=BACKUPS, Key=taken["object"])
    assert head["ContentLength"] == taken["bytes"]
    assert head["ServerSideEncryption"] == "aws:kms"


@pytest.mark.parametrize(
    ("playbook", "would"), [("backup", "Would back up transactions-local-database"), ("restore_drill", "Would restore")]
)
def test_check_mode_says_what_would_happen_and_writes_nothing(
    full: System, taken: dict[str, Any], playbook: str, would: str
) -> None:
    before = databases(full)
    output = full.succeed(f"playbooks/{playbook}.yml", "--check")
    assert would in output
    assert newest(full, f"backups/{NAME}/")["id"] == taken["id"]
    assert databases(full) == before
    assert left_behind(full) == []


def leave_behind(system: System) -> None:
    """What a drill has left whose machine has died."""
    tags = [{"Key": "slipway:purpose", "Value": "restore-drill"}, {"Key": "slipway:drill", "Value": "long ago"}]
    system.local.client("secretsmanager").create_secret(Name=DRILL, SecretString="{}", Tags=tags)
    system.local.client("rds").create_db_instance(
        DBInstanceIdentifier=DRILL, Engine="mysql", DBInstanceClass="db.t3.micro", AllocatedStorage=20,
        MasterUsername="left", MasterUserPassword="left-behind", Tags=tags,
    )  # fmt: skip


def test_restored_backup_is_equal_and_nothing_is_left(full: System, taken: dict[str, Any]) -> None:
    before = databases(full)
    leave_behind(full)
    with secrets_looked_up(full) as secrets:
        output = full.succeed("playbooks/restore_drill.yml", "-vvv")
    assert secrets - secrets_now(full), "the drill has a password of its own"
    assert_hidden(full, output, secrets)
    report = newest(full, f"drills/{NAME}/")
    assert report["passed"] is True
    assert report["backup"]["id"] == taken["id"]
    restored = {name: table["rows"] for name, table in report["tables"].items()}
    assert restored == {name: table["rows"] for name, table in taken["tables"].items()}
    assert report["recovery_time_seconds"] >= report["seconds"]["server"] > 0
    assert report["recovery_point_seconds"] > 0
    assert f"{report['id']}.md" in output
    page = (full.local.checkout / ".slipway" / NAME / "drills" / f"{report['id']}.md").read_text()
    assert f"| transactions | {restored['transactions']} | {restored['transactions']} | equal |" in page
    assert left_behind(full) == []
    assert databases(full) == before


def test_no_secret_is_in_the_output_of_a_backup_or_its_record(full: System) -> None:
    with secrets_looked_up(full) as secrets:
        output = full.succeed("playbooks/backup.yml", "-vvv")
    assert_hidden(full, output, secrets)


def damage(system: System, record: dict[str, Any], change: Callable[[bytearray], None]) -> Callable[[], None]:
    """Change the dump of a backup; returns what puts it right again."""
    s3, key = system.local.client("s3"), record["object"]
    whole = s3.get_object(Bucket=BACKUPS, Key=key)["Body"].read()
    damaged = bytearray(whole)
    change(damaged)
    s3.put_object(Bucket=BACKUPS, Key=key, Body=bytes(damaged))
    return lambda: s3.put_object(Bucket=BACKUPS, Key=key, Body=whole)


def test_damaged_backup_is_refused_before_a_server_is_made(full: System, taken: dict[str, Any]) -> None:
    mend = damage(full, taken, lambda content: content.__setitem__(len(content) // 2, content[len(content) // 2] ^ 1))
    try:
        ran = full.play("playbooks/restore_drill.yml", "-e", f"backup={taken['id']}")
    finally:
        mend()
    assert ran.returncode != 0
    assert "is damaged" in ran.stdout, ran.stdout[-4000:]
    assert "Make a fresh server" not in ran.stdout
    assert left_behind(full) == []


def test_backup_of_a_newer_schema_is_refused_before_a_server_is_made(full: System) -> None:
    version = sql(full, "SELECT version_num FROM alembic_version")
    sql(full, "UPDATE alembic_version SET version_num = '9999'")
    try:
        newer = backup(full)
    finally:
        sql(full, f"UPDATE alembic_version SET version_num = '{version}'")  # noqa: S608
    ran = full.play("playbooks/restore_drill.yml", "-e", f"backup={newer['id']}")
    assert ran.returncode != 0
    assert "has the schema 9999, which is newer than the release in service knows" in " ".join(ran.stdout.split())
    assert "Make a fresh server" not in ran.stdout
    full.local.client("s3").delete_object(Bucket=BUCKET, Key=f"backups/{NAME}/{newer['id']}.json")


def test_backup_that_does_not_exist_is_refused_with_those_that_do(full: System, taken: dict[str, Any]) -> None:
    ran = full.play("playbooks/restore_drill.yml", "-e", "backup=yesterday")
    assert ran.returncode != 0
    assert "has no backup yesterday" in ran.stdout
    assert taken["id"] in ran.stdout


def test_restore_that_brings_nothing_back_fails_the_drill(full: System) -> None:
    # The emulator says that it has restored a snapshot, and starts no server. The drill has to see that.
    record = backup(full, "-e", "backup_method=snapshot")
    assert record["tables"]["transactions"]["stable"] is True
    ran = full.play("playbooks/restore_drill.yml", "-e", f"backup={record['id']}")
    assert ran.returncode != 0
    assert "Can't connect to MySQL server" in ran.stdout, ran.stdout[-4000:]
    report = newest(full, f"drills/{NAME}/")
    assert (report["passed"], report["backup"]["method"]) == (False, "snapshot")
    assert "Can't connect to MySQL server" in report["reason"]
    assert left_behind(full) == []
    full.local.client("s3").delete_object(Bucket=BUCKET, Key=f"backups/{NAME}/{record['id']}.json")


def start(system: System) -> subprocess.Popen[str]:
    """Begin a drill in a process group of its own."""
    return subprocess.Popen(
        [program("ansible-playbook"), "-i", "inventories/local", "playbooks/restore_drill.yml", "--limit", NAME],
        cwd=system.local.checkout, env={**os.environ, **system.local.settings}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "step",
    ["Make a password that only the drill knows", "Make a fresh server", "Load the dump"],
)
def test_killed_drill_leaves_no_server(full: System, taken: dict[str, Any], step: str) -> None:
    drill = start(full)
    assert drill.stdout
    said = []
    for line in drill.stdout:
        said.append(line)
        if step in line:
            break
    assert step in said[-1], "".join(said)
    wait_until(lambda: left_behind(full) != [], "the drill to make something that could be left behind", 300)
    os.killpg(drill.pid, signal.SIGKILL)
    drill.wait()
    drill.stdout.close()
    wait_until(lambda: left_behind(full) == [], "what was made to be deleted", 300)


def test_server_that_is_not_of_a_drill_is_left_alone(full: System) -> None:
    secrets = full.local.client("secretsmanager")
    secrets.create_secret(Name=DRILL, SecretString="{}")
    try:
        ran = full.play("playbooks/restore_drill.yml")
        assert ran.returncode != 0
        assert "does not belong to a drill" in ran.stdout
        assert left_behind(full) == [DRILL]
    finally:
        secrets.delete_secret(SecretId=DRILL, ForceDeleteWithoutRecovery=True)


def test_reports_are_private(full: System) -> None:
    folder = full.local.checkout / ".slipway" / NAME / "drills"
    reports: list[Path] = list(folder.iterdir())
    assert reports
    assert {path.stat().st_mode & 0o077 for path in (folder, *reports)} == {0}
