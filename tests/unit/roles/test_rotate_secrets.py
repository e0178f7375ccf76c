"""When a rotation is over: not before the services run with new tasks."""

from __future__ import annotations

from tests.support.api_proxy import ApiProxy
from tests.support.aws import client
from tests.support.playbook import Project


def test_services_that_were_not_restarted_are_not_taken_for_restarted(aws: tuple[Project, ApiProxy]) -> None:
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
