#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Prove that every task of an ECS service serves what it is expected to."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_service_proof
version_added: 0.1.0
short_description: Prove that every task of an ECS service serves what it is expected to
description:
  - Sends requests to a service through its load balancer until each of its running tasks has given the expected answer,
    several times in a row, and again after a grace time.
  - ECS considers a deployment completed when its tasks have been healthy for a moment. Only the tasks themselves can
    tell whether they serve the new version, and keep doing so.
  - If they do not, the message contains what they answered instead, why tasks stopped, and their last log lines.
  - It does not change anything. No upstream module does this.
author:
  - Slipway contributors (@slipway)
options:
  cluster:
    description: Name or ARN of the cluster.
    type: str
    required: true
  service:
    description: Name of the service.
    type: str
    required: true
  url:
    description: URL behind the load balancer at which the service answers with a JSON object.
    type: str
    required: true
  expected:
    description: Fields that each answer must contain.
    type: dict
    required: true
  token_from:
    description:
      - Name or ARN of a secret with a field C(token), which is sent as a bearer token, for a service that wants to know
        who asks. The module reads it from Secrets Manager itself, so it is in no argument.
    type: str
  instance_field:
    description: Field of the answer that tells one task from another.
    type: str
    default: instance
  rounds:
    description: How many times in a row all tasks must answer as expected.
    type: int
    default: 3
  grace_seconds:
    description: Seconds after which the same number of rounds is repeated.
    type: int
    default: 10
  timeout:
    description: Seconds within which the last round must have succeeded.
    type: int
    default: 300
  log_lines:
    description: How many of each task's last log lines a failure message contains.
    type: int
    default: 20
extends_documentation_fragment:
  - slipway.aws.check_mode.reads
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Every task serves the new release
  slipway.aws.ecs_service_proof:
    cluster: shop-prod
    service: shop-prod-api
    url: https://shop.example.com/version
    expected:
      commit: 3f2a91c
"""

RETURN = r"""
instances:
  description: The tasks that answered, by O(instance_field).
  returned: success
  type: list
  elements: str
  sample: [ip-10-0-1-17, ip-10-0-2-31]
