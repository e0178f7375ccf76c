"""One door to what ansible-core does not promise to keep, and one message where that is not there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleError, AnsibleParserError

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors, versions
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import ansible_doors as worker_doors
from tests.support.paths import ROOT
from tests.support.playbook import Project

PLUGINS = Path(ansible_doors.__file__).parents[1]
DOOR = Path("plugin_utils/ansible_doors.py")
WORKER_DOOR = Path("plugin_utils/worker/ansible_doors.py")
# What is private and not Ansible's: Python's own, and botocore's seams, which the worker alone touches.
NOT_ANSIBLES = {"_exit", "_getframe"}
BOTOCORES = {
    "_make_api_call", "_alias_event_name", "_get_credentials", "_parse_body_as_json", "_parse_xml_string_to_dom",
}  # fmt: skip


def sources() -> Iterator[tuple[Path, str]]:
    for path in sorted(PLUGINS.rglob("*.py")):
        yield path.relative_to(PLUGINS), path.read_text()


def private_names(path: Path, source: str) -> Iterator[str]:
    """Private attributes of objects that are not the code's own, and private names that are imported from Ansible."""
    allowed = NOT_ANSIBLES | (BOTOCORES if path.is_relative_to("plugin_utils/worker") else set())
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr not in allowed and is_private(node.attr):
            if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}):
                yield f"{path}:{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ansible."):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (f"{path}:{node.lineno}: {name}" for name in names if is_private(name))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def test_one_file_alone_imports_the_parts_of_ansible_that_it_does_not_promise_to_keep() -> None:
    parts = re.compile(r"ansible\._internal|ansible\.executor|ansible\.playbook|ansible\.template")
    assert [path for path, source in sources() if parts.search(source)] == [DOOR]


def test_private_names_of_ansible_stand_in_the_doors_alone() -> None:
    found = [
        name for path, source in sources() if path not in (DOOR, WORKER_DOOR) for name in private_names(path, source)
    ]
    assert found == []


def test_the_search_for_private_names_finds_them() -> None:
    source = "from ansible.vars import _x\nfrom ansible._y.z import w\ntask._role\nself._own\nos._exit(1)\nx.__name__\n"
    assert list(private_names(Path("a.py"), source)) == ["a.py:1: _x", "a.py:2: _y", "a.py:3: task._role"]


def test_every_private_name_that_a_door_uses_is_checked_at_start() -> None:
    """Whichever version it is for. The engine's own subclass has private attributes of its own."""
    nodes = list(ast.walk(ast.parse((PLUGINS / DOOR).read_text())))
    texts = [str(node.value) for node in nodes if isinstance(node, ast.Constant)]
    checked = {part for text in texts if text.startswith("ansible.") for part in re.split(r"[:.]", text)}
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    imports = [
        node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ansible.")
    ]
    imported = {alias.name for node in imports for alias in node.names}
    used = set(filter(is_private, attributes | imported))
    assert "_role" in used
    assert used - checked - set(vars(ansible_doors.KeepingEngine)) == set()


def test_the_door_of_the_warm_processes_finds_all_it_needs() -> None:
    worker_doors.check()


def test_names_that_are_there_are_found_even_if_objects_get_them_when_they_are_made() -> None:
    versions.require(ansible_doors.NAMES)


@pytest.mark.parametrize("ansible", ["2.18.19", "2.16.0", "2.99.0", "3.0.0rc1"])
def test_an_ansible_too_old_or_too_new_is_refused_with_what_is_there_and_what_works(ansible: str) -> None:
    with pytest.raises(AnsibleError) as refused:
        versions.require([], ansible=ansible, python="3.12.1")
    assert str(refused.value) == f"{versions.works_with()}; here is ansible-core {ansible} on Python 3.12.1."


@pytest.mark.parametrize("python", ["3.10.13", "3.99.0"])
def test_a_python_too_old_or_too_new_is_refused_with_what_is_there_and_what_works(python: str) -> None:
    with pytest.raises(AnsibleError, match=f"here is ansible-core 2.19.5 on Python {re.escape(python)}"):
        versions.require([], ansible="2.19.5", python=python)


def test_an_ansible_that_lacks_names_is_refused_with_all_of_them() -> None:
    names = ["ansible.playbook.task:Task._role", "ansible.playbook.task:Task._gone", "ansible.no_such:Thing"]
    with pytest.raises(AnsibleError) as refused:
        versions.require(names, ansible="2.19.5", python="3.11.7")
    here = "here is ansible-core 2.19.5 on Python 3.11.7"
    assert str(refused.value) == f"{versions.works_with()}; {here}, and lacks {', '.join(names[1:])}."


