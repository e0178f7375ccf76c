"""Who has the lock: judged by one's own clock, never by somebody else's; and who has lost it writes no more."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import psutil
import pytest

from ansible_collections.slipway.graph.plugins.module_utils import lock_heart
from ansible_collections.slipway.graph.plugins.plugin_utils.run import locking
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import lock_keeper
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.write_ahead import Untold, WriteAhead
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.background import wait_until
from tests.support.playbook import Project

AWS = tuple[Project, ApiProxy]
HOUR = 3600
WAIT = """
from ansible.module_utils.basic import AnsibleModule
import os, time

def main():
    module = AnsibleModule(dict(folder=dict(type="path")))
    folder = module.params["folder"]
    open(os.path.join(folder, "started"), "w").close()
    while not os.path.exists(os.path.join(folder, "go")):
        time.sleep(0.05)
    module.exit_json(changed=True)

if __name__ == "__main__":
    main()
"""
TASKS = """
- {name: First, community.aws.sns_topic: {name: demo-first}, register: demo_first}
- {name: Wait, hold: {folder: "{{ folder }}"}, vars: {after: [demo_first]}, register: demo_wait}
- {name: Second, community.aws.sns_topic: {name: demo-second}, vars: {after: [demo_wait]}}
"""


class Table:
    """The table of locks, as one run sees it."""

    def __init__(self, proxy: ApiProxy, folder: Path) -> None:
        self.dynamodb = client(proxy, "dynamodb")
        self.folder = folder
        self.dynamodb.create_table(
            TableName="locks",
            KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def put(self, **attributes: str) -> None:
        """A lock as earlier versions wrote it, and what else is given."""
        given = {"Holder": "ann@elsewhere:1:1", "Reason": "rollout", "Since": "2026-01-01T00:00:00+00:00", **attributes}
        expires = {"N": given.pop("ExpiresAt", str(int(time.time()) - 1))}
        item = {name: {"S": value} for name, value in given.items()}
        self.dynamodb.put_item(TableName="locks", Item={"LockID": {"S": "demo-test"}, "ExpiresAt": expires, **item})

    def take(self, **seen: t.Any) -> dict[str, t.Any]:
        request = lock_keeper.Request(
            table="locks", key="demo-test", reason="test", process=os.getpid(), folder=str(self.folder)
        )
        return lock_keeper.Lock(self.dynamodb, t.cast("lock_keeper.Request", {**request, **seen})).take()

    def watch_until_taken(self) -> None:
        wait_until(lambda: "watch" in self.take(), "the lock to be in doubt")
        watch = locking.Watch({"key": "demo-test"})
        while True:
            answer = self.take(**watch.request(t.cast("lock_keeper.Request", {})))
            if not watch.goes_on(answer):
                break
        assert answer["took_over"]["expired"], answer


@pytest.fixture
def table(aws: AWS, tmp_path: Path) -> Table:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return Table(aws[1], folder)


@pytest.mark.parametrize("skew", [-HOUR, HOUR])
def test_a_lock_is_judged_by_watching_it_and_not_by_its_holders_clock(table: Table, skew: int) -> None:
    table.put(ExpiresAt=str(int(time.time()) + skew))
    first = table.take()
    assert not first["acquired"]
    assert first["holder"] == "ann@elsewhere:1:1"
    seen = first["watch"]
    assert table.take(seen=seen, seen_for=lock_keeper.LEASE_SECONDS - 1)["watch"] == seen
    taken = table.take(seen=seen, seen_for=lock_keeper.LEASE_SECONDS)
    assert taken == {
        "acquired": True,
        "took_over": {"holder": "ann@elsewhere:1:1", "since": "2026-01-01T00:00:00+00:00", "expired": True},
    }


def test_a_lock_that_is_renewed_while_it_is_watched_is_held(table: Table) -> None:
    table.put(Renewal="one")
    seen = table.take()["watch"]
    table.put(Renewal="two")
    answer = table.take(seen=seen, seen_for=HOUR)
    assert not answer["acquired"]
    assert "watch" not in answer


def test_who_has_renewed_within_the_lease_by_their_own_clock_is_not_watched(table: Table) -> None:
    table.put(ExpiresAt=str(int(time.time()) + 30))
    answer = table.take()
    assert not answer["acquired"]
    assert "watch" not in answer


def test_a_holder_with_a_longer_lease_is_watched_for_that_long(table: Table) -> None:
    table.put(Lease=str(HOUR))
    seen = table.take()["watch"]
    assert table.take(seen=seen, seen_for=HOUR - 1)["lease"] == HOUR


@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_equal_host_names_do_not_make_a_holder_a_process_of_this_machine(table: Table, part: int) -> None:
    # With a boot, a namespace, a user or a folder of its own, a number says nothing of whether a process is there.
    place = lock_keeper.place_of(table.folder).split(" ")
    place[part] = "another"
    table.put(Holder=f"ann@{socket.gethostname()}:{_number_of_nobody()}:1", Place=" ".join(place))
    assert not table.take()["acquired"]


def test_a_holder_of_this_machine_that_is_gone_is_not_waited_for(table: Table) -> None:
    holder = f"ann@{socket.gethostname()}:{_number_of_nobody()}:1"
    table.put(Holder=holder, Place=lock_keeper.place_of(table.folder))
    assert table.take()["took_over"]["expired"] is False


def test_writes_are_held_back_once_the_lock_is_lost(tmp_path: Path) -> None:
    heart = lock_keeper.Heart(tmp_path / "heart", "demo-test", lock_heart.now() + HOUR)
    ahead = WriteAhead()
    ahead.begin("", "", [str(heart.path)])
    ahead.sending("sns", "CreateTopic")
    heart.beat(lock_heart.now() - 1)
    with pytest.raises(Untold, match="the lock of demo-test was lost: it was not renewed in time"):
        ahead.sending("sns", "CreateTopic")
    heart.stop("bob@elsewhere:1:1 has it")
    with pytest.raises(Untold, match="the lock of demo-test was lost: bob@elsewhere:1:1 has it"):
        ahead.sending("sns", "CreateTopic")
    heart.beat(lock_heart.now() + HOUR)
    heart.let_go()  # and nobody else has it
    with pytest.raises(Untold, match="the process that renewed it has died"):
        ahead.sending("sns", "CreateTopic")


def test_a_folder_that_is_somebody_elses_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "slipway").symlink_to(elsewhere)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(lock_keeper.UnsafeFolderError, match="must be a folder of yours, no link"):
        lock_keeper.private_folder()


def test_a_folder_in_which_others_may_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    (tmp_path / "slipway").mkdir()
    (tmp_path / "slipway").chmod(0o777)
    with pytest.raises(lock_keeper.UnsafeFolderError, match="in which nobody else can write"):
        lock_keeper.private_folder()


def test_a_link_in_place_of_a_mark_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    precious = tmp_path / "precious"
    precious.write_text("all that I have")
    marks = tmp_path / "slipway" / f"{os.getpid()}-{lock_keeper.started_at(os.getpid())}"
    marks.mkdir(parents=True, mode=0o700)
    (tmp_path / "slipway").chmod(0o700)
    (marks / str(os.getpid())).symlink_to(precious)
    with pytest.raises(OSError, match="symbolic links"), lock_keeper.at_work(os.getpid()):
        pass
    assert precious.read_text() == "all that I have"


class Run:
    """A run that has the lock, has written, and waits before it writes again."""

    def __init__(self, aws: AWS, lease: float) -> None:
        self.project, self.proxy = aws
        self.work = self.project.folder / "work"
        self.work.mkdir()
        runtime = self.project.folder / "runtime"
        runtime.mkdir(mode=0o700)
        self.project.environment |= {"XDG_RUNTIME_DIR": str(runtime), "SLIPWAY_LOCK_LEASE_SECONDS": f"{lease}"}
        self.project.module("demo", "hold", WAIT)
        self.project.role("demo", TASKS)
        self.project.inventory(folder=str(self.work))
        self.process: subprocess.Popen[str] = self.project.start("demo", lock={"table": "locks"})
        started = self.work / "started"
        wait_until(lambda: started.exists() or self.process.poll() is not None, "the run to wait")
        assert started.exists(), self.process.communicate()[0]
        (heart,) = (runtime / "slipway").glob("*.lock")
        children = psutil.Process(self.process.pid).children(recursive=True)
        (self.keeper,) = (each for each in psutil.process_iter() if each not in children and _has_open(each, heart))
        self.all = [psutil.Process(self.process.pid), *children, self.keeper]

    def end(self) -> str:
        (self.work / "go").touch()
        output, _nothing = self.process.communicate(timeout=120)
        return str(output)

    def topics(self) -> list[str]:
        listed = client(self.proxy, "sns").list_topics()["Topics"]
        return [topic["TopicArn"].rpartition(":")[2] for topic in listed]

    def statuses(self) -> dict[str, str]:
        journal = json.loads((self.project.folder / "journal.json").read_text())
        return {call["task"]: call["status"] for call in journal["calls"]}


def test_a_run_that_slept_longer_than_its_lease_writes_no_more_beside_another(
    aws: AWS, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(aws, lease=4)
    for process in run.all:
        process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(lock_keeper, "LEASE_SECONDS", 4)
    table.watch_until_taken()
    for process in reversed(run.all):
        process.send_signal(signal.SIGCONT)
    output = run.end()
    assert run.process.returncode != 0
    assert "the lock of demo-test was lost" in output
    assert run.topics() == ["demo-first"]
    statuses = run.statuses()
    assert statuses["First"] == "changed"
    assert statuses["Second"] in {"blocked", "failed"}
    (item,) = table.dynamodb.scan(TableName="locks")["Items"]
    assert item["Reason"]["S"] == "test"  # the other's, whom nobody has disturbed


@pytest.mark.usefixtures("table")
def test_a_run_whose_keeper_was_killed_writes_no_more(aws: AWS) -> None:
    run = Run(aws, lease=60)
    run.keeper.kill()
    wait_until(lambda: not run.keeper.is_running(), "the keeper to end")
    output = run.end()
    assert run.process.returncode != 0
    assert "the lock of demo-test was lost: the process that renewed it has died" in output
    assert run.topics() == ["demo-first"]
    assert run.statuses()["First"] == "changed"


KILL_THE_KEEPER = """
import pathlib, psutil, sys
for process in psutil.process_iter():
    try:
        if any(each.path == sys.argv[1] for each in process.open_files()):
            process.kill()
            process.wait()
    except psutil.Error:
        pass