"""

import json
import time
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.urls import open_url
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.ecs import (
    describe_revision,
    last_log_lines,
    matches,
    stop_summary,
)
from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError, State, connect, finish

PAUSE_SECONDS = 1


class RoundError(Exception):
    """A round in which not all tasks gave the expected answer; the message says what came instead."""


class Proof:
    """The questions to one service."""

    def __init__(self, params: dict[str, Any], ecs: Any, logs: Any, token: str = "") -> None:
        self.params = params
        self.ecs = ecs
        self.logs = logs
        self.headers = {"Connection": "close", **({"Authorization": f"Bearer {token}"} if token else {})}
        self.began = datetime.now(UTC)

    def prove(self) -> set[str]:
        """Ask until all rounds were good, and return who answered."""
        deadline = time.monotonic() + self.params["timeout"]
        try:
            self._rounds(deadline)
            time.sleep(self.params["grace_seconds"])
            self._refuse_deaths()
            return self._rounds(deadline + self.params["grace_seconds"])
        except RoundError as error:
            raise RefusedError(self._explain(error)) from error

    def _rounds(self, deadline: float) -> set[str]:
        good = 0
        while True:
            try:
                instances = self._round()
                good += 1
                if good == self.params["rounds"]:
                    return instances
            except RoundError:
                good = 0
                if time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE_SECONDS)

    def _round(self) -> set[str]:
        service = self._service()
        running, desired = service["runningCount"], service["desiredCount"]
        if running < desired or not running:
            raise RoundError(f"{running} of {desired} tasks are running")
        instances: set[str] = set()
        # The load balancer chooses who answers; this many questions reach every task all but certainly.
        for _question in range(20 + 15 * running):
            instances.add(self._ask())
            if len(instances) >= running:
                return instances
        raise RoundError(f"only {len(instances)} of {running} running tasks answer: {', '.join(sorted(instances))}")

    def _ask(self) -> str:
        url = self.params["url"]
        try:
            with open_url(url, timeout=10, headers=self.headers) as response:
                answer = json.load(response)
        except (OSError, ValueError) as error:
            raise RoundError(f"{url}: {error}") from error
        if not isinstance(answer, dict) or not matches(self.params["expected"], answer):
            raise RoundError(f"{url} answers {json.dumps(answer)[:500]}")
        return str(answer.get(self.params["instance_field"], ""))

    def _service(self) -> State:
        answer = self.ecs.describe_services(cluster=self.params["cluster"], services=[self.params["service"]])
        active = [service for service in answer["services"] if service["status"] == "ACTIVE"]
        if not active:
            raise RefusedError(f"The ECS service {self.params['service']} does not exist.")
        return dict(active[0])

    def _refuse_deaths(self) -> None:
        # A task that dies is replaced, and its successor answers well until it dies too.
        dead = [task for task in self._tasks("STOPPED") if died(task) and task["stoppedAt"] >= self.began]
        if dead:
            raise RoundError(f"{len(dead)} tasks died in the meantime")

    def _tasks(self, status: str) -> list[State]:
        """Tasks of the revision that the service has now."""
        service = self._service()
        arns = self.ecs.list_tasks(
            cluster=self.params["cluster"], serviceName=self.params["service"], desiredStatus=status
        )["taskArns"]
        described = self.ecs.describe_tasks(cluster=self.params["cluster"], tasks=arns)["tasks"] if arns else []
        tasks = [task for task in described if task["taskDefinitionArn"] == service["taskDefinition"]]
        return sorted(tasks, key=lambda task: task["createdAt"], reverse=True)

    def _explain(self, error: RoundError) -> str:
        parts = [f"The ECS service {self.params['service']} is not proven: {error}."]
        dead = [task for task in self._tasks("STOPPED") if died(task)]
        for task in (dead or self._tasks("RUNNING"))[:2]:
            task_id = task["taskArn"].rsplit("/", 1)[-1]
            state = f"stopped: {stop_summary(task)}" if task in dead else "is running"
            parts.append(f"Task {task_id} {state}. Its last log lines:")
            found = describe_revision(self.ecs, task["taskDefinitionArn"])
            parts += last_log_lines(self.logs, found[0], task_id, self.params["log_lines"]) if found else []
        return "\n".join(parts)


def died(task: State) -> bool:
    """Whether a task ended by itself; the service stops others for its own reasons."""
    return task.get("stopCode") in ("EssentialContainerExited", "TaskFailedToStart")


def read_token(client: Any, secret: str) -> str:
    """The field token of a secret."""
    try:
        return str(json.loads(client.get_secret_value(SecretId=secret)["SecretString"])["token"])
    except (KeyError, TypeError, ValueError):
        # Without its cause, which could have the value.
        raise RefusedError(f"The secret {secret} is not a JSON object with a field token.") from None


def prove(module: Any) -> dict[str, Any]:
    """The module's result."""
    secret = module.params["token_from"]
    token = read_token(connect(module, "secretsmanager"), secret) if secret else ""
    module.no_log_values.update({token} - {""})
    instances = Proof(module.params, connect(module, "ecs"), connect(module, "logs"), token).prove()
    return {"changed": False, "instances": sorted(instances)}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "cluster": {"required": True},
            "service": {"required": True},
            "url": {"required": True},
            "expected": {"type": "dict", "required": True},
            "token_from": {"no_log": False},
            "instance_field": {"default": "instance"},
            "rounds": {"type": "int", "default": 3},
            "grace_seconds": {"type": "int", "default": 10},
            "timeout": {"type": "int", "default": 300},
            "log_lines": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    finish(module, lambda: prove(module), f"Could not prove the ECS service {module.params['service']}")


if __name__ == "__main__":
    main()
