"""Rule 8: an apply that is given a plan writes what was planned, or stops before it writes anything else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import saved_plan
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Outcome, Project

AWS = tuple[Project, ApiProxy]

TASKS = """
- name: Logs
  community.aws.cloudwatchlogs_log_group: {log_group_name: demo, retention: 7}
- name: Parameter
  community.aws.ssm_parameter: {name: /demo, value: "{{ demo_word }}"}
  no_log: true
- name: File
  ansible.builtin.copy: {content: "{{ demo_word }}", dest: "{{ demo_folder }}/word", mode: "0600"}
- name: VPC
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16, tags: {team: demo}}
  register: demo_vpc
- name: Subnet
  amazon.aws.ec2_vpc_subnet: {vpc_id: "{{ demo_vpc.vpc.id }}", cidr: 10.0.0.0/24}
"""


@pytest.fixture
def demo(aws: AWS) -> AWS:
    aws[0].role("demo", TASKS)
    aws[0].inventory(demo_word="first", demo_folder=str(aws[0].folder))
    return aws


def plan(project: Project) -> str:
    """Plan, and put the plan aside."""
    planned = project.converge("demo", arguments=("--check",))
    assert planned.returncode == 0, planned.output
    return str((project.folder / "plan.json").rename(project.folder / "saved.json"))


def assert_stale(outcome: Outcome, task: str) -> None:
    assert outcome.calls("failed") == [task], outcome.output
    assert "the plan is stale" in outcome.result["msg"]


def test_rule_08_a_plan_whose_ground_has_not_moved_is_applied(demo: AWS) -> None:
    project, _proxy = demo
    saved = plan(project)
    applied = project.converge("demo", plan=saved)
    assert applied.returncode == 0, applied.output
    assert applied.calls("changed") == ["Logs", "Parameter", "File", "VPC", "Subnet"]
    # An apply of the same plan again would create nothing, which is not what was planned: but it writes nothing either.
    again = project.converge("demo", plan=saved)
    assert again.calls("changed") == []


def test_rule_08_a_write_that_was_not_planned_stops_before_it(demo: AWS) -> None:
    project, proxy = demo
    project.converge("demo")
    saved = plan(project)
    client(proxy, "logs").put_retention_policy(logGroupName="demo", retentionInDays=3)
    proxy.forget()
    stale = project.converge("demo", plan=saved)
    assert_stale(stale, "Logs")
    assert "the plan says no write, but now it would be logs:PutRetentionPolicy" in stale.result["msg"]
    assert proxy.writes == []


def test_rule_08_another_write_than_planned_stops_and_so_does_everything_after_it(demo: AWS) -> None:
    project, proxy = demo
    saved = plan(project)
    name = {"Key": "Name", "Value": "demo"}
    client(proxy, "ec2").create_vpc(
        CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [name]}]
    )
    proxy.forget()
    stale = project.converge("demo", plan=saved)
    assert_stale(stale, "VPC")
    assert "the plan says ec2:CreateVpc" in stale.result["msg"]
    assert "now it would be ec2:CreateTags" in stale.result["msg"]
    assert "Subnet" in stale.calls("blocked")
    assert not any("Subnet" in operation or "Tags" in operation for operation in proxy.writes)


def test_rule_08_other_parameters_are_another_write(demo: AWS) -> None:
    project, proxy = demo
    saved = plan(project)
    document = json.loads(Path(saved).read_text())
    (vpc,) = (call for call in document["calls"] if call["task"] == "VPC")
    vpc["writes"][0]["parameters"]["CidrBlock"] = "10.9.0.0/16"
    Path(saved).write_text(json.dumps(document))
    stale = project.converge("demo", plan=saved)
    assert_stale(stale, "VPC")
    assert not any("Vpc" in operation for operation in proxy.writes)


def test_rule_08_what_no_barrier_holds_is_asked_in_check_mode_first(demo: AWS) -> None:
    project, _proxy = demo
    project.converge("demo")
    saved = plan(project)
    word = project.folder / "word"
    word.write_text("changed by somebody")
    stale = project.converge("demo", plan=saved)
    assert_stale(stale, "File")
    assert word.read_text() == "changed by somebody"


def test_rule_08_a_call_that_the_plan_does_not_have_is_not_run(demo: AWS) -> None:
    project, proxy = demo
    saved = plan(project)
    project.role("demo", TASKS + "- name: Key\n  amazon.aws.kms_key: {alias: demo, state: present}\n")
    stale = project.converge("demo", plan=saved)
    assert_stale(stale, "Key")
    assert "it does not contain this call" in stale.result["msg"]
    assert not any("Key" in operation for operation in proxy.writes)


def test_rule_08_a_task_that_only_looks_is_not_held_to_the_plan(demo: AWS) -> None:
    project, proxy = demo
    looks = "- name: Look\n  amazon.aws.s3_bucket: {name: demo-bucket}\n  check_mode: true\n"
    project.role("demo", TASKS + looks)
    saved = plan(project)
    applied = project.converge("demo", plan=saved)
    assert applied.returncode == 0, applied.output
    assert not any("demo-bucket" in operation for operation in proxy.writes)


def test_rule_08_what_was_asked_in_check_mode_first_still_has_all_its_attempts(demo: AWS) -> None:
    project, _proxy = demo
    (project.folder / "word").write_text("first")
    repeated = """
- name: Patience
  ansible.builtin.replace: {path: "{{ demo_folder }}/word", regexp: absent}
  register: demo_patience
  until: demo_patience.attempts | default(0) >= 3
  retries: 3
  delay: 0
"""
    project.role("demo", repeated)
    saved = plan(project)
    applied = project.converge("demo", plan=saved)
    assert applied.returncode == 0, applied.output
    assert applied.calls("ok") == ["Patience"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", "is not a plan made by converge"),
        ("{", "is not a plan made by converge"),
        ('{"version": 0, "host": "demo-test", "state": "present", "calls": []}', "has version 0"),
        ('{"version": 2, "host": "other", "state": "present", "calls": []}', "is for other (state present)"),
        ('{"version": 2, "host": "demo-test", "state": "absent", "calls": []}', "is for demo-test (state absent)"),
        (None, "cannot be read: No such file"),
    ],
)
def test_rule_08_a_file_that_is_no_plan_of_this_is_refused(tmp_path: Path, content: str | None, says: str) -> None:
    saved = tmp_path / "saved.json"
    if content is not None:
        saved.write_text(content)
    with pytest.raises(AnsibleActionFail, match=re.escape(says)):
        saved_plan.read(str(saved), "demo-test", "present")


def test_rule_08_without_a_plan_nothing_is_written(demo: AWS) -> None:
    project, proxy = demo
    refused = project.converge("demo", plan=str(project.folder / "saved.json"))
    assert "cannot be read: No such file" in refused.result["msg"]
    assert proxy.writes == []
