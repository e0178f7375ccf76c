"""The function that tells API Gateway who calls: a bearer token that Secrets Manager knows.

Each secret is a JSON document with the fields `principal` and `token`. While a token is rotated the one before is good,
too, so that clients can change over.
"""

from __future__ import annotations

import hmac
import json
import os
from typing import Any

import boto3
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from items import __version__
from items.settings import commit
from items.telemetry import logger

# How long a revoked token may still be taken for good.
CACHE_SECONDS = 60
STAGES = ("AWSCURRENT", "AWSPREVIOUS")

secret_arns = os.environ["TOKEN_SECRET_ARNS"].split(",")
client = boto3.client("secretsmanager", config=Config(connect_timeout=1, read_timeout=2))
# One for each stage, for a provider remembers a secret by its name alone.
providers = {stage: SecretsProvider(boto3_client=client) for stage in STAGES}


class UnauthorizedError(Exception):
    """API Gateway answers 401 to an authorizer that fails with exactly this word."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer a TOKEN or REQUEST authorizer, or the deployment, which asks for the function's health."""
    if event.get("slipway") == "health":
        return health()
    principal = principal_of(bearer_token(event))
    if principal is None:
        logger.warning("refused", method_arn=event["methodArn"])
        raise UnauthorizedError
    return {"principalId": principal, "policyDocument": allow_stage(event["methodArn"])}


def health() -> dict[str, Any]:
    """Which build this is; fails where a secret cannot be read."""
    for arn in secret_arns:
        read_secret(arn, "AWSCURRENT")
    return {"version": __version__, "commit": commit()}


def bearer_token(event: dict[str, Any]) -> str:
    """What stands after "Bearer" in the header Authorization."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    value = str(event.get("authorizationToken") or headers.get("authorization") or "")
    scheme, _, token = value.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def principal_of(token: str) -> str | None:
    """Whose token it is."""
    for arn in secret_arns:
        for stage in STAGES:
            known = read_secret(arn, stage)
            if token and known and hmac.compare_digest(known["token"].encode(), token.encode()):
                return str(known["principal"])
    return None


def read_secret(arn: str, stage: str) -> dict[str, Any] | None:
    """A secret's value; one that has never been rotated has none before."""
    try:
        value = providers[stage].get(arn, max_age=CACHE_SECONDS, VersionStage=stage)
    except GetParameterError:
        if stage == "AWSCURRENT":
            raise
        return None
    document: dict[str, Any] = json.loads(str(value))
    return document if {"principal", "token"} <= set(document) else None


def allow_stage(method_arn: str) -> dict[str, Any]:
    """A policy for the whole stage: API Gateway keeps it for the token, whatever is asked with it next."""
    stage = "/".join(method_arn.split("/")[:2])
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{stage}/*"}],
    }
