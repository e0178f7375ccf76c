"""The step of ci.yml that comments plans, run as GitHub runs it, with a `gh` that writes down what it is asked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
GH = """#!/bin/bash
echo "$@" >> asked
case " $* " in *" --paginate "*) cat found 2>/dev/null ;; esac
exit 0
"""


@pytest.fixture
def step() -> str:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    (script,) = (each["run"] for each in jobs["comment"]["steps"] if "run" in each)
    return str(script)


def comment(step: str, folder: Path, plans: dict[str, str], found: str = "") -> tuple[int, str]:
    """Run the step; its exit code and what it asked of GitHub, without questions."""
    (folder / "plans").mkdir()
    for name, text in plans.items():
        (folder / "plans" / name).write_text(text)
    (folder / "found").write_text(found)
    (folder / "asked").write_text("")
    gh = folder / "gh"
    gh.write_text(GH)
    gh.chmod(0o700)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "COMMENTS": "comments", "COMMENT": "comment"}
    done = subprocess.run(["bash", "-e", "-c", step], cwd=folder, env=environment, timeout=30, check=False)
    asked = (folder / "asked").read_text().splitlines()
    return done.returncode, "\n".join(line for line in asked if "--paginate" not in line)


def test_a_plan_becomes_the_comment_of_its_environment(step: str, tmp_path: Path) -> None:
    plan = {"dev.md": "<!-- slipway: Plan for dev -->\n## Plan for dev\n"}
    assert comment(step, tmp_path, plan) == (0, "api --silent comments --field body=@plans/dev.md")


def test_the_next_plan_replaces_the_comment(step: str, tmp_path: Path) -> None:
    plan = {"dev.md": "<!-- slipway: Plan for dev -->\n"}
    expected = "api --silent --method PATCH comment/17 --field body=@plans/dev.md"
    assert comment(step, tmp_path, plan, "17\n18\n") == (0, expected)


@pytest.mark.parametrize(
    "plans",
    [
        {"dev.md": "\nanybody's comment begins like this\n"},
        {"dev.md": ""},
        {"dev.md": "<!-- slipway: Plan for prod -->\n"},
        {"dev.md": "Thanks\n"},
        {"d e.md": "<!-- slipway: Plan for d e -->\n"},
    ],
)
def test_a_plan_without_the_mark_of_its_environment_touches_no_comment(
    step: str, tmp_path: Path, plans: dict[str, str]
) -> None:
    assert comment(step, tmp_path, plans, "17\n") == (1, "")


def test_comments_of_people_are_never_looked_at(step: str) -> None:
    assert 'select(.user.login == "github-actions[bot]" and (.body | startswith(env.marker)))' in step
