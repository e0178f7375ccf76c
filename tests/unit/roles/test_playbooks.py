"""What all playbooks have in common stands in one place."""

from __future__ import annotations

import json
import os
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.support.emulators import program

ROOT = Path(__file__).parents[3]
PLAYBOOKS = sorted(ROOT.glob("playbooks/*.yml"))
# They ask nothing of AWS.
WITHOUT_AWS = {"build", "local_up", "local_down"}
# These write and lock nothing: bootstrap makes the table of the locks, and what push and backup write has a name of
# its own, beside whatever else runs.
WITHOUT_LOCK = {"bootstrap", "push", "backup"}
READ_ONLY = {"cost", "drift", "policy", "smoke", "status"}
CONVERGE = "slipway.graph.converge"
FRAME = {
    "lock": "{{ run_lock }}", "ledger": "{{ run_ledger }}", "directory": "{{ system_run_directory }}"
}  # fmt: skip
BEGIN = {"ansible.builtin.import_tasks": "tasks/begin.yml"}


def plays(path: Path) -> list[dict[str, t.Any]]:
    return [play for play in yaml.safe_load(path.read_text()) if "hosts" in play]


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_the_region_comes_from_the_environment_alone(path: Path) -> None:
    for play in plays(path):
        assert "module_defaults" not in play
        if path.stem not in WITHOUT_AWS:
            assert play["environment"] == "{{ play_environment }}"


def test_no_task_copies_the_systems_region() -> None:
    files = [*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("molecule/**/*.yml"), *ROOT.glob("roles/*/*/tasks/*.yml")]
    copies = re.compile(r"^\s+region:.*\b(aws_region|\w+(?<!copy)_region)\b", re.MULTILINE)
    assert len(files) > 100
    assert [str(file.relative_to(ROOT)) for file in files if copies.search(file.read_text())] == []


def lists_of_tasks(content: t.Any) -> t.Iterator[list[dict[str, t.Any]]]:
    if isinstance(content, dict):
        for value in content.values():
            yield from lists_of_tasks(value)
    elif isinstance(content, list):
        if all(isinstance(each, dict) for each in content):
            yield content
        for value in content:
            yield from lists_of_tasks(value)


def writes_unseen(task: dict[str, t.Any]) -> bool:
    """Whether a task writes to AWS by a module that does not look at the lock."""
    for module, options in task.items():
        if module.startswith(("amazon.aws.", "community.aws.")) and not module.endswith("_info"):
            return not (module.endswith("s3_object") and options["mode"] in {"get", "getstr", "list"})
    return False


def test_what_writes_outside_of_a_graph_looks_at_the_lock_first() -> None:
    files = [*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/operations/*/tasks/*.yml")]
    files += ROOT.glob("roles/delivery/*/tasks/*.yml")
    found = 0
    for file in files:
        for tasks in lists_of_tasks(yaml.safe_load(file.read_text())):
            for before, task in zip([{}, *tasks], tasks, strict=False):
                if writes_unseen(task):
                    found += 1
                    assert "slipway.graph.lock_held" in before, f"{file}: {task['name']}"
    assert found >= 10


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_a_playbook_that_writes_begins_as_all_do(path: Path) -> None:
    assert "slipway.graph.lock:" not in path.read_text()
    if path.stem in WITHOUT_AWS | WITHOUT_LOCK | READ_ONLY:
        return
    for play in plays(path)[-1:]:
        assert play["vars"]["run_verb"] == path.stem
        begun = [task for task in play["tasks"] if BEGIN.items() <= task.items()]
        # What converges and does nothing else has the frame as options.
        framed = [task[CONVERGE] for task in play["tasks"] if CONVERGE in task]
        assert begun or [task for task in framed if FRAME.items() <= task.items()]


@pytest.mark.parametrize("path", [*PLAYBOOKS, *ROOT.glob("roles/*/*/tasks/*.yml")], ids=lambda path: path.stem)
def test_whatever_converges_is_on_record(path: Path) -> None:
    content = yaml.safe_load(path.read_text()) or []
    tasks = [task for each in content for task in each.get("tasks", [each])]
    found = [task[CONVERGE] for task in tasks if CONVERGE in task]
    unrecorded = [task for task in found if "ledger" not in task]
    # bootstrap makes the ledger; going back tries it with the ledger first, and then without.
    assert unrecorded == {"bootstrap": found, "release_before": found[1:]}.get(path.stem, [])


@pytest.mark.parametrize(
    "own", [{}, {"AWS_PROFILE": "dev"}, {"AWS_REGION": "us-east-1"}], ids=["nothing", "a profile", "another Region"]
)
def test_tasks_get_the_systems_region_whatever_the_inventory_adds(tmp_path: Path, own: dict[str, str]) -> None:
    finished = show_environment(tmp_path, own, check=True)
    shown = json.loads(finished.stdout.partition("<<")[2].partition(">>")[0])
    assert shown == {**own, "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}


def show_environment(folder: Path, own: dict[str, str], check: bool) -> subprocess.CompletedProcess[str]:
    """What a play with some aws_environment gives its tasks."""
    (folder / "group_vars").mkdir()
    (folder / "group_vars/all.yml").write_text((ROOT / "playbooks/group_vars/all.yml").read_text())
    show = {"name": "Show", "ansible.builtin.debug": {"msg": "<<{{ play_environment | to_json }}>>"}}
    (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": [show]}]))
    variables = {"aws_region": "eu-central-1", **({"aws_environment": own} if own else {})}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"shop-dev": variables}}}))
    return subprocess.run(
        [program("ansible-playbook"), "-i", str(folder / "hosts.yml"), str(folder / "play.yml")],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=check, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_secrets_in_aws_environment_are_refused_before_they_stand_in_a_command_line(tmp_path: Path, name: str) -> None:
    finished = show_environment(tmp_path, {"AWS_ACCESS_KEY_ID": "AKIA", name: "canary-in-the-inventory"}, check=False)
    said = " ".join((finished.stdout + finished.stderr).split())
    assert finished.returncode != 0
    assert f"aws_environment has {name}" in said
    assert "name AWS_PROFILE or AWS_SHARED_CREDENTIALS_FILE" in said
    assert "canary" not in said
