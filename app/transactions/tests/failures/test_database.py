"""The database killed, hanging, without connections, in a deadlock."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from tests.conftest import StartApp, StartService
from tests.servers import MariaDbServer, Service, wait_until
from transactions.config import Settings
from transactions.database import DatabaseUnavailableError

REQUESTS = [("GET", "/transaction"), ("GET", "/transaction/1"), ("POST", "/transaction"), ("DELETE", "/transaction/1")]


def expect_unavailable(service: Service) -> None:
    for method, path in REQUESTS:
        body = {"amount": "1", "description": "x"} if method == "POST" else None
        # The client gives up after 10 s, so a request that only waits fails here.
        answer = service.request(method, path, json=body)
        assert answer.status_code == 503, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:problem:database-unavailable"
        assert answer.headers["retry-after"]
    health = service.request("GET", "/health")
    assert (health.status_code, health.json()["status"]) == (503, "unavailable")
    assert service.request("GET", "/health/ready").status_code == 503
    assert service.request("GET", "/health/live").status_code == 200


def expect_recovery(service: Service) -> None:
    wait_until(lambda: service.request("GET", "/health/ready").status_code == 200, "the service to be ready again")
    answer = service.request("POST", "/transaction", json={"amount": "1", "description": "x"})
    assert answer.status_code == 201


def test_deadline_leaves_room_for_the_answer_within_two_seconds(settings: Settings) -> None:
    assert settings.db_timeout_seconds <= 1.5


def test_killed_database_is_a_problem_until_it_is_back(start_service: StartService, mariadb: MariaDbServer) -> None:
    service = start_service()
    expect_recovery(service)
    mariadb.kill()
    expect_unavailable(service)
    mariadb.start()
    expect_recovery(service)


def test_hanging_database_is_a_problem_until_it_goes_on(start_service: StartService, mariadb: MariaDbServer) -> None:
    service = start_service()
    expect_recovery(service)
    with mariadb.paused():
        expect_unavailable(service)
    expect_recovery(service)


def test_service_starts_without_a_database(start_service: StartService, mariadb: MariaDbServer) -> None:
    mariadb.kill()
    service = start_service()
    expect_unavailable(service)
    mariadb.start()
    expect_recovery(service)


async def test_cached_reads_go_on_while_the_database_is_away(
    start_app: StartApp, settings: Settings, mariadb: MariaDbServer
) -> None:
    client, _ = await start_app(settings)
    posted = (await client.post("/transaction", json={"amount": "1", "description": "x"})).json()
    path = f"/transaction/{posted['id']}"
    assert (await client.get(path)).json() == posted
    with mariadb.paused():
        assert (await client.get(path)).json() == posted


async def test_exhausted_pool_is_a_problem_and_not_a_queue(
    start_app: StartApp, settings: Settings, mariadb: MariaDbServer
) -> None:
    small = {"db_pool_size": 1, "db_max_overflow": 0, "db_timeout_seconds": 0.5, "totals_refresh_seconds": 3600.0}
    client, services = await start_app(settings.model_copy(update=small))
    assert await services.database.is_up()
    async with services.database.engine.connect():
        answer = await client.get("/transaction")
    assert answer.status_code == 503
    assert (await client.get("/transaction")).status_code == 200


async def test_deadlock_victims_are_tried_again(
    start_app: StartApp, settings: Settings, mariadb: MariaDbServer
) -> None:
    client, _ = await start_app(settings.model_copy(update={"rate_limit_requests": 0}))
    ids = []
    for _ in range(30):
        answer = await client.post("/transaction", json={"amount": "1.10", "description": "x"})
        ids.append(answer.json()["id"])
    writes = [client.delete(f"/transaction/{identifier}") for identifier in ids]
    writes += [client.post("/transaction", json={"amount": "2.20", "description": "y"}) for _ in range(30)]
    answers = await asyncio.gather(*writes)
    assert {answer.status_code for answer in answers} <= {201, 204, 503}
    # Whatever was refused, the totals are those of the table.
    table = mariadb.sql("SELECT COUNT(*), COALESCE(SUM(amount), 0) FROM transactions", "transactions")
    assert mariadb.sql("SELECT SUM(number), SUM(amount) FROM transaction_totals", "transactions") == table


async def test_deadlock_is_resolved_without_the_client_noticing(
    start_app: StartApp, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, services = await start_app(settings)
    attempts = 0

    async def work(session: object) -> int:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise OperationalError("UPDATE", {}, Exception(1213, "Deadlock found"))
        return attempts

    assert await services.database.run("work", work) == 3


async def test_too_many_connections_is_a_problem(
    start_app: StartApp, settings: Settings, mariadb: MariaDbServer
) -> None:
    _, services = await start_app(settings)

    async def work(session: object) -> None:
        raise OperationalError("SELECT", {}, Exception(1040, "Too many connections"))

    with pytest.raises(DatabaseUnavailableError):
        await services.database.run("work", work)
