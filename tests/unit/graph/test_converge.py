"""The engine as a user meets it: roles, a playbook, no AWS. Names carry the rule of the design they hold to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.playbook import Project

APPEND = """
from ansible.module_utils.basic import AnsibleModule
import time

def main():
    module = AnsibleModule(dict(path=dict(type="path"), line=dict(), seconds=dict(type="float", default=0),
                                die=dict(type="bool", default=False), wrong=dict(type="bool", default=False)),
                           supports_check_mode=True)
    if module.params["wrong"]:
        module.fail_json(msg="told to fail: " + str(module.params["line"]))
    if module.params["die"]:
        import os
        os._exit(7)
    started = time.time()
    time.sleep(module.params["seconds"])
    if not module.check_mode:
        with open(module.params["path"], "a") as file:
            file.write(str(module.params["line"]) + chr(10))
    module.exit_json(changed=True, line=module.params["line"], started=started, ended=time.time())

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def notes(project: Project) -> Path:
    """A file that the module ``note`` of the role ``demo`` appends to."""
    project.module("demo", "note", APPEND)
    path = project.folder / "notes"
    project.inventory(notes=str(path))
    return path


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_rule_01_precedence_is_as_in_a_play(project: Project) -> None:
    project.role(
        "demo",
        """
- name: Say
  ansible.builtin.set_fact:
    demo_seen: "{{ [demo_default, demo_inventory, demo_role, demo_task, demo_extra] }}"
  vars: {demo_task: task, demo_extra: task}
""",
        defaults="{demo_default: default, demo_inventory: default, demo_role: default, demo_extra: default}",
        vars="{demo_role: role, demo_inventory_hidden: x}",
    )
    project.inventory(demo_inventory="inventory", demo_role="inventory", demo_extra="inventory")
    arguments = ("-e", "demo_extra=extra")
    outcome = project.converge("demo", outputs="{{ demo_seen }}", arguments=arguments)
    assert outcome.result["outputs"] == ["default", "inventory", "role", "task", "extra"], outcome.output


def test_rule_01_imports_includes_blocks_and_dependencies_are_followed(project: Project, notes: Path) -> None:
    project.role("base", "- {name: Base, demo.note: {}}".replace("demo.note: {}", "ansible.builtin.debug: {msg: base}"))
    project.role(
        "demo",
        """
- {name: Imported, ansible.builtin.import_tasks: more.yml}
- {name: Included, ansible.builtin.include_tasks: more.yml, when: false}
- name: Grouped
  when: demo_on
  vars: {text: from the block}
  block:
    - {name: Inside, note: {path: "{{ notes }}", line: "{{ text }}"}}
""",
        more="- {name: More, ansible.builtin.debug: {msg: more}}",
        defaults="demo_on: true",
        dependencies="dependencies: [base]",
    )
    outcome = project.converge("demo")
    assert [call["task"] for call in outcome.result["calls"]] == ["Base", "More", "Inside"], outcome.output
    assert lines(notes) == ["from the block"]


def test_rule_02_an_unsupported_keyword_names_file_line_and_keyword(project: Project) -> None:
    project.role("demo", "- name: Elsewhere\n  ansible.builtin.debug: {msg: x}\n  throttle: 1\n")
    outcome = project.converge("demo")
    assert outcome.returncode != 0
    assert re.search(r"roles/demo/tasks/main.yml:1: the keyword `throttle` is not supported", outcome.output)


def test_rule_02_rescue_is_a_clear_error(project: Project) -> None:
    project.role(
        "demo", "- block: [{ansible.builtin.debug: {msg: x}}]\n  rescue: [{ansible.builtin.debug: {msg: y}}]\n"
    )
    assert "the keyword `rescue` is not supported here" in project.converge("demo").output


def test_rule_02_keywords_do_what_they_do_in_a_play(project: Project, notes: Path) -> None:
    project.role(
        "demo",
        """
- name: Loop
  note: {path: "{{ notes }}", line: "{{ index }}-{{ thing.name }}"}
  loop: "{{ demo_things }}"
  loop_control: {loop_var: thing, index_var: index, label: "{{ thing.name }}"}
  when: thing.wanted
  register: demo_loop
- name: Judge
  note: {path: "{{ notes }}", line: judged}
  register: demo_judged
  changed_when: demo_judged.line == "something else"
- name: Retry
  ansible.builtin.command: {cmd: "sh -c 'echo x >> {{ notes }}; test $(grep -c x {{ notes }}) -ge 3'"}
  register: demo_retry
  until: demo_retry.rc == 0
  retries: 5
  delay: 0
  changed_when: true
  vars: {after: [demo_judged, demo_loop]}
- name: Fail on purpose
  note: {path: "{{ notes }}", line: fine}
  register: demo_failed
  failed_when: demo_failed.line == "fine"
""",
        defaults="demo_things: [{name: a, wanted: true}, {name: b, wanted: false}, {name: c, wanted: true}]",
    )
    outcome = project.converge("demo")
    assert outcome.calls("changed") == ["Loop/a", "Loop/c", "Retry"], outcome.output
    assert outcome.calls("skipped") == ["Loop/b"]
    assert outcome.calls("ok") == ["Judge"]
    assert outcome.calls("failed") == ["Fail on purpose"]
    assert sorted(lines(notes)) == sorted(["0-a", "2-c", "judged", "fine", "x", "x", "x"])


