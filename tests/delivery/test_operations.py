"""The delivered system while its secrets are rotated and its tasks are stopped, as a client sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.delivery.hidden import assert_hidden, secrets_looked_up
from tests.delivery.releases import NAME, System, answer_of
from tests.delivery.test_backups import newest, sql
from tests.support.background import repeatedly
from tests.support.local import REGION

PAGES = count(1)


@contextmanager
def reads_all_the_time(system: System) -> Iterator[list[tuple[int, str]]]:
    """Clients that read what no cache has, so that the database is asked; status and body of each answer."""
    answers: list[tuple[int, str]] = []

    def read() -> None:
        url = f"{system.url}/transaction?limit=1&page={next(PAGES)}&reader=operations"
        answers.append(answer_of(url, seconds=20, headers=system.headers))

    # Together below the rate that the application allows a client.
    with repeatedly(read, pause=0.3, threads=2):
        yield answers


def credentials(system: System) -> dict[str, Any]:
    """What the secret of the database has now."""
    value = system.local.client("secretsmanager").get_secret_value(SecretId=f"{NAME}-database")["SecretString"]
    fields: dict[str, Any] = json.loads(value)
    return fields


def failed_in_the_application(answers: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Failures that are not the load balancer's.

    Only the emulator has those: it forwards to tasks that do not listen yet, and does not drain those that stop.
    """
    return [(status, body) for status, body in answers if status not in (0, 200, 502)]


def connected(system: System) -> set[str]:
    """The users whose connections the database has."""
    return set(
        sql(system, "SELECT DISTINCT user FROM information_schema.processlist WHERE db = 'transactions'").split()
    )


def tasks(system: System) -> set[str]:
    """The tasks of the service that run."""
    service = {"cluster": f"{NAME}-cluster", "serviceName": f"{NAME}-api", "desiredStatus": "RUNNING"}
    return set(system.local.client("ecs").list_tasks(**service)["taskArns"])


def test_no_request_fails_while_the_users_of_the_database_alternate(system: System) -> None:
    seen = [credentials(system)]
    for _ in range(2):
        with reads_all_the_time(system) as answers, secrets_looked_up(system) as secrets:
            output = system.succeed("playbooks/rotate_secrets.yml", "-vvv", "-e", "rotate_secrets_grace_seconds=1")
        seen.append(credentials(system))
        assert any(status == 200 for status, _body in answers)
        assert failed_in_the_application(answers) == []
        assert {each["password"] for each in seen[-2:]} <= secrets
        assert_hidden(system, output, secrets)
        # Every task has logged in anew.
        assert seen[-1]["username"] in connected(system)
    assert [each["username"] for each in seen[1:]] == ["transactions_clone", "transactions"]
    assert len({each["password"] for each in seen}) == 3
    assert "Plan: 0 to change" in system.succeed("playbooks/site.yml", "--check")


def test_rotation_of_a_secret_that_is_not_rotated_is_refused(system: System) -> None:
    ran = system.play("playbooks/rotate_secrets.yml", "-e", "secrets=cache")
    assert ran.returncode != 0
    assert "secrets is cache" in ran.stdout
    assert "rotates database" in " ".join(ran.stdout.split())


def key_of(system: System, container: str) -> tuple[str, str, str]:
    """The key that a container has of its task's role: name, secret and token."""
    environment = json.loads(system.local.docker("inspect", "--format", "{{json .Config.Env}}", container))
    found = dict(each.split("=", 1) for each in environment)
    return found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"], found["AWS_SESSION_TOKEN"]


def who_calls(system: System, key: tuple[str, str, str]) -> str:
    """The ARN that a key has."""
    session: Any = boto3.session.Session(*key, region_name=REGION)
    client = session.client("sts", endpoint_url=f"http://127.0.0.1:{system.local.port}")
    return str(client.get_caller_identity()["Arn"])


def test_stopping_all_tasks_shows_the_downtime(system: System) -> None:
    before = tasks(system)
    keys = [key_of(system, container) for container in system.containers()]
    assert all(f":assumed-role/{NAME}-" in who_calls(system, key) for key in keys)
    with secrets_looked_up(system) as secrets:
        output = system.succeed("playbooks/failover_drill.yml", "-vvv", "-e", "drill_failover_stable_seconds=5")
    assert_hidden(system, output, secrets)
    assert tasks(system).isdisjoint(before)
    for key in keys:
        with pytest.raises(ClientError, match="The task that had this key has stopped"):
            who_calls(system, key)
    (failover,) = newest(system, f"drills/{NAME}/")["failovers"]
    assert failover["did"] == f"stopped {len(before)} tasks"
    assert failover["downtime_seconds"] > 0
    assert 0 < failover["failed"] < failover["requests"]
    assert f"{failover['downtime_seconds']} s of downtime" in " ".join(output.split())


def test_downtime_beyond_the_limit_fails_the_drill(system: System) -> None:
    arguments = ("-e", "drill_failover_stable_seconds=5", "-e", "limit_seconds=0.1")
    ran = system.play("playbooks/failover_drill.yml", *arguments)
    assert ran.returncode != 0
    told = f"Down for longer than the 0.1 s that drill_failover_limit_seconds allows: {NAME}-api"
    assert told in " ".join(ran.stdout.split())
    assert newest(system, f"drills/{NAME}/")["limit_seconds"] == 0.1
