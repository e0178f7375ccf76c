"""The rate limit on a real Redis."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import StartApp
from tests.integration.test_observability import total
from tests.servers import RedisServer
from transactions.config import Settings, load_settings
from transactions.rate_limit import RateLimiter
from transactions.redis_gateway import Command, RedisGateway, make_client


def limited(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update={"rate_limit_requests": 5, "rate_limit_window_seconds": 60, **changes})


async def test_requests_beyond_the_limit_get_429_with_retry_after(start_app: StartApp, settings: Settings) -> None:
    client, _ = await start_app(limited(settings))
    statuses = [(await client.get("/transaction")).status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    refused = await client.get("/transaction")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["type"] == "urn:problem:rate-limited"
    assert refused.headers["content-type"] == "application/problem+json"


async def test_probes_and_metrics_are_not_limited(start_app: StartApp, settings: Settings) -> None:
    client, _ = await start_app(limited(settings))
    for path in ("/health", "/health/live", "/health/ready", "/metrics", "/version"):
        assert {(await client.get(path)).status_code for _ in range(7)} == {200}


async def test_concurrent_requests_are_counted_exactly(start_app: StartApp, settings: Settings) -> None:
    client, _ = await start_app(limited(settings))
    answers = await asyncio.gather(*(client.get("/transaction/1") for _ in range(40)))
    admitted = [answer for answer in answers if answer.status_code != 429]
    assert len(admitted) == 5


async def test_instances_share_the_limit(start_app: StartApp, settings: Settings) -> None:
    one, _ = await start_app(limited(settings))
    other, _ = await start_app(limited(settings))
    statuses = [(await client.get("/transaction")).status_code for client in (one, other) * 4]
    assert statuses.count(200) == 5


async def test_window_slides(settings: Settings, redis_: RedisServer) -> None:
    gateway = RedisGateway(make_client(settings), connections=1, timeout=5, retry_seconds=1)
    limiter = RateLimiter(gateway, requests=2, window_seconds=1)
    assert [await limiter.seconds_to_wait("a") for _ in range(3)] == [0, 0, 1]
    # Move the oldest request out of the window instead of waiting for it.
    key = "transactions:v1:rate:a"
    oldest = redis_.call("ZRANGE", key, "0", "0")
    redis_.call("ZINCRBY", key, "-1000000", oldest)
    assert [await limiter.seconds_to_wait("a") for _ in range(2)] == [0, 1]
    assert await limiter.seconds_to_wait("b") == 0
    assert int(redis_.call("PTTL", key)) <= 1000
    await gateway.close()


async def test_refused_requests_do_not_extend_the_ban(settings: Settings, redis_: RedisServer) -> None:
    gateway = RedisGateway(make_client(settings), connections=1, timeout=5, retry_seconds=1)
    limiter = RateLimiter(gateway, requests=2, window_seconds=60)
    for _ in range(10):
        await limiter.seconds_to_wait("a")
    assert redis_.call("ZCARD", "transactions:v1:rate:a") == "2"
    await gateway.close()


@pytest.mark.parametrize(
    ("trusted", "expected"),
    [
        ("", [200] * 5 + [429] * 3),  # the header is not believed: all are one client
        ("127.0.0.0/8", [200] * 8),  # believed: each is a client of its own
    ],
)
async def test_forwarded_addresses_count_only_behind_a_trusted_proxy(
    start_app: StartApp, settings: Settings, trusted: str, expected: list[int]
) -> None:
    networks = load_settings(app_environment="local", trusted_proxies=trusted).trusted_proxies
    client, _ = await start_app(limited(settings, trusted_proxies=networks))
    statuses = []
    for number in range(8):
        answer = await client.get("/transaction", headers={"X-Forwarded-For": f"198.51.100.{number}"})
        statuses.append(answer.status_code)
    assert statuses == expected


async def test_limit_and_cached_answer_share_one_round_trip(
    start_app: StartApp, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = await start_app(settings)
    await client.get("/transaction")
    batches: list[list[str]] = []
    send = RedisGateway._round_trip

    async def watched(gateway: RedisGateway, commands: list[Command]) -> list[object]:
        batches.append([str(command[0]) for command in commands])
        return await send(gateway, commands)

    monkeypatch.setattr(RedisGateway, "_round_trip", watched)
    assert (await client.get("/transaction")).status_code == 200
    assert batches == [["HMGET", "EVALSHA"]]


async def test_refused_reads_are_neither_hits_nor_misses(start_app: StartApp, settings: Settings) -> None:
    client, _ = await start_app(limited(settings))

    async def lookups() -> float:
        metrics = (await client.get("/metrics")).text
        return total(metrics, "cache_hits_total") + total(metrics, "cache_misses_total")

    before = await lookups()
    statuses = [(await client.get("/transaction")).status_code for _ in range(9)]
    assert await lookups() - before == statuses.count(200) == 5


async def test_zero_switches_the_limit_off(start_app: StartApp, settings: Settings) -> None:
    client, _ = await start_app(limited(settings, rate_limit_requests=0))
    statuses = {(await client.get("/transaction")).status_code for _ in range(20)}
    assert statuses == {200}
