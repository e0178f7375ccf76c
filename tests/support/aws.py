"""boto3 clients of an emulated account."""

from __future__ import annotations

import functools
import typing as t

import boto3

from tests.support.api_proxy import ApiProxy
from tests.support.emulators import CREDENTIALS


def client(proxy: ApiProxy, service: str) -> t.Any:
    """A client that asks through the proxy."""
    return _session().client(
        service,  # type: ignore[call-overload]  # the name is a variable here
        endpoint_url=proxy.url,
        region_name=CREDENTIALS["AWS_REGION"],
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


@functools.cache  # it keeps the services' models: reading one takes longer than most tests' calls
def _session() -> boto3.session.Session:
    return boto3.session.Session()
