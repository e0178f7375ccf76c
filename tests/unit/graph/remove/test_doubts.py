"""A destroy stops before it deletes anything where it cannot know what is to be deleted."""

from __future__ import annotations

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
DIRECTLY = """
- name: Topic
  community.aws.sns_topic: {name: "cr-{{ demo_command.stdout }}"}
"""
IN_EVERY_WAY = (
    COMMAND
    + DIRECTLY
    + """
- name: Remember it
  ansible.builtin.set_fact: {demo_fact: "{{ demo_command.stdout }}"}
- name: By a fact
  community.aws.sns_topic: {name: "cr-{{ demo_fact }}"}
- name: By a condition
  community.aws.sns_topic: {name: cr-orders}
  when: demo_command.stdout == 'orders'
"""
)


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


def test_rule_10_a_destroy_whose_names_come_from_a_command_stops_instead_of_finding_nothing(aws: AWS) -> None:
    refused = destroy(aws, IN_EVERY_WAY)
    project, proxy = aws
    planned = project.converge("demo", state="absent", arguments=("--check",))
    for outcome in (refused, planned):
        assert outcome.returncode != 0
        message = outcome.result["msg"]
        assert "nothing was deleted, because it cannot be known what these tasks have made" in message
        for line, name in ((9, "Topic"), (14, "By a fact"), (16, "By a condition")):
            assert f"demo: {name} (" in message
            assert f"roles/demo/tasks/main.yml:{line}) needs demo_command of 'Say the name' (" in message
        assert "Beside" not in message
    assert proxy.writes == []


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
    role = "- name: Other\n  community.aws.cloudwatchlogs_log_group: {log_group_name: demo}\n"
    project.role("demo", COMMAND + role)
    project.converge("demo")
    proxy.forget()
    proxy.denied = {"Logs_20140328:DescribeLogGroups"}
    refused = project.converge("demo", state="absent", confirm="demo-test")
    assert refused.returncode != 0
    assert "nothing was deleted, because the existing resources could not be read" in refused.result["msg"]
    assert "demo: Other (" in refused.result["msg"]
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
