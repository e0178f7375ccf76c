"""One JSON object per line on standard output."""

from __future__ import annotations

import logging
import sys
from typing import Any, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
]


def _to_json(event: EventDict, **_options: Any) -> bytes:
    return orjson.dumps(event, default=str)


def _to_text(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return _to_json(event).decode()


def configure_logging(level: str, *extra: Processor) -> None:
    """Send structlog and the standard library's loggers to standard output, as JSON."""
    shared = [*_SHARED, *extra]
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _to_text,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # The service logs requests itself; uvicorn prepares a line for each as long as anyone would see it.
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False


def get_logger() -> FilteringBoundLogger:
    """The service's logger."""
    return cast(FilteringBoundLogger, structlog.get_logger())
