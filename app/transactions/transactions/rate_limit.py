"""A sliding window per client, kept in one sorted set and moved in one Lua call."""

from __future__ import annotations

import math
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import count
from secrets import token_hex
from typing import NamedTuple

from transactions.cache import PREFIX
from transactions.config import Network
from transactions.redis_gateway import RedisGateway, RedisUnavailableError, Script

# Redis' own clock is used: the instances' clocks differ.
_ADMIT = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit = tonumber(ARGV[1])
local window = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) < limit then
  redis.call('ZADD', KEYS[1], now, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
  return -1
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return oldest[2] + window - now
""")


class RateLimiter:
    """Admits so many requests of a client per window; everyone while Redis is away."""

    def __init__(self, gateway: RedisGateway | None, *, requests: int, window_seconds: int) -> None:
        self._gateway = gateway if requests else None
        self._requests = requests
        self._window_microseconds = window_seconds * 1_000_000
        # Members of the set must differ, whichever instance and request they come from.
        self._process = token_hex(6)
        self._numbers = count()

    async def seconds_to_wait(self, client: str) -> int:
        """0 if the client's request is admitted, else when to try again."""
        if self._gateway is None:
            return 0
        try:
            wait = await self._gateway.run_script(
                _ADMIT,
                (f"{PREFIX}:rate:{client}",),
                self._requests,
                self._window_microseconds,
                f"{self._process}{next(self._numbers):x}",
            )
        except RedisUnavailableError:
            return 0
        return 0 if wait < 0 else max(1, math.ceil(wait / 1_000_000))


class _Forwarded(NamedTuple):
    peer: str
    header: str


class ClientAddresses:
    """Who a request comes from, believing X-Forwarded-For only from trusted proxies."""

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self._trusted = trusted
        self._resolve_cached = lru_cache(maxsize=4096)(self._resolve)

    def resolve(self, peer: str, forwarded_for: str) -> str:
        """The client's address: the last one in the chain that is not a trusted proxy."""
        if not self._trusted or not forwarded_for:
            return peer
        return self._resolve_cached(_Forwarded(peer, forwarded_for))

    def _resolve(self, request: _Forwarded) -> str:
        client = request.peer
        chain = [entry.strip() for entry in request.header.split(",")]
        while self._is_trusted(client) and chain:
            candidate = chain.pop()
            if _parse(candidate) is None:
                break
            client = candidate
        return client

    def _is_trusted(self, address: str) -> bool:
        parsed = _parse(address)
        return parsed is not None and any(
            parsed.version == network.version and parsed in network for network in self._trusted
        )


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
