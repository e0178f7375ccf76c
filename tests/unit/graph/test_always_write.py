"""Rule 7: modules that lie in check mode, or that write whether or not anything changes, are planned rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import emulators
from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Outcome, Project

AWS = tuple[Project, ApiProxy]

# Each with the input that the second half of the test changes.
LIARS = {
    "cloudformation": """
- name: Thing
  amazon.aws.cloudformation:
    stack_name: demo
    state: present
    template_body: |
      {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": {{ 9 if changed else 5 }}}}}}
    tags: {team: demo}
""",
    "application_autoscaling_policy": """
- name: Thing
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
- name: Thing
  amazon.aws.s3_bucket: {name: demo-liars, versioning: "{{ changed }}"}
""",
    "sns_topic": """
- name: Thing
  community.aws.sns_topic: {name: demo, display_name: "{{ 'Changed' if changed else 'First' }}"}
""",
    "elb_target_group": """
- name: VPC
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16}
  register: demo_vpc
- name: Thing
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
- name: Thing
  community.aws.ecs_ecr:
    name: demo
    lifecycle_policy:
      rules:
        - rulePriority: 1
          selection: {tagStatus: any, countType: imageCountMoreThan, countNumber: "{{ (9 if changed else 5) | int }}"}
          action: {type: expire}
""",
}


def _plan(project: Project, proxy: ApiProxy) -> Outcome:
    proxy.forget()
    planned = project.converge("demo", arguments=("--check",))
    assert planned.returncode == 0, planned.output
    assert proxy.writes == []
    return planned


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
- name: Thing
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


@pytest.mark.parametrize("name", ON_MINISTACK)
def test_rule_07_liars_are_planned_rightly_on_ministack(tmp_path: Path, name: str) -> None:
    with emulators.ministack() as url:
        proxy = ApiProxy(url)
        try:
            _is_planned_rightly(Project(tmp_path, proxy.url), proxy, ON_MINISTACK[name])
        finally:
            proxy.close()


@pytest.mark.parametrize("name", LIARS)
def test_rule_07_liars_are_planned_rightly(aws: AWS, name: str) -> None:
    project, proxy = aws
    client(proxy, "dynamodb").create_table(
        TableName="demo",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    _is_planned_rightly(project, proxy, LIARS[name])


def _is_planned_rightly(project: Project, proxy: ApiProxy, tasks: str) -> None:
    project.role("demo", tasks)
    project.inventory(changed=False)
    empty = _plan(project, proxy)
    assert "Thing" in empty.calls("planned") + empty.calls("unknown")
    applied = project.converge("demo")
    assert applied.returncode == 0, applied.output
    assert "Thing" in applied.calls("changed")
    same = _plan(project, proxy)
    assert same.calls("planned") == [], same.output
    project.inventory(changed=True)
    other = _plan(project, proxy)
    assert other.calls("planned") == ["Thing"], other.output
