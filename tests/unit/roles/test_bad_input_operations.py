"""Bad input to the roles that run services, rotate secrets and drill failovers: one message, before any API call."""

from __future__ import annotations

import typing as t

import pytest

from tests.support.bad_input import Case, assert_refused, validated
from tests.unit.roles.test_bad_input import GOOD as GOOD_ELSEWHERE

API = {"name": "api", "image": "api", "port": 8080, "log_group": "api", "health_command": ["CMD", "true"]}
BACKUP = {"name": "backup", "image": "backup", "one_off": True, "log_group": "api"}
GOOD: dict[str, t.Any] = {
    **GOOD_ELSEWHERE,
    # What other roles make.
    "kms_key_arns": {"secrets": "arn:aws:kms:eu-central-1:123456789012:key/1"},
    "secrets_arns": {"database": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:database-1"},
    "lambda_functions_aliases": {},
    "lambda_functions_names": {"rotation": "shop-rotation"},
    "vpc_connected_subnet_ids": ["subnet-1"],
    "alb_target_group_arns": {},
    "log_groups_names": {"api": "/slipway/api"},
    "ecr_repository_uris": {"api": "registry.example/api", "backup": "registry.example/backup"},
    "ecs_cluster_name": "shop-cluster",
    "system_run_directory": "runs",
    "drill_failover_url": "https://shop.example",
    "drill_failover_targets": [{"target": "rds_instance", "name": "shop-database"}],
    "ecs_services_list": [API, BACKUP],
    "rotation_schedules_list": [{"secret": "database", "function": "rotation", "days": 30}],
}
ROLES = ["ecs_services", "rotation_schedules", "drill_failover", "rotate_secrets"]

CASES = {
    "service-has-no-port": Case(
        "ecs_services_list",
        [{key: value for key, value in API.items() if key != "port"}],
        ("api in ecs_services_list has no port", "unless it is one_off"),
    ),
    "tasks-reach-nothing": Case(
        "vpc_nat_gateways", "none", ("vpc_nat_gateways is none", "ecs_services_assign_public_ip is false", "per_az")
    ),
    "everybody-may-call-the-service-in-production": Case(
        "ecs_services_list",
        [{**API, "authentication": "none"}],
        ("api in ecs_services_list has authentication none", "ecs_services_allow_unauthenticated: true"),
        {"slipway_environment": "prod"},
    ),
    "nobody-knows-whether-this-is-production": Case(
        "ecs_services_list", [{**API, "authentication": "none"}], ("api in ecs_services_list has authentication none",)
    ),
    "rotation-is-too-seldom": Case(
        "rotation_schedules_list",
        [{"secret": "database", "function": "rotation", "days": 1001}],
        ("rotation_schedules_list rotates database every 1001 days", "1 to 1000"),
    ),
    "secret-rotates-twice": Case(
        "rotation_schedules_list",
        [{"secret": "database", "function": "rotation", "days": days} for days in (30, 90)],
        ("rotation_schedules_list lists a secret twice: database, database",),
    ),
    "failover-of-something-unknown": Case(
        "drill_failover_targets",
        [{"target": "load_balancer", "name": "shop-alb"}],
        ("drill_failover_targets", "ecs_service, rds_instance, elasticache_replication_group"),
    ),
    "rotation-is-driven-from-nowhere": Case(
        "rotate_secrets_driver", "lambda", ("rotate_secrets_driver", "service, here")
    ),
}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a user sees of all cases."""
    return validated(tmp_path_factory.mktemp("bad-input"), GOOD, CASES, ROLES)


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_with_key_value_and_what_is_allowed(output: str, name: str) -> None:
    assert_refused(output, name, CASES[name])


def test_good_input_is_accepted(output: str) -> None:
    assert "ok: [good]" in output, output[-3000:]
