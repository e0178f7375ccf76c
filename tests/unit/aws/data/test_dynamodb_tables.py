"""slipway.aws.dynamodb_time_to_live and dynamodb_global_indexes against MiniStack."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.support.modules import Run, runner

NAME = "shop-items"
BY_STATUS = {"name": "by-status", "hash_key_name": "status", "range_key_name": "createdAt"}
BY_OWNER = {"name": "by-owner", "hash_key_name": "owner", "type": "global_include", "includes": ["b", "a"]}


@pytest.fixture
def table(account: boto3.session.Session) -> Any:
    """A table that is there already."""
    client = account.client("dynamodb")
    client.create_table(
        TableName=NAME, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    return client


@pytest.fixture
def expire(table: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("dynamodb_time_to_live", capsys, name=NAME)


@pytest.fixture
def index(table: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("dynamodb_global_indexes", capsys, name=NAME)


def expiry(client: Any) -> tuple[str, str]:
    told = client.describe_time_to_live(TableName=NAME)["TimeToLiveDescription"]
    return told["TimeToLiveStatus"], told.get("AttributeName", "")


def indexes(client: Any) -> dict[str, Any]:
    held = client.describe_table(TableName=NAME)["Table"].get("GlobalSecondaryIndexes", [])
    return {each["IndexName"]: each for each in held}


def test_items_expire_and_stay_again_although_nobody_names_the_attribute(table: Any, expire: Run) -> None:
    assert expire()["changed"] is False
    assert expire(attribute="expiresAt")["changed"] is True
    assert expiry(table) == ("ENABLED", "expiresAt")
    assert expire(attribute="expiresAt")["changed"] is False
    assert expire()["changed"] is True
    assert expiry(table)[0] == "DISABLED"
    assert expire()["changed"] is False


def test_another_attribute_is_refused_with_the_way_there(table: Any, expire: Run) -> None:
    expire(attribute="expiresAt")
    result = expire(attribute="deletedAt")
    assert "Items of shop-items expire by expiresAt, not by deletedAt." in result["msg"]
    assert "apply without an attribute first" in result["msg"]
    assert expiry(table) == ("ENABLED", "expiresAt")


def test_check_mode_switches_no_expiry(table: Any, expire: Run) -> None:
    assert expire(check=True, attribute="expiresAt")["changed"] is True
    assert expiry(table)[0] == "DISABLED"


def test_a_table_gets_the_listed_indexes_and_loses_the_others(table: Any, index: Run) -> None:
    made = index(indexes=[BY_STATUS, BY_OWNER])
    assert (made["changed"], made["indexes"]) == (True, ["by-owner", "by-status"])
    assert sorted(indexes(table)) == ["by-owner", "by-status"]
    assert indexes(table)["by-owner"]["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a", "b"]}
    assert index(indexes=[BY_OWNER, BY_STATUS])["changed"] is False
    assert index(indexes=[BY_STATUS])["changed"] is True
    assert list(indexes(table)) == ["by-status"]
    assert index(indexes=[])["changed"] is True
    assert indexes(table) == {}


@pytest.mark.parametrize("other", [{"hash_key_name": "state"}, {"type": "global_keys_only"}, {"range_key_name": "at"}])
def test_an_index_of_something_else_is_refused_before_anything_changes(
    table: Any, index: Run, other: dict[str, str]
) -> None:
    index(indexes=[BY_STATUS])
    result = index(indexes=[{**BY_STATUS, **other}, BY_OWNER])
    assert "The index by-status of shop-items is made of other keys or attributes" in result["msg"]
    assert list(indexes(table)) == ["by-status"]


def test_check_mode_makes_and_deletes_no_index(table: Any, index: Run) -> None:
    index(indexes=[BY_STATUS])
    assert index(check=True, indexes=[BY_OWNER])["changed"] is True
    assert list(indexes(table)) == ["by-status"]


def test_a_plan_of_a_table_that_is_still_to_be_made_is_what_comes_after_it(expire: Run, index: Run) -> None:
    assert expire(check=True, name="none", attribute="expiresAt")["changed"] is True
    assert expire(check=True, name="none")["changed"] is False
    # It is made with its indexes.
    assert index(check=True, name="none", indexes=[BY_STATUS])["changed"] is False
