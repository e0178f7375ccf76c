# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the resources that modules make are charged for: one function per kind, one table of modules."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

HOURS_PER_MONTH = 730
Arguments = dict[str, t.Any]
Usage = dict[str, float]

# What only the traffic tells, per month where nothing else is said. A user's own figures replace these.
ASSUMED_USAGE: Usage = {
    "requests": 1_000_000,  # to each API or function
    "function_seconds": 0.1,  # of each request
    "nat_gib": 50,  # through each NAT gateway
    "load_balancer_capacity_units": 1,  # on average
    "log_gib": 1,  # into each log group
    "log_kept_gib": 1,  # in each log group
    "image_gib": 1,  # in each image repository
    "bucket_gib": 10,  # in each bucket
    "file_system_gib": 10,  # in each file system
    "backup_gib": 20,  # in each backup vault
    "table_reads": 2_000_000,  # of each table
    "table_writes": 500_000,
    "table_gib": 5,
}


@dataclasses.dataclass(frozen=True)
class Use:
    """So and so much of something that has a price."""

    price: str
    quantity: float


Rule = c.Callable[[Arguments, Usage], c.Iterator[Use]]


def _nat_gateway(_given: Arguments, usage: Usage) -> c.Iterator[Use]:
    yield Use("nat_gateway.hour", HOURS_PER_MONTH)
    yield Use("public_address.hour", HOURS_PER_MONTH)
    yield Use("nat_gateway.data", usage["nat_gib"])


def _load_balancer(given: Arguments, usage: Usage) -> c.Iterator[Use]:
    yield Use("load_balancer.hour", HOURS_PER_MONTH)
    yield Use("load_balancer.capacity", HOURS_PER_MONTH * usage["load_balancer_capacity_units"])
    if given.get("scheme") != "internal":
        yield Use("public_address.hour", HOURS_PER_MONTH * int(given.get("public_addresses", 2)))


def _database(given: Arguments, _usage: Usage) -> c.Iterator[Use]:
    zones = "multi" if given.get("multi_az") else "single"
    yield Use(f"rds.{given.get('engine')}.{given.get('db_instance_class')}.{zones}", HOURS_PER_MONTH)
    yield Use(f"rds.storage.{given.get('storage_type') or 'gp2'}.{zones}", float(given.get("allocated_storage") or 20))


def _cache(given: Arguments, _usage: Usage) -> c.Iterator[Use]:
    nodes = int(given.get("num_cache_clusters") or 1)
    yield Use(f"elasticache.{given.get('engine') or 'redis'}.{given.get('node_type')}", HOURS_PER_MONTH * nodes)


def _service(given: Arguments, _usage: Usage) -> c.Iterator[Use]:
    hours = HOURS_PER_MONTH * float(given.get("desired_count") or 1)
    kind = "fargate_spot" if given.get("spot") else "fargate"
    kind = f"{kind}.{str(given.get('cpu_architecture') or 'x86_64').lower()}"
    yield Use(f"{kind}.vcpu", hours * float(given.get("cpu") or 256) / 1024)
    yield Use(f"{kind}.memory", hours * float(given.get("memory") or 512) / 1024)


def _table(given: Arguments, usage: Usage) -> c.Iterator[Use]:
    if str(given.get("billing_mode") or "PAY_PER_REQUEST").upper() == "PROVISIONED":
        yield Use("dynamodb.provisioned.read", HOURS_PER_MONTH * float(given.get("read_capacity") or 1))
        yield Use("dynamodb.provisioned.write", HOURS_PER_MONTH * float(given.get("write_capacity") or 1))
    else:
        yield Use("dynamodb.on_demand.read", usage["table_reads"])
        yield Use("dynamodb.on_demand.write", usage["table_writes"])
    yield Use("dynamodb.storage", usage["table_gib"])


def _table_recovery(given: Arguments, usage: Usage) -> c.Iterator[Use]:
    if given.get("point_in_time_recovery"):
        yield Use("dynamodb.recovery", usage["table_gib"])


