"""What a roll-out that has failed leaves in service, and what it says; and when a rotation is over."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Outcome, Project

AWS = tuple[Project, ApiProxy]
ROLE = """
- name: Serve
  ansible.builtin.copy: {content: "{{ rollout_release_id }}", dest: "{{ serving }}", mode: "0600"}
"""


def go_back(project: Project, target: str, current: str, begun: bool = True) -> tuple[Outcome, Path]:
    """A roll-out of one release over another that fails; what it said, and the file that says what serves."""
    serving = project.folder / "serving"
    serving.write_text(target)
    project.role("demo", ROLE)
    variables: dict[str, t.Any] = {
        "serving": str(serving), "rollout_roles": ["demo"], "rollout_account_id": "123456789012",
        "rollout_directory": str(project.folder), "rollout_ledger_bucket": "ledger", "rollout_ledger_name": "demo",
        "rollout_ledger": {"current_id": current}, "rollout_target": {"id": target, "status": "built"},
        "rollout_converged": {"summary": {}} if begun else {},
        "aws_account_id": "123456789012", "aws_region": "eu-central-1",
    }  # fmt: skip
    task = {
        "block": [{"name": "Prove", "ansible.builtin.fail": {"msg": "a task answered with another commit"}}],
        "rescue": [{"ansible.builtin.include_role": {"name": "rollout", "tasks_from": "go_back.yml"}}],
    }
    return project.run_plays([{"vars": variables, "tasks": [task]}]), serving


@pytest.mark.parametrize("denied", [True, False], ids=["a ledger that cannot be written", "a ledger that is not there"])
def test_a_bad_release_goes_out_of_service_whatever_happens_to_the_ledger(aws: AWS, denied: bool) -> None:
    project, proxy = aws
    if denied:
        proxy.denies = lambda operation: operation.startswith("rest:")
    outcome, serving = go_back(project, target="new", current="old")
    said = " ".join(outcome.output.split())
    assert outcome.returncode != 0
    assert serving.read_text() == "old", outcome.output
    assert "Release new of demo is not in service. a task answered with another commit" in said
    assert "Release old is in service." in said
    assert "The ledger still calls release new built, because it could not be marked as failed" in said


def test_what_the_ledger_has_refused_is_not_done_without_it(aws: AWS) -> None:
    project, proxy = aws
    proxy.denies = lambda operation: operation.startswith("rest:")
    outcome, serving = go_back(project, target="new", current="old", begun=False)
    assert serving.read_text() == "new"  # as it was: nothing has begun
    assert "Going back to release old failed too" in " ".join(outcome.output.split())


def test_the_release_in_service_does_not_go_back_to_itself(aws: AWS) -> None:
    project, _proxy = aws
    outcome, serving = go_back(project, target="same", current="same")
    said = " ".join(outcome.output.split())
    assert outcome.returncode != 0
    assert serving.read_text() == "same"
    assert "Release same of demo is in service already, and putting it into service again has failed" in said
    assert "a task answered with another commit" in said
    assert "is not in service" not in said
    assert "No release was in service before" not in said


def test_without_a_release_before_nobody_says_that_the_bad_one_is_not_in_service(aws: AWS) -> None:
    project, _proxy = aws
    outcome, serving = go_back(project, target="new", current="")
    said = " ".join(outcome.output.split())
    assert outcome.returncode != 0
    assert serving.read_text() == "new"
    assert "Putting release new of demo into service has failed. No release was in service before" in said
    assert "what has been started stays" in said
    assert "is not in service" not in said


def test_services_that_were_not_restarted_are_not_taken_for_restarted(aws: AWS) -> None:
    """Moto rotates like Secrets Manager, but calls no function: as if the restart came after the new label."""
    project, proxy = aws
    client(proxy, "secretsmanager").create_secret(Name="demo-test-database", SecretString="{}")
    ecs = client(proxy, "ecs")
    ecs.create_cluster(clusterName="demo-test-cluster")
    ecs.register_task_definition(family="demo", containerDefinitions=[{"name": "api", "image": "api", "memory": 64}])
    ecs.create_service(cluster="demo-test-cluster", serviceName="demo-test-api", taskDefinition="demo", desiredCount=0)
    rotated = {
        "rotate_secrets_list": [{"secret": "database", "function": "rotation", "services": ["api"]}],
        "rotate_secrets_services_timeout": 5,
        "rotate_secrets_proofs": [],
        "rotate_secrets_directory": str(project.folder),
    }
    outcome = project.run_plays([{"roles": [{"role": "rotate_secrets", **rotated}]}])
    assert outcome.returncode != 0
    assert "Wait until the services run with new tasks only" in outcome.output
    assert "RotateSecret" in str(proxy.operations)

    def restart(body: bytes) -> bytes:
        """The deployment that the function begins."""
        asked = sum("DescribeServices" in operation for operation in proxy.operations)
        return body.replace(b'"id": "ecs-svc/', b'"id": "ecs-svc/new-') if asked > 2 else body

    proxy.forget()
    proxy.edits = restart
    outcome = project.run_plays([{"roles": [{"role": "rotate_secrets", **rotated}]}])
    assert outcome.returncode == 0, outcome.output
