"""The Markdown of a plan, as pull requests and drift issues show it."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import plan
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from tools import plan_comment

Run = t.Callable[..., tuple[int, str, str]]


def call(**values: t.Any) -> CallRecord:
    """One call of a plan: unchanged, unless told otherwise."""
    given: dict[str, t.Any] = {
        "task": "Create the VPC",
        "role": "vpc",
        "location": "roles/aws/vpc/tasks/main.yml:3",
        "module": "amazon.aws.ec2_vpc_net",
        "status": "ok",
        "order": (0, 0),
        **values,
    }
    return CallRecord(**given)


def planned(**values: t.Any) -> CallRecord:
    """A call that a plan stopped at a write."""
    write = {"service": "ec2", "operation": "CreateVpc", "parameters": {"CidrBlock": "10.0.0.0/16"}}
    return call(**{"status": "planned", "writes": [write], **values})


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Write plans, run the tool, return exit code, output and errors."""

    def run_tool(plans: dict[str, list[CallRecord]], *options: str, **changed: t.Any) -> tuple[int, str, str]:
        for host, calls in plans.items():
            path = tmp_path / host / "plan.json"
            path.parent.mkdir()
            path.write_text(json.dumps(plan.document(host, "present", calls) | changed))
        code = plan_comment.main([*options, str(tmp_path)])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run_tool


def test_shows_each_write_with_its_parameters(run: Run) -> None:
    code, text, _ = run({"transactions-dev": [planned(), call()]}, "--title", "Plan for dev")
    assert code == 0
    assert text.startswith("<!-- slipway: Plan for dev -->\n## Plan for dev\n")
    assert "**transactions-dev**: 1 to change, 1 unchanged" in text
    assert '+ vpc: Create the VPC: ec2:CreateVpc {"CidrBlock": "10.0.0.0/16"}' in text


def test_says_which_inputs_are_known_only_after_the_apply(run: Run) -> None:
    unknown = call(task="Create the subnet", item="10.0.0.0/20", status="unknown", unknown=["vpc_net"])
    _, text, _ = run({"transactions-dev": [unknown]})
    assert "? vpc: Create the subnet (10.0.0.0/20): amazon.aws.ec2_vpc_net, inputs known after apply: vpc_net" in text


def test_a_read_that_cannot_run_yet_is_no_change(run: Run) -> None:
    code, text, _ = run({"transactions-dev": [call(status="unknown", unknown=["x"], reads=True)]}, "--exit-code")
    assert code == 0
    assert "0 to change" in text


def test_changes_stand_in_reading_order(run: Run) -> None:
    calls = [
        planned(task="3rd", order=(10, 0)),
        planned(task="1st", order=(2, 0)),
        planned(task="2nd", order=(2, 1)),
    ]
    _, text, _ = run({"transactions-dev": calls})
    assert text.index("1st") < text.index("2nd") < text.index("3rd")


def test_failures_come_with_their_place_and_message(run: Run) -> None:
    failed = call(status="failed", msg="AccessDenied:\n not allowed")
    code, text, _ = run({"transactions-dev": [failed]}, "--exit-code")
    assert code == 1
    assert "vpc: Create the VPC (roles/aws/vpc/tasks/main.yml:3): AccessDenied: not allowed" in text


@pytest.mark.parametrize(("calls", "code"), [([call()], 0), ([planned()], 1), ([call(), call(status="failed")], 1)])
def test_exit_code_tells_an_empty_plan_from_drift(run: Run, calls: list[CallRecord], code: int) -> None:
    assert run({"transactions-dev": calls}, "--exit-code")[0] == code


def test_without_a_plan_it_says_that_there_is_no_plan(run: Run) -> None:
    code, text, _ = run({}, "--exit-code", "--run-url", "https://example.com/run/1")
    assert code == 1
    assert "There is no plan" in text
    assert "https://example.com/run/1" in text


def test_a_plan_of_another_version_is_refused(run: Run) -> None:
    code, text, errors = run({"transactions-dev": [call()]}, version=1)
    assert (code, text) == (2, "")
    assert "is a plan with version 1; this program reads version 2" in errors


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 2}', '{"version": 2, "calls": [{}], "host": "x"}'])
def test_a_broken_plan_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    (tmp_path / "transactions-dev").mkdir()
    (tmp_path / "transactions-dev" / "plan.json").write_text(content)
    assert plan_comment.main([str(tmp_path)]) == 2
    assert "transactions-dev/plan.json is not a plan" in capsys.readouterr().err


def test_needs_nothing_but_python(tmp_path: Path) -> None:
    """Not even what the program shares with the engine may import Ansible: CI may have a bare Python."""
    hidden = "import sys; sys.modules['ansible'] = None; sys.argv = sys.argv[1:]; import runpy; " \
        "runpy.run_path(sys.argv[0], run_name='__main__')"  # fmt: skip
    command = [sys.executable, "-c", hidden, plan_comment.__file__, str(tmp_path)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "There is no plan" in finished.stdout, finished.stderr


def test_differences_stand_in_the_place_of_parameters(run: Run) -> None:
    diff = [{"name": "EnableDnsSupport", "before": False, "after": True}]
    _, text, _ = run({"transactions-dev": [planned(diff=diff)]})
    assert "+ vpc: Create the VPC: ec2:CreateVpc\n    ~ EnableDnsSupport: false -> true\n" in text


def test_drift_is_told_from_what_is_intended(run: Run) -> None:
    _, text, _ = run({"transactions-dev": [planned(drift=True), planned(order=(1, 0))]})
    assert "2 to change (1 by drift), 0 unchanged" in text
    assert "\n! vpc: Create the VPC" in text


def test_values_cannot_leave_the_code_block(run: Run) -> None:
    write = {"service": "ec2", "operation": "CreateVpc", "parameters": {"Name": "```\n# Approved by everyone"}}
    _, text, _ = run({"transactions-dev": [planned(writes=[write])]})
    assert "\n````text\n" in text
    assert "\n# Approved" not in text


def test_a_huge_plan_is_cut_to_what_github_takes_and_says_so(run: Run) -> None:
    calls = [planned(task=f"Create number {number}" + "x" * 100, order=(number, 0)) for number in range(3000)]
    _, text, _ = run({"transactions-dev": calls, "other-dev": calls})
    assert len(text) < 65_000
    assert "3000 to change" in text
    assert "more, see the log" in text
