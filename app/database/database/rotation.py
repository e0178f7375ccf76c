"""The function that Secrets Manager calls to rotate a secret, once for each of four steps.

Any step may be called again, also after it has been stopped halfway, and ends as if it had been called once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from database.secrets import Fields, SecretError, read, read_credentials
from database.server import ConfigurationError, required, server_of
from database.strategies import AlternatingUsers, GeneratedKey, RotationError, SingleUser, Strategy

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
PASSWORD_CHARACTERS = 32


class Rotation:
    """One rotation of one secret: from the version that is current to the one that ``token`` names."""

    def __init__(self, client: Any, strategy: Strategy, secret_id: str, token: str) -> None:
        self.client = client
        self.strategy = strategy
        self.secret_id = secret_id
        self.token = token
        self.versions: dict[str, list[str]] = client.describe_secret(SecretId=secret_id)["VersionIdsToStages"]

    @property
    def is_over(self) -> bool:
        """Whether the version is already the current one."""
        return CURRENT in self.versions.get(self.token, [])

    def refuse_strange_version(self) -> None:
        """Refuse a version that is not the next one. One that is not there yet is made by the first step."""
        labels = self.versions.get(self.token, [PENDING])
        if PENDING not in labels or PREVIOUS in labels:
            raise RotationError(f"version {self.token} of {self.secret_id} is not pending: {', '.join(labels)}")

    def create_secret(self) -> None:
        """Generate the next value, unless there is one."""
        if self._pending() is not None:
            return
        value = self.strategy.renew(self._value(CURRENT), self._generate)
        self.client.put_secret_value(
            SecretId=self.secret_id,
            ClientRequestToken=self.token,
            SecretString=json.dumps(value),
            VersionStages=[PENDING],
        )

    def set_secret(self) -> None:
        """Make the next value valid."""
        previous = read(self.client, self.secret_id, VersionStage=PREVIOUS)
        self.strategy.apply(self._created(), self._value(CURRENT), previous)

    def test_secret(self) -> None:
        """See that the next value is valid."""
        self.strategy.test(self._created(), self._value(CURRENT))

    def finish_secret(self) -> None:
        """Let the next value be the current one."""
        current = next((version for version, labels in self.versions.items() if CURRENT in labels), None)
        self.client.update_secret_version_stage(
            SecretId=self.secret_id,
            VersionStage=CURRENT,
            MoveToVersionId=self.token,
            **({"RemoveFromVersionId": current} if current else {}),
        )

    def _value(self, stage: str) -> Fields:
        value = read(self.client, self.secret_id, VersionStage=stage)
        if value is None:
            raise SecretError(f"the secret {self.secret_id} has no version {stage}")
        return value

    def _pending(self) -> Fields | None:
        return read(self.client, self.secret_id, VersionId=self.token)

    def _created(self) -> Fields:
        value = self._pending()
        if value is None:
            raise SecretError(f"version {self.token} of {self.secret_id} has no value: createSecret comes first")
        return value

    def _generate(self) -> str:
        # Letters and digits are valid wherever a password is written down, in URLs and option files above all.
        answer = self.client.get_random_password(
            PasswordLength=PASSWORD_CHARACTERS, ExcludePunctuation=True, RequireEachIncludedType=True
        )
        return str(answer["RandomPassword"])


STEPS = {
    "createSecret": Rotation.create_secret,
    "setSecret": Rotation.set_secret,
    "testSecret": Rotation.test_secret,
    "finishSecret": Rotation.finish_secret,
}


def strategy_of(environment: Mapping[str, str], client: Any) -> Strategy:
    """The strategy that ROTATION_STRATEGY names, with the server that DB_HOST names."""
    name = required(environment, "ROTATION_STRATEGY")
    if name == "generated_key":
        return GeneratedKey(environment.get("ROTATION_FIELD") or "api_key")
    if name == "single_user":
        return SingleUser(server_of(environment))
    if name == "alternating_users":
        superuser = environment.get("ROTATION_SUPERUSER_SECRET", "")
        reader = (lambda: read_credentials(client, superuser)) if superuser else None
        return AlternatingUsers(server_of(environment), reader)
    raise ConfigurationError(
        f"ROTATION_STRATEGY is {name!r}; allowed: single_user, alternating_users and generated_key"
    )


def restart_services(environment: Mapping[str, str]) -> None:
    """Start the tasks of the services in ROTATION_SERVICES anew: they read their secrets when they start.

    The names are <cluster>/<service>, separated by commas.
    """
    for name in filter(None, environment.get("ROTATION_SERVICES", "").split(",")):
        cluster, _slash, service = name.partition("/")
        connect("ecs").update_service(cluster=cluster, service=service, forceNewDeployment=True)


@cache
def connect(service: str) -> Any:
    """A client, which stays as long as the function is warm."""
    return boto3.client(service)


def handler(event: dict[str, Any], _context: Any = None) -> dict[str, str] | None:
    """Do one step of a rotation, or say which release this is to who asks for the function's health."""
    if "slipway" in event:
        return {"commit": release()}
    rotate(event)
    return None


def release() -> str:
    """The commit that the package was built from; a package has it beside the sources."""
    note = Path(__file__).parents[1] / "release.json"
    return str(json.loads(note.read_text())["commit"]) if note.exists() else "unknown"


def rotate(event: dict[str, Any]) -> None:
    """Do one step of a rotation."""
    step = event["Step"]
    if step not in STEPS:
        raise RotationError(f"Step is {step!r}; allowed: {', '.join(STEPS)}")
    client = connect("secretsmanager")
    rotation = Rotation(client, strategy_of(os.environ, client), event["SecretId"], event["ClientRequestToken"])
    if not rotation.is_over:
        rotation.refuse_strange_version()
        STEPS[step](rotation)
    # Also where the step had been done before: who was stopped in between has not come this far.
    if step == "finishSecret":
        restart_services(os.environ)
    print(json.dumps({"step": step, "secret": event["SecretId"], "version": event["ClientRequestToken"]}))
