#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Say what serves: services with their tasks, functions, and who holds the system's lock."""

from __future__ import annotations

DOCUMENTATION = r"""
module: serving_info
version_added: 0.1.0
short_description: Say what of a system serves
description:
  - Returns the images and tasks of ECS services, the packages of functions behind an alias, and who holds the system's
    lock, as they are now.
  - The services and functions that do not exist are among them, and say so.
  - Upstream modules read services, but neither their tasks nor what an alias leads to, and no items of a table.
author:
  - Slipway contributors (@slipway)
options:
  cluster:
    description: Name of the cluster of O(services).
    type: str
    default: ""
  services:
    description: Names of ECS services.
    type: list
    elements: str
    default: []
  functions:
    description: Names of functions.
    type: list
    elements: str
    default: []
  alias:
    description: The alias that is called.
    type: str
    default: live
  lock_table:
    description: Table of the locks, as M(slipway.graph.lock) has it. Empty leaves out the lock.
    type: str
    default: ""
  lock_key:
    description: Key of the system's lock.
    type: str
    default: ""
extends_documentation_fragment:
  - slipway.aws.check_mode.reads
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: See what serves
  slipway.aws.serving_info:
    cluster: shop-prod-cluster
    services: [shop-prod-api]
    functions: [shop-prod-rotation]
    lock_table: slipway-locks
    lock_key: shop-prod
  register: serving
"""

RETURN = r"""
services:
  description: The services, in the order asked for.
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: The service's name., type: str, returned: always}
    exists: {description: Whether there is one., type: bool, returned: always}
    running: {description: How many tasks run., type: int, returned: when it exists}
    desired: {description: How many are to run., type: int, returned: when it exists}
    images: {description: Images of its revision., type: list, elements: str, returned: when it exists}
    tasks:
      description: Its tasks, the newest first; each has C(id), C(status), C(health), C(started_at) and C(is_current),
        which says whether it runs the service's revision.
      type: list
      elements: dict
      returned: when it exists
functions:
  description: The functions, in the order asked for.
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: The function's name., type: str, returned: always}
    exists: {description: Whether it and its alias are there., type: bool, returned: always}
    version: {description: The version that the alias leads to., type: str, returned: when it exists}
    shifting: {description: Whether a part of the calls goes to another version., type: bool, returned: when it exists}
    sha256: {description: "Digest of its package, in hexadecimal digits.", type: str, returned: when it exists}
    state: {description: Whether it can be called., type: str, returned: when it exists}
lock:
  description: Who holds the lock; empty if nobody does.
  returned: always
  type: dict
  sample: {holder: "deploy@runner", reason: rollout, since: "2026-01-02T03:04:05+00:00"}
"""

import base64
from contextlib import suppress
from typing import Any

# Where it is missing, AnsibleAWSModule says so.
with suppress(ImportError):
    from botocore.exceptions import ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.ecs import describe_revision
from ansible_collections.slipway.aws.plugins.module_utils.resource import State, connect, error_code, finish

# DescribeTasks takes as many at once, and ListTasks gives as many on a page.
TASKS_AT_ONCE = 100
MISSING = {"ClusterNotFoundException", "ResourceNotFoundException", "ServiceNotFoundException"}


def service_state(ecs: Any, cluster: str, name: str) -> State:
    """A service and its tasks."""
    try:
        found = ecs.describe_services(cluster=cluster, services=[name])["services"]
    except ClientError as error:
        if error_code(error) not in MISSING:
            raise
        found = []
    active = [service for service in found if service["status"] == "ACTIVE"]
    if not active:
        return {"name": name, "exists": False}
    service = active[0]
    revision = describe_revision(ecs, service["taskDefinition"])
    containers = revision[0]["containerDefinitions"] if revision else []
    return {
        "name": name,
        "exists": True,
        "running": service["runningCount"],
        "desired": service["desiredCount"],
        "images": [container["image"] for container in containers],
        "tasks": [task_state(task, service["taskDefinition"]) for task in tasks_of(ecs, cluster, name)],
    }


def tasks_of(ecs: Any, cluster: str, service: str) -> list[State]:
    """A service's tasks, the newest first."""
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, serviceName=service)
    arns = [arn for page in pages for arn in page["taskArns"]]
    parts = [arns[first : first + TASKS_AT_ONCE] for first in range(0, len(arns), TASKS_AT_ONCE)]
    tasks = [task for part in parts for task in ecs.describe_tasks(cluster=cluster, tasks=part)["tasks"]]
    return sorted(tasks, key=lambda task: str(task.get("createdAt", "")), reverse=True)


def task_state(task: State, revision: str) -> State:
    """What a person wants to know of a task."""
    started = task.get("startedAt")
    return {
        "id": task["taskArn"].rsplit("/", 1)[-1],
        "status": task.get("lastStatus", ""),
        "health": task.get("healthStatus", "UNKNOWN"),
        "started_at": started.isoformat(timespec="seconds") if started else "",
        "is_current": task["taskDefinitionArn"] == revision,
    }


def function_state(client: Any, name: str, alias: str) -> State:
    """A function's version behind an alias."""
    try:
        leads_to = client.get_alias(FunctionName=name, Name=alias)
        version = client.get_function_configuration(FunctionName=name, Qualifier=leads_to["FunctionVersion"])
    except ClientError as error:
        if error_code(error) not in MISSING:
            raise
        return {"name": name, "exists": False}
    return {
        "name": name,
        "exists": True,
        "version": leads_to["FunctionVersion"],
        "shifting": bool(leads_to.get("RoutingConfig", {}).get("AdditionalVersionWeights")),
        "sha256": base64.b64decode(version["CodeSha256"]).hex(),
        "state": version.get("State", "Active"),
    }


def lock_state(dynamodb: Any, table: str, key: str) -> State:
    """Who holds a lock."""
    try:
        answer = dynamodb.get_item(TableName=table, Key={"LockID": {"S": key}}, ConsistentRead=True)
    except ClientError as error:
        if error_code(error) not in MISSING:
            raise
        return {}
    item = answer.get("Item", {})
    holder = item.get("Holder", {}).get("S", "")
    return {
        "holder": holder.partition(":")[0],
        "reason": item.get("Reason", {}).get("S", ""),
        "since": item.get("Since", {}).get("S", ""),
    } if holder else {}  # fmt: skip


def look(module: Any) -> dict[str, Any]:
    """The module's result."""
    params = module.params
    services = params["services"] and connect(module, "ecs")
    functions = params["functions"] and connect(module, "lambda")
    table = params["lock_table"]
    return {
        "changed": False,
        "services": [service_state(services, params["cluster"], name) for name in params["services"]],
        "functions": [function_state(functions, name, params["alias"]) for name in params["functions"]],
        "lock": lock_state(connect(module, "dynamodb"), table, params["lock_key"]) if table else {},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "cluster": {"default": ""},
            "services": {"type": "list", "elements": "str", "default": []},
            "functions": {"type": "list", "elements": "str", "default": []},
            "alias": {"default": "live"},
            "lock_table": {"default": ""},
            "lock_key": {"default": "", "no_log": False},
        },
        supports_check_mode=True,
    )
    finish(module, lambda: look(module), "Could not see what serves")


if __name__ == "__main__":
    main()
