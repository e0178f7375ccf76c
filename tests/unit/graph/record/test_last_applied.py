"""Rule 12: what the last apply was given is found again, whatever has moved or was renamed since."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.read import loading
from ansible_collections.slipway.graph.plugins.plugin_utils.record import last_applied, records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from tests.support.playbook import Outcome, Project


def call(key: str, inputs: str, status: str = records.OK, **values: t.Any) -> CallRecord:
    """A call of the task with some key."""
    return CallRecord(
        task=key, role="demo", location="x:1", module="amazon.aws.s3_bucket", status=status, order=(0, 0),
        task_key=key, inputs=inputs, **values,
    )  # fmt: skip


def drifted(before: list[CallRecord], now: list[CallRecord]) -> list[str]:
    """The keys of what is called drift in a plan of everything, after an apply."""
    applied = last_applied.after(last_applied.Applied(), before, "present")
    planned = [dataclasses.replace(each, status=records.PLANNED) for each in now]
    last_applied.mark_drift(planned, last_applied.parse(last_applied.dump(applied), "applied.json"))
    return [records.key_of(each) for each in planned if each.drift]


def test_a_renamed_task_is_found_by_its_inputs() -> None:
    assert drifted([call("old name", "1")], [call("new name", "1")]) == ["new name"]
    assert drifted([call("old name", "1")], [call("new name", "2")]) == []


def test_what_another_task_answers_to_is_not_found_twice() -> None:
    before = [call("bucket", "1")]
    assert drifted(before, [call("bucket", "1"), call("its double", "1")]) == ["bucket"]


def test_a_task_that_gets_a_neighbour_of_its_name_is_found() -> None:
    before = [call("make", "1"), call("make#2", "2")]
    assert drifted(before, [call("make", "0"), call("make#2", "1"), call("make#3", "2")]) == ["make#2", "make#3"]


def test_another_module_with_the_same_inputs_is_another_call() -> None:
    other = dataclasses.replace(call("bucket", "1"), module="amazon.aws.s3_other")
    assert drifted([call("bucket", "1")], [other]) == []


def test_secret_inputs_are_never_called_drift() -> None:
    assert drifted([call("bucket", "")], [call("bucket", "")]) == []


def test_a_renamed_task_does_not_stay_under_its_old_name() -> None:
    first = last_applied.after(last_applied.Applied(), [call("old", "1"), call("failed later", "2")], "present")
    second = last_applied.after(first, [call("new", "1"), call("failed later", "3", records.FAILED)], "present")
    assert set(second.calls) == {"new", "failed later"}
    assert second.calls["failed later"].inputs == "2"
    assert set(last_applied.after(second, [call("new", "1")], "absent").calls) == {"failed later"}


def test_what_failed_in_the_middle_of_a_change_is_not_drift_when_the_change_is_taken_back() -> None:
    write, read = ({"service": "s3", "operation": operation} for operation in ("PutBucketTagging", "HeadBucket"))
    first = last_applied.after(last_applied.Applied(), [call(name, "1") for name in "abc"], "present")
    failed = [
        call("a", "2", records.FAILED, api_calls=[read, write]),
        call("b", "2", records.FAILED, api_calls=[read]),
        call("c", "1", records.FAILED, api_calls=[read, write]),
    ]
    after = last_applied.after(first, failed, "present")
    assert set(after.calls) == {"b", "c"}, "b has written nothing, and c was to be what it had been"


def test_what_only_reads_is_not_kept() -> None:
    look = dataclasses.replace(call("look", "1", reads=True), module="amazon.aws.s3_bucket_info")
    said = dataclasses.replace(call("say", "", reads=True), module="ansible.builtin.debug")
    assert last_applied.after(last_applied.Applied(), [look, said], "present").calls == {}


def test_what_says_that_it_never_changes_anything_is_kept() -> None:
    bucket = call("bucket", "1", reads=True)  # by changed_when
    assert drifted([bucket], [bucket]) == ["bucket"]


def keys(outcome: Outcome) -> list[str]:
    return [entry["key"] for entry in sorted(outcome.journal["calls"], key=lambda entry: entry["order"])]


def test_calls_have_keys_of_their_own_without_lines_or_positions(project: Project) -> None:
    project.role(
        "demo",
        """
