"""Bad input: other versions of collections, roles of one name. One message says what is there and what works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.slipway.graph.plugins.plugin_utils import versions
from ansible_collections.slipway.graph.plugins.plugin_utils.read import surroundings
from tests.support.paths import ROOT
from tests.support.playbook import Project

TOUCH = "- ansible.builtin.file: {path: '{{ playbook_dir }}/touched', state: touch, mode: '0600'}\n"


def collection(root: Path, name: str, version: str, installed: bool = True) -> Path:
    folder = root.joinpath("ansible_collections", *name.split("."))
    (folder / "plugins").mkdir(parents=True)
    if installed:
        (folder / "MANIFEST.json").write_text(json.dumps({"collection_info": {"version": version}}))
    else:
        (folder / "galaxy.yml").write_text(f"name: {name.split('.')[1]}\nversion: {version}\n")
    return folder


def refusal(*roots: Path) -> str:
    with pytest.raises(AnsibleActionFail) as refused:
        surroundings.refuse_other_collections([str(root) for root in roots])
    return str(refused.value)


def test_a_second_version_of_slipway_graph_is_named_with_both_folders(tmp_path: Path) -> None:
    first = collection(tmp_path / "a", "slipway.graph", "0.1.0", installed=False)
    second = collection(tmp_path / "b", "slipway.graph", "0.2.0")
    message = refusal(tmp_path / "a", tmp_path / "b")
    assert f"slipway.graph 0.1.0 in {first}, slipway.graph 0.2.0 in {second}" in message


def test_modules_of_another_release_are_refused(tmp_path: Path) -> None:
    collection(tmp_path, "slipway.graph", "0.2.0")
    collection(tmp_path, "slipway.aws", "0.1.0")
    assert "slipway.graph 0.2.0" in (message := refusal(tmp_path))
    assert "slipway.aws 0.1.0" in message


def test_a_copy_of_the_same_version_is_no_mistake(tmp_path: Path) -> None:
    for root in ("a", "b"):
        collection(tmp_path / root, "slipway.graph", "0.1.0")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    surroundings.refuse_other_collections([str(tmp_path / root) for root in ("a", "b", "c")])


@pytest.mark.parametrize("name", sorted(versions.COLLECTIONS))
@pytest.mark.parametrize("version", ["9.5.0", "99.0.0"])
def test_an_aws_collection_that_nobody_has_tried_is_named_with_what_works(
    name: str, version: str, tmp_path: Path
) -> None:
    folder = collection(tmp_path, name, version)
    message = refusal(tmp_path)
    assert f"works with {name} {versions.span(versions.COLLECTIONS[name])}" in message
    assert f"installed is {name} {version} in {folder}" in message


def test_of_two_aws_collections_the_first_counts_which_is_taken(tmp_path: Path) -> None:
    collection(tmp_path / "a", "amazon.aws", "10.1.2")
    collection(tmp_path / "b", "amazon.aws", "9.5.0")
    surroundings.refuse_other_collections([str(tmp_path / "a"), str(tmp_path / "b")])
    assert "amazon.aws 9.5.0" in refusal(tmp_path / "b", tmp_path / "a")


def test_nothing_runs_beside_an_aws_collection_that_nobody_has_tried(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection(project.folder / "old", "amazon.aws", "9.5.0")
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", f"{project.folder / 'old'}:{ROOT / 'collections'}")
    project.role("touching", TOUCH)
    outcome = project.converge("touching")
    assert outcome.returncode != 0
    assert "installed is amazon.aws 9.5.0 in" in outcome.result["msg"], outcome.output
    assert not (project.folder / "touched").exists()


@pytest.mark.parametrize("task", ["converge", "validate"])
def test_two_roles_of_one_name_are_refused_with_both_folders(task: str, project: Project) -> None:
    project.role("vpc", TOUCH)  # as one of ours, whose folder is in roles_path, too
    outcome = project.run({f"slipway.graph.{task}": {"roles": ["vpc"]}})
    assert outcome.returncode != 0
    assert f"there are 2 roles vpc: {project.folder / 'roles/vpc'}, {ROOT / 'roles/aws/vpc'}." in outcome.result["msg"]
    assert not (project.folder / "touched").exists()


def test_a_role_named_by_its_path_may_have_a_namesake(project: Project) -> None:
    project.role("vpc", TOUCH)
    path = project.folder / "elsewhere"
    (project.folder / "roles").rename(path)
    (project.folder / "roles").mkdir()
    assert project.converge(str(path / "vpc")).returncode == 0
    assert (project.folder / "touched").exists()
