"""Starts the emulators of molecule scenarios, and what reads their accounts; stops all by their process ids.

With SLIPWAY_HARD in the environment the roles reach them through a proxy that does what AWS does and emulators do not;
it says which behaviours, or all. The account is read without it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.support.emulators import CREDENTIALS, Command, command_of, free_port, wait_for  # noqa: E402 - after the path


def start(directory: Path, kinds: list[str]) -> None:
    """Start them in sessions of their own, so that they outlive this program, and write down where they are."""
    running: dict[str, dict[str, t.Any]] = {}
    commands = {kind: command_of(kind, free_port()) for kind in kinds}
    for kind, command in commands.items():
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
    for kind in commands.keys() & {"moto", "ministack"}:
        beside = commands.get("autoscaling") if kind == "ministack" else None
        proxy = start_proxy(directory, commands[kind], beside)
        if proxy:
            running[f"proxy of {kind}"] = proxy
            for each in (kind, *(["autoscaling"] if beside else [])):
                running[each]["url"] = proxy["url"]
        running[f"account of {kind}"] = start_reader(kind, commands[kind], beside, proxy)
        record(directory).write_text(json.dumps(running))


def start_proxy(directory: Path, emulator: Command, beside: Command | None) -> dict[str, t.Any] | None:
    """Start what makes an emulator, and the one beside it, as hard as AWS, if that was asked for."""
    behaviours = os.environ.get("SLIPWAY_HARD")
    if not behaviours:
        return None
    port = free_port()
    options = [f"--beside=application-autoscaling={beside.url}"] if beside else []
    with (directory / f"hard{port}.log").open("w+b") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.hard.server", str(port), emulator.url, "--behaviours", behaviours,
             *options],
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'collections'}"},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        wait_for(f"http://127.0.0.1:{port}/hard/ready", process, log)
    return {"pid": process.pid, "url": f"http://127.0.0.1:{port}"}


def start_reader(
    kind: str, emulator: Command, beside: Command | None, proxy: dict[str, t.Any] | None
) -> dict[str, t.Any]:
    """Start what reads the account of an emulator and of the one beside it, and wait until it listens."""
    port = free_port()
    endpoints = {
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": (beside or emulator).url,
    }
    options = [f"--reset={each.reset}" for each in (emulator, beside) if each]
    if proxy:
        options += [f"--reset={proxy['url']}/hard/reset", f"--tell={proxy['url']}/hard/changed"]
    if kind == "ministack" and not beside:
        options.append("--without=application-autoscaling")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.account_server", str(port), *options],
        env={**os.environ, **CREDENTIALS, **endpoints},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    with Path(os.devnull).open("rb") as log:
        wait_for(f"http://127.0.0.1:{port}/ready", process, log)
    return {"pid": process.pid, "url": f"http://127.0.0.1:{port}"}


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
    parser.add_argument("kinds", nargs="*", help="moto, ministack, autoscaling")
    options = parser.parse_args()
    stop(options.directory)
    if options.action == "start":
        start(options.directory, options.kinds)


if __name__ == "__main__":
    main()
