"""The oracle on roles that nobody has written: made at random, run as a play and through converge, they leave the same.

A failure prints the seed and the smallest part of the role that still differs. SLIPWAY_SEED begins elsewhere.
"""

from __future__ import annotations

import os
import shutil
import typing as t
from pathlib import Path

import pytest

from tests.support import emulators, generated_roles
from tests.support.aws import Emulator, client
from tests.support.generated_roles import Role
from tests.support.playbook import Outcome, Project

FIRST_SEED = int(os.environ.get("SLIPWAY_SEED", "1"))
BATCHES, ROLES_PER_BATCH = 10, 32
PLUGINS = Path(generated_roles.__file__).parent / "generated_plugins"
# How often a role that differs is tried without one of its tasks.
MOST_ATTEMPTS = 40

Left = dict[str, dict[str, t.Any]]


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_made_role_leaves_behind_what_it_leaves_in_a_play(tmp_path: Path, moto: str, batch: int) -> None:
    first = FIRST_SEED + batch * ROLES_PER_BATCH
    roles = [generated_roles.make(seed) for seed in range(first, first + ROLES_PER_BATCH)]
    emulator = Emulator(moto)
    different = _different(roles, tmp_path, emulator)
    if different:
        pytest.fail(_told(_smallest(different[0], tmp_path, emulator)))


def test_the_comparison_sees_a_difference(tmp_path: Path, moto: str) -> None:
    """A role that tells a play from converge, which registers nothing beyond its own task."""
    tells = "{{ 'graph' if vars['converged'] | default(false) else 'play' }}"
    task = {"name": "Tell", "note": {"line": tells, "to": f"{generated_roles.FOLDER}/log"}}
    assert _different([Role(0, [task], {}, {})], tmp_path, Emulator(moto))


def _different(roles: list[Role], folder: Path, emulator: Emulator) -> list[Role]:
    """The roles that leave something else behind."""
    plain = _left_by(roles, folder / "plain", emulator, lambda role: {"roles": [role]})
    graph = _left_by(
        roles,
        folder / "graph",
        emulator,
        lambda role: {"vars": {"converged": True}, "tasks": [{"slipway.graph.converge": {"roles": [role]}}]},
    )
    return [role for role in roles if plain[role.name] != graph[role.name]]


def _left_by(
    roles: list[Role], folder: Path, emulator: Emulator, way: t.Callable[[str], dict[str, t.Any]]
) -> Left:  # fmt: skip
    """What each role leaves behind, each in a play of its own in one run of Ansible."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    emulators.reset_moto(emulator.url)
    project = Project(folder, emulator.url)
    project.environment["ANSIBLE_ACTION_PLUGINS"] = str(PLUGINS)
    project.hosts = [role.name for role in roles]
    for role in roles:
        (folder / "left" / role.name).mkdir(parents=True)
        for path, content in role.written().items():
            file = folder / "roles" / role.name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
    outcome = project.run_plays([{"hosts": role.name, **way(role.name)} for role in roles])
    # The roles are made so that none fails in a play, which would end all plays behind it.
    assert outcome.returncode == 0 or folder.name == "graph", outcome.output
    account = _account(emulator)
    return {role.name: _left(role, folder, outcome, account) for role in roles}


def _left(role: Role, folder: Path, outcome: Outcome, account: dict[str, t.Any]) -> dict[str, t.Any]:
    files = {path.name: path.read_text() for path in sorted((folder / "left" / role.name).iterdir())}
    made = {kind: {name: each for name, each in things.items() if name.startswith(f"{role.name}-")}
            for kind, things in account.items()}  # fmt: skip
    return {"files": files, "account": made, "ended well": outcome.returncode == 0}


def _account(emulator: Emulator) -> dict[str, t.Any]:
    s3, sns, iam = (client(emulator, service) for service in ("s3", "sns", "iam"))
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    topics = [topic["TopicArn"].rpartition(":")[2] for page in sns.get_paginator("list_topics").paginate()
              for topic in page["Topics"]]  # fmt: skip
    roles = [role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    return {
        "buckets": {
            name: sorted(each["Key"] for each in s3.list_objects_v2(Bucket=name).get("Contents", []))
            for name in buckets
        },
        "topics": dict.fromkeys(topics, True),
        "roles": {name: iam.list_role_policies(RoleName=name)["PolicyNames"] for name in roles},
    }


def _smallest(role: Role, folder: Path, emulator: Emulator) -> Role:
    """The smallest part of a role that still differs, found by leaving tasks out one by one."""
    attempts = MOST_ATTEMPTS
    candidates = role.smaller()
    while candidates and attempts:
        attempts -= 1
        candidate = candidates.pop()
        if _different([candidate], folder, emulator):
            role, candidates = candidate, candidate.smaller()
    return role


def _told(role: Role) -> str:
    files = "\n".join(f"# {path}\n{content}" for path, content in role.written().items())
    return f"the role of seed {role.seed} (SLIPWAY_SEED={role.seed}) leaves something else through converge:\n{files}"
