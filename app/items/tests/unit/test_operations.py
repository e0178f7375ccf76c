"""What the deployment asks for, and the migrations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from data.seed import SEEDS, seed
from data.seed import main as seed_main
from items.migrations import m0001_complete_items, migrate
from items.operations import UnknownOperationError
from items.settings import commit
from tests.requests import Api, Context

NAME = m0001_complete_items.NAME


def invoke(event: dict[str, Any], remaining: int = 60_000) -> dict[str, Any]:
    """Invoke the function directly."""
    from items.main import handler  # noqa: PLC0415  # reads its settings when it is imported

    answer: dict[str, Any] = handler(event, Context(remaining))
    return answer


def test_health_answers_with_the_commit_of_the_package(table: Any) -> None:
    assert invoke({"slipway": "health"}) == {"version": "0.1.0", "commit": "unknown"}


def test_the_commit_is_what_the_build_wrote_beside_the_package(tmp_path: Path) -> None:
    (tmp_path / "release.json").write_text('{"commit": "3f2a91c"}')
    assert commit(tmp_path / "release.json") == "3f2a91c"


def test_health_fails_where_the_table_cannot_be_read(account: None) -> None:
    with pytest.raises(ClientError, match="ResourceNotFound"):
        invoke({"slipway": "health"})


def test_another_operation_is_refused_with_those_that_are_known(table: Any) -> None:
    with pytest.raises(UnknownOperationError, match="'health' and 'migrate'"):
        invoke({"slipway": "explode"})


def test_a_migration_completes_items_and_leaves_others_as_they_are(api: Api, table: Any) -> None:
    whole = api.make(name="whole")
    identifier = "2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11"
    table.put_item(Item={"id": identifier, "name": "imported", "createdAt": "2020-01-02T03:04:05.000000Z"})
    table.put_item(Item={"id": "something-else"})
    assert invoke({"slipway": "migrate"}) == {"applied": [NAME], "done": True}
    assert api.ask("GET", f"/items/{whole['id']}").json == whole
    assert api.ask("GET", f"/items/{identifier}").json == {
        "id": identifier,
        "name": "imported",
        "description": "",
        "status": "active",
        "createdAt": "2020-01-02T03:04:05.000000Z",
        "updatedAt": "2020-01-02T03:04:05.000000Z",
        "createdBy": "import",
        "version": 1,
    }
    assert [item["name"] for item in api.ask("GET", "/items").json["items"]] == ["whole", "imported"]
    assert table.get_item(Key={"id": "something-else"})["Item"] == {"id": "something-else"}


def test_a_migration_is_done_once(table: Any) -> None:
    assert migrate(table)["applied"] == [NAME]
    table.put_item(Item={"id": "2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11", "name": "late"})
    assert migrate(table) == {"applied": [], "done": True}
    assert "version" not in table.get_item(Key={"id": "2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11"})["Item"]


def test_a_migration_that_was_stopped_goes_on_when_it_is_asked_again(table: Any) -> None:
    table.put_item(Item={"id": "2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11", "name": "imported"})
    assert invoke({"slipway": "migrate"}, remaining=5_000) == {"applied": [], "done": False}
    assert invoke({"slipway": "migrate"}) == {"applied": [NAME], "done": True}


def test_a_migration_does_not_bring_back_what_was_deleted_meanwhile(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.put_item(Item={"id": "2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11", "name": "imported"})
    missing = m0001_complete_items.missing

    def delete_first(item: dict[str, Any], at: str) -> dict[str, Any]:
        table.delete_item(Key={"id": item["id"]})
        return missing(item, at)

    monkeypatch.setattr(m0001_complete_items, "missing", delete_first)
    assert migrate(table)["done"]
    assert "Item" not in table.get_item(Key={"id": "2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11"})


def test_a_migration_that_may_not_write_fails(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    table.put_item(Item={"id": "2f1c3a1e-8a55-4c0e-9d0c-0d8f0a4b7f11", "name": "imported"})

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "UpdateItem")

    monkeypatch.setattr(table, "update_item", refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        migrate(table)
    assert "Item" not in table.get_item(Key={"id": f"migration#{NAME}"})


def test_seeds_are_items_and_are_written_once(api: Api, table: Any, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = json.loads(SEEDS.read_text())
    assert seed(table) == len(seeds)
    changed = api.ask("GET", "/items?limit=1").json["items"][0]
    api.ask("PUT", f"/items/{changed['id']}", {"name": "renamed", "version": 1})
    assert seed(table) == 0
    names = {item["name"] for item in api.ask("GET", "/items").json["items"]}
    assert names == {each["name"] for each in seeds} - {changed["name"]} | {"renamed"}
    seed_main(["--table", table.name])
    assert capsys.readouterr().out.endswith(f"0 items written to {table.name}\n")


def test_seeds_that_may_not_be_written_fail(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutItem")

    monkeypatch.setattr(table, "put_item", refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        seed(table)
