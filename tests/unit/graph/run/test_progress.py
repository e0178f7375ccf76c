"""Rule 14: what people see while a run goes on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import typing as t

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.record import critical_path, records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.run.progress import Progress
from tests.support.emulators import program
from tests.support.playbook import Project

ERASE = "\x1b[K"
LOOK = """
from ansible.module_utils.basic import AnsibleModule
import time

def main():
    module = AnsibleModule(dict(seconds=dict(type="float", default=0)), supports_check_mode=True)
    time.sleep(module.params["seconds"])
    module.exit_json(changed=True)

if __name__ == "__main__":
    main()
"""


class Screen:
    """Takes the place of Ansible's display and keeps what it is given, with the time that the tests set."""

    def __init__(self, verbosity: int = 0) -> None:
        self.verbosity = verbosity
        self.shown: list[str] = []
        self.time = 0.0

    def display(self, text: str, newline: bool = True, **_style: t.Any) -> None:
        self.shown.append(text + ("\n" if newline else ""))

    def progress(self, planning: bool = False, **options: t.Any) -> Progress:
        return Progress(t.cast(t.Any, self), planning, **{"columns": None, "clock": lambda: self.time, **options})


def call(status: str, **values: t.Any) -> CallRecord:
    given = {"role": "vpc", "task": "Make the VPC", "location": "vpc/main.yml:3", "module": "m", "order": (0, 0)}
    return CallRecord(**{**given, "status": status, "seconds": 1.23, **values})


def running() -> list[tuple[str, float]]:
    return [("vpc: Make the VPC", 3.4), ("rds: Make the instance", 421.0)]


def test_rule_14_a_line_per_finished_call_counts_on() -> None:
    screen = Screen()
    progress = screen.progress()
    progress.show(call(records.CHANGED), 9, 142)
    progress.show(call(records.FAILED, msg="no more VPCs"), 10, 142)
    progress.show(call(records.SKIPPED), 11, 142)
    assert screen.shown == [
        "[  9/142] changed  vpc: Make the VPC  1.2 s\n",
        "[ 10/142] failed   vpc: Make the VPC  1.2 s\n    vpc/main.yml:3: no more VPCs\n",
    ]


def test_rule_07_an_apply_shows_the_differences_that_a_module_tells() -> None:
    screen = Screen()
    changed = call(records.CHANGED, diff=[{"name": "/etc/motd", "before": "old", "after": "new"}])
    screen.progress().show(changed, 1, 1)
    screen.progress(planning=True).show(changed, 1, 1)
    assert screen.shown[1:] == ["      ~ /etc/motd: old -> new\n"]


def test_rule_14_verbose_shows_all_calls_and_what_they_asked_of_the_api() -> None:
    screen = Screen(verbosity=1)
    api = [{"service": "ec2", "operation": "DescribeVpcs", "seconds": 0.12, "error": "Throttling"}]
    screen.progress(planning=True).show(call(records.SKIPPED, api_calls=api), 1, 1)
    assert screen.shown == [
        "[1/1] skipped  vpc: Make the VPC  1.2 s\n", "      ec2:DescribeVpcs 0.12 s Throttling\n"
    ]  # fmt: skip


def test_rule_14_on_a_terminal_a_live_line_shows_what_runs_longest_and_gives_way_to_others() -> None:
    screen = Screen()
    with screen.progress(columns=50) as progress:
        progress.show(call(records.OK), 37, 142)
        screen.time = 0.1
        progress.tick(running)
        assert len(screen.shown) == 1, "drawn again too soon"
        screen.time = 0.3
        progress.tick(running)
        line = "[ 37/142] rds: Make the instance 7 min 01 s, vpc"
        assert screen.shown[1:] == [f"{line}…{ERASE}\r"]
        assert len(line) + 1 < 50
        progress.show(call(records.OK), 38, 142)
        assert screen.shown[2] == ERASE
    assert len(screen.shown) == 4, "erased a line that was not there"


def test_rule_14_whatever_ends_the_run_the_live_line_is_gone() -> None:
    screen = Screen()
    with pytest.raises(ValueError, match="refused"), screen.progress(columns=80) as progress:
        screen.time = 1.0
        progress.tick(running)
        raise ValueError("refused")
    assert screen.shown[1:] == [ERASE]


