"""boto3 clients of an emulated account."""

from __future__ import annotations

import functools
import typing as t

import boto3
from botocore.config import Config

from tests.support.emulators import CREDENTIALS


class Asked(t.Protocol):
    """An emulator, or the proxy before it."""

    @property
    def url(self) -> str:
        """Where it is asked."""


class Emulator(t.NamedTuple):
    """An emulator without a proxy."""

    url: str


def client(proxy: Asked, service: str, config: Config | None = None) -> t.Any:
    """A client that asks there."""
    return _session().client(
        service,  # type: ignore[call-overload]  # the name is a variable here
        endpoint_url=proxy.url,
        config=config,
        region_name=CREDENTIALS["AWS_REGION"],
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


@functools.cache  # it keeps the services' models: reading one takes longer than most tests' calls
def _session() -> boto3.session.Session:
    return boto3.session.Session()
