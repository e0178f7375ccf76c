#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Run one task of a task definition's revision, once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_one_off_task
version_added: 0.1.0
short_description: Run a one-off task of a task definition revision
description:
  - Runs a task outside any service until it has exited with code 0 (a migration), or until it has served for
    some seconds (a rehearsal of a new revision before a service gets it).
  - Success is recorded as a tag on the revision, so that the next run does nothing, unless O(remember) is false. The
    tag also says what was done, so that another O(command), for example, is run although the revision is the same.
  - The module stops what it started, even if it fails or is interrupted. If an earlier run was killed, its task is
    adopted if it has the same revision and does the same; otherwise it is stopped.
  - If the task fails, the message contains the stop reason, the exit codes and the container's last log lines.
  - M(community.aws.ecs_task) starts and stops tasks, but neither waits for an exit code nor reads logs, and runs the
    task every time.
author:
  - Slipway contributors (@slipway)
options:
  cluster:
    description: Name or ARN of the cluster.
    type: str
    required: true
  task_definition:
    description: ARN of the revision, or the name of the family for its newest revision.
    type: str
    required: true
  remember_as:
    description: Name of this run, in the tag C(slipway:<remember_as>) on the revision and in messages.
    type: str
    required: true
  remember:
    description: Whether success is recorded. Set it to false for what must be done every time, such as a backup.
    type: bool
    default: true
  until:
    description: When the task counts as done.
    type: str
    choices: [exited, serving]
    required: true
  container:
    description: Container that gets O(command). Without it, the first one of the task definition.
    type: str
  command:
    description: Command to run instead of the container's own.
    type: list
    elements: str
  environment:
    description: Environment variables in addition to the container's own.
    type: dict
  probe:
    description:
      - How O(until=serving) is checked.
      - V(direct) sends HTTP requests to the task's private address, which must be reachable from here.
      - V(container_health) trusts the health check in the task definition, which ECS runs in the container.
    type: str
    choices: [direct, container_health]
    default: container_health
  port:
    description: Port for O(probe=direct).
    type: int
  path:
    description: Path for O(probe=direct). It must answer with a status below 400.
    type: str
    default: /
  serving_seconds:
    description: How long the task must serve without interruption.
    type: int
    default: 10
  timeout:
    description: Seconds that the task may take, from its start to its end or until it has served.
    type: int
    default: 900
  log_lines:
    description: How many of the container's last log lines a failure message contains.
    type: int
    default: 20
  tags:
    description: Tags of the task.
    type: dict
    aliases: [resource_tags]
extends_documentation_fragment:
  - slipway.aws.check_mode
  - slipway.aws.placement
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  diff_mode:
    description: Shows the tag that it would write.
    support: full
"""

EXAMPLES = r"""
- name: Migrate the database
  slipway.aws.ecs_one_off_task:
    cluster: shop-prod
    task_definition: "{{ definition.task_definition.task_definition_arn }}"
    remember_as: migration
    until: exited
    command: [alembic, upgrade, head]
    launch_type: FARGATE
    network_configuration:
      subnets: [subnet-1]
      security_groups: [sg-1]

- name: Export the database
  slipway.aws.ecs_one_off_task:
    cluster: shop-prod
    task_definition: shop-prod-backup
    remember_as: export
    remember: false
    until: exited
    command: [export]
    environment: {BACKUP_KEY: exports/shop-prod/20260102T030405Z}
    launch_type: FARGATE
    network_configuration:
      subnets: [subnet-1]
      security_groups: [sg-1]

- name: Rehearse the new revision
  slipway.aws.ecs_one_off_task:
    cluster: shop-prod
    task_definition: "{{ definition.task_definition.task_definition_arn }}"
    remember_as: rehearsal
    until: serving
    launch_type: FARGATE
    network_configuration:
      subnets: [subnet-1]
      security_groups: [sg-1]
"""

RETURN = r"""
task_arn:
  description: ARN of the task that ran.
  returned: when one ran
  type: str
  sample: arn:aws:ecs:eu-central-1:123456789012:task/shop-prod/0123
remembered:
  description: When it succeeded, according to the tag on the revision.
  returned: when it has succeeded and O(remember) is true
  type: str
  sample: "2026-01-02T03:04:05+00:00"
