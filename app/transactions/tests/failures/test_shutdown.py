"""Signals: what has begun is finished."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.conftest import StartApp, StartService
from tests.servers import APP, MariaDbServer, clean_environment, wait_until
from transactions.config import Settings


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_finishes_the_request_that_has_begun(
    start_service: StartService, mariadb: MariaDbServer, workers: str
) -> None:
    service = start_service(DB_TIMEOUT_SECONDS="20", WEB_CONCURRENCY=workers)
    with ThreadPoolExecutor() as threads:
        with mariadb.paused():
            slow = threads.submit(
                httpx.post, f"{service.url}/transaction", json={"amount": "1", "description": "slow"}, timeout=60
            )
            wait_until(lambda: "request_started" in service.log.read_text(), "the request to have begun")
            service.process.send_signal(signal.SIGTERM)
            wait_until(lambda: "Shutting down" in service.log.read_text(), "the service to stop")
        assert slow.result().status_code == 201
    assert service.process.wait(timeout=60) == 0
    assert '"event":"stopped"' in service.log.read_text()


def test_draining_instance_serves_but_is_not_ready(start_service: StartService) -> None:
    service = start_service(SHUTDOWN_DRAIN_SECONDS="2")
    service.process.send_signal(signal.SIGTERM)
    wait_until(lambda: service.request("GET", "/health/ready").status_code == 503, "the instance to drain")
    answer = service.request("GET", "/transaction")
    assert answer.status_code == 200
    assert answer.headers["connection"] == "close"
    assert service.process.wait(timeout=60) == 0


def test_second_signal_does_not_wait_for_the_drain(start_service: StartService) -> None:
    service = start_service(SHUTDOWN_DRAIN_SECONDS="60")
    service.process.send_signal(signal.SIGTERM)
    wait_until(lambda: service.request("GET", "/health/ready").status_code == 503, "the instance to drain")
    assert service.stop() == 0


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"APP_ENVIRONMENT": "production"}, "APP_ENVIRONMENT: Input should be 'local', 'dev', 'staging' or 'prod'"),
        ({}, "DB_HOST is missing"),
        ({"DB_HOST": "db", "DB_PORT": "mysql", "DB_PASSWORD": "s3cret"}, "DB_PORT: Input should be a valid integer"),
    ],
)
def test_wrong_configuration_ends_with_one_clear_message(environment: dict[str, str], message: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "transactions"],
        cwd=APP, env=clean_environment(environment), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == os.EX_CONFIG
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "s3cret" not in ended.stderr


def test_taken_port_ends_with_a_message(start_service: StartService) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = subprocess.run(
            [sys.executable, "-m", "transactions"],
            cwd=APP,
            env=clean_environment(
                {"APP_ENVIRONMENT": "dev", "DB_HOST": "x", "DB_USER": "x", "HOST": "127.0.0.1",
                 "AUTHENTICATION": "none", "PORT": str(taken.getsockname()[1])}
            ),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert ended.returncode != 0
    assert any("address already in use" in json.loads(line)["event"] for line in ended.stdout.splitlines())


def test_first_try_needs_no_server(start_service: StartService, tmp_path: object) -> None:
    service = start_service(
        APP_ENVIRONMENT="local", DB_HOST="", REDIS_HOST="", DB_SQLITE_PATH=f"{tmp_path}/first-try.db"
    )
    posted = service.request("POST", "/transaction", json={"amount": "12.50", "description": "x"})
    assert posted.status_code == 201
    assert service.request("GET", posted.headers["location"]).json()["amount"] == "12.50"
    assert service.request("DELETE", "/transaction").json() == {"deleted": 1}
    assert service.request("GET", "/health").json()["services"] == {"database": "up", "redis": "disabled"}


def test_container_probe_tells_a_living_service_from_a_dead_one(start_service: StartService) -> None:
    service = start_service()

    def probe() -> int:
        return subprocess.run(
            [sys.executable, "-m", "transactions.probe"],
            cwd=APP, env=clean_environment({"PORT": str(service.port)}), timeout=60, check=False,
        ).returncode  # fmt: skip

    assert probe() == 0
    service.stop()
    assert probe() == 1


async def test_a_service_that_is_stopped_while_it_connects_ends_at_once(
    start_app: StartApp, settings: Settings
) -> None:
    _client, services = await start_app(settings)
    async with asyncio.timeout(5), services.running():
        await asyncio.sleep(0)
