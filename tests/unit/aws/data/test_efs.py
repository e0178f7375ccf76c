"""slipway.aws.efs_file_system, efs_mount_target and efs_access_point against moto."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.support.modules import REGION, Client, Run, runner

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Mount",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
        }
    ],
}


@pytest.fixture
def efs(in_moto: Client) -> Any:
    return in_moto("efs")


@pytest.fixture
def file_system(efs: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("efs_file_system", capsys, name="shop-models")


@pytest.fixture
def made(file_system: Run) -> str:
    """The id of a file system."""
    return str(file_system()["file_system"]["file_system_id"])


@pytest.fixture
def subnet(efs: Any) -> dict[str, Any]:
    ec2 = boto3.client("ec2", region_name=REGION)
    network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    place: dict[str, Any] = ec2.create_subnet(VpcId=network, CidrBlock="10.0.0.0/24")["Subnet"]
    groups = [
        ec2.create_security_group(GroupName=name, Description=name, VpcId=network)["GroupId"] for name in ("a", "b")
    ]
    return {**place, "Groups": groups}


@pytest.fixture
def mount_target(made: str, subnet: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("efs_mount_target", capsys, file_system_id=made, subnet_id=subnet["SubnetId"])


@pytest.fixture
def access_point(made: str, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("efs_access_point", capsys, name="shop-api", file_system_id=made, path="/models", uid=10001)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The writes that a module sends; moto cannot carry all of them out."""
    sent: list[tuple[str, Any]] = []
    client_class: Any = BaseClient
    original = client_class._make_api_call

    def record(self: Any, operation: str, parameters: Any) -> Any:
        if operation.startswith("Describe"):
            return original(self, operation, parameters)
        sent.append((operation, parameters))
        return {}

    monkeypatch.setattr(BaseClient, "_make_api_call", record)
    return sent


def test_a_file_system_is_encrypted_and_gets_its_rules_policy_and_tags(efs: Any, file_system: Run) -> None:
    rules = {"transition_to_ia": "AFTER_30_DAYS", "transition_to_primary_storage_class": "AFTER_1_ACCESS"}
    result = file_system(lifecycle=rules, policy=POLICY, tags={"Name": "shop-models"})
    assert result["changed"] is True
    (system,) = efs.describe_file_systems()["FileSystems"]
    name = system["FileSystemId"]
    assert system["Encrypted"] is True
    assert system["Name"] == "shop-models"
    held = efs.describe_lifecycle_configuration(FileSystemId=name)["LifecyclePolicies"]
    assert held == [{"TransitionToIA": "AFTER_30_DAYS"}, {"TransitionToPrimaryStorageClass": "AFTER_1_ACCESS"}]
    policy = json.loads(efs.describe_file_system_policy(FileSystemId=name)["Policy"])
    assert policy["Statement"][0]["Resource"] == system["FileSystemArn"]
    assert result["file_system"]["file_system_id"] == name
    assert result["file_system"]["tags"] == {"Name": "shop-models"}


def test_a_second_run_changes_nothing(file_system: Run) -> None:
    options: dict[str, Any] = {
        "throughput_mode": "bursting",
        "lifecycle": {"transition_to_ia": "AFTER_30_DAYS"},
        "policy": POLICY,
        "tags": {"system": "shop"},
    }
    assert file_system(**options)["changed"] is True
    assert file_system(**options)["changed"] is False


def test_a_rule_that_is_no_longer_named_goes(efs: Any, file_system: Run) -> None:
    file_system(lifecycle={"transition_to_ia": "AFTER_30_DAYS", "transition_to_archive": "AFTER_90_DAYS"})
    result = file_system(lifecycle={"transition_to_ia": "AFTER_30_DAYS", "transition_to_archive": ""})
    assert result["changed"] is True
    assert result["file_system"]["lifecycle_policies"] == [{"transition_to_ia": "AFTER_30_DAYS"}]


def test_rules_that_are_not_given_stay(efs: Any, file_system: Run) -> None:
    file_system(lifecycle={"transition_to_ia": "AFTER_30_DAYS"})
    assert file_system()["changed"] is False


def test_policies_that_mean_the_same_are_equal(efs: Any, file_system: Run, made: str) -> None:
    arn = efs.describe_file_systems()["FileSystems"][0]["FileSystemArn"]
    statement = {**POLICY["Statement"][0], "Resource": arn}  # type: ignore[dict-item]  # a list of dicts
    shuffled = {**statement, "Action": statement["Action"][::-1], "Principal": "*"}
    efs.put_file_system_policy(
        FileSystemId=made, Policy=json.dumps({"Version": "2012-10-17", "Id": "1", "Statement": [shuffled]})
    )
    assert file_system(policy=POLICY)["changed"] is False


def test_a_statement_without_a_name_is_refused(efs: Any, file_system: Run) -> None:
    nameless = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}
    assert "policy: a statement has no Sid" in file_system(policy=nameless)["msg"]
    assert efs.describe_file_systems()["FileSystems"] == []


