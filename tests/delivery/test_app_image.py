"""The image of transactions as it is built for release: small, unprivileged, read-only, and quick to stop."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.background import wait_until
from tests.support.local import LocalEnvironment

NAME = "transactions-local"
# python:3.11-slim-bookworm has about 130 MB, and the image has to stay under 220 MB. What checks the signatures of
# tokens (cryptography) takes 11 MB of that.
LAYERS_BYTES = 90_000_000
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=512m")
SQLITE = {
    "APP_ENVIRONMENT": "local", "AUTHENTICATION": "none", "DB_SQLITE_PATH": "/dev/shm/transactions.db",  # noqa: S108
}  # fmt: skip
KEY = "a-key-for-nothing-but-this-one-test"
MYSQL = {"DB_NAME": "transactions", "DB_USER": "transactions", "DB_PASSWORD": "for-this-test"}


@dataclass
class Engine:
    """The environment's engine; containers that were started here end with the test."""

    local: LocalEnvironment
    image: str
    base_image: str
    started: list[str]

    def docker(self, *arguments: str) -> str:
        """Run the Docker client."""
        return self.local.docker(*arguments).strip()

    def start(self, image: str, *options: str, **environment: str) -> str:
        """Start a container and return its name."""
        name = f"app-image-{uuid.uuid4().hex[:8]}"
        self.started.append(name)
        variables = [f"--env={key}={value}" for key, value in environment.items()]
        self.docker("run", "--detach", f"--name={name}", *options, *variables, image)
        return name

    def inspect(self, name: str) -> dict[str, Any]:
        """What the engine knows of a container or an image."""
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", name))
        return found[0]

    def address(self, name: str) -> str:
        """A container's address."""
        networks = self.inspect(name)["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    def ask(self, name: str, path: str) -> tuple[int, Any]:
        """The status and body of a GET, 0 if nothing answers."""
        try:
            url = f"http://{self.address(name)}:8080{path}"
            request = urllib.request.Request(url, headers={"Authorization": f"Bearer {KEY}"})
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, None

    def wait_until_ready(self, name: str) -> None:
        """Wait for the service in a container to be ready."""
        deadline = time.monotonic() + 60
        while self.ask(name, "/health/ready")[0] != 200:
            assert time.monotonic() < deadline, self.docker("logs", "--tail=20", name)
            time.sleep(0.1)


@pytest.fixture(scope="module")
def built(local: LocalEnvironment, provisioning: object) -> Engine:
    """The image, built as a release is, while the systems are provisioned."""
    local.succeed("playbooks/build.yml", "--limit", "transactions")
    result = json.loads((local.checkout / ".slipway" / NAME / "build.json").read_text())
    return Engine(local, result["images"]["api"], "slipway.local/python:3.11", [])


@pytest.fixture
def engine(built: Engine) -> Iterator[Engine]:
    """The engine with the built image."""
    yield built
    while built.started:
        name = built.started.pop()
        try:
            built.docker("rm", "--force", "--volumes", name)
        except subprocess.CalledProcessError as error:
            assert "No such container" in error.stderr, error.stderr


def test_image_adds_little_to_its_base(engine: Engine) -> None:
    added = engine.inspect(engine.image)["Size"] - engine.inspect(engine.base_image)["Size"]
    assert added < LAYERS_BYTES


def test_image_declares_what_a_deployment_relies_on(engine: Engine) -> None:
    config = engine.inspect(engine.image)["Config"]
    assert config["User"] == "10001:10001"
    assert config["ExposedPorts"] == {"8080/tcp": {}}
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "transactions.probe"]
    assert len(config["Labels"]["org.opencontainers.image.revision"]) >= 12


def test_image_holds_no_secret_of_the_build(engine: Engine) -> None:
    history = engine.docker("history", "--no-trunc", "--format={{.CreatedBy}}", engine.image)
    assert "index-url" not in history
    left = engine.docker(
        "run",
        "--rm",
        "--user=0",
        engine.image,
        "sh",
        "-c",
        "ls /run/secrets /etc/pip.conf /root/.config 2>/dev/null; true",
    )
    assert left == ""


def test_image_carries_the_authorities_of_databases_in_rds(engine: Engine) -> None:
    count = "import os, ssl; print(len(ssl.create_default_context(cafile=os.environ['DB_TLS_CA']).get_ca_certs()))"
    assert int(engine.docker("run", "--rm", engine.image, "python", "-c", count)) > 50


def test_service_runs_hardened_and_becomes_healthy(engine: Engine) -> None:
    name = engine.start(engine.image, *HARDENED, "--health-interval=1s", **SQLITE)
    engine.wait_until_ready(name)
    assert engine.ask(name, "/version")[1]["instance"] == engine.inspect(name)["Config"]["Hostname"]
    wait_until(lambda: engine.inspect(name)["State"]["Health"]["Status"] == "healthy", "the container to be healthy")
    assert engine.docker("exec", name, "id", "-u") == "10001"


def test_several_workers_share_metrics_on_a_read_only_root(engine: Engine) -> None:
    name = engine.start(engine.image, *HARDENED, WEB_CONCURRENCY="2", **SQLITE)
    engine.wait_until_ready(name)
    url = f"http://{engine.address(name)}:8080/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert b"http_requests_total" in answer.read()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_stop_is_graceful(engine: Engine, workers: str) -> None:
    name = engine.start(engine.image, *HARDENED, WEB_CONCURRENCY=workers, **SQLITE)
    engine.wait_until_ready(name)
    engine.docker("stop", "--time=30", name)
    assert engine.inspect(name)["State"]["ExitCode"] == 0
    assert '"event":"stopped"' in engine.docker("logs", name)


def test_wrong_configuration_is_one_message(engine: Engine) -> None:
    printed = engine.docker("run", "--rm", engine.image, "sh", "-c", "python -m transactions 2>&1; echo exit $?")
    assert "DB_HOST is missing" in printed
    assert printed.endswith("exit 78")
    assert "Traceback" not in printed


def test_migration_and_service_work_on_the_databases_image(engine: Engine) -> None:
    database = engine.start(
        "slipway.local/mysql:8.4", MYSQL_ROOT_PASSWORD="root-of-this-test", MYSQL_DATABASE=MYSQL["DB_NAME"],
        MYSQL_USER=MYSQL["DB_USER"], MYSQL_PASSWORD=MYSQL["DB_PASSWORD"],
    )  # fmt: skip
    environment = {**MYSQL, "DB_HOST": engine.address(database)}
    variables = [f"--env={key}={value}" for key, value in environment.items()]
    for attempt in range(60):
        try:
            engine.docker("run", "--rm", *HARDENED, *variables, engine.image, "alembic", "upgrade", "head")
            break
        except subprocess.CalledProcessError as error:
            assert attempt < 59, error.stdout + error.stderr
            time.sleep(1)
    name = engine.start(engine.image, *HARDENED, API_KEYS__TEST=KEY, **environment)
    engine.wait_until_ready(name)
    assert engine.ask(name, "/transaction") == (200, {"items": [], "next_cursor": None})
    engine.docker("kill", database)
    status, problem = engine.ask(name, "/transaction")
    assert (status, problem["type"]) == (503, "urn:problem:database-unavailable")
    engine.docker("start", database)
    engine.wait_until_ready(name)
