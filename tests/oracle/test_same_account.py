"""The oracle: the roles in a plain play and the roles through converge make the same account.

Both run at the same time, each on emulators of its own. The accounts are read through the API and compared kind by
kind, with names in the place of ids.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle.ways import Accounts, Way, both, read
from tests.support import account, system

ROLES = ["store", *system.SYSTEM["system_roles"]]

# What each role makes. A role of the system that is not here, or makes none of it, fails.
MADE_BY = {
    "store": ["bucket", "table"],
    "kms": ["key"],
    "vpc": ["vpc", "subnet", "internet gateway", "NAT gateway", "address", "route table", "gateway endpoint"],
    "security_groups": ["security group"],
    "secrets": ["secret"],
    "log_groups": ["log group"],
    "ecr": ["repository"],
    "s3_buckets": ["bucket"],
    "rds": ["database", "database subnet group", "database parameter group"],
    "elasticache": ["cache", "cache subnet group"],
    "backup": ["backup vault", "backup plan", "backup selection"],
    "alb": ["load balancer", "listener", "target group"],
    "ecs_cluster": ["cluster", "log group"],
    "ecs_services": ["role", "service", "task definition", "scaling target", "scaling policy"],
    "lambda_functions": ["function", "role", "queue"],
    # Who may invoke the function is compared with it, and how often a secret is rotated with the secret.
    "rotation_schedules": ["function", "secret"],
    "alarms": ["alarm"],
    "dashboards": ["dashboard"],
}

# Attributes that are not compared, by kind, with the reason.
NOT_COMPARED: dict[str, dict[str, str]] = {}


def made(folder: Path, way: Way) -> account.Account:
    """The account as one way makes it."""
    with system.emulated() as environment:
        system.play(folder, environment, way(["store"]))
        system.record_release(environment)
        system.play(folder, environment, way(system.SYSTEM["system_roles"]))
        return read(folder, environment)


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    """Both accounts."""
    return both(made, tmp_path_factory.mktemp)


def _of_slipway(resources: dict[str, account.Resource]) -> list[str]:
    return [name for name in resources if system.HOST in name or name.startswith("slipway-")]


def test_every_role_of_the_system_is_compared() -> None:
    assert sorted(MADE_BY) == sorted(ROLES)
    assert {kind for kinds in MADE_BY.values() for kind in kinds} <= set(account.READERS)


@pytest.mark.parametrize(("role", "kind"), [(role, kind) for role, kinds in MADE_BY.items() for kind in kinds])
def test_role_makes_resources_of_the_kind(accounts: Accounts, role: str, kind: str) -> None:
    assert _of_slipway(accounts.plain[kind]), f"{role} made no {kind} in a plain play"


@pytest.mark.parametrize("kind", account.READERS)
def test_plain_play_and_converge_make_the_same(accounts: Accounts, kind: str) -> None:
    left_out = NOT_COMPARED.get(kind, {})
    plain, graph = (
        {
            name: {key: value for key, value in resource.items() if key not in left_out}
            for name, resource in way[kind].items()
        }
        for way in accounts
    )
    assert plain == graph
