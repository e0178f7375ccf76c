"""The database: one engine, and operations that end in time."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import QueuePool

from transactions.config import Settings
from transactions.metrics import DB_ERRORS, DB_POOL_IN_USE, time_database

# The server gave one of two transactions up; it only has to be tried again.
DEADLOCK = 1213
LOCK_WAIT_TIMEOUT = 1205
ATTEMPTS = 3


Result = TypeVar("Result")


class DatabaseUnavailableError(Exception):
    """The database is away, too slow, or has no connection to spare."""


def connect_arguments(settings: Settings) -> dict[str, Any]:
    """What the driver needs beside the URL."""
    if settings.uses_sqlite:
        return {}
    arguments: dict[str, Any] = {"connect_timeout": max(1, round(settings.db_timeout_seconds))}
    if settings.db_tls:
        arguments["ssl"] = ssl.create_default_context(cafile=settings.db_tls_ca)
    return arguments


def make_engine(settings: Settings) -> AsyncEngine:
    """An engine with the pool that the settings describe."""
    pool: dict[str, Any] = {}
    if not settings.uses_sqlite:
        pool = {
            "pool_size": settings.db_pool_size,
            "max_overflow": settings.db_max_overflow,
            "pool_recycle": settings.db_pool_recycle_seconds,
            "pool_pre_ping": settings.db_pool_pre_ping,
            "pool_timeout": settings.db_timeout_seconds,
        }
    return create_async_engine(
        settings.database_url, connect_args=connect_arguments(settings), hide_parameters=True, **pool
    )


def _is_unavailable(error: SQLAlchemyError) -> bool:
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    # Errors below 2000 come from a server that answered; these say that it could not serve us.
    return error.connection_invalidated or _server_code(error) in {1040, 1053, 1077, 1927, *range(2000, 2100)}


def _server_code(error: DBAPIError) -> int | None:
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


class Database:
    """Runs operations in transactions, each within the time a request has."""

    def __init__(self, engine: AsyncEngine, timeout: float) -> None:
        self.engine = engine
        self._timeout = timeout
        # Replaced where tracing is on.
        self.span: Callable[[str], AbstractContextManager[object]] = lambda _operation: nullcontext()
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def run(self, operation: str, work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
        """Do `work` in one transaction; it is done again when the server chose it to end a deadlock."""
        with time_database(operation), self.span(operation):
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._attempt(work)
            except (TimeoutError, OSError) as error:
                DB_ERRORS.inc()
                raise DatabaseUnavailableError(str(error) or "timed out") from error
            except SQLAlchemyError as error:
                if not _is_unavailable(error):
                    raise
                DB_ERRORS.inc()
                raise DatabaseUnavailableError(str(error)) from error
            finally:
                self._report_pool()

    async def _attempt(self, work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._sessions.begin() as session:
                    return await work(session)
            except DBAPIError as error:
                if _server_code(error) not in (DEADLOCK, LOCK_WAIT_TIMEOUT) or attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(random.uniform(0, 0.02) * attempt)  # noqa: S311  # spreads the rivals
        raise AssertionError("unreachable")

    async def is_up(self) -> bool:
        """Whether the database answers a trivial query in time."""
        try:
            await self.run("ping", lambda session: session.execute(text("SELECT 1")))
        except (DatabaseUnavailableError, SQLAlchemyError):
            return False
        return True

    def _report_pool(self) -> None:
        if isinstance(self.engine.pool, QueuePool):
            DB_POOL_IN_USE.set(self.engine.pool.checkedout())

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()
