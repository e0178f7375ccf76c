"""Secret values while playbooks run: all that ever were, and that none of them is shown or written down."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from tests.delivery.releases import Delivered
from tests.support.background import repeatedly

# The keys of generated values in secrets.
GENERATED = {"password", "auth_token", "token"}
WRITTEN = {".json", ".md", ".html", ".log", ".txt"}


@contextlib.contextmanager
def secrets_looked_up(system: Delivered) -> Iterator[set[str]]:
    """The values of all secrets that there are meanwhile, those too that only a drill knows."""
    values: set[str] = set()
    with repeatedly(lambda: values.update(secrets_now(system)), pause=0.5):
        yield values


def secrets_now(system: Delivered) -> set[str]:
    """The generated values of all secrets that there are."""
    client = system.local.client("secretsmanager")
    return {value for secret in client.list_secrets()["SecretList"] for value in generated(client, secret)}


def generated(client: Any, secret: dict[str, Any]) -> Iterator[str]:
    """The generated values of all versions of a secret; it may be deleted meanwhile."""
    for version in secret.get("SecretVersionsToStages", {"": []}):
        named = {"VersionId": version} if version else {}
        with contextlib.suppress(client.exceptions.ResourceNotFoundException):
            fields = json.loads(client.get_secret_value(SecretId=secret["ARN"], **named)["SecretString"])
            yield from (str(value) for key, value in fields.items() if key in GENERATED)


def assert_hidden(system: Delivered, output: str, secrets: set[str]) -> None:
    """No secret is in the output, and none in a journal, plan or report of the system."""
    folder = system.local.checkout / ".slipway" / system.name
    written = [path for path in folder.rglob("*") if path.suffix in WRITTEN]
    assert secrets
    assert written
    assert [secret for secret in secrets if secret in output] == []
    assert [path for path in written if any(secret in path.read_text(errors="replace") for secret in secrets)] == []
