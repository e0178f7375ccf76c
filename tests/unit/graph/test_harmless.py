"""Text of others is shown as text: neither a terminal nor a CI system obeys it."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.graph.plugins.module_utils.harmless import harmless
from ansible_collections.slipway.graph.plugins.plugin_utils.plan import plan
from tests.support.playbook import Project

HOSTILE = "fine\n\x1b[2J\x1b]0;owned\x07::error::no\n  ::add-mask::prod\r\x9b31m ##[group]x \u202etxt"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\x9b2Jb", "a\\x9b2Jb"),
        ("over\rwritten", "over\\x0dwritten"),
        ("abc\u202edef", "abc\\u202edef"),
        ("::add-mask::x", "\\::add-mask::x"),
        ("a\n \t::warning::x", "a\n \t\\::warning::x"),
        ("a ##[error]x", "a ##\\[error]x"),
        ("arn:aws:s3:::bucket, a::b, two\nlines\tand Ünïcode", "arn:aws:s3:::bucket, a::b, two\nlines\tand Ünïcode"),
    ],
)
def test_commands_are_written_out_and_everything_else_stays(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert harmless(shown) == shown


def obeyed(output: str) -> list[str]:
    """Lines that a terminal or a CI system would take for more than text."""
    allowed = str.maketrans("", "", "\n\t")
    return [
        line
        for line in output.split("\n")
        if line.lstrip().startswith("::") or "##[" in line or not line.translate(allowed).isprintable()
    ]


def test_messages_labels_and_warnings_reach_no_terminal_as_commands(project: Project) -> None:
    project.module(
        "demo",
        "say",
        "from ansible.module_utils.basic import AnsibleModule\n"
        "module = AnsibleModule(dict(text=dict(type='str')))\n"
        "module.warn(module.params['text'])\n"
        "module.fail_json(msg=module.params['text'])\n",
    )
    project.role(
        "demo",
        '- {name: Say, say: {text: "{{ hostile }}"}, loop: ["{{ hostile }}"], ignore_errors: true}\n'
        '- {name: Fail, ansible.builtin.fail: {msg: "{{ hostile }}"}}\n',
    )
    project.inventory(hostile=HOSTILE)
    outcome = project.converge("demo")
    assert outcome.returncode != 0
    assert "\\x1b[2J" in outcome.output
    assert obeyed(outcome.output) == []


def test_a_plan_shows_parameters_as_text() -> None:
    line = plan.describe_write({"service": "ecs", "operation": "Register", "parameters": {"d": "\x9b2J\u202e"}})
    assert line == 'ecs:Register {"d": "\\x9b2J\\u202e"}'