"""


@pytest.mark.usefixtures("table")
def test_what_runs_outside_of_a_graph_writes_no_more_either(aws: AWS) -> None:
    project, proxy = aws
    cluster = {"slipway.aws.ecs_cluster": {"name": "{{ item }}"},
               "environment": {"SLIPWAY_LOCK_HEART": "{{ run_locked.heart }}"}}  # fmt: skip
    outcome = project.run_plays([{"tasks": [
        {"name": "Lock", "slipway.graph.lock": {"table": "locks", "key": "demo-test"}, "register": "run_locked"},
        {"name": "Write", **cluster, "loop": ["first"]},
        {"name": "Kill", "ansible.builtin.command": {"argv": [sys.executable, "-c", KILL_THE_KEEPER,
                                                              "{{ run_locked.heart }}"]}},
        {"name": "Write again", **cluster, "loop": ["second"]},
    ]}])  # fmt: skip
    assert outcome.returncode != 0
    said = " ".join(outcome.output.split())
    assert "Nothing more was done: the lock of demo-test was lost: the process that renewed it has died." in said
    (arn,) = client(proxy, "ecs").list_clusters()["clusterArns"]
    assert arn.endswith("/first")


@pytest.mark.usefixtures("table")
def test_before_a_module_that_does_not_look_a_task_does(aws: AWS) -> None:
    project, proxy = aws
    look = {"slipway.graph.lock_held": {}, "environment": {"SLIPWAY_LOCK_HEART": "{{ run_locked.heart }}"}}
    topic = {"name": "Write", "community.aws.sns_topic": {"name": "late"}}
    kill = {"argv": [sys.executable, "-c", KILL_THE_KEEPER, "{{ run_locked.heart }}"]}
    outcome = project.run_plays([{"tasks": [
        {"name": "There is none yet", "slipway.graph.lock_held": {}, "register": "unlocked"},
        {"name": "Lock", "slipway.graph.lock": {"table": "locks", "key": "demo-test"}, "register": "run_locked"},
        {"name": "Look", **look, "register": "held"},
        {"name": "It is held", "ansible.builtin.assert": {"that": ["not unlocked.held", "held.held"]}},
        {"name": "Kill", "ansible.builtin.command": kill},
        {"name": "Look again", **look},
        topic,
    ]}])  # fmt: skip
    assert outcome.returncode != 0
    said = " ".join(outcome.output.split())
    assert "the lock of demo-test was lost: the process that renewed it has died. Nothing more was written" in said
    assert client(proxy, "sns").list_topics()["Topics"] == []


def _has_open(process: psutil.Process, path: Path) -> bool:
    try:
        return any(each.path == str(path) for each in process.open_files())
    except psutil.Error:
        return False


def _number_of_nobody() -> int:
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
    return process.pid
