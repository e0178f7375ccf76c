# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The types that one operation lists: how each is listed, and where id, ARN, creation and tags stand."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import functools
import typing as t

from ansible_collections.slipway.graph.plugins.module_utils.tagged.resources import (
    Account,
    Found,
    Kind,
    Raw,
    Tags,
    pages,
    tag_dict,
)

# While a cache is changed, maintained or saved, ElastiCache does not tell its tags.
BUSY = ("InvalidReplicationGroupState", "InvalidCacheClusterState")
TagReader = c.Callable[[t.Any, Raw], Tags]


@dataclasses.dataclass(frozen=True)
class Listing:
    """How one type is listed: the operation, the key of its answer, and where id, ARN, creation and tags stand."""

    service: str
    noun: str
    operation: str
    key: str
    id: str
    arn: str
    tags: TagReader
    created: str = ""
    skip: c.Callable[[Raw], bool] = lambda _raw: False
    arguments: tuple[tuple[str, t.Any], ...] = ()


def inline(key: str) -> TagReader:
    """Tags that come with the listing."""
    return lambda _client, raw: tag_dict(raw.get(key))


def asked(operation: str, key: str, **parameters: str) -> TagReader:
    """Tags that take a call of their own; ``parameters`` name the fields that it is asked with."""

    def read(client: t.Any, raw: Raw) -> Tags:
        arguments = {name: raw[field].removesuffix(":*") for name, field in parameters.items()}
        return tag_dict(getattr(client, operation)(**arguments).get(key))

    return read


def _of_load_balancing(client: t.Any, raw: Raw) -> Tags:
    arn = raw.get("TargetGroupArn") or raw["LoadBalancerArn"]
    return tag_dict(client.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])


_RDS_TAGS = functools.partial(asked, "list_tags_for_resource", "TagList")

