"""slipway.aws.ecs_cluster against moto."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ansible_collections.slipway.aws.plugins.module_utils import resource
from tests.support.modules import REGION, Client, Run, runner

SPOT = [
    {"capacity_provider": "FARGATE", "base": 1, "weight": 1},
    {"capacity_provider": "FARGATE_SPOT", "weight": 3},
]


@pytest.fixture
def ecs(in_moto: Client) -> Any:
    return in_moto("ecs")


@pytest.fixture
def run(ecs: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("ecs_cluster", capsys, name="shop", capacity_providers=["FARGATE", "FARGATE_SPOT"])


def held(ecs: Any) -> dict[str, Any]:
    answer = ecs.describe_clusters(clusters=["shop"], include=["SETTINGS", "TAGS"])
    cluster: dict[str, Any] = answer["clusters"][0]
    return cluster


def test_makes_a_cluster_with_insights_strategy_and_tags(ecs: Any, run: Run) -> None:
    result = run(container_insights="enabled", capacity_provider_strategy=SPOT, tags={"system": "shop"})
    assert result["cluster"]["cluster_name"] == "shop"
    assert held(ecs)["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert len(held(ecs)["defaultCapacityProviderStrategy"]) == 2
    assert held(ecs)["tags"] == [{"key": "system", "value": "shop"}]


def test_a_second_run_changes_nothing(run: Run) -> None:
    run(container_insights="enabled", capacity_provider_strategy=SPOT)
    again = run(container_insights="enabled", capacity_provider_strategy=list(reversed(SPOT)))
    assert again["changed"] is False


def test_insights_and_strategy_are_put_right(ecs: Any, run: Run) -> None:
    run(container_insights="enabled", capacity_provider_strategy=SPOT)
    result = run(container_insights="disabled", capacity_provider_strategy=SPOT[:1])
    assert result["changed"] is True
    assert held(ecs)["settings"] == [{"name": "containerInsights", "value": "disabled"}]
    assert [item["capacityProvider"] for item in held(ecs)["defaultCapacityProviderStrategy"]] == ["FARGATE"]


def test_check_mode_writes_nothing(ecs: Any, run: Run) -> None:
    assert run(check=True)["changed"] is True
    assert ecs.list_clusters()["clusterArns"] == []


def test_absent_works_twice(run: Run) -> None:
    run()
    assert run(state="absent")["changed"] is True
    assert run(state="absent")["changed"] is False


def test_a_cluster_that_still_empties_is_deleted_when_it_is_empty(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    client = boto3.client("ecs", region_name=REGION)
    monkeypatch.setattr(resource, "connect", lambda *_: client)
    arn = "arn:aws:ecs:eu-central-1:123456789012:cluster/shop"
    with Stubber(client) as stubber:
        stubber.add_response("describe_clusters", {"clusters": [{"status": "ACTIVE", "clusterArn": arn}]})
        stubber.add_client_error("delete_cluster", "ClusterContainsTasksException")
        stubber.add_response("delete_cluster", {}, {"cluster": arn})
        assert run(state="absent")["changed"] is True
        stubber.assert_no_pending_responses()