- {ansible.builtin.import_tasks: more.yml}
- {ansible.builtin.include_tasks: more.yml}
- {ansible.builtin.debug: {msg: unnamed}}
- {ansible.builtin.debug: {msg: unnamed too}}
- {name: "More#2", ansible.builtin.debug: {msg: named like an occurrence}}
- {name: "Loop [a]", ansible.builtin.debug: {msg: named like an item}}
- {name: Loop, demo: {}, loop: [a, b, a]}
- {name: Hidden, demo: {}, loop: [one, two], no_log: true}
""",
        more="- {name: More, ansible.builtin.debug: {msg: more}}",
    )
    project.module("demo", "demo", MODULE)
    outcome = project.converge("demo")
    assert outcome.returncode == 0, outcome.output
    assert keys(outcome) == [
        "demo/More", "demo/More#2", "demo/ansible.builtin.debug", "demo/ansible.builtin.debug#2", "demo/More#2#2",
        "demo/Loop (a]", "demo/Loop [a]", "demo/Loop [b]", "demo/Loop [a]#2",
        "demo/Hidden [(hidden by no_log)]", "demo/Hidden [(hidden by no_log)]#2",
    ]  # fmt: skip


def test_a_plan_of_what_is_not_known_yet_has_the_keys_of_its_apply(project: Project) -> None:
    project.role(
        "demo",
        """
- {name: First, demo: {changes: true}, register: demo_first}
- {name: Open, demo: {text: "{{ demo_first.text }}"}, loop: [a, b, a]}
- {name: Hidden, demo: {text: "{{ demo_first.text }}"}, loop: [one, two], no_log: true}
""",
    )
    project.module("demo", "demo", MODULE)
    planned = keys(project.converge("demo", arguments=("--check",)))
    assert planned == keys(project.converge("demo"))
    saved = (project.folder / "plan.json").rename(project.folder / "saved.json")
    applied = project.converge("demo", plan=str(saved))
    assert applied.returncode == 0, applied.output


def test_roles_that_are_listed_twice_have_two_keys(project: Project) -> None:
    project.role("demo", "- {name: Say, demo: {text: '{{ demo_text }}'}}", defaults="demo_text: none")
    project.module("demo", "demo", MODULE)
    roles = [{"role": "demo", "vars": {"demo_text": text}} for text in ("one", "two")]
    outcome = project.run({"slipway.graph.converge": {"roles": roles, "journal": str(project.folder / "journal.json")}})
    assert outcome.returncode == 0, outcome.output
    assert keys(outcome) == ["demo/Say", "demo/Say#2"]


@pytest.mark.parametrize("names", [["a", "a", "a#2"], ["a#2", "a", "a"], ["a", "a", "a#2", "a#2", "a#3"]])
def test_no_two_steps_have_the_same_key_whatever_they_are_called(names: list[str]) -> None:
    steps = [
        loading.Step(
            index=index, task=t.cast("t.Any", None), role="demo", name=name, location="x:1", module="m", path="",
            has_action_plugin=False, registers=(), after=(),
        )
        for index, name in enumerate(names)
    ]  # fmt: skip
    loading.tell_apart(steps)
    assert len({step.key for step in steps}) == len(names)


def test_the_write_that_was_wanted_right_after_the_apply_is_no_drift_but_another_is() -> None:
    def write(**parameters: str) -> list[dict[str, t.Any]]:
        return [{"service": "ec2", "operation": "CreateRouteTable", "parameters": parameters}]

    digest = last_applied.digest_of_write(write(VpcId="vpc-1", ClientToken="one"))
    before = [call("table", "1", records.CHANGED, repeats=digest), call("other", "2", records.CHANGED)]
    applied = last_applied.after(last_applied.Applied(), before, "present")
    planned = [
        call("table", "1", records.PLANNED, writes=write(VpcId="vpc-1", ClientToken="two")),
        call("other", "2", records.PLANNED, writes=write(VpcId="vpc-1")),
    ]
    last_applied.mark_drift(planned, applied)
    assert [(bool(each.repeats), each.drift) for each in planned] == [(True, False), (False, True)]
    planned[0].writes = write(VpcId="vpc-2")
    last_applied.mark_drift(planned, applied)
    assert [(bool(each.repeats), each.drift) for each in planned] == [(False, True), (False, True)]

    found_well = last_applied.after(applied, [call("table", "1")], "present")
    assert found_well.calls["table"].repeats == "", "it can be idempotent after all"


MODULE = """
from ansible.module_utils.basic import AnsibleModule

def main():
    module = AnsibleModule(dict(text=dict(default=""), changes=dict(type="bool")), supports_check_mode=True)
    module.exit_json(changed=bool(module.params["changes"]), text=module.params["text"])

if __name__ == "__main__":
    main()
"""
