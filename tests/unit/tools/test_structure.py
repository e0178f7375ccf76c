"""One finds one's way: folders are small, no task file is dead, and the engine's packages import only downward."""

from __future__ import annotations

import ast
import collections
import fnmatch
import re
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
import yaml

from tests.support.paths import ROOT

# -- folders -------------------------------------------------------------------------------------------------

MOST_FILES = 20
CODE = {".py", ".sh", ".yml", ".yaml", ".j2", ".js", ".css", ".html", ".sql", ".mako"}
CODE_NAMES = {"Dockerfile", "Makefile"}
# A plugin's folder is Ansible's, and a role's AWS service decides where it stands.
LARGE = ("roles/aws", "modules")


def tracked(*patterns: str) -> list[PurePosixPath]:
    """The files that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [PurePosixPath(name) for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def test_no_folder_has_more_than_twenty_files_of_code_side_by_side() -> None:
    counted = collections.Counter(path.parent for path in tracked() if path.suffix in CODE or path.name in CODE_NAMES)
    crowded = {str(folder): count for folder, count in counted.items() if count > MOST_FILES}
    assert {name: count for name, count in crowded.items() if not name.endswith(LARGE)} == {}


# -- task files ----------------------------------------------------------------------------------------------

INCLUDES = re.compile(r"(?:ansible\.builtin\.)?(?:include|import)_tasks")
ROLES = re.compile(r"(?:ansible\.builtin\.)?(?:include|import)_role")
PLAYED = ("*.yml", "playbooks/*.yml", "roles/*.yml", "molecule/*.yml", "tests/*.yml")


class Included(t.NamedTuple):
    """A task file that something names; ``pattern`` may have wildcards."""

    role: str
    pattern: str


def entries(node: t.Any) -> Iterator[dict[str, t.Any]]:
    """Every mapping in a document: plays, blocks, tasks."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from entries(value)
    elif isinstance(node, list):
        for value in node:
            yield from entries(value)


def read(path: PurePosixPath) -> list[dict[str, t.Any]]:
    """The mappings of a file of playbooks or tasks."""
    return list(entries(yaml.safe_load((ROOT / path).read_text())))


def patterns_of(name: str, role: PurePosixPath) -> list[str]:
    """What the name of an included file stands for; an input in it stands for what the input may be."""
    if name.startswith("{{"):
        variable, rest = name.removeprefix("{{").split("}}", 1)
        specs = yaml.safe_load((ROOT / role / "meta/argument_specs.yml").read_text())["argument_specs"]
        return [f"{choice}{rest}" for choice in specs["main"]["options"][variable.strip()]["choices"]]
    return [re.sub(r"\{\{.*?\}\}", "*", name)]


def included_by(path: PurePosixPath) -> Iterator[Included]:
    """What a task file takes of its own role."""
    role = path.parents[1]
    for entry in read(path):
        for key, value in entry.items():
            if INCLUDES.fullmatch(str(key)):
                name = value if isinstance(value, str) else value["file"]
                yield from (Included(role.name, pattern) for pattern in patterns_of(name, role))


def taken_of_roles() -> Iterator[Included]:
    """What playbooks and roles take of a role by ``tasks_from``."""
    for path in tracked(*PLAYED):
        for entry in read(path) if path.suffix == ".yml" else []:
            for key, value in entry.items():
                if ROLES.fullmatch(str(key)) and "tasks_from" in value:
                    yield Included(value["name"], f"{value['tasks_from'].removesuffix('.yml')}.yml")


def reached(role: str, files: list[PurePosixPath], taken: list[Included]) -> set[PurePosixPath]:
    """The task files of a role that run when the role runs, or when somebody takes a part of it."""
    wanted = [Included(role, "main.yml"), *(each for each in taken if each.role == role)]
    found: set[PurePosixPath] = set()
    while wanted:
        pattern = wanted.pop().pattern
        for path in files:
            if path not in found and fnmatch.fnmatchcase(path.name, pattern):
                found.add(path)
                wanted += included_by(path)
    return found


