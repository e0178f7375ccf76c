"""slipway.aws.elasticache_replication_group against recorded answers: what is called, in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from ansible_collections.slipway.aws.plugins.modules.elasticache_replication_group import is_older, version_matches
from tests.support.modules import Run, runner

ARN = "arn:aws:elasticache:eu-central-1:123456789012:replicationgroup:shop"
TOKEN = "abcdefghijklmnop-0123456789"  # pragma: allowlist secret
ASKED = {"ReplicationGroupId": "shop"}


@pytest.fixture
def api(recorded: Callable[[str], Stubber]) -> Stubber:
    return recorded("elasticache")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("elasticache_replication_group", capsys, name="shop")


def group(nodes: int = 2, **fields: Any) -> dict[str, Any]:
    members = [f"shop-00{number}" for number in range(1, nodes + 1)]
    return {
        "ReplicationGroupId": "shop", "ARN": ARN, "Description": "shop", "Status": "available", "Engine": "redis",
        "CacheNodeType": "cache.t4g.small", "MemberClusters": members, "AutomaticFailover": "enabled",
        "MultiAZ": "enabled", "TransitEncryptionEnabled": True, "TransitEncryptionMode": "required",
        "AuthTokenEnabled": True, "SnapshotRetentionLimit": 1,
        "NodeGroups": [{
            "PrimaryEndpoint": {"Address": "shop.example", "Port": 6379},
            "NodeGroupMembers": [{"CacheClusterId": member} for member in members],
        }],
        **fields,
    }  # fmt: skip


def reads(api: Stubber, held: dict[str, Any] | None) -> None:
    """One read of the group: itself, its primary, and its tags."""
    if held is None:
        api.add_client_error("describe_replication_groups", "ReplicationGroupNotFoundFault", expected_params=ASKED)
        return
    describes(api, held)
    cluster = {
        "CacheClusterId": "shop-001", "EngineVersion": "7.1.0", "CacheSubnetGroupName": "shop",
        "CacheParameterGroup": {"CacheParameterGroupName": "shop-redis7"},
        "SecurityGroups": [{"SecurityGroupId": "sg-1"}],
    }  # fmt: skip
    api.add_response("describe_cache_clusters", {"CacheClusters": [cluster]}, {"CacheClusterId": "shop-001"})


def describes(api: Stubber, held: dict[str, Any]) -> None:
    api.add_response("describe_replication_groups", {"ReplicationGroups": [held]}, ASKED)


def tags(api: Stubber) -> None:
    api.add_response("list_tags_for_resource", {"TagList": []}, {"ResourceName": ARN})


def modifies(api: Stubber, **fields: Any) -> None:
    """A change waits until the group is available, and then until it is at it."""
    describes(api, group())
    api.add_response("modify_replication_group", {}, {**ASKED, "ApplyImmediately": True, **fields})
    describes(api, group(Status="modifying"))


def test_creates_with_what_was_given(api: Stubber, run: Run) -> None:
    reads(api, None)
    reads(api, None)
    created = {
        **ASKED, "ReplicationGroupDescription": "shop", "Engine": "redis", "NumCacheClusters": 2,
        "AutomaticFailoverEnabled": True, "TransitEncryptionEnabled": True, "AuthToken": TOKEN,
        "Tags": [{"Key": "system", "Value": "shop"}],
    }  # fmt: skip
    api.add_response("create_replication_group", {"ReplicationGroup": group(Status="creating")}, created)
    describes(api, group(Status="available"))
    reads(api, group())
    tags(api)
    result = run(
        num_cache_clusters=2, automatic_failover=True, transit_encryption=True, auth_token=TOKEN,
        tags={"system": "shop"},
    )  # fmt: skip
    api.assert_no_pending_responses()
    assert result["changed"] is True
    assert result["replication_group"]["node_groups"][0]["primary_endpoint"]["address"] == "shop.example"
    assert TOKEN not in str({**result, "invocation": None})


def test_what_is_so_already_is_left_alone(api: Stubber, run: Run) -> None:
    reads(api, group())
    tags(api)
    result = run(
        engine_version="7.1", node_type="cache.t4g.small", num_cache_clusters=2, automatic_failover=True,
        multi_az=True, subnet_group="shop", security_group_ids=["sg-1"], parameter_group="shop-redis7",
        transit_encryption=True, auth_token=TOKEN, snapshot_retention=1, port=6379,
    )  # fmt: skip
    api.assert_no_pending_responses()
    assert result["changed"] is False


def test_changes_only_what_differs(api: Stubber, run: Run) -> None:
    reads(api, group())
    tags(api)
    modifies(api, SnapshotRetentionLimit=7)
    describes(api, group())
    reads(api, group(SnapshotRetentionLimit=7))
    tags(api)
    result = run(snapshot_retention=7, node_type="cache.t4g.small")
    api.assert_no_pending_responses()
    assert result["diff"] == {"before": {"snapshot_retention_limit": 1}, "after": {"snapshot_retention_limit": 7}}


def test_replicas_come_before_failover(api: Stubber, run: Run) -> None:
    single = group(1, AutomaticFailover="disabled", MultiAZ="disabled")
    reads(api, single)
    tags(api)
    describes(api, single)
    api.add_response("increase_replica_count", {}, {**ASKED, "NewReplicaCount": 1, "ApplyImmediately": True})
    describes(api, group(Status="modifying"))
    modifies(api, AutomaticFailoverEnabled=True)
    describes(api, group())
    reads(api, group())
    tags(api)
    run(num_cache_clusters=2, automatic_failover=True)
    api.assert_no_pending_responses()


def test_failover_ends_before_replicas_go(api: Stubber, run: Run) -> None:
    reads(api, group())
    tags(api)
    modifies(api, AutomaticFailoverEnabled=False, MultiAZEnabled=False)
    describes(api, group())
    api.add_response("decrease_replica_count", {}, {**ASKED, "NewReplicaCount": 0, "ApplyImmediately": True})
    describes(api, group(Status="modifying"))
    describes(api, group(1))
    reads(api, group(1))
    tags(api)
    run(num_cache_clusters=1, automatic_failover=False, multi_az=False)
    api.assert_no_pending_responses()


def test_a_first_token_lets_clients_follow_and_is_then_required(api: Stubber, run: Run) -> None:
    reads(api, group(AuthTokenEnabled=False))
    tags(api)
    modifies(api, AuthToken=TOKEN, AuthTokenUpdateStrategy="ROTATE")
    modifies(api, AuthToken=TOKEN, AuthTokenUpdateStrategy="SET")
    describes(api, group())
    reads(api, group())
    tags(api)
    result = run(auth_token=TOKEN)
    api.assert_no_pending_responses()
    assert result["diff"]["after"] == {"auth_token_update_strategy": "ROTATE, SET"}
    assert TOKEN not in str({**result, "invocation": None})


@pytest.mark.parametrize("update", ["rotate", "set"])
def test_another_token_is_sent_when_asked_to(api: Stubber, run: Run, update: str) -> None:
    reads(api, group())
    tags(api)
    modifies(api, AuthToken=TOKEN, AuthTokenUpdateStrategy=update.upper())
    describes(api, group())
    reads(api, group())
    tags(api)
    assert run(auth_token=TOKEN, auth_token_update=update)["changed"] is True
    api.assert_no_pending_responses()


def test_a_change_that_aws_has_not_begun_is_not_taken_for_done(
    api: Stubber, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    reads(api, group())
    tags(api)
    describes(api, group())
    api.add_response("modify_replication_group", {}, {**ASKED, "ApplyImmediately": True, "SnapshotRetentionLimit": 7})
    # Still as before, available and all.
    reads(api, group())
    describes(api, group(Status="modifying"))
    describes(api, group(Status="modifying"))
    describes(api, group())
    reads(api, group(SnapshotRetentionLimit=7))
    tags(api)
    assert run(snapshot_retention=7)["replication_group"]["snapshot_retention_limit"] == 7
    api.assert_no_pending_responses()


@pytest.mark.parametrize(
    "seen", [{"SnapshotRetentionLimit": 7}, {"PendingModifiedValues": {"AuthTokenStatus": "SETTING"}}]
)
def test_a_change_that_is_seen_is_waited_for_no_longer(api: Stubber, run: Run, seen: dict[str, Any]) -> None:
    reads(api, group())
    tags(api)
    describes(api, group())
    api.add_response("modify_replication_group", {}, {**ASKED, "ApplyImmediately": True, "SnapshotRetentionLimit": 7})
    if "PendingModifiedValues" in seen:
        describes(api, group(**seen))
    else:
        reads(api, group(**seen))
    describes(api, group())
    reads(api, group(SnapshotRetentionLimit=7))
    tags(api)
    assert run(snapshot_retention=7)["changed"]
    api.assert_no_pending_responses()


def test_what_aws_is_at_is_waited_for_before_a_change(api: Stubber, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    reads(api, group())
    tags(api)
    describes(api, group())
    api.add_client_error("modify_replication_group", "InvalidReplicationGroupState")
    modifies(api, SnapshotRetentionLimit=7)
    describes(api, group())
    reads(api, group(SnapshotRetentionLimit=7))
    tags(api)
    assert run(snapshot_retention=7)["changed"]
    api.assert_no_pending_responses()


def test_tags_that_are_not_told_during_a_snapshot_are_waited_for(
    api: Stubber, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    reads(api, group(Status="snapshotting"))
    for _ in range(2):
        api.add_client_error("list_tags_for_resource", "InvalidReplicationGroupState")
    tags(api)
    result = run(snapshot_retention=1)
    assert result.get("failed") is not True, result
    assert result["changed"] is False
    api.assert_no_pending_responses()


def test_tags_are_set_once_aws_takes_them(api: Stubber, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    reads(api, group())
    tags(api)
    api.add_client_error("add_tags_to_resource", "InvalidReplicationGroupState")
    wanted = {"ResourceName": ARN, "Tags": [{"Key": "system", "Value": "shop"}]}
    api.add_response("add_tags_to_resource", {}, wanted)
    reads(api, group())
    api.add_response("list_tags_for_resource", {"TagList": wanted["Tags"]})
    assert run(tags={"system": "shop"})["replication_group"]["tags"] == {"system": "shop"}
    api.assert_no_pending_responses()


def test_a_group_that_could_not_be_made_is_said_to_be_so(api: Stubber, run: Run) -> None:
    reads(api, None)
    reads(api, None)
    api.add_response("create_replication_group", {"ReplicationGroup": group(Status="creating")})
    describes(api, group(Status="create-failed"))
    said = run(description="shop")["msg"]
    assert "AWS could not make the replication group shop (create-failed)" in said
    assert "Delete it (state: absent)" in said


def test_a_group_that_could_not_be_made_is_not_taken_for_one_later(api: Stubber, run: Run) -> None:
    reads(api, group(Status="create-failed"))
    tags(api)
    describes(api, group(Status="create-failed"))
    assert "(create-failed)" in run(description="shop")["msg"]


def test_a_group_that_could_not_be_made_is_deleted(api: Stubber, run: Run) -> None:
    reads(api, group(Status="create-failed"))
    describes(api, group(Status="create-failed"))
    api.add_response("delete_replication_group", {}, ASKED)
    reads(api, None)
    assert run(state="absent")["changed"]
    api.assert_no_pending_responses()


def test_one_that_is_still_being_made_is_waited_for(api: Stubber, run: Run) -> None:
    reads(api, group(Status="creating"))
    tags(api)
    describes(api, group())
    reads(api, group())
    tags(api)
    assert run(description="shop")["replication_group"]["status"] == "available"
    api.assert_no_pending_responses()


def test_check_mode_only_reads(api: Stubber, run: Run) -> None:
    reads(api, group())
    tags(api)
    result = run(check=True, snapshot_retention=7)
    api.assert_no_pending_responses()
    assert result["changed"] is True


def test_deletes_with_a_last_snapshot_and_waits(api: Stubber, run: Run) -> None:
    reads(api, group())
    describes(api, group())
    api.add_response("delete_replication_group", {}, {**ASKED, "FinalSnapshotIdentifier": "shop-final"})
    describes(api, group(Status="deleting"))
    reads(api, None)
    assert run(state="absent", final_snapshot="shop-final")["changed"] is True
    api.assert_no_pending_responses()


def test_one_that_is_being_deleted_is_waited_for(api: Stubber, run: Run) -> None:
    describes(api, group(Status="deleting"))
    describes(api, group(Status="deleting"))
    reads(api, None)
    assert run(state="absent")["changed"] is False
    api.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("held", "options", "message"),
    [
        (None, {"auth_token": TOKEN}, "auth_token needs transit_encryption: true"),
        (None, {"auth_token": "short", "transit_encryption": True}, "16 to 128"),
        (None, {"auth_token": TOKEN + '"', "transit_encryption": True}, "16 to 128"),
        (None, {"multi_az": True, "num_cache_clusters": 2}, "multi_az: true needs automatic_failover: true"),
        (None, {"automatic_failover": True, "num_cache_clusters": 1}, "num_cache_clusters of at least 2"),
        (group(), {"num_cache_clusters": 1}, "num_cache_clusters of at least 2"),
        (group(), {"transit_encryption": False}, "requires TLS"),
        (group(), {"engine_version": "7.0"}, "runs 7.1.0, and AWS cannot downgrade it to 7.0"),
        (group(), {"engine_version": "6.x"}, "runs 7.1.0, and AWS cannot downgrade it to 6.x"),
        (group(Engine="valkey"), {"engine": "redis"}, "runs Valkey, which cannot be changed back to Redis"),
        (
            group(TransitEncryptionEnabled=False, AuthTokenEnabled=False),
            {"transit_encryption": True},
            "transit_encryption_mode: preferred first",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused_before_any_write(
    api: Stubber, run: Run, held: dict[str, Any] | None, options: dict[str, Any], message: str
) -> None:
    reads(api, held)
    result = run(**options)
    api.assert_no_pending_responses()
    assert result["failed"] is True
    assert message in result["msg"]


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [
        ("7.0", "7.1.0", True), ("6.x", "7.1.0", True), ("7.1", "7.1.0", False), ("7.x", "7.1.0", False),
        ("7.10", "7.9.0", False), ("8.0", "7.2.6", False),
    ],
)  # fmt: skip
def test_versions_are_older_by_their_numbers(version: str, than: str, older: bool) -> None:
    assert is_older(version, than) is older


def test_a_subnet_group_cannot_be_changed(api: Stubber, run: Run) -> None:
    reads(api, group())
    result = run(subnet_group="other")
    assert "CacheSubnetGroupName='shop', and AWS cannot change that to 'other'" in result["msg"]


@pytest.mark.parametrize(
    ("actual", "wanted", "same"),
    [
        ("7.1.0", "7.1", True), ("7.1", "7.1", True), ("6.2.6", "6.x", True), ("7.0.7", "7.1", False),
        ("7.10", "7.1", False),
    ],
)  # fmt: skip
def test_a_version_matches_by_its_leading_parts(actual: str, wanted: str, same: bool) -> None:
    assert version_matches(actual, wanted) is same
