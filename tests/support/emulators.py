"""Starts an AWS emulator on a free port of 127.0.0.1 and stops it by its process id."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import typing as t
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.support.paths import ROOT

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "123456789012",
    "AWS_SECRET_ACCESS_KEY": "emulated-secret-key",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Command(t.NamedTuple):
    """How to start an emulator: the program, its settings, where it will be, what answers when it is ready and what
    empties it."""

    arguments: list[str]
    settings: dict[str, str]
    url: str
    ready: str
    reset: str


MOTO = Path(__file__).with_name("moto_server.py")
MINISTACK = Path(__file__).with_name("ministack_server.py")
AUTOSCALING = ROOT / "roles/local/local_aws/files/autoscaling.py"


def command_of(kind: str, port: int) -> Command:
    """The command of a fresh emulator.

    ``moto``; ``ministack`` without a container engine; ``autoscaling``, which scales the services of the latter.
    """
    url = f"http://127.0.0.1:{port}"
    if kind != "ministack":
        script = MOTO if kind == "moto" else AUTOSCALING
        arguments = [program("python"), str(script), "-p", str(port)]
        # Nobody here starts an instance from a public image.
        settings = {"MOTO_IAM_LOAD_MANAGED_POLICIES": str(kind == "moto"), "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
        return Command(arguments, settings, url, f"{url}/moto-api/data.json", f"{url}/moto-api/reset")
    settings = {
        "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "EDGE_PORT": str(port),
        "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "DOCKER_HOST": "unix:///nonexistent",
    }  # fmt: skip
    return Command(
        [program("python"), str(MINISTACK)], settings, url, f"{url}/_ministack/health", f"{url}/_ministack/reset"
    )


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """A fresh moto; yields its URL."""
    with _running(command_of("moto", free_port())) as url:
        yield url


def reset_moto(url: str) -> None:
    """Empty the account."""
    post(f"{url}/moto-api/reset")


def post(url: str) -> None:
    """Ask an emulator to do something."""
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=30):
        pass


@contextlib.contextmanager
def ministack() -> Iterator[str]:
    """A fresh MiniStack without a container engine; yields its URL."""
    with _running(command_of("ministack", free_port())) as url:
        yield url


@contextlib.contextmanager
def autoscaling() -> Iterator[str]:
    """Application Auto Scaling beside MiniStack, as the local environment has it; yields its URL."""
    with _running(command_of("autoscaling", free_port())) as url:
        yield url


def program(name: str) -> str:
    """A program of the virtualenv that runs the tests."""
    return str(Path(sys.executable).with_name(name))


@contextlib.contextmanager
def _running(command: Command) -> Iterator[str]:
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as home:
        # MiniStack leaves behind what it unpacks functions to.
        environment = {**os.environ, **command.settings, "HOME": home, "TMPDIR": home}
        process = subprocess.Popen(command.arguments, env=environment, stdout=log, stderr=log, cwd=home)
        try:
            wait_for(command.ready, process, log)
            yield command.url
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: t.IO[bytes]) -> None:
    """Return when the emulator answers; raise with the end of its log if it ended instead."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log.seek(0)
            raise RuntimeError(f"the emulator ended early: {log.read()[-2000:].decode(errors='replace')}")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.1)
    raise RuntimeError(f"no answer from {url}")
