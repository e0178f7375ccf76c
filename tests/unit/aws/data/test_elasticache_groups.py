"""slipway.aws.elasticache_parameter_group and elasticache_subnet_group against recorded answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.support.modules import Run, runner

ARN = "arn:aws:elasticache:eu-central-1:123456789012:group:shop"
PARAMETERS = {"CacheParameterGroupName": "shop"}
SUBNETS = {"CacheSubnetGroupName": "shop"}


@pytest.fixture
def api(recorded: Callable[[str], Stubber]) -> Stubber:
    return recorded("elasticache")


@pytest.fixture
def parameter_group(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("elasticache_parameter_group", capsys, name="shop", family="redis7")


@pytest.fixture
def subnet_group(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("elasticache_subnet_group", capsys, name="shop", subnet_ids=["subnet-1", "subnet-2"])


def parameters_held(api: Stubber, **values: str) -> None:
    held = {**PARAMETERS, "CacheParameterGroupFamily": "redis7", "Description": "shop", "ARN": ARN}
    api.add_response("describe_cache_parameter_groups", {"CacheParameterGroups": [held]}, PARAMETERS)
    parameters: list[dict[str, Any]] = [
        {"ParameterName": name.replace("_", "-"), "ParameterValue": value, "IsModifiable": True}
        for name, value in values.items()
    ]
    fixed = {"ParameterName": "databases-fixed", "ParameterValue": "16", "IsModifiable": False}
    api.add_response("describe_cache_parameters", {"Parameters": [*parameters, fixed]}, PARAMETERS)


def subnets_held(api: Stubber, *subnets: str) -> None:
    held = {
        **SUBNETS, "CacheSubnetGroupDescription": "shop", "ARN": ARN,
        "Subnets": [{"SubnetIdentifier": subnet} for subnet in subnets],
    }  # fmt: skip
    api.add_response("describe_cache_subnet_groups", {"CacheSubnetGroups": [held]}, SUBNETS)


def tags(api: Stubber) -> None:
    api.add_response("list_tags_for_resource", {"TagList": []}, {"ResourceName": ARN})


def sets(api: Stubber, **values: str) -> None:
    pairs = [{"ParameterName": name.replace("_", "-"), "ParameterValue": value} for name, value in values.items()]
    api.add_response("modify_cache_parameter_group", {}, {**PARAMETERS, "ParameterNameValues": pairs})


def test_a_new_parameter_group_gets_its_values(api: Stubber, parameter_group: Run) -> None:
    api.add_client_error("describe_cache_parameter_groups", "CacheParameterGroupNotFound")
    created = {**PARAMETERS, "CacheParameterGroupFamily": "redis7", "Description": "shop", "Tags": []}
    api.add_response("create_cache_parameter_group", {}, created)
    sets(api, maxmemory_policy="allkeys-lru")
    parameters_held(api, maxmemory_policy="allkeys-lru")
    tags(api)
    result = parameter_group(parameters={"maxmemory-policy": "allkeys-lru"})
    api.assert_no_pending_responses()
    assert result["parameter_group"]["parameters"] == {"maxmemory-policy": "allkeys-lru"}


def test_only_values_that_differ_are_set(api: Stubber, parameter_group: Run) -> None:
    parameters_held(api, maxmemory_policy="noeviction", timeout="0")
    tags(api)
    sets(api, maxmemory_policy="allkeys-lru")
    parameters_held(api, maxmemory_policy="allkeys-lru", timeout="0")
    tags(api)
    assert parameter_group(parameters={"maxmemory-policy": "allkeys-lru", "timeout": 0})["changed"] is True
    api.assert_no_pending_responses()


def test_values_that_are_not_named_stay(api: Stubber, parameter_group: Run) -> None:
    parameters_held(api, maxmemory_policy="noeviction")
    tags(api)
    assert parameter_group(parameters={})["changed"] is False
    api.assert_no_pending_responses()


def test_a_family_cannot_be_changed(api: Stubber, parameter_group: Run) -> None:
    parameters_held(api)
    result = parameter_group(family="valkey8")
    assert "CacheParameterGroupFamily='redis7', and AWS cannot change that" in result["msg"]


def test_a_parameter_group_is_deleted(api: Stubber, parameter_group: Run) -> None:
    parameters_held(api)
    api.add_response("delete_cache_parameter_group", {}, PARAMETERS)
    assert parameter_group(state="absent")["changed"] is True
    api.assert_no_pending_responses()


def test_a_new_subnet_group_is_made(api: Stubber, subnet_group: Run) -> None:
    api.add_client_error("describe_cache_subnet_groups", "CacheSubnetGroupNotFoundFault")
    created = {
        **SUBNETS, "CacheSubnetGroupDescription": "shop", "SubnetIds": ["subnet-1", "subnet-2"],
        "Tags": [{"Key": "system", "Value": "shop"}],
    }  # fmt: skip
    api.add_response("create_cache_subnet_group", {}, created)
    subnets_held(api, "subnet-1", "subnet-2")
    tags(api)
    assert subnet_group(tags={"system": "shop"})["changed"] is True
    api.assert_no_pending_responses()


def test_the_order_of_subnets_means_nothing(api: Stubber, subnet_group: Run) -> None:
    subnets_held(api, "subnet-2", "subnet-1")
    tags(api)
    assert subnet_group()["changed"] is False
    api.assert_no_pending_responses()


def test_another_subnet_is_added(api: Stubber, subnet_group: Run) -> None:
    subnets_held(api, "subnet-1")
    tags(api)
    api.add_response("modify_cache_subnet_group", {}, {**SUBNETS, "SubnetIds": ["subnet-1", "subnet-2"]})
    subnets_held(api, "subnet-1", "subnet-2")
    tags(api)
    assert subnet_group()["changed"] is True
    api.assert_no_pending_responses()
