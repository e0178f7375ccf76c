"""Rule 9: the API throttles, breaks and times out, and the apply ends well all the same, or says why it cannot."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from tests.faults import ledger
from tests.support import account, system
from tests.support.api_proxy import ApiProxy, proxied
from tests.support.playbook import Project


def _converge(folder: Path, environment: dict[str, str]) -> dict[str, t.Any]:
    journal = folder / "journal.json"
    task = {"roles": system.SYSTEM["system_roles"], "journal": str(journal)}
    system.play(folder, environment, {"tasks": [{"name": "Converge", "slipway.graph.converge": task}]})
    document: dict[str, t.Any] = json.loads(journal.read_text())
    return document


def _account(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> t.Any:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return json.loads(json.dumps(account.normalised(account.read_account()), default=str))


def test_rule_09_an_apply_ends_well_although_a_fifth_of_all_calls_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with system.emulated() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        ledger.reset()
        _converge(tmp_path, environment)
        undisturbed = _account(environment, monkeypatch)
        ledger.reset()
        with proxied(environment) as (disturbing, proxies):
            for proxy in proxies:
                proxy.fault_rate = 0.2
            journal = _converge(tmp_path, disturbing)
        disturbed = _account(environment, monkeypatch)
    retries = sum(call["retries"] for each in journal["calls"] for call in each["api_calls"])
    operations = sum(len(proxy.operations) for proxy in proxies)
    assert retries > operations / 10, f"{retries} retries among {operations} requests: hardly a fault"
    assert journal["summary"]["failed"] == 0
    assert disturbed == undisturbed


# A part of it in JSON, a part in XML; the first is made before the others begin.
TASKS = """
- name: Logs
  community.aws.cloudwatchlogs_log_group: {log_group_name: demo, retention: 7}
  register: demo_logs
- name: Topics
  community.aws.sns_topic: {name: "{{ item }}", display_name: "{{ demo_logs.log_group_name }}"}
  loop: [one, two, three]
- name: Key
  slipway.aws.kms_key: {alias: demo, description: "{{ demo_logs.log_group_name }}", tags: {team: demo}}
"""
AWS = tuple[Project, ApiProxy]


def ended_well(project: Project) -> None:
    """The next run does what is left, and the one after it has nothing to do."""
    again = project.converge("demo")
    assert again.returncode == 0, again.output
    assert project.converge("demo").calls("changed") == []


@pytest.mark.parametrize("write", range(1, 6))
def test_credentials_that_run_out_half_way_are_told_and_the_next_run_goes_on(aws: AWS, write: int) -> None:
    project, proxy = aws
    project.role("demo", TASKS)
    proxy.has_expired = lambda _operation: len(proxy.writes) > write
    stopped = project.converge("demo")
    assert stopped.returncode != 0
    assert "security token included in the request is expired" in " ".join(stopped.output.split())
    proxy.has_expired = lambda _operation: False
    ended_well(project)


@pytest.mark.parametrize("name", ["DescribeLogGroups", "ListTopics", "ListResourceTags", "DescribeKey"])
def test_an_answer_that_was_cut_short_is_no_empty_one(aws: AWS, name: str) -> None:
    project, proxy = aws
    project.role("demo", TASKS)
    made = project.converge("demo")
    assert made.returncode == 0, made.output
    proxy.forget()
    proxy.cuts = lambda operation: operation.endswith(name)
    for arguments in ((), ("--check",)):
        cut = project.converge("demo", arguments=arguments)
        if not any(operation.endswith(name) for operation in proxy.operations):
            continue
        assert cut.returncode != 0, cut.output
        assert "the answer of AWS cannot be read" in cut.output, cut.output
        assert cut.calls("planned") == cut.calls("changed") == []
    assert any(operation.endswith(name) for operation in proxy.operations)
    assert proxy.writes == []
    proxy.cuts = lambda _operation: False
    ended_well(project)
