"""Rule 15: the journal is written while a run goes on; what cannot be written down is not done."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.record import (
    cut_off,
    last_applied,
    records,
    running_journal,
)
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.write_ahead import Untold, WriteAhead
from tests.support.api_proxy import ApiProxy
from tests.support.playbook import Project

AWS = tuple[Project, ApiProxy]

# The disk is full, for the process that keeps the journal or, by a journal that takes nothing more, for the workers.
FILL = """
from ansible.module_utils.basic import AnsibleModule
import os, resource

def main():
    module = AnsibleModule(dict(lines=dict(type="path")))
    if module.params["lines"]:
        os.symlink("/dev/full", module.params["lines"] + ".full")
        os.replace(module.params["lines"] + ".full", module.params["lines"])
    else:
        process = os.getpid()
        while b"ansible-playbook" not in open(f"/proc/{process}/cmdline", "rb").read():
            process = int(open(f"/proc/{process}/stat").read().rpartition(")")[2].split()[1])
        resource.prlimit(process, resource.RLIMIT_FSIZE, (0, 0))
    module.exit_json(changed=True)

if __name__ == "__main__":
    main()
"""
TASKS = """
- name: Fill
  fill: {lines: "{{ lines | default('') }}"}
  register: demo_filled
- name: Topic
  community.aws.sns_topic: {name: demo}
  register: demo_topic
  vars: {after: [demo_filled]}
- name: Note
  ansible.builtin.copy: {content: "{{ demo_topic }}", dest: "{{ folder }}/noted", mode: "0600"}
