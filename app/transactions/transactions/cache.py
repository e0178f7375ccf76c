"""Cache-aside in which a reader cannot put an outdated answer back after a writer has invalidated it.

Answers that become outdated together form a group, which is one Redis hash: a random *lease* beside the
cached answers. A reader that misses takes the lease before it asks the database, and its answer is accepted
only while the group still has that very lease. Invalidating deletes the hash, lease included, so what was
read before can no longer be stored; nor can it after an eviction, an expiry or a restart of Redis, for leases
are never used twice.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from transactions.logs import get_logger
from transactions.metrics import CACHE_HITS, CACHE_MISSES
from transactions.redis_gateway import RedisGateway, RedisUnavailableError, Reply, Script

# Part of every key: a release that changes what is cached changes it, and old and new run side by side.
PREFIX = "transactions:v1"
LIST_GROUP = f"{PREFIX}:list"
# Pages of one group; readers of odd cursors must not fill Redis.
MAX_FIELDS = 1000
RETRY_SECONDS = 0.2
LEASE_FIELD = "lease"
_ASK = "HMGET"

_TAKE_LEASE = Script("""
local lease = redis.call('HGET', KEYS[1], 'lease')
if not lease then
  lease = ARGV[1]
  redis.call('HSET', KEYS[1], 'lease', lease)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return lease
""")

_FILL = Script("""
if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[1] then return 0 end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[4]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
""")

log = get_logger()


def item_group(transaction_id: int) -> str:
    """The group of one transaction."""
    return f"{PREFIX}:item:{transaction_id}"


class Lookup(NamedTuple):
    """A cached answer, or the lease under which a fresh one may be stored."""

    answer: bytes | None
    lease: bytes | None = None


class Cache:
    """Cached answers; every failure of Redis is a miss."""

    def __init__(self, gateway: RedisGateway | None, ttl_seconds: int) -> None:
        self._gateway = gateway
        self._ttl_milliseconds = ttl_seconds * 1000
        self._hits = {name: CACHE_HITS.labels(name) for name in ("list", "item")}
        self._misses = {name: CACHE_MISSES.labels(name) for name in ("list", "item")}
        # Groups whose invalidation Redis has not confirmed, and when their content is gone anyway.
        self._unconfirmed: dict[str, float] = {}
        self._retrying: asyncio.Task[None] | None = None

    def ask(self, group: str, field: str) -> Reply | None:
        """Ask for an answer without waiting for it; None where it cannot be asked for."""
        if self._gateway is None or group in self._unconfirmed:
            return None
        try:
            return self._gateway.submit(_ASK, group, field, LEASE_FIELD)
        except RedisUnavailableError:
            return None

    async def look_up(self, name: str, group: str, asked: Reply | None) -> Lookup:
        """What was asked for, or the lease where there is no answer."""
        found = await self._find(group, asked)
        (self._misses if found.answer is None else self._hits)[name].inc()
        return found

    async def _find(self, group: str, asked: Reply | None) -> Lookup:
        if self._gateway is None or asked is None:
            return Lookup(None)
        with suppress(RedisUnavailableError):
            answer, lease = await self._gateway.receive(asked, _ASK)
            if answer is not None:
                return Lookup(answer)
            if lease is None:
                lease = await self._gateway.run_script(
                    _TAKE_LEASE, (group,), secrets.token_hex(16), self._ttl_milliseconds
                )
            return Lookup(None, lease)
        return Lookup(None)

    async def fill(self, group: str, field: str, lease: bytes | None, answer: bytes) -> bool:
        """Store an answer that was read after `lease` was taken; False where it may be outdated."""
        if self._gateway is None or lease is None:
            return False
        try:
            return bool(await self._gateway.run_script(_FILL, (group,), lease, field, answer, MAX_FIELDS))
        except RedisUnavailableError:
            return False

    async def invalidate(self, *groups: str) -> None:
        """Forget groups after a commit; what Redis does not confirm is tried again until it has expired."""
        if self._gateway is None:
            return
        try:
            await self._gateway.execute("UNLINK", *groups)
        except RedisUnavailableError:
            deadline = monotonic() + self._ttl_milliseconds / 1000
            self._unconfirmed.update(dict.fromkeys(groups, deadline))
            log.warning("cache_invalidation_unconfirmed", groups=len(groups))
            if self._retrying is None:
                self._retrying = asyncio.get_running_loop().create_task(self._retry())

    async def _retry(self) -> None:
        while self._unconfirmed:
            await asyncio.sleep(RETRY_SECONDS)
            await self._retry_once()
        self._retrying = None

    async def _retry_once(self) -> None:
        assert self._gateway is not None  # noqa: S101  # without Redis nothing is invalidated
        now = monotonic()
        groups = list(self._unconfirmed)
        if any(deadline > now for deadline in self._unconfirmed.values()):
            try:
                await self._gateway.execute("UNLINK", *groups)
            except RedisUnavailableError:
                groups = [group for group in groups if self._unconfirmed[group] <= now]
        for group in groups:
            self._unconfirmed.pop(group, None)

    async def close(self) -> None:
        """Try once more what Redis has not confirmed."""
        if self._retrying is not None:
            self._retrying.cancel()
            with suppress(asyncio.CancelledError):
                await self._retrying
        if self._unconfirmed:
            await self._retry_once()
