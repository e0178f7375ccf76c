"""The OpenAPI document, and whether the deployed API keeps to it."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from docs.openapi import TARGET, document, main
from tests.emulator import Deployment

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "15"))
load_all_checks()
schema = schemathesis.openapi.from_dict(json.loads(TARGET.read_text()))


def test_the_document_in_the_repository_is_what_the_code_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["openapi", "--check"])
    assert main() == 0, "run python -m docs.openapi in app/items"


def test_a_document_that_is_out_of_date_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr("docs.openapi.TARGET", tmp_path / "openapi.json")
    monkeypatch.setattr("sys.argv", ["openapi", "--check"])
    assert main() == 1
    monkeypatch.setattr("sys.argv", ["openapi"])
    assert main() == 0
    assert (tmp_path / "openapi.json").read_text() == TARGET.read_text()


def test_the_document_is_valid_openapi() -> None:
    validate(document())


def test_examples_are_valid() -> None:
    described = document()
    for model in described["components"]["schemas"].values():
        if "example" in model:
            OAS30Validator({**model, "components": described["components"]}).validate(model["example"])


def test_every_operation_is_described_with_its_problems() -> None:
    described = document()
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == {
        "GET /health", "GET /items", "POST /items", "GET /items/{item_id}", "PUT /items/{item_id}",
        "DELETE /items/{item_id}",
    }  # fmt: skip
    for name, operation in operations.items():
        assert operation["summary"], name
        assert operation["description"], name
        assert "503" in operation["responses"], name
    statuses = {name: set(operation["responses"]) - {"503"} for name, operation in operations.items()}
    assert statuses["POST /items"] == {"201", "400", "409", "415"}
    assert statuses["PUT /items/{item_id}"] == {"200", "400", "404", "409", "415"}
    assert statuses["DELETE /items/{item_id}"] == {"204", "400", "404", "409"}


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_api_keeps_to_its_document(case: schemathesis.Case[Any], deployment: Deployment) -> None:
    # API Gateway answers 403 to methods that a path does not have.
    excluded = [unsupported_method]
    if case.operation.label == "GET /items":
        # A schema cannot say which strings are cursors that the service gave out.
        excluded.append(positive_data_acceptance)
    case.call_and_validate(base_url=deployment.url, excluded_checks=excluded)
