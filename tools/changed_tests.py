#!/usr/bin/env python3
"""Prints which unit tests look at what has changed: tools/changed_tests.py [BASE]

What has changed is told from BASE, a commit, which is where the branch left the upstream's main unless told, up to the
working tree. Tests mirror the code, so a folder of the code leads to a folder of tests. Where nothing has changed, and
for what all tests use, it is all of them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALL = "tests/unit"
ENGINE = r"collections/ansible_collections/slipway/graph/plugins"
MODULES = r"collections/ansible_collections/slipway/aws/plugins"
# A changed file, and the tests that look at it; the first row that fits counts. \1 is what the first group has found.
ROWS = [
    (r"tests/(conftest\.py|support/)", [ALL]),
    (r"tests/unit/(.+\.py)", [r"tests/unit/\1"]),
    (rf"{ENGINE}/plugin_utils/(\w+)/", [r"tests/unit/graph/\1", "tests/unit/graph/test_converge.py"]),
    (rf"{ENGINE}/", ["tests/unit/graph"]),
    (rf"{MODULES}/modules/(\w+)\.py", []),  # by name: see _tests_that_name
    (rf"{MODULES}/", ["tests/unit/aws"]),
    (r"roles/local/", ["tests/unit/local", "tests/unit/tools"]),
    (r"(roles|playbooks|inventories)/", ["tests/unit/roles", "tests/unit/tools"]),
    (r"(tools|docs|README|CONTRIBUTING|CHANGELOG|\.github)", ["tests/unit/tools"]),
    (r"bench/", ["tests/unit/bench"]),
    (r"(requirements|pyproject\.toml|ansible\.cfg)", [ALL]),
]


def main(arguments: list[str]) -> int:
    """Run the program."""
    print(*tests_of(changed(arguments[0] if arguments else base())), sep="\n")
    return 0


def tests_of(files: Iterable[str]) -> list[str]:
    """The tests that look at some files, none of them within another."""
    found = {test for file in files for test in _tests_of(file) if (ROOT / test).exists()}
    if not found:
        return [ALL]
    return sorted(test for test in found if not any(test.startswith(f"{other}/") for other in found))


def _tests_of(file: str) -> list[str]:
    for pattern, tests in ROWS:
        match = re.match(pattern, file)
        if match:
            return [match.expand(test) for test in tests] or _tests_that_name(Path(file).stem)
    return []


def _tests_that_name(module: str) -> list[str]:
    """The tests of a module: those that run it by its name."""
    return [
        test.relative_to(ROOT).as_posix()
        for test in sorted((ROOT / "tests/unit/aws").rglob("test_*.py"))
        if re.search(rf"\b{module}\b", test.read_text())
    ]


def base() -> str:
    """Where the branch left the upstream's main; without an upstream, the last commit."""
    upstream = _git("merge-base", "HEAD", "origin/main")
    return upstream[0] if upstream else "HEAD"


def changed(commit: str) -> list[str]:
    """The files that differ from a commit, those that git does not know yet included."""
    return _git("diff", "--name-only", commit) + _git("ls-files", "--others", "--exclude-standard")


def _git(*arguments: str) -> list[str]:
    finished = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return finished.stdout.split("\n")[:-1] if finished.returncode == 0 else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
