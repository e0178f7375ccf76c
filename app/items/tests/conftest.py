"""A table in an emulated account, and requests as API Gateway makes them."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import botocore.loaders
import botocore.session
import pytest
from moto import mock_aws

from tests.emulator import Deployment, deployed
from tests.requests import Api

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

SCHEMA = json.loads((Path(__file__).parents[1] / "data/schemas/items.json").read_text())
TABLE = "items-test"

# Before the functions are imported, for they read it then. The account is an emulated one.
os.environ |= {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "TABLE_NAME": TABLE,
    "APP_ENVIRONMENT": "local",
    "CORS_ORIGINS": "https://shop.example,https://admin.example",
    "TOKEN_SECRET_ARNS": "first-client,second-client",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "POWERTOOLS_TRACE_DISABLED": "true",
}
for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session", autouse=True)
def service_models() -> Iterator[None]:
    """One loader for all sessions: each test has its own, and parsing a service's model takes longer than a test.

    The repository's tests have the like; an application has a virtualenv of its own, and imports nothing of them.
    """
    loader: Any = botocore.loaders.create_loader()
    patch = pytest.MonkeyPatch()
    patch.setattr(botocore.session, "create_loader", lambda *_args, **_kwargs: loader)
    yield
    patch.undo()


@pytest.fixture
def account() -> Iterator[None]:
    """An account in this process, with nothing in it."""
    with mock_aws():
        yield


@pytest.fixture
def table(account: None) -> Table:
    """The table, empty, as the schema declares it."""
    return boto3.resource("dynamodb").create_table(TableName=TABLE, **cast(Any, SCHEMA))


@pytest.fixture
def api(table: Table) -> Api:
    """The function behind the API."""
    return Api()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the functions log."""
    from items.telemetry import logger  # noqa: PLC0415  # the environment comes first

    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """The API behind API Gateway, once for all tests."""
    with deployed() as running:
        yield running
