"""Rule 2: lookups see what they see in a play."""

from __future__ import annotations

import copy

from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import KeepingEngine
from tests.support.playbook import Project

TASKS = """
- name: Write
  ansible.builtin.copy:
    content: "{{ lookup('ansible.builtin.template', 'greeting.j2', template_vars={'whom': greet_whom}) }}"
    dest: "{{ playbook_dir }}/said"
    mode: "0600"
  register: greet_said
- name: Read
  ansible.builtin.command: {cmd: "cat {{ lookup('ansible.builtin.vars', 'greet_path') }}"}
  register: greet_read
"""
VARIABLES = """
greet_whom: "{{ greet_name | upper }}"
greet_path: "{{ greet_said.dest }}"
"""


def test_rule_02_a_lookup_of_a_template_gets_variables_that_need_others(project: Project) -> None:
    project.role("greet", TASKS, defaults="greet_name: shop\n", vars=VARIABLES)
    template = project.folder / "roles/greet/templates/greeting.j2"
    template.parent.mkdir()
    template.write_text("hello {{ whom }} of {{ greet_name }}")
    outcome = project.converge("greet")
    assert outcome.returncode == 0, outcome.output
    assert (project.folder / "said").read_text() == "hello SHOP of shop"
    assert outcome.calls("changed") == ["Write", "Read"]


def test_rule_02_copying_variables_as_that_lookup_does_copies_no_engine() -> None:
    """It would copy the inventory and everything else that an engine reaches, too deep for Python in a large one."""
    engine = KeepingEngine(variables={})
    assert copy.deepcopy({"variables": engine})["variables"] is engine
