"""Which unit tests look at what has changed."""

from __future__ import annotations

import pytest

from tools import changed_tests

GRAPH = "collections/ansible_collections/slipway/graph/plugins"
AWS = "collections/ansible_collections/slipway/aws/plugins"


@pytest.mark.parametrize(
    ("file", "test"),
    [
        (f"{GRAPH}/plugin_utils/read/needs.py", "tests/unit/graph/read"),
        (f"{GRAPH}/action/converge.py", "tests/unit/graph"),
        (f"{AWS}/modules/kms_key.py", "tests/unit/aws/security/test_kms_key.py"),
        (f"{AWS}/module_utils/resource.py", "tests/unit/aws"),
        ("roles/aws/vpc/tasks/main.yml", "tests/unit/roles"),
        ("docs/operate.md", "tests/unit/tools"),
        ("tests/unit/bench/test_bench.py", "tests/unit/bench/test_bench.py"),
        ("tests/support/playbook.py", "tests/unit"),
        ("requirements/run.in", "tests/unit"),
    ],
)
def test_a_changed_file_leads_to_the_tests_that_look_at_it(file: str, test: str) -> None:
    assert test in changed_tests.tests_of([file])


def test_where_nothing_has_changed_all_tests_run() -> None:
    assert changed_tests.tests_of([]) == ["tests/unit"]


def test_a_test_within_a_folder_that_runs_anyway_is_not_named_twice() -> None:
    files = [f"{GRAPH}/action/converge.py", "tests/unit/graph/read/test_needs.py"]
    assert changed_tests.tests_of(files) == ["tests/unit/graph"]


def test_each_package_of_the_engine_has_tests() -> None:
    packages = {path.parent.name for path in (changed_tests.ROOT / GRAPH / "plugin_utils").glob("*/*.py")}
    assert "read" in packages
    for package in packages:
        assert changed_tests.tests_of([f"{GRAPH}/plugin_utils/{package}/x.py"]) != ["tests/unit"], package
