"""The authorizer."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from moto import mock_aws

from tests.requests import Context

ARN = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/items/5"
Authorize = Callable[..., dict[str, Any]]


@pytest.fixture
def secrets() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("secretsmanager")
        for name, principal in (("first-client", "ann"), ("second-client", "bob")):
            client.create_secret(Name=name, SecretString=json.dumps({"principal": principal, "token": f"{name}-token"}))
        yield client


@pytest.fixture
def authorizer(secrets: Any) -> Any:
    """The function as a new environment of Lambda starts it, with nothing remembered."""
    return importlib.reload(importlib.import_module("items.authorizer"))


@pytest.fixture
def authorize(authorizer: Any) -> Authorize:
    def run(header: str | None = None, **event: Any) -> dict[str, Any]:
        token = {} if header is None else {"authorizationToken": header}
        answer: dict[str, Any] = authorizer.handler({"type": "TOKEN", "methodArn": ARN, **token, **event}, Context())
        return answer

    return run


@pytest.mark.parametrize(
    ("header", "principal"),
    [
        ("Bearer first-client-token", "ann"),
        ("bearer second-client-token", "bob"),
        ("Bearer  first-client-token ", "ann"),
    ],
)
def test_a_known_token_names_its_owner_and_opens_the_stage(authorize: Authorize, header: str, principal: str) -> None:
    answer = authorize(header)
    assert answer["principalId"] == principal
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/*"


def test_a_request_authorizer_reads_the_header_however_it_is_written(authorize: Authorize) -> None:
    assert authorize(type="REQUEST", headers={"AUTHORIZATION": "Bearer first-client-token"})["principalId"] == "ann"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic first-client-token", "first-client-token", "Bearer ümlaut"],
)
def test_anything_else_is_unauthorized(authorize: Authorize, header: str | None) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorize(header)


def test_tokens_are_not_logged(authorize: Authorize, log: io.StringIO) -> None:
    authorize("Bearer first-client-token")
    with pytest.raises(Exception, match="Unauthorized"):
        authorize("Bearer wrong-but-private")
    output = log.getvalue()
    assert "refused" in output
    assert "first-client-token" not in output
    assert "wrong-but-private" not in output


def test_while_a_token_is_rotated_both_are_good(secrets: Any, authorize: Authorize) -> None:
    rotated = json.dumps({"principal": "ann", "token": "new-token"})
    secrets.put_secret_value(SecretId="first-client", SecretString=rotated)
    assert authorize("Bearer new-token")["principalId"] == "ann"
    assert authorize("Bearer first-client-token")["principalId"] == "ann"


def test_secrets_are_read_once_and_remembered(secrets: Any, authorize: Authorize) -> None:
    authorize("Bearer first-client-token")
    secrets.delete_secret(SecretId="first-client", ForceDeleteWithoutRecovery=True)
    assert authorize("Bearer first-client-token")["principalId"] == "ann"


def test_a_secret_without_the_fields_lets_nobody_in(secrets: Any, authorize: Authorize) -> None:
    secrets.put_secret_value(SecretId="second-client", SecretString='{"token": "lonely"}')
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorize("Bearer lonely")


def test_health_says_which_build_it_is(authorizer: Any) -> None:
    assert authorizer.handler({"slipway": "health"}, Context()) == {"version": "0.1.0", "commit": "unknown"}


def test_health_fails_where_a_secret_cannot_be_read(secrets: Any, authorizer: Any) -> None:
    secrets.delete_secret(SecretId="second-client", ForceDeleteWithoutRecovery=True)
    with pytest.raises(GetParameterError):
        authorizer.handler({"slipway": "health"}, Context())


def test_a_secret_that_cannot_be_read_is_a_fault_and_not_a_refusal(secrets: Any, authorize: Authorize) -> None:
    secrets.delete_secret(SecretId="first-client", ForceDeleteWithoutRecovery=True)
    with pytest.raises(GetParameterError):
        authorize("Bearer second-client-token")
