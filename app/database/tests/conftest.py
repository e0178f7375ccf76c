"""A MariaDB and an emulated AWS for the whole run, and a user and a secret for each test."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.servers import MariaDb, emulator

AWS = {
    "AWS_ACCESS_KEY_ID": "123456789012",
    "AWS_SECRET_ACCESS_KEY": "unchecked",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """A server for the whole run."""
    with MariaDb(tmp_path_factory.mktemp("mariadb")).running() as server:
        yield server


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An account for the whole run."""
    with emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, endpoint: str, mariadb: MariaDb) -> None:
    """What the function and the image find in their environment."""
    for name, value in {**AWS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DB_HOST", "127.0.0.1")
    monkeypatch.setenv("DB_PORT", str(mariadb.port))
    monkeypatch.setenv("DB_TLS", "false")


@pytest.fixture
def secrets(environment: None) -> Any:
    """A client of Secrets Manager."""
    return boto3.client("secretsmanager")


@pytest.fixture
def user(mariadb: MariaDb) -> Iterator[str]:
    """A user who may do what the master user of an instance in RDS may do, and a database of the same name."""
    name = f"user{uuid.uuid4().hex[:8]}"
    mariadb.sql(
        f"CREATE DATABASE {name};"
        f"CREATE USER {name}@'%' IDENTIFIED BY 'first-password';"
        f"GRANT ALL ON {name}.* TO {name}@'%' WITH GRANT OPTION;"
        f"GRANT SELECT, CREATE USER, RELOAD, PROCESS, EVENT, TRIGGER, CREATE, DROP, INSERT, ALTER, LOCK TABLES,"
        f" REFERENCES, CREATE VIEW, SHOW VIEW ON *.* TO {name}@'%' WITH GRANT OPTION"
    )
    yield name
    mariadb.sql(f"DROP DATABASE IF EXISTS {name}; DROP USER IF EXISTS {name}@'%', {name}_clone@'%'")


@pytest.fixture
def secret(secrets: Any, user: str) -> str:
    """The secret with the user's credentials."""
    value = {"username": user, "password": "first-password", "comment": "kept"}
    return str(secrets.create_secret(Name=f"secret-{user}", SecretString=json.dumps(value))["ARN"])
