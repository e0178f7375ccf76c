"""The function behind the API: what Lambda starts."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from typing import Any

import boto3
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from items.api import create_app
from items.operations import operate
from items.repository import ItemRepository
from items.settings import load_settings
from items.telemetry import logger, metrics, tracer

# A client waits for the answer: better a quick "not now" than one that nobody waits for any more.
PATIENCE = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})

settings = load_settings()
table = boto3.resource("dynamodb", config=PATIENCE).Table(settings.table_name)
repository = ItemRepository(table, settings.status_index)
# In the table of the items, whose index does not see it and whose TTL removes it.
store = DynamoDBPersistenceLayer(
    settings.table_name,
    # Not the table's own client, which translates attributes.
    boto3_client=boto3.client("dynamodb", config=PATIENCE),
    expiry_attr="expiresAt",
    in_progress_expiry_attr="inProgressUntil",
    status_attr="requestStatus",
)
app = create_app(settings, repository, store)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST, clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of the API, or what the deployment asks for."""
    try:
        if "slipway" in event:
            return operate(event["slipway"], table, repository, context.get_remaining_time_in_millis)
        return respond(event, context)
    except Exception:
        logger.exception("the invocation failed")
        raise


def respond(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of the API, and leave one line about it in the log."""
    started = time.perf_counter()
    answer = app.resolve(without_forms(without_riddles(event)), context)
    answer.setdefault("multiValueHeaders", {})["X-Request-Id"] = [event["requestContext"]["requestId"]]
    logger.info(
        "request",
        method=event["httpMethod"],
        route=event["resource"],
        path=event["path"],
        status=answer["statusCode"],
        milliseconds=round((time.perf_counter() - started) * 1000, 1),
    )
    return answer


def without_riddles(event: dict[str, Any]) -> dict[str, Any]:
    """The request as one that is refused where reading its JSON would fail in another way than that it is none.

    It may be nested deeper than Python goes, or have numbers of more digits than Python reads.
    """
    body = event.get("body") or ""
    try:
        json.loads(b64decode(body) if event.get("isBase64Encoded") else body or "null")
    except json.JSONDecodeError:
        return event
    except (RecursionError, ValueError):
        return {**event, "body": "{", "isBase64Encoded": False}
    return event


def without_forms(event: dict[str, Any]) -> dict[str, Any]:
    """The request as one that is refused where the library would read a form as if it were JSON."""
    headers = event.get("headers") or {}
    forms = [name for name, value in headers.items() if name.lower() == "content-type" and is_form(value)]
    return {**event, "headers": {**headers, **dict.fromkeys(forms, "application/octet-stream")}}


def is_form(media_type: str) -> bool:
    """Whether a browser's form was sent."""
    return media_type.strip().lower().startswith(("multipart/", "application/x-www-form-urlencoded"))
