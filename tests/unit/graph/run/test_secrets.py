"""Rule 17: a secret is in no output, journal, plan, report or process list, wherever it comes from."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import psutil
import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.read import modules
from ansible_collections.slipway.graph.plugins.plugin_utils.run.secrets import Secrets
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import barrier, hidden
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.background import repeatedly
from tests.support.playbook import Outcome, Project

AWS = tuple[Project, ApiProxy]

FROM_AWS = "planted-in-secrets-manager-4711"
OF_AN_OPTION = "planted-in-an-option-4712"
OF_A_VARIABLE = "planted-in-a-variable-4713"
IN_AN_ERROR = "planted-in-an-error-4714"
OF_THE_CALLER = "planted-in-the-environment-4718"
OF_A_HIDDEN_ITEM = "planted-in-a-hidden-item-4719"
PLANTED = (FROM_AWS, OF_AN_OPTION, OF_A_VARIABLE, IN_AN_ERROR, OF_THE_CALLER, OF_A_HIDDEN_ITEM)

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
- name: Hide items and their labels
  community.aws.ssm_parameter: {name: "/demo/{{ item.name }}", value: "{{ item.value }}"}
  loop: "{{ demo_items }}"
  loop_control: {label: "{{ item.name }} {{ item.value }}"}
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
        demo_option=OF_AN_OPTION, demo_variable=OF_A_VARIABLE, demo_error=IN_AN_ERROR, folder=str(project.folder),
        demo_items=[{"name": "first", "value": OF_A_HIDDEN_ITEM}],
    )  # fmt: skip
    project.environment["AWS_SECRET_ACCESS_KEY"] = OF_THE_CALLER
    return aws


def assert_hidden(project: Project, outcome: Outcome, processes: set[str]) -> None:
    left = [path for path in Path(project.folder).glob("*.*") if path.name != "hosts.yml"]
    assert {"journal.json", "report.html"} <= {path.name for path in left}
    for secret in PLANTED:
        assert secret not in outcome.output
        assert not [line for line in processes if secret in line]
        assert [path.name for path in left if secret in path.read_text()] == []


@pytest.mark.parametrize("arguments", [("-vvvv",), ("-vvv", "--check"), ("-vvvv", "--check", "--diff"), ("--diff",)])
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


OF_AN_ITEM = "Planted-in-an-item-4715"
WITH_QUOTES = 'planted "with" quotes & signs 4716'
OF_A_LITERAL = "pl4nted"


def test_the_value_of_a_secret_option_is_in_no_label(aws: AWS) -> None:
    project, _proxy = aws
    project.module("demo", "talk", TALKATIVE)
    project.role(
        "demo",
        """
- name: Make
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16}
  register: demo_vpc
- name: Talk of a loop
  talk: {password: "{{ item.text }}", how: "{{ item.how }}"}
  loop: "{{ demo_items }}"
- name: Not run
  talk: {password: "{{ item.text }}"}
  loop: "{{ demo_items }}"
  when: item.name == 'none'
- name: Wait for what is unknown
  talk: {password: "{{ item.text }}", how: "{{ demo_vpc.vpc.id }}"}
  loop: "{{ demo_items }}"
""",
    )
    project.inventory(
        demo_items=[
            {"name": "first", "text": OF_AN_ITEM, "how": "say"},
            {"name": "second", "text": WITH_QUOTES, "how": "fail"},
            {"name": "third", "text": OF_A_LITERAL, "how": "crash"},
        ]
    )
    for arguments in (("--check", "-vvv"), ("-vvv",)):
        outcome = project.converge("demo", arguments=arguments)
        items = [call["item"] for call in outcome.journal["calls"] if call["task"] == "Talk of a loop"]
        assert {json.loads(item)["name"] for item in items} == {"first", "second", "third"}
        for secret in (OF_AN_ITEM, WITH_QUOTES, json.dumps(WITH_QUOTES)[1:-1], OF_A_LITERAL):
            assert secret not in outcome.output
            assert [path.name for path in project.folder.glob("*.*") if path.name != "hosts.yml"
                    and secret in path.read_text()] == []  # fmt: skip


def test_what_a_hidden_task_returned_is_in_no_label(aws: AWS) -> None:
    project, proxy = aws
    client(proxy, "secretsmanager").create_secret(Name="planted", SecretString=f'{{"password": "{FROM_AWS}"}}')
    project.role(
        "demo",
        """
- name: Read
  slipway.aws.secretsmanager_secret_value_info: {secret_id: planted}
  register: demo_read
  no_log: true
- name: Loop over it
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: "{{ item.cidr }}"}
  loop:
    - {cidr: 10.0.0.0/16, key: "{{ demo_read.fields.password }}"}
