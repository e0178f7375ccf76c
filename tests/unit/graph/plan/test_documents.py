"""Rule 7: the plan as documents, and with ``--diff`` the values before and after, against an emulator."""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from tests.support import emulators
from tests.support.api_proxy import ApiProxy
from tests.support.playbook import Outcome, Project

AWS = tuple[Project, ApiProxy]

DATA = """
- name: VPC
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16, tags: {team: "{{ team }}"}}
- name: Network
  amazon.aws.ec2_vpc_net: {name: apart, cidr_block: 10.1.0.0/16}
  register: data_network
- name: Subnets
  amazon.aws.ec2_vpc_subnet: {vpc_id: "{{ data_network.vpc.id }}", cidr: "{{ item }}"}
  loop: [10.1.0.0/24, 10.1.1.0/24]
  register: data_subnets
- name: Database subnets
  amazon.aws.rds_subnet_group:
    {name: demo, description: demo, state: present,
     subnets: "{{ data_subnets.results | map(attribute='subnet.id') | list }}"}
  register: data_subnet_group
- name: Bucket
  amazon.aws.s3_bucket: {name: demo-bucket, versioning: "{{ versioning }}"}
- name: Logs
  community.aws.cloudwatchlogs_log_group: {log_group_name: demo, retention: "{{ days }}"}
- name: Database
  amazon.aws.rds_instance:
    {db_instance_identifier: demo, engine: mysql, db_instance_class: "{{ size }}", allocated_storage: 20,
     master_username: admin, master_user_password: "{{ password }}", state: present,
     force_update_password: "{{ force | default(false) }}",
     db_subnet_group_name: "{{ data_subnet_group.subnet_group.name }}", backup_retention_period: 0, wait: false}
- name: Parameter
  community.aws.ssm_parameter:
    {name: /demo/word, string_type: SecureString, value: "{{ word }}", overwrite_value: always}
- name: File
  ansible.builtin.copy: {content: "team {{ team }}\\n", dest: "{{ folder }}/team", mode: "0600"}
"""
BEFORE = {"team": "blue", "versioning": False, "days": 30, "size": "db.t3.small", "password": "first-planted-secret",
          "word": "first-planted-word"}  # fmt: skip
AFTER = {"team": "red", "versioning": True, "days": 7, "size": "db.t3.large", "password": "next-planted-secret",
         "word": "next-planted-word", "force": True}  # fmt: skip
FILES = ("journal.json", "plan.json", "plan.md", "report.html")


class Planned(t.NamedTuple):
    """What a plan returned, and the documents that it left."""

    outcome: Outcome
    documents: dict[str, str]
    writes: list[str]


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory, moto: str) -> dict[str, Planned]:
    """Plans of other values on an account that was made with the first ones: twice with differences, once without."""
    emulators.reset_moto(moto)
    with ApiProxy(moto) as proxy:
        project = Project(tmp_path_factory.mktemp("documents"), proxy.url)
        project.role("data", DATA)
        project.inventory(**BEFORE, folder=str(project.folder))
        made = project.converge("data")
        assert made.returncode == 0, made.output
        project.inventory(**AFTER, folder=str(project.folder))
        ways = {"with": ("--check", "--diff"), "again": ("--check", "--diff"), "without": ("--check",)}
        return {name: _plan(project, proxy, arguments) for name, arguments in ways.items()}


def _plan(project: Project, proxy: ApiProxy, arguments: tuple[str, ...]) -> Planned:
    proxy.forget()
    outcome = project.converge("data", arguments=arguments)
    assert outcome.returncode == 0, outcome.output
    return Planned(outcome, {name: (project.folder / name).read_text() for name in FILES}, list(proxy.writes))


