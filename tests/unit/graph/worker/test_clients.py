"""What a warm process keeps of botocore."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import boto3
import botocore.client
import botocore.hooks
import botocore.session
import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.worker import clients, server
from tests.support.paths import ROOT

COLLECTIONS = ROOT / "collections"


@pytest.fixture(autouse=True)
def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A botocore that keeps, for as long as a test runs."""
    for owner, name in [
        (boto3.session, "Session"),
        (botocore.session.Session, "create_client"),
        (botocore.hooks.EventAliaser, "_alias_event_name"),
    ]:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "unused")
    clients.keep_event_names()
    clients.keep_sessions()
    clients.keep_clients()


def test_an_equal_request_gets_the_same_session_and_client() -> None:
    first, second = boto3.session.Session(), boto3.session.Session()
    assert first is second
    assert first.client("sts", region_name="eu-central-1") is second.client("sts", region_name="eu-central-1")


def test_other_options_get_another_client() -> None:
    session = boto3.session.Session()
    assert session.client("sts", region_name="eu-central-1") is not session.client("sts", region_name="eu-west-1")


def test_other_credentials_in_the_environment_get_another_session_and_client(monkeypatch: pytest.MonkeyPatch) -> None:
    first = boto3.session.Session().client("sts", region_name="eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "second")
    second = boto3.session.Session().client("sts", region_name="eu-central-1")
    assert first is not second
    credentials = boto3.session.Session().get_credentials()
    assert credentials and credentials.access_key == "second"


def test_renamed_events_are_still_renamed() -> None:
    aliaser: t.Any = botocore.hooks.EventAliaser(botocore.hooks.HierarchicalEmitter())
    assert aliaser._alias_event_name("before-call.autoscaling") == "before-call.auto-scaling"
    assert aliaser._alias_event_name("before-call.ec2") == "before-call.ec2"


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"AWS_REGION": "eu-central-1"}, id="credentials and Region"),
        pytest.param({}, id="no Region"),
        pytest.param({"AWS_PROFILE": "does-not-exist"}, id="a profile that does not exist"),
    ],
)
def test_warming_up_ends_well_whatever_the_environment_says(settings: dict[str, str]) -> None:
    """In a process of its own: modules must find themselves outside the controller."""
    environment = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_CONFIG_FILE": os.devnull, **settings}
    needs = {"modules": ["no.such.module"], "services": ["sts", "no-such-service"], "environment": environment}
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(server.__file__).parent)!r})
import server
before = dict(os.environ)
server.prepare([{str(COLLECTIONS)!r}, *sys.path])
server.warm_up({needs!r})
assert dict(os.environ) == before
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
