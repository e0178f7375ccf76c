# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The types that take more than one operation: one reader for each."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ansible_collections.slipway.graph.plugins.module_utils.tagged import ec2
from ansible_collections.slipway.graph.plugins.module_utils.tagged.resources import (
    Account,
    Found,
    Kind,
    Tags,
    batches,
    pages,
    tag_dict,
)


def _ecs(account: Account) -> list[Found]:
    client = account.client("ecs")
    arns = list(pages(client, "list_clusters", "clusterArns"))
    found = _clusters(client, arns) + [service for arn in arns for service in _services(client, arn)]
    return [each for each in found if account.has(each.tags)] + _task_definitions(account, client)


def _clusters(client: t.Any, arns: list[str]) -> list[Found]:
    kind = Kind("ecs:cluster", "ecs", "Cluster")
    found = []
    for batch in batches(arns, 100):
        for raw in client.describe_clusters(clusters=batch, include=["TAGS"])["clusters"]:
            if raw["status"] != "INACTIVE":
                found.append(kind.found(raw["clusterName"], raw["clusterArn"], tag_dict(raw.get("tags")), raw))
    return found


def _services(client: t.Any, cluster: str) -> list[Found]:
    kind = Kind("ecs:service", "ecs", "Service", "createdAt")
    found = []
    for batch in batches(list(pages(client, "list_services", "serviceArns", cluster=cluster)), 10):
        for raw in client.describe_services(cluster=cluster, services=batch, include=["TAGS"])["services"]:
            if raw["status"] != "INACTIVE":
                found.append(kind.found(raw["serviceName"], raw["serviceArn"], tag_dict(raw.get("tags")), raw))
    return found


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
        if account.has(tags) and _region_of_bucket(client, name) == account.region:
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


def _region_of_bucket(client: t.Any, name: str) -> str:
    """Every Region lists all buckets of the account. Two have names of their own in the answer."""
    found = client.get_bucket_location(Bucket=name).get("LocationConstraint")
    return {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(found) or str(found)


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


READERS: dict[str, c.Callable[[Account], list[Found]]] = {
    "apigateway:apikeys": _of_api_gateway("get_api_keys", "apikeys"),
    "apigateway:restapis": _of_api_gateway("get_rest_apis", "restapis"),
    "apigateway:usageplans": _of_api_gateway("get_usage_plans", "usageplans"),
    "dynamodb:table": _tables,
    "ec2": ec2.read,
    "ecs": _ecs,
    "kms:key": _keys,
    "s3:bucket": _buckets,
    "sqs:queue": _queues,
}
# Readers of several types.
SEVERAL = {
    "ec2": [f"ec2:{kind}" for kind in ec2.TYPES],
    "ecs": ["ecs:cluster", "ecs:service", "ecs:task-definition"],
}
