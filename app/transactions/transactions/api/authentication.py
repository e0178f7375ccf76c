"""Lets in who is known, before anything is read for a request or answered from the cache."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from transactions.api.problems import problem_docs, problem_response
from transactions.callers import Callers
from transactions.logs import get_logger
from transactions.oidc import ProviderUnavailableError

HEALTH_PATH = "/health"
# What is asked for by those who have no key: probes, scrapers, and browsers for the documentation. A load balancer
# forwards none of them but /health, which tells strangers only whether requests are answered.
OPEN_PATHS = frozenset(
    {
        HEALTH_PATH,
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/oauth2-redirect",
        "/redoc",
    }
)
SCHEME = "bearer"
log = get_logger()


class Authenticate:
    """Answers 401 to strangers, and notes who everybody else is."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or (scope["path"] in OPEN_PATHS and scope["path"] != HEALTH_PATH):
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._callers.identify(_authorization(scope))
        except ProviderUnavailableError as error:
            log.error("openid_provider_unavailable", error=str(error))
            if scope["path"] != HEALTH_PATH:
                await _provider_unavailable(scope)(scope, receive, send)
                return
            caller = None
        if caller is None and scope["path"] != HEALTH_PATH:
            await _unauthenticated(scope)(scope, receive, send)
            return
        scope["state"]["caller"] = caller
        bind_contextvars(caller=caller)
        await self._app(scope, receive, send)


def _authorization(scope: Scope) -> bytes:
    """The header; a request with two of them means none."""
    values: list[bytes] = [value for name, value in scope["headers"] if name == b"authorization"]
    return values[0] if len(values) == 1 else b""


def _unauthenticated(scope: Scope) -> ASGIApp:
    return problem_response(
        scope,
        HTTPStatus.UNAUTHORIZED,
        "unauthenticated",
        "Send an API key or a token: Authorization: Bearer <key>.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _provider_unavailable(scope: Scope) -> ASGIApp:
    return problem_response(
        scope,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "authentication-unavailable",
        "Tokens cannot be checked at the moment; API keys can.",
        headers={"Retry-After": "5"},
    )


def describe_authentication(document: dict[str, Any]) -> None:
    """Add to an OpenAPI document who may call what."""
    document["components"]["securitySchemes"] = {
        SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, or a token of the OpenID provider, if there is one.",
        }
    }
    for path, methods in document["paths"].items():
        for operation in methods.values() if path not in OPEN_PATHS else ():
            operation["security"] = [{SCHEME: []}]
            docs = problem_docs(HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE)
            operation["responses"] = {str(status): each for status, each in docs.items()} | operation["responses"]
