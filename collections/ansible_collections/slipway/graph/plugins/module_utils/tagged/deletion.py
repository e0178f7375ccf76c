# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How each type of resource is deleted when there is no task that knows it.

Cloud Control would be one call for all types, but wants identifiers of its own kind for each and neither empties a
bucket nor takes a last snapshot.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import time
import typing as t

Deletion = c.Callable[[t.Any, dict[str, str]], None]

# What comes first. Everything that is not named goes in the middle, the network last.
FIRST = (
    "autoscaling:autoScalingGroup", "ecs:service", "lambda:function", "ec2:instance",
    "elasticloadbalancing:loadbalancer", "ec2:natgateway", "ec2:vpc-endpoint", "rds:db", "elasticache:replicationgroup",
)  # fmt: skip
LAST = (
    "ecs:cluster", "iam:instance-profile", "iam:policy", "iam:role", "ec2:elastic-ip", "ec2:network-interface",
    "ec2:route-table", "ec2:network-acl", "ec2:security-group", "ec2:subnet", "ec2:internet-gateway", "ec2:vpc",
    "ec2:dhcp-options",
)  # fmt: skip


def rank(kind: str) -> int:
    """Where a type stands in the order of deletion."""
    if kind in FIRST:
        return FIRST.index(kind) - len(FIRST)
    return LAST.index(kind) + 1 if kind in LAST else 0


def is_gone(code: str) -> bool:
    """Whether an error code says that there is nothing to delete."""
    return code.startswith(("NoSuch", "NotFound")) or code.endswith(
        ("NotFound", "NotFoundException", "NotFoundFault", ".NotFound", "NonExistentQueue")
    )


def call(operation: str, parameter: str, source: str = "id", **more: t.Any) -> Deletion:
    """One API call with the resource's id or ARN."""

    def delete(client: t.Any, resource: dict[str, str]) -> None:
        getattr(client, operation)(**{parameter: resource[source]}, **more)

    return delete


def calls(operation: str, parameter: str, **more: t.Any) -> Deletion:
    """One API call that takes a list of ids."""

    def delete(client: t.Any, resource: dict[str, str]) -> None:
        getattr(client, operation)(**{parameter: [resource["id"]]}, **more)

    return delete


def _final_name(name: str) -> str:
    return f"{name}-final-{time.strftime('%Y%m%d%H%M%S', time.gmtime())}"


def _database(client: t.Any, resource: dict[str, str]) -> None:
    client.delete_db_instance(
        DBInstanceIdentifier=resource["id"], FinalDBSnapshotIdentifier=_final_name(resource["id"])
    )


def _database_cluster(client: t.Any, resource: dict[str, str]) -> None:
    client.delete_db_cluster(DBClusterIdentifier=resource["id"], FinalDBSnapshotIdentifier=_final_name(resource["id"]))


def _bucket(client: t.Any, resource: dict[str, str]) -> None:
    """Empties it as well: what is not empty gets here only when it was named."""
    bucket = resource["id"]
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if versions:
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
            client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    client.delete_bucket(Bucket=bucket)


def _service(client: t.Any, resource: dict[str, str]) -> None:
    cluster = resource["arn"].split("/")[1]
    client.delete_service(cluster=cluster, service=resource["id"], force=True)


def _internet_gateway(client: t.Any, resource: dict[str, str]) -> None:
    name = resource["id"]
    for gateway in client.describe_internet_gateways(InternetGatewayIds=[name])["InternetGateways"]:
        for attachment in gateway.get("Attachments", []):
            client.detach_internet_gateway(InternetGatewayId=name, VpcId=attachment["VpcId"])
    client.delete_internet_gateway(InternetGatewayId=name)


def _route_table(client: t.Any, resource: dict[str, str]) -> None:
    for table in client.describe_route_tables(RouteTableIds=[resource["id"]])["RouteTables"]:
        for association in table.get("Associations", []):
            client.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
    client.delete_route_table(RouteTableId=resource["id"])


def _role(client: t.Any, resource: dict[str, str]) -> None:
    name = resource["id"]
    for policy in client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        client.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
        client.delete_role_policy(RoleName=name, PolicyName=policy)
    for profile in client.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]:
        client.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=name)
    client.delete_role(RoleName=name)


def _policy(client: t.Any, resource: dict[str, str]) -> None:
    for version in client.list_policy_versions(PolicyArn=resource["arn"])["Versions"]:
        if not version["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=resource["arn"], VersionId=version["VersionId"])
    client.delete_policy(PolicyArn=resource["arn"])


def _instance_profile(client: t.Any, resource: dict[str, str]) -> None:
    name = resource["id"]
    for role in client.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]:
        client.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
    client.delete_instance_profile(InstanceProfileName=name)


def _queue(client: t.Any, resource: dict[str, str]) -> None:
    client.delete_queue(QueueUrl=client.get_queue_url(QueueName=resource["id"])["QueueUrl"])


def _backup_plan(client: t.Any, resource: dict[str, str]) -> None:
    plan = resource["id"]
    for page in client.get_paginator("list_backup_selections").paginate(BackupPlanId=plan):
        for selection in page["BackupSelectionsList"]:
            client.delete_backup_selection(BackupPlanId=plan, SelectionId=selection["SelectionId"])
    client.delete_backup_plan(BackupPlanId=plan)


def _usage_plan(client: t.Any, resource: dict[str, str]) -> None:
    """A plan that is still for a stage cannot be deleted."""
    name = resource["id"]
    stages = client.get_usage_plan(usagePlanId=name).get("apiStages", [])
    values = [f"{stage['apiId']}:{stage['stage']}" for stage in stages]
    operations = [{"op": "remove", "path": "/apiStages", "value": value} for value in values]
    if operations:
        client.update_usage_plan(usagePlanId=name, patchOperations=operations)
    client.delete_usage_plan(usagePlanId=name)


