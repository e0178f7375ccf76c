"""The AUTH token of a cache is read when the cache is made, and never again: who only looks needs no secrets."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import emulators
from tests.support.aws import Emulator, client
from tests.support.playbook import Outcome, Project

TOKEN = "a-token-of-some-length"  # pragma: allowlist secret


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
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


def test_the_token_of_a_cache_that_has_one_is_not_read(project: Project) -> None:
    made = asked(project.converge("elasticache"))
    assert made.count("GetSecretValue") == 1
    assert "CreateReplicationGroup" in made
    again = project.converge("elasticache", arguments=("--check",))
    assert "DescribeReplicationGroups" in asked(again)
    assert "GetSecretValue" not in asked(again)
    assert again.calls("planned") == []
