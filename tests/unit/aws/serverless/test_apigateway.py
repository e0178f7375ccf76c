"""slipway.aws.apigateway_rest_api, _stage, _usage_plan and _account against MiniStack, which answers requests."""

from __future__ import annotations

import copy
import json
import urllib.error
import urllib.request
from typing import Any

import boto3
import botocore.client
import pytest

from tests.support.modules import Run, runner

NAME = "shop"
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:shop-api:live"
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/orders": {
            "post": {
                "operationId": "makeOrder",
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
            },
            "get": {"operationId": "listOrders", "parameters": [{"name": "shop", "in": "query", "required": True}]},
        },
        "/orders/{id}": {"get": {"operationId": "readOrder", "parameters": [{"name": "id", "in": "path"}]}},
        "/health": {"get": {"operationId": "getHealth"}},
    },
    "components": {
        "schemas": {"Order": {"type": "object", "required": ["count"], "properties": {"count": {"type": "integer"}}}}
    },
}
THROTTLED = {"THROTTLED": {"statusCode": "429", "responseTemplates": {"application/json": '{"title":"Too many"}'}}}


class Shop:
    """The modules on an account."""

    def __init__(self, session: Any, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.client = session.client("apigateway")
        self.url = url
        self.api: Run = runner("apigateway_rest_api", capsys, name=NAME, function_arn=FUNCTION)
        self.stage: Run = runner("apigateway_stage", capsys, name="v1")
        self.plan: Run = runner("apigateway_usage_plan", capsys, name="partners", stage="v1")
        self.setting: Run = runner("apigateway_account", capsys)

    def made(self, document: dict[str, Any] = DOCUMENT, **options: Any) -> dict[str, Any]:
        """What the module of the API returns."""
        result = self.api(document=document, **options)
        assert "failed" not in result, result
        api: dict[str, Any] = result["rest_api"]
        return {**api, "changed": result["changed"]}

    def methods(self) -> dict[str, Any]:
        """Verb and path -> method, as AWS has them."""
        (api,) = self.client.get_rest_apis()["items"]
        resources = self.client.get_resources(restApiId=api["id"], embed=["methods"])["items"]
        return {
            f"{verb} {resource['path']}": method
            for resource in resources
            for verb, method in resource.get("resourceMethods", {}).items()
        }

    def ask(self, api: str, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """Status, headers and text of an answer of the deployed API."""
        request = urllib.request.Request(
            f"{self.url}/_aws/execute-api/{api}/v1{path}", method=method, headers=headers,
            data=None if body is None else json.dumps(body).encode(),
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()


@pytest.fixture
def shop(account: boto3.session.Session, emulator: str, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(account, emulator, capsys)


OPTIONS: dict[str, Any] = {
    "description": "The shop",
    "authorizer": {"function_arn": FUNCTION.replace("shop-api", "shop-who"), "ttl": 60},
    "public_paths": ["/health"],
    "cors": {"origin": "https://shop.example"},
    "gateway_responses": THROTTLED,
    "tags": {"system": "shop"},
}


def test_makes_what_the_document_says(shop: Shop) -> None:
    made = shop.made(**OPTIONS)
    methods = shop.methods()
    assert set(methods) == {
        "POST /orders", "GET /orders", "OPTIONS /orders", "GET /orders/{id}", "OPTIONS /orders/{id}",
        "GET /health", "OPTIONS /health",
    }  # fmt: skip
    assert methods["GET /orders"]["requestParameters"] == {"method.request.querystring.shop": True}
    assert methods["GET /orders/{id}"]["requestParameters"] == {"method.request.path.id": True}
    assert methods["POST /orders"]["requestModels"] == {"application/json": "Order"}
    assert methods["POST /orders"]["methodIntegration"]["uri"].endswith(f"/functions/{FUNCTION}/invocations")
    assert methods["GET /orders"]["authorizationType"] == "CUSTOM"
    assert methods["GET /health"]["authorizationType"] == "NONE"
    assert made["tags"] == {"system": "shop"}
    assert made["authorizer_id"]


def test_a_second_run_changes_nothing(shop: Shop) -> None:
    assert shop.made(**OPTIONS)["changed"] is True
    assert shop.made(**OPTIONS)["changed"] is False


def test_what_is_no_longer_in_the_document_goes(shop: Shop) -> None:
    shop.made(**OPTIONS)
    fewer = copy.deepcopy(DOCUMENT)
    del fewer["paths"]["/orders/{id}"], fewer["paths"]["/orders"]["post"]
    shop.made(fewer, gateway_responses={})
    assert set(shop.methods()) == {"GET /orders", "GET /health"}
    (api,) = shop.client.get_rest_apis()["items"]
    paths = {resource["path"] for resource in shop.client.get_resources(restApiId=api["id"])["items"]}
    assert paths == {"/", "/orders", "/health"}
    assert shop.client.get_models(restApiId=api["id"])["items"] == []
    assert shop.client.get_authorizers(restApiId=api["id"])["items"] == []
    assert shop.made(fewer, gateway_responses={})["changed"] is False


def test_pages_that_may_call_no_longer_are_no_longer_let_in(shop: Shop) -> None:
    shop.made(**OPTIONS)
    assert "OPTIONS /orders" in shop.methods()
    without = {name: value for name, value in OPTIONS.items() if name != "cors"}
    planned = shop.api(check=True, document=DOCUMENT, **without)
    assert planned["changed"] is True, planned
    digest = shop.made(**OPTIONS)["digest"]
    changed = shop.made(**without)
    assert changed["changed"] is True
    assert [name for name in shop.methods() if name.startswith("OPTIONS")] == []
    # Without another digest no stage would be deployed anew.
    assert changed["digest"] != digest
    (api,) = shop.client.get_rest_apis()["items"]
    told = [
        each.get("responseParameters", {}) for each in shop.client.get_gateway_responses(restApiId=api["id"])["items"]
    ]
    assert [name for each in told for name in each if "Access-Control" in name] == []
    assert shop.made(**without)["changed"] is False


def test_what_was_changed_by_hand_is_put_right(shop: Shop) -> None:
    api = shop.made(**OPTIONS)["id"]
    resources = {each["path"]: each["id"] for each in shop.client.get_resources(restApiId=api)["items"]}
    shop.client.delete_method(restApiId=api, resourceId=resources["/orders"], httpMethod="POST")
    shop.client.create_resource(restApiId=api, parentId=resources["/"], pathPart="backdoor")
    shop.client.put_method(
        restApiId=api, resourceId=resources["/orders/{id}"], httpMethod="GET", authorizationType="NONE"
    )
    shop.client.update_model(
        restApiId=api, modelName="Order", patchOperations=[{"op": "replace", "path": "/schema", "value": "{}"}]
    )
    assert shop.made(**OPTIONS)["changed"] is True
    assert shop.methods()["GET /orders/{id}"]["authorizationType"] == "CUSTOM"
    assert "POST /orders" in shop.methods()
    assert shop.made(**OPTIONS)["changed"] is False


def test_the_digest_follows_the_api(shop: Shop) -> None:
    first = shop.made()["digest"]
    assert shop.made()["digest"] == first
    assert shop.made(timeout=5000)["digest"] != first


def test_a_document_that_is_wrong_ends_in_one_message_before_anything_is_made(shop: Shop) -> None:
    wrong = copy.deepcopy(DOCUMENT)
    wrong["paths"]["/orders"]["post"]["requestBody"] = {"$ref": "#/components/requestBodies/Nobody"}
    result = shop.api(document=wrong)
    assert result["msg"] == (
        "The document of the REST API shop: #/paths/~1orders/post/requestBody/$ref is"
        " #/components/requestBodies/Nobody,"
        " which is not in the document; allowed: a place that is in it."
    )
    assert shop.client.get_rest_apis()["items"] == []


def test_an_api_goes_whatever_is_wrong_in_its_document(shop: Shop) -> None:
    shop.made()
    assert shop.api(state="absent", document={"paths": []})["changed"] is True


def test_names_that_aws_gives_its_own_models_are_kept_free(shop: Shop) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["components"]["schemas"] = {"Error": DOCUMENT["components"]["schemas"]["Order"]}
    document["paths"]["/orders"]["post"]["requestBody"]["content"]["application/json"]["schema"] = {
        "$ref": "#/components/schemas/Error"
    }
    shop.made(document)
    assert shop.methods()["POST /orders"]["requestModels"]["application/json"] not in ("Error", "Empty")
    assert shop.made(document)["changed"] is False


def test_paths_with_a_slash_at_the_end_are_resources_without_it(shop: Shop) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["paths"] = {f"{path}/": entry for path, entry in DOCUMENT["paths"].items()}
    shop.made(document, **{**OPTIONS, "public_paths": ["/health/"]})
    assert {"POST /orders", "OPTIONS /orders", "GET /orders/{id}"} <= set(shop.methods())
    assert shop.methods()["GET /health"]["authorizationType"] == "NONE"
    assert shop.made(document, **{**OPTIONS, "public_paths": ["/health/"]})["changed"] is False


def test_a_parameter_gets_another_name_only_after_the_old_one_is_gone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.made()
    renamed = copy.deepcopy(DOCUMENT)
    del renamed["paths"]["/orders/{id}"]
    renamed["paths"]["/orders/{number}"] = {"get": {"operationId": "readOrder"}}
    calls = []
    made: Any = vars(botocore.client.BaseClient)["_make_api_call"]

    def noted(client: Any, operation: str, given: Any) -> Any:
        calls.append(operation)
        return made(client, operation, given)

    # AWS refuses a second parameter at one place, and the emulator does not.
    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", noted)
    shop.made(renamed)
    assert calls.index("DeleteResource") < calls.index("CreateResource")
    assert "GET /orders/{number}" in shop.methods()


def test_two_apis_of_one_name_are_refused(shop: Shop) -> None:
    for _ in range(2):
        shop.client.create_rest_api(name=NAME)
    assert "2 REST APIs have the name shop" in shop.api(document=DOCUMENT)["msg"]


def test_an_api_that_a_run_began_is_completed(shop: Shop) -> None:
    begun = shop.client.create_rest_api(name=NAME)["id"]
    assert shop.made()["id"] == begun
    assert "POST /orders" in shop.methods()


def test_an_api_is_deleted_once(shop: Shop) -> None:
    shop.made()
    assert shop.api(state="absent")["changed"] is True
    assert shop.api(state="absent")["changed"] is False


def test_check_mode_makes_nothing(shop: Shop) -> None:
    assert shop.api(check=True, document=DOCUMENT)["changed"] is True
    assert shop.client.get_rest_apis()["items"] == []


SETTINGS: dict[str, Any] = {
    "throttling_rate_limit": 5.0,
    "throttling_burst_limit": 9,
    "tracing_enabled": True,
    "access_log_group_arn": "arn:aws:logs:eu-central-1:123456789012:log-group:shop:*",
    "access_log_format": "$context.requestId",
    "tags": {"system": "shop"},
}


def deployed(shop: Shop, **options: Any) -> tuple[str, dict[str, Any]]:
    """The API's id, and what the module of the stage returns."""
    api = shop.made(**OPTIONS)
    return api["id"], shop.stage(rest_api_id=api["id"], deployment=api["digest"], **{**SETTINGS, **options})


def test_stage_serves_the_api_with_its_settings(shop: Shop) -> None:
    api, _made = deployed(shop)
    stage = shop.client.get_stage(restApiId=api, stageName="v1")
    settings = stage["methodSettings"]["*/*"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (5.0, 9)
    assert stage["accessLogSettings"]["format"] == "$context.requestId"
    assert stage["tracingEnabled"] is True
    assert deployed(shop)[1]["changed"] is False


def test_stage_gets_a_new_deployment_when_the_api_has_changed_and_the_old_one_goes(shop: Shop) -> None:
    api, _made = deployed(shop)
    before = shop.client.get_stage(restApiId=api, stageName="v1")["deploymentId"]
    shop.stage(rest_api_id=api, deployment="another", **SETTINGS)
    after = shop.client.get_stage(restApiId=api, stageName="v1")["deploymentId"]
    assert before != after
    assert [each["id"] for each in shop.client.get_deployments(restApiId=api)["items"]] == [after]


def test_stage_of_a_deployment_by_hand_is_put_right(shop: Shop) -> None:
    api, _made = deployed(shop)
    shop.client.create_deployment(restApiId=api, stageName="v1", description="by hand")
    assert deployed(shop)[1]["changed"] is True
    assert deployed(shop)[1]["changed"] is False


def test_stage_loses_its_logs_when_they_are_not_wanted(shop: Shop) -> None:
    api, _made = deployed(shop)
    shop.stage(rest_api_id=api, deployment="x", access_log_group_arn="")
    assert not shop.client.get_stage(restApiId=api, stageName="v1").get("accessLogSettings")


def test_stage_is_deleted_with_its_deployment(shop: Shop) -> None:
    api, _made = deployed(shop)
    assert shop.stage(rest_api_id=api, state="absent")["changed"] is True
    assert shop.client.get_deployments(restApiId=api)["items"] == []
    assert shop.stage(rest_api_id=api, state="absent")["changed"] is False


def test_requests_that_are_not_as_the_document_says_are_refused(shop: Shop) -> None:
    api = shop.made(cors={"origin": "https://shop.example"})
    shop.stage(rest_api_id=api["id"], deployment=api["digest"])
    assert shop.ask(api["id"], "/orders", "POST", {"count": "one"}, **{"Content-Type": "application/json"})[0] == 400
    assert shop.ask(api["id"], "/orders")[0] == 400


def test_browsers_are_told_who_may_call(shop: Shop) -> None:
    api = shop.made(cors={"origin": "https://shop.example", "headers": ["X-Shop"]})
    shop.stage(rest_api_id=api["id"], deployment=api["digest"])
    status, headers, _text = shop.ask(api["id"], "/orders", "OPTIONS")
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert headers["Access-Control-Allow-Methods"] == "GET,OPTIONS,POST"
    assert headers["Access-Control-Allow-Headers"] == "X-Shop"


PLAN: dict[str, Any] = {"api_keys": ["one", "two"], "rate_limit": 5.0, "burst_limit": 9, "quota": 1000}


def test_usage_plan_bounds_the_holders_of_keys(shop: Shop) -> None:
    api = deployed(shop)[0]
    assert shop.plan(rest_api_id=api, **PLAN)["changed"] is True
    assert shop.plan(rest_api_id=api, **PLAN)["changed"] is False
    (plan,) = shop.client.get_usage_plans()["items"]
    assert plan["throttle"] == {"rateLimit": 5.0, "burstLimit": 9}
    assert plan["quota"]["limit"] == 1000


def test_usage_plan_a_key_that_is_no_longer_named_is_worth_nothing(shop: Shop) -> None:
    api = deployed(shop)[0]
    shop.plan(rest_api_id=api, **PLAN)
    changed = shop.plan(rest_api_id=api, **{**PLAN, "api_keys": ["two"], "quota": 0, "rate_limit": 7.0})
    assert "failed" not in changed, changed
    assert [key["name"] for key in shop.client.get_api_keys()["items"]] == ["two"]
    (plan,) = shop.client.get_usage_plans()["items"]
    assert plan["throttle"]["rateLimit"] == 7.0
    again = shop.plan(rest_api_id=api, **{**PLAN, "api_keys": ["two"], "quota": 0, "rate_limit": 7.0})
    assert again.get("changed") is False, again


def test_usage_plan_values_of_keys_are_not_shown(shop: Shop) -> None:
    made = shop.plan(rest_api_id=deployed(shop)[0], **PLAN)
    values = [key["value"] for key in shop.client.get_api_keys(includeValues=True)["items"]]
    assert values
    assert not [value for value in values if value in json.dumps(made)]


def test_usage_plan_is_deleted_with_its_keys(shop: Shop) -> None:
    shop.plan(rest_api_id=deployed(shop)[0], **PLAN)
    assert shop.plan(state="absent")["changed"] is True
    assert shop.client.get_usage_plans()["items"] == []
    assert shop.client.get_api_keys()["items"] == []
    assert shop.plan(state="absent")["changed"] is False


def test_account_names_the_role_that_writes_logs(shop: Shop) -> None:
    role = "arn:aws:iam::123456789012:role/logs"
    assert shop.setting(log_role_arn=role)["changed"] is True
    assert shop.client.get_account()["cloudwatchRoleArn"] == role
    assert shop.setting(log_role_arn=role)["changed"] is False
    assert shop.setting(state="absent")["changed"] is True
    assert not shop.client.get_account().get("cloudwatchRoleArn")


def test_the_accounts_log_role_of_others_stays(shop: Shop) -> None:
    others, own = (f"arn:aws:iam::123456789012:role/{name}" for name in ("others", "own"))
    shop.setting(log_role_arn=others)
    kept = shop.setting(log_role_arn=own)
    assert kept["changed"] is False
    assert kept["account"] == {"cloudwatch_role_arn": others}
    assert f"logs as {others}, which stays" in str(kept["warnings"])
    assert shop.setting(log_role_arn=own, state="absent")["changed"] is False
    assert shop.client.get_account()["cloudwatchRoleArn"] == others
    assert shop.setting(log_role_arn=own, replace=True)["changed"] is True
    assert shop.client.get_account()["cloudwatchRoleArn"] == own
