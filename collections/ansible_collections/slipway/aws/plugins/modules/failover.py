#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Make a part of a system fail over, and measure what a client sees of it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: failover
version_added: 0.1.0
short_description: Make a part of a system fail over, and measure the downtime that a client sees
description:
  - Sends requests to a URL at a steady rate, makes a part of the system fail, and continues until all requests have
    succeeded for some seconds. It returns what the client saw.
  - O(target=ecs_service) stops all tasks of a service at once; O(target=rds_instance) makes the standby take over;
    O(target=elasticache_replication_group) makes a replica take over.
  - A target that has nothing to fail over to is refused before anything is touched.
  - No upstream module measures, and none fails over a cache. The requests must begin before the failure and continue
    after it, so one module does both.
author:
  - Slipway contributors (@slipway)
options:
  target:
    description: What to make fail.
    type: str
    choices: [ecs_service, rds_instance, elasticache_replication_group]
    required: true
  name:
    description: Name or identifier of the target.
    type: str
    required: true
  cluster:
    description: Cluster of the ECS service.
    type: str
  remind:
    description:
      - Whether to set the number of tasks again after they have been stopped. AWS replaces them on its own; an emulator
        may need this.
    type: bool
    default: false
  node_group:
    description: Node group of the cache that fails over.
    type: str
    default: "0001"
  url:
    description: URL to request. A response with a status below 400 counts as a success.
    type: str
    required: true
  rate:
    description: Requests per second. A slow response does not delay the next request.
    type: int
    default: 10
  request_timeout:
    description: Seconds after which a request counts as failed.
    type: int
    default: 10
  stable_seconds:
    description: Seconds for which every request must succeed, before the failure and at the end.
    type: int
    default: 15
  timeout:
    description: Seconds after which the module gives up on the service.
    type: int
    default: 900
extends_documentation_fragment:
  - slipway.aws.check_mode
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Only checks that the target can fail over.
    support: full
"""

EXAMPLES = r"""
- name: Stop all tasks of a service
  slipway.aws.failover:
    target: ecs_service
    cluster: shop-prod
    name: shop-prod-api
    url: https://shop.example/health
  register: stopped

- name: Have the standby of the database take over
  slipway.aws.failover:
    target: rds_instance
    name: shop-prod-database
    url: https://shop.example/orders
    stable_seconds: 60
"""

RETURN = r"""
did:
  description: What the module did.
  returned: always
  type: str
  sample: stopped 3 tasks
downtime_seconds:
  description: Time from the start of the first failed request to the start of the first successful one after the last
    failure.
  returned: always, but not in check mode
  type: float
  sample: 4.2
recovery_seconds:
  description: Time from the failure to the start of the first successful request after the last failed one; 0 if none
    failed.
  returned: always, but not in check mode
  type: float
  sample: 4.9
requests:
  description: Number of requests since the failure.
  returned: always, but not in check mode
  type: int
  sample: 240
failed_requests:
  description: Number of failed requests.
  returned: always, but not in check mode
  type: int
  sample: 42
failures:
  description: The kinds of failures, with their number.
  returned: always, but not in check mode
  type: dict
  sample: {"503": 40, "timed out": 2}
slowest_seconds:
  description: Duration of the slowest successful request.
  returned: always, but not in check mode
  type: float
  sample: 0.8
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError

from ansible.module_utils.urls import open_url
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError, connect, finish

PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Answer:
    """What came of one request: when it began, how long it took, and why it failed if it did."""

    began: float
    seconds: float
    failure: str

    @property
    def ended(self) -> float:
        """When it was answered, or given up."""
        return self.began + self.seconds


