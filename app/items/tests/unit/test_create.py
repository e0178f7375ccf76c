"""POST /items."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from items.models import DESCRIPTION_LENGTH, NAME_LENGTH
from tests.requests import Api


def test_a_new_item_has_an_id_times_an_author_and_the_first_version(api: Api) -> None:
    answer = api.ask("POST", "/items", {"name": "Desk lamp", "description": "With a dimmer", "status": "draft"})
    assert answer.status == 201
    item = answer.json
    assert UUID(item["id"]).version == 4
    assert (item["name"], item["description"], item["status"]) == ("Desk lamp", "With a dimmer", "draft")
    assert item["createdAt"] == item["updatedAt"]
    assert (item["createdBy"], item["version"]) == ("anonymous", 1)
    assert answer.headers["Location"] == f"/test/items/{item['id']}"


def test_only_the_name_is_required(api: Api) -> None:
    item = api.make(name="Desk lamp")
    assert (item["description"], item["status"]) == ("", "active")


def test_the_author_is_whom_the_authorizer_has_named(api: Api) -> None:
    assert api.ask("POST", "/items", {"name": "x"}, caller="ann").json["createdBy"] == "ann"


@pytest.mark.parametrize("name", ["x" * NAME_LENGTH, "ä" * NAME_LENGTH, "\U0001f4a1", " ", "\x00", '"; DROP'])
def test_names_of_any_characters_up_to_the_limit_are_taken(api: Api, name: str) -> None:
    made = api.make(name=name)
    assert api.ask("GET", f"/items/{made['id']}").json["name"] == name


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, "body.name"),
        ({"name": ""}, "body.name"),
        ({"name": "x" * (NAME_LENGTH + 1)}, "body.name"),
        ({"name": None}, "body.name"),
        ({"name": 5}, "body.name"),
        ({"name": ["x"]}, "body.name"),
        ({"name": "x", "description": "y" * (DESCRIPTION_LENGTH + 1)}, "body.description"),
        ({"name": "x", "status": "lost"}, "body.status"),
        ({"name": "x", "id": "5"}, "body.id"),
        ({"name": "x", "version": 7}, "body.version"),
        ([], "body"),
        ("{", "body"),
        ("", "body"),
        (None, "body"),
        ('{"name": "\\ud800"}', "body.name"),
    ],
)
def test_what_is_not_valid_is_refused_with_each_mistake(api: Api, body: Any, location: str) -> None:
    answer = api.ask("POST", "/items", body)
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"] == "urn:problem:invalid-request"
    assert answer.json["errors"][0]["location"].startswith(location)
    assert answer.json["requestId"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "body", ["[" * 30000, '{"name":' * 20000, '{"name": ' + "9" * 5000 + "}", '{"name": NaN}', "{"]
)
def test_what_nobody_can_read_is_refused(api: Api, body: str) -> None:
    answer = api.ask("POST", "/items", body)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")


def test_the_rejected_input_is_not_repeated(api: Api) -> None:
    answer = api.ask("POST", "/items", {"name": "x", "status": "a-secret-in-the-wrong-place"})
    assert "a-secret-in-the-wrong-place" not in answer.body


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "Multipart/form-data; boundary=x"],
)
def test_another_media_type_is_refused(api: Api, media_type: str) -> None:
    answer = api.ask("POST", "/items", "name=x", {"Content-Type": media_type})
    assert (answer.status, answer.json["type"]) == (415, "urn:problem:unsupported-media-type")


def test_a_repeated_request_gives_the_item_it_made(api: Api) -> None:
    key = {"Idempotency-Key": "order-1"}
    first, again = (api.ask("POST", "/items", {"name": "x"}, key) for _ in range(2))
    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert first.headers["Location"] == again.headers["Location"]
    assert api.ask("GET", "/items").json["count"] == 1


def test_a_key_belongs_to_one_body(api: Api) -> None:
    key = {"Idempotency-Key": "order-1"}
    api.ask("POST", "/items", {"name": "x"}, key)
    answer = api.ask("POST", "/items", {"name": "y"}, key)
    assert (answer.status, answer.json["type"]) == (409, "urn:problem:idempotency-key-reused")


def test_a_key_belongs_to_one_caller(api: Api) -> None:
    key = {"Idempotency-Key": "order-1"}
    ids = {api.ask("POST", "/items", {"name": "x"}, key, caller=who).json["id"] for who in ("ann", "bob")}
    assert len(ids) == 2


def test_a_repeated_request_does_not_wait_for_the_one_that_is_worked_on(api: Api, table: Any) -> None:
    key = {"Idempotency-Key": "order-1"}
    api.ask("POST", "/items", {"name": "x"}, key)
    record = next(found for found in table.scan()["Items"] if "requestStatus" in found)
    table.put_item(Item={**record, "requestStatus": "INPROGRESS", "inProgressUntil": 2**45})
    answer = api.ask("POST", "/items", {"name": "x"}, key)
    assert (answer.status, answer.json["type"]) == (409, "urn:problem:request-in-progress")
    assert answer.headers["Retry-After"] == "1"


def test_what_was_remembered_of_requests_expires_and_is_in_no_list(api: Api, table: Any) -> None:
    api.ask("POST", "/items", {"name": "x"}, {"Idempotency-Key": "order-1"})
    assert api.ask("GET", "/items").json["count"] == 1
    (record,) = (found for found in table.scan()["Items"] if "requestStatus" in found)
    assert "expiresAt" in record
    assert "status" not in record