def test_an_empty_policy_removes_the_one_there_is(file_system: Run, made: str, request: pytest.FixtureRequest) -> None:
    file_system(policy=POLICY)
    writes = request.getfixturevalue("writes")
    assert file_system(policy={}, wait=False)["changed"] is True
    assert writes == [("DeleteFileSystemPolicy", {"FileSystemId": made})]


def test_what_cannot_be_changed_is_refused(file_system: Run, made: str) -> None:
    assert "has PerformanceMode='generalPurpose'" in file_system(performance_mode="maxIO")["msg"]


def test_provisioned_throughput_needs_a_figure(efs: Any, file_system: Run) -> None:
    assert "provisioned needs provisioned_throughput" in file_system(throughput_mode="provisioned")["msg"]


def test_throughput_is_changed_with_its_mode(file_system: Run, made: str, writes: list[tuple[str, Any]]) -> None:
    file_system(throughput_mode="provisioned", provisioned_throughput=8, wait=False)
    wanted = {"FileSystemId": made, "ThroughputMode": "provisioned", "ProvisionedThroughputInMibps": 8.0}
    assert writes == [("UpdateFileSystem", wanted)]


def test_check_mode_writes_nothing(efs: Any, file_system: Run) -> None:
    assert file_system(check=True, lifecycle={"transition_to_ia": "AFTER_7_DAYS"})["changed"] is True
    assert efs.describe_file_systems()["FileSystems"] == []


def test_a_file_system_is_deleted_once(efs: Any, file_system: Run, made: str) -> None:
    assert file_system(state="absent")["changed"] is True
    assert efs.describe_file_systems()["FileSystems"] == []
    assert file_system(state="absent")["changed"] is False


def test_a_mount_target_stands_in_its_subnet_with_its_groups(
    mount_target: Run, subnet: dict[str, Any], efs: Any
) -> None:
    first, second = subnet["Groups"]
    made = mount_target(security_group_ids=[first])
    assert made["mount_target"]["subnet_id"] == subnet["SubnetId"]
    assert mount_target(security_group_ids=[first])["changed"] is False
    changed = mount_target(security_group_ids=[second])
    assert changed["changed"] is True
    assert changed["mount_target"]["security_groups"] == [second]
    assert changed["mount_target"]["mount_target_id"] == made["mount_target"]["mount_target_id"]


def test_a_mount_target_is_deleted_and_absent_without_its_file_system(
    mount_target: Run, file_system: Run, efs: Any, made: str
) -> None:
    mount_target()
    assert mount_target(state="absent")["changed"] is True
    assert efs.describe_mount_targets(FileSystemId=made)["MountTargets"] == []
    file_system(state="absent")
    assert mount_target(state="absent")["changed"] is False


def test_an_access_point_leads_to_its_directory_as_its_user(access_point: Run, efs: Any) -> None:
    made = access_point(tags={"Name": "shop-api"})
    (point,) = efs.describe_access_points()["AccessPoints"]
    assert point["PosixUser"] == {"Uid": 10001, "Gid": 1000}
    assert point["RootDirectory"]["Path"] == "/models"
    assert point["RootDirectory"]["CreationInfo"] == {"OwnerUid": 10001, "OwnerGid": 1000, "Permissions": "750"}
    assert made["access_point"]["access_point_id"] == point["AccessPointId"]
    assert access_point(tags={"Name": "shop-api"})["changed"] is False


@pytest.mark.parametrize(
    ("way", "operation"), [("access_point", "CreateAccessPoint"), ("mount_target", "CreateMountTarget")]
)
def test_a_file_system_that_somebody_is_making_is_waited_for(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, way: str, operation: str
) -> None:
    run: Run = request.getfixturevalue(way)
    client_class: Any = BaseClient
    original = client_class._make_api_call
    refusals = iter(["IncorrectFileSystemLifeCycleState"])

    def answer(self: Any, name: str, parameters: Any) -> Any:
        code = next(refusals, "") if name == operation else ""
        if code:
            raise ClientError({"Error": {"Code": code, "Message": "still creating"}}, name)
        return original(self, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    assert run()["changed"] is True


def test_the_directory_of_an_access_point_cannot_be_changed(access_point: Run, efs: Any) -> None:
    access_point()
    assert "AWS cannot change that" in access_point(path="/other")["msg"]


def test_tags_of_an_access_point_are_changed(access_point: Run, efs: Any) -> None:
    access_point(tags={"Name": "shop-api", "old": "1"})
    assert access_point(tags={"Name": "shop-api"})["access_point"]["tags"] == {"Name": "shop-api"}


def test_an_access_point_is_deleted_once(access_point: Run, efs: Any) -> None:
    access_point()
    assert access_point(state="absent")["changed"] is True
    assert efs.describe_access_points()["AccessPoints"] == []
    assert access_point(state="absent")["changed"] is False