def test_every_task_file_of_a_role_is_reached() -> None:
    by_role = collections.defaultdict(list)
    for path in tracked("roles/*/*/tasks/*.yml"):
        by_role[path.parents[1]].append(path)
    taken = list(taken_of_roles())
    assert {path.name for path in by_role} == {path.parent.name for path in (ROOT / "roles").glob("*/*/tasks")}
    dead = [
        str(path) for role, files in by_role.items() for path in sorted(set(files) - reached(role.name, files, taken))
    ]
    assert dead == []


# -- the engine's packages -----------------------------------------------------------------------------------

PLUGINS = ROOT / "collections/ansible_collections/slipway/graph/plugins"
NAMESPACE = "ansible_collections.slipway.graph.plugins."
# From the ground up: a package imports nothing of those behind it. The README of slipway.graph has the same list.
ORDER = ["read", "worker", "record", "plan", "run", "money", "remove", "report"]
# Runs in processes of its own, beside boto3, and imports nothing of the controller's.
APART = "worker"


def imported(path: Path) -> set[str]:
    """What a file imports of the collection, as dotted names below ``plugins``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: say from where"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix(NAMESPACE) for name in names if name.startswith(NAMESPACE)}


def packages_imported(package: str) -> dict[str, set[str]]:
    """What the files of a package import of others, by file. What lies beside the packages is for all of them."""
    utils = PLUGINS / "plugin_utils"
    ground = {path.stem for path in utils.glob("*.py")}
    taken = {}
    for path in sorted((utils / package).rglob("*.py")):
        parts = [name.split(".") for name in imported(path) if name.startswith("plugin_utils.")]
        taken[f"{package}/{path.name}"] = {part[1] for part in parts} - ground - {package}
    return taken


def test_every_package_of_the_engine_has_its_place_in_the_order() -> None:
    there = {path.name for path in (PLUGINS / "plugin_utils").iterdir() if path.is_dir() and list(path.glob("*.py"))}
    assert there == set(ORDER)


@pytest.mark.parametrize("package", ORDER)
def test_packages_of_the_engine_import_only_downward(package: str) -> None:
    below = set() if package == APART else set(ORDER[: ORDER.index(package)])
    upward = {file: taken - below for file, taken in packages_imported(package).items() if taken - below}
    assert upward == {}


def test_what_lies_beside_the_packages_imports_none_of_them() -> None:
    upward = {
        path.name: names
        for path in (PLUGINS / "plugin_utils").glob("*.py")
        if (names := {name for name in imported(path) if name.split(".")[1] in ORDER})
    }
    assert upward == {}


def test_worker_processes_name_no_package_of_the_controller() -> None:
    others = "|".join(name for name in ORDER if name != APART)
    loads = re.compile(rf"plugin_utils\.(?:{others})\b|UTILS\}}\.(?:{others})\b")
    assert [
        path.name for path in (PLUGINS / "plugin_utils" / APART).glob("*.py") if loads.search(path.read_text())
    ] == []


def test_the_front_doors_are_imported_by_nobody() -> None:
    inner = [*PLUGINS.glob("plugin_utils/**/*.py"), *PLUGINS.glob("module_utils/**/*.py")]
    assert [path.name for path in inner if any(name.startswith("action.") for name in imported(path))] == []


def modules_below(folder: Path) -> dict[str, Path]:
    """Every module in a folder, by its dotted name below ``plugins``."""
    return {".".join(path.relative_to(PLUGINS).with_suffix("").parts): path for path in folder.rglob("*.py")}


def test_no_module_of_the_engine_is_in_a_circle() -> None:
    files = {**modules_below(PLUGINS / "plugin_utils"), **modules_below(PLUGINS / "module_utils")}
    edges = {
        name: {module for taken in imported(path) for module in (taken, taken.rpartition(".")[0]) if module in files}
        for name, path in files.items()
    }
    left = dict(edges)
    while leaves := {name for name, taken in left.items() if not taken & left.keys()}:
        for name in leaves:
            del left[name]
    assert sorted(left) == [], "these are in a circle, or stand on one"


def test_the_readme_lists_the_packages_in_their_order() -> None:
    text = (PLUGINS.parent / "README.md").read_text()
    section = text.partition("## Inside")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)/` ", section, re.MULTILINE) == list(reversed(ORDER))