def test_rule_02_and_the_equality_with_a_play(project: Project, notes: Path) -> None:
    project.role(
        "demo",
        """
- {name: First, note: {path: "{{ notes }}", line: "{{ item }}"}, loop: [a, b], register: demo_first}
- name: Count
  ansible.builtin.set_fact: {demo_count: "{{ demo_first.results | length }}"}
- name: Through two variables
  note: {path: "{{ notes }}", line: "{{ demo_outer }}"}
- name: Skipped
  note: {path: "{{ notes }}", line: never}
  when: demo_first.results | length > 5
  register: demo_skipped
- {name: After a skip, note: {path: "{{ notes }}", line: "{{ demo_skipped.skipped }}"}}
- name: Template
  ansible.builtin.template: {src: "{{ role_path }}/tasks/main.yml", dest: "{{ notes }}.tasks", mode: "0600"}
  vars: {item: x}
  when: false
""",
        vars="{demo_outer: '{{ demo_inner }}', demo_inner: '{{ demo_count }} items'}",
    )
    assert project.plain("demo").returncode == 0
    by_play = lines(notes)
    notes.unlink()
    assert project.converge("demo").returncode == 0
    assert sorted(lines(notes)) == sorted(by_play) == ["2 items", "True", "a", "b"]


def test_rule_04_independent_calls_overlap_and_needs_are_kept(project: Project, notes: Path) -> None:
    project.role(
        "demo",
        """
- {name: Slow, note: {path: "{{ notes }}", line: slow, seconds: 1.5}, register: demo_slow, vars: {after: []}}
- {name: Quick, note: {path: "{{ notes }}", line: quick}, register: demo_quick, vars: {after: []}}
- {name: After quick, note: {path: "{{ notes }}", line: "after {{ demo_quick.line }}"}, vars: {after: []}}
- {name: After slow, note: {path: "{{ notes }}", line: "after {{ demo_slow.line }}"}, vars: {after: []}}
""",
    )
    assert project.converge("demo").returncode == 0
    assert lines(notes) == ["quick", "after quick", "slow", "after slow"]


def test_rule_05_what_needs_a_failure_is_not_run_and_not_reported_as_one(project: Project, notes: Path) -> None:
    project.role(
        "demo",
        """
- {name: Breaks, note: {wrong: true, line: x}, register: demo_broken}
- {name: Needs it, note: {path: "{{ notes }}", line: "{{ demo_broken.line }}"}, register: demo_next}
- {name: Needs that, note: {path: "{{ notes }}", line: "{{ demo_next.line }}"}}
- {name: Independent, note: {path: "{{ notes }}", line: independent}, vars: {after: []}}
""",
    )
    outcome = project.converge("demo")
    assert outcome.returncode != 0
    assert outcome.calls("failed") == ["Breaks"]
    assert outcome.calls("blocked") == ["Needs it", "Needs that"]
    assert lines(notes) == ["independent"]
    assert re.search(r"demo: Breaks \(.*roles/demo/tasks/main.yml:2\): told to fail: x", outcome.result["msg"])


def test_rule_05_a_process_that_dies_fails_its_call_only(project: Project, notes: Path) -> None:
    project.role(
        "demo",
        """
- {name: Dies, note: {die: true}}
- {name: Lives, note: {path: "{{ notes }}", line: lives}, vars: {after: []}}
""",
    )
    outcome = project.converge("demo")
    assert outcome.calls("failed") == ["Dies"]
    assert "ended with status 7" in outcome.result["msg"]
    assert lines(notes) == ["lives"]


def test_rule_05_an_undefined_variable_fails_its_task(project: Project) -> None:
    project.role("demo", "- {name: Lost, ansible.builtin.command: {cmd: 'echo {{ nowhere }}'}}")
    outcome = project.converge("demo")
    assert outcome.calls("failed") == ["Lost"]
    assert "'nowhere' is undefined" in outcome.result["msg"]


def test_rule_07_modules_without_boto3_are_asked_in_check_mode(project: Project, notes: Path) -> None:
    project.role("demo", '- {name: Note, note: {path: "{{ notes }}", line: planned}}')
    outcome = project.converge("demo", arguments=("--check",))
    assert outcome.calls("planned") == ["Note"]
    assert lines(notes) == []


def test_rule_13_only_takes_roles_and_what_they_need(project: Project, notes: Path) -> None:
    project.role("demo", '- {name: Base, note: {path: "{{ notes }}", line: base}, register: demo_base}')
    project.role("other", "- {name: Other, ansible.builtin.debug: {msg: other}}")
    project.role("top", "- {name: Top, ansible.builtin.debug: {msg: '{{ demo_base.line }}'}}")
    outcome = project.converge("demo", "other", "top", only=["top"])
    assert [call["task"] for call in outcome.result["calls"]] == ["Base", "Top"]
    assert "only top: running 2 of 3 tasks: these roles and their dependencies" in " ".join(outcome.output.split())


def test_rule_13_an_unknown_target_says_which_there_are(project: Project) -> None:
    project.role("demo", "- {name: One, ansible.builtin.debug: {msg: x}}")
    output = " ".join(project.converge("demo", only=["dmeo"]).output.split())
    assert "only: unknown role dmeo; the roles are demo" in output


def test_rule_17_no_log_hides_items_and_results(project: Project, notes: Path) -> None:
    project.role(
        "demo",
        """
- name: Secret
  note: {path: "{{ notes }}", line: "{{ item }}", wrong: "{{ item == 'hush2' }}"}
  loop: [hush1, hush2]
  no_log: true
""",
    )
    outcome = project.converge("demo", arguments=("-vvv",), journal=str(project.folder / "journal.json"))
    assert outcome.calls("failed")
    assert "hush" not in outcome.output
    assert "hush" not in str(outcome.result)
    assert "hush" not in (project.folder / "journal.json").read_text()
