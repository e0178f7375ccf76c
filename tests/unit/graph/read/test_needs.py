"""Rule 3: what a template reaches, without rendering it."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.read.needs import (
    ANYTHING,
    Reach,
    template_names,
    value_names,
)
from tests.support.playbook import Project


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{ vpc.vpc.id }}", {"vpc"}),
        ("{{ subnets.results | map(attribute='subnet.id') | list }}", {"subnets"}),
        ("{% for s in subnets %}{{ s }}{{ zone }}{% endfor %}", {"subnets", "zone"}),
        ("{{ vars['vpc'] }}", {"vars", "vpc"}),
        ("{{ hostvars[inventory_hostname].vpc }}", {"hostvars", "inventory_hostname", "vpc"}),
        ("{{ lookup('vars', 'vpc') }}", {"lookup", "vpc"}),
        ("{{ lookup('ansible.builtin.vars', name) }}", {"lookup", "name", ANYTHING}),
        ("plain text", set()),
        ("{{ broken", set()),
    ],
)
def test_rule_03_names_of_a_template(template: str, names: set[str]) -> None:
    assert template_names(template) == names


def test_rule_03_names_anywhere_inside_a_value() -> None:
    value = {"a": ["{{ one }}", {"{{ two }}": 3}], "b": ("{{ three }}",)}
    assert value_names(value) == {"one", "two", "three"}


def test_rule_03_reaches_through_other_variables() -> None:
    variables = {"subnet_ids": "{{ output }}", "output": "{{ subnets.results }}", "unrelated": "{{ other }}"}
    assert Reach(variables, {"subnets", "other"}).of({"subnet_ids"}) == {"subnets"}


def test_rule_03_a_variable_that_refers_to_itself_ends() -> None:
    assert Reach({"a": "{{ b }}", "b": "{{ a }} {{ vpc }}"}, {"vpc"}).of({"a"}) == {"vpc"}


def test_rule_03_a_result_hides_a_variable_of_its_name() -> None:
    assert Reach({"vpc": "{{ other }}"}, {"vpc", "other"}).of({"vpc"}) == {"vpc"}


def test_rule_03_what_an_assertion_claims_and_debug_shows_is_needed(project: Project) -> None:
    project.role(
        "asks",
        """
- name: Ask
  ansible.builtin.shell: sleep 0.5; echo yes
  register: asks_answer
- name: Check
  ansible.builtin.assert: {that: [asks_answer.stdout == 'yes']}
- name: Check in short
  ansible.builtin.assert: {that: asks_answer is defined}
- name: Show
  ansible.builtin.debug: {var: asks_answer.stdout}
""",
    )
    asked = project.converge("asks")
    assert asked.returncode == 0, asked.output
    assert "is undefined" not in asked.output
