"""Destroy (rule 10): what counts as deletable."""

from __future__ import annotations

from tests.support.api_proxy import ApiProxy
from tests.support.playbook import Project

AWS = tuple[Project, ApiProxy]

CLUSTER = """
- name: Cluster
  slipway.aws.ecs_cluster: {name: demo-cluster}
"""


def test_rule_10_modules_whose_state_option_comes_from_a_documentation_fragment_are_deleted(aws: AWS) -> None:
    project, _ = aws
    project.role("compute", CLUSTER)
    project.inventory()
    assert project.converge("compute").calls("changed") == ["Cluster"]
    destroyed = project.converge("compute", state="absent", confirm="demo-test")
    assert destroyed.returncode == 0, destroyed.output
    assert destroyed.calls("changed") == ["Cluster"]
    plan = project.converge("compute", arguments=("--check",))
    assert plan.calls("planned") == ["Cluster"]


SERVICE = """
- name: Cluster
  slipway.aws.ecs_cluster: {name: demo-cluster}
  register: compute_cluster
- name: Revision
  slipway.aws.ecs_task_definition:
    family: demo
    cpu: "{{ compute_cpu }}"
    container_definitions: [{name: web, image: "demo:1", memory: 128}]
  register: compute_revision
- name: Service
  slipway.aws.ecs_service:
    name: demo
    cluster: "{{ compute_cluster.cluster.cluster_name }}"
    task_definition: "{{ compute_revision.task_definition.task_definition_arn }}"
    desired_count: 0
    wait: false
"""


def test_rule_10_what_is_known_by_name_is_deleted_although_its_inputs_have_changed(aws: AWS) -> None:
    project, _ = aws
    project.role("compute", SERVICE)
    project.inventory(compute_cpu="256")
    applied = project.converge("compute")
    assert applied.calls("changed") == ["Cluster", "Revision", "Service"], applied.output
    project.inventory(compute_cpu="512")
    destroyed = project.converge("compute", state="absent", confirm="demo-test")
    assert destroyed.returncode == 0, destroyed.output
    assert destroyed.calls("changed") == ["Cluster", "Revision", "Service"]
