"""Rule 7: what a plan has not done has no result, and nothing is planned or deleted with an empty one in its place."""

from __future__ import annotations

import pytest

from tests.support import emulators
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Outcome, Project

WITHOUT_CHECK_MODE = """
from ansible.module_utils.basic import AnsibleModule

def main():
    module = AnsibleModule({})
    module.exit_json(changed=True, name="news")

if __name__ == "__main__":
    main()
"""
ROLE = """
- {name: Ask, ansible.builtin.command: echo shop, register: asked}
- name: Make a topic that a command names
  community.aws.sns_topic: {name: "cr-{{ asked.stdout }}"}
- name: Keep the answer
  ansible.builtin.set_fact: {kept: "{{ asked.stdout }}"}
- name: Make a topic that a fact names
  community.aws.sns_topic: {name: "fact-{{ kept }}"}
- name: Ask a module without check mode
  silent:
  register: silent_result
- name: Make a topic that it names
  community.aws.sns_topic: {name: "own-{{ silent_result.name }}"}
- name: Look whatever the mode
  ansible.builtin.command: echo looked
  check_mode: false
  changed_when: false
  register: looked
- name: Make a topic that the look names
  community.aws.sns_topic: {name: "look-{{ looked.stdout }}"}
- name: Write a file
  ansible.builtin.shell: "printf text > {{ scratch }}/file"
- name: Read the file
  ansible.builtin.slurp: {src: "{{ scratch }}/file"}
  register: read
- name: Make a topic that the file names
  community.aws.sns_topic: {name: "file-{{ read.content | b64decode }}"}
- name: Make a topic that nothing unknown names
  community.aws.sns_topic: {name: "file-{{ lookup('file', scratch ~ '/file') }}"}
- name: Look without a change
  ansible.builtin.command: echo nothing
  changed_when: false
"""


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory, moto: str) -> tuple[Outcome, list[str]]:
    """A plan on an empty account, and what the proxy has seen it write."""
    folder = tmp_path_factory.mktemp("unknown")
    emulators.reset_moto(moto)
    with ApiProxy(moto) as proxy:
        project = Project(folder, proxy.url)
        project.module("demo", "silent", WITHOUT_CHECK_MODE)
        project.role("demo", ROLE)
        planned = project.converge("demo", arguments=("--check", "-e", f"scratch={folder}"))
        return planned, proxy.writes


def test_a_plan_that_lacks_results_ends_well_and_writes_nothing(unknown: tuple[Outcome, list[str]]) -> None:
    planned, writes = unknown
    assert planned.returncode == 0, planned.output
    assert writes == []


def test_what_a_skipped_command_names_is_unknown_and_not_named_by_nothing(unknown: tuple[Outcome, list[str]]) -> None:
    planned, _writes = unknown
    assert "cr-" not in planned.output
    assert "? demo: Make a topic that a command names: community.aws.sns_topic, inputs known after apply: asked" in (
        planned.output
    )
    assert {
        "Make a topic that a fact names", "Make a topic that it names", "Make a topic that the file names",
    } <= set(planned.calls("unknown"))  # fmt: skip


def test_what_a_plan_cannot_ask_is_shown_as_unknown(unknown: tuple[Outcome, list[str]]) -> None:
    planned, _writes = unknown
    assert "? demo: Ask: ansible.builtin.command, only an apply can tell" in planned.output
    assert {"Ask", "Ask a module without check mode", "Write a file"} <= set(planned.calls("unknown"))


def test_a_task_that_reads_whatever_the_mode_is_obeyed(unknown: tuple[Outcome, list[str]]) -> None:
    planned, _writes = unknown
    assert '"Name": "look-looked"' in planned.output
    assert "Look whatever the mode" in planned.calls("ok")


def test_what_fails_for_want_of_what_a_plan_has_not_done_is_unknown(unknown: tuple[Outcome, list[str]]) -> None:
    planned, _writes = unknown
    assert planned.calls("failed") == []
    assert {"Read the file", "Make a topic that nothing unknown names"} <= set(planned.calls("unknown"))


def test_a_command_that_says_it_changes_nothing_is_no_change(unknown: tuple[Outcome, list[str]]) -> None:
    planned, _writes = unknown
    assert "Look without a change" in planned.calls("unknown")
    assert "? demo: Look without a change" not in planned.output


def test_a_topic_that_a_command_names_is_made_by_an_apply(aws: tuple[Project, ApiProxy]) -> None:
    project, proxy = aws
    project.module("demo", "silent", WITHOUT_CHECK_MODE)
    project.role("demo", ROLE)
    made = project.converge("demo", arguments=("-e", f"scratch={project.folder}"))
    assert made.returncode == 0, made.output
    topics = [topic["TopicArn"].rpartition(":")[2] for topic in client(proxy, "sns").list_topics()["Topics"]]
    assert {"cr-shop", "fact-shop", "own-news", "look-looked", "file-text"} <= set(topics)
