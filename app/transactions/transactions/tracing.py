"""OpenTelemetry tracing, imported only where it is switched on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.typing import EventDict, WrappedLogger

from transactions.config import Settings
from transactions.services import Services

# Probes and scrapes would bury the requests.
UNTRACED = "health,metrics,version"


class TraceRequests:
    """Makes a span of each request, and of each database operation and Redis command within it."""

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        self._provider = provider
        self._app = OpenTelemetryMiddleware(
            app, excluded_urls=UNTRACED, tracer_provider=provider, exclude_spans=["receive", "send"]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; at the end of the process, send what is left."""
        try:
            await self._app(scope, receive, send)
        finally:
            if scope["type"] == "lifespan":
                self._provider.shutdown()


def start_tracing(settings: Settings, services: Services, exporter: SpanExporter | None = None) -> TracerProvider:
    """Trace this application; spans go where the OTEL_EXPORTER_OTLP_* variables say."""
    provider = TracerProvider(
        resource=Resource.create(
            {
                "service.name": "transactions",
                "service.version": settings.app_version,
                "deployment.environment.name": settings.app_environment,
            }
        )
    )
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
    tracer = provider.get_tracer("transactions")

    def make_span(system: str, name: str) -> AbstractContextManager[object]:
        if not trace.get_current_span().get_span_context().is_valid:
            return nullcontext()  # a probe, or a task of our own
        return tracer.start_as_current_span(
            name, kind=trace.SpanKind.CLIENT, attributes={"db.system.name": system, "db.operation.name": name}
        )

    # The libraries' own instrumentations would see batches of Redis commands, and lag behind SQLAlchemy.
    services.database.span = partial(make_span, services.database.engine.dialect.name)
    if services.redis is not None:
        services.redis.span = partial(make_span, "redis")
    return provider


def add_trace_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put the id of the current trace into a log line."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event