""",
    )
    for arguments in (("--check", "-vvv"), ("-vvv",)):
        outcome = project.converge("demo", arguments=arguments)
        assert FROM_AWS not in outcome.output
        (item,) = [call["item"] for call in outcome.journal["calls"] if call["task"] == "Loop over it"]
        assert json.loads(item)["cidr"] == "10.0.0.0/16"
        left = [path for path in project.folder.glob("*.*") if path.name != "hosts.yml"]
        assert [path.name for path in left if FROM_AWS in path.read_text()] == []


def test_a_saved_plan_that_hides_a_secret_can_be_applied(aws: AWS) -> None:
    project, proxy = aws
    client(proxy, "secretsmanager").create_secret(Name="planted", SecretString=f'{{"password": "{FROM_AWS}"}}')
    project.role(
        "demo",
        """
- name: Read
  slipway.aws.secretsmanager_secret_value_info: {secret_id: planted}
  register: demo_read
  no_log: true
- name: Pass on
  amazon.aws.ec2_vpc_net:
    name: demo
    cidr_block: "{{ cidr | default('10.0.0.0/16') }}"
    tags: {whole: "{{ demo_read.fields.password }}", part: "x-{{ demo_read.fields.password }}"}
""",
    )
    project.converge("demo", arguments=("--check",))
    plan = str(project.folder / "plan.json")
    assert FROM_AWS not in (project.folder / "plan.json").read_text()
    stale = project.converge("demo", plan=plan, arguments=("-e", "cidr=10.1.0.0/16"))
    assert "the plan is stale" in stale.result["msg"]
    assert FROM_AWS not in stale.output
    assert project.converge("demo", plan=plan).returncode == 0


@pytest.mark.parametrize("hides", ["true", "false"])
@pytest.mark.parametrize("loop", ["demo_variable", "demo_look.stdout"])
def test_a_loop_that_is_none_shows_nothing_of_what_it_is(project: Project, loop: str, hides: str) -> None:
    project.role(
        "demo",
        f"""
- {{name: Look, ansible.builtin.command: "echo {{{{ demo_variable }}}}", register: demo_look, no_log: true}}
- {{name: Loop, ansible.builtin.stat: {{path: "/{{{{ item }}}}"}}, loop: "{{{{ {loop} }}}}", no_log: {hides}}}
""",
    )
    project.inventory(demo_variable=OF_A_VARIABLE)
    outcome = project.converge("demo", arguments=("-vvv",))
    assert outcome.returncode != 0
    assert "`loop` must be a list, not str" in outcome.output or "hidden by no_log" in outcome.output
    assert OF_A_VARIABLE not in outcome.output
    assert OF_A_VARIABLE not in json.dumps(outcome.journal)


@pytest.mark.parametrize(
    "secret", ["simple-1234", 'with "quotes" \\ and\nlines', "with spaces & signs/+?", "ümläut-1234"]
)
def test_a_secret_is_hidden_in_every_spelling_that_it_gets(secret: str) -> None:
    spelled = [secret, json.dumps({"password": secret}), quote(secret, safe=""), f"x={quote_plus(secret)}&y"]
    spelled += [json.dumps(secret, ensure_ascii=False), base64.b64encode(secret.encode()).decode()]
    shown = json.dumps(hidden.without({"values": spelled, "nested": [{"a": secret}]}, {secret}), ensure_ascii=False)
    assert [text for text in hidden.spellings(secret) if text in shown] == []


def test_contents_that_hold_a_secret_are_not_even_told_by_their_digest() -> None:
    seam = barrier.Seam()
    seam.secrets = lambda: {"planted-4717"}
    described = [seam._described(b"the key is planted-4717."), seam._described(b"a file")]
    assert described == ["24 bytes, hidden by no_log", "6 bytes, sha256 7365d029861e32c5"]


@pytest.mark.parametrize(
    "spec",
    [
        'argument_spec = dict(name=dict(), token=dict(type="str", no_log=True))',
        'argument_spec = {"name": {"type": "str"}, "token": {"no_log": True, "type": "str"}}',
        'argument_spec = dict(users=dict(type="list", options=dict(token=dict(choices=list("ab"), no_log=True))))',
        'spec["other"] = 1\nargument_spec = {"token": dict(no_log=True)}',
    ],
)
def test_the_secret_options_of_a_module_are_found_however_they_are_written(tmp_path: Path, spec: str) -> None:
    (tmp_path / "module.py").write_text(f"{spec}\nkey = dict(no_log=False)\n")
    assert modules.secret_options(str(tmp_path / "module.py")) == {"token"}
