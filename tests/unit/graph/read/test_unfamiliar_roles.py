"""Rules 1 and 2: roles that the engine has not seen before run and give what plain Ansible gives."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.support.playbook import Project

SAVE = """
- name: Save what was found
  ansible.builtin.copy:
    content: "{{ %s | to_json }}"
    dest: "{{ folder }}/found.json"
    mode: "0600"
"""

ROLES: dict[str, dict[str, str]] = {
    "a loop over results": {
        "tasks": """
- name: First
  ansible.builtin.command: {argv: [echo, "{{ item }}"]}
  loop: [a, b]
  changed_when: false
  register: demo_first
- name: Second
  ansible.builtin.command: {argv: [echo, "{{ item.stdout }}-{{ position }}"]}
  loop: "{{ demo_first.results }}"
  loop_control: {label: "{{ item.stdout }}", index_var: position}
  changed_when: false
  register: demo_second
"""
        + SAVE % "demo_second.results | map(attribute='stdout') | list",
    },
    "nested loops by include": {
        "tasks": """
- name: Each team
  ansible.builtin.include_tasks: more.yml
  loop: "{{ demo_teams }}"
  loop_control: {loop_var: team, index_var: number}
  when: team.name != 'nobody'
"""
        + SAVE % "demo_seen",
        "more": """
- name: Greet {{ team.name }}
  ansible.builtin.command: {argv: [echo, "{{ number }} {{ team.name }} {{ item }}"]}
  loop: "{{ team.people }}"
  changed_when: false
  register: demo_greeted
- name: Remember
  ansible.builtin.set_fact:
    demo_seen: "{{ demo_seen | default([]) + demo_greeted.results | map(attribute='stdout') }}"
""",
        "defaults": """
demo_teams:
  - {name: red, people: [ann, ben]}
  - {name: nobody, people: [zoe]}
  - {name: blue, people: [cyd]}
""",
    },
    "a file by a variable": {
        "tasks": """
- name: As configured
  ansible.builtin.include_tasks: "{{ demo_kind }}.yml"
  vars: {demo_word: from the include}
"""
        + SAVE % "demo_result.stdout",
        "more": """
- name: Say
  ansible.builtin.command: {argv: [echo, "{{ demo_word }}"]}
  changed_when: false
  register: demo_result
""",
        "defaults": "demo_kind: more",
    },
    "blocks with conditions, variables and tags": {
        "tasks": """
- name: Outer
  when: demo_wanted
  vars: {demo_word: outer}
  tags: [words]
  block:
    - name: Inner
      vars: {demo_other: inner}
      block:
        - name: Say
          ansible.builtin.command: {argv: [echo, "{{ demo_word }} {{ demo_other }}"]}
          changed_when: false
          register: demo_said
    - name: Never
      ansible.builtin.command: {argv: [echo, never]}
      changed_when: false
      when: demo_word == 'something else'
      register: demo_never
"""
        + SAVE % "[demo_said.stdout, demo_never.skipped]",
        "defaults": "demo_wanted: true",
    },
    "until and retries": {
        "tasks": """
- name: Count up
  ansible.builtin.shell: echo x >> {{ folder }}/count; wc -l < {{ folder }}/count
  changed_when: false
  register: demo_count
  until: demo_count.stdout | int >= 3
  retries: 5
  delay: 0
"""
        + SAVE % "[demo_count.attempts, demo_count.stdout]",
    },
    "results through two variables": {
        "tasks": """
- name: Make
  ansible.builtin.command: {argv: [echo, made]}
  changed_when: false
  register: demo_made
- name: Use
  ansible.builtin.command: {argv: [echo, "{{ demo_outer }}"]}
  changed_when: false
  register: demo_used
"""
        + SAVE % "demo_used.stdout",
        "vars": "{demo_inner: '{{ demo_made.stdout }}', demo_outer: 'got {{ demo_inner }}'}",
    },
    "set_fact in the middle": {
        "tasks": """
- name: Before
  ansible.builtin.command: {argv: [echo, "{{ demo_word | default('first') }}"]}
  changed_when: false
  register: demo_before
- name: Change
  ansible.builtin.set_fact: {demo_word: second}
