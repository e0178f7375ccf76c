"""PUT and DELETE /items/{item_id}."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.requests import Api


def test_a_change_gives_the_item_its_next_version(api: Api) -> None:
    made = api.make(name="Desk lamp", description="old", status="draft")
    change = {"name": "Floor lamp", "description": "new", "status": "active", "version": 1}
    answer = api.ask("PUT", f"/items/{made['id']}", change)
    assert answer.status == 200
    changed = answer.json
    assert {name: changed[name] for name in ("name", "description", "status")} == {
        "name": "Floor lamp",
        "description": "new",
        "status": "active",
    }
    assert changed["version"] == 2
    assert changed["updatedAt"] > made["updatedAt"]
    assert {name: changed[name] for name in ("id", "createdAt", "createdBy")} == {
        name: made[name] for name in ("id", "createdAt", "createdBy")
    }
    assert api.ask("GET", f"/items/{made['id']}").json == changed


def test_a_change_of_the_status_moves_the_item_to_the_other_list(api: Api) -> None:
    made = api.make(status="draft")
    api.ask("PUT", f"/items/{made['id']}", {"name": "x", "status": "archived", "version": 1})
    assert api.ask("GET", "/items?status=draft").json["count"] == 0
    assert api.ask("GET", "/items?status=archived").json["count"] == 1


def test_of_two_writers_with_the_same_version_one_is_refused(api: Api) -> None:
    made = api.make()
    answers = [api.ask("PUT", f"/items/{made['id']}", {"name": name, "version": 1}) for name in ("first", "second")]
    assert [answer.status for answer in answers] == [200, 409]
    assert answers[1].json["type"] == "urn:problem:version-conflict"
    assert answers[1].json["currentVersion"] == 2
    assert api.ask("GET", f"/items/{made['id']}").json["name"] == "first"


@pytest.mark.parametrize("version", [0, -1, "1", 1.5, True, None, 2**53, 10**38])
def test_a_version_that_is_none_is_400(api: Api, version: Any) -> None:
    made = api.make()
    answer = api.ask("PUT", f"/items/{made['id']}", {"name": "x", "version": version})
    assert (answer.status, answer.json["errors"][0]["location"]) == (400, "body.version")


def test_a_change_without_a_version_is_400(api: Api) -> None:
    made = api.make()
    assert api.ask("PUT", f"/items/{made['id']}", {"name": "x"}).status == 400


def test_a_change_of_an_unknown_item_is_404_and_makes_none(api: Api) -> None:
    unknown = uuid4()
    answer = api.ask("PUT", f"/items/{unknown}", {"name": "x", "version": 1})
    assert (answer.status, answer.json["type"]) == (404, "urn:problem:not-found")
    assert api.ask("GET", f"/items/{unknown}").status == 404


def test_a_deleted_item_is_gone(api: Api) -> None:
    made = api.make()
    answer = api.ask("DELETE", f"/items/{made['id']}")
    assert (answer.status, answer.body) == (204, "")
    assert api.ask("GET", f"/items/{made['id']}").status == 404
    assert api.ask("DELETE", f"/items/{made['id']}").status == 404
    assert api.ask("GET", "/items").json["count"] == 0


def test_a_deletion_may_name_the_version_that_it_means(api: Api) -> None:
    made = api.make()
    api.ask("PUT", f"/items/{made['id']}", {"name": "x", "version": 1})
    refused = api.ask("DELETE", f"/items/{made['id']}?version=1")
    assert (refused.status, refused.json["currentVersion"]) == (409, 2)
    assert api.ask("DELETE", f"/items/{made['id']}?version=2").status == 204


@pytest.mark.parametrize("query", ["version=0", "version=x", "version=9007199254740992", f"version={'9' * 5000}"])
def test_a_deletion_of_no_version_is_400(api: Api, query: str) -> None:
    made = api.make()
    assert api.ask("DELETE", f"/items/{made['id']}?{query}").status == 400