"""

import hashlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError

from ansible.module_utils.urls import open_url
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.ecs import (
    PLACEMENT,
    describe_revision,
    family_of,
    last_log_lines,
    placement,
    refuse_malformed,
    stop_summary,
)
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    State,
    connect,
    finish,
    string_tags,
    tags_to_list,
    variables_as_text,
)

POLL_SECONDS = 1
# Of the same revision and with the same of these, a task has been run already.
WHAT_IS_DONE = ("until", "container", "command", "environment", "probe", "port", "path")


class InterruptedByUser(BaseException):
    """SIGTERM, as an exception, so that what was started is stopped on the way out."""


class TaskFailedError(Exception):
    """The task did not do what it is for; the message says how it was seen."""


class OneOffTask:
    """One task of one revision, from its start to its end."""

    def __init__(self, params: dict[str, Any], ecs: Any, logs: Any) -> None:
        self.params = params
        self.ecs = ecs
        self.logs = logs
        self.cluster = params["cluster"]
        described = describe_revision(ecs, params["task_definition"])
        if described is None:
            raise RefusedError(f"task_definition is {params['task_definition']!r}, which does not exist.")
        self.definition, self.tags = described
        self.memory = f"slipway:{params['remember_as']}"
        done = json.dumps({option: params[option] for option in WHAT_IS_DONE}, sort_keys=True, default=str)
        self.done = hashlib.sha256(done.encode()).hexdigest()[:16]
        # ECS allows 128 characters, and no ":" among them.
        family = hashlib.sha256(family_of(self.definition["taskDefinitionArn"]).encode()).hexdigest()[:16]
        self.started_by = f"slipway-{params['remember_as']}-{family}"

    def request(self) -> State:
        """The options in the spelling of RunTask."""
        params = self.params
        request: State = {
            "cluster": self.cluster,
            "taskDefinition": self.definition["taskDefinitionArn"],
            "startedBy": self.started_by,
            "count": 1,
            "tags": tags_to_list(string_tags(params["tags"]) or {}, lower=True),
        }
        request |= {field: value for field, value in placement(params).items() if value}
        if params["command"] or params["environment"]:
            request["overrides"] = {"containerOverrides": [self._container_override()]}
        return request

    def _container_override(self) -> State:
        names = [container["name"] for container in self.definition["containerDefinitions"]]
        name = self.params["container"] or names[0]
        if name not in names:
            raise RefusedError(f"container is {name!r}; the task definition contains {', '.join(names)}.")
        variables = variables_as_text(self.params["environment"] or {}).items()
        override: State = {
            "name": name,
            "environment": [{"name": key, "value": value} for key, value in variables],
        }
        if self.params["command"]:
            override["command"] = self.params["command"]
        return override

    def run(self) -> str:
        """Run the task until it has done what it is for, stop it in any case, and return its ARN."""
        deadline = time.monotonic() + self.params["timeout"]
        try:
            arn = self._left_over() or self._start()
            if self.params["until"] == "exited":
                self._wait_exited(arn, deadline)
            else:
                self._wait_serving(arn, deadline)
        except TaskFailedError as failure:
            raise RefusedError(self._explain(arn, failure)) from failure
        finally:
            # Asked for by name: an interruption may have come before RunTask gave the ARN.
            for task in self._running():
                self._stop(task)
        return arn

    def remember(self) -> str:
        """Write on the revision that this has succeeded."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.ecs.tag_resource(
            resourceArn=self.definition["taskDefinitionArn"],
            tags=tags_to_list({self.memory: f"{now} {self.done}"}, lower=True),
        )
        return now

    def remembered(self) -> str:
        """When the same was done with success; empty if it never was, or if something else was."""
        when, _space, done = str(self.tags.get(self.memory, "")).partition(" ")
        return when if done == self.done else ""

    def _left_over(self) -> str:
        # A run that was killed could not stop its task. Two migrations at the same time must not be. What is done each
        # time is told anew each time, and what was told to the task that is left over is not known.
        adopted = ""
        for task in self._running():
            same = self.params["remember"] and self._does_the_same(task)
            if same and not adopted:
                adopted = task["taskArn"]
            else:
                self._stop(task)
        return adopted

    def _does_the_same(self, task: State) -> bool:
        if task["taskDefinitionArn"] != self.definition["taskDefinitionArn"]:
            return False
        wanted = self.request().get("overrides", {}).get("containerOverrides", [])
        told = task.get("overrides", {}).get("containerOverrides", wanted)
        return [each.get("command") for each in told if each.get("command")] == [
            each.get("command") for each in wanted if each.get("command")
        ]

    def _running(self) -> list[State]:
        arns = self.ecs.list_tasks(cluster=self.cluster, startedBy=self.started_by)["taskArns"]
        return list(self.ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"]) if arns else []

    def _start(self) -> str:
        answer = self.ecs.run_task(**self.request())
        if not answer["tasks"]:
            reasons = "; ".join(failure.get("reason", "") for failure in answer["failures"])
            raise RefusedError(f"ECS did not start the {self.params['remember_as']} task: {reasons}")
        return str(answer["tasks"][0]["taskArn"])

    def _stop(self, task: State) -> None:
        reason = f"{self.params['remember_as']} has ended"
        self.ecs.stop_task(cluster=self.cluster, task=task["taskArn"], reason=reason)

    def _describe(self, arn: str) -> State:
        tasks = self.ecs.describe_tasks(cluster=self.cluster, tasks=[arn])["tasks"]
        # Right after RunTask ECS may not show the task yet.
        return dict(tasks[0]) if tasks else {}

    def _wait_exited(self, arn: str, deadline: float) -> None:
        while time.monotonic() < deadline:
            task = self._describe(arn)
            if task.get("lastStatus") == "STOPPED":
                self._check_exit_codes(task)
                return
            time.sleep(POLL_SECONDS)
        raise TaskFailedError(f"it did not end within {self.params['timeout']} seconds")

    def _check_exit_codes(self, task: State) -> None:
        essential = {
            container["name"]
            for container in self.definition["containerDefinitions"]
            if container.get("essential", True)
        }
        codes = [each.get("exitCode") for each in task["containers"] if each["name"] in essential]
        if task.get("stopCode") != "EssentialContainerExited" or any(codes) or None in codes:
            raise TaskFailedError(stop_summary(task))

    def _wait_serving(self, arn: str, deadline: float) -> None:
        since = None
        seen = "it has not started yet"
        while time.monotonic() < deadline:
            task = self._describe(arn)
            if task.get("lastStatus") == "STOPPED":
                raise TaskFailedError(stop_summary(task))
            problem = self._problem(task)
            if problem:
                since, seen = None, problem
            elif since is None:
                since = time.monotonic()
            elif time.monotonic() - since >= self.params["serving_seconds"]:
                return
            time.sleep(POLL_SECONDS)
        raise TaskFailedError(
            f"it did not serve for {self.params['serving_seconds']} seconds"
            f" within {self.params['timeout']} seconds: {seen}"
        )

    def _problem(self, task: State) -> str:
        """What keeps the task from serving right now; empty when it serves."""
        if task.get("lastStatus") != "RUNNING":
            return f"it is {task.get('lastStatus', 'unknown to ECS')}"
        if self.params["probe"] == "direct":
            return self._ask(private_address(task))
        health = task.get("healthStatus")
        if health == "UNHEALTHY":
            raise TaskFailedError("its container health check is failing")
        return "" if health == "HEALTHY" else f"its container health is {health}"

    def _ask(self, address: str) -> str:
        url = f"http://{address}:{self.params['port']}{self.params['path']}"
        try:
            open_url(url, timeout=5, use_proxy=False, follow_redirects="none")
        except HTTPError as error:
            return "" if error.code < 400 else f"{url} answers {error.code}"
        except OSError as error:
            return f"{url} does not answer: {getattr(error, 'reason', error)}"
        return ""

    def _explain(self, arn: str, failure: TaskFailedError) -> str:
        task_id = arn.rsplit("/", 1)[-1]
        lines = last_log_lines(self.logs, self.definition, task_id, self.params["log_lines"])
        logged = "\n".join(["Its last log lines:", *lines]) if lines else "It logged nothing."
        revision = self.definition["taskDefinitionArn"].rsplit("/", 1)[-1]
        return f"The {self.params['remember_as']} task {task_id} of {revision} failed: {failure}.\n{logged}"


def private_address(task: State) -> str:
    """The address of a task's network interface."""
    details = [entry for each in task.get("attachments", []) for entry in each.get("details", [])]
    return next((entry["value"] for entry in details if entry["name"] == "privateIPv4Address"), "")


@contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGTERM an exception, so that ``finally`` runs. Only the main thread can have signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise InterruptedByUser

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_once(module: Any) -> dict[str, Any]:
    """The module's result."""
    params = module.params
    ecs = connect(module, "ecs")
    task = OneOffTask(params, ecs, connect(module, "logs"))
    if params["remember"] and task.remembered():
        return {"changed": False, "remembered": task.remembered()}
    refuse_malformed(ecs, "RunTask", task.request())
    outcome: dict[str, Any] = {"changed": True}
    if params["remember"]:
        before = task.tags.get(task.memory)
        outcome["diff"] = {"before": {task.memory: before} if before else {}, "after": {task.memory: "now"}}
    if module.check_mode:
        return outcome
    try:
        with interruptible():
            outcome["task_arn"] = task.run()
    except InterruptedByUser as interruption:
        what = f"{params['remember_as']} task"
        raise RefusedError(f"The {what} was interrupted by SIGTERM and has been stopped.") from interruption
    if params["remember"]:
        outcome["remembered"] = task.remember()
    return outcome


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "cluster": {"required": True},
            "task_definition": {"required": True},
            "remember_as": {"required": True},
            "remember": {"type": "bool", "default": True},
            "until": {"choices": ["exited", "serving"], "required": True},
            "container": {},
            "command": {"type": "list", "elements": "str"},
            "environment": {"type": "dict"},
            **PLACEMENT,
            "probe": {"choices": ["direct", "container_health"], "default": "container_health"},
            "port": {"type": "int"},
            "path": {"default": "/"},
            "serving_seconds": {"type": "int", "default": 10},
            "timeout": {"type": "int", "default": 900},
            "log_lines": {"type": "int", "default": 20},
            "tags": {"type": "dict", "aliases": ["resource_tags"]},
        },
        required_if=[("probe", "direct", ["port"])],
        mutually_exclusive=[("launch_type", "capacity_provider_strategy")],
        supports_check_mode=True,
    )
    finish(module, lambda: run_once(module), f"Could not run the {module.params['remember_as']} task")


if __name__ == "__main__":
    main()
