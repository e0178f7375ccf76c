# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The AWS gateway: MiniStack behind a door.

A request must come from a program, not a page; it must be signed with the environment's key, or with one that MiniStack
gave to a task, a function or whoever assumed a role. Open to everybody is what is open on AWS as well: the systems' own
load balancers and APIs.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import callers
import functions
from door import AccessKey, foreign
from emulator import app as emulator
from ministack.app import _is_ecr_registry_path
from ministack.core.iam_actions import access_denied_response
from ministack.core.router import extract_access_key_id
from ministack.services import alb

__all__ = ["app"]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Status, headers, body.
Answer = tuple[int, dict[str, str], bytes]

BALANCERS = "/_alb/"
SYSTEMS = (BALANCERS, "/_aws/execute-api/")
READY = "/_ministack/ready"
# A task reads there what it is.
TASK_METADATA = "/v4/"
# MiniStack's own, which know no signatures.
UNSIGNED = ("/_", "/latest/", "/v2/credentials")
SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]*/([^/]+)/")

key = AccessKey.read(Path(os.environ["SLIPWAY_ACCESS_KEY_FILE"]))
port = os.environ["GATEWAY_PORT"]
callers.install(key, f"127.0.0.1:{port}")
functions.install()


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer as MiniStack does, or say why not."""
    if scope["type"] == "lifespan":
        await emulator(scope, receive, send)
        return
    address = scope["server"][0]
    callers.from_containers.set(address != "127.0.0.1")
    refused = refusal(scope, headers_of(scope), address)
    if refused:
        await refuse(scope, receive, send, refused)
    elif scope["path"].startswith(SYSTEMS):
        await emulator(scope, receive, send)
    else:
        await emulator(scope, receive, without_cors(send))


def headers_of(scope: dict[str, Any]) -> dict[str, str]:
    """The headers as MiniStack reads them."""
    headers: dict[str, str] = {}
    for raw_name, raw in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def refusal(scope: dict[str, Any], headers: dict[str, str], address: str) -> Answer | None:
    """What a caller gets who may not call; None for who may."""
    path = scope["path"]
    names = ("host.docker.internal", address) if callers.from_containers.get() else ("localhost", address)
    systems = path.startswith(SYSTEMS)
    if reason := foreign(headers, frozenset(f"{name}:{port}" for name in names), for_browsers=systems):
        return denied(reason)
    if path.startswith(BALANCERS) and alb._find_lb_by_name(path.split("/")[2]) is None:
        # MiniStack takes what follows for a request of the API.
        return denied("There is no such load balancer.", 404)
    if systems or (scope.get("method") == "GET" and (path == READY or path.startswith(TASK_METADATA))):
        return None
    if _is_ecr_registry_path(path):
        return registry_refusal(headers)
    if scope["type"] == "websocket" or path.startswith(UNSIGNED):
        return denied("This part of the emulator is closed.")
    return key_refusal(scope, headers)


def key_refusal(scope: dict[str, Any], headers: dict[str, str]) -> Answer | None:
    """What a caller gets without a key, or with one that is not valid here."""
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    access_key_id = extract_access_key_id(headers, query)
    if not access_key_id:
        return denied("The request is not signed. See aws_environment of the inventory for the key.")
    if callers.from_containers.get() and access_key_id == key.id:
        return denied("The environment's own key is not valid in containers; tasks have the key of their role.")
    failure = callers.problem(access_key_id)
    if failure is None:
        return None
    scoped = SCOPE.search(headers.get("authorization", ""))
    answer: Answer = access_denied_response(
        scoped[1] if scoped else "s3", "", "", str(uuid.uuid4()),
        error_code=failure.code, message=failure.message, headers=headers,
    )  # fmt: skip
    return answer


def registry_refusal(headers: dict[str, str]) -> Answer | None:
    """What a client of the registry gets without its password, and every container: who pushes images makes code."""
    if callers.from_containers.get():
        return denied("Containers may not use the registry.")
    if key.opens_registry(headers.get("authorization", "")):
        return None
    status, answer_headers, body = denied("The password is that of ecr:GetAuthorizationToken.", 401)
    return status, {**answer_headers, "WWW-Authenticate": 'Basic realm="local environment"'}, body


def denied(reason: str, status: int = 403) -> Answer:
    """A refusal of a request of which is not known how it wants to be refused."""
    body = json.dumps({"__type": "AccessDeniedException", "message": reason}).encode()
    return status, {"Content-Type": "application/json"}, body


async def refuse(scope: dict[str, Any], receive: Receive, send: Send, answer: Answer) -> None:
    """Send a refusal."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    status, headers, body = answer
    fields = {**headers, "Content-Length": str(len(body))}
    raw = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def without_cors(send: Send) -> Send:
    """Send no header that lets a page read an answer."""

    async def send_without(message: Message) -> None:
        if "headers" in message:
            kept = [each for each in message["headers"] if not each[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    return send_without
