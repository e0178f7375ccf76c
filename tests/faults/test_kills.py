"""Rule 6: an apply is killed at a random moment, and the next one ends in the same account, with nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.faults import ledger
from tests.support import emulators
from tests.support.paths import ROOT

SYSTEM = yaml.safe_load((ROOT / "playbooks/group_vars/transactions.yml").read_text())
VARIABLES = [ROOT / "playbooks/group_vars/all.yml", ROOT / "playbooks/group_vars/transactions.yml",
             ROOT / "tests/oracle/inputs.yml"]  # fmt: skip
# Databases, caches, services and what stands on them take most of the time, then the network; the others are killed
# most often.
SLOW = {"rds", "elasticache", "ecs_services", "lambda_functions", "rotation_schedules"}
QUICK_ROLES = [role for role in SYSTEM["system_roles"] if role not in SLOW]
QUICKEST_ROLES = ["kms", "secrets", "log_groups", "ecr"]
PARTS = [(SYSTEM["system_roles"], 6, 1), (QUICK_ROLES, 10, 2), (QUICKEST_ROLES, 50, 3)]


@pytest.mark.parametrize(("roles", "kills", "seed"), PARTS, ids=[f"{kills} kills" for _roles, kills, _seed in PARTS])
def test_rule_06_after_a_kill_at_any_moment_the_next_run_ends_in_the_same_account(
    roles: list[str], kills: int, seed: int, tmp_path: Path
) -> None:
    with emulators.ministack() as url, emulators.autoscaling() as scaling:
        endpoints = {"AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": scaling}
        result = _kill_and_converge(tmp_path, endpoints, {"roles": roles, "kills": kills, "seed": seed})
    print(result["killed"], "were running,", result["missed"], "had ended;", result["seconds"], "s undisturbed")
    assert result["differences"] == []
    assert result["killed"] == kills


def _kill_and_converge(folder: Path, endpoints: dict[str, str], arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    aws = ("amazon", "community", "slipway")
    play = {
        "hosts": "all",
        "gather_facts": False,
        "module_defaults": {f"group/{name}.aws.aws": {"region": "{{ aws_region }}"} for name in aws},
        "environment": {**emulators.CREDENTIALS, **endpoints},
        "tasks": [
            {
                "name": "Kill and converge",
                "kill_and_converge": {**arguments, "failures": str(folder / "failures.json")},
                "register": "outcome",
            },
            {"name": "Keep", "ansible.builtin.copy": {"content": "{{ outcome | to_json }}",
                                                     "dest": str(folder / "result.json"), "mode": "0600"}},
        ],
    }  # fmt: skip
    (folder / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    finished = subprocess.run(
        [emulators.program("ansible-playbook"), "-i", str(ROOT / "inventories/dev"), "--limit", ledger.HOST,
         str(folder / "play.yml"), *(f"--extra-vars=@{path}" for path in VARIABLES)],
        cwd=ROOT,
        env={
            **os.environ,
            "ANSIBLE_ACTION_PLUGINS": str(Path(__file__).parent / "action_plugins"),
            "PYTHONPATH": str(Path(__file__).parent / "hurry"),
        },
        capture_output=True, text=True, check=False, timeout=3000,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-3000:]
    result: dict[str, t.Any] = json.loads((folder / "result.json").read_text())
    return result
