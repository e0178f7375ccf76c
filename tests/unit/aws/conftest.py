"""What the tests of modules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from ansible_collections.slipway.aws.plugins.module_utils import resource
from tests.support.emulators import CREDENTIALS, ministack, post
from tests.support.modules import REGION, Client

# The account in which MiniStack looks for an API when a request has no credentials.
ANONYMOUS = "000000000000"


@pytest.fixture(scope="session", autouse=True)
def service_models() -> Iterator[None]:
    """One loader for all sessions: every module makes its clients anew, and parsing their models takes longest.

    app/items/tests/conftest.py has the like: an application has a virtualenv of its own, and imports nothing from here.
    """
    loader: Any = botocore.loaders.create_loader()
    patch = pytest.MonkeyPatch()
    patch.setattr(botocore.session, "create_loader", lambda *_args, **_kwargs: loader)
    patch.setattr(botocore.loaders, "create_loader", lambda *_args, **_kwargs: loader)
    yield
    patch.undo()


@pytest.fixture
def in_moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """An empty account in this process."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield lambda service: boto3.client(service, region_name=REGION)  # type: ignore[call-overload]  # a variable


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Stubber]:
    """Lets modules ask a client that gives recorded answers and takes no other request; returns what records them."""

    def record(service: str) -> Stubber:
        client = boto3.client(  # type: ignore[call-overload]  # the name is a variable here
            service, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )
        monkeypatch.setattr(resource, "connect", lambda *_: client)
        stubber = Stubber(client)
        stubber.activate()
        return stubber

    return record


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    """A MiniStack for the tests of a file: for what moto only pretends, functions that run, APIs that answer."""
    with ministack() as url:
        yield url


@pytest.fixture
def account(emulator: str, monkeypatch: pytest.MonkeyPatch) -> boto3.session.Session:
    """An empty account, where clients and modules ask."""
    own = {"AWS_ACCESS_KEY_ID": ANONYMOUS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": emulator}
    for name, value in {**CREDENTIALS, **own}.items():
        monkeypatch.setenv(name, value)
    post(f"{emulator}/_ministack/reset")
    return boto3.session.Session(region_name=REGION)
