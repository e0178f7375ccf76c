"""Secrets of AWS Secrets Manager: JSON objects, among them credentials."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Fields = dict[str, Any]


class SecretError(Exception):
    """A secret is not what it has to be. The message says what it lacks, and none of its values."""


@dataclass(frozen=True)
class Credentials:
    """A user and the password, which no message shows."""

    username: str
    password: str = field(repr=False)


def read(client: Any, secret_id: str, **version: str) -> Fields | None:
    """The fields of a secret, or None where the version has no value."""
    try:
        answer = client.get_secret_value(SecretId=secret_id, **version)
    except client.exceptions.ResourceNotFoundException:
        return None
    try:
        fields = json.loads(answer["SecretString"])
    except (KeyError, ValueError):
        fields = None
    if not isinstance(fields, dict):
        raise SecretError(f"the secret {secret_id} is not a JSON object")
    return fields


def credentials_of(fields: Fields) -> Credentials:
    """The credentials in a secret."""
    missing = [key for key in ("username", "password") if not fields.get(key)]
    if missing:
        raise SecretError(f"the secret lacks {' and '.join(missing)}")
    return Credentials(str(fields["username"]), str(fields["password"]))


def read_credentials(client: Any, secret_id: str) -> Credentials:
    """The credentials that a secret has now."""
    fields = read(client, secret_id)
    if fields is None:
        raise SecretError(f"the secret {secret_id} has no value")
    return credentials_of(fields)
