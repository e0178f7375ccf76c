"""What the tests of modules share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import pytest

from tests.support.emulators import CREDENTIALS, ministack, post
from tests.support.modules import REGION

# The account in which MiniStack looks for an API when a request has no credentials.
ANONYMOUS = "000000000000"


@pytest.fixture(scope="session", autouse=True)
def service_models() -> Iterator[None]:
    """One loader for all sessions: every module makes its clients anew, and parsing their models takes longest."""
    loader: Any = botocore.loaders.create_loader()
    patch = pytest.MonkeyPatch()
    patch.setattr(botocore.session, "create_loader", lambda *_args, **_kwargs: loader)
    patch.setattr(botocore.loaders, "create_loader", lambda *_args, **_kwargs: loader)
    yield
    patch.undo()


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
