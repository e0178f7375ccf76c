"""A MiniStack for tests of modules whose resources moto only pretends: functions that run, APIs that answer."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from tests.support.emulators import CREDENTIALS, ministack, post
from tests.unit.aws.ecs_support import REGION

# The account in which MiniStack looks for an API when a request has no credentials.
ANONYMOUS = "000000000000"


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    """One for the tests of a file."""
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
