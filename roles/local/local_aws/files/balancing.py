# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Load balancers that forward as AWS's do: only to targets that pass their health check, and to none that is going.

MiniStack calls every target healthy from the moment it is registered, and stops a task that is still asked. Here a
target is initial until a check succeeds, and unhealthy when checks fail for as long as its group says; then the service
replaces it. A task is stopped once its targets are drained, and a deployment goes on once those of the new tasks are
healthy.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import StreamingResponse, get_account_id, get_region, request_scope
from ministack.services import alb, ecs

INITIAL, HEALTHY, UNHEALTHY, DRAINING = "initial", "healthy", "unhealthy", "draining"
REASONS = {
    INITIAL: ("Elb.RegistrationInProgress", "Target registration is in progress"),
    UNHEALTHY: ("Target.FailedHealthChecks", "Health checks failed"),
    DRAINING: ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
}
# Between two looks: at a target that is not healthy yet, and at whether it is still there.
PAUSE_SECONDS = 0.5
# For the first check of a target that was there before the environment was started again.
FIRST_CHECK_SECONDS = 5
Answer = tuple[int, dict[str, Any], Any]
Key = tuple[str, str, int]


@dataclass
class Target:
    """A registered target: whether it passes its checks, and how many requests it is answering."""

    group: str
    address: str
    port: int
    since: float
    state: str = INITIAL
    checks: int = 0
    failing_since: float | None = None
    requests: int = 0
    is_draining: bool = False


known: dict[Key, Target] = {}
one_at_a_time = threading.Lock()
originals: dict[str, Any] = {}


def install() -> None:
    """From now on forward so."""
    for module, name, wrapper in (
        (alb, "set_targets_for_group", set_targets),
        (alb, "_register_targets", register_targets),
        (alb, "_deregister_targets", deregister_targets),
        (alb, "_describe_target_health", describe_target_health),
        (alb, "_forward_to_tg", forward),
        (ecs, "_stop_task", stop_task),
        (ecs, "_record_service_task_healthy", record_task_healthy),
    ):
        originals[name] = getattr(module, name)
        setattr(module, name, wrapper)
    for name, operation in (("_register_targets", "RegisterTargets"), ("_deregister_targets", "DeregisterTargets"),
                            ("_describe_target_health", "DescribeTargetHealth")):  # fmt: skip
        alb._ACTION_MAP[operation] = getattr(alb, name)
    ecs._ACTION_MAP["StopTask"] = stop_task


# Registration


def set_targets(group: str, targets: Any, previous_ids: Any = ()) -> bool:
    """Replace a service's targets, and look at what is registered now."""
    is_known: bool = originals["set_targets_for_group"](group, targets, previous_ids)
    look_at(group)
    return is_known


def register_targets(params: Any) -> Any:
    """Register targets, and look at them."""
    answer = originals["_register_targets"](params)
    look_at(alb._p(params, "TargetGroupArn"))
    return answer


def deregister_targets(params: Any) -> Any:
    """Deregister targets, and forget them."""
    answer = originals["_deregister_targets"](params)
    look_at(alb._p(params, "TargetGroupArn"))
    return answer


def look_at(group: str) -> list[Target]:
    """The targets that are registered with a group; each is checked from now on."""
    described = alb._tgs.get(group) or {}
    keys = [(group, str(each["Id"]), int(each.get("Port") or described.get("Port", 80)))
            for each in alb._targets.get(group) or []]  # fmt: skip
    with one_at_a_time:
        for key in [each for each in known if each[0] == group and each not in keys]:
            del known[key]
        for key in [each for each in keys if each not in known]:
            known[key] = Target(*key, since=time.monotonic())
            if described.get("TargetType") != "lambda":
                threading.Thread(target=watch, args=(known[key],), daemon=True).start()
        return [known[key] for key in keys]


# Health