def test_rule_07_differences_show_what_was_before_and_hide_secrets(plans: dict[str, Planned]) -> None:
    planned, documents, writes = plans["with"]
    assert writes == []
    found = {call["task"]: call["diff"] for call in planned.journal["calls"]}
    assert {"name": "Tags.team", "before": "blue", "after": "red"} in found["VPC"], planned.output
    assert found["Bucket"] == [{"name": "VersioningConfiguration.Status", "after": "Enabled"}]
    assert found["Logs"] == [{"name": "retentionInDays", "before": 30, "after": 7}]
    assert {"name": "DBInstanceClass", "before": "db.t3.small", "after": "db.t3.large"} in found["Database"]
    assert found["File"][0]["before"] == "team blue\n"
    assert "    ~ DBInstanceClass: db.t3.small -> db.t3.large\n" in planned.output
    written = "".join(documents.values())
    assert not re.findall("(?:first|next)-planted-(?:secret|word)", planned.output + written)


def test_rule_07_without_diff_no_old_value_is_kept(plans: dict[str, Planned]) -> None:
    planned = plans["without"]
    assert [call["diff"] for call in planned.outcome.journal["calls"]] == [[]] * 10
    assert "db.t3.small" not in planned.documents["plan.json"]


def test_rule_07_the_plan_is_a_document_that_says_the_same_each_time(plans: dict[str, Planned]) -> None:
    documents = [json.loads(plans[name].documents["plan.json"]) for name in ("with", "again")]
    assert all(document.pop("made_at") and document.pop("began_at") for document in documents)
    assert documents[0] == documents[1]
    assert documents[0]["version"] == 2
    assert [call["key"] for call in documents[0]["calls"]][:5] == [
        "data/VPC", "data/Network", "data/Subnets [10.1.0.0/24]", "data/Subnets [10.1.1.0/24]", "data/Database subnets",
    ]  # fmt: skip
    logs = next(call for call in documents[0]["calls"] if call["task"] == "Logs")
    assert logs["status"] == "planned"
    assert logs["writes"] == [
        {"service": "logs", "operation": "PutRetentionPolicy",
         "parameters": {"logGroupName": "demo", "retentionInDays": 7}},
    ]  # fmt: skip


def test_rule_07_the_summary_is_markdown(plans: dict[str, Planned]) -> None:
    text = plans["without"].documents["plan.md"]
    assert text.startswith("**demo-test**: 6 to change, 4 unchanged\n")
    assert '+ data: Logs: logs:PutRetentionPolicy {"logGroupName": "demo", "retentionInDays": 7}' in text


def test_rule_15_a_run_leaves_its_report(plans: dict[str, Planned]) -> None:
    text = plans["with"].documents["report.html"]
    assert "6 to change, 4 unchanged" in text
    assert "~ DBInstanceClass: db.t3.small -&gt; db.t3.large" in text


def test_rule_07_an_apply_leaves_no_plan_and_a_journal_of_another_name_lends_it(aws: AWS) -> None:
    project, _proxy = aws
    project.role("data", "- {name: Topic, community.aws.sns_topic: {name: demo}}")
    project.converge("data", journal=str(project.folder / "runs" / "first.json"))
    assert {path.name for path in (project.folder / "runs").iterdir()} == {"first.json", "first.report.html"}


def test_rule_14_the_critical_path_is_said_when_asked(aws: AWS) -> None:
    project, _proxy = aws
    project.role(
        "chain",
        """
- name: Key
  amazon.aws.kms_key: {alias: demo}
  register: chain_key
- name: Topic
  community.aws.sns_topic: {name: demo, display_name: "{{ chain_key.key_id }}"}
- name: Apart
  community.aws.sns_topic: {name: apart}
""",
    )
    made = project.converge("chain", arguments=("-v",))
    assert made.returncode == 0, made.output
    assert [call["title"] for call in made.journal["critical_path"]] == ["chain: Key", "chain: Topic"]
    assert re.search(r"Critical path, \d+\.\d s:\n +\d+\.\d s  chain: Key\n +\d+\.\d s  chain: Topic\n", made.output)
    assert [step["needs"] for step in made.journal["graph"]] == [[], [0], []]
