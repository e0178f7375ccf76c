"""Redis killed, hanging, full: requests go on."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.conftest import StartApp, StartService
from tests.integration.test_observability import total
from tests.servers import RedisServer, Service, wait_until
from transactions.cache import LIST_GROUP
from transactions.config import Settings


def exercise(service: Service) -> None:
    """Every kind of request works."""
    posted = service.request("POST", "/transaction", json={"amount": "1.00", "description": "x"})
    assert posted.status_code == 201, posted.text
    path = posted.headers["location"]
    assert service.request("GET", path).status_code == 200
    listed = service.request("GET", "/transaction").json()["items"]
    assert posted.json() in listed
    assert service.request("DELETE", path).status_code == 204
    assert service.request("GET", path).status_code == 404
    assert service.request("DELETE", "/transaction").status_code == 200


def status(service: Service) -> str:
    answer = service.request("GET", "/health")
    assert answer.status_code == 200
    return str(answer.json()["status"])


def test_killed_redis_degrades_the_service_and_comes_back(start_service: StartService, redis_: RedisServer) -> None:
    service = start_service()
    exercise(service)
    redis_.kill()
    exercise(service)
    assert status(service) == "degraded"
    assert service.request("GET", "/health/ready").status_code == 200
    metrics = service.request("GET", "/metrics").text
    assert total(metrics, "redis_up") == 0
    assert total(metrics, "redis_errors_total") > 0
    redis_.start()
    wait_until(lambda: status(service) == "ok", "the service to find Redis again")
    wait_until(lambda: total(service.request("GET", "/metrics").text, "redis_up") == 1, "the gauge to show it")
    exercise(service)
    assert redis_.call("KEYS", "*rate*"), "the rate limit is kept again"


def test_hanging_redis_breaks_no_request(start_service: StartService, redis_: RedisServer) -> None:
    service = start_service(REDIS_TIMEOUT_SECONDS="0.1")
    exercise(service)
    with redis_.paused():
        exercise(service)
        assert status(service) == "degraded"
    wait_until(lambda: status(service) == "ok", "the service to find Redis again")
    exercise(service)


def test_full_redis_breaks_no_request(start_service: StartService, redis_: RedisServer) -> None:
    service = start_service()
    exercise(service)
    redis_.call("CONFIG", "SET", "maxmemory", "1")
    try:
        exercise(service)
        metrics = service.request("GET", "/metrics").text
        assert total(metrics, "redis_errors_total", reason="refused") > 0
        assert total(metrics, "redis_up") == 1
    finally:
        redis_.call("CONFIG", "SET", "maxmemory", "0")


def test_service_starts_without_redis(start_service: StartService, redis_: RedisServer) -> None:
    redis_.kill()
    exercise(start_service())
    redis_.start()


async def test_invalidation_that_redis_missed_is_made_up_for(
    start_app: StartApp, settings: Settings, redis_: RedisServer
) -> None:
    client, services = await start_app(settings)
    assert services.redis is not None

    async def listed() -> int:
        answer: httpx.Response = await client.get("/transaction")
        return len(answer.json()["items"])

    assert await listed() == 0
    assert redis_.call("EXISTS", LIST_GROUP) == "1"
    with redis_.paused():
        posted = await client.post("/transaction", json={"amount": "1", "description": "x"})
        assert posted.status_code == 201
        # This process knows that the cached list is outdated.
        assert await listed() == 1
    for _ in range(500):
        if redis_.call("EXISTS", LIST_GROUP) == "0":
            break
        await asyncio.sleep(0.02)
    assert redis_.call("EXISTS", LIST_GROUP) == "0"
    assert await listed() == 1


@pytest.mark.parametrize("token", ["right", "wrong"])
def test_auth_token_is_sent(start_service: StartService, redis_: RedisServer, token: str) -> None:
    redis_.call("CONFIG", "SET", "requirepass", "right")
    try:
        service = start_service(REDIS_AUTH_TOKEN=token)
        exercise(service)
        assert status(service) == ("ok" if token == "right" else "degraded")
    finally:
        service.stop()
        redis_.call("-a", "right", "CONFIG", "SET", "requirepass", "")