def watch(target: Target) -> None:
    """Check a target until it is forgotten."""
    key = (target.group, target.address, target.port)
    while known.get(key) is target:
        with request_scope(*scope_of(target)):
            group = alb._tgs.get(target.group)
        if group is None:
            return
        note(target, group, passes(target, group))
        pause = group["HealthCheckIntervalSeconds"] if target.state == HEALTHY else PAUSE_SECONDS
        until = time.monotonic() + pause
        while known.get(key) is target and time.monotonic() < until:
            time.sleep(PAUSE_SECONDS)


def passes(target: Target, group: dict[str, Any]) -> bool:
    """Whether a target answers a health check as its group wants."""
    port = target.port if group["HealthCheckPort"] == "traffic-port" else int(group["HealthCheckPort"])
    timeout = group["HealthCheckTimeoutSeconds"]
    kind = http.client.HTTPSConnection if group["HealthCheckProtocol"] == "HTTPS" else http.client.HTTPConnection
    connection = kind(target.address, port, timeout=timeout)
    try:
        connection.request("GET", group["HealthCheckPath"], headers={"User-Agent": "ELB-HealthChecker/2.0"})
        return is_wanted(connection.getresponse().status, group["Matcher"]["HttpCode"])
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_wanted(status: int, matcher: str) -> bool:
    """Whether a status is among those of a matcher, such as 200,301-302."""
    ranges = (each.split("-") for each in matcher.split(","))
    return any(int(each[0]) <= status <= int(each[-1]) for each in ranges)


def note(target: Target, group: dict[str, Any], has_passed: bool) -> None:
    """Note the outcome of a check. One success is enough; failures count when they go on as long as AWS would count."""
    now = time.monotonic()
    target.checks += 1
    if has_passed:
        target.state, target.failing_since = HEALTHY, None
        return
    target.failing_since = target.failing_since or now
    patience = group["HealthCheckIntervalSeconds"] * (group["UnhealthyThresholdCount"] - 1)
    if now >= target.failing_since + patience:
        target.state = UNHEALTHY
        replace_task(target)


def replace_task(target: Target) -> None:
    """Stop the task of a target that is unhealthy, unless it may still be starting: its service starts another one."""
    with request_scope(*scope_of(target)):
        task, service = task_of(target)
        if task is None or service is None:
            return
        if time.monotonic() < target.since + float(service.get("healthCheckGracePeriodSeconds") or 0):
            return
        group = target.group.rpartition(":")[2]
        originals["_stop_task"]({
            "task": task["taskArn"], "cluster": service["clusterArn"],
            "reason": f"Task failed ELB health checks in ({group})",
        })  # fmt: skip
        ecs._record_service_task_failure(task)


def scope_of(target: Target) -> tuple[str, str]:
    """Account and Region of a target."""
    parts = target.group.split(":")
    return parts[4], parts[3]


