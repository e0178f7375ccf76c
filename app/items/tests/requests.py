"""Requests as API Gateway hands them to the function, and what the function answers."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

ITEM_PATH = re.compile(r"^/items/([^/]+)$")


class Context:
    """What Lambda tells a function of its invocation."""

    function_name = "items-test-api"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:items-test-api:live"
    aws_request_id = "6f5e4d3c-2b1a-4998-8776-655443322110"

    def __init__(self, remaining: int = 20_000) -> None:
        self.remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


@dataclass
class Answer:
    """What API Gateway would send."""

    status: int
    headers: dict[str, str]
    body: str
    json: Any = field(init=False)

    def __post_init__(self) -> None:
        self.json = json.loads(self.body) if self.body else None


class Api:
    """The function behind the API."""

    def ask(
        self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None, caller: str = ""
    ) -> Answer:
        """Send a request; ``body`` is sent as JSON, or as it is if it is text."""
        from items.main import handler  # noqa: PLC0415  # reads its settings when it is imported

        answer = handler(event_of(method, url, body, headers or {}, caller), Context())
        flat = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return Answer(answer["statusCode"], flat, answer.get("body") or "")

    def make(self, **item: Any) -> dict[str, Any]:
        """Make an item and return it."""
        answer = self.ask("POST", "/items", {"name": "Desk lamp", **item})
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.json
        return made


def event_of(method: str, url: str, body: Any, headers: dict[str, str], caller: str) -> dict[str, Any]:
    """The event of a REST API's proxy integration."""
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    one_item = ITEM_PATH.match(parts.path)
    sent = {"Content-Type": "application/json", **headers}
    return {
        "resource": "/items/{item_id}" if one_item else parts.path,
        "path": parts.path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"item_id": one_item.group(1)} if one_item else None,
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "stage": "test",
            "path": f"/test{parts.path}",
            "httpMethod": method,
            "resourcePath": "/items",
            "identity": {"sourceIp": "127.0.0.1"},
            **({"authorizer": {"principalId": caller}} if caller else {}),
        },
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }
