"""Rule 17: a secret is in no output, journal, plan, report or process list, wherever it comes from."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.run.secrets import Secrets
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.background import repeatedly
from tests.support.playbook import Outcome, Project

AWS = tuple[Project, ApiProxy]

FROM_AWS = "planted-in-secrets-manager-4711"
OF_AN_OPTION = "planted-in-an-option-4712"
OF_A_VARIABLE = "planted-in-a-variable-4713"
IN_AN_ERROR = "planted-in-an-error-4714"
PLANTED = (FROM_AWS, OF_AN_OPTION, OF_A_VARIABLE, IN_AN_ERROR)

TALKATIVE = """
from ansible.module_utils.basic import AnsibleModule
import os, time

def main():
    module = AnsibleModule(dict(password=dict(no_log=True), how=dict()), supports_check_mode=True)
    password = module.params["password"]
    time.sleep(0.5)
    if module.params["how"] == "fail":
        module.fail_json(msg="the password " + password + " is wrong", detail=[password])
    if module.params["how"] == "crash":
        raise RuntimeError("cannot use " + password)
    module.exit_json(changed=True, echo=password)

if __name__ == "__main__":
    main()
"""
TASKS = """
- name: Database
  amazon.aws.rds_instance:
    {db_instance_identifier: demo, engine: mysql, db_instance_class: db.t3.micro, allocated_storage: 20,
     master_username: admin, master_user_password: "{{ demo_option }}", state: present, backup_retention_period: 0}
- name: Read
  slipway.aws.secretsmanager_secret_value_info: {secret_id: planted}
  register: demo_read
  no_log: true
- name: Pass on to an option that is not marked
  amazon.aws.ec2_vpc_net:
    name: demo
    cidr_block: 10.0.0.0/16
    tags: {password: "{{ demo_read.fields.password }}", user: "{{ demo_read.fields.username }}"}
- name: Hide all of it
  community.aws.ssm_parameter: {name: "/demo", value: "{{ demo_variable }}", description: "{{ demo_variable }}"}
  no_log: true
- name: Fail
  talk: {password: "{{ demo_error }}", how: fail}
- name: Crash
  talk: {password: "{{ demo_error }}", how: crash}
- name: Render
  ansible.builtin.copy: {content: "{{ demo_variable }}", dest: "{{ folder }}/none/none"}
  no_log: true
"""


@contextlib.contextmanager
def processes_seen() -> Iterator[set[str]]:
    """The arguments of every process meanwhile."""
    seen: set[str] = set()

    def look() -> None:
        seen.update(" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))

    with repeatedly(look, pause=0.05):
        yield seen


@pytest.fixture
def planted(aws: AWS) -> AWS:
    """Secrets in a variable, an option, Secrets Manager and an error."""
    project, proxy = aws
    secret = f'{{"username": "transactions", "password": "{FROM_AWS}"}}'
    client(proxy, "secretsmanager").create_secret(Name="planted", SecretString=secret)
    # From a file of variables, as a vault would be: what is written in a playbook, Ansible itself quotes in errors.
    project.module("demo", "talk", TALKATIVE)
    project.role("demo", TASKS)
    project.inventory(
        demo_option=OF_AN_OPTION, demo_variable=OF_A_VARIABLE, demo_error=IN_AN_ERROR, folder=str(project.folder)
    )
    return aws


def assert_hidden(project: Project, outcome: Outcome, processes: set[str]) -> None:
    left = [path for path in Path(project.folder).glob("*.*") if path.name != "hosts.yml"]
    assert {"journal.json", "report.html"} <= {path.name for path in left}
    for secret in PLANTED:
        assert secret not in outcome.output
        assert not [line for line in processes if secret in line]
        assert [path.name for path in left if secret in path.read_text()] == []


@pytest.mark.parametrize("arguments", [("-vvv",), ("-vvv", "--check"), ("-vvv", "--check", "--diff"), ("--diff",)])
def test_rule_17_planted_secrets_are_nowhere(planted: AWS, arguments: tuple[str, ...]) -> None:
    project, _proxy = planted
    with processes_seen() as processes:
        outcome = project.converge("demo", arguments=arguments)
    assert "Fail" in outcome.calls("failed")
    assert "the password ******** is wrong" in outcome.output
    assert_hidden(project, outcome, processes)
    if "--check" in arguments:
        vpc = next(call for call in outcome.journal["calls"] if call["task"].startswith("Pass on"))
        tags = {tag["Key"]: tag["Value"] for tag in vpc["writes"][0]["parameters"]["TagSpecifications"][0]["Tags"]}
        # A word that a secret also holds would be hidden in every name it is part of.
        assert tags["user"] == "transactions"


def test_rule_17_of_a_failure_that_no_log_hides_the_code_is_told(aws: AWS) -> None:
    project, _proxy = aws
    project.role(
        "demo",
        "- name: Read\n  slipway.aws.secretsmanager_secret_value_info: {secret_id: nothing}\n  no_log: true\n",
    )
    outcome = project.converge("demo")
    hidden = "the output is hidden by no_log; secretsmanager:GetSecretValue failed with ResourceNotFoundException"
    assert hidden in outcome.result["msg"]


@pytest.mark.parametrize("value", ["0123456789abcdef", "longer than sixteen characters", "s3cretpw"])
def test_rule_17_what_a_hidden_task_returns_is_a_secret(value: str) -> None:
    secrets = Secrets()
    secrets.learn({"changed": False, "nested": [{"password": value}]})
    assert value not in str(secrets.hide([{"tags": f"before {value} after"}]))


@pytest.mark.parametrize(
    "value", ["transactions", "admin", "eu-west", "arn:aws:secretsmanager:eu-central-1:1:secret:x"]
)
def test_rule_17_ordinary_words_are_none(value: str) -> None:
    secrets = Secrets()
    secrets.learn({"fields": {"username": value}, "invocation": {"secret_id": "a-name-of-some-length"}})
    assert secrets.hide(value) == value
    assert secrets.hide("a-name-of-some-length") == "a-name-of-some-length"


def test_rule_17_a_plan_does_not_show_the_value_that_a_secret_would_get(aws: tuple[Project, ApiProxy]) -> None:
    project, _proxy = aws
    project.role(
        "demo",
        """
- name: Secret
  slipway.aws.secretsmanager_generated_secret: {name: demo, generate: password, fields: {username: demo}}
""",
    )
    planned = project.converge("demo", arguments=("--check", "--diff", "-vvv"))
    (call,) = json.loads((project.folder / "plan.json").read_text())["calls"]
    (write,) = call["writes"]
    assert write["operation"] == "CreateSecret"
    value = json.loads(write["parameters"]["SecretString"])
    assert value["username"] == "demo"
    assert set(value["password"]) == {"*"}
    assert planned.returncode == 0
