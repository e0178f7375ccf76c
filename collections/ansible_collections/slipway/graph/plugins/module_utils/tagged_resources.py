# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything in an account that carries some tags.

The Resource Groups Tagging API knows most types, but not IAM's roles and policies nor Auto Scaling groups; it also
goes on to name what was deleted a while ago, and says nothing of age. So the types below are read from their own
services, and the Tagging API adds the others.
"""

from __future__ import annotations

import collections.abc as c
import concurrent.futures
import dataclasses
import datetime
import functools
import typing as t

Raw = dict[str, t.Any]
Tags = dict[str, str]
# A reader waits most of the time. More of them at once would only be throttled.
THREADS = 8
# The Region where the Tagging API answers for services that have none.
GLOBAL_REGION = "us-east-1"


@dataclasses.dataclass
class Found:
    """A resource. ``noun`` is how operations on it call it; ``with_`` says with what it comes and goes by itself.

    ``alias`` is another name by which it is known, and nothing else is.
    """

    type: str
    id: str
    arn: str
    service: str
    tags: Tags
    created: str = ""
    noun: str = ""
    with_: str = ""
    protected: str = ""
    alias: str = ""


@dataclasses.dataclass
class Account:
    """Where to look and for what."""

    client: c.Callable[..., t.Any]
    tags: Tags
    partition: str
    region: str
    id: str

    def has(self, tags: Tags) -> bool:
        """Whether all of the wanted tags are among some."""
        return self.tags.items() <= tags.items()

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account and Region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.id}:{resource}"

    def filters(self) -> list[dict[str, t.Any]]:
        """The wanted tags as EC2 filters."""
        return [{"Name": f"tag:{name}", "Values": [value]} for name, value in self.tags.items()]


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


def tag_dict(tags: t.Any) -> Tags:
    """Tags in any of the shapes in which AWS's services return them."""
    if isinstance(tags, dict):
        return {str(name): str(value) for name, value in tags.items()}
    found = {}
    for tag in tags or []:
        name = next((tag[key] for key in ("Key", "key", "TagKey") if key in tag), "")
        found[str(name)] = str(next((tag[key] for key in ("Value", "value", "TagValue") if key in tag), ""))
    return found


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


@dataclasses.dataclass(frozen=True)
class Ec2Type:
    """How one EC2 type is described."""

    operation: str
    key: str
    id: str
    created: str = ""
    gone: tuple[str, ...] = ()
    alias: str = ""


