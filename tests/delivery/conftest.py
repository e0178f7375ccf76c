"""The local environment with real containers, once for all delivery tests."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.delivery.releases import ITEMS, NAME, QUICKLY, Functions, System
from tests.support.local import LocalEnvironment, commit, local_environment


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    """Up, with an engine; its checkout is a copy that tests may change and commit to."""
    with local_environment(tmp_path_factory.mktemp("local") / "checkout") as environment:
        # As in an account: the demo lets everybody on this machine call.
        variables = environment.checkout / "inventories/local/host_vars" / f"{NAME}.yml"
        variables.write_text("---\ntransactions_authentication: required\n")
        commit(environment.checkout, "Callers need a key")
        yield environment


@pytest.fixture(scope="session")
def provisioning(local: LocalEnvironment) -> Iterator[Future[None]]:
    """All systems of the environment are provisioned, while something else goes on: databases take their time."""

    def provision() -> None:
        for playbook in ("bootstrap", "site"):
            local.succeed(f"playbooks/{playbook}.yml", "--limit", "all")

    with ThreadPoolExecutor() as pool:
        yield pool.submit(provision)


@pytest.fixture(scope="session")
def delivered(local: LocalEnvironment, provisioning: Future[None]) -> LocalEnvironment:
    """All systems of the environment, delivered once, the way a user does it."""
    provisioning.result()
    local.succeed("playbooks/deliver.yml", "--limit", "all", *QUICKLY)
    return local


@pytest.fixture(scope="session")
def system(delivered: LocalEnvironment, tmp_path_factory: pytest.TempPathFactory) -> System:
    """The system "transactions"."""
    return System(delivered, tmp_path_factory.mktemp("images"), NAME, "/version")


@pytest.fixture(scope="session")
def items(delivered: LocalEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Functions:
    """The system "items"."""
    return Functions(delivered, tmp_path_factory.mktemp("packages"), ITEMS, "/health")
