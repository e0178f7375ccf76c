"""Migrations and models agree, forwards and backwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import APP, MariaDbServer, clean_environment, migrate


@pytest.fixture
def mysql_environment(mariadb: MariaDbServer) -> Iterator[dict[str, str]]:
    mariadb.sql("CREATE DATABASE migrations")
    yield {**mariadb.environment(), "DB_NAME": "migrations"}
    mariadb.sql("DROP DATABASE migrations")


def alembic(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=APP, env=clean_environment(environment), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_models_and_migrations_agree_on_mysql(mysql_environment: dict[str, str]) -> None:
    migrate(mysql_environment)
    checked = alembic(mysql_environment, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_models_and_migrations_agree_on_sqlite(tmp_path: Path) -> None:
    environment = {"APP_ENVIRONMENT": "local", "DB_SQLITE_PATH": str(tmp_path / "try.db")}
    migrate(environment)
    checked = alembic(environment, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_check_notices_a_missing_migration(mysql_environment: dict[str, str], mariadb: MariaDbServer) -> None:
    migrate(mysql_environment)
    mariadb.sql("DROP INDEX ix_transactions_created_at ON transactions", "migrations")
    assert alembic(mysql_environment, "check").returncode != 0


def test_downgrade_undoes_upgrade(mysql_environment: dict[str, str], mariadb: MariaDbServer) -> None:
    migrate(mysql_environment)
    assert alembic(mysql_environment, "downgrade", "base").returncode == 0
    assert mariadb.sql("SHOW TABLES", "migrations") == "alembic_version"


def test_created_at_is_indexed_and_pages_seek_in_it(mysql_environment: dict[str, str], mariadb: MariaDbServer) -> None:
    migrate(mysql_environment)
    mariadb.sql(
        "INSERT INTO transactions (amount, description, created_at)"
        " SELECT seq, 'x', '2026-01-01' + INTERVAL seq SECOND FROM seq_1_to_5000; ANALYZE TABLE transactions",
        "migrations",
    )
    plan = mariadb.sql(
        "EXPLAIN SELECT id FROM transactions WHERE created_at <= '2026-01-01 00:30:00'"
        " AND (created_at < '2026-01-01 00:30:00' OR id < 1800) ORDER BY created_at DESC, id DESC LIMIT 51",
        "migrations",
    )
    assert "ix_transactions_created_at" in plan
    assert "filesort" not in plan


def test_simultaneous_migrations_wait_for_each_other(mysql_environment: dict[str, str]) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=APP, env=clean_environment(mysql_environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for _ in range(3)
    ]  # fmt: skip
    outputs = [process.communicate(timeout=120)[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs


def test_migration_without_a_database_fails_with_the_reason(mysql_environment: dict[str, str]) -> None:
    failed = alembic({**mysql_environment, "DB_PORT": "1"}, "upgrade", "head")
    assert failed.returncode != 0
    assert "Can't connect" in failed.stderr + failed.stdout


def test_sql_can_be_printed_for_review(mysql_environment: dict[str, str]) -> None:
    printed = alembic(mysql_environment, "upgrade", "head", "--sql")
    assert printed.returncode == 0, printed.stderr
    assert "CREATE TABLE transactions" in printed.stdout
