"""Redis as something that may be away: commands are sent in batches, and fail fast while it is.

Commands that arrive while a batch is under way are sent together as the next one. Under load this saves
most of the work of a round trip, and delays no command: it would have waited for a connection anyway.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from hashlib import sha1
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from transactions.config import Settings
from transactions.logs import get_logger
from transactions.metrics import REDIS_ERRORS, REDIS_UP

Argument = str | bytes | int | float
Command = tuple[Argument, ...]
Reply = asyncio.Future[Any]

MAX_BATCH = 128
log = get_logger()


class RedisUnavailableError(Exception):
    """Redis is away, too slow, or refused the command."""


class Script:
    """A Lua script, sent by its digest."""

    def __init__(self, source: str) -> None:
        self.source = source
        # Redis names scripts by SHA-1; nothing is protected by it.
        self.digest = sha1(source.encode(), usedforsecurity=False).hexdigest()


def make_client(settings: Settings) -> Redis:
    """A client that reports failures at once: waiting and trying again is decided here, not there."""
    tls: dict[str, Any] = {}
    if settings.redis_tls:
        tls = {"ssl": True, "ssl_ca_certs": str(settings.redis_tls_ca) if settings.redis_tls_ca else None}
    return Redis(
        host=settings.redis_host,
        port=settings.redis_port,
        password=settings.redis_auth_token.get_secret_value() or None,
        # The gateway has one deadline for a whole batch; another one here would be set for each reply in it.
        socket_timeout=None,
        socket_connect_timeout=settings.redis_timeout_seconds,
        max_connections=settings.redis_max_connections + 2,
        retry=Retry(NoBackoff(), 0),
        **tls,
    )


class RedisGateway:
    """Sends commands; after a failure everyone is refused at once until a probe gets an answer."""

    def __init__(self, client: Redis, *, connections: int, timeout: float, retry_seconds: float) -> None:
        self._client = client
        self._connections = connections
        self._timeout = timeout
        self._retry_seconds = retry_seconds
        self._queue: deque[tuple[Command, Reply]] = deque()
        self._senders: set[asyncio.Task[None]] = set()
        self._probe: asyncio.Task[None] | None = None
        # Set where tracing is on.
        self.span: Callable[[str], AbstractContextManager[object]] | None = None
        REDIS_UP.set(1)

    @property
    def is_up(self) -> bool:
        """Whether the last thing known of Redis is that it answers."""
        return self._probe is None

    async def execute(self, *command: Argument) -> Any:
        """The reply to a command; raises RedisUnavailableError for every kind of failure."""
        return await self.receive(self.submit(*command), str(command[0]))

    def submit(self, *command: Argument) -> Reply:
        """Put a command into the next batch; a reply that nobody receives is dropped."""
        if self._probe is not None:
            raise RedisUnavailableError("Redis is left alone after a failure")
        loop = asyncio.get_running_loop()
        future: Reply = loop.create_future()
        self._queue.append((command, future))
        if len(self._senders) < self._connections:
            self._senders.add(loop.create_task(self._send_queued()))
        return future

    async def receive(self, submitted: Reply, name: str) -> Any:
        """The reply to a submitted command, under whose name the wait is traced."""
        if self.span is None:
            reply = await submitted
        else:
            with self.span(name):
                reply = await submitted
        if isinstance(reply, Exception):
            REDIS_ERRORS.labels("refused").inc()
            raise RedisUnavailableError(str(reply)) from reply
        return reply

    async def run_script(self, script: Script, keys: tuple[str, ...], *arguments: Argument) -> Any:
        """The result of a Lua script, which is loaded where Redis does not know it yet."""
        try:
            return await self.execute("EVALSHA", script.digest, len(keys), *keys, *arguments)
        except RedisUnavailableError as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        return await self.execute("EVAL", script.source, len(keys), *keys, *arguments)

    async def ping(self) -> bool:
        """Ask Redis itself, also while it is left alone."""
        try:
            async with asyncio.timeout(self._timeout):
                await cast("asyncio.Future[bool]", self._client.ping())
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    async def close(self) -> None:
        """End the probe and close all connections."""
        if self._probe is not None:
            self._probe.cancel()
            with suppress(asyncio.CancelledError):
                await self._probe
        await self._client.aclose()

    async def _send_queued(self) -> None:
        try:
            await self._send_batches()
        finally:
            # Here and not in a callback of the task: a command that comes before it would wait for ever.
            task = asyncio.current_task()
            assert task is not None  # noqa: S101
            self._senders.discard(task)

    async def _send_batches(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]
            try:
                async with asyncio.timeout(self._timeout):
                    replies = await self._round_trip([command for command, _ in batch])
            except (RedisError, OSError, TimeoutError) as error:
                self._leave_alone(error, [future for _, future in batch])
                return
            for (_, future), reply in zip(batch, replies, strict=True):
                if not future.done():
                    future.set_result(reply)

    async def _round_trip(self, commands: list[Command]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return await pipeline.execute(raise_on_error=False)

    def _leave_alone(self, error: Exception, futures: list[Reply]) -> None:
        REDIS_ERRORS.labels("timeout" if isinstance(error, TimeoutError) else "connection").inc()
        if self._probe is None:
            log.warning("redis_unavailable", error=str(error) or type(error).__name__)
            REDIS_UP.set(0)
            self._probe = asyncio.get_running_loop().create_task(self._probe_until_up())
        futures += [future for _, future in self._queue]
        self._queue.clear()
        for future in futures:
            if not future.done():
                future.set_exception(RedisUnavailableError(str(error) or type(error).__name__))
                future.exception()  # so that asyncio does not report replies that nobody receives

    async def _probe_until_up(self) -> None:
        while True:
            await asyncio.sleep(self._retry_seconds)
            if await self.ping():
                break
        self._probe = None
        REDIS_UP.set(1)
        log.info("redis_available_again")


def make_gateway(settings: Settings) -> RedisGateway | None:
    """The gateway to the Redis of the settings, if they name one."""
    if not settings.redis_host:
        return None
    return RedisGateway(
        make_client(settings),
        connections=settings.redis_max_connections,
        timeout=settings.redis_timeout_seconds,
        retry_seconds=settings.redis_retry_seconds,
    )
