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
