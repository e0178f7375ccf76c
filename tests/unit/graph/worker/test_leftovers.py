"""Modules run one after the other in one process, and none finds what another has left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import WarmProcesses, _Process
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import barrier, leftovers, reads, server
from tests.support.playbook import Project

LEAVES_A_FOLDER = """
import os
from ansible.module_utils.basic import AnsibleModule

def main():
    module = AnsibleModule(dict(how=dict()), supports_check_mode=True)
    with open(os.path.join(module.tmpdir, "part"), "w") as file:
        file.write("part")
    if module.params["how"] == "crash":
        raise RuntimeError("crashed")
    module.exit_json(changed=False, folder=module.tmpdir)

if __name__ == "__main__":
    main()
"""


def run(worker: server.Worker, monkeypatch: pytest.MonkeyPatch, main: t.Callable[[], None], **more: str) -> t.Any:
    """Run a module that is this function."""
    monkeypatch.setitem(sys.modules, "untidy", types.SimpleNamespace(main=main))
    request = server.Request(
        id=1, module="untidy", path="", args=b"{}", environment=more, mode="apply", expected=None, journal="", key="",
        fresh=False, guarded=False, utils=[],
    )  # fmt: skip
    return worker.run(request)


def test_a_module_finds_the_process_as_the_one_before_it_did(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def state() -> tuple[t.Any, ...]:
        mask = os.umask(0)
        os.umask(mask)
        handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1)]
        return (
            Path.cwd(), mask, handlers, dict(os.environ), list(sys.path), list(sys.argv), sys.stdout,
            socket.getdefaulttimeout(), signal.getitimer(signal.ITIMER_REAL)[0],
        )  # fmt: skip

    def main() -> None:
        seen.append(os.environ["GIVEN"])
        os.chdir(tmp_path)
        os.umask(0o777)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 3600)
        os.environ["LEFT"] = "yes"
        os.environ.pop("HOME", None)
        sys.path.insert(0, "/nowhere")
        sys.argv[:] = ["untidy"]
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - an untidy module
        socket.setdefaulttimeout(0.001)

    seen: list[str] = []
    before = state()
    answer = run(server.Worker(barrier.Seam()), monkeypatch, main, GIVEN="given")
    assert seen == ["given"]
    assert state() == before
    assert not answer["spoilt"]


@pytest.mark.parametrize("is_daemon", [True, False])
def test_a_process_in_which_a_thread_goes_on_runs_no_other_module(
    monkeypatch: pytest.MonkeyPatch, is_daemon: bool
) -> None:
    ended = threading.Event()
    monkeypatch.setattr(leftovers, "PATIENCE_SECONDS", 0.01)
    thread = threading.Thread(target=ended.wait, daemon=is_daemon)
    try:
        assert run(server.Worker(barrier.Seam()), monkeypatch, thread.start)["spoilt"]
    finally:
        ended.set()
        thread.join()
    assert not run(server.Worker(barrier.Seam()), monkeypatch, lambda: None)["spoilt"]


@pytest.mark.parametrize("is_spoilt", [True, False])
def test_a_spoilt_process_is_left_for_a_new_one(is_spoilt: bool) -> None:
    ours, theirs = socket.socketpair()
    processes = object.__new__(WarmProcesses)
    process = _Process(ours)
    processes._busy, processes._idle = {ours: process}, []
    with contextlib.closing(theirs):
        server.send_frame(theirs, server.Answer(id=1, result="{}", crash=None, spoilt=is_spoilt))
        assert processes.collect(ours) is not None
        assert processes._idle == ([] if is_spoilt else [process])
        assert (ours.fileno() == -1) == is_spoilt
    ours.close()


@pytest.mark.parametrize("how", ["end", "crash"])
@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_a_temporary_folder_of_a_module_is_removed(project: Project, how: str, arguments: tuple[str, ...]) -> None:
    project.environment["HOME"] = str(project.folder)
    project.role("demo", f"- {{name: Leave, leave: {{how: {how}}}, register: demo_left}}\n")
    project.module("demo", "leave", LEAVES_A_FOLDER)
    outcome = project.converge("demo", arguments=arguments)
    assert outcome.calls("ok" if how == "end" else "failed") == ["Leave"]
    assert list((project.folder / ".ansible" / "tmp").glob("ansible-moduletmp-*")) == []


def test_threads_that_read_side_by_side_keep_their_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = reads.Reads()
    failures: list[Exception] = []

    def read(number: int) -> None:
        try:
            for turn in range(400):
                kept.keep((number, turn), {"answer": number})
                kept.find((number, turn))
        except Exception as error:
            failures.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failures == []
    assert kept.find((7, 399)) == {"answer": 7}


def test_a_thread_that_sends_lets_no_other_wait_for_a_write_that_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(barrier, "_sleep", slept.append)
    seam = barrier.Seam()
    seam.begin("plan")
    seam.writes.append(barrier.Write(service="ec2", operation="ModifyVpcAttribute", parameters={}))
    sending, done = threading.Event(), threading.Event()

    def send(*_arguments: t.Any) -> dict[str, t.Any]:
        seam.sleep(1)  # botocore, before it tries again
        sending.set()
        done.wait(10)
        return {}

    meta = types.SimpleNamespace(
        service_model=types.SimpleNamespace(service_name="ec2"), endpoint_url="http://127.0.0.1:9", region_name="x"
    )
    asker = types.SimpleNamespace(meta=meta, _get_credentials=lambda: None)
    thread = threading.Thread(target=seam.intercept, args=(send, asker, "DescribeVpcs", {}))
    thread.start()
    assert sending.wait(10)
    seam.sleep(30)
    done.set()
    thread.join()
    assert slept == [1]
