"""Real servers for the tests: started on free ports of 127.0.0.1, stopped by process id."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

APP = Path(__file__).parent.parent
START_SECONDS = 180.0
# One for all requests, each of which has its own connection: a client of its own would read the system's certificates.
CLIENT = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Wait for a condition; the limit only ends a test that would hang."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.02)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Server:
    """A process that listens on a port, and that can be killed, paused and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """The command line."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it listens."""
        log = self.folder / "log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(self.command(), stdout=output, stderr=output)
        process = self.process

        def is_up() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"{self.command()[0]} ended: {log.read_text()[-2000:]}")
            return self.answers()

        wait_until(is_up, f"{self.command()[0]} on port {self.port}")

    def answers(self) -> bool:
        """Whether it serves."""
        return _listens(self.port)

    def kill(self) -> None:
        """End it without warning."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let it hang: it takes connections and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


class RedisServer(Server):
    """A Redis without persistence."""

    def command(self) -> list[str]:
        return [
            "/usr/bin/redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
            "--appendonly", "no", "--dir", str(self.folder),
        ]  # fmt: skip

    def call(self, *arguments: str) -> str:
        """Run one command."""
        return subprocess.run(
            ["/usr/bin/redis-cli", "-p", str(self.port), *arguments],
            check=True, capture_output=True, text=True, timeout=30,
        ).stdout.strip()  # fmt: skip


class MariaDbServer(Server):
    """A MariaDB with the database and user that the service is given."""

    USER = "transactions"
    PASSWORD = "local-test"
    DATABASE = "transactions"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.options: list[str] = []

    def command(self) -> list[str]:
        return [
            "/usr/sbin/mariadbd", "--no-defaults", f"--datadir={self.folder / 'data'}", "--user=root",
            "--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={self.folder / 'socket'}",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M",
            "--performance-schema=OFF", "--skip-name-resolve", *self.options,
        ]  # fmt: skip

    def require_tls(self, certificate: Path) -> None:
        """Refuse connections without TLS; the file has the key and the certificates to show."""
        self.options = ["--require-secure-transport=ON", f"--ssl-cert={certificate}", f"--ssl-key={certificate}"]

    def create(self) -> None:
        """Lay out the data folder, start, and make the user."""
        subprocess.run(
            [
                "/usr/bin/mariadb-install-db", "--no-defaults", f"--datadir={self.folder / 'data'}",
                "--user=root", "--skip-test-db", "--auth-root-authentication-method=normal",
            ],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        self.start()
        self.sql(
            f"CREATE DATABASE {self.DATABASE};"
            f"CREATE USER '{self.USER}'@'%' IDENTIFIED BY '{self.PASSWORD}';"
            f"GRANT ALL ON *.* TO '{self.USER}'@'%'"
        )

    def answers(self) -> bool:
        return (self.folder / "socket").exists() and _listens(self.port)

    def sql(self, statements: str, database: str = "") -> str:
        """Run statements as root, and return the rows as tab-separated lines."""
        return subprocess.run(
            [
                "/usr/bin/mariadb", "--no-defaults", f"--socket={self.folder / 'socket'}", "--user=root",
                "--batch", "--skip-column-names", "-e", statements, *([database] if database else []),
            ],
            check=True, capture_output=True, text=True, timeout=60,
        ).stdout.strip()  # fmt: skip

    def environment(self) -> dict[str, str]:
        """The variables that lead the service here."""
        return {
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.port),
            "DB_NAME": self.DATABASE,
            "DB_USER": self.USER,
            "DB_PASSWORD": self.PASSWORD,
        }


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process' environment without what would configure the service, and with what is given."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(extra)


def migrate(environment: Mapping[str, str]) -> None:
    """Run `alembic upgrade head` as a deployment does."""
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=APP, env=clean_environment(environment), check=True, capture_output=True, timeout=120,
    )  # fmt: skip


class Service:
    """`python -m transactions` as a process."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"service-{self.port}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "transactions"],
                cwd=APP,
                env=clean_environment({**environment, "PORT": str(self.port), "HOST": "127.0.0.1"}),
                stdout=output,
                stderr=output,
            )
        try:
            wait_until(self._is_live, "the service to start")
        except BaseException:
            self.end()
            raise

    def _is_live(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the service ended: {self.log.read_text()[-3000:]}")
        with contextlib.suppress(httpx.HTTPError):
            return CLIENT.get(f"{self.url}/health/live", timeout=2).status_code == 200
        return False

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request."""
        return CLIENT.request(method, self.url + path, timeout=10, **options)

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def end(self) -> None:
        """Make sure that it is gone."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
