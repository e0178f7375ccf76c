"""Changes of a database: what RDS is asked for, and how long is waited. The token of a cache: when it is read."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import emulators
from tests.support.aws import Emulator, client
from tests.support.paths import ROOT
from tests.support.playbook import Outcome, Project

TASKS = ROOT / "roles/aws/rds/tasks/instance.yml"
LARGE: dict[str, t.Any] = {"rds_allocated_storage": 450, "rds_max_allocated_storage": 500}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[tuple[Project, dict[str, t.Any]]]:
    """A project where a database of 100 GiB stands, and its inputs."""
    with emulators.ministack() as url:
        ec2 = client(Emulator(url), "ec2")
        network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=network, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"eu-central-1{zone}")
            for index, zone in enumerate("ab")
        ]
        client(Emulator(url), "rds").create_db_instance(
            DBInstanceIdentifier="demo-test-database", Engine="mysql", EngineVersion="8.4.6", Iops=3000,
            DBInstanceClass="db.t3.small", AllocatedStorage=100, StorageType="gp3", MasterUsername="shop",
            MasterUserPassword="not-so-secret-1",
        )  # fmt: skip
        project = Project(tmp_path, url)
        arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:unused-1a2b3c"
        base = {
            "aws_account_id": "123456789012", "aws_region": "eu-central-1", "rds_secret_arn": arn,
            "rds_subnet_ids": [each["Subnet"]["SubnetId"] for each in subnets], "rds_kms_key_arn": "",
            "rds_log_exports": [], "rds_backup_window": "", "rds_require_tls": False,
            "rds_base_parameters": {"max_connections": "150"}, "rds_static_parameters": {},
        }  # fmt: skip
        yield project, base


@pytest.mark.parametrize(
    ("inputs", "iops"),
    [({}, 12000), ({"rds_iops": 16000, "rds_storage_throughput": 4000}, 16000)],
    ids=["by its size", "bought"],
)
def test_a_disk_grows_past_400_gib(
    database: tuple[Project, dict[str, t.Any]], inputs: dict[str, int], iops: int
) -> None:
    project, base = database
    project.inventory(**base, **LARGE, **inputs)
    changed = project.converge("rds")
    assert changed.returncode == 0, changed.output
    rds = client(Emulator(project.environment["AWS_ENDPOINT_URL"]), "rds")
    (instance,) = rds.describe_db_instances()["DBInstances"]
    assert (instance["AllocatedStorage"], instance["Iops"]) == (450, iops)
    # MiniStack keeps no throughput, but upstream has asked for enough, or it would have refused.
    assert "Wait until the changes have taken effect" in changed.calls("ok")


SETTLED = {"db_instance_status": "available", "pending_modified_values": {}}


@pytest.mark.parametrize(
    ("instance", "is_settled"),
    [
        (SETTLED, True),
        ({"db_instance_status": "storage-optimization"}, True),
        ({**SETTLED, "pending_modified_values": {"db_instance_class": "db.t3.large"}}, False),
        ({**SETTLED, "db_instance_status": "modifying"}, False),
        ({**SETTLED, "db_instance_status": "rebooting"}, False),
        (None, False),
    ],
)
def test_what_rds_still_has_to_change_is_waited_for(
    tmp_path: Path, instance: dict[str, t.Any] | None, is_settled: bool
) -> None:
    (task,) = (task for task in yaml.safe_load(TASKS.read_text()) if task["name"].startswith("Wait until the changes"))
    project = Project(tmp_path)
    project.inventory(rds_settled_result={"instances": [instance] if instance else []})
    told = project.run({"ansible.builtin.assert": {"that": task["until"]}})
    assert bool(told.result.get("failed")) is not is_settled, told.output


TOKEN = "a-token-of-some-length"  # pragma: allowlist secret


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Project]:
    """Where a secret holds a token, and no cache is."""
    with emulators.ministack() as url:
        ec2 = client(Emulator(url), "ec2")
        network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=network, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        secret = client(Emulator(url), "secretsmanager").create_secret(
            Name="cache", SecretString=f'{{"auth_token": "{TOKEN}"}}'
        )
        project = Project(tmp_path, url)
        project.inventory(
            aws_account_id="123456789012", aws_region="eu-central-1", elasticache_subnet_ids=[subnet],
            elasticache_kms_key_arn="", elasticache_secret_arn=secret["ARN"],
        )  # fmt: skip
        yield project


def asked(outcome: Outcome) -> list[str]:
    assert outcome.returncode == 0, outcome.output
    calls: list[dict[str, t.Any]] = [each for call in outcome.journal["calls"] for each in call["api_calls"]]
    return [each["operation"] for each in calls]


def test_the_token_of_a_cache_that_has_one_is_not_read(cache: Project) -> None:
    made = asked(cache.converge("elasticache"))
    assert made.count("GetSecretValue") == 1
    assert "CreateReplicationGroup" in made
    again = cache.converge("elasticache", arguments=("--check",))
    assert "DescribeReplicationGroups" in asked(again)
    assert "GetSecretValue" not in asked(again)
    assert again.calls("planned") == []
