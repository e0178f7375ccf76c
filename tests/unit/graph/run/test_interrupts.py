"""Rule 6: the first wish to stop lets running calls end, the second ends them, and kill -9 leaves nobody writing."""

from __future__ import annotations

import json
import os
import signal
import time
import typing as t

import psutil
import pytest

from tests.support.background import wait_until
from tests.support.playbook import Project

WORK = """
from ansible.module_utils.basic import AnsibleModule
import os, time

def main():
    module = AnsibleModule(dict(folder=dict(type="path"), name=dict(), seconds=dict(type="float")))
    folder, name = module.params["folder"], module.params["name"]
    open(os.path.join(folder, name + ".started"), "w").close()
    time.sleep(module.params["seconds"])
    open(os.path.join(folder, name + ".ended"), "w").close()
    module.exit_json(changed=True)

if __name__ == "__main__":
    main()
"""
# Each says what it follows, or it would keep its place behind the one before it.
TASKS = """
- name: Long
  work: {folder: "{{ folder }}", name: long, seconds: "{{ seconds }}"}
  vars: {after: []}
  register: demo_long
- name: Next
  work: {folder: "{{ folder }}", name: next, seconds: 0}
  vars: {after: [demo_long]}
- name: Action
  ansible.builtin.pause: {seconds: "{{ seconds | int }}"}
  vars: {after: []}
- name: Patient
  work: {folder: "{{ folder }}", name: "patient", seconds: 0}
  vars: {after: []}
  register: demo_patient
  until: demo_patient is failed
  retries: 100
  delay: 60
"""


class Run:
    """A playbook run in the background."""

    def __init__(self, project: Project, seconds: float) -> None:
        self.folder = project.folder / "work"
        self.folder.mkdir()
        self.journal = project.folder / "journal.json"
        project.module("demo", "work", WORK)
        project.role("demo", TASKS)
        project.inventory(folder=str(self.folder), seconds=seconds)
        self.process = project.start("demo")
        self.wait_until(lambda: {"long", "patient"} <= self.started)
        self.descendants = psutil.Process(self.process.pid).children(recursive=True)

    @property
    def started(self) -> set[str]:
        return {path.stem for path in self.folder.glob("*.started")}

    @property
    def ended(self) -> set[str]:
        return {path.stem for path in self.folder.glob("*.ended")}

    def wait_until(self, holds: t.Callable[[], bool]) -> None:
        wait_until(holds, "the run to come to that", pause=0.02)

    def finish(self) -> str:
        """Wait for the playbook and all it started; what a user saw."""
        output, _nothing = self.process.communicate(timeout=60)
        _gone, alive = psutil.wait_procs(self.descendants, timeout=60)
        assert alive == []
        return str(output)

    def statuses(self) -> dict[str, str]:
        return {call["task"]: call["status"] for call in json.loads(self.journal.read_text())["calls"]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_rule_06_the_first_signal_lets_running_calls_end_and_starts_nothing_new(project: Project, number: int) -> None:
    run = Run(project, seconds=2)
    os.kill(run.process.pid, number)
    output = run.finish()
    assert run.process.returncode != 0
    assert "long" in run.ended
    assert "next" not in run.started
    assert run.statuses() == {"Long": "changed", "Next": "blocked", "Action": "ok", "Patient": "failed"}
    assert "waiting for running calls (Action, Long" in output
    assert "Run it again to continue from here" in output


def test_rule_06_the_second_signal_ends_what_runs_too(project: Project) -> None:
    run = Run(project, seconds=3600)
    os.kill(run.process.pid, signal.SIGINT)
    time.sleep(0.5)
    os.kill(run.process.pid, signal.SIGINT)
    run.finish()
    assert "long" not in run.ended
    assert run.statuses()["Long"] == "failed"
    assert run.statuses()["Next"] == "blocked"


def test_rule_06_kill_leaves_nobody_at_work(project: Project) -> None:
    run = Run(project, seconds=3600)
    run.process.kill()
    run.finish()
    assert "long" not in run.ended


def test_rule_06_an_interrupted_run_goes_on_where_it_stopped(project: Project) -> None:
    run = Run(project, seconds=1)
    os.kill(run.process.pid, signal.SIGINT)
    run.finish()
    project.role("demo", TASKS.replace("is failed", "is changed"))
    again = project.converge("demo")
    assert again.returncode == 0, again.output
    assert "next" in run.started


def test_rule_06_marks_of_runs_are_cleared_away(project: Project) -> None:
    runtime = project.folder / "runtime"
    runtime.mkdir(mode=0o700)
    project.environment["XDG_RUNTIME_DIR"] = str(runtime)
    run = Run(project, seconds=1)
    marks = runtime / "slipway"
    assert list(marks.glob(f"{run.process.pid}-*/*"))
    os.kill(run.process.pid, signal.SIGTERM)
    run.finish()
    assert not list(marks.glob(f"{run.process.pid}-*"))
