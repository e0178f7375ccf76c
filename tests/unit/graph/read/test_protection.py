"""`protect` is a boolean and nothing else, and that is said before anything is done."""

from __future__ import annotations

import typing as t

import pytest

from tests.support.playbook import Project

TASK = """
- name: First
  ansible.builtin.debug: {msg: first}
- name: Second
  ansible.builtin.debug: {msg: second}
  vars: {protect: %s}
"""
LOOP = """
- name: Loop
  ansible.builtin.debug: {msg: "{{ item.name }}"}
  loop: [{name: one, protect: true}, {name: two, protect: %s}]
  vars: {protect: "{{ item.protect }}"}
"""


@pytest.mark.parametrize(
    ("tasks", "inputs", "problem"),
    [
        (TASK % "'false'", {}, "must be true or false, not 'false' (str)"),
        (TASK % "[]", {}, "must be true or false, not [] (list)"),
        (TASK % "1", {}, "must be true or false, not 1 (int)"),
        (TASK % "", {}, "must be true or false, not None (nothing)"),
        (TASK % "'{{ demo_protect }}'", {"demo_protect": "false"}, "must be true or false, not 'false' (str)"),
        (TASK % "'{{ nowhere }}'", {}, "cannot be told: "),
        (LOOP % "'yes'", {}, "must be true or false, not 'yes' (str)"),
    ],
)
def test_rule_10_a_protect_that_is_no_boolean_is_refused_with_its_place(
    project: Project, tasks: str, inputs: dict[str, t.Any], problem: str
) -> None:
    project.role("demo", tasks)
    project.inventory(**inputs)
    refused = project.converge("demo")
    assert refused.returncode != 0
    line = "main.yml:2: Loop" if tasks.startswith("\n- name: Loop") else "main.yml:4: Second"
    assert f"roles/demo/tasks/{line}: `protect` {problem}" in refused.result["msg"]
    assert refused.journal == {}


@pytest.mark.parametrize("tasks", [TASK % "false", TASK % "true", TASK % "'{{ demo_protect }}'", LOOP % "false"])
def test_rule_10_a_boolean_is_one_wherever_it_comes_from(project: Project, tasks: str) -> None:
    project.role("demo", tasks, defaults="demo_protect: true")
    assert project.converge("demo").returncode == 0


def test_rule_10_protection_given_as_text_on_the_command_line_is_refused(project: Project) -> None:
    project.role("demo", TASK % "'{{ demo_protect }}'", defaults="demo_protect: true")
    refused = project.converge("demo", arguments=("-e", "demo_protect=false"))
    assert """On the command line a boolean is given as JSON: -e '{"<name>": true}'""" in refused.result["msg"]
