#!/usr/bin/env python3
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Start a program that outlives the playbook, and stop it again by its process id.

The pid file holds the id and the start time, so an id that the system has given to another program
meanwhile is never taken for ours. Prints one JSON object, e.g. {"gateway": "started"}.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

Result = dict[str, str]

# Logs, state and whatever else the program writes are for nobody else.
PRIVATE = 0o077
# Seconds for a program to start or to end.
PATIENCE = 120


def running(pid_file: Path) -> psutil.Process | None:
    """The process that `pid_file` names, if that very process still runs."""
    try:
        pid, since = pid_file.read_text().split()
        process = psutil.Process(int(pid))
        alive = str(process.create_time()) == since and process.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return process if alive else None


def accepts(address: str) -> bool:
    """Whether something listens at `address`, which is unix:///path or host:port."""
    host, _, port = address.rpartition(":")
    try:
        if host == "unix":
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(port.removeprefix("//"))
        else:
            socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def start(directory: Path, name: str, listens: str, command: Sequence[str]) -> Result:
    """Start `command` in a session of its own, unless it runs already, and wait until it listens."""
    pid_file, log_file = directory / f"{name}.pid", directory / f"{name}.log"
    if running(pid_file):
        return {name: "running"}
    # What an emulator plays must not depend on the account of the person who starts it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # What an earlier version wrote others could read.
    log_file.unlink(missing_ok=True)
    with os.fdopen(os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as log:
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
            umask=PRIVATE,
        )
    pid_file.write_text(f"{started.pid} {psutil.Process(started.pid).create_time()}\n")
    deadline = time.monotonic() + PATIENCE
    while not accepts(listens):
        if started.poll() is not None or time.monotonic() > deadline:
            stop(directory, name)
            last_lines = "\n".join(log_file.read_text(errors="replace").splitlines()[-15:])
            raise SystemExit(f"{name} does not listen at {listens}. Its last output:\n{last_lines}")
        time.sleep(0.1)
    return {name: "started"}


def stop(directory: Path, name: str) -> Result:
    """Ask the process to end, wait, and end for good what is left of it and its children."""
    pid_file = directory / f"{name}.pid"
    process = running(pid_file)
    if process:
        family = [process, *process.children(recursive=True)]
        process.terminate()
        psutil.wait_procs([process], timeout=PATIENCE)
        # Children may take a moment to notice that their parent is gone.
        for left in psutil.wait_procs(family, timeout=2)[1]:
            left.kill()
    pid_file.unlink(missing_ok=True)
    return {name: "stopped" if process else "absent"}


def status(directory: Path, name: str) -> Result:
    """Whether the process runs."""
    return {name: "running" if running(directory / f"{name}.pid") else "absent"}


def main(arguments: Sequence[str]) -> Result:
    """Carry out the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="where NAME.pid and NAME.log are")
    verbs = parser.add_subparsers(dest="verb", required=True)
    starting = verbs.add_parser("start")
    starting.add_argument("name")
    starting.add_argument("listens", help="where the program will serve: unix:///path or host:port")
    starting.add_argument("command", nargs=argparse.REMAINDER)
    for verb in ("stop", "status"):
        verbs.add_parser(verb).add_argument("names", nargs="+")
    given = parser.parse_args(arguments)
    os.umask(PRIVATE)
    if given.verb == "start":
        return start(given.directory, given.name, given.listens, given.command)
    act = stop if given.verb == "stop" else status
    return {name: state for each in given.names for name, state in act(given.directory, each).items()}


if __name__ == "__main__":
    json.dump(main(sys.argv[1:]), sys.stdout)
