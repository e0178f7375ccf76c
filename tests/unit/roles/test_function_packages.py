"""The package of a function: the same bytes for the same input, and nothing in it that does not belong there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.local import commit
from tests.support.paths import ROOT

PACKAGE = ROOT / "roles/delivery/functions_build/files/package.py"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """An application in a checkout, with a file that git ignores."""
    folder = tmp_path / "app"
    (folder / "shop" / "deep").mkdir(parents=True)
    (folder / "shop" / "main.py").write_text("def handler(event, context):\n    return event\n")
    (folder / "shop" / "deep" / "part.py").write_text("")
    (folder / "shop" / "main.pyc").write_text("compiled")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_shop.py").write_text("")
    (folder / ".gitignore").write_text("*.pyc\n")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    commit(folder, "An application")
    return folder


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """What pip leaves behind."""
    folder = tmp_path / "installed"
    for name in ("library/__init__.py", "library/__pycache__/x.pyc", "library-1.0.dist-info/METADATA",
                 "library-1.0.dist-info/RECORD", "library-1.0.dist-info/INSTALLER", "bin/program"):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def make(context: Path, installed: Path, output: Path, **options: str) -> subprocess.CompletedProcess[str]:
    """Run the program the way the role does."""
    given = {"commit": "3f2a91c", "max-bytes": "100000", **options}
    return subprocess.run(
        [sys.executable, str(PACKAGE), f"--installed={installed}", f"--context={context}", f"--output={output}",
         *(f"--{name}={value}" for name, value in given.items()), "shop"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_package_has_the_sources_what_they_need_and_the_commit(
    context: Path, installed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "shop.zip"
    assert make(context, installed, output).returncode == 0
    with zipfile.ZipFile(output) as package:
        assert package.namelist() == [
            "library-1.0.dist-info/METADATA", "library/__init__.py", "release.json", "shop/deep/part.py",
            "shop/main.py",
        ]  # fmt: skip
        assert json.loads(package.read("release.json")) == {"commit": "3f2a91c"}
        assert {entry.external_attr >> 16 for entry in package.infolist()} == {0o100644}


def test_the_same_input_gives_the_same_bytes(context: Path, installed: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    make(context, installed, first)
    for number, path in enumerate([*context.rglob("*.py"), *installed.rglob("*")]):
        os.utime(path, (number, number))
        if path.is_file():
            path.chmod(0o600)
    make(context, installed, second)
    assert first.read_bytes() == second.read_bytes()


def test_another_commit_gives_other_bytes(context: Path, installed: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    make(context, installed, first)
    make(context, installed, second, commit="other")
    assert first.read_bytes() != second.read_bytes()


def test_a_package_that_is_too_large_is_refused_and_not_left_behind(
    context: Path, installed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "shop.zip"
    ran = make(context, installed, output, **{"max-bytes": "100"})
    assert ran.returncode == 1
    assert "allowed: 100" in ran.stderr
    assert not output.exists()


def test_sources_that_git_does_not_know_are_an_error(context: Path, installed: Path, tmp_path: Path) -> None:
    (context / ".gitignore").write_text("shop\n")
    subprocess.run(["git", "rm", "--quiet", "-r", "--cached", "shop"], cwd=context, check=True)
    ran = make(context, installed, tmp_path / "shop.zip")
    assert ran.returncode == 1
    assert "git tracks no files in shop" in ran.stderr