LISTINGS = {
    "autoscaling:autoScalingGroup": Listing(
        "autoscaling", "AutoScalingGroup", "describe_auto_scaling_groups", "AutoScalingGroups",
        "AutoScalingGroupName", "AutoScalingGroupARN", inline("Tags"), "CreatedTime"),
    "cloudwatch:alarm": Listing(
        "cloudwatch", "Alarm", "describe_alarms", "MetricAlarms", "AlarmName", "AlarmArn",
        asked("list_tags_for_resource", "Tags", ResourceARN="AlarmArn"), "AlarmConfigurationUpdatedTimestamp"),
    "ecr:repository": Listing(
        "ecr", "Repositor", "describe_repositories", "repositories", "repositoryName", "repositoryArn",
        asked("list_tags_for_resource", "tags", resourceArn="repositoryArn"), "createdAt"),
    "elasticache:cluster": Listing(
        "elasticache", "CacheCluster", "describe_cache_clusters", "CacheClusters", "CacheClusterId", "ARN",
        _RDS_TAGS(ResourceName="ARN"), "CacheClusterCreateTime"),
    "elasticache:parametergroup": Listing(
        "elasticache", "CacheParameterGroup", "describe_cache_parameter_groups", "CacheParameterGroups",
        "CacheParameterGroupName", "ARN", _RDS_TAGS(ResourceName="ARN"),
        skip=lambda raw: raw["CacheParameterGroupName"].startswith("default")),
    "elasticache:replicationgroup": Listing(
        "elasticache", "ReplicationGroup", "describe_replication_groups", "ReplicationGroups",
        "ReplicationGroupId", "ARN", _RDS_TAGS(ResourceName="ARN"), "ReplicationGroupCreateTime"),
    "elasticache:snapshot": Listing(
        "elasticache", "Snapshot", "describe_snapshots", "Snapshots", "SnapshotName", "ARN",
        _RDS_TAGS(ResourceName="ARN")),
    "elasticache:subnetgroup": Listing(
        "elasticache", "CacheSubnetGroup", "describe_cache_subnet_groups", "CacheSubnetGroups",
        "CacheSubnetGroupName", "ARN", _RDS_TAGS(ResourceName="ARN"),
        skip=lambda raw: raw["CacheSubnetGroupName"] == "default"),
    "elasticfilesystem:file-system": Listing(
        "efs", "FileSystem", "describe_file_systems", "FileSystems", "FileSystemId", "FileSystemArn",
        inline("Tags"), "CreationTime"),
    "elasticloadbalancing:loadbalancer": Listing(
        "elbv2", "LoadBalancer", "describe_load_balancers", "LoadBalancers", "LoadBalancerName", "LoadBalancerArn",
        _of_load_balancing, "CreatedTime"),
    "elasticloadbalancing:targetgroup": Listing(
        "elbv2", "TargetGroup", "describe_target_groups", "TargetGroups", "TargetGroupName", "TargetGroupArn",
        _of_load_balancing),
    "iam:instance-profile": Listing(
        "iam", "InstanceProfile", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName", "Arn",
        asked("list_instance_profile_tags", "Tags", InstanceProfileName="InstanceProfileName"), "CreateDate"),
    "iam:policy": Listing(
        "iam", "Polic", "list_policies", "Policies", "PolicyName", "Arn",
        asked("list_policy_tags", "Tags", PolicyArn="Arn"), "CreateDate", arguments=(("Scope", "Local"),)),
    "iam:role": Listing(
        "iam", "Role", "list_roles", "Roles", "RoleName", "Arn",
        asked("list_role_tags", "Tags", RoleName="RoleName"), "CreateDate",
        skip=lambda raw: raw["Path"].startswith("/aws-service-role/")),
    "lambda:function": Listing(
        "lambda", "Function", "list_functions", "Functions", "FunctionName", "FunctionArn",
        asked("list_tags", "Tags", Resource="FunctionArn")),
    "logs:log-group": Listing(
        "logs", "LogGroup", "describe_log_groups", "logGroups", "logGroupName", "arn",
        asked("list_tags_for_resource", "tags", resourceArn="arn"), "creationTime"),
    "rds:cluster": Listing(
        "rds", "DBCluster", "describe_db_clusters", "DBClusters", "DBClusterIdentifier", "DBClusterArn",
        inline("TagList"), "ClusterCreateTime"),
    "rds:db": Listing(
        "rds", "DBInstance", "describe_db_instances", "DBInstances", "DBInstanceIdentifier", "DBInstanceArn",
        inline("TagList"), "InstanceCreateTime"),
    "rds:pg": Listing(
        "rds", "DBParameterGroup", "describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroupName",
        "DBParameterGroupArn", _RDS_TAGS(ResourceName="DBParameterGroupArn"),
        skip=lambda raw: raw["DBParameterGroupName"].startswith("default")),
    "rds:snapshot": Listing(
        "rds", "DBSnapshot", "describe_db_snapshots", "DBSnapshots", "DBSnapshotIdentifier", "DBSnapshotArn",
        inline("TagList"), "SnapshotCreateTime"),
    "rds:subgrp": Listing(
        "rds", "DBSubnetGroup", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName",
        "DBSubnetGroupArn", _RDS_TAGS(ResourceName="DBSubnetGroupArn")),
    "secretsmanager:secret": Listing(
        "secretsmanager", "Secret", "list_secrets", "SecretList", "Name", "ARN", inline("Tags"), "CreatedDate",
        skip=lambda raw: bool(raw.get("DeletedDate"))),
    "sns:topic": Listing(
        "sns", "Topic", "list_topics", "Topics", "TopicArn", "TopicArn",
        asked("list_tags_for_resource", "Tags", ResourceArn="TopicArn")),
}  # fmt: skip


def read(account: Account, kind: str, listing: Listing) -> list[Found]:
    """Every resource of a listed type with the wanted tags."""
    client = account.client(listing.service)
    its = Kind(kind, listing.service, listing.noun, listing.created)
    found = []
    for raw in pages(client, listing.operation, listing.key, **dict(listing.arguments)):
        if listing.skip(raw):
            continue
        tags = _tags(account, listing, client, raw)
        if account.has(tags):
            name = str(raw[listing.id]).rpartition(":")[2] if listing.id == listing.arn else str(raw[listing.id])
            found.append(its.found(name, str(raw[listing.arn]), tags, raw))
    return found


def _tags(account: Account, listing: Listing, client: t.Any, raw: Raw) -> Tags:
    """Its tags; those of a cache that is just being saved or changed, as the Tagging API remembers them."""
    try:
        return listing.tags(client, raw)
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in BUSY:
            raise
    tagging = account.client("resourcegroupstaggingapi")
    rows = pages(tagging, "get_resources", "ResourceTagMappingList", ResourceARNList=[raw[listing.arn]])
    return next((tag_dict(row["Tags"]) for row in rows), {})
