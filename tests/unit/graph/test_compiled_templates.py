"""What templates are compiled to is kept from run to run, and says nothing that no file says."""

from __future__ import annotations

import subprocess
import types
import typing as t
from pathlib import Path

import pytest
from jinja2 import Environment

from ansible_collections.slipway.graph.plugins.plugin_utils.compiled_templates import CompiledTemplates
from tests.support.emulators import program
from tests.support.playbook import Project

SECRET = "open-sesame"
TASKS = """
- name: Say
  ansible.builtin.file:
    {path: "{{ target }}/{{ said | default('nothing') }}-{{ secret }}", state: touch, mode: "0600"}
"""


class Compiler:
    """Compiles, and counts how often."""

    def __init__(self) -> None:
        self.times = 0
        self.environment = Environment()  # noqa: S701 - no page

    def __call__(self, kept: CompiledTemplates, source: str, way: str = "template") -> t.Any:
        def compile_it() -> types.CodeType:
            self.times += 1
            return self.environment.compile(source)

        code = kept.code(self.environment, source, way, compile_it)
        return self.environment.template_class.from_code(self.environment, code, {}, None).render(name="Ann")


@pytest.fixture
def compiler() -> Compiler:
    return Compiler()


def test_a_template_is_compiled_once_for_all_runs(compiler: Compiler, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    for _run in range(2):
        assert compiler(CompiledTemplates(folder, "2.19.1"), "Hello {{ name }}") == "Hello Ann"
    assert compiler.times == 1
    assert folder.stat().st_mode & 0o077 == 0
    compiler(CompiledTemplates(folder, "2.20.0"), "Hello {{ name }}")
    compiler(CompiledTemplates(folder, "2.19.1"), "Hello {{ name }}", "another way")
    assert compiler.times == 3


def test_what_was_damaged_is_compiled_again(compiler: Compiler, tmp_path: Path) -> None:
    compiler(CompiledTemplates(tmp_path, "1"), "Hello {{ name }}")
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:40])
    assert compiler(CompiledTemplates(tmp_path, "1"), "Hello {{ name }}") == "Hello Ann"
    assert compiler.times == 2


@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_a_folder_that_others_can_write_to_is_not_used(compiler: Compiler, tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    compiler(CompiledTemplates(tmp_path, "1"), "Hello {{ name }}")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_kept_everything_is_compiled(compiler: Compiler, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert compiler(CompiledTemplates(tmp_path / "file/kept", "1"), "Hello {{ name }}") == "Hello Ann"


def kept_of(project: Project, *arguments: str) -> bytes:
    """All that a run has kept of its templates."""
    project.environment["ANSIBLE_HOME"] = str(project.folder / "home")
    outcome = project.converge("demo", arguments=arguments)
    assert outcome.returncode == 0, outcome.output
    assert (project.folder / f"nothing-{SECRET}").exists()
    return b"".join(path.read_bytes() for path in (project.folder / "home/slipway").rglob("*.compiled"))


def test_what_stands_in_a_file_is_kept_and_what_was_typed_is_not(project: Project) -> None:
    project.role("demo", TASKS)
    project.inventory(target=str(project.folder))
    kept = kept_of(project, "-e", f"secret=\"{{{{ '{SECRET}' }}}}\"")
    assert b"nothing" in kept
    assert SECRET.encode() not in kept


def test_what_stands_in_an_encrypted_file_is_not_kept(project: Project) -> None:
    project.role("demo", TASKS)
    project.inventory(target=str(project.folder))
    password = project.folder / "password"
    password.write_text("x")
    variables = project.folder / "secret.yml"
    variables.write_text(f"secret: \"{{{{ '{SECRET}' }}}}\"\n")
    told = ("--vault-password-file", str(password))
    subprocess.run([program("ansible-vault"), "encrypt", *told, str(variables)], check=True, capture_output=True)
    kept = kept_of(project, "-e", f"@{variables}", *told)
    assert b"nothing" in kept
    assert SECRET.encode() not in kept
