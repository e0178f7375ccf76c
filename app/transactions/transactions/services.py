"""What a process holds while it runs: connections, cache, and the tasks beside the requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from transactions.cache import Cache
from transactions.config import Settings
from transactions.database import Database, DatabaseUnavailableError, make_engine
from transactions.logs import get_logger
from transactions.metrics import TRANSACTIONS, TRANSACTIONS_AMOUNT
from transactions.redis_gateway import RedisGateway, make_gateway
from transactions.repository import read_totals

log = get_logger()


class Services:
    """The process' connections, made when they are first used: a database that is away delays no start."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(make_engine(settings), settings.db_timeout_seconds)
        self.redis: RedisGateway | None = make_gateway(settings)
        self.cache = Cache(self.redis, settings.cache_ttl)
        self.draining = False

    def start_draining(self) -> None:
        """Say `not ready` from now on, while requests are still answered."""
        self.draining = True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the gauges fresh; close everything at the end."""
        refresher = asyncio.create_task(self._refresh_totals())
        try:
            yield
        finally:
            self.start_draining()
            # While it connects, the driver makes an error of its own of the first one, after which the task goes on.
            while not refresher.done():
                refresher.cancel()
                await asyncio.wait((refresher,), timeout=0.1)
            with suppress(asyncio.CancelledError):
                refresher.result()
            await self.cache.close()
            if self.redis is not None:
                await self.redis.close()
            await self.database.close()

    async def _refresh_totals(self) -> None:
        while True:
            try:
                totals = await self.database.run("totals", read_totals)
            except (DatabaseUnavailableError, SQLAlchemyError) as error:
                log.warning("totals_not_refreshed", error=type(error).__name__)
            else:
                TRANSACTIONS.set(totals.number)
                TRANSACTIONS_AMOUNT.set(float(totals.amount))
            await asyncio.sleep(self.settings.totals_refresh_seconds)


def get_services(request: Request) -> Services:
    """The services of the application that handles this request."""
    return cast(Services, request.app.state.services)
