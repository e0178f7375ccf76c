#!/usr/bin/env python3
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""moto's server for Application Auto Scaling beside another emulator that runs the ECS services.

moto looks for the service in its own ECS, where it is not: that check is left out. And moto keeps its
state in memory only, but can record requests and replay them after a restart: here those that write.
"""

from __future__ import annotations

import sys
from typing import Any
from unittest.mock import patch

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.moto_api._internal.recorder.models import Recorder
from moto.server import main

record_request = Recorder._record_request


def service_exists(*_: Any) -> bool:
    """Every service may be scaled: the other emulator knows which ones exist."""
    return True


def record_change(self: Recorder, request: Any, body: Any = None) -> None:
    """Record a request unless it only reads."""
    operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    if not operation.startswith(("Describe", "List")):
        record_request(self, request, body)


if __name__ == "__main__":
    with (
        patch.object(ApplicationAutoscalingBackend, "_ecs_service_exists_for_target", service_exists),
        patch.object(Recorder, "_record_request", record_change),
    ):
        main(sys.argv[1:])
