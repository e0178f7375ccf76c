"""Real servers for the tests: started on free ports of 127.0.0.1, stopped by process id."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

START_SECONDS = 180.0


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path, **environment: str) -> Iterator[None]:
    """A program that listens on a port; afterwards it is gone."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment})
    try:
        deadline = time.monotonic() + START_SECONDS
        while not listens(port):
            assert process.poll() is None, f"{command[0]} ended: {log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{command[0]} does not listen"
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    """Whether a port accepts connections."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class MariaDb:
    """A MariaDB of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.socket = folder / "socket"

    @contextlib.contextmanager
    def running(self) -> Iterator[MariaDb]:
        """The server while it runs."""
        layout = ["--no-defaults", f"--datadir={self.folder / 'data'}", "--user=root"]
        subprocess.run(
            ["/usr/bin/mariadb-install-db", *layout, "--skip-test-db", "--auth-root-authentication-method=normal"],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        command = [
            "/usr/sbin/mariadbd", *layout, "--bind-address=127.0.0.1", f"--port={self.port}",
            f"--socket={self.socket}", "--innodb-flush-log-at-trx-commit=0", "--performance-schema=OFF",
            "--skip-name-resolve", "--character-set-server=utf8mb4",
        ]  # fmt: skip
        with running(command, self.port, self.folder / "log"):
            yield self

    def sql(self, statements: str, database: str = "") -> str:
        """Run statements as root, and return the rows as tab-separated lines."""
        return subprocess.run(
            ["/usr/bin/mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "--batch",
             "--default-character-set=utf8mb4", "--skip-column-names", "-e", statements,
             *([database] if database else [])],
            check=True, capture_output=True, text=True, timeout=120,
        ).stdout.strip()  # fmt: skip


@contextlib.contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """MiniStack without containers; yields its URL."""
    port = free_port()
    settings = {
        "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "EDGE_PORT": str(port), "HOME": str(folder),
        "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "DOCKER_HOST": "unix:///nonexistent",
    }  # fmt: skip
    with running([str(Path(sys.executable).with_name("ministack"))], port, folder / "log", **settings):
        yield f"http://127.0.0.1:{port}"
