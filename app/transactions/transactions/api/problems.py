"""RFC 9457 problem documents."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Route

MEDIA_TYPE = "application/problem+json"


class InvalidField(BaseModel):
    """One mistake in a request."""

    location: Annotated[str, Field(description="Where it is, such as `body.amount`.")]
    message: str


class Problem(BaseModel):
    """An error as RFC 9457 describes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:problem:not-found",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "There is no transaction 42.",
                    "instance": "/transaction/42",
                    "correlation_id": "0b9f7c1e7f0f4a3bb5b1c6f5c0d7a1ce",
                }
            ]
        }
    )

    type: Annotated[str, Field(description="Names the kind of problem; stable, meant for programs.")]
    title: str
    status: int
    detail: str
    instance: Annotated[str, Field(description="The path that was asked for.")]
    correlation_id: Annotated[str, Field(description="The request's id in the service's log.")]
    errors: Annotated[
        list[InvalidField] | None, Field(description="Each mistake, where the request was not valid.")
    ] = None


class ProblemError(Exception):
    """Ends a request with a problem document."""

    def __init__(self, status: HTTPStatus, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers


def not_found(transaction_id: int) -> ProblemError:
    """The problem of an id that does not exist."""
    return ProblemError(HTTPStatus.NOT_FOUND, "not-found", f"There is no transaction {transaction_id}.")


def problem_response(  # what RFC 9457 says a problem has
    scope: Mapping[str, Any],
    status: HTTPStatus,
    kind: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """Render a problem document for the request of this ASGI scope."""
    body = {
        "type": f"urn:problem:{kind}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "instance": scope["path"],
        "correlation_id": scope.get("state", {}).get("correlation_id", ""),
    }
    if errors is not None:
        body["errors"] = errors
    return Response(orjson.dumps(body), status.value, headers, MEDIA_TYPE)


def database_unavailable(scope: Mapping[str, Any]) -> Response:
    """The answer while the database is away or too slow."""
    return problem_response(
        scope,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "database-unavailable",
        "The database does not answer in time. A read can be repeated; look before repeating a write.",
        headers={"Retry-After": "2"},
    )


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101  # registered for this type only
    return problem_response(request.scope, error.status, error.kind, error.detail, headers=error.headers)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    # The rejected input itself is left out: it may be large, or a secret sent to the wrong place.
    errors = [
        {"location": ".".join(str(part) for part in item["loc"]), "message": item["msg"]} for item in error.errors()
    ]
    summary = "; ".join(f"{item['location']}: {item['message']}" for item in errors[:3])
    return problem_response(request.scope, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", summary, errors=errors)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    kind = status.phrase.lower().replace(" ", "-")
    headers = error.headers
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": ", ".join(_allowed_methods(request))}
    return problem_response(request.scope, status, kind, str(error.detail), headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """The methods of every route of this path; the router itself names only those of the first."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    same_path = [route for route in routes if route.path_regex.match(request.scope["path"])]
    return sorted({method for route in same_path for method in route.methods or ()})


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


def problem_docs(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may end in these problems."""
    return {
        status.value: {
            "description": status.phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }
