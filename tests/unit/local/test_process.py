"""Programs that outlive a playbook: started once, stopped by their own id, and never mistaken for another."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.background import wait_until
from tests.support.emulators import free_port
from tests.support.paths import ROOT

PROCESS = ROOT / "roles/local/local_aws/files/process.py"
SERVER = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), None).serve_forever()"


def process(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program the way the role does."""
    command = [sys.executable, str(PROCESS), str(directory), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def start(directory: Path, port: int) -> dict[str, str]:
    """Start the test's server."""
    ran = process(directory, "start", "web", f"127.0.0.1:{port}", sys.executable, "-c", SERVER, str(port))
    assert ran.returncode == 0, ran.stderr
    states: dict[str, str] = json.loads(ran.stdout)
    return states


def states(directory: Path, verb: str) -> dict[str, str]:
    """What `status` or `stop` says."""
    said: dict[str, str] = json.loads(process(directory, verb, "web").stdout)
    return said


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A folder whose program is stopped after the test."""
    yield tmp_path
    process(tmp_path, "stop", "web")


def pid_of(directory: Path) -> int:
    """The id in the pid file."""
    return int((directory / "web.pid").read_text().split()[0])


def test_a_program_is_started_once_and_stopped_once(directory: Path) -> None:
    port = free_port()
    assert states(directory, "status") == {"web": "absent"}
    assert start(directory, port) == {"web": "started"}
    first = pid_of(directory)
    assert start(directory, port) == {"web": "running"}
    assert pid_of(directory) == first
    assert states(directory, "stop") == {"web": "stopped"}
    assert not psutil.pid_exists(first)
    assert states(directory, "stop") == {"web": "absent"}


def test_a_program_that_ends_at_once_is_shown_with_its_last_lines(directory: Path) -> None:
    ran = process(
        directory, "start", "web", f"127.0.0.1:{free_port()}", sys.executable, "-c", "raise SystemExit('no disk')"
    )
    assert ran.returncode != 0
    assert "web does not listen at 127.0.0.1:" in ran.stderr
    assert "no disk" in ran.stderr
    assert states(directory, "status") == {"web": "absent"}


def test_a_killed_program_is_started_again(directory: Path) -> None:
    port = free_port()
    start(directory, port)
    killed = psutil.Process(pid_of(directory))
    killed.kill()
    killed.wait(timeout=10)
    assert states(directory, "status") == {"web": "absent"}
    assert start(directory, port) == {"web": "started"}


def test_an_id_that_went_to_another_program_is_left_alone(directory: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (directory / "web.pid").write_text(f"{other.pid} 12345.67\n")
        assert states(directory, "status") == {"web": "absent"}
        assert states(directory, "stop") == {"web": "absent"}
        assert other.poll() is None
        other.communicate(b"\n")


def test_what_a_program_started_ends_with_it(directory: Path) -> None:
    port = free_port()
    child = f"import subprocess, sys; subprocess.Popen(['sleep', '600']); {SERVER}"
    ran = process(directory, "start", "web", f"127.0.0.1:{port}", sys.executable, "-c", child, str(port))
    assert ran.returncode == 0, ran.stderr
    (sleeper,) = psutil.Process(pid_of(directory)).children()
    assert states(directory, "stop") == {"web": "stopped"}
    # Whoever adopted it may not have taken notice of its end yet.
    wait_until(
        lambda: not sleeper.is_running() or sleeper.status() == psutil.STATUS_ZOMBIE, "what the program started to end"
    )


def test_logs_and_whatever_a_program_writes_are_for_its_owner_alone(directory: Path) -> None:
    log = directory / "web.log"
    log.write_text("of an earlier version")
    log.chmod(0o644)
    port, written = free_port(), directory / "state"
    script = f"open({str(written)!r}, 'w').close(); {SERVER}"
    ran = process(directory, "start", "web", f"127.0.0.1:{port}", sys.executable, "-c", script, str(port))
    assert ran.returncode == 0, ran.stderr
    modes = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}
    assert modes == {"web.log": 0o600, "web.pid": 0o600, "state": 0o600}
