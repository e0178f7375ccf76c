"""The oracle for what the system of test_same_account has not: the system items, and roles that none here uses."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.oracle.test_same_account import MADE_BY as MADE_FOR_TRANSACTIONS
from tests.oracle.ways import Accounts, Way, both, graph, read
from tests.support import account, emulators, system
from tests.support.api_proxy import proxied
from tests.support.paths import ROOT

HOST = "items-dev"
BUCKET = system.BUCKET
GROUP_VARS = ROOT / "playbooks/group_vars"
MORE = Path(__file__).parent / "more.yml"
VARIABLES = [GROUP_VARS / "all.yml", GROUP_VARS / "items.yml", MORE, ROOT / "tests/oracle/inputs.yml"]

# What each role makes, beyond what test_same_account knows.
MADE_BY = {
    **MADE_FOR_TRANSACTIONS,
    "dynamodb": ["table"],
    "rest_api": ["REST API", "authorizer", "log group"],
    "efs": ["file system", "mount target", "access point"],
    "rest_api_account": ["account of APIs", "role"],
    "github_oidc": ["OIDC provider", "role"],
}
ROLES: list[str] = [
    *yaml.safe_load((GROUP_VARS / "items.yml").read_text())["system_roles"],
    *yaml.safe_load(MORE.read_text())["more_roles"],
]
# Roles of playbooks: they make nothing that an account has afterwards.
NOT_PROVISIONING = {
    "back_up_database", "back_up_tables", "drill_database", "drill_failover", "drill_tables", "functions_build",
    "functions_push", "images_build", "images_push", "local_aws", "revision", "rollout", "rotate_secrets", "smoke",
    "status",
}  # fmt: skip


def package() -> bytes:
    """The functions of items, as far as a roll-out asks them, the same bytes each time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("main", "authorizer"):
            source = "def handler(event, context):\n    return {'commit': 'abc', 'done': True}\n"
            archive.writestr(zipfile.ZipInfo(f"items/{name}.py"), source)
    return packed.getvalue()


def record_release(environment: dict[str, str]) -> None:
    """Functions are made with their first release, so there is one."""
    s3 = system.client(environment, "s3")
    location = {"LocationConstraint": environment["AWS_REGION"]}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    content = package()
    s3.put_object(Bucket=BUCKET, Key="functions/api.zip", Body=content)
    function = {"bucket": BUCKET, "key": "functions/api.zip", "sha256": hashlib.sha256(content).hexdigest()}
    release = {"id": "20260101T000000Z-abc", "commit": "abc", "created_at": "2026-01-01T00:00:00Z", "images": {},
               "functions": {"api": function}, "status": "good"}  # fmt: skip
    for name, document in ((release["id"], release), ("current", {"id": release["id"]})):
        s3.put_object(Bucket=BUCKET, Key=f"releases/{HOST}/{name}.json", Body=json.dumps(document).encode())


def run(playbook: Path, environment: dict[str, str], *arguments: str) -> None:
    """Run the play; it must end well."""
    finished = subprocess.run(
        [emulators.program("ansible-playbook"), "-i", str(ROOT / "inventories/dev"), "--limit", HOST,
         str(playbook), *(f"--extra-vars=@{path}" for path in VARIABLES), *arguments,
         "--extra-vars", json.dumps({"lambda_functions_watch_seconds": 0})],
        cwd=ROOT, env={**os.environ, **environment, "ANSIBLE_PIPELINING": "true"},
        capture_output=True, text=True, check=False, timeout=1200,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]


def plan_without_a_write(playbook: Path, environment: dict[str, str]) -> None:
    """Rule 7, on the empty account and on the full one: a plan writes nothing, counted by a proxy."""
    with proxied(environment) as (counting, proxies):
        run(playbook, counting, "--check")
        assert [proxy for proxy in proxies if proxy.operations] != []
        assert [write for proxy in proxies for write in proxy.writes] == []


def made(folder: Path, way: Way) -> account.Account:
    """The account as one way makes it."""
    playbook = folder / "play.yml"
    playbook.write_text(yaml.safe_dump([{**system.PLAY, **way(ROLES)}], sort_keys=False))
    with system.emulated() as environment:
        record_release(environment)
        if way is graph:
            plan_without_a_write(playbook, environment)
        run(playbook, environment)
        if way is graph:
            plan_without_a_write(playbook, environment)
        return read(folder, environment)


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    """Both accounts."""
    return both(made, tmp_path_factory.mktemp)


def test_every_role_that_provisions_is_compared() -> None:
    roles = {path.name for path in (ROOT / "roles").glob("*/*") if (path / "tasks").is_dir()}
    assert roles - NOT_PROVISIONING == set(MADE_BY)
    assert {*ROLES, *MADE_FOR_TRANSACTIONS} == set(MADE_BY)
    assert {kind for kinds in MADE_BY.values() for kind in kinds} <= set(account.READERS)


@pytest.mark.parametrize(("role", "kind"), [(role, kind) for role in ROLES for kind in MADE_BY[role]])
def test_role_makes_resources_of_the_kind(accounts: Accounts, role: str, kind: str) -> None:
    assert accounts.plain[kind], f"{role} made no {kind} in a plain play"


@pytest.mark.parametrize("kind", account.READERS)
def test_plain_play_and_converge_make_the_same(accounts: Accounts, kind: str) -> None:
    assert accounts.plain[kind] == accounts.graph[kind]
