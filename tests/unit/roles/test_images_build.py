"""What a build is told stands in no command line, no output, and in no file that stays."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import psutil
import pytest

from tests.support.background import repeatedly
from tests.support.emulators import program
from tests.support.playbook import Project

PIP_PASSWORD, ARGUMENT = "planted-in-an-index-4720", "planted in an argument's 4721"
# Stands in for the engine's client: writes down what it was told, and ends as it is told.
DOCKER = """#!/bin/sh
case "$1" in
buildx) exit 0 ;;
version) echo 1 ;;
build)
    sleep 1
    printf '%s\\n' "$@" >"$HOME/arguments"
    env >"$HOME/environment"
    exit "$(cat "$HOME/code")"
    ;;
esac
"""


def build(project: Project, code: int) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """A build as verbose as it can be; what it said, and the command lines of every process meanwhile."""
    home = project.folder / "home"
    for name, mode, content in (("docker", 0o755, DOCKER), ("code", 0o600, str(code))):
        path = home / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
    (project.folder / "app").mkdir(exist_ok=True)
    (project.folder / "app/Dockerfile").write_text("FROM scratch\n")
    variables: dict[str, t.Any] = {
        "system_images": [{"name": "api", "context": "app", "args": {"TOKEN": ARGUMENT}}],
        "images_build_checkout": str(project.folder), "images_build_commit": "abc", "images_build_created": "now",
        "images_build_source": "here", "images_build_sbom": False,
        "images_build_directory": str(project.folder / "out"),
    }  # fmt: skip
    project._write({"vars": variables, "roles": ["images_build"]})
    seen: set[str] = set()

    def look() -> None:
        seen.update(" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))

    environment = {
        **project._environment(), "HOME": str(home), "PATH": f"{home}:{os.environ['PATH']}", "TMPDIR": str(home),
        "PIP_INDEX_URL": f"https://me:{PIP_PASSWORD}@index.example/simple", "DOCKER_HOST": "unix:///nowhere",
    }  # fmt: skip
    with repeatedly(look, pause=0.05):
        finished = subprocess.run(
            [program("ansible-playbook"), "play.yml", "-vvvv"],
            cwd=project.folder, env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    return finished, seen


@pytest.mark.parametrize("code", [0, 7], ids=["a build that succeeds", "a build that fails"])
def test_what_a_build_is_told_reaches_the_engine_and_nobody_else(tmp_path: Path, code: int) -> None:
    project = Project(tmp_path)
    finished, processes = build(project, code)
    home = project.folder / "home"
    said = finished.stdout + finished.stderr
    assert (finished.returncode == 0) == (code == 0), said
    arguments = (home / "arguments").read_text().splitlines()
    assert "--build-arg=TOKEN" in arguments
    # Of the tasks that run it, whatever processor builds it; what goes with it would count as an image.
    assert "--platform=linux/amd64" in arguments
    told = (home / "environment").read_text()
    assert f"TOKEN={ARGUMENT}" in told
    assert "BUILDX_NO_DEFAULT_ATTESTATIONS=1" in told.splitlines()
    assert f"index-url = https://me:{PIP_PASSWORD}@index.example/simple" in told
    kept = {path: path.read_text(errors="replace") for path in project.folder.rglob("*") if path.is_file()}
    own = {home / "environment", project.folder / "play.yml"}
    for secret in (PIP_PASSWORD, ARGUMENT, json.dumps(ARGUMENT)[1:-1]):
        assert secret not in said
        assert not [line for line in processes if secret in line]
        assert [path for path, content in kept.items() if secret in content and path not in own] == []
    assert list(home.glob("slipway-build-*")) == []
    assert list(home.glob(".ansible_async/*")) == []