def test_rule_06_when_ansible_is_on_its_way_out_nothing_is_said() -> None:
    screen = Screen()
    with screen.progress(columns=80, is_silent=lambda: screen.time > 1) as progress:
        screen.time = 1.0
        progress.tick(running)
        screen.time = 2.0
        progress.tick(running)
        progress.show(call(records.FAILED), 1, 1)
    assert len(screen.shown) == 1


def test_rule_14_without_a_terminal_only_a_long_wait_is_mentioned() -> None:
    screen = Screen()
    progress = screen.progress()
    screen.time = 59.0
    progress.tick(running)
    assert screen.shown == []
    screen.time = 61.0
    progress.tick(running)
    progress.tick(running)
    assert screen.shown == ["running  rds: Make the instance 7 min 01 s, vpc: Make the VPC 3 s\n"]


def test_rule_14_several_hosts_name_themselves_and_share_no_live_line() -> None:
    screen = Screen()
    progress = screen.progress(prefix="demo-test ", columns=80)
    progress.show(call(records.OK), 1, 1)
    screen.time = 1.0
    progress.tick(running)
    assert screen.shown == ["demo-test [1/1] ok       vpc: Make the VPC  1.2 s\n"]


def test_rule_14_the_critical_path_follows_the_needs_and_not_the_time_alone() -> None:
    calls = [
        call(records.OK, task=name, order=(index, 0), started=started, seconds=seconds)
        for index, (name, started, seconds) in enumerate(
            [("network", 0, 2), ("apart", 0, 6), ("skipped", 0, 0), ("database", 2.5, 7), ("quick", 2, 1)]
        )
    ]
    needs = {0: [], 1: [], 2: [0], 3: [2], 4: [0]}
    path = critical_path.chain(calls, needs)
    assert [each.task for each in path] == ["network", "database"]
    assert critical_path.lines(critical_path.entries(path)) == [
        "Critical path, 9.5 s:", "  2.0 s  vpc: network", "  7.0 s  vpc: database"
    ]  # fmt: skip
    assert critical_path.lines(critical_path.entries(path), limit=1)[1:] == [
        "  7.0 s  vpc: database", "  and 1 shorter calls between them"
    ]  # fmt: skip
    assert critical_path.chain([], {}) == []


@pytest.fixture
def slow(project: Project) -> Project:
    """A role with a call that takes long enough to be watched."""
    project.module("demo", "look", LOOK)
    project.role("demo", "- {name: Slow, look: {seconds: 2}}\n- {name: Quick, look: {}, vars: {after: []}}")
    return project


def test_rule_14_plain_lines_when_not_on_a_terminal(slow: Project) -> None:
    outcome = slow.converge("demo")
    assert "changed  demo: Quick" in outcome.output
    assert "\r" not in outcome.output
    assert "\x1b" not in outcome.output


def test_rule_14_a_real_terminal_sees_the_live_line(slow: Project) -> None:
    slow.converge("demo")  # writes the playbook
    shown = in_terminal(slow, columns=100)
    assert re.search(rf"\[1/2\] demo: Slow [1-9]\d* s{re.escape(ERASE)}\r", shown), shown
    assert shown.index("[1/2] demo: Slow") < shown.index("[2/2] changed  demo: Slow")


def test_rule_14_the_task_result_lists_every_call(slow: Project) -> None:
    outcome = slow.converge("demo")
    assert [(each["task"], each["status"], each["key"]) for each in outcome.result["calls"]] == [
        ("Slow", "changed", "demo/Slow"), ("Quick", "changed", "demo/Quick")
    ]  # fmt: skip


def in_terminal(project: Project, columns: int) -> str:
    """Run the project's playbook on a terminal of this width; what that was given."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, **project.environment, "ANSIBLE_CONFIG": str(project.folder / "ansible.cfg"),
                   "TERM": "xterm", "ANSIBLE_NOCOLOR": "1"}  # fmt: skip
    process = subprocess.Popen(
        [program("ansible-playbook"), "play.yml"], cwd=project.folder, env=environment,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # the last one has closed the terminal
        pass
    finally:
        os.close(ours)
    assert process.wait(timeout=60) == 0, shown.decode()
    return shown.decode()
