#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Rotate a secret now, and wait for it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secretsmanager_rotate
version_added: 0.1.0
short_description: Rotate a secret now, and wait for it
description:
  - Starts a rotation of a secret, and returns once the new version is current. If an earlier rotation has not finished,
    it is completed.
  - If the rotation does not finish, the message contains the function's last log lines.
  - No value is read, so none can be shown.
  - M(community.aws.secretsmanager_secret) sets when a secret is rotated, but can neither start a rotation nor
    wait for one.
author:
  - Slipway contributors (@slipway)
options:
  secret_id:
    description: Name or ARN of the secret.
    type: str
    required: true
  function_name:
    description: Name or ARN of the function that rotates it, for its log, and for O(driver=here).
    type: str
    required: true
  driver:
    description:
      - What calls the function for its four steps.
      - V(service) is Secrets Manager itself, as in a scheduled rotation.
      - V(here) is this module, for emulators whose Secrets Manager does not call functions.
    type: str
    choices: [service, here]
    default: service
  timeout:
    description: Seconds that the rotation may take.
    type: int
    default: 300
  log_lines:
    description: How many of the function's last log lines a failure message contains.
    type: int
    default: 20
extends_documentation_fragment:
  - slipway.aws.check_mode
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Give the database a new password now
  slipway.aws.secretsmanager_rotate:
    secret_id: shop-prod-database
    function_name: shop-prod-rotation
"""

RETURN = r"""
version_id:
  description: The version that is now current.
  returned: always, but not in check mode
  type: str
  sample: 0fbb1b3c-8d2f-4a5e-9c67-0b1f2c3d4e5f
previous_version_id:
  description: The version that was current before.
  returned: always
  type: str
  sample: 9c1e6a0e-1c5b-4a58-8f3e-7d6c5b4a3f2e
"""

import json
import time
import uuid
from contextlib import suppress
from typing import Any

# Where it is missing, AnsibleAWSModule says so.
with suppress(ImportError):
    from botocore.exceptions import ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError, connect, error_code, finish

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"
PAUSE_SECONDS = 1


class Rotation:
    """One rotation of one secret."""

    def __init__(self, params: dict[str, Any], secrets: Any, functions: Any, logs: Any) -> None:
        self.params = params
        self.secrets = secrets
        self.functions = functions
        self.logs = logs

    def version(self, label: str) -> str:
        """The version with a label, or an empty string."""
        versions = self.secrets.describe_secret(SecretId=self.params["secret_id"]).get("VersionIdsToStages", {})
        return next((version for version, labels in versions.items() if label in labels), "")

    def unfinished(self) -> str:
        """The version of a rotation that was begun and has not ended, or an empty string.

        It is younger than the current one: the label may have stayed with versions that had their turn.
        """
        # Those without a label, of which there may be many, are left out by AWS.
        versions = self.secrets.list_secret_version_ids(SecretId=self.params["secret_id"], MaxResults=100)["Versions"]
        current = [version["CreatedDate"] for version in versions if CURRENT in version["VersionStages"]]
        pending = [version for version in versions if version["VersionStages"] == [PENDING]]
        young = [version["VersionId"] for version in pending if all(version["CreatedDate"] > each for each in current)]
        return str(young[0]) if young else ""

    def run(self) -> str:
        """Rotate, and return the new current version."""
        if self.params["driver"] == "here":
            return self._drive()
        before = self.version(CURRENT)
        self._start()
        return self._wait(before)

    def _drive(self) -> str:
        token = self.unfinished() or str(uuid.uuid4())
        for step in STEPS:
            event = {"Step": step, "SecretId": self.params["secret_id"], "ClientRequestToken": token}
            answer = self.functions.invoke(
                FunctionName=self.params["function_name"], Payload=json.dumps(event).encode()
            )
            if answer.get("FunctionError"):
                self._refuse(f"{step} failed: {message_of(answer['Payload'].read())}")
        return token

    def _start(self) -> None:
        try:
            self.secrets.rotate_secret(SecretId=self.params["secret_id"])
        except ClientError as error:
            # Says that a rotation before has not ended, and that it goes on with that one.
            if error_code(error) != "InvalidRequestException" or not self.unfinished():
                raise

    def _wait(self, before: str) -> str:
        deadline = time.monotonic() + self.params["timeout"]
        while time.monotonic() < deadline:
            current = self.version(CURRENT)
            if current != before:
                return current
            time.sleep(PAUSE_SECONDS)
        self._refuse(f"it did not end within {self.params['timeout']} seconds")
        raise AssertionError("unreachable")

    def _refuse(self, why: str) -> None:
        lines = self._last_lines()
        logged = "\n".join(["The function's last log lines:", *lines]) if lines else "The function logged nothing."
        raise RefusedError(f"The rotation of {self.params['secret_id']} failed: {why}.\n{logged}")

    def _last_lines(self) -> list[str]:
        name = self.params["function_name"].split(":function:")[-1].split(":")[0]
        group = f"/aws/lambda/{name}"
        try:
            streams = self.logs.describe_log_streams(
                logGroupName=group, orderBy="LastEventTime", descending=True, limit=1
            )["logStreams"]
            if not streams:
                return []
            events = self.logs.get_log_events(
                logGroupName=group, logStreamName=streams[0]["logStreamName"], limit=self.params["log_lines"]
            )["events"]
        except ClientError:
            # Without a log there is still the reason.
            return []
        return [event["message"].rstrip() for event in events]


def message_of(payload: bytes) -> str:
    """What a function says of its failure."""
    try:
        answer = json.loads(payload)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return payload.decode(errors="replace")[:500]
    return f"{answer.get('errorType', 'Error')}: {answer.get('errorMessage', '')}"


def rotate(module: Any) -> dict[str, Any]:
    """The module's result."""
    secrets, functions, logs = (connect(module, service) for service in ("secretsmanager", "lambda", "logs"))
    rotation = Rotation(module.params, secrets, functions, logs)
    result: dict[str, Any] = {"changed": True, "previous_version_id": rotation.version(CURRENT)}
    if not module.check_mode:
        result["version_id"] = rotation.run()
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "secret_id": {"required": True, "no_log": False},
            "function_name": {"required": True},
            "driver": {"choices": ["service", "here"], "default": "service"},
            "timeout": {"type": "int", "default": 300},
            "log_lines": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    finish(module, lambda: rotate(module), f"Could not rotate the secret {module.params['secret_id']}")


if __name__ == "__main__":
    main()