class Client:
    """A client that asks at a steady rate, whether or not it is answered."""

    def __init__(self, ask: Callable[[], str], rate: int, timeout: float) -> None:
        self._ask = ask
        self._rate = rate
        # All that may be unanswered at once.
        self._threads = int(rate * timeout) + rate
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._answers: list[Answer] = []
        self._unanswered: set[float] = set()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask in the background."""
        with ThreadPoolExecutor(self._threads) as pool:
            clock = threading.Thread(target=self._keep_time, args=(pool,))
            clock.start()
            try:
                yield
            finally:
                self._stop.set()
                clock.join()

    def _keep_time(self, pool: ThreadPoolExecutor) -> None:
        start = time.monotonic()
        for number in itertools.count(1):
            pool.submit(self._request)
            if self._stop.wait(max(0.0, start + number / self._rate - time.monotonic())):
                return

    def _request(self) -> None:
        began = time.monotonic()
        with self._lock:
            self._unanswered.add(began)
        failure = self._ask()
        answer = Answer(began, time.monotonic() - began, failure)
        with self._lock:
            self._unanswered.discard(began)
            self._answers.append(answer)

    def answers(self) -> list[Answer]:
        """What has been answered so far, in the order of asking."""
        with self._lock:
            return sorted(self._answers, key=lambda answer: answer.began)

    def _judged_until(self) -> float:
        """Until when all that was asked has been answered: what still waits may yet fail."""
        with self._lock:
            return min(self._unanswered, default=time.monotonic())

    def wait_stable(self, since: float, seconds: float, timeout: float) -> None:
        """Return when every request of some seconds on end was answered well, and as many were sent as should be."""
        deadline = time.monotonic() + timeout
        while True:
            until = self._judged_until()
            answers = [answer for answer in self.answers() if since <= answer.ended and answer.began < until]
            good_since = max((answer.began for answer in answers if answer.failure), default=since)
            good = sum(not answer.failure and answer.began >= good_since for answer in answers)
            if until - good_since >= seconds and good >= seconds * self._rate:
                return
            if time.monotonic() > deadline:
                last = next((answer.failure for answer in reversed(answers) if answer.failure), "nothing answers")
                raise RefusedError(f"The service was not healthy for {seconds:g} seconds in a row: {last}.")
            time.sleep(PAUSE_SECONDS)


def measure(answers: list[Answer], failed_at: float) -> dict[str, Any]:
    """What a client saw from a moment on, which may have come while requests were under way."""
    seen = [answer for answer in answers if answer.ended >= failed_at]
    failed = [answer for answer in seen if answer.failure]
    good = [answer for answer in seen if not answer.failure]
    # A request may hang from before the failure of others; it is down until one that began later is answered.
    recovered = next((answer.began for answer in good if failed and answer.began > failed[-1].began), failed_at)
    return {
        "downtime_seconds": round(recovered - failed[0].began, 1) if failed else 0.0,
        "recovery_seconds": round(recovered - failed_at, 1),
        "requests": len(seen),
        "failed_requests": len(failed),
        "failures": dict(Counter(answer.failure for answer in failed)),
        "slowest_seconds": round(max((answer.seconds for answer in good), default=0.0), 2),
    }


def ask(url: str, timeout: int) -> str:
    """Send one request; returns how it failed, or nothing."""
    try:
        open_url(url, timeout=timeout, headers={"Connection": "close"}, follow_redirects="none")
    except HTTPError as error:
        return "" if error.code < 400 else str(error.code)
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
    return ""


class Target:
    """What can be made to fail."""

    def __init__(self, params: dict[str, Any], client: Any) -> None:
        self.params = params
        self.client = client
        self.name = params["name"]

    def check(self) -> None:
        """Refuse a target that has nothing to fail over to."""

    def fail(self) -> str:
        """Make it fail, and say what was done."""
        raise NotImplementedError

    def wait(self, timeout: float) -> None:
        """Return when AWS has ended its part."""


class EcsService(Target):
    """A service all of whose tasks are stopped."""

    def check(self) -> None:
        if not self._tasks():
            raise RefusedError(f"The service {self.name} in {self.params['cluster']} has no running tasks to stop.")

    def fail(self) -> str:
        tasks = self._tasks()
        for task in tasks:
            self.client.stop_task(cluster=self.params["cluster"], task=task, reason="failover drill")
        if self.params["remind"]:
            self.client.update_service(cluster=self.params["cluster"], service=self.name, desiredCount=len(tasks))
        return f"stopped {len(tasks)} tasks"

    def _tasks(self) -> list[str]:
        pages = self.client.get_paginator("list_tasks").paginate(
            cluster=self.params["cluster"], serviceName=self.name, desiredStatus="RUNNING"
        )
        return [arn for page in pages for arn in page["taskArns"]]


class RdsInstance(Target):
    """A database whose standby takes over."""

    def check(self) -> None:
        instance = self._instance()
        if not instance["MultiAZ"]:
            raise RefusedError(f"The database {self.name} has no standby: it is not Multi-AZ (rds_multi_az).")
        if instance["DBInstanceStatus"] != "available":
            raise RefusedError(f"The database {self.name} is {instance['DBInstanceStatus']} and not available.")

    def fail(self) -> str:
        zone = self._instance().get("AvailabilityZone")
        self.client.reboot_db_instance(DBInstanceIdentifier=self.name, ForceFailover=True)
        return f"made the standby of {self.name} take over from {zone}"

    def wait(self, timeout: float) -> None:
        wait_while(lambda: self._instance()["DBInstanceStatus"] != "available", timeout, self.name)

    def _instance(self) -> dict[str, Any]:
        instances = self.client.describe_db_instances(DBInstanceIdentifier=self.name)["DBInstances"]
        return dict(instances[0])


class ReplicationGroup(Target):
    """A cache of which a replica takes over."""

    def check(self) -> None:
        group = self._group()
        if group.get("AutomaticFailover") != "enabled":
            raise RefusedError(
                f"The cache {self.name} has no automatic failover (elasticache_node_count, elasticache_multi_az)."
            )
        if group["Status"] != "available":
            raise RefusedError(f"The cache {self.name} is {group['Status']} and not available.")

    def fail(self) -> str:
        node_group = self.params["node_group"]
        self.client.test_failover(ReplicationGroupId=self.name, NodeGroupId=node_group)
        return f"made a replica in node group {node_group} of {self.name} take over"

    def wait(self, timeout: float) -> None:
        wait_while(lambda: self._group()["Status"] != "available", timeout, self.name)

    def _group(self) -> dict[str, Any]:
        groups = self.client.describe_replication_groups(ReplicationGroupId=self.name)["ReplicationGroups"]
        return dict(groups[0])


def wait_while(busy: Callable[[], bool], timeout: float, name: str) -> None:
    """Return when a target is available again."""
    deadline = time.monotonic() + timeout
    while busy():
        if time.monotonic() > deadline:
            raise RefusedError(f"{name} was not available again after {timeout:g} seconds.")
        time.sleep(1)


TARGETS: dict[str, tuple[type[Target], str]] = {
    "ecs_service": (EcsService, "ecs"),
    "rds_instance": (RdsInstance, "rds"),
    "elasticache_replication_group": (ReplicationGroup, "elasticache"),
}


def drill(params: dict[str, Any], target: Target, client: Client) -> dict[str, Any]:
    """Make the target fail while the client asks, and measure."""
    stable, timeout = params["stable_seconds"], params["timeout"]
    with client.asking():
        client.wait_stable(time.monotonic(), stable, timeout)
        failed_at = time.monotonic()
        did = target.fail()
        client.wait_stable(failed_at, stable, timeout)
        target.wait(timeout)
        client.wait_stable(failed_at, stable, timeout)
    return {"did": did, **measure(client.answers(), failed_at)}


def fail_over(module: Any) -> dict[str, Any]:
    """The module's result."""
    params = module.params
    kind, service = TARGETS[params["target"]]
    target = kind(params, connect(module, service))
    target.check()
    if module.check_mode:
        return {"changed": True, "did": "nothing, in check mode"}
    seconds = params["request_timeout"]
    client = Client(lambda: ask(params["url"], seconds), params["rate"], seconds)
    return {"changed": True, **drill(params, target, client)}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "target": {"choices": list(TARGETS), "required": True},
            "name": {"required": True},
            "cluster": {},
            "remind": {"type": "bool", "default": False},
            "node_group": {"default": "0001"},
            "url": {"required": True},
            "rate": {"type": "int", "default": 10},
            "request_timeout": {"type": "int", "default": 10},
            "stable_seconds": {"type": "int", "default": 15},
            "timeout": {"type": "int", "default": 900},
        },
        required_if=[("target", "ecs_service", ["cluster"])],
        supports_check_mode=True,
    )
    finish(module, lambda: fail_over(module), f"Could not fail over {module.params['name']}")


if __name__ == "__main__":
    main()
