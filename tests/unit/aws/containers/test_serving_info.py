"""slipway.aws.serving_info: what serves, as it is."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.slipway.aws.plugins.modules import serving_info as module
from tests.support.modules import Client, Run, runner

REVISION = "arn:aws:ecs:eu-central-1:1:task-definition/shop-api:7"


class Ecs:
    """A cluster with one service."""

    def describe_services(self, services: list[str], **_: Any) -> dict[str, Any]:
        found = {"status": "ACTIVE", "runningCount": 1, "desiredCount": 2, "taskDefinition": REVISION}
        return {"services": [found] if services == ["shop-api"] else [{"status": "INACTIVE"}]}

    def describe_task_definition(self, **_: Any) -> dict[str, Any]:
        definition = {"taskDefinitionArn": REVISION, "containerDefinitions": [{"name": "api", "image": "api@sha256:1"}]}
        return {"taskDefinition": definition, "tags": []}

    def get_paginator(self, _operation: str) -> Any:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"taskArns": [f"arn:task/shop/{number}" for number in range(60)]} for _page in range(2)]

    def describe_tasks(self, tasks: list[str], **_: Any) -> dict[str, Any]:
        assert len(tasks) <= 100
        at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
        old = {"taskArn": tasks[0], "taskDefinitionArn": f"{REVISION}0", "lastStatus": "PENDING"}
        new = {"taskArn": "arn:task/shop/new", "taskDefinitionArn": REVISION, "lastStatus": "RUNNING",
               "healthStatus": "HEALTHY", "startedAt": at, "createdAt": at}  # fmt: skip
        return {"tasks": [old, new] if len(tasks) == 100 else []}


def test_a_service_is_told_with_its_image_and_its_tasks() -> None:
    service = module.service_state(Ecs(), "shop", "shop-api")
    assert (service["running"], service["desired"], service["images"]) == (1, 2, ["api@sha256:1"])
    assert service["tasks"] == [
        {"id": "new", "status": "RUNNING", "health": "HEALTHY", "started_at": "2026-01-02T03:04:05+00:00",
         "is_current": True},
        {"id": "0", "status": "PENDING", "health": "UNKNOWN", "started_at": "", "is_current": False},
    ]  # fmt: skip


def test_what_is_deleted_does_not_exist() -> None:
    assert module.service_state(Ecs(), "shop", "shop-web") == {"name": "shop-web", "exists": False}


@pytest.fixture
def look(in_moto: Client, capsys: pytest.CaptureFixture[str]) -> Run:
    in_moto("dynamodb").create_table(
        TableName="locks", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
    )  # fmt: skip
    return runner("serving_info", capsys)


def test_who_holds_the_lock_is_told_and_without_a_table_nobody_does(in_moto: Client, look: Run) -> None:
    assert look(lock_table="none", lock_key="shop")["lock"] == {}
    assert look(lock_table="locks", lock_key="shop")["lock"] == {}
    item = {"LockID": "shop", "Holder": "me@host:1:2", "Reason": "rollout", "Since": "2026-01-01T00:00:00+00:00"}
    in_moto("dynamodb").put_item(TableName="locks", Item={key: {"S": value} for key, value in item.items()})
    lock = look(lock_table="locks", lock_key="shop")["lock"]
    assert lock == {"holder": "me@host", "reason": "rollout", "since": "2026-01-01T00:00:00+00:00"}


def test_a_function_is_told_by_what_its_alias_leads_to(in_moto: Client, look: Run) -> None:
    iam, functions = in_moto("iam"), in_moto("lambda")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("a.py", "")
    functions.create_function(
        FunctionName="shop-api", Runtime="python3.12", Role=role, Handler="a.b", Publish=True,
        Code={"ZipFile": package.getvalue()},
    )  # fmt: skip
    assert look(functions=["shop-api"])["functions"] == [{"name": "shop-api", "exists": False}]
    functions.create_alias(FunctionName="shop-api", Name="live", FunctionVersion="1")
    found = look(functions=["shop-api"])["functions"][0]
    assert (found["exists"], found["version"], found["shifting"]) == (True, "1", False)
    assert len(found["sha256"]) == 64
