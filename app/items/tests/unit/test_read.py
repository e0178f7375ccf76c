"""GET /items/{item_id} and GET /items."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from items.cursors import encode_cursor
from items.models import Status
from tests.requests import Api


def read_all(api: Api, query: str) -> list[dict[str, Any]]:
    """Every page, one after the other."""
    found: list[dict[str, Any]] = []
    page = api.ask("GET", f"/items?{query}").json
    for _ in range(100):
        assert page["count"] == len(page["items"])
        found += page["items"]
        if page["nextCursor"] is None:
            return found
        page = api.ask("GET", f"/items?{query}&cursor={page['nextCursor']}").json
    raise AssertionError("the list has no end")


def test_an_item_is_read_as_it_was_made(api: Api) -> None:
    made = api.make(name="Desk lamp", description="With a dimmer")
    answer = api.ask("GET", f"/items/{made['id']}")
    assert (answer.status, answer.json) == (200, made)


def test_an_unknown_item_is_404(api: Api) -> None:
    unknown = uuid4()
    answer = api.ask("GET", f"/items/{unknown}")
    assert (answer.status, answer.json["type"]) == (404, "urn:problem:not-found")
    assert str(unknown) in answer.json["detail"]


@pytest.mark.parametrize("identifier", ["5", "migration%230001", "00000000-0000-0000-0000-00000000000g"])
def test_what_is_no_uuid_is_400(api: Api, identifier: str) -> None:
    answer = api.ask("GET", f"/items/{identifier}")
    assert (answer.status, answer.json["errors"][0]["location"]) == (400, "path.item_id")


def test_an_empty_table_is_an_empty_page(api: Api) -> None:
    answer = api.ask("GET", "/items")
    assert (answer.status, answer.json) == (200, {"items": [], "count": 0, "nextCursor": None})


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_have_each_item_once_newest_first(api: Api, limit: int) -> None:
    made = [api.make(name=str(number), status=list(Status)[number % 3])["id"] for number in range(7)]
    assert [item["id"] for item in read_all(api, f"limit={limit}")] == made[::-1]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_list_of_one_status_has_only_that(api: Api, limit: int) -> None:
    made = [api.make(name=str(number), status=list(Status)[number % 3]) for number in range(7)]
    drafts = [item["id"] for item in made if item["status"] == "draft"]
    assert [item["id"] for item in read_all(api, f"status=draft&limit={limit}")] == drafts[::-1]


def test_items_of_the_same_moment_are_not_lost_between_pages(api: Api, table: Any) -> None:
    made = {api.make(name=str(number), status=list(Status)[number % 2])["id"] for number in range(6)}
    for identifier in made:
        table.update_item(
            Key={"id": identifier},
            UpdateExpression="SET createdAt = :at",
            ExpressionAttributeValues={":at": "2026-01-02T03:04:05.000000Z"},
        )
    found = [item["id"] for item in read_all(api, "limit=1")]
    assert len(found) == 6
    assert set(found) == made


def test_an_item_made_meanwhile_does_not_disturb_a_list(api: Api) -> None:
    made = [api.make(name=str(number))["id"] for number in range(4)]
    page = api.ask("GET", "/items?limit=2").json
    api.make(name="late")
    rest = api.ask("GET", f"/items?limit=10&cursor={page['nextCursor']}").json
    assert [item["id"] for item in page["items"] + rest["items"]] == made[::-1]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "status=lost", "cursor=" + "x" * 1025, "status=", "limit="]
)
def test_parameters_outside_their_bounds_are_400(api: Api, query: str) -> None:
    answer = api.ask("GET", f"/items?{query}")
    assert (answer.status, answer.json["errors"][0]["location"]) == (400, f"query.{query.split('=', maxsplit=1)[0]}")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "e30",  # {}
        "W10",  # []
        "bnVsbA",  # null
        "ä",
        encode_cursor({Status.ACTIVE: None}),
        encode_cursor({Status.DRAFT: ("yesterday", "7d1f2c3a-0000-4000-8000-000000000000")}),  # type: ignore[dict-item]  # forged
        encode_cursor({Status.DRAFT: ("2026-01-02T03:04:05.000000Z", "7")}),  # type: ignore[dict-item]  # forged
    ],
)
def test_a_cursor_that_the_list_did_not_give_out_is_400(api: Api, cursor: str) -> None:
    answer = api.ask("GET", f"/items?status=draft&cursor={cursor}")
    assert (answer.status, answer.json["type"]) == (400, "urn:problem:invalid-cursor")


def test_an_unknown_path_is_404(api: Api) -> None:
    answer = api.ask("GET", "/nowhere")
    assert (answer.status, answer.json["type"]) == (404, "urn:problem:no-such-route")