def _dissolve(client: t.Any, resource: dict[str, str]) -> None:
    """A file system takes its mount targets along."""
    for target in client.describe_mount_targets(FileSystemId=resource["id"])["MountTargets"]:
        with contextlib.suppress(client.exceptions.MountTargetNotFound):
            client.delete_mount_target(MountTargetId=target["MountTargetId"])
    client.delete_file_system(FileSystemId=resource["id"])


# By type: boto3's service and how. Keys and secrets keep the time in which their deletion can be taken back.
DELETIONS: dict[str, tuple[str, Deletion]] = {
    "acm:certificate": ("acm", call("delete_certificate", "CertificateArn", "arn")),
    "apigateway:apikeys": ("apigateway", call("delete_api_key", "apiKey")),
    "apigateway:restapis": ("apigateway", call("delete_rest_api", "restApiId")),
    "apigateway:usageplans": ("apigateway", _usage_plan),
    "autoscaling:autoScalingGroup": (
        "autoscaling", call("delete_auto_scaling_group", "AutoScalingGroupName", ForceDelete=True)),
    "backup:backup-plan": ("backup", _backup_plan),
    "backup:backup-vault": ("backup", call("delete_backup_vault", "BackupVaultName")),
    "cloudwatch:alarm": ("cloudwatch", calls("delete_alarms", "AlarmNames")),
    "dynamodb:table": ("dynamodb", call("delete_table", "TableName")),
    "ec2:dhcp-options": ("ec2", call("delete_dhcp_options", "DhcpOptionsId")),
    "ec2:elastic-ip": ("ec2", call("release_address", "AllocationId")),
    "ec2:image": ("ec2", call("deregister_image", "ImageId")),
    "ec2:instance": ("ec2", calls("terminate_instances", "InstanceIds")),
    "ec2:internet-gateway": ("ec2", _internet_gateway),
    "ec2:key-pair": ("ec2", call("delete_key_pair", "KeyPairId")),
    "ec2:launch-template": ("ec2", call("delete_launch_template", "LaunchTemplateId")),
    "ec2:natgateway": ("ec2", call("delete_nat_gateway", "NatGatewayId")),
    "ec2:network-acl": ("ec2", call("delete_network_acl", "NetworkAclId")),
    "ec2:network-interface": ("ec2", call("delete_network_interface", "NetworkInterfaceId")),
    "ec2:route-table": ("ec2", _route_table),
    "ec2:security-group": ("ec2", call("delete_security_group", "GroupId")),
    "ec2:snapshot": ("ec2", call("delete_snapshot", "SnapshotId")),
    "ec2:subnet": ("ec2", call("delete_subnet", "SubnetId")),
    "ec2:volume": ("ec2", call("delete_volume", "VolumeId")),
    "ec2:vpc": ("ec2", call("delete_vpc", "VpcId")),
    "ec2:vpc-endpoint": ("ec2", calls("delete_vpc_endpoints", "VpcEndpointIds")),
    "ec2:vpc-flow-log": ("ec2", calls("delete_flow_logs", "FlowLogIds")),
    "ecr:repository": ("ecr", call("delete_repository", "repositoryName", force=True)),
    "ecs:cluster": ("ecs", call("delete_cluster", "cluster", "arn")),
    "ecs:service": ("ecs", _service),
    "ecs:task-definition": ("ecs", call("deregister_task_definition", "taskDefinition", "arn")),
    "elasticache:cluster": ("elasticache", call("delete_cache_cluster", "CacheClusterId")),
    "elasticache:parametergroup": (
        "elasticache", call("delete_cache_parameter_group", "CacheParameterGroupName")),
    "elasticache:replicationgroup": ("elasticache", call("delete_replication_group", "ReplicationGroupId")),
    "elasticache:snapshot": ("elasticache", call("delete_snapshot", "SnapshotName")),
    "elasticache:subnetgroup": ("elasticache", call("delete_cache_subnet_group", "CacheSubnetGroupName")),
    "elasticfilesystem:access-point": ("efs", call("delete_access_point", "AccessPointId")),
    "elasticfilesystem:file-system": ("efs", _dissolve),
    "elasticloadbalancing:loadbalancer": ("elbv2", call("delete_load_balancer", "LoadBalancerArn", "arn")),
    "elasticloadbalancing:targetgroup": ("elbv2", call("delete_target_group", "TargetGroupArn", "arn")),
    "iam:instance-profile": ("iam", _instance_profile),
    "iam:policy": ("iam", _policy),
    "iam:role": ("iam", _role),
    "kms:key": ("kms", call("schedule_key_deletion", "KeyId")),
    "lambda:function": ("lambda", call("delete_function", "FunctionName")),
    "logs:log-group": ("logs", call("delete_log_group", "logGroupName")),
    "rds:cluster": ("rds", _database_cluster),
    "rds:db": ("rds", _database),
    "rds:pg": ("rds", call("delete_db_parameter_group", "DBParameterGroupName")),
    "rds:snapshot": ("rds", call("delete_db_snapshot", "DBSnapshotIdentifier")),
    "rds:subgrp": ("rds", call("delete_db_subnet_group", "DBSubnetGroupName")),
    "s3:bucket": ("s3", _bucket),
    "secretsmanager:secret": ("secretsmanager", call("delete_secret", "SecretId", "arn")),
    "sns:topic": ("sns", call("delete_topic", "TopicArn", "arn")),
    "sqs:queue": ("sqs", _queue),
}  # fmt: skip
