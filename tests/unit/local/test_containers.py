"""Containers of the local environment: as their task definition says."""

from __future__ import annotations

import importlib
import sys
import typing as t

import pytest

from tests.support.paths import ROOT


@pytest.fixture
def containers(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[t.Any]:
    monkeypatch.syspath_prepend(str(ROOT / "roles/local/local_aws/files"))
    module = importlib.import_module("containers")
    monkeypatch.setattr(module, "build", lambda *_: {"labels": {"own": "label"}, "command": None})
    yield module
    del sys.modules["containers"]


def test_a_container_gets_what_its_definition_says(containers: t.Any) -> None:
    definition = {
        "readonlyRootFilesystem": True, "user": "10001:10001", "entryPoint": ["python"], "stopTimeout": 90,
        "healthCheck": {"command": ["CMD", "true"], "interval": 10, "startPeriod": 20},
    }  # fmt: skip
    assert containers.options(definition, {"memory": "512"}) == {
        "command": None, "read_only": True, "user": "10001:10001", "entrypoint": ["python"],
        "mem_limit": "512m", "memswap_limit": "512m", "labels": {"own": "label", "slipway.stop-timeout": "90"},
        "healthcheck": {"test": ["CMD", "true"], "interval": 10**10, "timeout": 5 * 10**9, "retries": 3,
                        "start_period": 2 * 10**10},
    }  # fmt: skip


def test_a_container_has_a_limit_of_its_own_and_fargates_time_to_stop(containers: t.Any) -> None:
    given = containers.options({"memory": 128}, {"memory": "512"})
    assert given["mem_limit"] == "128m"
    assert given["labels"]["slipway.stop-timeout"] == "30"
    assert given["read_only"] is False
    assert not given.keys() & {"user", "entrypoint", "healthcheck"}


@pytest.mark.parametrize(("label", "seconds"), [("90", 90), ("500", 120), (None, 30)])
def test_a_container_is_stopped_in_its_time(
    containers: t.Any, monkeypatch: pytest.MonkeyPatch, label: str | None, seconds: int
) -> None:
    seen: list[t.Any] = []

    class Container:
        labels: t.ClassVar[dict[str, str]] = {"slipway.stop-timeout": label} if label else {}

        def stop(self, timeout: int) -> None:
            seen.append(timeout)

    monkeypatch.setattr(containers, "remove", lambda _engine, _container: seen.append("removed"))
    containers.stop_and_remove(object(), Container())
    assert seen == [seconds, "removed"]