def test_release_candidates_belong_to_their_series() -> None:
    assert versions.is_within("2.19.0rc1", versions.ANSIBLE)


@pytest.mark.parametrize("version", ["2.18.19", "2.99.0"])
def test_nothing_runs_on_an_ansible_that_nobody_has_tried(
    version: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole run, on an Ansible that only says that it is another one."""
    (project.folder / "sitecustomize.py").write_text(
        f"import ansible.release\nansible.release.__version__ = {version!r}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(project.folder))
    project.role(
        "touching", "- ansible.builtin.file: {path: '{{ playbook_dir }}/touched', state: touch, mode: '0600'}\n"
    )
    outcome = project.converge("touching")
    assert outcome.returncode != 0
    assert not (project.folder / "touched").exists()
    output = " ".join(outcome.output.split())
    assert output.count(f"{versions.works_with()}; here is ansible-core {version} on Python") == 1, outcome.output
    assert "Traceback" not in output


def test_the_name_of_a_plain_register_is_found_in_every_version() -> None:
    assert ansible_doors.register_of(SimpleNamespace(register="made")) == "made"
    assert ansible_doors.register_of(SimpleNamespace(register=None)) is None


def test_a_register_with_expressions_is_refused_with_its_place() -> None:
    task = SimpleNamespace(
        register={"made": "_task.result.x"}, get_path=lambda: "tasks/main.yml:7", get_ds=lambda: None
    )
    with pytest.raises(AnsibleParserError, match=r"tasks/main\.yml:7: `register` takes one name here"):
        ansible_doors.register_of(task)


PLUGIN = """
import os
from ansible.plugins.action import ActionBase

class Odd(BaseException):
    pass

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        {body}
"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise Odd('beyond the executor')", "odd.Odd: beyond the executor"),
        ("raise RuntimeError('out of luck')", "out of luck"),
        ("os._exit(3)", "odd ended without a result, with status 3"),
        ("os.kill(os.getpid(), 9)", "odd ended without a result, by signal SIGKILL"),
    ],
)
def test_a_failing_action_plugin_says_why(body: str, reason: str, project: Project) -> None:
    project.role("odd_role", "- {name: Do, odd: {}}\n")
    plugin = project.folder / "roles/odd_role/action_plugins/odd.py"
    plugin.parent.mkdir()
    plugin.write_text(PLUGIN.format(body=body))
    outcome = project.converge("odd_role")
    assert outcome.returncode != 0
    assert reason in outcome.result["msg"], outcome.output


def test_installers_are_told_the_versions_that_the_engine_takes() -> None:
    """What Ansible and Galaxy read cannot be computed, so it is compared."""
    oldest, newest = versions.ANSIBLE
    for name in ("graph", "aws"):
        meta = yaml.safe_load((PLUGINS.parents[1] / name / "meta/runtime.yml").read_text())
        assert meta["requires_ansible"] == f">={dotted(oldest)}.0,<{dotted((*newest[:-1], newest[-1] + 1))}.0"
        galaxy = yaml.safe_load((PLUGINS.parents[1] / name / "galaxy.yml").read_text())
        assert within(galaxy["dependencies"]["amazon.aws"], *versions.COLLECTIONS["amazon.aws"])
    wanted = {
        each["name"]: each["version"] for each in yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]
    }
    assert all(within(wanted[name], *bounds) for name, bounds in versions.COLLECTIONS.items())


def within(specification: str, oldest: versions.Version, newest: versions.Version) -> bool:
    """Whether a range begins in the oldest series and ends before the one after the newest."""
    first, end = specification.split(",")
    return first.startswith(f">={oldest[0]}.") and end == f"<{newest[0] + 1}.0.0"


def dotted(version: versions.Version) -> str:
    return ".".join(map(str, version))


def test_every_version_that_works_is_tested_with_its_requirements() -> None:
    oldest, newest = versions.ANSIBLE
    for minor in range(oldest[1], newest[1] + 1):
        locked = (ROOT / f"requirements/ansible-2.{minor}.txt").read_text()
        assert re.search(rf"^ansible-core==2\.{minor}\.\d", locked, re.MULTILINE)
        assert f"2.{minor}@3." in (ROOT / "tools/test-ansible.sh").read_text()
