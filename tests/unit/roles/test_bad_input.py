"""Bad input to the roles ends in one message that names the key, its value and what is allowed, before any API call."""

from __future__ import annotations

import typing as t

import pytest

from tests.support.bad_input import Case, assert_refused, validated

GOOD: dict[str, t.Any] = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "aws_account_id": "123456789012",
    "aws_region": "eu-central-1",
    "aws_availability_zones": ["eu-central-1a", "eu-central-1b"],
    "kms_keys": [
        {"purpose": "data", "description": "Data"},
        {"purpose": "secrets", "description": "Secrets"},
        {"purpose": "logs", "description": "Log groups", "service": "logs"},
    ],
    "security_groups_list": [{"name": "app", "description": "Application", "ingress": [{"port": 80, "group": "app"}]}],
    "secrets_list": [{"name": "database", "description": "Master user", "generate": "password"}],
    "log_groups_list": [{"name": "api"}],
    "ecr_repositories": [{"name": "api"}],
    "efs_file_systems": [{"name": "models", "access_points": [{"name": "api", "path": "/models"}]}],
    "backup_resource_tags": {"system": "shop"},
}
ROLES = [
    "store", "kms", "vpc", "security_groups", "secrets", "log_groups", "ecr", "rds", "elasticache", "efs", "backup",
]  # fmt: skip


