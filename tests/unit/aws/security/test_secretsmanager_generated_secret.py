"""slipway.aws.secretsmanager_generated_secret against moto."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.client import BaseClient

from tests.support.modules import Client, Run, first_answers, runner

NAME = "shop-database"


@pytest.fixture
def client(in_moto: Client) -> Any:
    return in_moto("secretsmanager")


@pytest.fixture
def run(client: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    fields = {"username": "shop"}
    return runner("secretsmanager_generated_secret", capsys, name=NAME, generate="password", fields=fields)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations that the module calls."""
    made: list[str] = []
    client_class: Any = BaseClient
    original = client_class._make_api_call

    def record(self: Any, operation: str, parameters: Any) -> Any:
        made.append(operation)
        return original(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", record)
    return made


def value(client: Any) -> dict[str, str]:
    held: dict[str, str] = json.loads(client.get_secret_value(SecretId=NAME)["SecretString"])
    return held


def test_generates_a_value_beside_the_fixed_fields(client: Any, run: Run) -> None:
    result = run(length=40, tags={"system": "shop"})
    held = value(client)
    assert held["username"] == "shop"
    assert len(held["password"]) == 40
    assert held["password"].isalnum()
    assert result["secret"]["tags"] == {"system": "shop"}


def test_the_value_is_nowhere_in_the_result(client: Any, run: Run) -> None:
    assert value_of(client, run()) not in json.dumps(run())


def value_of(client: Any, result: dict[str, Any]) -> str:
    password = value(client)["password"]
    assert password not in json.dumps(result)
    return password


def test_a_second_run_neither_reads_nor_replaces_the_value(client: Any, run: Run, calls: list[str]) -> None:
    run()
    before = value(client)
    calls.clear()
    assert run()["changed"] is False
    assert calls == ["DescribeSecret"]
    assert value(client) == before


def test_a_secret_is_made_together_with_its_value(run: Run, calls: list[str]) -> None:
    run()
    assert calls.index("GetRandomPassword") < calls.index("CreateSecret")
    assert "PutSecretValue" not in calls


def test_a_secret_that_an_interrupted_run_left_empty_gets_its_value(client: Any, run: Run) -> None:
    client.create_secret(Name=NAME)
    assert run()["changed"] is True
    assert value(client)["username"] == "shop"


def test_a_description_is_put_right_and_the_value_stays(client: Any, run: Run) -> None:
    run(description="Master user")
    before = value(client)
    client.update_secret(SecretId=NAME, Description="something else")
    assert run(description="Master user")["changed"] is True
    assert client.describe_secret(SecretId=NAME)["Description"] == "Master user"
    assert value(client) == before


def test_a_deleted_secret_is_restored_with_its_value(client: Any, run: Run) -> None:
    run()
    before = value(client)
    assert run(state="absent", recovery_window=7)["changed"] is True
    assert run(state="absent", recovery_window=7)["changed"] is False
    assert run()["changed"] is True
    assert value(client) == before


def test_without_a_recovery_window_it_is_gone_at_once(client: Any, run: Run) -> None:
    run()
    run(state="absent", recovery_window=0)
    assert client.list_secrets(IncludePlannedDeletion=True)["SecretList"] == []


def test_a_name_that_is_not_free_yet_is_waited_for(client: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told = (
        "InvalidRequestException: You can't create this secret because a secret with this name is already scheduled"
        " for deletion."
    )
    first_answers(monkeypatch, CreateSecret=[told] * 3)
    made = run()
    assert made.get("changed") is True, made
    assert value(client)["username"] == "shop"


def test_a_secret_is_described_once_it_is_restored(client: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    run(state="absent", recovery_window=7)
    told = "InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion."
    first_answers(monkeypatch, UpdateSecret=[told])
    restored = run(description="Master user")
    assert restored.get("changed") is True, restored
    assert client.describe_secret(SecretId=NAME)["Description"] == "Master user"


def test_what_else_is_wrong_with_a_secret_is_told_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first_answers(monkeypatch, CreateSecret=["InvalidRequestException: no"] * 2)
    assert "InvalidRequestException" in run()["msg"]


def test_check_mode_writes_nothing(client: Any, run: Run) -> None:
    assert run(check=True)["changed"] is True
    assert client.list_secrets()["SecretList"] == []