- name: After
  ansible.builtin.command: {argv: [echo, "{{ demo_word }}"]}
  changed_when: false
  register: demo_after
- name: Change again
  ansible.builtin.set_fact: {demo_word: "{{ demo_word }} and third"}
"""
        + SAVE % "[demo_before.stdout, demo_after.stdout, demo_word]",
    },
    "an action plugin, a failed_when and a register twice": {
        "tasks": """
- name: Write
  ansible.builtin.template: {src: "{{ folder }}/word.j2", dest: "{{ folder }}/word", mode: "0600"}
  register: demo_written
- name: Look
  ansible.builtin.stat: {path: "{{ demo_written.dest }}"}
  register: demo_look
- name: Try
  ansible.builtin.command: {argv: ["false"]}
  changed_when: false
  failed_when: demo_try.rc not in [0, 1]
  register: demo_try
- name: Look again
  ansible.builtin.stat: {path: "{{ folder }}/nothing"}
  when: demo_look.stat.exists
  register: demo_look
"""
        + SAVE % "[demo_written.changed, demo_look.stat.exists, demo_try.rc, demo_try.failed]",
    },
    "a condition that skips, and defaults over it": {
        "tasks": """
- name: Skipped
  ansible.builtin.command: {argv: [echo, no]}
  when: false
  register: demo_skipped
- name: Empty
  ansible.builtin.command: {argv: [echo, "{{ item }}"]}
  loop: []
  register: demo_empty
"""
        + SAVE
        % "[demo_skipped is skipped, demo_skipped.stdout | default('none'), demo_empty is skipped, demo_empty.results]",
    },
}


WAYS: dict[str, t.Callable[[str], dict[str, t.Any]]] = {
    "plain": lambda role: {"roles": [role]},
    "graph": lambda role: {"tasks": [{"name": "Converge", "slipway.graph.converge": {"roles": [role]}}]},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, t.Any]]:
    """What each role finds, by way."""
    return {name: _found(Project(tmp_path_factory.mktemp(name)), way) for name, way in WAYS.items()}


def _found(project: Project, way: t.Callable[[str], dict[str, t.Any]]) -> dict[str, t.Any]:
    """What each role finds. Each has a play and a host of its own, on which no other has set a fact."""
    hosts = {name: f"demo{number}" for number, name in enumerate(ROLES)}
    project.hosts = list(hosts.values())
    project.inventory(folder="{{ playbook_dir }}/{{ inventory_hostname }}")
    for name, host in hosts.items():
        project.role(host, **ROLES[name])
        (project.folder / host).mkdir()
        (project.folder / host / "word.j2").write_text("a word for {{ inventory_hostname }}")
    outcome = project.run_plays([{"hosts": host, **way(host)} for host in hosts.values()])
    assert outcome.returncode == 0, outcome.output
    return {name: json.loads((project.folder / host / "found.json").read_text()) for name, host in hosts.items()}


@pytest.mark.parametrize("name", ROLES)
def test_rule_02_a_role_gives_what_it_gives_in_a_play(found: dict[str, dict[str, t.Any]], name: str) -> None:
    assert found["graph"][name] == found["plain"][name]


@pytest.mark.parametrize(
    "include",
    [
        "{ansible.builtin.include_tasks: more.yml, loop: '{{ demo_made.stdout_lines }}'}",
        "{ansible.builtin.include_tasks: more.yml, loop: '{{ demo_made.stdout_lines | default([]) }}'}",
        "{ansible.builtin.include_tasks: '{{ demo_made.stdout }}.yml'}",
    ],
)
def test_rule_01_an_include_that_depends_on_a_result_is_refused_before_anything_runs(
    project: Project, include: str
) -> None:
    project.role(
        "demo",
        f"- {{name: Make, ansible.builtin.command: touch made, register: demo_made}}\n- {include}\n",
        more="- {ansible.builtin.debug: {msg: x}}\n",
    )
    refused = project.converge("demo")
    assert "cannot depend on what a task registers" in refused.result["msg"]
    assert "main.yml:2" in refused.output
    assert not list(project.folder.rglob("made"))
