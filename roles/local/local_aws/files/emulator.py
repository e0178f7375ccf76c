# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""MiniStack with some things put right.

It looks at the containers of each task twenty times a second, which takes a tenth of a core as long as the environment
is up: once a second is enough. And when it starts a replication group's cache again after a restart, it goes on telling
everybody the old address.
"""

from __future__ import annotations

import time
from typing import Any

import answers  # noqa: F401 - puts answers right
import balancing
import containers
from ministack.app import app
from ministack.services import ecs, elasticache

__all__ = ["app"]
# Its own loop pauses for a tenth of a second.
MORE_PAUSE_SECONDS = 0.9
look = ecs._maybe_mark_stopped
start_cache = elasticache._spawn_redis_container


def look_less_often(task: Any, docker_client: Any = None) -> None:
    """Look at a task's containers: at once for a client of the API, after a pause for the loop that watches it."""
    if docker_client is not None:
        time.sleep(MORE_PAUSE_SECONDS)
    look(task, docker_client)


def start_cache_and_tell(*, labels: dict[str, str], **options: Any) -> tuple[str, int, str | None]:
    """Start a cache; if it is of a replication group that there is already, that group learns the address."""
    host, port, container = start_cache(labels=labels, **options)
    owner = (labels["account_id"], labels["region"], labels.get("rg_id", ""))
    group = elasticache._replication_groups.get_scoped(*owner) or {}
    for node_group in group.get("NodeGroups", []):
        if node_group["NodeGroupId"] == labels["node_group"]:
            move(node_group, {"Address": host, "Port": port})
    return host, port, container


def move(node_group: dict[str, Any], endpoint: dict[str, Any]) -> None:
    """Note a node group's new address wherever the API tells it."""
    node_group["PrimaryEndpoint"] = node_group["ReaderEndpoint"] = endpoint
    for member in node_group["NodeGroupMembers"]:
        member["ReadEndpoint"] = endpoint


ecs._maybe_mark_stopped = look_less_often
elasticache._spawn_redis_container = start_cache_and_tell
balancing.install()
containers.install()
