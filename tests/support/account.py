"""What is in an emulated account, read through the API and freed of what differs from run to run.

Used to prove that two ways of provisioning make the same account, that a plan writes nothing and that destroy
leaves nothing behind. As a program it writes the account down; account_server serves it.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import typing as t
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import boto3
from botocore.config import Config

Resource = dict[str, t.Any]
# kind -> name -> attributes
Account = dict[str, dict[str, Resource]]

# Ids that AWS invents for parts that have no name: their value says nothing.
INVENTED = re.compile(
    r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"
    r"|\b(?:rtbassoc|eipassoc|eni|eni-attach|sgr|dopt|acl|aclassoc|vpc-cidr-assoc|igw|rtb|eipalloc)-[0-9a-f]{8,17}\b"
)
VOLATILE_KEY = re.compile(r"(Date|Time|time|Timestamp|At)$")
# Answers of the emulators that are invented anew each time.
VOLATILE_KEYS = {
    "ResponseMetadata", "PublicIp", "PrivateIp", "HostId", "RoleId", "Etag", "ETag", "TableId", "DbiResourceId",
    "VersionIdsToStages", "RevisionId", "VersionId", "CertificateDetails", "ReaderEndpoint", "Endpoint",
    "ConfigurationEndpoint", "PrimaryEndpoint", "NodeGroups", "DNSName", "CanonicalHostedZoneId", "IpAddress",
    "events", "deployments", "DbInstancePort", "storedBytes", "uptime", "KeyMaterialId", "CurrentKeyMaterialId",
    "OwnerId", "NetworkInterfaceId", "LatestRestorableTime", "statistics", "registeredContainerInstancesCount",
    "runningCount", "pendingCount", "LastModified", "parentId", "authorizerId", "requestValidatorId", "deploymentId",
    "cacheNamespace", "rootResourceId",
}  # fmt: skip


# The second Region of the scenarios that have copies in one.
REGION_OF_COPIES = "eu-west-1"


class Reader(t.NamedTuple):
    """How to list one kind of resource."""

    service: str
    read: Callable[[t.Any], Iterator[tuple[str, Resource]]]


def read_account(without: Collection[str] = ()) -> Account:
    """Everything of the kinds that Slipway's roles make, by kind and name, as the API returns it.

    Kinds of the services ``without`` are left out, because the emulator lacks these.
    """
    account: Account = {}
    for kind, reader in READERS.items():
        if reader.service in without:
            continue
        held: dict[str, Resource] = {}
        for name, resource in reader.read(_client(reader.service)):
            held[name if name not in held else f"{name}, again ({len(held)})"] = resource
        account[kind] = held
    return account


@functools.cache
def _client(service: str, region: str | None = None) -> t.Any:
    """A client of the account that the environment names; making one takes longer than a dozen calls."""
    session: t.Any = _session()
    return session.client(service, region_name=region, config=Config(retries={"total_max_attempts": 3}))


@functools.lru_cache(maxsize=1)
def _session() -> t.Any:
    return boto3.session.Session()


def normalised(account: Account) -> Account:
    """The account with names in the place of ids, and without what differs from run to run."""
    names = _names(account)
    names = {each: _with_names(name, names) for each, name in names.items()}
    pattern = re.compile("|".join(re.escape(each) for each in sorted(names, key=len, reverse=True)) or r"(?!)")

    def clean(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            kept = {key: clean(each) for key, each in value.items() if not _is_volatile(key)}
            return {pattern.sub(lambda match: names[match[0]], key): each for key, each in kept.items()}
        if isinstance(value, list):
            return sorted(
                (clean(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True, default=str)
            )
        if isinstance(value, str):
            return INVENTED.sub("<id>", pattern.sub(lambda match: names[match[0]], value))
        return value

    return {kind: {clean(name): clean(each) for name, each in held.items()} for kind, held in account.items()}


def _with_names(text: str, names: dict[str, str]) -> str:
    for each, name in names.items():
        text = text.replace(each, name)
    return text


def _is_volatile(key: str) -> bool:
    return key in VOLATILE_KEYS or bool(VOLATILE_KEY.search(key))


def _names(account: Account) -> dict[str, str]:
    """What is written for each id: the kind and name of the resource that has it."""
    names: dict[str, str] = {}
    for kind, held in account.items():
        for name, resource in held.items():
            for key in IDS.get(kind, ()):
                if resource.get(key):
                    names[str(resource[key])] = f"<{kind} {name}>"
    return names


# The fields of a kind that hold an invented id.
IDS = {
    "vpc": ("VpcId",),
    "subnet": ("SubnetId", "SubnetArn"),
    "internet gateway": ("InternetGatewayId",),
    "NAT gateway": ("NatGatewayId",),
    "route table": ("RouteTableId",),
    "gateway endpoint": ("VpcEndpointId",),
    "security group": ("GroupId", "SecurityGroupArn"),
    "key": ("Arn", "KeyId"),
    "secret": ("ARN",),
    "load balancer": ("LoadBalancerArn", "InMetrics"),
    "target group": ("TargetGroupArn", "InMetrics"),
    "listener": ("ListenerArn",),
    "listener rule": ("RuleArn",),
    "file system": ("FileSystemId", "FileSystemArn"),
    "mount target": ("MountTargetId", "MountTargetArn"),
    "access point": ("AccessPointId", "AccessPointArn"),
    "scaling target": ("ScalableTargetARN",),
    "scaling policy": ("PolicyARN",),
    "REST API": ("id",),
    "authorizer": ("id",),
}


def _pages(client: t.Any, operation: str, key: str, **arguments: t.Any) -> Iterator[t.Any]:
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**arguments):
            yield from page.get(key, [])
    else:
        yield from getattr(client, operation)(**arguments).get(key, [])


def _tag(resource: Resource, name: str) -> str:
    tags = resource.get("Tags") or resource.get("TagSet") or []
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == name), "")


def _ec2(operation: str, key: str) -> Reader:
    """EC2 resources go by their Name tag; those without one came with the account or its networks."""

    def read(client: t.Any) -> Iterator[tuple[str, Resource]]:
        for resource in _pages(client, operation, key):
            if resource.get("State") in ("deleted", "deleting"):
                continue
            name = _tag(resource, "Name") or resource.get("GroupName") or resource.get("CidrBlock", "unnamed")
            where = "" if key in ("Vpcs", "SecurityGroups") or _tag(resource, "Name") else f" {_home(resource)}"
            if key == "SecurityGroups" and resource.get("GroupName") == "default":
                where = f" of {resource['VpcId']}"
            yield f"{name}{where}", resource

    return Reader("ec2", read)


def _home(resource: Resource) -> str:
    return str(resource.get("VpcId", "")) + str(resource.get("AvailabilityZone", ""))


def _keys(client: t.Any) -> Iterator[tuple[str, Resource]]:
    aliases = {
        alias["TargetKeyId"]: alias["AliasName"]
        for alias in _pages(client, "list_aliases", "Aliases")
        if "TargetKeyId" in alias and not alias["AliasName"].startswith("alias/aws/")
    }
    for entry in _pages(client, "list_keys", "Keys"):
        key = client.describe_key(KeyId=entry["KeyId"])["KeyMetadata"]
        if key.get("KeyState") == "PendingDeletion" or key.get("KeyManager") == "AWS":
            continue
        policy = client.get_key_policy(KeyId=entry["KeyId"], PolicyName="default")["Policy"]
        yield (
            aliases.get(entry["KeyId"], "unnamed " + entry["KeyId"]),
            {
                **key,
                "Rotation": client.get_key_rotation_status(KeyId=entry["KeyId"])["KeyRotationEnabled"],
                "Policy": json.loads(policy),
                "Tags": client.list_resource_tags(KeyId=entry["KeyId"]).get("Tags", []),
            },
        )


def _secrets(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for entry in _pages(client, "list_secrets", "SecretList"):
        secret = client.describe_secret(SecretId=entry["ARN"])
        if not secret.get("DeletedDate"):
            stages = [stage for labels in (secret.get("VersionIdsToStages") or {}).values() for stage in labels]
            yield secret["Name"], {**secret, "Stages": stages}


def _log_groups(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for group in _pages(client, "describe_log_groups", "logGroups"):
        tags = client.list_tags_log_group(logGroupName=group["logGroupName"]).get("tags", {})
        yield group["logGroupName"], {**group, "tags": tags}


def _repositories(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for repository in _pages(client, "describe_repositories", "repositories"):
        name = repository["repositoryName"]
        try:
            policy = client.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
        except client.exceptions.LifecyclePolicyNotFoundException:
            policy = "null"
        tags = client.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
        yield name, {**repository, "lifecycle": json.loads(policy), "tags": tags}


def _buckets(client: t.Any) -> Iterator[tuple[str, Resource]]:
    optional = {
        "policy": ("get_bucket_policy", "Policy"),
        "encryption": ("get_bucket_encryption", "ServerSideEncryptionConfiguration"),
        "public access": ("get_public_access_block", "PublicAccessBlockConfiguration"),
        "ownership": ("get_bucket_ownership_controls", "OwnershipControls"),
        "lifecycle": ("get_bucket_lifecycle_configuration", "Rules"),
        "tags": ("get_bucket_tagging", "TagSet"),
        "versioning": ("get_bucket_versioning", "Status"),
        "logging": ("get_bucket_logging", "LoggingEnabled"),
    }
    for bucket in client.list_buckets()["Buckets"]:
        attributes: Resource = {}
        for attribute, (operation, key) in optional.items():
            try:
                attributes[attribute] = getattr(client, operation)(Bucket=bucket["Name"]).get(key)
            except client.exceptions.ClientError as error:
                attributes[attribute] = error.response["Error"]["Code"]
        yield bucket["Name"], attributes


def _tables(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for name in client.list_tables()["TableNames"]:
        table = client.describe_table(TableName=name)["Table"]
        backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        yield (
            name,
            {
                **table,
                "Tags": client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
                "Expiry": client.describe_time_to_live(TableName=name)["TimeToLiveDescription"],
                "Recovery": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
            },
        )


def _tagged(service: str, operation: str, key: str, name: str, arn: str) -> Reader:
    """RDS and ElastiCache: listed, with tags in a call of their own."""

    def read(client: t.Any) -> Iterator[tuple[str, Resource]]:
        for resource in _pages(client, operation, key):
            if str(resource[name]).startswith("default"):
                continue
            tags = client.list_tags_for_resource(ResourceName=resource[arn])["TagList"] if resource.get(arn) else []
            yield resource[name], {**resource, "TagList": tags}

    return Reader(service, read)


def _elb_tags(client: t.Any, arn: str) -> list[Resource]:
    return list(client.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])


def _load_balancers(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for balancer in _pages(client, "describe_load_balancers", "LoadBalancers"):
        arn = balancer["LoadBalancerArn"]
        attributes = client.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        more = {"Attributes": attributes, "Tags": _elb_tags(client, arn), "InMetrics": arn.split("loadbalancer/")[1]}
        yield balancer["LoadBalancerName"], {**balancer, **more}


def _listeners(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for name, balancer in _load_balancers(client):
        for listener in _pages(client, "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"]):
            yield f"{name}:{listener['Port']}", listener


def _listener_rules(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for name, listener in _listeners(client):
        for rule in client.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
            yield f"{name} {rule['Priority']}", rule


def _target_groups(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for group in _pages(client, "describe_target_groups", "TargetGroups"):
        arn = group["TargetGroupArn"]
        attributes = client.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
        more = {"Attributes": attributes, "Tags": _elb_tags(client, arn), "InMetrics": arn.split(":")[-1]}
        yield group["TargetGroupName"], {**group, **more}


def _clusters(client: t.Any) -> Iterator[tuple[str, Resource]]:
    arns = list(_pages(client, "list_clusters", "clusterArns"))
    include = ["TAGS", "SETTINGS", "CONFIGURATIONS"]
    for cluster in client.describe_clusters(clusters=arns, include=include)["clusters"] if arns else []:
        if cluster["status"] != "INACTIVE":
            yield cluster["clusterName"], cluster


def _services(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for cluster, _ in _clusters(client):
        arns = list(_pages(client, "list_services", "serviceArns", cluster=cluster))
        for service in (
            client.describe_services(cluster=cluster, services=arns, include=["TAGS"])["services"] if arns else []
        ):
            if service["status"] != "INACTIVE":
                yield f"{cluster}/{service['serviceName']}", service


def _task_definitions(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for arn in _pages(client, "list_task_definitions", "taskDefinitionArns", status="ACTIVE"):
        answer = client.describe_task_definition(taskDefinition=arn, include=["TAGS"])
        # The digest of a definition counts the invented ids in it.
        tags = [tag for tag in answer.get("tags", []) if tag["key"] != "slipway:definition"]
        yield arn.split("/")[-1], {**answer["taskDefinition"], "tags": tags}


def _roles(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for entry in _pages(client, "list_roles", "Roles"):
        name = entry["RoleName"]
        if entry["Path"].startswith("/aws-service-role/"):
            continue
        inline = {
            policy: client.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in client.list_role_policies(RoleName=name)["PolicyNames"]
        }
        attached = client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        tags = client.list_role_tags(RoleName=name)["Tags"]
        yield name, {**entry, "inline": inline, "attached": attached, "Tags": tags}


def _functions(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for entry in _pages(client, "list_functions", "Functions"):
        name = entry["FunctionName"]
        function = client.get_function(FunctionName=name)
        aliases = list(_pages(client, "list_aliases", "Aliases", FunctionName=name))
        yield (
            name,
            {
                **function["Configuration"],
                "Tags": function.get("Tags", {}),
                "Concurrency": function.get("Concurrency"),
                "Versions": list(_pages(client, "list_versions_by_function", "Versions", FunctionName=name)),
                "Aliases": [{**alias, "Policy": _alias_policy(client, name, alias["Name"])} for alias in aliases],
            },
        )


def _alias_policy(client: t.Any, function: str, alias: str) -> t.Any:
    try:
        return json.loads(client.get_policy(FunctionName=function, Qualifier=alias)["Policy"])
    except client.exceptions.ResourceNotFoundException:
        return None


def _rest_apis(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for api in _pages(client, "get_rest_apis", "items"):
        known = {"restApiId": api["id"]}
        responses = client.get_gateway_responses(**known).get("items", [])
        yield (
            api["name"],
            {
                **api,
                "resources": {
                    each["path"]: each.get("resourceMethods", {})
                    for each in _pages(client, "get_resources", "items", **known, embed=["methods"])
                },
                "models": {each["name"]: each.get("schema") for each in _pages(client, "get_models", "items", **known)},
                "responses": [each for each in responses if not each.get("defaultResponse")],
                "stages": client.get_stages(**known)["item"],
                "deployments": [
                    {"description": each.get("description")}
                    for each in _pages(client, "get_deployments", "items", **known)
                ],
            },
        )


def _logging_apis(client: t.Any) -> Iterator[tuple[str, Resource]]:
    role = client.get_account().get("cloudwatchRoleArn")
    if role:
        yield "account", {"role": role}


def _authorizers(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for api in _pages(client, "get_rest_apis", "items"):
        for authorizer in _pages(client, "get_authorizers", "items", restApiId=api["id"]):
            yield f"{api['name']} {authorizer['name']}", authorizer


def _usage_plans(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for plan in _pages(client, "get_usage_plans", "items"):
        keys = [key["name"] for key in _pages(client, "get_usage_plan_keys", "items", usagePlanId=plan["id"])]
        yield plan["name"], {**{field: value for field, value in plan.items() if field != "id"}, "keys": keys}


def _queues(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for url in _pages(client, "list_queues", "QueueUrls"):
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]).get("Attributes", {})
        kept = {key: value for key, value in attributes.items() if not key.endswith("Timestamp")}
        yield url.rpartition("/")[2], {**kept, "Tags": client.list_queue_tags(QueueUrl=url).get("Tags", {})}


def _alarms(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for alarm in _pages(client, "describe_alarms", "MetricAlarms"):
        tags = client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
        # Whether it rings at the moment is not how it was made.
        settings = {key: value for key, value in alarm.items() if not key.startswith("State")}
        yield alarm["AlarmName"], {**settings, "Tags": tags}


def _dashboards(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for entry in _pages(client, "list_dashboards", "DashboardEntries"):
        body = client.get_dashboard(DashboardName=entry["DashboardName"])["DashboardBody"]
        yield entry["DashboardName"], {"body": json.loads(body)}


def _topics(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for topic in _pages(client, "list_topics", "Topics"):
        arn = topic["TopicArn"]
        subscriptions = _pages(client, "list_subscriptions_by_topic", "Subscriptions", TopicArn=arn)
        yield (
            arn.rpartition(":")[2],
            {
                "Attributes": client.get_topic_attributes(TopicArn=arn)["Attributes"],
                "Subscriptions": [{key: each[key] for key in ("Protocol", "Endpoint")} for each in subscriptions],
                "Tags": client.list_tags_for_resource(ResourceArn=arn)["Tags"],
            },
        )


def _oidc_providers(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for entry in client.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        provider = client.get_open_id_connect_provider(OpenIDConnectProviderArn=entry["Arn"])
        yield entry["Arn"].partition("/")[2], provider


def _scaling_targets(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for target in _pages(client, "describe_scalable_targets", "ScalableTargets", ServiceNamespace="ecs"):
        yield target["ResourceId"], target


def _scaling_policies(client: t.Any) -> Iterator[tuple[str, Resource]]:
    """AWS deletes policies with their target; moto keeps them, so those without one do not count."""
    targets = dict(_scaling_targets(client))
    for policy in _pages(client, "describe_scaling_policies", "ScalingPolicies", ServiceNamespace="ecs"):
        if policy["ResourceId"] in targets:
            yield f"{policy['ResourceId']} {policy['PolicyName']}", policy


def _file_systems(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for system in _pages(client, "describe_file_systems", "FileSystems"):
        name = system["FileSystemId"]
        try:
            policy = client.describe_file_system_policy(FileSystemId=name)["Policy"]
        except client.exceptions.PolicyNotFound:
            policy = "null"
        lifecycle = client.describe_lifecycle_configuration(FileSystemId=name)["LifecyclePolicies"]
        yield system["CreationToken"], {**system, "policy": json.loads(policy), "lifecycle": lifecycle}


def _mount_targets(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for name, system in _file_systems(client):
        for target in _pages(client, "describe_mount_targets", "MountTargets", FileSystemId=system["FileSystemId"]):
            groups = client.describe_mount_target_security_groups(MountTargetId=target["MountTargetId"])
            yield f"{name} in {target['AvailabilityZoneName']}", {**target, "groups": groups["SecurityGroups"]}


def _access_points(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for point in _pages(client, "describe_access_points", "AccessPoints"):
        yield point["ClientToken"], point


def _vaults(client: t.Any) -> Iterator[tuple[str, Resource]]:
    """Those of the Region, and those of the one that gets copies."""
    for place in (client, _client("backup", REGION_OF_COPIES)):
        for vault in _pages(place, "list_backup_vaults", "BackupVaultList"):
            tags = place.list_tags(ResourceArn=vault["BackupVaultArn"])["Tags"]
            yield f"{vault['BackupVaultName']} in {place.meta.region_name}", {**vault, "Tags": tags}


def _plans(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for entry in _pages(client, "list_backup_plans", "BackupPlansList"):
        plan = client.get_backup_plan(BackupPlanId=entry["BackupPlanId"])
        tags = client.list_tags(ResourceArn=entry["BackupPlanArn"])["Tags"]
        yield entry["BackupPlanName"], {**plan, "Tags": tags}


def _selections(client: t.Any) -> Iterator[tuple[str, Resource]]:
    for name, plan in _plans(client):
        asked = {"BackupPlanId": plan["BackupPlanId"]}
        for entry in _pages(client, "list_backup_selections", "BackupSelectionsList", **asked):
            yield (
                f"{name}: {entry['SelectionName']}",
                client.get_backup_selection(**asked, SelectionId=entry["SelectionId"]),
            )


READERS = {
    "vpc": _ec2("describe_vpcs", "Vpcs"),
    "subnet": _ec2("describe_subnets", "Subnets"),
    "internet gateway": _ec2("describe_internet_gateways", "InternetGateways"),
    "NAT gateway": _ec2("describe_nat_gateways", "NatGateways"),
    "address": _ec2("describe_addresses", "Addresses"),
    "route table": _ec2("describe_route_tables", "RouteTables"),
    "gateway endpoint": _ec2("describe_vpc_endpoints", "VpcEndpoints"),
    "security group": _ec2("describe_security_groups", "SecurityGroups"),
    "key": Reader("kms", _keys),
    "secret": Reader("secretsmanager", _secrets),
    "log group": Reader("logs", _log_groups),
    "repository": Reader("ecr", _repositories),
    "bucket": Reader("s3", _buckets),
    "table": Reader("dynamodb", _tables),
    "database": _tagged("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier", "DBInstanceArn"),
    "database subnet group": _tagged(
        "rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName", "DBSubnetGroupArn"
    ),
    "database parameter group": _tagged(
        "rds", "describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroupName", "DBParameterGroupArn"
    ),
    "cache": _tagged("elasticache", "describe_replication_groups", "ReplicationGroups", "ReplicationGroupId", "ARN"),
    "cache subnet group": _tagged(
        "elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups", "CacheSubnetGroupName", "ARN"
    ),
    "load balancer": Reader("elbv2", _load_balancers),
    "listener": Reader("elbv2", _listeners),
    "listener rule": Reader("elbv2", _listener_rules),
    "target group": Reader("elbv2", _target_groups),
    "cluster": Reader("ecs", _clusters),
    "service": Reader("ecs", _services),
    "task definition": Reader("ecs", _task_definitions),
    "role": Reader("iam", _roles),
    "function": Reader("lambda", _functions),
    "REST API": Reader("apigateway", _rest_apis),
    "authorizer": Reader("apigateway", _authorizers),
    "account of APIs": Reader("apigateway", _logging_apis),
    "usage plan": Reader("apigateway", _usage_plans),
    "queue": Reader("sqs", _queues),
    "alarm": Reader("cloudwatch", _alarms),
    "dashboard": Reader("cloudwatch", _dashboards),
    "topic": Reader("sns", _topics),
    "OIDC provider": Reader("iam", _oidc_providers),
    "file system": Reader("efs", _file_systems),
    "mount target": Reader("efs", _mount_targets),
    "access point": Reader("efs", _access_points),
    "backup vault": Reader("backup", _vaults),
    "backup plan": Reader("backup", _plans),
    "backup selection": Reader("backup", _selections),
    "scaling target": Reader("application-autoscaling", _scaling_targets),
    "scaling policy": Reader("application-autoscaling", _scaling_policies),
}


def call(service: str, operation: str, parameters: dict[str, t.Any]) -> t.Any:
    """Make one call, such as one that changes something behind our back; an operation as boto3 spells it."""
    return getattr(_client(service), operation)(**parameters)


def main() -> None:
    """Write the account down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["list"])
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    options.output.write_text(json.dumps(normalised(read_account()), default=str, sort_keys=True))


if __name__ == "__main__":
    main()
