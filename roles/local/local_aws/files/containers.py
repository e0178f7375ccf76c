# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Containers as their task definition says: root file system, user, memory, entry point, health check, time to stop.

MiniStack ignores these, so that what runs here could fail on Fargate.
"""

from __future__ import annotations

import contextlib
from typing import Any

from ministack.services import ecs

STOP_LABEL = "slipway.stop-timeout"
# What Fargate gives a container, and at most.
STOP_SECONDS, MOST_STOP_SECONDS = 30, 120
NANOSECONDS = 1_000_000_000
build, remove = ecs._build_run_kwargs, ecs._remove_docker_container


def install() -> None:
    """From now on start and stop containers so."""
    ecs._build_run_kwargs = options
    ecs._remove_docker_container = stop_and_remove


def options(definition: dict[str, Any], task: dict[str, Any], *arguments: Any, **named: Any) -> dict[str, Any]:
    """The options with which the engine starts a container."""
    given: dict[str, Any] = build(definition, task, *arguments, **named)
    given["read_only"] = bool(definition.get("readonlyRootFilesystem"))
    if definition.get("user"):
        given["user"] = definition["user"]
    if definition.get("entryPoint"):
        given["entrypoint"] = definition["entryPoint"]
    if memory := definition.get("memory") or task.get("memory"):
        given["mem_limit"] = f"{memory}m"
        # No swap beside it, as on Fargate.
        given["memswap_limit"] = f"{memory}m"
    if check := definition.get("healthCheck"):
        given["healthcheck"] = health_check(check)
    given["labels"] = {**given["labels"], STOP_LABEL: str(definition.get("stopTimeout") or STOP_SECONDS)}
    return given


def health_check(check: dict[str, Any]) -> dict[str, Any]:
    """A definition's health check as the engine wants it, with the defaults of ECS."""
    return {
        "test": check["command"],
        "interval": int(check.get("interval", 30)) * NANOSECONDS,
        "timeout": int(check.get("timeout", 5)) * NANOSECONDS,
        "retries": int(check.get("retries", 3)),
        "start_period": int(check.get("startPeriod", 0)) * NANOSECONDS,
    }


def stop_and_remove(engine: Any, container: Any) -> None:
    """Stop a container in the time that its definition gives it, and remove it."""
    if engine and isinstance(container, str):
        try:
            container = engine.containers.get(container)
        except Exception:
            return
    if engine and container is not None:
        seconds = int((container.labels or {}).get(STOP_LABEL) or STOP_SECONDS)
        # Whatever the reason is that it does not stop, it is removed by force.
        with contextlib.suppress(Exception):
            container.stop(timeout=min(seconds, MOST_STOP_SECONDS))
    remove(engine, container)
