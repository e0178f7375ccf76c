#!/usr/bin/env python3
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""moto's server for Application Auto Scaling beside another emulator that runs the ECS services.

moto looks for the service in its own ECS, where it is not: that check is left out. moto has no tags of scalable
targets: they are added. And moto keeps its state in memory only, but can record requests and replay them after a
restart: here those that write.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from typing import Any
from unittest.mock import patch

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.moto_api._internal.recorder.models import Recorder
from moto.server import main

record_request = Recorder._record_request
register = ApplicationAutoScalingResponse.register_scalable_target
tags: defaultdict[str, dict[str, str]] = defaultdict(dict)


def service_exists(*_: Any) -> bool:
    """Every service may be scaled: the other emulator knows which ones exist."""
    return True


def record_change(self: Recorder, request: Any, body: Any = None) -> None:
    """Record a request unless it only reads."""
    operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    if not operation.startswith(("Describe", "List")):
        record_request(self, request, body)


def register_with_tags(self: ApplicationAutoScalingResponse) -> str:
    """Register a target and keep its tags."""
    answer = register(self)
    tags[json.loads(answer)["ScalableTargetARN"]].update(self._get_param("Tags") or {})
    return answer


def list_tags(self: ApplicationAutoScalingResponse) -> str:
    """The tags of a target."""
    return json.dumps({"Tags": tags[self._get_param("ResourceARN")]})


def tag(self: ApplicationAutoScalingResponse) -> str:
    """Set tags of a target."""
    tags[self._get_param("ResourceARN")].update(self._get_param("Tags"))
    return "{}"


def untag(self: ApplicationAutoScalingResponse) -> str:
    """Remove tags of a target."""
    for key in self._get_param("TagKeys"):
        tags[self._get_param("ResourceARN")].pop(key, None)
    return "{}"


if __name__ == "__main__":
    with (
        patch.object(ApplicationAutoScalingResponse, "register_scalable_target", register_with_tags),
        patch.object(ApplicationAutoScalingResponse, "list_tags_for_resource", list_tags, create=True),
        patch.object(ApplicationAutoScalingResponse, "tag_resource", tag, create=True),
        patch.object(ApplicationAutoScalingResponse, "untag_resource", untag, create=True),
        patch.object(ApplicationAutoscalingBackend, "_ecs_service_exists_for_target", service_exists),
        patch.object(Recorder, "_record_request", record_change),
    ):
        main(sys.argv[1:])
