"""What a selection means to what deletes: nothing that was meant for a plan decides what goes."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Outcome, Project

AWS = tuple[Project, ApiProxy]

BASE = """
- name: Base
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16}
  register: base_vpc
"""
MIDDLE = """
- name: Middle
  amazon.aws.ec2_security_group: {name: middle, description: demo, vpc_id: "{{ base_vpc.vpc.id }}"}
  register: middle_group
"""
TOP = """
- name: Top
  amazon.aws.ec2_security_group:
    name: top
    description: demo
    vpc_id: "{{ base_vpc.vpc.id }}"
    rules: [{proto: tcp, ports: 80, group_id: "{{ middle_group.group_id }}"}]
  register: top_group
"""
BESIDE = "- name: Beside\n  community.aws.sns_topic: {name: beside}\n"
ROLES = {"base": BASE, "middle": MIDDLE, "top": TOP, "beside": BESIDE}


@pytest.fixture
def floors(aws: AWS) -> AWS:
    """An account in which the role top stands on middle, both on base, and beside on nothing."""
    project, _proxy = aws
    for name, tasks in ROLES.items():
        project.role(name, tasks)
    applied = project.converge(*ROLES)
    assert applied.returncode == 0, applied.output
    return aws


def left(proxy: ApiProxy) -> set[str]:
    """The roles of which something is there."""
    ec2 = client(proxy, "ec2")
    groups = {each["GroupName"] for each in ec2.describe_security_groups()["SecurityGroups"]} & {"middle", "top"}
    base = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["demo"]}])["Vpcs"]
    topics = client(proxy, "sns").list_topics()["Topics"]
    return groups | ({"base"} if base else set()) | ({"beside"} if topics else set())


def destroy(project: Project, *arguments: str, **options: t.Any) -> Outcome:
    return project.converge(*ROLES, arguments=arguments, state="absent", **{"confirm": project.host, **options})


def test_rule_10_only_destroys_what_needs_the_named_roles_and_never_what_they_need(floors: AWS) -> None:
    project, proxy = floors
    planned = {
        role: {call["role"] for call in destroy(project, "--check", only=[role]).journal["calls"]} for role in ROLES
    }
    assert planned == {
        "base": {"base", "middle", "top"}, "middle": {"middle", "top"}, "top": {"top"}, "beside": {"beside"},
    }  # fmt: skip
    refused = destroy(project, only=["base"], confirm="")
    said = " ".join(refused.output.split())
    assert "of 4 tasks, 3 are destroyed: these roles and what needs them (middle, top)" in said
    assert "this would delete 3 resources" in refused.result["msg"]
    destroyed = destroy(project, only=["middle"])
    assert destroyed.returncode == 0, destroyed.output
    assert left(proxy) == {"base", "beside"}


def test_rule_10_only_of_a_role_that_is_not_there_is_refused(aws: AWS) -> None:
    project, proxy = aws
    for name, tasks in ROLES.items():
        project.role(name, tasks)
    refused = destroy(project, only=["basis"])
    assert "only: unknown role basis" in refused.result["msg"]
    assert proxy.operations == []


@pytest.mark.parametrize(("tags", "left_out"), [(("--tags", "slow"), 3), (("--skip-tags", "slow"), 1)])
def test_rule_10_destroy_takes_no_tags(aws: AWS, tags: tuple[str, str], left_out: int) -> None:
    project, proxy = aws
    for name, tasks in {**ROLES, "beside": BESIDE + "  tags: [slow]\n"}.items():
        project.role(name, tasks)
    task = {"slipway.graph.converge": {"roles": [*ROLES], "state": "absent", "confirm": project.host}}
    refused = project.run({**task, "tags": ["always"]}, *tags)
    assert refused.returncode != 0
    assert f"destroy does not take {' '.join(tags)}, which leaves out {left_out} tasks" in refused.result["msg"]
    assert "tags select what is planned and applied, never what is deleted" in refused.result["msg"]
    assert proxy.operations == []


def test_rule_10_tags_that_leave_nothing_out_are_no_selection(aws: AWS) -> None:
    project, _proxy = aws
    project.role("top", "- name: Rare\n  community.aws.sns_topic: {name: rare}\n  tags: [never, rare]\n" + BESIDE)
    options = {"roles": ["top"], "state": "absent", "confirm": project.host}
    destroyed = project.run({"slipway.graph.converge": options}, "--skip-tags", "molecule-notest,notest")
    assert destroyed.returncode == 0, destroyed.output


TAGS = {"system": "demo", "environment": "test"}
TAGGED = """
- name: Kept
  community.aws.sns_topic: {name: kept, tags: {system: demo, environment: test}}
- name: Slow
  community.aws.sns_topic: {name: slow, tags: {system: demo, environment: test}}
  tags: [slow]
"""


@pytest.mark.parametrize("selection", [("--skip-tags", "slow"), ("--tags", "slow"), ()])
def test_rule_11_what_a_selection_leaves_out_is_no_orphan(aws: AWS, selection: tuple[str, ...]) -> None:
    project, proxy = aws
    project.role("demo", TAGGED)
    only = {} if selection else {"only": ["demo"]}
    options = {"roles": ["demo"], "tags": TAGS, "delete": True, "confirm": project.host, **only}
    refused = project.run({"slipway.graph.orphans": options, "tags": ["always"]}, *selection)
    assert refused.returncode != 0
    assert f"orphans does not take {' '.join(selection) or 'only (demo)'}" in refused.result["msg"]
    assert proxy.operations == []


PLAYBOOKS = Path(__file__).parents[4] / "playbooks"


@pytest.mark.parametrize(
    ("playbook", "module", "options"),
    [
        ("destroy", "slipway.graph.converge", {"only", "plan", "confirm"}),
        ("orphans", "slipway.graph.orphans", {"only", "confirm"}),
    ],
)
def test_rule_10_no_option_given_to_a_playbook_that_deletes_is_ignored(
    playbook: str, module: str, options: set[str]
) -> None:
    (play,) = yaml.safe_load((PLAYBOOKS / f"{playbook}.yml").read_text())
    # Or Ansible itself would leave out the task that refuses tags, and end well.
    assert play["tags"] == ["always"]
    tasks = [task for each in play["tasks"] for task in each.get("block", [each])]
    given = next(task[module] for task in tasks if module in task)
    assert {name for name in options if name not in str(given.get(name))} == set()
