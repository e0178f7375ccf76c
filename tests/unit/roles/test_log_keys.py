"""What is logged is encrypted with the key of the inputs, also where the group was there before the key."""

from __future__ import annotations

import typing as t

import pytest

from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Outcome, Project

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BASE: dict[str, t.Any] = {
    "aws_account_id": "123456789012",
    "aws_region": "eu-central-1",
    "resource_tags": {"system": "demo"},
}
GROUP: dict[str, t.Any] = {**BASE, "log_groups_list": [{"name": "api"}]}


def writes(planned: Outcome) -> list[tuple[str, t.Any]]:
    """The first write of each planned call, with its key."""
    assert planned.returncode == 0, planned.output
    found = [call["writes"][0] for call in planned.journal["calls"] if call["status"] == "planned"]
    return [(write["operation"], write["parameters"].get("kmsKeyId")) for write in found]


@pytest.mark.parametrize(
    ("before", "after", "written"),
    [
        ("", KEY, [("AssociateKmsKey", KEY)]),
        (KEY, "", [("DisassociateKmsKey", None)]),
        (KEY, KEY, []),
        ("", "", []),
    ],
    ids=["added", "taken out", "as it was", "none"],
)
def test_a_key_that_changes_is_planned(
    aws: tuple[Project, ApiProxy], before: str, after: str, written: list[tuple[str, t.Any]]
) -> None:
    project, _ = aws
    project.inventory(**GROUP, log_groups_kms_key_arn=before)
    assert project.converge("log_groups").returncode == 0
    project.inventory(**GROUP, log_groups_kms_key_arn=after)
    assert writes(project.converge("log_groups", arguments=("--check",))) == written


def test_a_group_of_container_insights_is_made_before_ecs_makes_it(aws: tuple[Project, ApiProxy]) -> None:
    project, proxy = aws
    project.inventory(**BASE, ecs_cluster_log_kms_key_arn="")
    assert project.converge("ecs_cluster").returncode == 0
    (group,) = client(proxy, "logs").describe_log_groups()["logGroups"]
    assert group["logGroupName"] == "/aws/ecs/containerinsights/demo-test-cluster/performance"
    assert group["retentionInDays"] == 1
    order = [write for write in proxy.writes if write.endswith(("CreateLogGroup", "CreateCluster"))]
    assert [write.rpartition(".")[2].rpartition(":")[2] for write in order] == ["CreateLogGroup", "CreateCluster"]


def test_without_container_insights_there_is_no_group(aws: tuple[Project, ApiProxy]) -> None:
    project, proxy = aws
    project.inventory(**BASE, ecs_cluster_container_insights="disabled")
    made = project.converge("ecs_cluster")
    assert made.returncode == 0, made.output
    assert client(proxy, "logs").describe_log_groups()["logGroups"] == []
