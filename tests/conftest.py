"""What every test may use."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Plugins are imported by the names Ansible gives them; the checkout itself carries tests.support.
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from tests.support import emulators  # noqa: E402 - after the paths
from tests.support.api_proxy import ApiProxy  # noqa: E402
from tests.support.playbook import Project  # noqa: E402


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project without AWS: its endpoint refuses connections."""
    return Project(tmp_path)


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """One moto for all tests; each test empties it first."""
    with emulators.moto() as url:
        yield url


@pytest.fixture
def aws(tmp_path: Path, moto: str) -> Iterator[tuple[Project, ApiProxy]]:
    """A project on an empty account, seen through a counting proxy."""
    emulators.reset_moto(moto)
    with ApiProxy(moto) as proxy:
        yield Project(tmp_path, proxy.url), proxy
