"""slipway.aws.elasticache_replication_group_info against recorded answers."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ansible_collections.slipway.aws.plugins.modules import elasticache_replication_group_info
from tests.support.modules import REGION, Run, runner


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    client = boto3.client("elasticache", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
    monkeypatch.setattr(elasticache_replication_group_info, "connect", lambda *_: client)
    stubber = Stubber(client)
    stubber.activate()
    return stubber


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("elasticache_replication_group_info", capsys, name="shop")


def group(**fields: Any) -> dict[str, Any]:
    return {"ReplicationGroupId": "shop", "Status": "available", **fields}


@pytest.mark.parametrize("status", ["available", "snapshotting"])
def test_a_group_is_told_without_its_tags(api: Stubber, ask: Run, status: str) -> None:
    answer = {"ReplicationGroups": [group(Status=status, AuthTokenEnabled=True)]}
    api.add_response("describe_replication_groups", answer, {"ReplicationGroupId": "shop"})
    (told,) = ask()["replication_groups"]
    assert told["replication_group_id"] == "shop"
    assert told["auth_token_enabled"] is True
    api.assert_no_pending_responses()


def test_a_group_without_a_token_says_so(api: Stubber, ask: Run) -> None:
    api.add_response("describe_replication_groups", {"ReplicationGroups": [group()]})
    assert ask()["replication_groups"][0]["auth_token_enabled"] is False


def test_one_that_is_being_deleted_is_none(api: Stubber, ask: Run) -> None:
    api.add_response("describe_replication_groups", {"ReplicationGroups": [group(Status="deleting")]})
    assert ask()["replication_groups"] == []


def test_there_may_be_none(api: Stubber, ask: Run) -> None:
    api.add_client_error("describe_replication_groups", "ReplicationGroupNotFoundFault")
    assert ask()["replication_groups"] == []


def test_other_errors_are_errors(api: Stubber, ask: Run) -> None:
    api.add_client_error("describe_replication_groups", "AccessDenied")
    assert "Could not read the replication group shop" in ask()["msg"]
