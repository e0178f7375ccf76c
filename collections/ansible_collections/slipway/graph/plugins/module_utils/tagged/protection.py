# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an account holds that is not simply deleted: what comes and goes with something else, and what holds data."""

from __future__ import annotations

import collections.abc as c
import typing as t

Raw = dict[str, t.Any]

# What others make and remove, so that it is never an orphan of its own: by type, when, and with what it goes.
IMPLICIT: dict[str, tuple[c.Callable[[Raw], t.Any], str]] = {
    "ec2:network-interface": (lambda raw: raw.get("RequesterManaged") or raw.get("Attachment"), "its service"),
    "ec2:network-acl": (lambda raw: raw.get("IsDefault"), "its VPC"),
    "ec2:route-table": (lambda raw: any(each.get("Main") for each in raw.get("Associations", [])), "its VPC"),
    "ec2:security-group": (lambda raw: raw.get("GroupName") == "default", "its VPC"),
    "ec2:security-group-rule": (lambda _raw: True, "its security group"),
    "ec2:volume": (lambda raw: raw.get("Attachments"), "its instance"),
    "ecs:container-instance": (lambda _raw: True, "its cluster"),
    "ecs:service-deployment": (lambda _raw: True, "its service"),
    "ecs:service-revision": (lambda _raw: True, "its service"),
    "ecs:task": (lambda _raw: True, "its service or run"),
    "ecs:task-set": (lambda _raw: True, "its service"),
    "elasticache:cluster": (lambda raw: raw.get("ReplicationGroupId"), "its replication group"),
    "elasticache:snapshot": (lambda raw: raw.get("SnapshotSource") == "automated", "its cache's backups"),
    "elasticloadbalancing:listener": (lambda _raw: True, "its load balancer"),
    "elasticloadbalancing:listener-rule": (lambda _raw: True, "its load balancer"),
    "rds:auto-backup": (lambda _raw: True, "its database's backups"),
    "rds:cluster-auto-backup": (lambda _raw: True, "its database's backups"),
    "rds:cluster-snapshot": (lambda raw: raw.get("SnapshotType") == "automated", "its database's backups"),
    "rds:snapshot": (lambda raw: raw.get("SnapshotType") in ("automated", "awsbackup"), "its database's backups"),
}  # fmt: skip
# Tags that AWS itself puts on what another resource made.
IMPLICIT_TAGS = {
    "aws:autoscaling:groupName": "its Auto Scaling group",
    "aws:backup:source-resource": "its backup plan",
    "aws:cloudformation:stack-id": "its CloudFormation stack",
    "aws:ecs:serviceName": "its ECS service",
    "aws:eks:cluster-name": "its EKS cluster",
}

# What holds data or opens data: deleted only when it is named one by one.
HOLDING = {
    "a cache": ("elasticache:cluster", "elasticache:replicationgroup"),
    "a database": ("dynamodb:table", "rds:cluster", "rds:db"),
    "a disk": ("ec2:volume",),
    "a key": ("kms:key",),
    "a machine image": ("ec2:image",),
    "a secret": ("secretsmanager:secret",),
    "a snapshot": ("ec2:snapshot", "elasticache:snapshot", "rds:cluster-snapshot", "rds:snapshot"),
    "backups": ("backup:backup-vault", "backup:recovery-point"),
    "files": ("elasticfilesystem:file-system",),
    "images": ("ecr:repository",),
}
PROTECTED = {kind: what for what, kinds in HOLDING.items() for kind in kinds}
