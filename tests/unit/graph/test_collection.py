"""The collections can be built, and a built one works where there is nothing of the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.emulators import program
from tests.support.paths import ROOT

SOURCES = ROOT / "collections/ansible_collections/slipway"


def elsewhere(folder: Path) -> dict[str, str]:
    """The environment of somebody who has no checkout."""
    configuration = folder / "ansible.cfg"
    configuration.touch()
    return {
        **os.environ, "HOME": str(folder), "ANSIBLE_CONFIG": str(configuration),
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
    }  # fmt: skip


def galaxy(folder: Path, *arguments: str) -> None:
    finished = subprocess.run(
        [program("ansible-galaxy"), "collection", *arguments],
        cwd=folder, env=elsewhere(folder), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr


def build(name: str, folder: Path) -> Path:
    galaxy(folder, "build", str(SOURCES / name), "--output-path", str(folder))
    return next(folder.glob(f"slipway-{name}-*.tar.gz"))


@pytest.mark.parametrize("name", ["aws", "graph"])
def test_a_collection_is_built_with_all_its_plugins_and_says_what_it_is(name: str, tmp_path: Path) -> None:
    with tarfile.open(build(name, tmp_path)) as archive:
        files = set(archive.getnames())
        manifest = json.load(archive.extractfile("MANIFEST.json") or pytest.fail("no manifest"))["collection_info"]
    plugins = {str(path.relative_to(SOURCES / name)) for path in (SOURCES / name / "plugins").rglob("*.py")}
    assert plugins <= files
    assert {"README.md", "CHANGELOG.md", "meta/runtime.yml"} <= files
    assert [file for file in files if file.endswith((".pyc", ".tar.gz"))] == []
    assert manifest["license"] == ["GPL-3.0-or-later"]
    assert set(manifest["dependencies"]) == {"amazon.aws", *({"slipway.graph"} if name == "aws" else ())}
    assert all(manifest[key] for key in ("readme", "authors", "description", "repository", "tags"))


def test_an_installed_collection_runs_roles_of_its_user(tmp_path: Path) -> None:
    galaxy(tmp_path, "install", "--no-deps", "-p", str(tmp_path / "collections"), str(build("graph", tmp_path)))
    (tmp_path / "roles/greet/tasks").mkdir(parents=True)
    (tmp_path / "roles/greet/tasks/main.yml").write_text(
        "- name: Say\n  ansible.builtin.copy:\n    content: hello\n    dest: '{{ playbook_dir }}/said'\n"
        "    mode: '0600'\n  register: greet_said\n"
    )
    (tmp_path / "play.yml").write_text(
        "- hosts: localhost\n  connection: local\n  gather_facts: false\n"
        "  tasks:\n    - slipway.graph.converge: {roles: [greet], journal: runs/journal.json}\n"
    )
    finished = subprocess.run(
        [program("ansible-playbook"), "play.yml"],
        cwd=tmp_path, env=elsewhere(tmp_path), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert (tmp_path / "said").read_text() == "hello"
    assert json.loads((tmp_path / "runs/journal.json").read_text())["summary"]["changed"] == 1
    assert (tmp_path / "runs/report.html").exists()
