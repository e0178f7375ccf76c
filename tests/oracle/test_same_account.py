"""The oracle: the roles in a plain play and the roles through converge make the same account.

Both run at the same time, each on emulators of its own. The accounts are read through the API and compared kind by
kind, with names in the place of ids.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import typing as t
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
import yaml

from tests.support import account, emulators

ROOT = Path(__file__).parents[2]
HOST = "transactions-dev"
SYSTEM = yaml.safe_load((ROOT / "playbooks/group_vars/transactions.yml").read_text())
ROLES = ["store", *SYSTEM["system_roles"]]
BUCKET = f"slipway-{emulators.CREDENTIALS['AWS_ACCESS_KEY_ID']}-{emulators.CREDENTIALS['AWS_REGION']}"

# What each role makes. A role of the system that is not here, or makes none of it, fails.
MADE_BY = {
    "store": ["bucket", "table"],
    "kms": ["key"],
    "vpc": ["vpc", "subnet", "internet gateway", "NAT gateway", "address", "route table"],
    "security_groups": ["security group"],
    "secrets": ["secret"],
    "log_groups": ["log group"],
    "ecr": ["repository"],
    "rds": ["database", "database subnet group", "database parameter group"],
    "elasticache": ["cache", "cache subnet group"],
    "alb": ["load balancer", "listener", "target group"],
    "ecs_cluster": ["cluster"],
    "ecs_services": ["role", "service", "task definition", "scaling target", "scaling policy"],
}

# Everything runs on MiniStack but this, which it lacks.
ELSEWHERE = "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING"

# Attributes that are not compared, by kind, with the reason.
NOT_COMPARED: dict[str, dict[str, str]] = {}

PLAY: dict[str, t.Any] = {
    "hosts": "all",
    "gather_facts": False,
    "module_defaults": {
        f"group/{collection}.aws.aws": {"region": "{{ aws_region }}"}
        for collection in ("amazon", "community", "slipway")
    },
}


class Accounts(t.NamedTuple):
    """The account as each way made it."""

    plain: account.Account
    graph: account.Account


@contextlib.contextmanager
def _emulated() -> Iterator[dict[str, str]]:
    """The environment of a fresh account with one release in its ledger."""
    with emulators.ministack() as url, emulators.autoscaling() as scaling:
        yield {**emulators.CREDENTIALS, "AWS_ENDPOINT_URL": url, ELSEWHERE: scaling}


def _play(folder: Path, environment: dict[str, str], content: dict[str, t.Any]) -> None:
    playbook = folder / "play.yml"
    playbook.write_text(yaml.safe_dump([{**PLAY, **content}], sort_keys=False))
    variables = [ROOT / "playbooks/group_vars/all.yml", ROOT / "playbooks/group_vars/transactions.yml",
                 ROOT / "tests/oracle/inputs.yml"]  # fmt: skip
    finished = subprocess.run(
        [emulators.program("ansible-playbook"), "-i", str(ROOT / "inventories/dev"), str(playbook),
         *(f"--extra-vars=@{path}" for path in variables)],
        cwd=ROOT, env={**os.environ, **environment, "ANSIBLE_PIPELINING": "true"},
        capture_output=True, text=True, check=False, timeout=1200,
    )  # fmt: skip
    (folder / "output").write_text(finished.stdout + finished.stderr)
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]


def _release(environment: dict[str, str]) -> None:
    """Services are made with their first release, so there is one, of an image that nobody starts."""
    s3 = boto3.client(
        "s3", endpoint_url=environment["AWS_ENDPOINT_URL"], region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key="none",
    )  # fmt: skip
    image = f"registry.example/api@sha256:{'0' * 64}"
    release = {"id": "20260101T000000Z-abc", "commit": "abc", "created_at": "2026-01-01T00:00:00Z",
               "images": {"api": image}, "status": "good"}  # fmt: skip
    for name, document in ((release["id"], release), ("current", {"id": release["id"]})):
        s3.put_object(Bucket=BUCKET, Key=f"releases/{HOST}/{name}.json", Body=json.dumps(document).encode())


def _plain(roles: list[str]) -> dict[str, t.Any]:
    return {"roles": roles}


def _graph(roles: list[str]) -> dict[str, t.Any]:
    return {"tasks": [{"name": "Converge", "slipway.graph.converge": {"roles": roles}}]}


def _made(folder: Path, ways: t.Callable[[list[str]], dict[str, t.Any]]) -> account.Account:
    with _emulated() as environment:
        _play(folder, environment, ways(["store"]))
        _release(environment)
        _play(folder, environment, ways(SYSTEM["system_roles"]))
        return _read(folder, environment)


def _read(folder: Path, environment: dict[str, str]) -> account.Account:
    """Read in a process of its own: the endpoints come from the environment."""
    output = folder / "account.json"
    subprocess.run(
        [emulators.program("python"), "-m", "tests.support.account", "list", str(output)],
        cwd=ROOT, env={**os.environ, **environment}, check=True, timeout=120,
    )  # fmt: skip
    made: account.Account = json.loads(output.read_text())
    return made


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    """Both accounts, made side by side."""
    with ThreadPoolExecutor() as pool:
        plain = pool.submit(_made, tmp_path_factory.mktemp("plain"), _plain)
        graph = pool.submit(_made, tmp_path_factory.mktemp("graph"), _graph)
        return Accounts(plain.result(), graph.result())


def _of_slipway(resources: dict[str, account.Resource]) -> list[str]:
    return [name for name in resources if HOST in name or name.startswith("slipway-")]


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
