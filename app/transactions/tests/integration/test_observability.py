"""Logs, metrics and traces."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import StartApp, StartService
from tests.servers import MariaDbServer, Service, wait_until
from transactions.config import Settings
from transactions.metrics import TRANSACTIONS


def parse(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(text: str, name: str, **labels: str) -> float:
    return sum(
        value
        for (sample, found), value in parse(text).items()
        if sample == name and labels.items() <= dict(found).items()
    )


async def scrape(client: httpx.AsyncClient) -> str:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


async def test_requests_are_counted_by_route_and_not_by_path(client: httpx.AsyncClient) -> None:
    labels = {"method": "GET", "path": "/transaction/{transaction_id}", "status": "404"}
    before = await scrape(client)
    for identifier in (1, 2, 3):
        await client.get(f"/transaction/{10**12 + identifier}")
    await client.request("BREW", "/coffee")
    after = await scrape(client)
    assert total(after, "http_requests_total", **labels) - total(before, "http_requests_total", **labels) == 3
    assert total(after, "http_requests_total", method="other", path="unmatched") >= 1
    assert "/coffee" not in after
    assert total(after, "http_request_duration_seconds_count", path="/transaction/{transaction_id}") >= 3


async def test_cache_hits_misses_and_queries_are_counted(client: httpx.AsyncClient) -> None:
    posted = (await client.post("/transaction", json={"amount": "1", "description": "x"})).json()["id"]
    before = await scrape(client)
    for _ in range(3):
        await client.get(f"/transaction/{posted}")
    after = await scrape(client)
    for name, labels, expected in (
        ("cache_hits_total", {"cache": "item"}, 2),
        ("cache_misses_total", {"cache": "item"}, 1),
        ("db_query_duration_seconds_count", {"operation": "get"}, 1),
    ):
        assert total(after, name, **labels) - total(before, name, **labels) == expected


async def test_gauges_follow_the_table(start_app: StartApp, settings: Settings, mariadb: MariaDbServer) -> None:
    client, _ = await start_app(settings)
    for amount in ("10.25", "-0.75"):
        await client.post("/transaction", json={"amount": amount, "description": "x"})
    await asyncio.to_thread(
        wait_until, lambda: next(iter(TRANSACTIONS.collect())).samples[0].value == 2, "the gauge to follow the table"
    )
    metrics = await scrape(client)
    assert total(metrics, "transactions_total") == 2
    assert total(metrics, "transactions_amount_total") == 9.5


async def test_scrapes_do_not_ask_the_database(start_app: StartApp, settings: Settings, mariadb: MariaDbServer) -> None:
    client, services = await start_app(settings.model_copy(update={"totals_refresh_seconds": 3600.0}))
    assert await services.database.is_up()
    queries = "SHOW GLOBAL STATUS LIKE 'Com_select'"
    before = ""
    # Until the start, and what other tests have ended, asks nothing any more.
    while before != (before := mariadb.sql(queries)):
        await asyncio.sleep(1)
    for _ in range(20):
        await scrape(client)
    assert mariadb.sql(queries) == before


async def test_every_line_of_the_log_is_json_with_the_correlation_id(start_service: StartService) -> None:
    service = start_service()
    service.request(
        "GET", "/transaction/77?q=secret", headers={"X-Correlation-ID": "trace-me", "User-Agent": "tests/1"}
    )
    service.request("GET", "/health")
    service.stop()
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    ours = {line["event"]: line for line in lines if line.get("correlation_id") == "trace-me"}
    assert ours["request_started"] | {
        "method": "GET", "path": "/transaction/77", "client": "127.0.0.1", "user_agent": "tests/1", "level": "info",
    } == ours["request_started"]  # fmt: skip
    assert ours["request_finished"]["status"] == 404
    assert ours["request_finished"]["duration_ms"] > 0
    assert all(line["timestamp"].endswith("Z") and line["level"] for line in lines)
    assert not [line for line in lines if line.get("path") == "/health"]
    assert "local-test" not in service.log.read_text()


async def test_level_of_the_log_is_configurable(start_service: StartService) -> None:
    service = start_service(LOG_LEVEL="ERROR")
    service.request("GET", "/transaction")
    service.stop()
    assert service.log.read_text() == ""


def _metrics(service: Service) -> str:
    # A new connection each time: any of the workers may answer.
    return service.request("GET", "/metrics").text


def test_workers_metrics_add_up_whoever_is_asked(start_service: StartService) -> None:
    service = start_service(WEB_CONCURRENCY="2", TOTALS_REFRESH_SECONDS="0.2")
    for _ in range(20):
        service.request("POST", "/transaction", json={"amount": "1.00", "description": "x"})
    wait_until(lambda: total(_metrics(service), "transactions_total") == 20, "the gauge to follow")
    seen = {total(_metrics(service), "http_requests_total", method="POST", status="201") for _ in range(10)}
    assert seen == {20}
    assert {total(_metrics(service), "transactions_amount_total") for _ in range(10)} == {20.0}
    assert total(_metrics(service), "redis_up") == 1
    assert service.stop() == 0


async def test_spans_of_request_statement_and_redis_form_one_trace(
    start_app: StartApp, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = InMemorySpanExporter()
    monkeypatch.setattr("transactions.tracing.OTLPSpanExporter", lambda: exporter)
    client, _ = await start_app(settings.model_copy(update={"tracing": True}))
    await client.get("/transaction/5", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    await client.get("/health")
    spans: list[ReadableSpan] = []

    def exported() -> bool:
        spans[:] = exporter.get_finished_spans()
        return any(span.name.startswith("GET") for span in spans)

    await asyncio.to_thread(wait_until, exported, "the spans to be exported")
    names = [span.name for span in spans]
    assert {"EVALSHA", "HMGET", "get"} <= set(names)
    assert {f"{span.context.trace_id:032x}" for span in spans if span.context} == {"a" * 32}
    assert not any("health" in name for name in names)
