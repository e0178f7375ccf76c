"""Which names other roles will make is known before they do: one that none of them makes is refused before any call."""

from __future__ import annotations

import pytest

from tests.support.playbook import Project

MAKER = """
- name: Make
  ansible.builtin.command: "echo {{ item.name }}"
  loop: "{{ maker_list }}"
  register: maker_results
- name: Make some
  ansible.builtin.command: "echo {{ item.name }}"
  loop: "{{ maker_list }}"
  when: item.name != 'two'
  register: maker_some_results
"""
MAKER_VARS = """
maker_ids: "{{ dict(maker_list | map(attribute='name') | zip(maker_results.results | map(attribute='stdout'))) }}"
maker_some: >-
  {{ dict(maker_some_results.results | rejectattr('skipped', 'defined') | map(attribute='item.name')
     | zip(maker_some_results.results | rejectattr('skipped', 'defined') | map(attribute='stdout'))) }}
"""
TAKER = """
- {name: Check, ansible.builtin.import_tasks: validate.yml}
- name: Take
  ansible.builtin.command: "echo {{ taker_ids[item] }}"
  loop: "{{ taker_wanted }}"
  register: taker_done
"""
VALIDATE = """
- name: Check that what is wanted is there
  ansible.builtin.assert:
    that: item in taker_ids
    fail_msg: "taker_wanted names {{ item }}; allowed: {{ taker_ids | join(', ') }}."
  loop: "{{ taker_wanted }}"
"""
SPEC = """
argument_specs: {main: {options: {
  taker_ids: {type: dict, description: x}, taker_id: {type: str, description: x},
  taker_wanted: {type: list, elements: str, description: x}}}}
"""


@pytest.fixture
def two(project: Project) -> Project:
    project.role("maker", MAKER, defaults="maker_list: []", vars=MAKER_VARS)
    defaults = "{taker_ids: '{{ maker_ids }}', taker_id: '', taker_wanted: [one]}"
    project.role("taker", TAKER, defaults=defaults, meta=SPEC, validate=VALIDATE)
    return project


def test_names_that_another_role_makes_are_taken(two: Project) -> None:
    two.inventory(maker_list=[{"name": "one"}, {"name": "two"}], taker_id="{{ maker_ids.two }}")
    outcome = two.converge("maker", "taker")
    assert outcome.returncode == 0, outcome.output
    # Decided beforehand: nothing waits for it.
    assert all("taker_wanted" not in str(call) and call["task"] != "Check that what is wanted is there"
               for call in outcome.journal["calls"])  # fmt: skip


def test_a_name_in_a_list_that_no_role_makes_is_refused_before_anything_runs(two: Project) -> None:
    two.inventory(maker_list=[{"name": "two"}])
    refused = two.converge("maker", "taker")
    assert refused.result["msg"].endswith("taker_wanted names one; allowed: two."), refused.output
    assert refused.journal == {}


def test_a_name_that_an_input_looks_up_in_vain_is_refused_with_those_that_there_are(two: Project) -> None:
    two.inventory(maker_list=[{"name": "one"}], taker_id="{{ maker_ids.three }}")
    message = two.converge("maker", "taker").result["msg"]
    assert "hosts.yml:" in message
    assert "taker_id: maker_ids has no three; allowed: one (from maker_list, " in message


def test_names_of_ones_own_take_the_place_of_those_of_the_other_role(two: Project) -> None:
    two.inventory(maker_list=[{"name": "two"}], taker_ids={"one": "elsewhere"})
    assert two.converge("maker", "taker").returncode == 0
    two.inventory(maker_list=[{"name": "one"}], taker_ids={"two": "elsewhere"})
    assert "taker_wanted names one; allowed: two." in two.converge("maker", "taker").result["msg"]


@pytest.mark.parametrize("value", ["{{ maker_some.one }}", "{{ maker_some.two | default('none') }}"])
def test_what_only_results_tell_is_left_to_the_run(two: Project, value: str) -> None:
    two.inventory(maker_list=[{"name": "one"}, {"name": "two"}], taker_id=value)
    outcome = two.converge("maker", "taker")
    assert outcome.returncode == 0, outcome.output


@pytest.mark.parametrize(
    "condition",
    [
        "maker_results.results[0].stdout == 'two'", "maker_results.results[0].stdout is number",
        "maker_results.results[0].stdout is not defined", "maker_results is skipped",
        "maker_results.results | selectattr('rc', 'equalto', 7) | length == 1",
        "maker_results.results[0].rc | int == 7", "(maker_results.results[0].stdout | default('x')) == 'x'",
        "'tw' in maker_results.results[0].stdout",
    ],
)  # fmt: skip
def test_no_assertion_over_what_a_result_holds_is_decided_before_the_run(two: Project, condition: str) -> None:
    """Each of these is false, and is so only when the result is there: what comes before it has run."""
    check = f'- name: Check\n  ansible.builtin.assert: {{that: "{condition}", fail_msg: taker_wanted is wrong}}\n'
    two.role("taker", TAKER, validate=check)
    two.inventory(maker_list=[{"name": "one"}])
    refused = two.converge("maker", "taker")
    assert refused.returncode != 0
    assert "Make" in refused.calls("changed"), refused.output
