"""The OpenAPI document, and whether the service keeps to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.servers import MariaDbServer, RedisServer, Service
from transactions.config import load_settings
from transactions.main import create_app

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "25"))
load_all_checks()
KEY = "a-key-for-the-contract-of-this-test"
ASKING = {"Authorization": f"Bearer {KEY}"}


def document() -> dict[str, Any]:
    return create_app(load_settings(app_environment="local", api_keys={"contract": KEY})).openapi()


@pytest.fixture(scope="module")
def service(
    mariadb_server: MariaDbServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """One service process for all examples."""
    for server in (mariadb_server, redis_server):
        if server.process is None:
            server.start()
    running = Service(
        {
            **mariadb_server.environment(),
            "APP_ENVIRONMENT": "dev",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis_server.port),
            "RATE_LIMIT_REQUESTS": "0",
            "API_KEYS__CONTRACT": KEY,
        },
        tmp_path_factory.mktemp("service"),
    )
    yield running
    running.end()


schema = schemathesis.openapi.from_dict(document())


def asking(case: schemathesis.Case[Any]) -> dict[str, str]:
    """The key, unless a case is about headers that are wrong: with the key, one that lacks it would be right."""
    header = case.meta.components.get(ParameterLocation.HEADER) if case.meta else None
    return {} if header and header.mode.is_negative else ASKING


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_service_keeps_to_its_document(case: schemathesis.Case[Any], service: Service) -> None:
    # A schema cannot say which strings are cursors that the service gave out.
    only_some_cursors = case.operation.label == "GET /transaction"
    case.call_and_validate(
        base_url=service.url,
        headers=asking(case),
        excluded_checks=[positive_data_acceptance] if only_some_cursors else [],
    )


def test_every_operation_is_described_with_examples_and_problems() -> None:
    described = document()
    operations = [
        (method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    assert {path for _, path, _ in operations} == {
        "/health", "/health/live", "/health/ready", "/metrics", "/version", "/transaction",
        "/transaction/{transaction_id}",
    }  # fmt: skip
    for method, path, operation in operations:
        assert operation["summary"], path
        assert operation["description"], path
        closed = path.startswith("/transaction") or path == "/version"
        assert operation.get("security") == ([{"bearer": []}] if closed else None)
        assert ("401" in operation["responses"]) == closed
        if path.startswith("/transaction"):
            assert {"422", "429", "503"} <= set(operation["responses"]), (method, path)
            assert operation["tags"] == ["transactions"]
    for name, model in described["components"]["schemas"].items():
        if name not in ("InvalidField", "ServiceHealth"):
            assert model["examples"], name


def test_examples_are_valid() -> None:
    described = document()
    for model in described["components"]["schemas"].values():
        for example in model.get("examples", []):
            jsonschema.validate(example, {**model, "components": described["components"]})


def test_document_is_served(service: Service) -> None:
    served = service.request("GET", "/openapi.json").json()
    assert served["paths"].keys() == document()["paths"].keys()
