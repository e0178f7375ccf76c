"""Exports of a real MariaDB to an emulated bucket, restored and compared; damaged ones are refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from database import commands
from database.backups import DamagedError, Reader, compressed, uncompressed
from database.commands import RefusedError
from database.dump import DumpError
from database.rows import Table
from database.server import ConfigurationError
from tests.servers import MariaDb

ROWS = 3000
TABLES = f"""
CREATE TABLE ledger (id BIGINT PRIMARY KEY AUTO_INCREMENT, amount DECIMAL(15,2), note VARCHAR(255), raw BLOB,
  made DATETIME(6), KEY (made));
INSERT INTO ledger (amount, note, raw, made) SELECT seq / 3, CONCAT('note ', seq), UNHEX(MD5(seq)),
  '2026-01-01' + INTERVAL seq SECOND FROM seq_1_to_{ROWS};
INSERT INTO ledger (note, raw) VALUES ('two\\nlines; it\\'s (1,2);', NULL), ('INSERT INTO `ledger` VALUES', 0x0a0d00),
  ('日本語 🦜', ''), (NULL, NULL);
CREATE TABLE `odd ``name` (k INT, v TEXT);
INSERT INTO `odd ``name` VALUES (2, 'b'), (1, 'a'), (1, 'a');
CREATE TABLE nothing (k INT PRIMARY KEY);
CREATE VIEW richest AS SELECT id FROM ledger WHERE amount > 900;
CREATE TABLE alembic_version (version_num VARCHAR(32));
INSERT INTO alembic_version VALUES ('0001');
"""


@pytest.fixture(scope="module")
def bucket(endpoint: str) -> str:
    """A bucket for all tests."""
    name = f"backups-{uuid.uuid4().hex[:8]}"
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="123456789012",
                      aws_secret_access_key="unchecked")  # fmt: skip
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def s3() -> Any:
    return boto3.client("s3")


@pytest.fixture
def source(mariadb: MariaDb, user: str) -> str:
    """A database that has all sorts of rows."""
    mariadb.sql(TABLES, user)
    return user


@pytest.fixture
def settings(source: str, secret: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of the commands."""
    own = {
        "DB_NAME": source,
        "DB_SECRET": secret,
        "BACKUP_BUCKET": bucket,
        "BACKUP_KEY": f"exports/shop-test/{uuid.uuid4().hex}",
        "RESULT_KEY": f"results/{uuid.uuid4().hex}.json",
        "SCHEMA_VERSION_QUERY": "SELECT version_num FROM alembic_version",
    }
    for name, text in own.items():
        monkeypatch.setenv(name, text)
    return own


@pytest.fixture
def target(mariadb: MariaDb, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a database that does not exist yet, beside the original."""
    name = f"restored_{uuid.uuid4().hex[:8]}"
    # The user may make it, and gets what belongs to it.
    mariadb.sql(f"GRANT ALL ON `{name}`.* TO {settings['DB_NAME']}@'%'")
    yield name
    mariadb.sql(f"DROP DATABASE IF EXISTS {name}")


def command(monkeypatch: pytest.MonkeyPatch, name: str, **variables: str) -> str:
    """Run a command with variables of its own."""
    for variable, text in variables.items():
        monkeypatch.setenv(variable, text)
    return commands.main([name])


def stored(s3: Any, bucket: str, key: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return document


def test_restored_database_equals_the_original(
    monkeypatch: pytest.MonkeyPatch, s3: Any, settings: dict[str, str], target: str, mariadb: MariaDb, source: str
) -> None:
    assert command(monkeypatch, "export") == f"export: 4 tables with {ROWS + 4 + 3 + 1} rows"
    manifest = stored(s3, settings["BACKUP_BUCKET"], settings["BACKUP_KEY"] + ".json")
    assert manifest["schema_version"] == "0001"
    assert {name: table["rows"] for name, table in manifest["tables"].items()} == {
        "alembic_version": 1, "ledger": ROWS + 4, "nothing": 0, "odd `name": 3,
    }  # fmt: skip
    command(monkeypatch, "restore", DB_NAME=target)
    command(monkeypatch, "compare")
    assert stored(s3, settings["BACKUP_BUCKET"], settings["RESULT_KEY"])["equal"] is True
    for table in ("ledger", "`odd ``name`"):
        query = f"CHECKSUM TABLE {table}"
        assert mariadb.sql(query, target).split("\t")[1] == mariadb.sql(query, source).split("\t")[1]
    assert mariadb.sql("SELECT COUNT(*) FROM richest", target) == mariadb.sql("SELECT COUNT(*) FROM richest", source)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("UPDATE ledger SET note = 'note 78' WHERE note = 'note 77'", r"ledger \(has other rows\)"),
        ("DELETE FROM ledger LIMIT 2", rf"ledger \(has {ROWS + 2} rows in place of {ROWS + 4}\)"),
        ("UPDATE `odd ``name` SET v = 'c' WHERE k = 2", r"odd `name \(has other rows\)"),
        ("DROP TABLE nothing", r"nothing \(is missing\)"),
        ("CREATE TABLE more (k INT)", r"more \(is not in the backup\)"),
        ("ALTER TABLE nothing ADD COLUMN c INT", r"nothing \(has another definition\)"),
    ],
)
def test_every_difference_is_found(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], target: str, mariadb: MariaDb, change: str,
    difference: str,
) -> None:  # fmt: skip
    command(monkeypatch, "export")
    command(monkeypatch, "restore", DB_NAME=target)
    mariadb.sql(change, target)
    with pytest.raises(RefusedError, match=difference):
        command(monkeypatch, "compare")


def test_table_that_was_written_to_meanwhile_need_only_be_there() -> None:
    before = {"rows": 5, "checksum": "a", "definition": "d", "stable": False}
    assert commands.difference(before, {"rows": 7, "checksum": "b", "definition": "d"}) == ""
    assert commands.difference(before, {"rows": 0, "checksum": "0", "definition": "d"}) == "is empty"
    assert commands.difference(before, {"rows": 7, "checksum": "b", "definition": "e"}) == "has another definition"


def test_export_is_of_one_moment_while_others_write(
    monkeypatch: pytest.MonkeyPatch, s3: Any, settings: dict[str, str], target: str, mariadb: MariaDb, source: str
) -> None:
    # Both always have the same number of rows, at any one moment.
    mariadb.sql("CREATE TABLE one (k INT AUTO_INCREMENT PRIMARY KEY); CREATE TABLE two LIKE one", source)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            batch = "BEGIN; INSERT INTO one VALUES (); INSERT INTO two VALUES (); COMMIT;"
            mariadb.sql(batch * 20, source)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            command(monkeypatch, "export")
            tables = stored(s3, settings["BACKUP_BUCKET"], settings["BACKUP_KEY"] + ".json")["tables"]
            assert tables["one"]["rows"] == tables["two"]["rows"]
    finally:
        stop.set()
        writer.join()
    command(monkeypatch, "restore", DB_NAME=target)
    command(monkeypatch, "compare")


@pytest.mark.parametrize("damage", ["a changed byte", "a lost end", "nothing left"])
def test_damaged_backup_is_refused_before_anything_is_touched(
    monkeypatch: pytest.MonkeyPatch, s3: Any, settings: dict[str, str], target: str, mariadb: MariaDb, damage: str
) -> None:
    command(monkeypatch, "export")
    where = {"Bucket": settings["BACKUP_BUCKET"], "Key": settings["BACKUP_KEY"] + ".sql.gz"}
    content = bytearray(s3.get_object(**where)["Body"].read())
    if damage == "nothing left":
        s3.delete_object(**where)
    else:
        content[len(content) // 2] ^= 1
        s3.put_object(**where, Body=bytes(content if damage == "a changed byte" else content[:-10]))
    mariadb.sql(f"CREATE DATABASE {target}; CREATE TABLE {target}.kept (k INT)")
    for name in ("verify", "restore"):
        with pytest.raises(DamagedError, match=r"is damaged|there is no"):
            command(monkeypatch, name, DB_NAME=target, RESTORE_REPLACES="true")
    assert mariadb.sql("SHOW TABLES", target) == "kept"


def test_export_without_a_manifest_is_no_backup(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    with pytest.raises(DamagedError, match="not whole, or has expired"):
        command(monkeypatch, "verify")


def test_restore_replaces_tables_only_when_told_to(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], mariadb: MariaDb, source: str
) -> None:
    command(monkeypatch, "export")
    mariadb.sql("DROP TABLE ledger", source)
    with pytest.raises(RefusedError, match="has 4 tables; a restore replaces them with RESTORE_REPLACES=true"):
        command(monkeypatch, "restore")
    command(monkeypatch, "restore", RESTORE_REPLACES="true")
    command(monkeypatch, "compare")


def test_fingerprint_of_a_database_is_the_one_of_its_export(
    monkeypatch: pytest.MonkeyPatch, s3: Any, settings: dict[str, str]
) -> None:
    command(monkeypatch, "export")
    command(monkeypatch, "fingerprint")
    exported = stored(s3, settings["BACKUP_BUCKET"], settings["BACKUP_KEY"] + ".json")
    assert stored(s3, settings["BACKUP_BUCKET"], settings["RESULT_KEY"])["tables"] == exported["tables"]


def test_failing_dump_leaves_no_backup(
    monkeypatch: pytest.MonkeyPatch, s3: Any, settings: dict[str, str], mariadb: MariaDb
) -> None:
    with pytest.raises(DumpError, match="Unknown database"):
        command(monkeypatch, "export", DB_NAME="not_there", SCHEMA_VERSION_QUERY="")
    listed = s3.list_objects_v2(Bucket=settings["BACKUP_BUCKET"], Prefix=settings["BACKUP_KEY"])
    assert listed["KeyCount"] == 0


def test_failing_load_says_why(monkeypatch: pytest.MonkeyPatch, s3: Any, settings: dict[str, str], target: str) -> None:
    command(monkeypatch, "export")
    body = gzip.compress(b"SELECT nonsense;\n" + b"-- more\n" * 100_000)
    manifest = stored(s3, settings["BACKUP_BUCKET"], settings["BACKUP_KEY"] + ".json")
    manifest |= {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    for key, content in ((".sql.gz", body), (".json", json.dumps(manifest).encode())):
        s3.put_object(Bucket=settings["BACKUP_BUCKET"], Key=settings["BACKUP_KEY"] + key, Body=content)
    with pytest.raises(DumpError, match="Unknown column 'nonsense'"):
        command(monkeypatch, "restore", DB_NAME=target)


def test_schema_without_versions_has_none(
    monkeypatch: pytest.MonkeyPatch, s3: Any, settings: dict[str, str], mariadb: MariaDb, source: str
) -> None:
    mariadb.sql("DROP TABLE alembic_version", source)
    command(monkeypatch, "export")
    assert stored(s3, settings["BACKUP_BUCKET"], settings["BACKUP_KEY"] + ".json")["schema_version"] == ""


def test_program_ends_with_the_reason_and_without_the_password(settings: dict[str, str]) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "database", *arguments],
            cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert run("export").returncode == 0
    refused = run("export", "twice")
    assert (refused.returncode, refused.stderr) == (
        1, "error: usage: python -m database export|verify|restore|fingerprint|compare\n",
    )  # fmt: skip


def test_missing_settings_are_named(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for name in ("DB_NAME", "DB_SECRET", "BACKUP_BUCKET"):
        with monkeypatch.context() as context, pytest.raises(ConfigurationError, match=f"{name} is not set"):
            context.setenv(name, "")
            commands.main(["export"])


def test_password_is_in_no_argument_of_a_client_program(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], target: str
) -> None:
    seen: list[list[str]] = []
    start = subprocess.Popen

    def watched(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
        seen.append(arguments)
        assert "env" not in options
        return start(arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", watched)
    command(monkeypatch, "export")
    command(monkeypatch, "restore", DB_NAME=target)
    assert seen
    assert "first-password" not in str(seen)


def test_fingerprint_does_not_depend_on_the_order_of_rows() -> None:
    def of(*rows: str) -> dict[str, Any]:
        table = Table("definition")
        for row in rows:
            table.add(row.encode())
        return table.summary()

    assert of("1", "2", "3") == of("3", "1", "2")
    assert of("1", "1", "2") != of("1", "2", "2")
    assert of("1") != of("2")


@pytest.mark.parametrize("size", [1, 7, 4096, -1])
def test_reader_gives_what_it_is_asked_for(size: int) -> None:
    content = b"0123456789" * 1000
    reader = Reader(content[start : start + 33] for start in range(0, len(content), 33))
    parts = []
    while part := reader.read(size):
        assert size < 0 or len(part) <= size
        parts.append(part)
    assert b"".join(parts) == content
    assert (reader.size, reader.checksum) == (len(content), hashlib.sha256(content).hexdigest())


def test_what_was_compressed_comes_back_whole_or_not_at_all() -> None:
    lines = [b"line %d\n" % number for number in range(10_000)]
    squeezed = b"".join(compressed(lines))
    assert gzip.decompress(squeezed) == b"".join(lines)
    assert b"".join(uncompressed([squeezed[:500], squeezed[500:]])) == b"".join(lines)
    with pytest.raises(DamagedError, match="ends before its end"):
        list(uncompressed([squeezed[:-20]]))
