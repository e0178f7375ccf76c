#!/usr/bin/env python3
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""moto's server for Application Auto Scaling beside another emulator that runs the ECS services.

moto looks for the service in its own ECS, where it is not: that check is left out. moto has no tags of scalable
targets: they are added. And moto keeps its state in memory only, but can record requests and replay them after a
restart: here those that write.

With the file of an access key it serves nothing but Application Auto Scaling, and only to who has the key. The tests'
emulators do without.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from door import AccessKey, foreign
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.moto_api import recorder
from moto.moto_api._internal.recorder.models import Recorder
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple
from werkzeug.test import Client

TARGET = "AnyScaleFrontendService."
Start = Callable[[str, list[tuple[str, str]]], Any]
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


class Guarded:
    """A WSGI application that only answers requests which the environment's key has signed."""

    def __init__(self, app: Any, key: AccessKey, port: int) -> None:
        self.app = app
        self.key = key
        self.hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answer, or say why not."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if reason := self._refusal(environ, body):
            start("403 Forbidden", [("Content-Type", "application/x-amz-json-1.1")])
            return [json.dumps({"__type": "AccessDeniedException", "message": reason}).encode()]

        def without_cors(status: str, headers: list[tuple[str, str]], *failure: Any) -> Any:
            kept = [each for each in headers if not each[0].lower().startswith("access-control-")]
            return start(status, kept, *failure)

        answer: Iterable[bytes] = self.app(environ, without_cors)
        return answer

    def _refusal(self, environ: dict[str, Any], body: bytes) -> str:
        headers = {
            name.removeprefix("HTTP_").lower().replace("_", "-"): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        }
        if not headers.get("x-amz-target", "").startswith(TARGET):
            return "Only Application Auto Scaling is served here."
        return foreign(headers, self.hosts) or self.key.refusal(
            environ["REQUEST_METHOD"], environ["RAW_URI"], headers, body
        )


def replay(app: Any, recording: Path) -> None:
    """Do again what a recording has, without the network: what it was signed with has expired."""
    recorder.stop_recording()
    client = Client(app)
    for line in recording.read_text().splitlines():
        request = json.loads(line)
        body = base64.b64decode(request["body"]) if request["body_encoded"] else request["body"]
        path = urlsplit(request["url"]).path
        client.open(path, method=request["method"], headers=request["headers"], data=body)
    recorder.start_recording()


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-p", "--port", type=int, required=True, help="port of 127.0.0.1")
    parser.add_argument(
        "--access-key", type=Path, help="file with the access key that every request must be signed with"
    )
    parser.add_argument("--recording", type=Path, help="file of what was changed before, which is done again")
    given = parser.parse_args()
    os.environ["MOTO_PORT"] = str(given.port)
    app: Any = DomainDispatcherApplication(create_backend_app)
    if given.recording:
        replay(app, given.recording)
    if given.access_key:
        app = Guarded(app, AccessKey.read(given.access_key), given.port)
    run_simple("127.0.0.1", given.port, app, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    with (
        patch.object(ApplicationAutoScalingResponse, "register_scalable_target", register_with_tags),
        patch.object(ApplicationAutoScalingResponse, "list_tags_for_resource", list_tags, create=True),
        patch.object(ApplicationAutoScalingResponse, "tag_resource", tag, create=True),
        patch.object(ApplicationAutoScalingResponse, "untag_resource", untag, create=True),
        patch.object(ApplicationAutoscalingBackend, "_ecs_service_exists_for_target", service_exists),
        patch.object(Recorder, "_record_request", record_change),
    ):
        main()
