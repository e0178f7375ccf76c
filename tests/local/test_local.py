"""The local environment without an engine: what it refuses, what survives, what it leaves behind."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.local import LocalEnvironment, emulators_alone
from tests.support.paths import ROOT


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[LocalEnvironment]:
    """One for a test."""
    with emulators_alone(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    """One that is up, for the tests that leave it so."""
    with emulators_alone(tmp_path_factory.mktemp("started")) as made:
        assert changed(made.succeed("playbooks/local_up.yml")) > 0
        yield made


def changed(output: str) -> int:
    """The number of changed tasks in Ansible's recap."""
    return int(output.rpartition("changed=")[2].split()[0])


def test_up_may_be_repeated(started: LocalEnvironment) -> None:
    assert changed(started.succeed("playbooks/local_up.yml")) == 0


def test_only_loopback_is_listened_on(started: LocalEnvironment) -> None:
    ports = (started.port, started.port + 1)
    addresses = {
        connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in ports
    }
    assert addresses == {"127.0.0.1"}


def test_down_may_be_repeated_and_state_survives(started: LocalEnvironment) -> None:
    started.client("s3").create_bucket(Bucket="kept")
    started.client("s3").put_object(Bucket="kept", Key="word", Body=b"still here")
    started.client("ssm").put_parameter(Name="/kept", Value="so am I", Type="String")
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/cluster/api",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling = started.client("application-autoscaling", f"http://127.0.0.1:{started.port + 1}")
    scaling.register_scalable_target(**target, MinCapacity=2, MaxCapacity=7)

    assert changed(started.succeed("playbooks/local_down.yml")) > 0
    assert started.left_behind() == []
    assert changed(started.succeed("playbooks/local_down.yml")) == 0
    started.succeed("playbooks/local_up.yml")

    assert started.client("s3").get_object(Bucket="kept", Key="word")["Body"].read() == b"still here"
    assert started.client("ssm").get_parameter(Name="/kept")["Parameter"]["Value"] == "so am I"
    (kept,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (kept["ResourceId"], kept["MaxCapacity"]) == (target["ResourceId"], 7)


def test_a_port_in_use_is_named_before_anything_is_started(environment: LocalEnvironment) -> None:
    with socket.create_server(("127.0.0.1", environment.port)):
        ran = environment.play("playbooks/local_up.yml")
    assert ran.returncode != 0
    assert f"Port {environment.port} on 127.0.0.1, which the gateway needs, is in use" in " ".join(ran.stdout.split())
    assert "SLIPWAY_LOCAL_PORT" in ran.stdout
    assert not environment.directory.exists()


def test_an_engine_that_does_not_answer_is_named(environment: LocalEnvironment, tmp_path: Path) -> None:
    environment.settings |= {"SLIPWAY_LOCAL_ENGINE": "auto", "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    ran = environment.play("playbooks/local_up.yml")
    assert ran.returncode != 0
    assert f"DOCKER_HOST is unix://{tmp_path}/nobody.sock, but no Docker engine answers" in " ".join(ran.stdout.split())
    assert not environment.directory.exists()


def test_without_an_engine_it_says_what_to_install(environment: LocalEnvironment, tmp_path: Path) -> None:
    """A machine without dockerd is one whose PATH does not have it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "id", "env", "python3", "ps"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    ran = environment.play(
        "playbooks/local_up.yml", "-e", "local_aws_engine=private", "-e", f"local_aws_path={programs}"
    )
    assert ran.returncode != 0
    message = " ".join(ran.stdout.split())
    assert "because these are missing: dockerd, iptables, ip, mmdebstrap" in message.replace("root, ", "")
    assert "apt-get install docker.io iptables iproute2 mmdebstrap" in message
    assert not environment.directory.exists()


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("SLIPWAY_LOCAL_PORT", "80", "local_aws_gateway_port is 80; allowed: 1024 to"),
        ("SLIPWAY_LOCAL_ACCOUNT", "mine", "local_aws_account_id (mine) must have 12 digits"),
        (
            "SLIPWAY_LOCAL_ENGINE",
            "podman",
            "value of local_aws_engine must be one of: auto, private, none, got: podman",
        ),
    ],
)
def test_bad_settings_are_refused(environment: LocalEnvironment, setting: str, value: str, named: str) -> None:
    ran = LocalEnvironment(ROOT, **{**environment.settings, setting: value}).play("playbooks/local_up.yml")
    assert ran.returncode != 0
    assert named in " ".join(ran.stdout.split())
    assert not environment.directory.exists()


def test_before_it_is_up_whoever_needs_it_is_told_how_to_start_it(environment: LocalEnvironment) -> None:
    ran = environment.play("site.yml", "--check")
    assert ran.returncode != 0
    assert "The local environment has not been started yet: run playbooks/local_up.yml first." in " ".join(
        ran.stdout.split()
    )
