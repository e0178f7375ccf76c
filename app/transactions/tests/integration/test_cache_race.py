"""Readers and writers at once: what was invalidated never comes back.

Each test is also run with the naive cache-aside, and shows that it does go wrong there.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import httpx
import pytest

from tests.conftest import StartApp
from transactions.cache import LIST_GROUP, Cache, Lookup
from transactions.config import Settings
from transactions.redis_gateway import RedisGateway, Reply
from transactions.services import Services


class NaiveCache(Cache):
    """Read, and on a miss store whatever was read: the textbook's cache-aside."""

    def ask(self, group: str, field: str) -> Reply | None:
        assert self._gateway is not None
        return self._gateway.submit("HGET", group, field)

    async def look_up(self, name: str, group: str, asked: Reply | None) -> Lookup:
        assert self._gateway is not None
        assert asked is not None
        return Lookup(await self._gateway.receive(asked, "HGET"), b"any")

    async def fill(self, group: str, field: str, lease: bytes | None, answer: bytes) -> bool:
        assert self._gateway is not None
        await self._gateway.execute("HSET", group, field, answer)
        return True


CacheType = Callable[[RedisGateway | None, int], Cache]


def hold_fills(cache: Cache, before_fill: Callable[[], asyncio.Future[None]]) -> None:
    """Let something happen between a reader's query and its storing of the answer."""
    fill = cache.fill

    async def held(group: str, field: str, lease: bytes | None, answer: bytes) -> bool:
        await before_fill()
        return await fill(group, field, lease, answer)

    cache.fill = held  # type: ignore[method-assign]


async def start_with(
    start_app: StartApp, settings: Settings, cache_type: CacheType
) -> tuple[httpx.AsyncClient, Services]:
    client, services = await start_app(settings.model_copy(update={"rate_limit_requests": 0}))
    services.cache = cache_type(services.redis, 300)
    return client, services


async def post(client: httpx.AsyncClient, description: str = "x") -> int:
    answer = await client.post("/transaction", json={"amount": "1.00", "description": description})
    assert answer.status_code == 201
    return int(answer.json()["id"])


async def listed(client: httpx.AsyncClient) -> list[int]:
    answer = await client.get("/transaction", params={"limit": 100})
    return [item["id"] for item in answer.json()["items"]]


async def read_late_while(
    client: httpx.AsyncClient, services: Services, path: str, write: Callable[[], asyncio.Future[None]]
) -> None:
    """Read `path` so that `write` happens between the reader's query and its storing of the answer."""
    has_read, has_written = asyncio.Event(), asyncio.Event()

    async def before_fill() -> None:
        has_read.set()
        await has_written.wait()

    hold_fills(services.cache, before_fill)  # type: ignore[arg-type]
    reader = asyncio.create_task(client.get(path))
    await has_read.wait()
    await write()
    has_written.set()
    await reader


@pytest.mark.parametrize(("cache_type", "stale"), [(Cache, False), (NaiveCache, True)])
async def test_late_reader_does_not_hide_a_new_transaction(
    start_app: StartApp, settings: Settings, cache_type: CacheType, stale: bool
) -> None:
    client, services = await start_with(start_app, settings, cache_type)
    first = await post(client)
    second: list[int] = []

    async def write() -> None:
        second.append(await post(client))

    await read_late_while(client, services, "/transaction?limit=100", write)  # type: ignore[arg-type]
    assert await listed(client) == ([first] if stale else [*second, first])


@pytest.mark.parametrize(("cache_type", "stale"), [(Cache, False), (NaiveCache, True)])
async def test_late_reader_does_not_revive_a_deleted_transaction(
    start_app: StartApp, settings: Settings, cache_type: CacheType, stale: bool
) -> None:
    client, services = await start_with(start_app, settings, cache_type)
    path = f"/transaction/{await post(client)}"

    async def write() -> None:
        assert (await client.delete(path)).status_code == 204

    await read_late_while(client, services, path, write)  # type: ignore[arg-type]
    assert (await client.get(path)).status_code == (200 if stale else 404)


async def test_late_reader_does_not_revive_what_delete_all_deleted(start_app: StartApp, settings: Settings) -> None:
    client, services = await start_with(start_app, settings, Cache)
    path = f"/transaction/{await post(client)}"

    async def write() -> None:
        assert (await client.delete("/transaction")).status_code == 200

    await read_late_while(client, services, path, write)  # type: ignore[arg-type]
    assert (await client.get(path)).status_code == 404


async def _becomes_stale(client: httpx.AsyncClient, services: Services, rounds: int) -> bool:
    """Readers and writers at random; whether the list is not the table's after one of the rounds."""
    chance = random.Random(7)

    async def dawdle() -> None:
        await asyncio.sleep(chance.uniform(0, 0.004))

    hold_fills(services.cache, dawdle)  # type: ignore[arg-type]
    existing: list[int] = []
    for _ in range(rounds):

        async def read() -> None:
            for _ in range(4):
                await listed(client)

        async def write() -> None:
            await asyncio.sleep(chance.uniform(0, 0.004))
            existing.append(await post(client))
            if len(existing) > 5:
                await client.delete(f"/transaction/{existing.pop(0)}")

        await asyncio.gather(*(read() for _ in range(6)), write(), write())
        if set(await listed(client)) != set(existing):
            return True
    return False


async def test_list_is_never_outdated_after_concurrent_reads_and_writes(
    start_app: StartApp, settings: Settings
) -> None:
    client, services = await start_with(start_app, settings, Cache)
    assert not await _becomes_stale(client, services, rounds=60)


async def test_the_same_load_does_outdate_the_naive_cache(start_app: StartApp, settings: Settings) -> None:
    client, services = await start_with(start_app, settings, NaiveCache)
    # By chance, so it gets more of them.
    assert await _becomes_stale(client, services, rounds=500)


async def look_up(cache: Cache, page: str) -> Lookup:
    return await cache.look_up("list", LIST_GROUP, cache.ask(LIST_GROUP, page))


async def test_lease_lost_by_eviction_or_restart_is_worth_nothing(start_app: StartApp, settings: Settings) -> None:
    _, services = await start_app(settings)
    lease = (await look_up(services.cache, "p")).lease
    assert services.redis is not None
    await services.redis.execute("FLUSHALL")
    await look_up(services.cache, "p")
    assert not await services.cache.fill(LIST_GROUP, "p", lease, b"outdated")


async def test_group_expires_as_a_whole_and_is_bounded(
    start_app: StartApp, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.cache.MAX_FIELDS", 3)
    _, services = await start_app(settings)
    stored = []
    for page in range(5):
        lease = (await look_up(services.cache, str(page))).lease
        stored.append(await services.cache.fill(LIST_GROUP, str(page), lease, b"x"))
    assert stored == [True, True, True, False, False]
    assert services.redis is not None
    remaining = await services.redis.execute("TTL", LIST_GROUP)
    assert 0 < remaining <= settings.cache_ttl