def _function(given: Arguments, usage: Usage) -> c.Iterator[Use]:
    architectures = given.get("architectures") or given.get("architecture") or "x86_64"
    architecture = architectures[0] if isinstance(architectures, list) else architectures
    gib = float(given.get("memory_size") or 128) / 1024
    yield Use("lambda.requests", usage["requests"])
    yield Use(f"lambda.{architecture}.time", usage["requests"] * usage["function_seconds"] * gib)


def _log_group(_given: Arguments, usage: Usage) -> c.Iterator[Use]:
    yield Use("logs.ingestion", usage["log_gib"])
    yield Use("logs.storage", usage["log_kept_gib"])


def _one(price: str) -> Rule:
    return lambda _given, _usage: iter([Use(price, 1)])


def _by_usage(price: str, what: str) -> Rule:
    return lambda _given, usage: iter([Use(price, usage[what])])


RULES: dict[str, Rule] = {
    "amazon.aws.ec2_vpc_nat_gateway": _nat_gateway,
    "slipway.aws.ec2_nat_gateway": _nat_gateway,
    "amazon.aws.elb_application_lb": _load_balancer,
    "amazon.aws.rds_instance": _database,
    "slipway.aws.elasticache_replication_group": _cache,
    "slipway.aws.ecs_service": _service,
    "community.aws.ecs_service": _service,
    "amazon.aws.kms_key": _one("kms.key"),
    "slipway.aws.kms_key": _one("kms.key"),
    "slipway.aws.secretsmanager_generated_secret": _one("secret"),
    "community.aws.secretsmanager_secret": _one("secret"),
    "amazon.aws.cloudwatchlogs_log_group": _log_group,
    "slipway.aws.cloudwatchlogs_log_group": _log_group,
    "amazon.aws.cloudwatch_metric_alarm": _one("alarm"),
    "slipway.aws.cloudwatch_alarm": _one("alarm"),
    "slipway.aws.cloudwatch_dashboard": _one("dashboard"),
    "slipway.aws.ecr_repository": _by_usage("ecr.storage", "image_gib"),
    "community.aws.ecs_ecr": _by_usage("ecr.storage", "image_gib"),
    "amazon.aws.s3_bucket": _by_usage("s3.storage", "bucket_gib"),
    "slipway.aws.efs_file_system": _by_usage("efs.storage", "file_system_gib"),
    "slipway.aws.backup_vault": _by_usage("backup.storage", "backup_gib"),
    "community.aws.dynamodb_table": _table,
    "slipway.aws.dynamodb_table_protection": _table_recovery,
    "amazon.aws.lambda": _function,
    "slipway.aws.lambda_function": _function,
    "slipway.aws.apigateway_rest_api": _by_usage("rest_api.requests", "requests"),
}


def uses(module: str, given: Arguments, usage: Usage) -> list[Use]:
    """What one call's resource is charged for in a month; nothing for a module that makes what is free."""
    rule = RULES.get(module)
    return [use for use in rule(given, usage) if use.quantity] if rule else []


# What a resource that is just there costs, by its type as the Resource Groups Tagging API calls it.
RESOURCES: dict[str, list[Use]] = {
    "ec2:natgateway": [Use("nat_gateway.hour", HOURS_PER_MONTH), Use("public_address.hour", HOURS_PER_MONTH)],
    "ec2:elastic-ip": [Use("public_address.hour", HOURS_PER_MONTH)],
    "elasticloadbalancing:loadbalancer": [Use("load_balancer.hour", HOURS_PER_MONTH)],
    "kms:key": [Use("kms.key", 1)],
    "secretsmanager:secret": [Use("secret", 1)],
    "cloudwatch:alarm": [Use("alarm", 1)],
    "cloudwatch:dashboard": [Use("dashboard", 1)],
}
FREE = frozenset({
    "ec2:vpc", "ec2:subnet", "ec2:security-group", "ec2:route-table", "ec2:internet-gateway", "ec2:network-acl",
    "iam:role", "iam:policy", "iam:instance-profile", "rds:subgrp", "rds:pg", "ecs:cluster", "ecs:task-definition",
    "elasticache:subnetgroup", "elasticache:parametergroup", "elasticloadbalancing:targetgroup", "sns:topic",
})  # fmt: skip
