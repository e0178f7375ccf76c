"""Bad input: one clear message that names file, key and what is allowed, before any call."""

from __future__ import annotations

import pytest

from tests.support.playbook import Outcome, Project

SPEC = """
argument_specs:
  main:
    options:
      net_cidr: {type: str, required: true, description: x}
      net_zones: {type: list, elements: str, description: x}
      net_count: {type: int, description: x}
      net_mode: {type: str, choices: [none, single, per_az], description: x}
      net_rules: {type: list, elements: dict, description: x, options: {port: {type: int, required: true}}}
"""


@pytest.fixture
def net(project: Project) -> Project:
    project.role(
        "net",
        """
- {name: Check, ansible.builtin.import_tasks: validate.yml}
- {name: Do, ansible.builtin.command: {cmd: touch done, chdir: "{{ playbook_dir }}"}, register: net_done}
""",
        defaults="{net_count: 1, net_mode: none}",
        meta=SPEC,
        validate="""
- name: The count fits
  ansible.builtin.assert:
    that: net_count | int < 4
    fail_msg: "net_count: {{ net_count }} is too many; at most 3"
""",
    )
    return project


def problems(net: Project, **inputs: object) -> str:
    net.inventory(**({"net_cidr": "10.0.0.0/16"} | inputs))
    outcome: Outcome = net.converge("net", region="eu-central-1")
    assert outcome.returncode != 0, outcome.output
    assert not (net.folder / "done").exists()
    return str(outcome.result.get("msg", outcome.output))


def test_good_input_passes(net: Project) -> None:
    net.inventory(net_cidr="10.0.0.0/16", net_rules=[{"port": 80}])
    assert net.converge("net").returncode == 0


def test_a_wrong_type_names_file_line_key_and_type(net: Project) -> None:
    message = problems(net, net_count="many")
    assert "hosts.yml" in message
    assert "net_count" in message
    assert 'net_count: "many" is not an int; allowed: a whole number' in message


def test_a_wrong_choice_says_what_is_allowed(net: Project) -> None:
    assert "net_mode" in (message := problems(net, net_mode="some"))
    assert "is none of the choices; allowed: none, single, per_az" in message


def test_a_missing_input_is_named(net: Project) -> None:
    net.inventory()
    assert "net: net_cidr is missing; allowed: text" in net.converge("net").result["msg"]


def test_an_unknown_key_is_found_and_the_right_one_suggested(net: Project) -> None:
    message = problems(net, net_cird="10.0.0.0/16")
    assert "net_cird: the role net has no such input; did you mean net_cidr?" in message


def test_a_wrong_suboption_is_found(net: Project) -> None:
    assert "port" in problems(net, net_rules=[{"port": "http"}])


def test_an_input_that_nobody_provides_is_named(net: Project) -> None:
    message = problems(net, net_zones="{{ other_role_zones }}")
    assert "net_zones" in message
    assert "no variable and no role in the list provides other_role_zones" in message


def test_asserts_over_inputs_are_decided_before_anything_runs(net: Project) -> None:
    message = problems(net, net_count=9)
    assert "net_count: 9 is too many; at most 3" in message
    assert "hosts.yml" in message


def test_all_mistakes_are_reported_at_once(net: Project) -> None:
    message = problems(net, net_count="many", net_mode="some", net_cird="x")
    assert len(message.splitlines()) >= 3


def test_an_unknown_region_is_refused_with_near_ones(net: Project) -> None:
    net.inventory(net_cidr="10.0.0.0/16")
    message = net.converge("net", region="eu-centrl-1").result["msg"]
    assert "there is no Region 'eu-centrl-1'; did you mean eu-central-1" in message


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_an_unknown_region_in_the_tasks_environment_is_refused_too(net: Project, name: str) -> None:
    net.inventory(net_cidr="10.0.0.0/16")
    task = {"slipway.graph.validate": {"roles": ["net"]}, "environment": {name: "eu-centrl-1"}}
    assert "there is no Region 'eu-centrl-1'; did you mean eu-central-1" in net.run(task).result["msg"]
    task["environment"] = {name: "eu-central-1"}
    assert net.run(task).returncode == 0


def test_an_unreachable_endpoint_says_what_to_check(net: Project) -> None:
    net.inventory(net_cidr="10.0.0.0/16")
    outcome = net.converge("net", account="123456789012")
    assert outcome.returncode != 0
    assert "http://127.0.0.1:9" in outcome.result["msg"]
    assert "Nothing was written" in outcome.result["msg"]
    assert not (net.folder / "done").exists()


@pytest.mark.parametrize("account", ["12345", "0123456789ab", "1234567890123"])
def test_what_is_no_account_is_refused_before_anybody_is_asked(net: Project, account: str) -> None:
    net.inventory(net_cidr="10.0.0.0/16")
    for module in ("converge", "validate"):
        outcome = net.run({f"slipway.graph.{module}": {"roles": ["net"], "account": account}})
        assert f"account: {account} is no account" in outcome.result["msg"]
        assert "allowed: 12 digits" in outcome.result["msg"]


@pytest.mark.parametrize("module", ["converge", "validate"])
def test_a_list_of_no_roles_is_refused(net: Project, module: str) -> None:
    net.inventory(net_cidr="10.0.0.0/16")
    outcome = net.run({f"slipway.graph.{module}": {"roles": []}})
    assert "roles lists nothing" in outcome.result["msg"]
    assert "at least one" in outcome.result["msg"]