CASES = {
    "cidr-is-no-network": Case("vpc_cidr", "banana", ("vpc_cidr is banana", "10.0.0.0/16")),
    "cidr-has-host-bits": Case("vpc_cidr", "10.0.0.1/16", ("vpc_cidr is 10.0.0.1/16", "no host bits")),
    "cidr-is-too-large": Case("vpc_cidr", "10.0.0.0/8", ("vpc_cidr is 10.0.0.0/8", "/16 to /23")),
    "subnets-overlap": Case(
        "vpc_public_subnets", ["10.0.0.0/20", "10.0.0.0/24"], ("vpc_public_subnets names", "overlap with no other")
    ),
    "subnet-is-outside": Case(
        "vpc_private_subnets", ["10.1.0.0/20", "10.0.80.0/20"], ("vpc_private_subnets names 10.1.0.0/20", "10.0.0.0/16")
    ),
    "subnets-are-too-few": Case("vpc_database_subnets", ["10.0.128.0/20"], ("vpc_database_subnets has 1", "2 zones")),
    "one-zone": Case(
        "vpc_availability_zones", ["eu-central-1a"], ("vpc_availability_zones is eu-central-1a", "2 or 3")
    ),
    "zone-of-another-region": Case(
        "vpc_availability_zones", ["eu-central-1a", "us-east-1b"], ("us-east-1b", "not in the Region eu-central-1")
    ),
    "nat-gateways-are-no-choice": Case("vpc_nat_gateways", "two", ("vpc_nat_gateways", "none, single, per_az")),
    "rule-names-no-group": Case(
        "security_groups_list",
        [{"name": "app", "description": "Application", "ingress": [{"port": 80, "group": "nobody"}]}],
        ("security_groups_list", "nobody", "the groups are app"),
    ),
    "rule-has-no-port-number": Case(
        "security_groups_list",
        [{"name": "app", "description": "Application", "ingress": [{"port": "http", "cidr": "0.0.0.0/0"}]}],
        ("security_groups_list", "http", "8000-8100"),
    ),
    "group-stands-twice": Case(
        "security_groups_list",
        [{"name": "app", "description": "One"}, {"name": "app", "description": "Two"}],
        ("security_groups_list lists a group twice",),
    ),
    "deletion-window-is-too-short": Case("kms_deletion_window_days", 3, ("kms_deletion_window_days is 3", "7 to 30")),
    "recovery-window-is-too-short": Case(
        "secrets_recovery_window_days", 1, ("secrets_recovery_window_days is 1", "7 to 30")
    ),
    "secret-is-too-short": Case(
        "secrets_list",
        [{"name": "database", "description": "Master user", "generate": "password", "length": 8}],
        ("secrets_list gives database a length of 8", "16 to 128"),
    ),
    "retention-is-unknown": Case(
        "log_groups_retention_days", 8, ("a retention of 8 days", "log_groups_retention_days", "7, 14")
    ),
    "repository-has-capitals": Case(
        "ecr_repositories", [{"name": "Api"}], ("ecr_repositories names Api", "lower-case")
    ),
    "too-few-images-are-kept": Case("ecr_keep_images", 1, ("ecr_keep_images is 1", "2 or more")),
    "bucket-has-capitals": Case("store_bucket", "Ledger", ("store_bucket", "Ledger", "lower-case")),
    "protected-database-without-backups": Case(
        "rds_backup_retention_days", 0, ("rds_backup_retention_days is 0", "1 to 35", "if rds_protect")
    ),
    "backups-are-kept-too-long": Case("rds_backup_retention_days", 36, ("rds_backup_retention_days is 36", "1 to 35")),
    "backup-window-overlaps-maintenance": Case(
        "rds_backup_window",
        "23:30-00:30",
        ("rds_backup_window is 23:30-00:30", "rds_maintenance_window mon:00:00-mon:01:00", "must not overlap"),
        {"rds_maintenance_window": "mon:00:00-mon:01:00"},
    ),
    "backup-window-is-too-short": Case(
        "rds_backup_window", "02:00-02:15", ("rds_backup_window is 02:00-02:15", "at least half an hour")
    ),
    "maintenance-window-has-no-day": Case(
        "rds_maintenance_window", "04:00-05:00", ("rds_maintenance_window is 04:00-05:00", "sun:04:00-sun:05:00")
    ),
    "instance-class-is-no-class": Case("rds_instance_class", "t3.large", ("rds_instance_class is t3.large", "db.t3.")),
    "disk-cannot-grow": Case("rds_max_allocated_storage", 20, ("rds_max_allocated_storage is 20", "10 % larger")),
    "small-disk-with-operations": Case(
        "rds_iops", 12000, ("rds_iops is 12000, for 20 GiB", "12000 to 64000", "400 GiB")
    ),
    "too-few-operations": Case(
        "rds_iops",
        3000,
        ("rds_iops is 3000, for 400 GiB", "12000 to 64000"),
        {"rds_allocated_storage": 400, "rds_max_allocated_storage": 500},
    ),
    "more-throughput-than-operations-give": Case(
        "rds_storage_throughput",
        3500,
        ("rds_storage_throughput is 3500", "a quarter of rds_iops"),
        {"rds_allocated_storage": 400, "rds_max_allocated_storage": 500},
    ),
    "throughput-of-gp2": Case(
        "rds_storage_throughput",
        500,
        ("rds_storage_throughput is 500", "of gp2 (rds_storage_type)"),
        {"rds_allocated_storage": 400, "rds_max_allocated_storage": 500, "rds_storage_type": "gp2"},
    ),
    "insights-on-a-class-that-has-none": Case(
        "rds_performance_insights", True, ("rds_performance_insights is True for db.t3.small", "from medium upwards")
    ),
    "cache-window-overlaps-maintenance": Case(
        "elasticache_snapshot_window",
        "04:30-05:30",
        ("elasticache_snapshot_window is 04:30-05:30", "sun:04:00-sun:05:00", "must not overlap"),
    ),
    "cache-window-is-too-short": Case(
        "elasticache_snapshot_window", "02:00-02:30", ("elasticache_snapshot_window is 02:00-02:30", "at least an hour")
    ),
    "cache-maintenance-is-no-window": Case(
        "elasticache_maintenance_window", "sunday", ("elasticache_maintenance_window is sunday", "sun:04:00-sun:05:00")
    ),
    "failover-to-nobody": Case(
        "elasticache_automatic_failover", True, ("elasticache_automatic_failover is true", "failover needs at least 2")
    ),
    "file-system-stands-twice": Case(
        "efs_file_systems", [{"name": "models"}, {"name": "models"}], ("efs_file_systems lists a name twice", "models")
    ),
    "access-point-has-no-path": Case(
        "efs_file_systems",
        [{"name": "models", "access_points": [{"name": "api", "path": "models"}]}],
        ("the access point api the path models", "such as /models"),
    ),
    "file-system-name-is-too-long": Case(
        "efs_file_systems", [{"name": "m" * 64}], ("EFS allows at most 64 characters",)
    ),
    "throughput-is-not-provisioned": Case(
        "efs_provisioned_throughput", 8, ("efs_throughput_mode is bursting", "efs_provisioned_throughput 8")
    ),
    "archive-comes-first": Case(
        "efs_archive_days",
        14,
        ("efs_archive_days is 14", "efs_infrequent_access_days 30", "more than efs_infrequent_access_days"),
    ),
    "days-without-access-are-no-choice": Case(
        "efs_infrequent_access_days", 31, ("efs_infrequent_access_days", "30, 60")
    ),
    "everything-would-be-backed-up": Case("backup_resource_tags", {}, ("backup_resource_tags empty", "one of each")),
    "schedule-has-five-fields": Case(
        "backup_schedule", "cron(0 1 * * *)", ("backup_schedule is cron(0 1 * * *)", "year")
    ),
    "backups-are-kept-for-no-day": Case("backup_retention_days", 0, ("backup_retention_days is 0", "1 to 36500")),
    "lock-refuses-the-backups": Case(
        "backup_lock_min_days", 14, ("backup_lock_min_days is 14", "backup_retention_days 7", "allowed: 1 to 7")
    ),
    "copies-stay-in-the-region": Case(
        "backup_copy_region", "eu-central-1", ("backup_copy_region is eu-central-1", "a Region other than eu-central-1")
    ),
    "value-has-the-wrong-type": Case("kms_rotation", "sometimes", ("kms_rotation", "sometimes", "bool")),
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
