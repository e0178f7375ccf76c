"""slipway.aws.secretsmanager_secret_value_info against moto."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.modules import Client, Run, runner


@pytest.fixture
def secrets(in_moto: Client) -> Any:
    return in_moto("secretsmanager")


@pytest.fixture
def run(secrets: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("secretsmanager_secret_value_info", capsys, secret_id="shop")


def test_fields_of_a_json_secret_come_apart(secrets: Any, run: Run) -> None:
    secrets.create_secret(Name="shop", SecretString='{"username": "shop", "password": "made-up"}')
    assert run()["fields"] == {"username": "shop", "password": "made-up"}


@pytest.mark.parametrize("text", ["plain", "[1, 2]"])
def test_other_text_comes_as_it_is(secrets: Any, run: Run, text: str) -> None:
    secrets.create_secret(Name="shop", SecretString=text)
    result = run()
    assert result["text"] == text
    assert "fields" not in result


def test_a_binary_secret_is_refused(secrets: Any, run: Run) -> None:
    secrets.create_secret(Name="shop", SecretBinary=b"x")
    assert "is binary" in run()["msg"]


def test_a_missing_secret_says_which(run: Run) -> None:
    assert run()["msg"].startswith("Could not read the secret shop")
