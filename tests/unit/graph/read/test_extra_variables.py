"""Rule 1 and 3: variables given with -e reach results like any other, and win over a result of their name."""

from __future__ import annotations

from tests.support.playbook import Project

TASKS = """
- name: First
  ansible.builtin.command: echo one
  register: demo_first
- name: Second
  ansible.builtin.command: "echo {{ demo_word }}"
  register: demo_second
"""


def test_rule_03_a_template_given_with_e_makes_an_edge(project: Project) -> None:
    project.role("demo", TASKS, defaults="demo_word: default")
    given = ("-e", '{"demo_word": "{{ demo_first.stdout }} and two"}')
    outcome = project.converge("demo", arguments=given, outputs="{{ demo_second.stdout }}")
    assert outcome.result["outputs"] == "one and two", outcome.output


def test_rule_01_a_variable_given_with_e_hides_a_result(project: Project) -> None:
    project.role("demo", TASKS, defaults="demo_word: '{{ demo_first.stdout }}'")
    given = ("-e", '{"demo_first": {"stdout": "given"}}')
    outcome = project.converge("demo", arguments=given, outputs="{{ demo_second.stdout }}")
    assert outcome.result["outputs"] == "given", outcome.output
