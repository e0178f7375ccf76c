"""Starts the emulators of a molecule scenario, and stops them by their process ids."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.emulators import command_of, free_port, wait_for


def start(directory: Path, kinds: list[str]) -> None:
    """Start them in sessions of their own, so that they outlive this program, and write down where they are."""
    running = {}
    for kind in dict.fromkeys(kinds):
        command = command_of(kind, free_port())
        with (directory / f"{kind}.log").open("wb") as log:
            process = subprocess.Popen(
                command.arguments,
                env={**os.environ, **command.settings, "HOME": str(directory)},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory, start_new_session=True,
            )  # fmt: skip
        running[kind] = {"pid": process.pid, "url": command.url}
        record(directory).write_text(json.dumps(running))
        with (directory / f"{kind}.log").open("rb") as log:
            wait_for(command.ready, process, log)


def stop(directory: Path) -> None:
    """Stop what `start` wrote down."""
    if not record(directory).exists():
        return
    for emulator in json.loads(record(directory).read_text()).values():
        end(emulator["pid"])
    record(directory).unlink()


def end(pid: int) -> None:
    """End a process and wait until it is gone; ask again with force after ten seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(0.05)
        except ProcessLookupError:
            return


def record(directory: Path) -> Path:
    """Where the emulators are written down."""
    return directory / "emulators.json"


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["start", "stop"])
    parser.add_argument("directory", type=Path)
    parser.add_argument("kinds", nargs="*", help="moto, ministack")
    options = parser.parse_args()
    stop(options.directory)
    if options.action == "start":
        start(options.directory, options.kinds)


if __name__ == "__main__":
    main()
