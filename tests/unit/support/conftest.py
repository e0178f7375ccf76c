"""A hard proxy before an empty account, with a time that passes when told to."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Callable, Iterator

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support import emulators
from tests.support.aws import client
from tests.support.hard.server import HardProxy


class Hard:
    """What a test needs of one: the proxy, its time, and clients that take no for an answer."""

    def __init__(self, url: str, behaviours: str) -> None:
        self.now = 0.0
        self.proxy = HardProxy(url, behaviours, clock=lambda: self.now)

    def client(self, service: str) -> t.Any:
        """A client that does not try again."""
        return client(self.proxy, service, Config(retries={"total_max_attempts": 1}))

    def wait(self, seconds: float = 5.0) -> None:
        """Let time pass."""
        self.now += seconds


Start = Callable[[str], Hard]


@pytest.fixture
def start(moto: str) -> Iterator[Start]:
    """Starts a proxy with some behaviours before moto."""
    emulators.reset_moto(moto)
    with contextlib.ExitStack() as stack:

        def started(behaviours: str) -> Hard:
            hard = Hard(moto, behaviours)
            stack.enter_context(hard.proxy)
            return hard

        yield started


Refused = Callable[..., tuple[str, str]]


@pytest.fixture
def refused() -> Refused:
    """Code and words of the error that a call ends with."""

    def error_of(call: Callable[..., t.Any], **arguments: t.Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    return error_of
