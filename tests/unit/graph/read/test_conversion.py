"""Inputs are what their specification says: text of -e is converted, and what cannot be meant is refused."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.read.conversion import convert
from tests.support.playbook import Project

ITEMS = {
    "type": "list",
    "elements": "dict",
    "options": {"name": {"type": "str", "required": True}, "size": {"type": "int"}},
}


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("int", "14", 14), ("int", 14.0, 14), ("float", "0.5", 0.5), ("float", 2, 2.0), ("bool", "false", False),
        ("bool", "on", True), ("bool", 1, True), ("list", "a, b", ["a", "b"]), ("list", '["a", "b"]', ["a", "b"]),
        ("dict", '{"a": 1}', {"a": 1}), ("dict", "a=1", {"a": "1"}), ("str", 123456789012, "123456789012"),
        ("str", 8.4, "8.4"), ("path", "~/x", "~/x"),
    ],
)  # fmt: skip
def test_a_value_becomes_what_its_specification_says(kind: str, given: t.Any, expected: t.Any) -> None:
    made = convert("demo_x", given, {"type": kind})
    assert (made.value, type(made.value), made.mistakes) == (expected, type(expected), [])


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("int", True, "demo_x: true is not an int; allowed: a whole number"),
        ("int", "", 'demo_x: "" is not an int; allowed: a whole number'),
        ("int", 1.5, "demo_x: 1.5 is not an int; allowed: a whole number"),
        ("int", None, "demo_x: null is not an int; allowed: a whole number"),
        ("float", "nan", 'demo_x: "nan" is not a float; allowed: a number'),
        ("float", False, "demo_x: false is not a float; allowed: a number"),
        ("bool", "maybe", 'demo_x: "maybe" is not a bool; allowed: true or false'),
        ("bool", 1.0, "demo_x: 1.0 is not a bool; allowed: true or false"),
        ("bool", None, "demo_x: null is not a bool; allowed: true or false"),
        ("str", ["a"], 'demo_x: ["a"] is not a str; allowed: text'),
        ("str", {"a": 1}, 'demo_x: {"a": 1} is not a str; allowed: text'),
        ("str", True, "demo_x: true is not a str; allowed: text"),
        ("list", "", 'demo_x: "" is not a list; allowed: a list'),
        ("list", "[a", 'demo_x: "[a" is not a list; allowed: a list'),
        ("list", 5, "demo_x: 5 is not a list; allowed: a list"),
        ("dict", [], "demo_x: [] is not a dict; allowed: a dictionary"),
    ],
)
def test_what_nobody_means_is_refused(kind: str, given: t.Any, message: str) -> None:
    assert convert("demo_x", given, {"type": kind}) == (given, [message])


def test_parts_are_converted_and_named_one_by_one() -> None:
    assert convert("demo_x", [{"name": "a", "size": "4"}], ITEMS).value == [{"name": "a", "size": 4}]
    assert convert("demo_x", [{"name": "a"}, {"size": "big", "nam": "b"}], ITEMS).mistakes == [
        'demo_x[1].size: "big" is not an int; allowed: a whole number',
        "demo_x[1].nam: there is no such key (did you mean name?); allowed: name, size",
        "demo_x[1].name is missing; allowed: text",
    ]


def test_nothing_is_added_or_copied_where_nothing_is_converted() -> None:
    given = [{"name": "a"}]
    assert convert("demo_x", given, ITEMS).value is given


def test_a_value_that_may_be_a_secret_is_not_shown() -> None:
    assert "sesame" not in convert("demo_x", ["sesame"], {"type": "str", "no_log": True}).mistakes[0]


def test_a_choice_is_one_of_its_type() -> None:
    assert convert("demo_x", "30", {"type": "int", "choices": [7, 30]}) == (30, [])
    mistake = "demo_x[0]: 31 is none of the choices; allowed: 7, 30"
    assert convert("demo_x", [31], {"type": "list", "elements": "int", "choices": [7, 30]}).mistakes == [mistake]


TASKS = """
- {name: Check, ansible.builtin.import_tasks: validate.yml}
- name: Do
  ansible.builtin.command: echo {{ demo_days + 1 }} {{ demo_safe | ternary('safe', 'open') }} {{ demo_zones | length }}
  register: demo_done
"""
VALIDATE = """
- name: The days fit
  ansible.builtin.assert:
    that: demo_days >= 1 and demo_days <= (35 if demo_safe else 7)
    fail_msg: "demo_days is {{ demo_days }}; allowed: 1 to 35."
"""
SPEC = """
argument_specs: {main: {options: {
  demo_days: {type: int, description: x}, demo_safe: {type: bool, description: x},
  demo_zones: {type: list, elements: str, description: x}}}}
"""
DEFAULTS = "{demo_days: 7, demo_safe: true, demo_zones: [a], demo_tuned: '{{ demo_days > 1 }}'}"


@pytest.fixture
def demo(project: Project) -> Project:
    project.role("demo", TASKS, defaults=DEFAULTS, meta=SPEC, validate=VALIDATE)
    return project


def test_text_of_the_command_line_reaches_asserts_and_tasks_converted(demo: Project) -> None:
    given = ("-e", "demo_days=14", "-e", "demo_safe=yes", "-e", "demo_zones=a,b")
    outcome = demo.converge("demo", arguments=given, outputs="{{ demo_done.stdout }}")
    assert outcome.result["outputs"] == "15 safe 2", outcome.output


def test_text_of_the_inventory_and_of_a_template_is_converted_too(demo: Project) -> None:
    demo.inventory(demo_days="14", demo_safe="{{ 'no' }}", demo_zones="{{ 'a,b' }}")
    refused = demo.converge("demo")
    assert "hosts.yml:" in refused.result["msg"]
    assert "demo_days is 14; allowed: 1 to 35." in refused.result["msg"]
    demo.inventory(demo_days="7", demo_safe="{{ 'no' }}", demo_zones="{{ 'a,b' }}")
    assert demo.converge("demo", outputs="{{ demo_done.stdout }}").result["outputs"] == "8 open 2"


@pytest.mark.parametrize("given", ["demo_days=many", '{"demo_days": null}', '{"demo_days": true}', "demo_days="])
def test_what_cannot_be_converted_is_refused_by_key_and_never_by_a_comparison(demo: Project, given: str) -> None:
    message = demo.converge("demo", arguments=("-e", given)).result["msg"]
    assert message.startswith("-e: demo_days: "), message
    assert "is not an int; allowed: a whole number" in message
    assert "not supported between" not in message


def test_null_in_a_file_is_refused_with_file_and_line(demo: Project) -> None:
    (demo.folder / "given.yml").write_text("demo_zones: [a]\ndemo_safe:\n")
    message = demo.converge("demo", arguments=("-e", "@given.yml")).result["msg"]
    assert message == "given.yml:2: demo_safe: null is not a bool; allowed: true or false"


def test_an_assertion_that_cannot_be_decided_says_what_is_allowed(demo: Project) -> None:
    """Without a specification nothing is converted: the comparison fails, and its message is what the role says."""
    demo.role("demo", TASKS, defaults=DEFAULTS, meta="argument_specs: {}", validate=VALIDATE)
    message = demo.converge("demo", arguments=("-e", "demo_days=14")).result["msg"]
    assert message == "-e: demo_days is 14; allowed: 1 to 35."
