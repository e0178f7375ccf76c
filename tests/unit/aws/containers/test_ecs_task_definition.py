"""slipway.aws.ecs_task_definition: a new revision when something differs, and only then."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.modules import Client, Run, runner

CONTAINER: dict[str, Any] = {
    "name": "api",
    "image": "registry/api@sha256:aa",
    "portMappings": [{"containerPort": 8080}],
    "environment": {"DB_HOST": "db", "DB_PORT": 3306, "TLS": True},
    "secrets": {"DB_PASSWORD": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db:password::"},
    "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "api"}},
    "healthCheck": {"command": ["CMD", "true"]},
}
DEFINITION: dict[str, Any] = {
    "family": "shop-api",
    "cpu": "256",
    "memory": "512",
    "network_mode": "awsvpc",
    "requires_compatibilities": ["FARGATE"],
    "task_role_arn": "arn:aws:iam::123456789012:role/task",
    "execution_role_arn": "arn:aws:iam::123456789012:role/execution",
    "runtime_platform": {"cpu_architecture": "X86_64"},
    "container_definitions": [CONTAINER],
    "tags": {"system": "shop"},
}
OTHERS: list[dict[str, Any]] = [
    {"cpu": "512", "memory": "1024"},
    {"task_role_arn": "arn:aws:iam::123456789012:role/other"},
    {"execution_role_arn": "arn:aws:iam::123456789012:role/other"},
    {"network_mode": "bridge", "requires_compatibilities": ["EC2"]},
    {"runtime_platform": {"cpu_architecture": "ARM64"}},
    {"ephemeral_storage_gib": 40},
    {"volumes": [{"name": "data"}]},
    {"container_definitions": [{**CONTAINER, "image": "registry/api@sha256:bb"}]},
    {"container_definitions": [{**CONTAINER, "environment": {"DB_HOST": "db"}}]},
    {"container_definitions": [{**CONTAINER, "secrets": {}}]},
    {"container_definitions": [{**CONTAINER, "healthCheck": {"command": ["CMD", "false"]}}]},
    {"container_definitions": [{**CONTAINER, "logConfiguration": {"logDriver": "json-file"}}]},
]


@pytest.fixture
def ecs(in_moto: Client) -> Any:
    return in_moto("ecs")


@pytest.fixture
def run(ecs: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("ecs_task_definition", capsys, **DEFINITION)


def revisions(ecs: Any) -> list[str]:
    return list(ecs.list_task_definitions(familyPrefix="shop-api", status="ACTIVE")["taskDefinitionArns"])


def test_registers_the_first_revision_with_strings_in_the_environment(run: Run, ecs: Any) -> None:
    result = run()
    assert result["changed"]
    assert result["task_definition"]["revision"] == 1
    assert result["task_definition"]["tags"] == {"system": "shop"}
    container = ecs.describe_task_definition(taskDefinition="shop-api")["taskDefinition"]["containerDefinitions"][0]
    assert {"name": "DB_PORT", "value": "3306"} in container["environment"]
    assert {"name": "TLS", "value": "true"} in container["environment"]


def test_the_same_again_is_no_change_whatever_the_order_of_variables(run: Run, ecs: Any) -> None:
    run()
    pairs = [{"name": "TLS", "value": "true"}, {"name": "DB_PORT", "value": "3306"}, {"name": "DB_HOST", "value": "db"}]
    assert not run()["changed"]
    assert not run(container_definitions=[{**CONTAINER, "environment": pairs, "command": []}])["changed"]
    assert len(revisions(ecs)) == 1


@pytest.mark.parametrize("other", OTHERS, ids=",".join)
def test_every_difference_makes_a_revision(run: Run, ecs: Any, other: dict[str, Any]) -> None:
    run()
    result = run(**other)
    assert result["changed"]
    assert result["task_definition"]["revision"] == 2
    assert len(revisions(ecs)) == 2


def test_an_earlier_revision_is_taken_again(run: Run) -> None:
    first = run()["task_definition"]["task_definition_arn"]
    run(memory="1024")
    back = run()
    assert not back["changed"]
    assert back["task_definition"]["task_definition_arn"] == first


def test_revisions_beyond_the_given_depth_are_not_looked_at(run: Run) -> None:
    run()
    run(memory="1024")
    assert run(reuse_revisions=1)["task_definition"]["revision"] == 3


def test_a_revision_that_someone_else_registered_counts_as_different(run: Run, ecs: Any) -> None:
    run()
    ecs.register_task_definition(family="shop-api", containerDefinitions=[{"name": "api", "image": "x", "memory": 64}])
    assert run()["task_definition"]["revision"] == 1


def test_tags_that_are_numbers_are_text_on_each_revision(run: Run, ecs: Any) -> None:
    tags = {"cost-center": 4711, "shared": True}
    for memory in ("512", "1024"):
        made = run(memory=memory, tags=tags)["task_definition"]
        held = ecs.list_tags_for_resource(resourceArn=made["task_definition_arn"])["tags"]
        assert {"key": "cost-center", "value": "4711"} in held


def test_a_variable_that_is_null_is_refused_and_nothing_is_registered(run: Run, ecs: Any) -> None:
    pairs = [{"name": "LEVEL", "value": None}]
    for environment in ({"LEVEL": None}, pairs):
        result = run(container_definitions=[{**CONTAINER, "environment": environment}])
        assert "LEVEL: null is no value" in result["msg"]
    assert revisions(ecs) == []


def test_other_tags_are_set_on_the_same_revision_and_the_memory_stays(run: Run, ecs: Any) -> None:
    arn = run()["task_definition"]["task_definition_arn"]
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "slipway:migration", "value": "done"}])
    result = run(tags={"team": "shop"})
    assert result["changed"]
    assert result["task_definition"]["revision"] == 1
    assert result["task_definition"]["tags"] == {"team": "shop"}
    kept = {tag["key"] for tag in ecs.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert kept == {"team", "slipway:migration", "slipway:definition"}


def test_check_mode_registers_nothing_and_shows_the_difference(run: Run, ecs: Any) -> None:
    run()
    result = run(check=True, memory="1024")
    assert result["changed"]
    assert result["diff"]["before"]["memory"] == "512"
    assert result["diff"]["after"]["memory"] == "1024"
    assert len(revisions(ecs)) == 1


def test_an_unknown_field_is_refused_with_those_that_are_known(run: Run, ecs: Any) -> None:
    result = run(container_definitions=[{**CONTAINER, "imagePolicy": "always"}])
    assert result["failed"]
    assert "imagePolicy" in result["msg"]
    assert "must be one of" in result["msg"]
    assert revisions(ecs) == []


def test_absent_deletes_every_revision_and_is_idempotent(run: Run, ecs: Any) -> None:
    run()
    run(memory="1024")
    assert run(state="absent")["changed"]
    assert revisions(ecs) == []
    assert not run(state="absent")["changed"]
