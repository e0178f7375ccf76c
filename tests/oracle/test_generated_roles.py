"""The oracle on roles that nobody has written: made at random, run as a play and through converge, they leave the same.

A failure prints the seed and the smallest part of the role that still differs. SLIPWAY_SEED begins elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t
from pathlib import Path

import pytest

from tests.support import emulators, generated_roles
from tests.support.aws import Emulator, client
from tests.support.generated_roles import Role
from tests.support.playbook import Project

FIRST_SEED = int(os.environ.get("SLIPWAY_SEED", "1"))
BATCHES, ROLES_PER_BATCH, ROLES_PER_PLAY = 5, 60, 10
PLUGINS = Path(generated_roles.__file__).parent / "generated_plugins"
# How often a role that differs is tried without one of its tasks.
MOST_ATTEMPTS = 40


class PlayFailedError(Exception):
    """The roles are made so that none fails in a play; what is left of one without a task may."""


Left = dict[str, dict[str, t.Any]]


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_made_role_leaves_behind_what_it_leaves_in_a_play(tmp_path: Path, moto: str, batch: int) -> None:
    first = FIRST_SEED + batch * ROLES_PER_BATCH
    roles = [generated_roles.make(seed) for seed in range(first, first + ROLES_PER_BATCH)]
    emulator = Emulator(moto)
    different = _different(roles, tmp_path, emulator)
    # A role may differ only because another one of its play does, or only beside it.
    alone = [role for role in different if _different([role], tmp_path, emulator)]
    if different:
        beside = "" if alone else f"beside the others that SLIPWAY_SEED={first} begins with, "
        pytest.fail(beside + _told(_smallest(alone[0], tmp_path, emulator) if alone else different[0]))


def test_the_comparison_sees_a_difference_and_finds_the_task_that_makes_it(tmp_path: Path, moto: str) -> None:
    """A role that tells a play from converge."""
    tells = "{{ made0_fact ~ ('graph' if vars['converged'] | default(false) else 'play') }}"
    task = {"name": "Tell", "note": {"line": tells, "to": "{{ playbook_dir }}/left/made0/log"}}
    needed = {"name": "Set", "ansible.builtin.set_fact": {"made0_fact": "x"}}
    other = {"name": "Set another", "ansible.builtin.set_fact": {"made0_other": "x"}}
    emulator, told = Emulator(moto), Role(0, [other, needed, task], {}, {})
    assert _different([told, generated_roles.make(1)], tmp_path, emulator) == [told]
    smallest = _smallest(told, tmp_path, emulator)
    assert smallest.tasks == [needed, task]
    assert "SLIPWAY_SEED=0" in _told(smallest)


def _different(roles: list[Role], folder: Path, emulator: Emulator) -> list[Role]:
    """The roles that leave something else behind."""
    plain = _left_by(roles, folder / "plain", emulator, lambda names: {"roles": names})
    graph = _left_by(roles, folder / "graph", emulator, _converging)
    return [role for role in roles if plain[role.name] != graph[role.name]]


def _converging(roles: list[str]) -> dict[str, t.Any]:
    """A play that converges roles. Where that fails, each leaves a file that says so, and the next plays run."""
    failed = {"content": "{{ converging.msg }}", "dest": "{{ playbook_dir }}/left/{{ item }}/failed", "mode": "0600"}
    tasks: list[dict[str, t.Any]] = [
        {"slipway.graph.converge": {"roles": roles}, "register": "converging", "ignore_errors": True},
        {"ansible.builtin.copy": failed, "loop": roles, "when": "converging is failed"},
    ]
    return {"vars": {"converged": True}, "tasks": tasks}


def _left_by(
    roles: list[Role], folder: Path, emulator: Emulator, way: t.Callable[[list[str]], dict[str, t.Any]]
) -> Left:  # fmt: skip
    """What each role leaves behind, after some plays of some roles each in one run of Ansible."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    emulators.reset_moto(emulator.url)
    project = Project(folder, emulator.url)
    project.environment["ANSIBLE_ACTION_PLUGINS"] = str(PLUGINS)
    for role in roles:
        (folder / "left" / role.name).mkdir(parents=True)
        for path, content in role.written().items():
            file = folder / "roles" / role.name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
    names = [role.name for role in roles]
    plays = [names[first : first + ROLES_PER_PLAY] for first in range(0, len(names), ROLES_PER_PLAY)]
    outcome = project.run_plays([way(play) for play in plays])
    if outcome.returncode:
        raise PlayFailedError(outcome.output)
    account = _account(emulator)
    return {role.name: _left(role, folder, account) for role in roles}


def _left(role: Role, folder: Path, account: dict[str, t.Any]) -> dict[str, t.Any]:
    files = {path.name: path.read_text() for path in sorted((folder / "left" / role.name).iterdir())}
    made = {kind: {name: each for name, each in things.items() if name.startswith(f"{role.name}-")}
            for kind, things in account.items()}  # fmt: skip
    return {"files": files, "account": made}


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
        with contextlib.suppress(PlayFailedError):
            if _different([candidate], folder, emulator):
                role, candidates = candidate, candidate.smaller()
    return role


def _told(role: Role) -> str:
    files = "\n".join(f"# {path}\n{content}" for path, content in role.written().items())
    return f"the role of seed {role.seed} (SLIPWAY_SEED={role.seed}) leaves something else through converge:\n{files}"
