"""Servers and applications for the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI

from tests.servers import MariaDbServer, RedisServer, Service, migrate
from transactions.config import Settings, load_settings
from transactions.main import create_app
from transactions.services import Services

StartService = Callable[..., Service]


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own variables out of the settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDbServer]:
    """A migrated MariaDB for the whole run."""
    server = MariaDbServer(tmp_path_factory.mktemp("mariadb"))
    try:
        server.create()
        migrate(server.environment())
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for the whole run."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def mariadb(mariadb_server: MariaDbServer) -> MariaDbServer:
    """The MariaDB, running and empty."""
    if mariadb_server.process is None:
        mariadb_server.start()
    mariadb_server.sql("DELETE FROM transactions; UPDATE transaction_totals SET number = 0, amount = 0", "transactions")
    return mariadb_server


@pytest.fixture
def redis_(redis_server: RedisServer) -> RedisServer:
    """The Redis, running and empty."""
    if redis_server.process is None:
        redis_server.start()
    redis_server.call("FLUSHALL")
    return redis_server


@pytest.fixture
def settings(mariadb: MariaDbServer, redis_: RedisServer) -> Settings:
    """Settings that lead to both servers."""
    return load_settings(
        app_environment="dev",
        app_commit="abc123",
        # tests/integration/test_authentication.py has those who must say who they are.
        authentication="none",
        db_host="127.0.0.1",
        db_port=mariadb.port,
        db_user=mariadb.USER,
        db_password=mariadb.PASSWORD,
        redis_host="127.0.0.1",
        redis_port=redis_.port,
        # A busy machine is not to be taken for a slow Redis.
        redis_timeout_seconds=2.0,
        redis_retry_seconds=0.1,
        totals_refresh_seconds=0.1,
    )


@asynccontextmanager
async def running(app: FastAPI, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that is started and, at the end, stopped."""
    async with LifespanManager(app, startup_timeout=30, shutdown_timeout=30):
        transport = httpx.ASGITransport(app=app, **options)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client


StartApp = Callable[[Settings], Any]


@pytest.fixture
async def start_app() -> AsyncIterator[StartApp]:
    """Starts applications in this process; they end with the test."""
    async with AsyncExitStack() as stack:

        async def start(settings: Settings) -> tuple[httpx.AsyncClient, Services]:
            app = create_app(settings)
            client = await stack.enter_async_context(running(app))
            return client, app.state.services

        yield start


@pytest.fixture
async def client(start_app: StartApp, settings: Settings) -> httpx.AsyncClient:
    """A client of the application on real servers."""
    client: httpx.AsyncClient = (await start_app(settings))[0]
    return client


@pytest.fixture
def service_environment(mariadb: MariaDbServer, redis_: RedisServer) -> dict[str, str]:
    """The environment of a service process on both servers."""
    return {
        **mariadb.environment(),
        "APP_ENVIRONMENT": "dev",
        "AUTHENTICATION": "none",
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis_.port),
        "REDIS_TIMEOUT_SECONDS": "2",
        "REDIS_RETRY_SECONDS": "0.1",
    }


@pytest.fixture
def start_service(service_environment: dict[str, str], tmp_path: Path) -> Iterator[StartService]:
    """Starts the service as a process; it ends with the test."""
    started: list[Service] = []

    def start(**extra: str) -> Service:
        service = Service({**service_environment, **extra}, tmp_path)
        started.append(service)
        return service

    yield start
    for service in started:
        service.end()