"""


def call(key: str, **values: t.Any) -> CallRecord:
    given = {"task": key, "role": "demo", "location": "x:1", "module": "m", "status": records.CHANGED, "order": (0, 0)}
    return CallRecord(**{**given, "task_key": key, **values})


def test_a_folder_that_cannot_be_written_ends_in_one_message_before_anything_is_done(project: Project) -> None:
    project.role("demo", "- ansible.builtin.file: {path: '{{ folder }}/made', state: directory, mode: '0700'}")
    project.inventory(folder=str(project.folder))
    refused = project.converge("demo", journal=str(project.folder / "hosts.yml" / "journal.json"))
    assert refused.returncode != 0
    assert refused.result["msg"].endswith("hosts.yml cannot be written: File exists. Nothing was done.")
    assert not (project.folder / "made").exists()


def test_a_write_that_the_journal_cannot_be_told_of_is_not_sent(aws: AWS) -> None:
    project, proxy = aws
    project.module("demo", "fill", FILL)
    project.role("demo", TASKS)
    project.inventory(folder=str(project.folder), lines=str(project.folder / "journal.jsonl"))
    outcome = project.converge("demo")
    assert proxy.writes == []
    assert outcome.calls("failed") == ["Topic"], outcome.output
    assert outcome.calls("blocked") == ["Note"]
    assert "sns:CreateTopic was not sent, because the journal" in outcome.result["msg"]
    assert "No space left on device" in outcome.result["msg"]


def test_when_the_disk_is_full_nothing_new_starts_and_one_message_says_why(aws: AWS) -> None:
    project, proxy = aws
    project.module("demo", "fill", FILL)
    project.role("demo", TASKS)
    project.inventory(folder=str(project.folder))
    outcome = project.converge("demo", applied=str(project.folder / "applied.json"))
    assert outcome.returncode != 0
    assert proxy.writes == []
    assert "journal.jsonl cannot be written: File too large" in outcome.result["msg"]
    assert "Traceback" not in outcome.output
    assert outcome.result["summary"]["blocked"] == 2
    assert outcome.result["summary"]["changed"] == 1


def test_two_runs_in_one_folder_have_lines_of_their_own(tmp_path: Path) -> None:
    path = str(tmp_path / "journal.json")
    first, second = running_journal.start(path), running_journal.start(path)
    assert first.path == str(tmp_path / "journal.jsonl")
    assert second.path != first.path
    for each in (first, second):
        each.begin("demo-test", "apply", "present")
    assert cut_off.found(path) == [], "both go on"
    first.leave()
    ((run, _lines),) = cut_off.found(path)
    assert run.path == Path(first.path)
    second.remove()
    assert not Path(second.path).exists()


def test_a_line_that_was_torn_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    ahead = WriteAhead()
    lines = running_journal.start(str(tmp_path / "journal.json"))
    lines.begin("demo-test", "apply", "present")
    with path.open("a") as file:
        file.write('{"event": "call", "key": "demo/To')  # the disk was full
    ahead.begin(str(path), "demo/Topic")
    ahead.sending("sns", "CreateTopic")
    ahead.answered({"service": "sns", "operation": "CreateTopic"})
    with path.open("a") as file:
        file.write('{"event": "write", "key"')
    run = cut_off.read(path)
    assert [write["operation"] for write in run.writes] == ["CreateTopic"]
    assert run.unanswered == []
    assert run.damaged == 1
    assert "1 writes; 1 damaged lines are left out" in run.told()


def test_a_write_without_lines_is_refused_however_often_it_is_tried(tmp_path: Path) -> None:
    ahead = WriteAhead()
    ahead.begin(str(tmp_path / "absent.jsonl"), "demo/Topic")
    for _attempt in range(2):
        with pytest.raises(Untold, match=r"sns:CreateTopic was not sent.*No such file"):
            ahead.sending("sns", "CreateTopic")
    assert "was not sent" in ahead.untold
    ahead.begin("", "demo/Topic")
    ahead.sending("sns", "CreateTopic")
    assert ahead.untold == ""


def test_what_a_run_that_was_cut_off_has_applied_is_known_to_the_next(tmp_path: Path) -> None:
    before = last_applied.Applied(
        {"demo/A": last_applied.Entry("old", "m"), "demo/B": last_applied.Entry("old", "m")},
        "2026-01-01T00:00:00+00:00",
    )
    lines = running_journal.start(str(tmp_path / "journal.json"))
    lines.begin("demo-test", "apply", "present")
    lines.call(call("demo/A", inputs="new"))
    ahead = WriteAhead()
    ahead.begin(lines.path, "demo/B")
    ahead.sending("s3", "PutBucketVersioning")
    run = cut_off.read(Path(lines.path))
    after = run.added_to(before)
    assert after.calls["demo/A"].inputs == "new"
    assert "demo/B" not in after.calls, "nobody else need have changed it"
    assert "1 of them without an answer (s3:PutBucketVersioning)" in run.told()

    later = last_applied.Applied(before.calls, "2999-01-01T00:00:00+00:00")
    assert run.added_to(later) == later, "somebody has applied since"


def test_a_call_whose_process_died_before_the_run_did_keeps_the_writes_that_it_had_told_of(tmp_path: Path) -> None:
    lines = running_journal.start(str(tmp_path / "journal.json"))
    lines.begin("demo-test", "apply", "present")
    ahead = WriteAhead()
    ahead.begin(lines.path, "demo/Bucket")
    ahead.sending("s3", "CreateBucket")
    lines.call(call("demo/Bucket", status=records.FAILED, msg="the process died"))
    lines.leave()
    ((run, _lines),) = cut_off.found(str(tmp_path / "journal.json"))
    (bucket,) = run.document()["calls"]
    assert [(api["operation"], api["error"]) for api in bucket["api_calls"]] == [("CreateBucket", cut_off.NO_ANSWER)]


def test_a_plan_that_was_killed_leaves_nothing_to_tell(project: Project) -> None:
    project.role("demo", "- ansible.builtin.debug: {msg: hello}")
    lines = running_journal.start(str(project.folder / "journal.json"))
    lines.begin(project.host, "plan", "present")
    lines.call(call("demo/A"))
    lines.leave()
    outcome = project.converge("demo")
    assert "was cut off" not in outcome.output
    assert outcome.result["cut_off"] == []
    assert not list(project.folder.glob("*.jsonl"))


def test_an_older_run_whose_journal_could_not_be_written_is_kept_by_the_next(project: Project) -> None:
    project.role("demo", "- ansible.builtin.debug: {msg: hello}")
    lines = running_journal.start(str(project.folder / "journal.json"))
    lines.begin(project.host, "apply", "absent")
    lines.call(call("demo/A"))
    lines.end()
    lines.leave()
    outcome = project.converge("demo")
    assert "the journal of the last destroy of demo-test" in outcome.output
    document = json.loads(Path(outcome.result["cut_off"][0]).read_text())
    assert document["cut_off"] is False
    assert [each["key"] for each in document["calls"]] == ["demo/A"]


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ({"fine": "{{ demo_said.msg }}", "url": "{{ demo_said.url }}"}, "outputs.fine cannot be rendered: "),
        ({"fine": "{{ demo_said.changed }}", "url": "{{ demo_said.url }}"}, "outputs.url cannot be rendered: "),
        ({"system": "{{ demo_outputs }}"}, "outputs.system.urls.0 cannot be rendered: "),
        ("{{ demo_nothing }}", "outputs cannot be rendered: "),
        ("{{ demo_circle }}", "outputs.x.x.x"),
    ],
)
def test_outputs_that_fail_lose_no_record(project: Project, outputs: t.Any, says: str) -> None:
    project.role("demo", "- {name: Say, demo: {}, register: demo_said}")
    project.module("demo", "demo", MODULE)
    project.inventory(
        demo_outputs={"fine": "yes", "urls": ["{{ demo_said.url }}"]}, demo_circle={"x": "{{ demo_circle }}"}
    )
    applied = project.folder / "applied.json"
    outcome = project.converge("demo", outputs=outputs, applied=str(applied))
    assert outcome.result["failed"] is True
    assert says in outcome.result["msg"]
    assert outcome.result["msg"].startswith("Done: 1 changed")
    assert outcome.result["summary"]["changed"] == 1, "by this the playbooks know that there is something to keep"
    assert "outputs" not in outcome.result
    assert outcome.calls("changed") == ["Say"]
    assert set(last_applied.read(str(applied)).calls) == {"demo/Say"}


MODULE = """
from ansible.module_utils.basic import AnsibleModule

def main():
    module = AnsibleModule(dict())
    module.exit_json(changed=True)

if __name__ == "__main__":
    main()
"""
