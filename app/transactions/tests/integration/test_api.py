"""The API on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import StartApp
from tests.servers import MariaDbServer, RedisServer
from transactions.config import Settings


async def post(client: httpx.AsyncClient, amount: str = "12.50", description: str = "coffee") -> dict[str, str]:
    answer = await client.post("/transaction", json={"amount": amount, "description": description})
    assert answer.status_code == 201, answer.text
    body: dict[str, str] = answer.json()
    assert answer.headers["location"] == f"/transaction/{body['id']}"
    return body


async def test_posted_transaction_is_stored_and_found(client: httpx.AsyncClient, mariadb: MariaDbServer) -> None:
    posted = await post(client, "12.5", "Zwölf Kaffee ☕")
    assert posted["amount"] == "12.50"
    for _ in range(2):  # from the database, then from the cache
        answer = await client.get(f"/transaction/{posted['id']}")
        assert answer.status_code == 200
        assert answer.json() == posted
    stored = mariadb.sql("SELECT amount, description FROM transactions", "transactions")
    assert stored == "12.50\tZwölf Kaffee ☕"


async def test_times_are_utc(client: httpx.AsyncClient) -> None:
    assert (await post(client))["created_at"].endswith("Z")


@pytest.mark.parametrize("amount", ["9999999999999.99", "-9999999999999.99", "0.01", "0.10", "-0.01"])
async def test_amounts_survive_exactly(client: httpx.AsyncClient, amount: str) -> None:
    posted = await post(client, amount)
    assert posted["amount"] == amount
    assert (await client.get(f"/transaction/{posted['id']}")).json()["amount"] == amount


async def test_deleted_transaction_is_gone(client: httpx.AsyncClient) -> None:
    posted = await post(client)
    path = f"/transaction/{posted['id']}"
    assert (await client.get(path)).status_code == 200
    assert (await client.delete(path)).status_code == 204
    for method in ("GET", "DELETE"):
        answer = await client.request(method, path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == f"There is no transaction {posted['id']}."
    assert (await client.get("/transaction")).json()["items"] == []


async def test_pages_hold_every_transaction_once_newest_first(client: httpx.AsyncClient) -> None:
    posted = [(await post(client, description=str(number)))["id"] for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    pages = 0
    while True:
        query: dict[str, str | int] = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/transaction", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        pages += 1
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == posted[::-1]
    assert pages == 3


async def test_last_page_that_is_full_has_no_cursor(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await post(client)
    assert (await client.get("/transaction", params={"limit": 3})).json()["next_cursor"] is None


async def test_new_transactions_do_not_shift_later_pages(client: httpx.AsyncClient) -> None:
    posted = [(await post(client))["id"] for _ in range(4)]
    first = (await client.get("/transaction", params={"limit": 2})).json()
    await post(client)
    second = (await client.get("/transaction", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [item["id"] for item in second["items"]] == posted[1::-1]


@pytest.mark.parametrize(
    "cursor", ["", "x", "MTIz", "4pi6", "LTEuMA", "MS4x====", "MS4w", "OTk5OTk5OTk5OTk5OTk5OTk5OTkuMQ"]
)
async def test_unknown_cursors_are_refused(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await client.get("/transaction", params={"cursor": cursor})
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:problem:invalid-cursor"


async def test_delete_all_empties_table_cache_and_totals(
    start_app: StartApp, settings: Settings, mariadb: MariaDbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.repository.DELETE_BATCH", 2)
    client, _ = await start_app(settings)
    posted = [(await post(client, "1.25"))["id"] for _ in range(5)]
    for identifier in posted:
        assert (await client.get(f"/transaction/{identifier}")).status_code == 200
    answer = await client.delete("/transaction")
    assert answer.json() == {"deleted": 5}
    assert (await client.get("/transaction")).json() == {"items": [], "next_cursor": None}
    for identifier in posted:
        assert (await client.get(f"/transaction/{identifier}")).status_code == 404
    totals = mariadb.sql("SELECT SUM(number), SUM(amount) FROM transaction_totals", "transactions")
    assert totals == "0\t0.00"


async def test_production_deletes_everything_only_when_confirmed(start_app: StartApp, settings: Settings) -> None:
    client, _ = await start_app(settings.model_copy(update={"app_environment": "prod", "allow_unauthenticated": True}))
    await post(client)
    refused = await client.delete("/transaction")
    assert refused.status_code == 400
    assert refused.json()["type"] == "urn:problem:confirmation-required"
    assert len((await client.get("/transaction")).json()["items"]) == 1
    confirmed = await client.delete("/transaction", params={"confirm": "delete-all-transactions"})
    assert confirmed.json() == {"deleted": 1}


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({"amount": 12.5, "description": "a float"}, "body.amount"),
        ({"amount": 12, "description": "a number"}, "body.amount"),
        ({"amount": "12.505", "description": "a third place"}, "body.amount"),
        ({"amount": "1e3", "description": "an exponent"}, "body.amount"),
        ({"amount": "NaN", "description": "no number"}, "body.amount"),
        ({"amount": "٣", "description": "digits of another script"}, "body.amount"),
        ({"amount": "12345678901234", "description": "too large"}, "body.amount"),
        ({"amount": "1"}, "body.description"),
        ({"amount": "1", "description": ""}, "body.description"),
        ({"amount": "1", "description": "x" * 256}, "body.description"),
        ({"amount": "1", "description": "x", "currency": "EUR"}, "body.currency"),
        (["not", "an", "object"], "body"),
    ],
)
async def test_invalid_bodies_are_named_without_being_repeated(
    client: httpx.AsyncClient, body: object, location: str
) -> None:
    answer = await client.post("/transaction", json=body)
    assert answer.status_code == 422
    problem = answer.json()
    assert location in {error["location"] for error in problem["errors"]}
    assert problem["type"] == "urn:problem:invalid-request"
    assert all(set(error) == {"location", "message"} for error in problem["errors"])


@pytest.mark.parametrize("identifier", ["0", "-1", "x", str(2**63), "1.5"])
async def test_ids_that_cannot_exist_are_invalid(client: httpx.AsyncClient, identifier: str) -> None:
    answer = await client.get(f"/transaction/{identifier}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "path.transaction_id"


@pytest.mark.parametrize("spelling", ["{}.0", "+{}", "0{}", "%20{}", "{}e0", "1_{}"])
async def test_a_transaction_has_one_address_only(client: httpx.AsyncClient, spelling: str) -> None:
    made = (await client.post("/transaction", json={"amount": "1.00", "description": "x"})).json()
    for method in ("GET", "DELETE"):
        assert (await client.request(method, f"/transaction/{spelling.format(made['id'])}")).status_code == 422
    assert (await client.get(f"/transaction/{made['id']}")).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/version", "/transaction"])
async def test_head_is_answered_like_get_without_the_body(client: httpx.AsyncClient, path: str) -> None:
    asked, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == asked.headers["content-length"]


@pytest.mark.parametrize("path", ["/transaction/", "/health/"])
async def test_a_slash_too_many_leads_nowhere(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"host": "shop.example", "x-forwarded-proto": "https"})
    assert (answer.status_code, answer.headers.get("location")) == (404, None)


async def test_errors_are_not_cached(client: httpx.AsyncClient, redis_: RedisServer) -> None:
    for _ in range(2):
        assert (await client.get("/transaction", params={"limit": 0})).status_code == 422
        assert (await client.get("/transaction/1000000000")).status_code == 404
    assert redis_.call("HLEN", "transactions:v1:list") == "1"  # the lease
    assert redis_.call("HLEN", "transactions:v1:item:1000000000") == "1"


async def test_unknown_paths_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    missing = await client.get("/nothing/here")
    assert (missing.status_code, missing.json()["instance"]) == (404, "/nothing/here")
    wrong = await client.put("/transaction")
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "DELETE, GET, POST"
    assert wrong.json()["type"] == "urn:problem:method-not-allowed"


async def test_large_bodies_are_refused_with_and_without_a_length(client: httpx.AsyncClient) -> None:
    large = b'{"amount": "1", "description": "' + b"x" * 70000 + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 10000):
            yield large[start : start + 10000]

    contents: list[bytes | AsyncIterator[bytes]] = [large, chunks()]
    for content in contents:
        answer = await client.post("/transaction", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 413
        assert answer.json()["type"] == "urn:problem:body-too-large"


async def test_correlation_id_goes_through_or_is_made(client: httpx.AsyncClient) -> None:
    answer = await client.get("/transaction/1", headers={"X-Correlation-ID": "my-id.1"})
    assert answer.headers["x-correlation-id"] == answer.json()["correlation_id"] == "my-id.1"
    for unacceptable in ("", "a b", "x" * 129, "<script>"):
        answer = await client.get("/transaction/1", headers={"X-Correlation-ID": unacceptable})
        made = answer.headers["x-correlation-id"]
        assert made != unacceptable
        assert len(made) == 32


async def test_health_and_version(client: httpx.AsyncClient) -> None:
    health = await client.get("/health")
    assert health.status_code == 200
    assert health.json()["status"] == "ok"
    assert health.json()["services"] == {"database": "up", "redis": "up"}
    assert (await client.get("/health/live")).json() == {"status": "ok"}
    assert (await client.get("/health/ready")).json() == {"status": "ok"}
    version = (await client.get("/version")).json()
    assert version["commit"] == "abc123"
    assert version["instance"]


async def test_stopping_instance_is_not_ready_but_answers(start_app: StartApp, settings: Settings) -> None:
    client, services = await start_app(settings)
    services.start_draining()
    ready = await client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["type"] == "urn:problem:stopping"
    served = await client.get("/transaction")
    assert served.status_code == 200
    assert served.headers["connection"] == "close"


async def test_database_refuses_nothing_else_when_cache_is_disabled(
    start_app: StartApp, settings: Settings, redis_: RedisServer
) -> None:
    client, _ = await start_app(settings.model_copy(update={"redis_host": ""}))
    posted = await post(client)
    assert (await client.get(f"/transaction/{posted['id']}")).status_code == 200
    assert (await client.get("/health")).json()["services"]["redis"] == "disabled"
    assert redis_.call("DBSIZE") == "0"
