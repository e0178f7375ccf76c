"""A local environment beside the user's own: a copy of the checkout, free ports, an account of its own."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import shutil
import socket
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import boto3
import psutil
from botocore.session import Session

from tests.support.emulators import program
from tests.support.paths import ROOT

# Of an account that no other environment on this engine has.
ACCOUNT = "000000004711"
REGION = "us-east-1"


def free_ports() -> int:
    """A port that is free like those an environment derives from it.

    Below those that Linux gives away by itself: minutes pass until all of them are taken.
    """
    for first in random.sample(range(20000, 30000, 10), 1000):
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for port in (first, first + 1, first + 1000, first + 2000):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise RuntimeError("127.0.0.1 has no free ports from 20000 to 32000")


def copy_checkout(target: Path) -> None:
    """Copy what git knows of the checkout, and what it would take, to a repository of one commit."""
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name, follow_symlinks=False)
    git(target, "init", "--quiet")
    commit(target, "The checkout under test")


def git(repository: Path, *arguments: str) -> str:
    """Run git and return what it prints."""
    return subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True, text=True).stdout


def commit(repository: Path, message: str) -> str:
    """Commit everything and return the commit as build.yml names images by it."""
    git(repository, "add", "--all")
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    git(repository, *identity, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(repository, "rev-parse", "--short=12", "HEAD").strip()


class LocalEnvironment:
    """The environment, reached like a user does: by playbooks, the API and Docker."""

    def __init__(self, checkout: Path, engine: str = "auto", systems: str = "transactions", **settings: str) -> None:
        self.checkout = checkout
        self.systems = systems
        self.directory = checkout / ".slipway" / "local"
        self.port = free_ports()
        # What a person would export.
        self.settings = {
            "SLIPWAY_LOCAL_PORT": str(self.port),
            "SLIPWAY_LOCAL_DIR": str(self.directory),
            "SLIPWAY_LOCAL_ACCOUNT": ACCOUNT,
            "SLIPWAY_LOCAL_ENGINE": engine,
            **settings,
        }

    @property
    def url(self) -> str:
        """The AWS gateway."""
        return f"http://127.0.0.1:{self.port}"

    def play(self, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook of the checkout; output and errors come together, as on a terminal."""
        limit = [] if "--limit" in arguments else ["--limit", self.systems]
        return subprocess.run(
            [program("ansible-playbook"), "-i", "inventories/local", playbook, *limit, *arguments],
            cwd=self.checkout,
            env={**os.environ, **self.settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def succeed(self, playbook: str, *arguments: str) -> str:
        """Run a playbook that must succeed and return its output."""
        ran = self.play(playbook, *arguments)
        assert ran.returncode == 0, ran.stdout[-6000:]
        return ran.stdout

    def client(self, service: str, url: str = "") -> t.Any:
        """A boto3 client for a service of the environment."""
        return _client(service, url or self.url, self.access_key())

    @property
    def credentials_file(self) -> Path:
        """Where its access key is."""
        return self.directory / "credentials"

    def access_key(self) -> tuple[str, str]:
        """Id and secret of the key that may do everything in it."""
        session = Session(profile="slipway-local")
        session.set_config_variable("credentials_file", str(self.credentials_file))
        session.set_config_variable("config_file", os.devnull)
        found = session.get_credentials()
        assert found, f"no key in {self.credentials_file}"
        return found.access_key, found.secret_key

    def docker(self, *arguments: str) -> str:
        """Run the Docker client against the environment's engine; its registry takes the password that ECR gives."""
        host = os.environ.get("DOCKER_HOST", "")
        private = Path(f"/run/slipway{self.port}/docker.sock")
        helper = ROOT / "roles/delivery/images_push/files"
        key = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), self.access_key(), strict=True))
        return subprocess.run(
            ["docker", *arguments],
            env={
                **os.environ,
                **key,
                "AWS_ENDPOINT_URL": self.url,
                "AWS_DEFAULT_REGION": REGION,
                "DOCKER_HOST": f"unix://{private}" if private.exists() else host,
                "DOCKER_CONFIG": str(helper / "docker"),
                "PATH": os.pathsep.join((str(helper), str(Path(sys.executable).parent), os.environ["PATH"])),
            },
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def left_behind(self) -> list[str]:
        """Processes, network interfaces and packet filter rules of this environment."""
        bridge = f"slipway{self.port}"
        found = [
            f"process {process.info['pid']} {process.info['cmdline'][:4]}"
            for process in psutil.process_iter(["pid", "cmdline"])
            if str(self.directory) in " ".join(process.info["cmdline"] or ())
        ]
        found += [f"interface {name}" for name in psutil.net_if_addrs() if name == bridge]
        found += [f"rule {rule}" for rule in packet_filter_rules() if bridge in rule]
        found += [f"mount {each.mountpoint}" for each in psutil.disk_partitions(all=True)
                  if each.mountpoint.startswith(str(self.directory))]  # fmt: skip
        return found


@functools.cache  # making one takes longer than most calls
def _client(service: str, url: str, access_key: tuple[str, str]) -> t.Any:
    return boto3.client(
        service,  # type: ignore[call-overload]  # the name is a variable here
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=access_key[0],
        aws_secret_access_key=access_key[1],
    )


def packet_filter_rules() -> list[str]:
    """All rules, where one may see them."""
    path = os.environ["PATH"] + os.pathsep + "/usr/sbin"
    program_path = shutil.which("iptables-save", path=path)
    if not program_path or os.geteuid() != 0:
        return []
    return subprocess.run([program_path], capture_output=True, text=True, check=True).stdout.splitlines()


@contextlib.contextmanager
def local_environment(checkout: Path, engine: str = "auto") -> Iterator[LocalEnvironment]:
    """An environment that is up; afterwards it is down, and nothing of it is left."""
    copy_checkout(checkout)
    environment = LocalEnvironment(checkout, engine)
    try:
        environment.succeed("playbooks/local_up.yml")
        yield environment
    finally:
        environment.succeed("playbooks/local_down.yml", "-e", "local_aws_keep_state=false")
    assert environment.left_behind() == []


@contextlib.contextmanager
def emulators_alone(folder: Path) -> Iterator[LocalEnvironment]:
    """An environment without an engine, not started yet, whose state is below a folder; it is down afterwards."""
    made = LocalEnvironment(ROOT, engine="none", SLIPWAY_LOCAL_DIR=str(folder / "local"))
    made.directory = folder / "local"
    yield made
    if not made.directory.exists():
        return
    made.succeed("playbooks/local_down.yml", "-e", "local_aws_keep_state=false")
    assert made.left_behind() == []
