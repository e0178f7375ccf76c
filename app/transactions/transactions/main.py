"""The application."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from transactions.api import operations, transactions
from transactions.api.authentication import Authenticate, describe_authentication
from transactions.api.cached_answers import AnswerFromCache, AskCache
from transactions.api.middleware import AnswerHead, LimitRequests, ObserveRequests
from transactions.api.problems import Problem, install_problem_handlers
from transactions.callers import Callers
from transactions.config import Settings, load_settings
from transactions.logs import configure_logging, get_logger
from transactions.rate_limit import ClientAddresses, RateLimiter
from transactions.server import drain_before_exit
from transactions.services import Services

DESCRIPTION = """Stores transactions.

Amounts are decimal strings and times are UTC. Errors are problem documents (RFC 9457). A request may carry
`X-Correlation-ID`; every answer does, and the service's log has it."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application with the given settings, else with the environment's."""
    settings = settings or load_settings()
    settings.check_callers()
    configure_logging(settings.log_level)
    services = Services(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        log = get_logger()
        async with services.running():
            drain_before_exit(services.start_draining, settings.shutdown_drain_seconds)
            _spare_garbage_collection()
            log.info("started", version=settings.app_version, commit=settings.app_commit)
            yield
        log.info("stopped")

    app = FastAPI(
        title="Transactions",
        version=settings.app_version,
        description=DESCRIPTION,
        lifespan=lifespan,
        # It would lead to http where a load balancer ends TLS, and away from what the client has sent.
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.services = services
    # As the application's own routes: a router that is included is matched once more for each request.
    # First what is asked for most: routes are tried in this order.
    app.router.routes[:0] = [*transactions.router.routes, *operations.router.routes]
    install_problem_handlers(app)
    app.add_middleware(AnswerFromCache, services=services)
    # Within the limit, which strangers have too.
    app.add_middleware(Authenticate, callers=Callers(settings))
    app.add_middleware(
        LimitRequests,
        limiter=RateLimiter(
            services.redis,
            requests=settings.rate_limit_requests,
            window_seconds=settings.rate_limit_window_seconds,
        ),
        max_body_bytes=settings.max_body_bytes,
    )
    app.add_middleware(AskCache, services=services)
    app.add_middleware(AnswerHead)
    app.add_middleware(
        ObserveRequests,
        addresses=ClientAddresses(settings.trusted_proxies),
        is_draining=lambda: services.draining,
    )
    if settings.tracing:
        _trace(app, settings, services)
    app.openapi = lambda: _describe(app, settings)  # type: ignore[method-assign]
    return app


def _trace(app: FastAPI, settings: Settings, services: Services) -> None:
    from transactions.tracing import TraceRequests, add_trace_id, start_tracing  # noqa: PLC0415  # slow

    configure_logging(settings.log_level, add_trace_id)
    app.add_middleware(TraceRequests, provider=start_tracing(settings, services))


def _spare_garbage_collection() -> None:
    """Keep the collector from walking, again and again, what was loaded once and stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _describe(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """The OpenAPI document, with the problem document that the routes refer to, and who may call what."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(problem.pop("$defs", {}))
        schemas["Problem"] = problem
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        if settings.authentication != "none":
            describe_authentication(document)
        app.openapi_schema = document
    return app.openapi_schema
