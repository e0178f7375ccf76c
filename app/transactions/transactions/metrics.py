"""Prometheus metrics, right with one worker and with several."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST

HTTP_REQUESTS = Counter("http_requests_total", "HTTP requests answered", ["method", "path", "status"])
HTTP_DURATION = Histogram(
    "http_request_duration_seconds",
    "Time to answer an HTTP request",
    ["method", "path"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0),
)
HTTP_IN_PROGRESS = Gauge("http_requests_in_progress", "HTTP requests being answered now", multiprocess_mode="livesum")
RATE_LIMITED = Counter("http_requests_rate_limited_total", "HTTP requests refused by the rate limit")
CACHE_HITS = Counter("cache_hits_total", "Reads answered from the cache", ["cache"])
CACHE_MISSES = Counter("cache_misses_total", "Reads that had to ask the database", ["cache"])
REDIS_ERRORS = Counter("redis_errors_total", "Redis commands that failed", ["reason"])
REDIS_UP = Gauge("redis_up", "1 while Redis answers, 0 while it is left alone", multiprocess_mode="livemin")
DB_DURATION = Histogram(
    "db_query_duration_seconds",
    "Time of a database operation, waiting for a connection included",
    ["operation"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
DB_ERRORS = Counter("db_errors_total", "Database operations that failed because it was away or too slow")
DB_POOL_IN_USE = Gauge("db_pool_connections_in_use", "Database connections in use", multiprocess_mode="livesum")
TRANSACTIONS = Gauge("transactions_total", "Transactions stored", multiprocess_mode="mostrecent")
TRANSACTIONS_AMOUNT = Gauge("transactions_amount_total", "Sum of the amounts stored", multiprocess_mode="mostrecent")


@contextmanager
def time_database(operation: str) -> Iterator[None]:
    """Record how long a database operation took, failed ones too."""
    started = perf_counter()
    try:
        yield
    finally:
        DB_DURATION.labels(operation).observe(perf_counter() - started)


def render_metrics() -> bytes:
    """The exposition of all workers' metrics together."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
