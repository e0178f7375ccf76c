"""Rule 15: a run that is killed at any moment leaves a journal of every write that AWS has seen."""

from __future__ import annotations

import collections
import json
import random
import time
import typing as t
from pathlib import Path

import psutil
import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.record import cut_off
from tests.support import emulators
from tests.support.api_proxy import ApiProxy
from tests.support.playbook import Project

AWS = tuple[Project, ApiProxy]

TASKS = """
- name: VPC
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16, tags: {team: demo}}
  register: demo_vpc
- name: Subnets
  amazon.aws.ec2_vpc_subnet: {vpc_id: "{{ demo_vpc.vpc.id }}", cidr: "{{ item }}", tags: {Name: "{{ item }}"}}
  loop: [10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24]
- name: Topics
  community.aws.sns_topic: {name: "{{ item }}", display_name: "{{ item }}"}
  loop: [one, two, three, four, five]
- name: Logs
  community.aws.cloudwatchlogs_log_group: {log_group_name: "{{ item }}", retention: 7}
  loop: [one, two, three, four, five]
- name: Bucket
  amazon.aws.s3_bucket: {name: demo-bucket, versioning: true, tags: {team: demo}}
- name: Key
  amazon.aws.kms_key: {alias: demo, description: demo}
"""
KILLS = 10
SEED = 20261127


def seen(proxy: ApiProxy) -> collections.Counter[str]:
    """The writes that AWS has seen, by operation; of S3, whose requests do not say it, by service."""
    names = (operation.rpartition(":") for operation in proxy.writes)
    return collections.Counter("s3" if service == "rest" else name for service, _colon, name in names)


def named(api_calls: t.Iterable[dict[str, t.Any]]) -> collections.Counter[str]:
    """The same of a journal's API calls."""
    return collections.Counter(
        "s3" if call["service"] == "s3" and not call["operation"].startswith(("Get", "Head", "List"))
        else call["operation"]
        for call in api_calls
    )  # fmt: skip


def kill_when(proxy: ApiProxy, writes: int, pause: float, project: Project, everything: bool) -> None:
    """Start an apply, and kill it a little after AWS has seen some number of writes."""
    process = project.start("demo")
    while len(proxy.writes) < writes and process.poll() is None:
        time.sleep(0.002)
    time.sleep(pause)
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    for member in [psutil.Process(process.pid), *(family if everything else [])] if process.poll() is None else []:
        member.kill()
    process.communicate(timeout=60)
    psutil.wait_procs(family, timeout=60)


@pytest.mark.parametrize("everything", [True, False], ids=["with its processes", "alone"])
def test_rule_15_killed_at_any_moment_the_journal_names_every_write_that_aws_has_seen(
    project: Project, moto: str, everything: bool
) -> None:
    project.role("demo", TASKS)
    chance = random.Random(SEED + everything)  # noqa: S311 - a failure must be repeatable
    interrupted = 0
    for number in range(KILLS // 2):
        emulators.reset_moto(moto)
        for left in project.folder.glob("*journal*"):
            left.unlink()
        writes, pause = chance.randint(1, 25), chance.uniform(0, 0.05)
        # One for each run: what a killed run has sent may arrive later.
        with ApiProxy(moto) as proxy:
            project.environment["AWS_ENDPOINT_URL"] = proxy.url
            kill_when(proxy, writes, pause, project, everything)
        lines, journal = project.folder / "journal.jsonl", project.folder / "journal.json"
        if journal.exists():  # the process that keeps it was told that Ansible is gone
            # Or Ansible was killed between the two, when nothing was left to do.
            assert not lines.exists() or cut_off.read(lines).has_ended
            api_calls = [api for call in json.loads(journal.read_text())["calls"] for api in call["api_calls"]]
        else:
            run = cut_off.read(lines)
            assert run.host == project.host
            assert run.damaged == 0
            interrupted += not run.has_ended
            api_calls = [api for call in run.document()["calls"] for api in call["api_calls"]]
            assert named(api_calls) >= named(run.writes)
        missing = seen(proxy) - named(api_calls)
        assert not missing, f"kill {number}, {pause:.3f} s after write {writes}: {missing}"
        assert seen(proxy).total() >= writes
    assert interrupted or not everything


def test_rule_15_the_next_run_says_that_the_last_was_cut_off_and_keeps_its_journal(aws: AWS) -> None:
    project, proxy = aws
    project.role("demo", TASKS)
    applied = str(project.folder / "applied.json")
    kill_when(proxy, 6, 0.0, project, everything=True)
    lines = project.folder / "journal.jsonl"
    killed = cut_off.read(lines)
    assert len(killed.writes) >= 6

    planned = project.converge("demo", arguments=("--check",), applied=applied)
    assert planned.returncode == 0, planned.output
    assert f"was cut off; {len(killed.writes)} writes" in " ".join(planned.output.split())
    assert lines.exists(), "a plan leaves it to the next apply"

    made = project.converge("demo", applied=applied)
    assert made.returncode == 0, made.output
    assert f"was cut off; {len(killed.writes)} writes" in " ".join(made.output.split())
    (kept,) = map(Path, made.result["cut_off"])
    document = json.loads(kept.read_text())
    assert document["cut_off"] is True
    assert "Apply, cut off" in kept.with_suffix(".report.html").read_text()
    assert named(api for call in document["calls"] for api in call["api_calls"]) >= named(killed.writes)
    assert not list(project.folder.glob("*.jsonl"))
    assert project.converge("demo", applied=applied).result["cut_off"] == []
