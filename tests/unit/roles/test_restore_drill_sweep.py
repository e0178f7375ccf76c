"""What is left of a restore drill: deleted when its playbook ends, however it ends, and nothing else is."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import boto3
import pytest

from tests.support import emulators
from tests.support.background import wait_until
from tests.support.paths import ROOT

SWEEP = ROOT / "roles/operations/drill_database/files/sweep.py"
NAME = "demo-drill"
DRILL = [{"Key": "slipway:purpose", "Value": "restore-drill"}, {"Key": "slipway:drill", "Value": "now"}]
OTHER_DRILL = [DRILL[0], {"Key": "slipway:drill", "Value": "long ago"}]


class Account:
    """An empty account with what a drill makes."""

    def __init__(self, endpoint: str) -> None:
        self.settings = {**os.environ, **emulators.CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}
        session = boto3.Session("123456789012", "emulated", region_name="eu-central-1")
        self.rds = session.client("rds", endpoint_url=endpoint)
        self.secrets = session.client("secretsmanager", endpoint_url=endpoint)

    def make_server(self, tags: list[dict[str, str]]) -> None:
        self.rds.create_db_instance(
            DBInstanceIdentifier=NAME, Engine="mysql", DBInstanceClass="db.t3.micro", AllocatedStorage=20,
            MasterUsername="drill", MasterUserPassword="of-the-drill", Tags=tags,
        )  # fmt: skip

    def make_secret(self, tags: list[dict[str, str]]) -> None:
        self.secrets.create_secret(Name=NAME, SecretString="{}", Tags=tags)

    def left(self) -> set[str]:
        servers = ["server" for _ in self.rds.describe_db_instances()["DBInstances"]]
        secrets = ["secret" for _ in self.secrets.list_secrets()["SecretList"]]
        return {*servers, *secrets}


@pytest.fixture
def account(moto: str) -> Account:
    emulators.reset_moto(moto)
    return Account(moto)


@pytest.fixture
def playbook(account: Account, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running ansible-playbook that has asked for the sweep, in a process group of its own."""
    program = tmp_path / "ansible-playbook"
    program.write_text(
        "import subprocess, sys, time\n"
        f"subprocess.run([sys.executable, {str(SWEEP)!r}, '--after-playbook', '--drill=now', {NAME!r}], check=True)\n"
        "print('asked', flush=True)\n"
        "time.sleep(300)\n"
    )
    running = subprocess.Popen(
        [sys.executable, program], env=account.settings, stdout=subprocess.PIPE, start_new_session=True
    )
    assert running.stdout
    assert running.stdout.readline() == b"asked\n"
    yield running
    for process in (running.pid, *guards()):
        with contextlib.suppress(ProcessLookupError):  # a guard ends by itself
            os.kill(process, signal.SIGKILL)
    running.wait()
    running.stdout.close()


def guards() -> list[int]:
    """The processes that wait for a playbook of this test, or look once more."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_text().split("\0")
            found += [int(process.name)] if {str(SWEEP), "--after-playbook"} <= set(command) else []
    return found


def sweep(account: Account, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SWEEP, *arguments, NAME], env=account.settings, capture_output=True, text=True, check=False
    )


def test_killed_playbook_leaves_nothing_of_its_drill(account: Account, playbook: subprocess.Popen[bytes]) -> None:
    account.make_secret(DRILL)
    account.make_server(DRILL)
    os.killpg(playbook.pid, signal.SIGKILL)
    wait_until(lambda: not account.left(), "what was left to go")


def test_running_playbook_keeps_what_it_has(account: Account, playbook: subprocess.Popen[bytes]) -> None:
    account.make_secret(DRILL)
    time.sleep(1)
    assert playbook.poll() is None
    assert account.left() == {"secret"}


def test_server_that_comes_after_the_end_is_deleted_too(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    # A module outlives a killed playbook by the request that it is in.
    module = load(monkeypatch, account)
    account.make_secret(DRILL)
    looked: list[bool] = []

    def pause(_seconds: float) -> None:
        if not account.left() and not looked:
            looked.append(True)
            account.make_server(DRILL)

    monkeypatch.setattr(module.time, "sleep", pause)
    module.finish(NAME, "now")
    assert looked
    assert account.left() == set()


def load(monkeypatch: pytest.MonkeyPatch, account: Account) -> ModuleType:
    """The script as a module of this process."""
    for name in ("AWS_ENDPOINT_URL", *emulators.CREDENTIALS):
        monkeypatch.setenv(name, account.settings[name])
    found = importlib.util.spec_from_file_location("sweep", SWEEP)
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_guard_of_one_drill_leaves_another_drill_alone(account: Account) -> None:
    account.make_secret(OTHER_DRILL)
    account.make_server(OTHER_DRILL)
    assert sweep(account, "--drill=now").returncode == 0
    assert account.left() == {"server", "secret"}


def test_next_drill_removes_what_an_earlier_one_left(account: Account) -> None:
    account.make_secret(OTHER_DRILL)
    account.make_server(OTHER_DRILL)
    assert sweep(account).stdout == f"server {NAME}\nsecret {NAME}"
    assert account.left() == set()


def test_server_that_is_not_of_a_drill_is_refused(account: Account) -> None:
    account.make_server([])
    ran = sweep(account)
    assert ran.returncode != 0
    assert f"the server {NAME} does not belong to a drill: it lacks the tag slipway:purpose=restore-drill" in ran.stderr
    assert account.left() == {"server"}
