"""What happens around every request: correlation id, log, metrics, and limits."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from time import perf_counter

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from transactions.api.problems import database_unavailable, problem_response
from transactions.database import DatabaseUnavailableError
from transactions.logs import get_logger
from transactions.metrics import HTTP_DURATION, HTTP_IN_PROGRESS, HTTP_REQUESTS, RATE_LIMITED
from transactions.rate_limit import ClientAddresses, RateLimiter

CORRELATION_HEADER = b"x-correlation-id"
# What probes and scrapers ask for is neither limited nor logged line by line.
OPERATIONAL_PATHS = frozenset({"/health", "/health/live", "/health/ready", "/metrics", "/version"})
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_WANTED = {name.encode(): name for name in ("x-correlation-id", "x-forwarded-for", "user-agent")}
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
log = get_logger()


def _read_headers(scope: Scope) -> dict[str, str]:
    """The headers that matter here, found in one pass; of a repeated one all values, as one list."""
    found = dict.fromkeys(_WANTED.values(), "")
    for name, value in scope["headers"]:
        if name in _WANTED:
            wanted = _WANTED[name]
            text = value.decode("latin-1")
            found[wanted] = f"{found[wanted]}, {text}" if found[wanted] else text
    return found


def _correlation_id(header: str) -> str:
    if _ACCEPTABLE_ID.fullmatch(header):
        return header
    return f"{random.getrandbits(128):032x}"


class AnswerHead:
    """Answers HEAD like GET, without the body: health checks and caches ask so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)


class ObserveRequests:
    """Gives each request its correlation id, logs and measures it, and turns what escapes into a problem."""

    def __init__(self, app: ASGIApp, addresses: ClientAddresses, is_draining: Callable[[], bool]) -> None:
        self._app = app
        self._addresses = addresses
        self._is_draining = is_draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        headers = _read_headers(scope)
        correlation_id = _correlation_id(headers["x-correlation-id"])
        client = self._addresses.resolve(scope["client"][0] if scope.get("client") else "", headers["x-forwarded-for"])
        scope.setdefault("state", {}).update(correlation_id=correlation_id, client=client)
        bind_contextvars(correlation_id=correlation_id)
        logged = scope["path"] not in OPERATIONAL_PATHS
        if logged:
            log.info(
                "request_started",
                method=scope["method"],
                path=scope["path"],
                client=client,
                user_agent=headers["user-agent"],
            )
        status = 0
        extra = [(CORRELATION_HEADER, correlation_id.encode())]
        if self._is_draining():
            extra.append((b"connection", b"close"))

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        HTTP_IN_PROGRESS.inc()
        try:
            await self._app(scope, receive, send_observed)
        except Exception as error:
            response = _answer_to(error, scope)
            if status:  # too late for another answer; the server closes the connection
                raise
            await response(scope, receive, send_observed)
        finally:
            HTTP_IN_PROGRESS.dec()
            elapsed = perf_counter() - started
            _measure(scope, status or HTTPStatus.INTERNAL_SERVER_ERROR.value, elapsed)
            if logged:
                log.info(
                    "request_finished",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    duration_ms=round(elapsed * 1000, 3),
                )


def _answer_to(error: Exception, scope: Scope) -> ASGIApp:
    if isinstance(error, DatabaseUnavailableError):
        log.error("database_unavailable", error=str(error))
        return database_unavailable(scope)
    log.error("request_failed", exc_info=error)
    return problem_response(
        scope,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal-error",
        "The service failed; its log has the details under this correlation id.",
    )


@lru_cache(maxsize=512)
def _request_metrics(method: str, path: str, status: int) -> tuple[Counter, Histogram]:
    return HTTP_REQUESTS.labels(method, path, str(status)), HTTP_DURATION.labels(method, path)


def _measure(scope: Scope, status: int, elapsed: float) -> None:
    # The route's template, not the path: each id would be a time series of its own.
    path = scope["state"].get("route") or getattr(scope.get("route"), "path", "unmatched")
    method = scope["method"] if scope["method"] in KNOWN_METHODS else "other"
    requests, duration = _request_metrics(method, path, status)
    requests.inc()
    duration.observe(elapsed)


class LimitRequests:
    """Refuses clients that ask too often, and bodies that are too large."""

    def __init__(self, app: ASGIApp, limiter: RateLimiter, max_body_bytes: int) -> None:
        self._app = app
        self._limiter = limiter
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"] in OPERATIONAL_PATHS:
            await self._app(scope, receive, send)
            return
        wait = await self._limiter.seconds_to_wait(scope["state"]["client"])
        if wait:
            RATE_LIMITED.inc()
            response = problem_response(
                scope,
                HTTPStatus.TOO_MANY_REQUESTS,
                "rate-limited",
                f"Too many requests; try again in {wait} s.",
                headers={"Retry-After": str(wait)},
            )
            await response(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        await self._with_bounded_body(scope, receive, send)

    async def _with_bounded_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Read here, so that a body without a length is bounded too, and no route starts on one too large.
        messages: list[Message] = []
        size = 0
        while True:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if size > self._max_body_bytes:
                await self._refuse_body(scope, receive, send)
                return
            if message["type"] != "http.request" or not message.get("more_body", False):
                break
        replay = iter(messages)

        async def receive_replayed() -> Message:
            return next(replay, None) or await receive()

        await self._app(scope, receive_replayed, send)

    async def _refuse_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = problem_response(
            scope,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "body-too-large",
            f"The body is larger than {self._max_body_bytes} bytes.",
            headers={"Connection": "close"},
        )
        await response(scope, receive, send)
