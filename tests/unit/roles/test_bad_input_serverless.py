"""Bad input to the roles of functions, tables, buckets and APIs: one message, before any API call."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from tests.support.bad_input import Case, assert_refused, validated
from tests.support.paths import ROOT
from tests.unit.roles.test_bad_input import GOOD as GOOD_ELSEWHERE

DOCUMENT = str(ROOT / "molecule/rest_api/openapi.json")
GOOD: dict[str, t.Any] = {
    **GOOD_ELSEWHERE,
    "slipway_environment": "test",
    "dynamodb_list": [{"name": "orders", "hash_key": "id"}],
    "s3_buckets_list": [{"name": "logs", "receives_access_logs": True}, {"name": "pictures", "access_logs": "logs"}],
    "lambda_functions_list": [{"name": "api", "handler": "shop.handler"}],
    "rest_api_document": DOCUMENT,
    "alarms_list": [
        {"name": "errors", "description": "It failed.", "namespace": "AWS/Lambda", "metric": "Errors", "threshold": 1}
    ],
    "dashboards_list": [{"name": "health", "widgets": [{"title": "Errors", "metrics": [["AWS/Lambda", "Errors"]]}]}],
}
ROLES = ["kms", "dynamodb", "s3_buckets", "lambda_functions", "rest_api", "alarms", "dashboards"]

CASES = {
    "table-stands-twice": Case(
        "dynamodb_list",
        [{"name": "a", "hash_key": "id"}, {"name": "a", "hash_key": "id"}],
        ("lists a table twice", "a, a"),
    ),
    "table-has-a-blank": Case(
        "dynamodb_list", [{"name": "the orders", "hash_key": "id"}], ("the orders in dynamodb_list", "3 to 255")
    ),
    "recovery-is-too-long": Case(
        "dynamodb_recovery_period_days", 36, ("dynamodb_recovery_period_days is 36", "1 to 35")
    ),
    "capacity-is-nothing": Case(
        "dynamodb_read_capacity", 0, ("The capacity 0", "dynamodb_read_capacity", "at least 1")
    ),
    "index-includes-nothing": Case(
        "dynamodb_list",
        [{"name": "orders", "hash_key": "id", "indexes": [{"name": "by", "hash_key": "day", "projection": "include"}]}],
        ("The indexes of orders", "needs includes"),
    ),
    "billing-mode-is-no-choice": Case("dynamodb_billing_mode", "FREE", ("dynamodb_billing_mode", "PAY_PER_REQUEST")),
    "bucket-has-capitals": Case(
        "s3_buckets_list", [{"name": "Pictures"}], ("Pictures in s3_buckets_list", "lower-case")
    ),
    "logs-go-nowhere": Case(
        "s3_buckets_list",
        [{"name": "pictures", "access_logs": "logs"}],
        ("pictures in s3_buckets_list writes its access_logs to logs", "of which there are none"),
    ),
    "objects-are-gone-before-they-move": Case(
        "s3_buckets_list",
        [{"name": "p", "transitions": [{"days": 90, "storage_class": "glacier"}], "expiration_days": 30}],
        ("after 90, 30 days", "later than the one before"),
    ),
    "infrequent-access-comes-too-early": Case(
        "s3_buckets_list",
        [{"name": "p", "transitions": [{"days": 7, "storage_class": "standard_ia"}]}],
        ("after 7 days", "at least 30 days for standard_ia"),
    ),
    "function-stands-twice": Case(
        "lambda_functions_list",
        [{"name": "api", "handler": "a.b"}, {"name": "api", "handler": "a.c"}],
        ("lambda_functions_list lists a function twice",),
    ),
    "function-has-a-dot": Case(
        "lambda_functions_list", [{"name": "my.api", "handler": "a.b"}], ("my.api in lambda_functions_list", "hyphens")
    ),
    "memory-is-too-little": Case(
        "lambda_functions_memory", 64, ("has memory 64", "lambda_functions_memory", "128 to 10240")
    ),
    "timeout-is-too-long": Case("lambda_functions_timeout", 901, ("timeout 901", "1 to 900 seconds")),
    "alarm-of-no-function": Case(
        "lambda_functions_alarms",
        {"nobody": ["ring"]},
        ("lambda_functions_alarms names nobody", "lambda_functions_list, api"),
    ),
    "step-is-everything": Case(
        "lambda_functions_step_percent", 100, ("lambda_functions_step_percent is 100", "1 to 99")
    ),
    "strategy-is-no-choice": Case("lambda_functions_strategy", "hope", ("lambda_functions_strategy", "canary, linear")),
    "dead-letters-are-kept-too-long": Case("lambda_functions_dead_letter_days", 15, ("is 15", "1 to 14")),
    "there-is-no-document": Case(
        "rest_api_document", "/nowhere/openapi.json", ("rest_api_document is /nowhere/openapi.json", "not a file")
    ),
    "document-is-something-else": Case(
        "rest_api_document", str(ROOT / "requirements.yml"), ("is not an OpenAPI", "3.0 or 3.1")
    ),
    "document-refers-to-what-it-has-not": Case(
        "rest_api_document",
        str(ROOT / "tests/unit/roles/openapi_with_mistakes.json"),
        (
            "openapi_with_mistakes.json",
            "#/paths/~1{id}.json is a path that API Gateway cannot have",
            "#/paths/~1orders/post/requestBody/$ref is orders.yaml",
            "references within the document",
        ),
    ),
    "stage-has-a-hyphen": Case("rest_api_stage", "my-stage", ("rest_api_stage is my-stage", "underscores")),
    "answer-takes-too-long": Case("rest_api_timeout", 30000, ("rest_api_timeout is 30000", "50 to 29000 milliseconds")),
    "everybody-may-call-the-api-in-production": Case(
        "rest_api_authorizer_function",
        "",
        ("rest_api_authorizer_function and rest_api_usage_plans are empty", "rest_api_allow_unauthenticated: true"),
        {"slipway_environment": "prod"},
    ),
    "public-path-is-not-there": Case(
        "rest_api_public_paths", ["/admin"], ("rest_api_public_paths names /admin", "/health")
    ),
    "origin-has-a-path": Case(
        "rest_api_cors_origin",
        "https://shop.example/page",
        ("rest_api_cors_origin is https://shop.example/page", "a single origin"),
    ),
    "alarm-looks-at-nothing": Case(
        "alarms_list",
        [{"name": "a", "description": "b", "threshold": 1}],
        ("a in alarms_list needs either namespace and metric",),
    ),
    "alarm-looks-too-often": Case(
        "alarms_list",
        [{**GOOD["alarms_list"][0], "period": 45}],
        ("errors in alarms_list has period 45", "multiples of 60"),
    ),
    "override-of-no-alarm": Case(
        "alarms_overrides", {"b": {"threshold": 2}}, ("alarms_overrides names b", "alarms_list, errors")
    ),
    "widget-shows-nothing": Case(
        "dashboards_list",
        [{"name": "health", "widgets": [{"title": "Nothing"}]}],
        ("neither metrics nor alarms",),
    ),
}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a user sees of all cases."""
    folder: Path = tmp_path_factory.mktemp("bad-input")
    return validated(folder, GOOD, CASES, ROLES)


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_with_key_value_and_what_is_allowed(output: str, name: str) -> None:
    assert_refused(output, name, CASES[name])


def test_good_input_is_accepted(output: str) -> None:
    assert "ok: [good]" in output, output[-3000:]