EC2 = {
    "dhcp-options": Ec2Type("describe_dhcp_options", "DhcpOptions", "DhcpOptionsId"),
    "elastic-ip": Ec2Type("describe_addresses", "Addresses", "AllocationId", alias="PublicIp"),
    "image": Ec2Type("describe_images", "Images", "ImageId", "CreationDate"),
    "instance": Ec2Type("describe_instances", "Reservations", "InstanceId", "LaunchTime", ("terminated",)),
    "internet-gateway": Ec2Type("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    "key-pair": Ec2Type("describe_key_pairs", "KeyPairs", "KeyPairId", "CreateTime"),
    "launch-template": Ec2Type("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", "CreateTime"),
    "natgateway": Ec2Type(
        "describe_nat_gateways", "NatGateways", "NatGatewayId", "CreateTime", ("deleted", "deleting")),
    "network-acl": Ec2Type("describe_network_acls", "NetworkAcls", "NetworkAclId"),
    "network-interface": Ec2Type("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    "route-table": Ec2Type("describe_route_tables", "RouteTables", "RouteTableId"),
    "security-group": Ec2Type("describe_security_groups", "SecurityGroups", "GroupId"),
    "snapshot": Ec2Type("describe_snapshots", "Snapshots", "SnapshotId", "StartTime"),
    "subnet": Ec2Type("describe_subnets", "Subnets", "SubnetId"),
    "volume": Ec2Type("describe_volumes", "Volumes", "VolumeId", "CreateTime", ("deleted", "deleting")),
    "vpc": Ec2Type("describe_vpcs", "Vpcs", "VpcId"),
    "vpc-endpoint": Ec2Type(
        "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "CreationTimestamp", ("deleted", "deleting")),
    "vpc-flow-log": Ec2Type("describe_flow_logs", "FlowLogs", "FlowLogId", "CreationTime"),
}  # fmt: skip

# Types that emulators call otherwise than AWS does.
EC2_TYPES = {"nat-gateway": "natgateway", "vpc-elastic-ip": "elastic-ip"}

# What others make and remove, so that it is never an orphan of its own: by type, when, and with what it goes.
IMPLICIT: dict[str, tuple[c.Callable[[Raw], t.Any], str]] = {
    "ec2:network-interface": (lambda raw: raw.get("RequesterManaged") or raw.get("Attachment"), "the service it is of"),
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


def find(account: Account, errors: tuple[type[Exception], ...]) -> tuple[list[Found], dict[str, str]]:
    """All resources with the wanted tags, and what could not be read, with the reason.

    :param errors: what a client raises; a service that cannot be read does not hide the others.
    """
    readers: dict[str, c.Callable[[Account], list[Found]]] = {
        **{kind: functools.partial(_listed, kind=kind, listing=listing) for kind, listing in LISTINGS.items()},
        **OTHER_READERS,
    }
    unread: dict[str, str] = {}
    found: dict[str, Found] = {}
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        tagging = pool.submit(_by_tagging_api, account)
        futures = {kind: pool.submit(reader, account) for kind, reader in readers.items()}
    for kind, future in futures.items():
        try:
            found.update({each.arn: each for each in future.result()})
        except errors as error:
            unread[kind] = _first_line(error)
    read = {kind for reader in readers if reader not in unread for kind in SEVERAL.get(reader, [reader])}
    try:
        found = {**{each.arn: each for each in tagging.result() if each.type not in read}, **found}
    except errors as error:
        unread["resourcegroupstaggingapi"] = _first_line(error)
    return sorted(found.values(), key=lambda each: (each.type, each.id)), unread


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _listed(account: Account, kind: str, listing: Listing) -> list[Found]:
    client = account.client(listing.service)
    its = Kind(kind, listing.service, listing.noun, listing.created)
    found = []
    for raw in pages(client, listing.operation, listing.key, **dict(listing.arguments)):
        if listing.skip(raw):
            continue
        tags = listing.tags(client, raw)
        if account.has(tags):
            name = str(raw[listing.id]).rpartition(":")[2] if listing.id == listing.arn else str(raw[listing.id])
            found.append(its.found(name, str(raw[listing.arn]), tags, raw))
    return found


@dataclasses.dataclass(frozen=True)
class Kind:
    """A type and what is the same for all of its resources; ``created`` names the field of the creation time."""

    type: str
    service: str
    noun: str = ""
    created: str = ""

    def found(self, name: str, arn: str, tags: Tags, raw: Raw) -> Found:
        """One resource of the type; ``raw`` is what the service says of it."""
        implicit, parent = IMPLICIT.get(self.type, (lambda _raw: False, ""))
        by_tag = next((IMPLICIT_TAGS[tag] for tag in tags if tag in IMPLICIT_TAGS), "")
        return Found(
            type=self.type,
            id=name,
            arn=arn.removesuffix(":*"),
            service=self.service,
            tags=tags,
            created=_time(raw.get(self.created)) if self.created else "",
            noun=self.noun,
            with_=(parent if implicit(raw) else "") or by_tag,
            protected=PROTECTED.get(self.type, ""),
        )


def _time(value: t.Any) -> str:
    if isinstance(value, (int, float)):  # CloudWatch Logs counts milliseconds
        value = datetime.datetime.fromtimestamp(value / 1000, datetime.UTC)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat(timespec="seconds")
    return str(value or "")


def pages(client: t.Any, operation: str, key: str, **arguments: t.Any) -> c.Iterator[t.Any]:
    """All entries of a listing, page by page."""
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**arguments):
            yield from page.get(key) or []
    else:
        yield from getattr(client, operation)(**arguments).get(key) or []


def _ec2(account: Account) -> list[Found]:
    client = account.client("ec2")
    tags = _ec2_tags(account, client)
    found = []
    for kind in sorted({kind for kind, _id in tags}):
        known = EC2.get(kind)
        raws = {raw[known.id]: raw for raw in _described(account, client, known)} if known else {}
        for (each, name), its in tags.items():
            if each != kind or (known and name not in raws):
                continue
            arn = account.arn("ec2", f"{kind}/{name}")
            raw = raws.get(name, {})
            described = Kind(f"ec2:{kind}", "ec2", created=known.created if known else "")
            alias = str(raw.get(known.alias, "")) if known else ""
            found.append(dataclasses.replace(described.found(name, arn, its, raw), alias=alias))
    return found


def _ec2_tags(account: Account, client: t.Any) -> dict[tuple[str, str], Tags]:
    """The tags of every EC2 resource that carries the wanted ones, whatever its type."""
    by_key: dict[tuple[str, str], Tags] = {}
    name, value = next(iter(account.tags.items()))
    rows = pages(client, "describe_tags", "Tags", Filters=[
        {"Name": "key", "Values": [name]}, {"Name": "value", "Values": [value]}
    ])  # fmt: skip
    ids = sorted({row["ResourceId"] for row in rows})
    for batch in _batches(ids, 100):
        filters = [{"Name": "resource-id", "Values": batch}]
        for row in pages(client, "describe_tags", "Tags", Filters=filters):
            kind = EC2_TYPES.get(row["ResourceType"], row["ResourceType"])
            by_key.setdefault((kind, row["ResourceId"]), {})[row["Key"]] = row["Value"]
    return {key: tags for key, tags in by_key.items() if account.has(tags)}


def _described(account: Account, client: t.Any, kind: Ec2Type) -> c.Iterator[Raw]:
    own: dict[str, t.Any] = {"Owners": ["self"]} if kind.key == "Images" else {}
    own |= {"OwnerIds": ["self"]} if kind.key == "Snapshots" else {}
    filters = "Filter" if kind.key in ("NatGateways", "FlowLogs") else "Filters"
    for entry in pages(client, kind.operation, kind.key, **own, **{filters: account.filters()}):
        for raw in entry["Instances"] if kind.key == "Reservations" else [entry]:
            state = raw.get("State") or ""
            if (state.get("Name") if isinstance(state, dict) else state) not in kind.gone:
                yield raw


def _ecs(account: Account) -> list[Found]:
    client = account.client("ecs")
    arns = list(pages(client, "list_clusters", "clusterArns"))
    found = _clusters(client, arns) + [service for arn in arns for service in _services(client, arn)]
    return [each for each in found if account.has(each.tags)] + _task_definitions(account, client)


def _clusters(client: t.Any, arns: list[str]) -> list[Found]:
    kind = Kind("ecs:cluster", "ecs", "Cluster")
    found = []
    for batch in _batches(arns, 100):
        for raw in client.describe_clusters(clusters=batch, include=["TAGS"])["clusters"]:
            if raw["status"] != "INACTIVE":
                found.append(kind.found(raw["clusterName"], raw["clusterArn"], tag_dict(raw.get("tags")), raw))
    return found


def _services(client: t.Any, cluster: str) -> list[Found]:
    kind = Kind("ecs:service", "ecs", "Service", "createdAt")
    found = []
    for batch in _batches(list(pages(client, "list_services", "serviceArns", cluster=cluster)), 10):
        for raw in client.describe_services(cluster=cluster, services=batch, include=["TAGS"])["services"]:
            if raw["status"] != "INACTIVE":
                found.append(kind.found(raw["serviceName"], raw["serviceArn"], tag_dict(raw.get("tags")), raw))
    return found


def _batches(values: list[str], size: int) -> c.Iterator[list[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _task_definitions(account: Account, client: t.Any) -> list[Found]:
    """Revisions by their family: what is in service names only one of them, and older ones are there to go back to."""
    kind = Kind("ecs:task-definition", "ecs", "TaskDefinition", "registeredAt")
    found = []
    for arn in pages(client, "list_task_definitions", "taskDefinitionArns", status="ACTIVE"):
        answer = client.describe_task_definition(taskDefinition=arn, include=["TAGS"])
        tags, raw = tag_dict(answer.get("tags")), answer["taskDefinition"]
        if account.has(tags):
            found.append(kind.found(raw["family"], arn, tags, raw))
    return found


def _keys(account: Account) -> list[Found]:
    client = account.client("kms")
    kind = Kind("kms:key", "kms", created="CreationDate")
    found = []
    for entry in pages(client, "list_keys", "Keys"):
        raw = client.describe_key(KeyId=entry["KeyId"])["KeyMetadata"]
        if raw.get("KeyManager") == "AWS" or raw.get("KeyState") == "PendingDeletion":
            continue
        tags = tag_dict(client.list_resource_tags(KeyId=entry["KeyId"]).get("Tags"))
        if account.has(tags):
            found.append(kind.found(raw["KeyId"], raw["Arn"], tags, raw))
    return found


def _buckets(account: Account) -> list[Found]:
    client = account.client("s3")
    kind = Kind("s3:bucket", "s3", "Bucket", "CreationDate")
    found = []
    for raw in client.list_buckets()["Buckets"]:
        name = raw["Name"]
        tags = _bucket_tags(client, name)
        if account.has(tags):
            arn = f"arn:{account.partition}:s3:::{name}"
            bucket = kind.found(name, arn, tags, raw)
            filled = bool(client.list_object_versions(Bucket=name, MaxKeys=1).keys() & {"Versions", "DeleteMarkers"})
            found.append(dataclasses.replace(bucket, protected="a bucket that is not empty" if filled else ""))
    return found


def _bucket_tags(client: t.Any, name: str) -> Tags:
    try:
        return tag_dict(client.get_bucket_tagging(Bucket=name)["TagSet"])
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchTagSet", "NoSuchBucket"):
            return {}
        raise


def _tables(account: Account) -> list[Found]:
    client = account.client("dynamodb")
    kind = Kind("dynamodb:table", "dynamodb", "Table", "CreationDateTime")
    found = []
    for name in pages(client, "list_tables", "TableNames"):
        raw = client.describe_table(TableName=name)["Table"]
        tags = tag_dict(client.list_tags_of_resource(ResourceArn=raw["TableArn"])["Tags"])
        if account.has(tags):
            found.append(kind.found(name, raw["TableArn"], tags, raw))
    return found


def _queues(account: Account) -> list[Found]:
    client = account.client("sqs")
    found = []
    for url in pages(client, "list_queues", "QueueUrls"):
        tags = tag_dict(client.list_queue_tags(QueueUrl=url).get("Tags"))
        if account.has(tags):
            name = url.rpartition("/")[2]
            found.append(Kind("sqs:queue", "sqs", "Queue").found(name, account.arn("sqs", name), tags, {}))
    return found


def _of_api_gateway(operation: str, path: str) -> c.Callable[[Account], list[Found]]:
    """APIs, plans or keys: their ARNs have no account, and are in no answer. Stages come and go with their API."""

    def read(account: Account) -> list[Found]:
        client = account.client("apigateway")
        kind = Kind(f"apigateway:{path}", "apigateway", created="createdDate")
        found = []
        for raw in pages(client, operation, "items"):
            arn = f"arn:{account.partition}:apigateway:{account.region}::/{path}/{raw['id']}"
            tags = tag_dict(client.get_tags(resourceArn=arn).get("tags"))
            if account.has(tags):
                found.append(kind.found(raw["id"], arn, tags, raw))
        return found

    return read


OTHER_READERS: dict[str, c.Callable[[Account], list[Found]]] = {
    "apigateway:apikeys": _of_api_gateway("get_api_keys", "apikeys"),
    "apigateway:restapis": _of_api_gateway("get_rest_apis", "restapis"),
    "apigateway:usageplans": _of_api_gateway("get_usage_plans", "usageplans"),
    "dynamodb:table": _tables,
    "ec2": _ec2,
    "ecs": _ecs,
    "kms:key": _keys,
    "s3:bucket": _buckets,
    "sqs:queue": _queues,
}
# Readers of several types.
SEVERAL = {
    "ec2": [f"ec2:{kind}" for kind in EC2],
    "ecs": ["ecs:cluster", "ecs:service", "ecs:task-definition"],
}


def _by_tagging_api(account: Account) -> list[Found]:
    regions = {account.region} | ({GLOBAL_REGION} if account.partition == "aws" else set())
    wanted = [{"Key": name, "Values": [value]} for name, value in account.tags.items()]
    found = []
    for region in sorted(regions):
        client = account.client("resourcegroupstaggingapi", region=region)
        for row in pages(client, "get_resources", "ResourceTagMappingList", TagFilters=wanted):
            arn = row["ResourceARN"]
            # Elsewhere than at home only what has no Region counts.
            if region == account.region or not arn.split(":")[3]:
                kind, service, name = parts(arn)
                found.append(Kind(kind, service).found(name, arn, tag_dict(row["Tags"]), {}))
    return found


def parts(arn: str) -> tuple[str, str, str]:
    """The type, the service and the id that an ARN speaks of."""
    service, rest = arn.split(":")[2], ":".join(arn.split(":")[5:])
    bare = {"s3": "bucket", "sns": "topic", "sqs": "queue"}
    if service in bare:
        return f"{service}:{bare[service]}", service, rest
    kind, name = (
        rest.split(":", 1) if ":" in rest.split("/", maxsplit=1)[0] else [*rest.lstrip("/").split("/", 1), rest]
    )[:2]
    return f"{service}:{kind}", service, name