def task_of(target: Target) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The running task behind a target, and its service."""
    for task in list(ecs._tasks.values()):
        if task.get("lastStatus") == "RUNNING" and ecs._task_ip(task) == target.address:
            name = str(task.get("group", "")).removeprefix("service:")
            cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
            return task, ecs._services.get(f"{cluster}/{name}")
    return None, None


def describe_target_health(params: Any) -> Any:
    """What the checks have found."""
    group = alb._p(params, "TargetGroupArn")
    if group not in alb._tgs:
        return originals["_describe_target_health"](params)
    wanted = {str(each["Id"]) for each in alb._parse_targets_param(params)}
    described = "".join(xml_of(each) for each in look_at(group) if not wanted or each.address in wanted)
    return alb._xml(200, "DescribeTargetHealth", f"<TargetHealthDescriptions>{described}</TargetHealthDescriptions>")


def xml_of(target: Target) -> str:
    """A target in an answer."""
    state = DRAINING if target.is_draining else target.state
    reason, description = REASONS.get(state, ("", ""))
    why = f"<Reason>{reason}</Reason><Description>{description}</Description>" if reason else ""
    return (
        f"<member><Target><Id>{target.address}</Id><Port>{target.port}</Port></Target>"
        f"<TargetHealth><State>{state}</State>{why}</TargetHealth></member>"
    )


# Requests


async def forward(group: str, *asked: Any) -> Answer:
    """Forward a request to a target that may have it."""
    described = alb._tgs.get(group)
    if not described or described.get("TargetType") not in ("instance", "ip") or not alb._targets.get(group):
        answer: Answer = await originals["_forward_to_tg"](group, *asked)
        return answer
    target = await chosen(group)
    if target is None:
        return 503, {"Content-Type": "application/json"}, json.dumps({"message": "No target is healthy"}).encode()
    method, path, headers, body, query, raw_query, raw_path = asked
    registered = {"Id": target.address, "Port": target.port}
    is_streaming = False
    try:
        status, fields, content = await alb._proxy_http_target(
            registered, described, method, raw_path or path, headers, body, query, raw_query
        )
        is_streaming = isinstance(content, StreamingResponse)
        return status, fields, counted(content, target) if is_streaming else content
    finally:
        if not is_streaming:
            target.requests -= 1


async def chosen(group: str) -> Target | None:
    """A target for a request, which is counted as answering it. If all are unhealthy, any: it may answer."""
    until = time.monotonic() + FIRST_CHECK_SECONDS
    while True:
        targets = [each for each in look_at(group) if not each.is_draining]
        healthy = [each for each in targets if each.state == HEALTHY]
        failing = targets if all(each.state == UNHEALTHY for each in targets) else []
        if healthy or failing:
            target = random.choice(healthy or failing)  # noqa: S311 - who gets a request is no secret
            target.requests += 1
            return target
        if all(each.checks for each in targets) or time.monotonic() > until:
            return None
        await asyncio.sleep(0.05)


def counted(content: StreamingResponse, target: Target) -> StreamingResponse:
    """An answer that counts until all of it was sent."""
    runner = content.runner

    async def run(send: Any, receive: Any) -> None:
        try:
            await runner(send, receive)
        finally:
            target.requests -= 1

    return StreamingResponse(run)


# Tasks


def stop_task(data: dict[str, Any]) -> Any:
    """Stop a task, once its targets are drained."""
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    task = ecs._resolve_task(data.get("task", ""), cluster) if cluster else None
    if task and task.get("lastStatus") == "RUNNING":
        drain(str(ecs._task_ip(task) or ""))
    return originals["_stop_task"](data)


def drain(address: str) -> None:
    """Send an address nothing more, and wait for what it is answering, as long as its groups want."""
    with one_at_a_time:
        going = [each for each in known.values() if each.address == address]
    for target in going:
        target.is_draining = True
    until = time.monotonic() + max((delay_of(each.group) for each in going), default=0)
    while any(each.requests for each in going) and time.monotonic() < until:
        time.sleep(0.05)


def delay_of(group: str) -> float:
    """The deregistration delay of a group, in seconds."""
    attributes = {each["Key"]: each["Value"] for each in alb._tg_attrs.get(group) or []}
    return float(attributes.get("deregistration_delay.timeout_seconds") or 300)


def record_task_healthy(service_key: str, task: dict[str, Any]) -> None:
    """Take a task for one that has started, once its targets are healthy; until then, look again."""
    service = ecs._services.get(service_key) or {}
    address = str(ecs._task_ip(task) or "")
    groups = [each["targetGroupArn"] for each in service.get("loadBalancers") or [] if each.get("targetGroupArn")]
    targets = [each for group in groups for each in look_at(group) if each.address == address]
    if groups and (not targets or any(each.state != HEALTHY for each in targets)):
        if ecs._task_is_active(task.get("taskArn"), task):
            ecs._schedule_service_deployment_completion(
                service_key.split("/", maxsplit=1)[0], service_key, get_account_id(), get_region(), task
            )
        return
    originals["_record_service_task_healthy"](service_key, task)
