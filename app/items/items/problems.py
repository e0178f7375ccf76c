"""RFC 9457 problem documents."""

from __future__ import annotations

import json
from functools import singledispatch
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestUnsupportedContentType, RequestValidationError
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ConfigDict, Field

from items.models import Document
from items.repository import ItemNotFoundError, VersionConflictError
from items.telemetry import logger, metrics

MEDIA_TYPE = "application/problem+json"


class InvalidField(Document):
    """One mistake in a request."""

    location: Annotated[str, Field(description="Where it is, such as `body.name`.")]
    message: str


class Problem(Document):
    """An error as RFC 9457 describes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:problem:version-conflict",
                    "title": "Conflict",
                    "status": 409,
                    "detail": "The item has been changed by somebody else: its version is 3 now.",
                    "instance": "/items/2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11",
                    "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                    "currentVersion": 3,
                }
            ]
        }
    )

    type: Annotated[str, Field(description="Names the kind of problem; stable, meant for programs.")]
    title: str
    status: int
    detail: str
    instance: Annotated[str, Field(description="The path that was asked for.")]
    request_id: Annotated[str, Field(description="The request's id in the service's log.")]
    errors: Annotated[
        list[InvalidField], Field(description="Each mistake, where the request was not valid.", default_factory=list)
    ]
    current_version: Annotated[int | None, Field(description="The item's version, where another one was named.")] = None


class ProblemError(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self, status: HTTPStatus, kind: str, detail: str, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers or {}
        self.more = more


@singledispatch
def problem_of(error: Exception) -> ProblemError:
    """The problem that a client is told of; errors that are not registered are the function's own fault."""
    raise error


@problem_of.register
def of_problem(error: ProblemError) -> ProblemError:
    return error


@problem_of.register
def of_missing_route(_error: NotFoundError) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, "no-such-route", "Nothing answers this method and path.")


@problem_of.register
def of_invalid_request(error: RequestValidationError) -> ProblemError:
    # The rejected input itself is left out: it may be large, or a secret sent to the wrong place.
    errors = [
        {"location": ".".join(str(part) for part in item["loc"]), "message": item["msg"]} for item in error.errors()
    ]
    summary = "; ".join(f"{item['location']}: {item['message']}" for item in errors[:3])
    return ProblemError(HTTPStatus.BAD_REQUEST, "invalid-request", summary, errors=errors)


@problem_of.register
def of_media_type(_error: RequestUnsupportedContentType) -> ProblemError:
    detail = "Bodies are application/json."
    return ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)


@problem_of.register
def of_missing_item(error: ItemNotFoundError) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, "not-found", f"There is no item {error.identifier}.")


@problem_of.register
def of_version_conflict(error: VersionConflictError) -> ProblemError:
    metrics.add_metric("VersionConflicts", unit="Count", value=1)
    detail = f"The item has been changed by somebody else: its version is {error.stored} now."
    return ProblemError(HTTPStatus.CONFLICT, "version-conflict", detail, currentVersion=error.stored)


@problem_of.register
def of_same_request(_error: IdempotencyAlreadyInProgressError) -> ProblemError:
    detail = "A request with this Idempotency-Key is being worked on."
    return ProblemError(HTTPStatus.CONFLICT, "request-in-progress", detail, {"Retry-After": "1"})


@problem_of.register
def of_other_request(_error: IdempotencyValidationError) -> ProblemError:
    detail = "This Idempotency-Key was sent with another body before."
    return ProblemError(HTTPStatus.CONFLICT, "idempotency-key-reused", detail)


@problem_of.register(ClientError)
@problem_of.register(BotoCoreError)
@problem_of.register(IdempotencyPersistenceLayerError)
def of_database(_error: Exception) -> ProblemError:
    logger.exception("the table cannot be used")
    metrics.add_metric("DatabaseErrors", unit="Count", value=1)
    detail = "The table does not answer. A read can be repeated; look before repeating a write."
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", detail, {"Retry-After": "2"})


def install_problem_handlers(app: APIGatewayRestResolver) -> None:
    """Make every error that is not the function's own fault a problem document."""

    def answer(error: Exception) -> Response[str]:
        problem = problem_of(error)
        event = app.current_event
        body = {
            "type": f"urn:problem:{problem.kind}",
            "title": problem.status.phrase,
            "status": problem.status.value,
            "detail": problem.detail,
            "instance": event.path,
            "requestId": event.request_context.request_id,
            **problem.more,
        }
        return Response(problem.status.value, MEDIA_TYPE, json.dumps(body), headers=dict(problem.headers))

    app.exception_handler([kind for kind in problem_of.registry if kind is not object])(answer)


def problem_docs(*statuses: HTTPStatus) -> dict[int, dict[str, Any]]:
    """The `responses` of a route that may end in these problems."""
    return {
        status.value: {"description": status.phrase, "content": {MEDIA_TYPE: {"model": Problem}}} for status in statuses
    }
