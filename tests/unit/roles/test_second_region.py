"""A system is not provisioned in a second Region under the same name: both would have the same IAM roles."""

from __future__ import annotations

import json

import pytest

from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.paths import ROOT
from tests.support.playbook import Outcome, Project

ACCOUNT = "123456789012"
TASKS = str(ROOT / "playbooks/tasks/refuse_second_region.yml")


@pytest.fixture
def ledgers(aws: tuple[Project, ApiProxy]) -> tuple[Project, ApiProxy]:
    """Ledgers in two Regions and other people's buckets; only Frankfurt's knows a system."""
    _project, proxy = aws
    s3 = client(proxy, "s3")
    names = [f"slipway-{ACCOUNT}-{region}" for region in ("eu-central-1", "us-east-2")]
    for name in [*names, f"{names[0]}-logs", "slipway-999999999999-eu-west-1", "other"]:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_object(Bucket=name, Key="runs/other-prod/applied.json", Body=b"{}")
    s3.put_object(Bucket=names[0], Key="runs/demo-test/applied.json", Body=b"{}")
    return aws


def begin(project: Project, region: str, *arguments: str, **inputs: str) -> Outcome:
    project.inventory(aws_account_id=ACCOUNT, aws_region=region, store_bucket=f"slipway-{ACCOUNT}-{region}", **inputs)
    return project.run_plays([{"tasks": [{"name": "Begin", "ansible.builtin.import_tasks": TASKS}]}])


def test_a_system_that_stands_in_another_region_is_refused_there(ledgers: tuple[Project, ApiProxy]) -> None:
    project, proxy = ledgers
    proxy.forget()
    refused = begin(project, "us-east-2")
    assert refused.returncode != 0
    said = " ".join(refused.output.split())
    assert f"demo-test has been provisioned in another Region of this account: the ledger slipway-{ACCOUNT}-eu" in said
    assert proxy.writes == []
    assert json.dumps("other-prod") not in said


def test_at_home_under_another_name_or_after_a_move_it_is_not(ledgers: tuple[Project, ApiProxy]) -> None:
    project, _proxy = ledgers
    assert begin(project, "eu-central-1").returncode == 0
    moved = begin(project, "us-east-2", region_left="eu-central-1")
    assert moved.returncode == 0, moved.output
    project.host, project.hosts = "demo-test-2", ["demo-test-2"]
    named = begin(project, "us-east-2")
    assert named.returncode == 0, named.output


def test_a_ledger_that_cannot_be_asked_keeps_nobody_from_a_new_region(ledgers: tuple[Project, ApiProxy]) -> None:
    project, proxy = ledgers
    proxy.denied = {f"rest:Get /slipway-{ACCOUNT}-eu-central-1"}
    outcome = begin(project, "us-east-2")
    assert outcome.returncode == 0, outcome.output
    assert not any("PutObject" in operation for operation in proxy.writes)
