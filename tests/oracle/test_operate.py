"""A system that runs: its records in the ledger, drift, orphans and the policy of who deploys, by the playbooks."""

from __future__ import annotations

import json
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import system
from tests.support.iam import is_action
from tests.support.paths import ROOT

# A line of a call that changed something.
CHANGED = "] changed "
LOG_GROUP = f"/slipway/{system.HOST}/api"


class Running:
    """A provisioned account and a folder in which runs leave what they leave."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment = environment
        self.folder = folder

    def run(self, playbook: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        path = ROOT / playbook
        return system.playbook_run(
            path,
            {**self.environment, **more},
            arguments=("-e", f"system_run_directory={self.folder}", *arguments),
        )

    def well(self, playbook: str, *arguments: str) -> str:
        finished = self.run(playbook, *arguments)
        assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
        return finished.stdout

    def client(self, service: str) -> t.Any:
        return system.client(self.environment, service)

    def kept(self) -> list[str]:
        """What the ledger has of the host's runs."""
        objects = self.client("s3").list_objects_v2(Bucket=system.BUCKET, Prefix=f"runs/{system.HOST}/")
        return [each["Key"].rpartition("/")[2] for each in objects.get("Contents", [])]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An account right after site.yml."""
    folder = tmp_path_factory.mktemp("site")
    with system.emulated() as environment:
        running = Running(environment, folder)
        running.well("playbooks/bootstrap.yml")
        system.record_release(environment)
        running.well("site.yml")
        # The emulator forgets the backup window of a database that it has just made.
        running.well("site.yml")
        yield environment


@pytest.fixture
def running(account: dict[str, str], tmp_path: Path) -> Running:
    """The account, seen from a machine that has never run anything."""
    return Running(account, tmp_path / "runs")


def test_an_account_that_has_no_ledger_yet_can_be_planned(tmp_path: Path) -> None:
    with system.emulated() as environment:
        planned = Running(environment, tmp_path).well("site.yml", "--check")
    assert "vpc: Make the VPC" in planned
    assert "0 to change" not in planned
    assert not (tmp_path / "applied.json").exists()


def test_a_run_that_writes_is_kept_in_the_ledger_and_a_plan_is_not(running: Running) -> None:
    before = running.kept()
    assert "applied.json" in before
    running.well("site.yml", "--check")
    assert running.kept() == before
    assert CHANGED not in running.well("site.yml")
    new = set(running.kept()) - set(before)
    assert [name.partition("-")[2] for name in new] == ["site.json"]
    key = f"runs/{system.HOST}/{new.pop()}"
    journal = json.loads(running.client("s3").get_object(Bucket=system.BUCKET, Key=key)["Body"].read())
    assert journal["mode"] == "apply"


def test_a_run_that_fails_is_kept_too(running: Running) -> None:
    before = set(running.kept())
    nowhere = "http://127.0.0.1:9"
    failed = running.run("site.yml", AWS_ENDPOINT_URL_CLOUDWATCH_LOGS=nowhere, AWS_MAX_ATTEMPTS="1")
    assert failed.returncode != 0
    assert "log_groups" in failed.stdout
    assert [name.partition("-")[2] for name in set(running.kept()) - before] == ["site.json"]


def test_rule_12_drift_is_found_from_any_machine_and_ends_with_an_error(running: Running) -> None:
    logs = running.client("logs")
    logs.put_retention_policy(logGroupName=LOG_GROUP, retentionInDays=365)
    found = running.run("playbooks/drift.yml")
    assert found.returncode != 0
    assert f"{system.HOST} has drifted. Changed outside Slipway:" in found.stdout
    assert "log_groups: Make the log groups (api)" in found.stdout
    running.well("playbooks/drift.yml", "-e", "fail_on_drift=false")
    assert logs.describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"][0]["retentionInDays"] == 365
    running.well("site.yml")
    assert "No drift. 0 changed inputs" in running.well("playbooks/drift.yml")


def test_rule_12_a_change_of_inputs_is_no_drift_but_without_a_record_nobody_knows(running: Running) -> None:
    change = ("-e", '{"log_groups_retention_days": 30}')
    assert "No drift. " in running.well("playbooks/drift.yml", *change)
    s3 = running.client("s3")
    key = f"runs/{system.HOST}/applied.json"
    kept = s3.get_object(Bucket=system.BUCKET, Key=key)["Body"].read()
    s3.delete_object(Bucket=system.BUCKET, Key=key)
    (running.folder / "applied.json").unlink()
    unknown = running.run("playbooks/drift.yml", *change)
    s3.put_object(Bucket=system.BUCKET, Key=key, Body=kept)
    assert unknown.returncode != 0
    assert "there is no record of the last apply" in " ".join(unknown.stdout.split())


def plant(running: Running) -> None:
    tags = {"system": "transactions", "environment": "dev", "managed_by": "slipway"}
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    ec2 = running.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.99.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": pairs}])
    identity = vpc["Vpc"]["VpcId"]
    ec2.create_subnet(
        VpcId=identity, CidrBlock="10.99.0.0/24", TagSpecifications=[{"ResourceType": "subnet", "Tags": pairs}]
    )
    ec2.create_security_group(
        GroupName="old", Description="old", VpcId=identity,
        TagSpecifications=[{"ResourceType": "security-group", "Tags": pairs}],
    )  # fmt: skip
    running.client("logs").create_log_group(logGroupName="/old", tags=tags)
    running.client("iam").create_role(RoleName="old", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }), Tags=pairs)  # fmt: skip
    running.client("ecs").create_cluster(
        clusterName="old", tags=[{"key": key, "value": value} for key, value in tags.items()]
    )
    running.client("elbv2").create_target_group(
        Name="old", Protocol="HTTP", Port=80, VpcId=identity, TargetType="ip", Tags=pairs
    )
    running.client("rds").create_db_parameter_group(
        DBParameterGroupName="old", DBParameterGroupFamily="mysql8.0", Description="old", Tags=pairs
    )
    running.client("kms").create_key(
        Tags=[{"TagKey": key, "TagValue": value} for key, value in tags.items()]
    )  # fmt: skip


def test_rule_11_orphans_of_a_whole_system(running: Running) -> None:
    clean = running.well("playbooks/orphans.yml", "-e", "fail_on_orphans=true")
    assert "Orphans: 0 of " in clean
    assert "could not be read" not in clean

    plant(running)
    refused = running.run("playbooks/orphans.yml", "-e", "fail_on_orphans=true")
    assert refused.returncode != 0
    listed = refused.stdout
    types = ["ec2:vpc", "ec2:subnet", "ec2:security-group", "logs:log-group", "iam:role", "ecs:cluster",
             "elasticloadbalancing:targetgroup", "rds:pg", "kms:key"]  # fmt: skip
    assert f"Orphans: {len(types)} of " in listed
    assert [kind for kind in types if f"  {kind} " not in listed] == []

    deleted = running.well("playbooks/orphans.yml", "-e", "delete=true", "-e", f"confirm={system.HOST}")
    assert "kept     kms:key " in deleted
    left = running.well("playbooks/orphans.yml")
    assert "Orphans: 1 of " in left
    assert "[protected: a key]" in left
    assert CHANGED not in running.well("site.yml"), "what belongs to the tasks is still there"


def test_what_nobody_uses_is_told_beside_the_costs(running: Running) -> None:
    output = running.well("playbooks/cost.yml", "-e", "measured=true")
    assert f"advice: rds:db {system.HOST}-database: not used in 30 days; is it still needed?" in output
    assert "Total: " in output


def test_rule_16_the_policy_of_the_runs_names_only_actions_that_exist(running: Running) -> None:
    running.well("playbooks/policy.yml")
    policy = json.loads((running.folder / "policy.json").read_text())
    statements = {statement["Sid"]: statement for statement in policy["Statement"]}
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert [action for action in sorted(actions) if not is_action(action)] == []
    assert {"ec2:CreateVpc", "rds:CreateDBInstance", "ecs:CreateService", "dynamodb:PutItem"} <= actions
    assert "ecs-tasks.amazonaws.com" in statements["PassRole"]["Condition"]["StringEquals"]["iam:PassedToService"]
