"""A destroy stops before it deletes anything where it cannot know what is to be deleted."""

from __future__ import annotations

import pytest

from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Outcome, Project

AWS = tuple[Project, ApiProxy]
COMMAND = """
- name: Beside
  community.aws.sns_topic: {name: beside}
- name: Say the name
  ansible.builtin.command: {argv: [echo, orders]}
  register: demo_command
  changed_when: false
"""
THROUGH_A_FACT = """
- name: Remember it
  ansible.builtin.set_fact: {demo_fact: "{{ demo_command.stdout }}"}
- name: Topic
  community.aws.sns_topic: {name: "cr-{{ demo_fact }}"}
"""
BY_A_CONDITION = """
- name: Topic
  community.aws.sns_topic: {name: "cr-orders"}
  when: demo_command.stdout == 'orders'
"""
DIRECTLY = """
- name: Topic
  community.aws.sns_topic: {name: "cr-{{ demo_command.stdout }}"}
"""


def topics(proxy: ApiProxy) -> set[str]:
    return {each["TopicArn"].rpartition(":")[2] for each in client(proxy, "sns").list_topics()["Topics"]}


def destroy(aws: AWS, tasks: str, *arguments: str) -> Outcome:
    """Destroy what a role has made."""
    project, proxy = aws
    project.role("demo", tasks)
    applied = project.converge("demo")
    assert applied.returncode == 0, applied.output
    assert topics(proxy) == {"beside", "cr-orders"}
    proxy.forget()
    return project.converge("demo", state="absent", confirm="demo-test", arguments=arguments)


@pytest.mark.parametrize("tasks", [DIRECTLY, THROUGH_A_FACT, BY_A_CONDITION])
def test_rule_10_a_destroy_whose_names_come_from_a_command_stops_instead_of_finding_nothing(
    aws: AWS, tasks: str
) -> None:
    refused = destroy(aws, COMMAND + tasks)
    assert refused.returncode != 0
    message = refused.result["msg"]
    assert "nothing was deleted, because it cannot be known what these tasks have made" in message
    line = 8 + tasks[: tasks.index("- name: Topic")].count("\n")
    assert f"roles/demo/tasks/main.yml:{line}) needs demo_command of 'Say the name' (" in message
    assert "demo: Topic (" in message
    assert "Beside" not in message
    assert aws[1].writes == []


def test_rule_10_a_plan_of_such_a_destroy_stops_too(aws: AWS) -> None:
    refused = destroy(aws, COMMAND + DIRECTLY, "--check")
    assert "it cannot be known what these tasks have made" in refused.result["msg"]


def test_rule_10_a_command_that_says_that_it_only_reads_is_run_and_all_is_deleted(aws: AWS) -> None:
    destroyed = destroy(aws, COMMAND + "  check_mode: false\n" + DIRECTLY)
    assert destroyed.returncode == 0, destroyed.output
    assert topics(aws[1]) == set()


def test_rule_10_a_command_that_names_nothing_holds_nothing_up(aws: AWS) -> None:
    destroyed = destroy(aws, COMMAND + "- name: Other\n  community.aws.sns_topic: {name: cr-orders}\n")
    assert destroyed.returncode == 0, destroyed.output
    assert topics(aws[1]) == set()


def test_rule_10_a_pass_that_reads_runs_no_command(aws: AWS) -> None:
    project, _proxy = aws
    marker = project.folder / "marker"
    project.role("demo", f"- name: Run\n  ansible.builtin.command: {{argv: [touch, {marker}]}}\n" + COMMAND)
    destroyed = project.converge("demo", state="absent", confirm="demo-test")
    assert destroyed.returncode == 0, destroyed.output
    listed = project.run({"slipway.graph.orphans": {"roles": ["demo"], "tags": {"system": "demo"}}})
    assert listed.returncode == 0, listed.output
    assert not marker.exists()


def test_rule_10_what_cannot_be_read_behind_a_command_is_refused_as_anything_else(aws: AWS) -> None:
    project, proxy = aws
    project.role("demo", COMMAND + "- name: Other\n  amazon.aws.s3_bucket: {name: cr-orders}\n")
    project.converge("demo")
    proxy.forget()
    proxy.denied = {"rest:Get /cr-orders", "query:GetTopicAttributes"}
    refused = project.converge("demo", state="absent", confirm="demo-test")
    assert refused.returncode != 0
    assert "nothing was deleted, because what exists could not be read" in refused.result["msg"]
    assert proxy.writes == []


def test_rule_11_where_names_come_from_a_command_no_orphan_is_deleted(aws: AWS) -> None:
    project, proxy = aws
    tasks = COMMAND + DIRECTLY.replace('}"}', '}", tags: {system: demo}}')
    project.role("demo", tasks)
    assert project.converge("demo").returncode == 0
    proxy.forget()
    options = {"roles": ["demo"], "tags": {"system": "demo"}, "delete": True, "confirm": "demo-test"}
    refused = project.run({"slipway.graph.orphans": options})
    assert refused.returncode != 0
    assert "Missing: demo: Topic" in refused.result["msg"]
    assert proxy.writes == []
