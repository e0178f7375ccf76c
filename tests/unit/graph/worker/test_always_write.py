"""Rule 7: modules that lie in check mode, or that write whether or not anything changes, are planned rightly."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from tests.support import emulators
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Outcome, Project

# Each with the input that is changed after the apply. Its task has its name.
LIARS = {
    "cloudformation": """
- name: cloudformation
  amazon.aws.cloudformation:
    stack_name: demo
    state: present
    template_body: |
      {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": {{ 9 if changed else 5 }}}}}}
    tags: {team: demo}
""",
    "application_autoscaling_policy": """
- name: application_autoscaling_policy
  community.aws.application_autoscaling_policy:
    state: present
    policy_name: demo
    service_namespace: dynamodb
    resource_id: table/demo
    scalable_dimension: dynamodb:table:ReadCapacityUnits
    policy_type: TargetTrackingScaling
    target_tracking_scaling_policy_configuration:
      PredefinedMetricSpecification: {PredefinedMetricType: DynamoDBReadCapacityUtilization}
      TargetValue: "{{ (70.0 if changed else 50.0) | float }}"
    minimum_tasks: 1
    maximum_tasks: 3
""",
    "s3_bucket": """
- name: s3_bucket
  amazon.aws.s3_bucket: {name: demo-liars, versioning: "{{ changed }}"}
""",
    "sns_topic": """
- name: sns_topic
  community.aws.sns_topic: {name: demo, display_name: "{{ 'Changed' if changed else 'First' }}"}
""",
    "elb_target_group": """
- name: VPC
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16}
  register: demo_vpc
- name: elb_target_group
  community.aws.elb_target_group:
    name: demo
    protocol: http
    port: 80
    vpc_id: "{{ demo_vpc.vpc.id }}"
    health_check_protocol: http
    health_check_path: "{{ '/changed' if changed else '/first' }}"
    state: present
""",
    "ecs_ecr": """
- name: ecs_ecr
  community.aws.ecs_ecr:
    name: demo
    lifecycle_policy:
      rules:
        - rulePriority: 1
          selection: {tagStatus: any, countType: imageCountMoreThan, countNumber: "{{ (9 if changed else 5) | int }}"}
          action: {type: expire}
""",
}

# moto leaves the time of the last change out of a project, without which the module fails.
ON_MINISTACK = {
    "codebuild_project": """
- name: Role
  amazon.aws.iam_role:
    name: build
    assume_role_policy_document:
      Version: "2012-10-17"
      Statement: [{Effect: Allow, Action: "sts:AssumeRole", Principal: {Service: codebuild.amazonaws.com}}]
  register: demo_role
- name: codebuild_project
  community.aws.codebuild_project:
    name: demo
    service_role: "{{ demo_role.iam_role.arn }}"
    description: "{{ 'Changed' if changed else 'First' }}"
    source: {type: GITHUB, location: "https://git.example/demo.git"}
    artifacts: {type: NO_ARTIFACTS}
    environment: {type: LINUX_CONTAINER, compute_type: BUILD_GENERAL1_SMALL, image: "aws/codebuild/standard:7.0"}
    state: present
"""
}


class Plans(t.NamedTuple):
    """Three plans: of an empty account, after the apply, and with other inputs; and the apply."""

    empty: Outcome
    applied: Outcome
    same: Outcome
    other: Outcome


def _plans(project: Project, proxy: ApiProxy, tasks: str) -> Plans:
    project.role("demo", tasks)
    project.inventory(changed=False)
    empty = _plan(project, proxy)
    applied = project.converge("demo")
    assert applied.returncode == 0, applied.output
    same = _plan(project, proxy)
    project.inventory(changed=True)
    return Plans(empty, applied, same, _plan(project, proxy))


def _plan(project: Project, proxy: ApiProxy) -> Outcome:
    proxy.forget()
    planned = project.converge("demo", arguments=("--check",))
    assert planned.returncode == 0, planned.output
    assert proxy.writes == []
    return planned


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory, moto: str) -> Plans:
    """All of them at once."""
    emulators.reset_moto(moto)
    with ApiProxy(moto) as proxy:
        # What a scaling policy scales has to exist.
        client(proxy, "dynamodb").create_table(
            TableName="demo",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        )
        return _plans(Project(tmp_path_factory.mktemp("liars"), proxy.url), proxy, "".join(LIARS.values()))


@pytest.mark.parametrize("name", LIARS)
def test_rule_07_liars_are_planned_rightly(plans: Plans, name: str) -> None:
    assert_planned_rightly(plans, name)


@pytest.mark.parametrize("name", ON_MINISTACK)
def test_rule_07_liars_are_planned_rightly_on_ministack(tmp_path: Path, name: str) -> None:
    with emulators.ministack() as url, ApiProxy(url) as proxy:
        assert_planned_rightly(_plans(Project(tmp_path, proxy.url), proxy, ON_MINISTACK[name]), name)


def assert_planned_rightly(plans: Plans, name: str) -> None:
    assert name in plans.empty.calls("planned") + plans.empty.calls("unknown")
    assert name in plans.applied.calls("changed")
    assert name in plans.same.calls("ok"), plans.same.output
    assert name in plans.other.calls("planned"), plans.other.output
