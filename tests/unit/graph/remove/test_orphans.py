"""Rule 11: what carries the tags but belongs to no task is found, and deleted only when asked."""

from __future__ import annotations

import datetime
import json
import typing as t

import boto3
import pytest
from botocore.stub import Stubber

from ansible_collections.slipway.graph.plugins.module_utils.tagged import deletion, ec2, finding, listings
from ansible_collections.slipway.graph.plugins.module_utils.tagged.resources import Account
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.remove import orphans
from tests.support.api_proxy import ApiProxy
from tests.support.emulators import CREDENTIALS
from tests.support.playbook import Outcome, Project

AWS = tuple[Project, ApiProxy]
TAGS = {"system": "demo", "environment": "test"}

ROLE = """
- name: VPC
  amazon.aws.ec2_vpc_net: {name: demo, cidr_block: 10.0.0.0/16, tags: "{{ demo_tags }}"}
  register: demo_vpc
- name: Subnet
  amazon.aws.ec2_vpc_subnet: {vpc_id: "{{ demo_vpc.vpc.id }}", cidr: 10.0.0.0/24, tags: "{{ demo_tags }}"}
  register: demo_subnet
- name: Bucket
  amazon.aws.s3_bucket: {name: demo-bucket, tags: "{{ demo_tags }}"}
  register: demo_bucket
- name: Log group
  amazon.aws.cloudwatchlogs_log_group: {log_group_name: /demo, tags: "{{ demo_tags }}"}
  register: demo_log_group
- name: Role
  amazon.aws.iam_role:
    name: demo
    create_instance_profile: false
    assume_role_policy_document: >-
      {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
       "Action": "sts:AssumeRole"}]}
    tags: "{{ demo_tags }}"
  register: demo_role
- name: Key
  amazon.aws.kms_key: {alias: demo, tags: "{{ demo_tags }}"}
  register: demo_key
- name: Topic
  community.aws.sns_topic: {name: demo, tags: "{{ demo_tags }}"}
  register: demo_topic
"""
TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
)  # fmt: skip
ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}
)
PAIRS = [{"Key": key, "Value": value} for key, value in TAGS.items()]


class Clients:
    """boto3 clients on the emulator."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __getattr__(self, service: str) -> t.Any:
        return boto3.client(  # type: ignore[call-overload]  # the name is a variable here
            service, endpoint_url=self.url, region_name="eu-central-1",
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip


def plant(on: Clients) -> None:
    """Make what a role that is gone could have left behind; the names of some are those of things that belong."""
    vpc = on.ec2.create_vpc(
        CidrBlock="10.9.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": PAIRS}]
    )["Vpc"]["VpcId"]  # fmt: skip
    on.ec2.create_subnet(
        VpcId=vpc, CidrBlock="10.9.0.0/24", TagSpecifications=[{"ResourceType": "subnet", "Tags": PAIRS}]
    )
    gateway = on.ec2.create_internet_gateway(
        TagSpecifications=[{"ResourceType": "internet-gateway", "Tags": PAIRS}]
    )["InternetGateway"]["InternetGatewayId"]  # fmt: skip
    on.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    on.ec2.allocate_address(Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": PAIRS}])
    on.logs.create_log_group(logGroupName="demo", tags=TAGS)
    on.iam.create_role(RoleName="old", AssumeRolePolicyDocument=TRUST, Tags=PAIRS)
    on.iam.put_role_policy(RoleName="old", PolicyName="inline", PolicyDocument=ALLOW)
    on.s3.create_bucket(Bucket="old-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    on.s3.put_bucket_tagging(Bucket="old-bucket", Tagging={"TagSet": PAIRS})
    on.s3.put_object(Bucket="old-bucket", Key="kept", Body=b"data")
    on.secretsmanager.create_secret(Name="old", SecretString="{}", Tags=PAIRS)
    on.dynamodb.create_table(
        TableName="demo", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST", Tags=PAIRS,
    )  # fmt: skip
    on.sqs.create_queue(QueueName="demo", tags=TAGS)
    # These carry other tags.
    on.logs.create_log_group(logGroupName="other", tags={**TAGS, "environment": "prod"})
    on.sns.create_topic(Name="untagged")


PLANTED = {
    ("ec2:elastic-ip", ""), ("ec2:internet-gateway", ""), ("ec2:subnet", ""), ("ec2:vpc", ""), ("iam:role", "old"),
    ("logs:log-group", "demo"), ("s3:bucket", "old-bucket"), ("secretsmanager:secret", "old"),
    ("dynamodb:table", "demo"), ("sqs:queue", "demo"),
}  # fmt: skip
HOLDING_DATA = {"s3:bucket", "secretsmanager:secret", "dynamodb:table"}


@pytest.fixture
def applied(aws: AWS) -> AWS:
    """An account right after an apply."""
    project, proxy = aws
    project.role("demo", ROLE, defaults=f"demo_tags: {json.dumps({**TAGS, 'managed_by': 'slipway'})}")
    outcome = project.converge("demo")
    assert outcome.returncode == 0, outcome.output
    proxy.forget()
    return aws


def look(project: Project, *arguments: str, **options: t.Any) -> Outcome:
    return project.run({"slipway.graph.orphans": {"roles": ["demo"], "tags": TAGS, **options}}, *arguments)


def named(found: list[dict[str, t.Any]]) -> set[tuple[str, str]]:
    return {(each["type"], "" if each["type"].startswith("ec2:") else each["id"]) for each in found}


def test_rule_11_right_after_an_apply_there_are_no_orphans(applied: AWS) -> None:
    project, proxy = applied
    outcome = look(project)
    assert outcome.returncode == 0, outcome.output
    assert outcome.result["orphans"] == []
    # Moto has no list of these; what cannot be read is told and hides nothing else.
    assert list(outcome.result["unread"]) == ["elasticache:parametergroup"]
    assert "could not be read: elasticache:parametergroup: the answer of AWS cannot be read" in outcome.output
    assert "Orphans: 0 of 7 resources with these tags belong to no task" in outcome.output
    assert proxy.operations
    assert proxy.writes == []


def test_rule_11_orphans_of_many_types_are_listed_and_nothing_is_written(applied: AWS) -> None:
    project, proxy = applied
    plant(Clients(proxy.url))
    proxy.forget()
    outcome = look(project)
    assert outcome.returncode == 0, outcome.output
    assert proxy.writes == []
    found = outcome.result["orphans"]
    assert named(found) == PLANTED
    assert {each["type"] for each in found if each["protected"]} == HOLDING_DATA
    role = next(each for each in found if each["type"] == "iam:role")
    assert role["arn"] == "arn:aws:iam::123456789012:role/old"
    assert role["tags"] == TAGS
    assert role["age_days"] == 0
    assert next(each for each in found if each["type"] == "ec2:vpc")["age_days"] is None
    assert f"iam:role old, 0 days old, free  {role['arn']}" in outcome.output


def test_rule_11_nothing_is_deleted_without_the_name_in_check_mode_or_by_mistake(applied: AWS) -> None:
    project, proxy = applied
    plant(Clients(proxy.url))
    proxy.forget()
    refused = look(project, delete=True)
    assert refused.returncode != 0
    assert "To go ahead, name the system and environment: -e confirm=demo-test" in refused.result["msg"]
    planned = look(project, "--check", delete=True, confirm="demo-test")
    assert planned.result["changed"] is True
    mistaken = look(project, delete=True, confirm="demo-test", delete_protected=["arn:aws:s3:::demo-bucket"])
    assert mistaken.returncode != 0
    assert "delete_protected: arn:aws:s3:::demo-bucket is not among the orphans" in mistaken.result["msg"]
    assert proxy.writes == []


def test_rule_11_orphans_are_deleted_but_what_holds_data_only_by_its_name(applied: AWS) -> None:
    project, proxy = applied
    on = Clients(proxy.url)
    plant(on)
    outcome = look(project, delete=True, confirm="demo-test")
    assert outcome.returncode == 0, outcome.output
    assert named(outcome.result["deleted"]) == {each for each in PLANTED if each[0] not in HOLDING_DATA}
    assert {each["type"] for each in outcome.result["kept"]} == HOLDING_DATA
    bucket = "arn:aws:s3:::old-bucket"
    assert f"{bucket}: protected, a bucket that is not empty" in outcome.result["msg"]
    left = look(project).result["orphans"]
    assert {each["type"] for each in left} == HOLDING_DATA

    again = look(project, delete=True, confirm="demo-test", delete_protected=[each["arn"] for each in left])
    assert again.returncode == 0, again.output
    assert look(project).result["orphans"] == []
    assert [each["Name"] for each in on.s3.list_buckets()["Buckets"]] == ["demo-bucket"]
    assert "other" in [each["logGroupName"] for each in on.logs.describe_log_groups()["logGroups"]]
    assert project.converge("demo", arguments=("--check",)).calls("planned") == [], "what belongs is still there"


def test_rule_11_nothing_is_deleted_while_a_task_has_not_made_its_resource(applied: AWS) -> None:
    project, proxy = applied
    on = Clients(proxy.url)
    plant(on)
    on.sns.delete_topic(TopicArn="arn:aws:sns:eu-central-1:123456789012:demo")
    proxy.forget()
    assert "some of these may belong to them: demo: Topic" in look(project).output.replace("\n", " ")
    refused = look(project, delete=True, confirm="demo-test")
    assert refused.returncode != 0
    assert "Apply first. Missing: demo: Topic" in refused.result["msg"]
    assert proxy.writes == []


def in_region(proxy: ApiProxy, service: str, region: str) -> t.Any:
    return boto3.client(  # type: ignore[call-overload]  # the name is a variable here
        service, endpoint_url=proxy.url, region_name=region,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


def test_rule_11_what_has_no_region_is_kept_where_the_same_tags_are_in_another_one(applied: AWS) -> None:
    project, proxy = applied
    on = Clients(proxy.url)
    on.iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=TRUST, Tags=PAIRS)
    on.sns.create_topic(Name="old", Tags=PAIRS)
    there = in_region(proxy, "ec2", "us-west-2")
    vpc = there.create_vpc(
        CidrBlock="10.9.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": PAIRS}]
    )["Vpc"]["VpcId"]  # fmt: skip
    bucket = in_region(proxy, "s3", "us-west-2")
    bucket.create_bucket(Bucket="theirs", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    bucket.put_bucket_tagging(Bucket="theirs", Tagging={"TagSet": PAIRS})

    both = look(project, delete=True, confirm="demo-test")
    assert both.returncode == 0, both.output
    assert named(both.result["orphans"]) == {("iam:role", "theirs"), ("sns:topic", "old")}
    assert named(both.result["deleted"]) == {("sns:topic", "old")}
    (kept,) = both.result["kept"]
    assert kept["reason"].startswith("protected, perhaps of the same system in us-west-2: name it in delete_protected")
    assert "theirs" in [each["RoleName"] for each in on.iam.list_roles()["Roles"]]

    there.delete_vpc(VpcId=vpc)
    alone = look(project, delete=True, confirm="demo-test")
    assert named(alone.result["deleted"]) == {("iam:role", "theirs")}, alone.output
    assert [each["Name"] for each in bucket.list_buckets()["Buckets"]] == ["demo-bucket", "theirs"]


def test_rule_11_orphans_can_be_limited_to_types(applied: AWS) -> None:
    project, proxy = applied
    plant(Clients(proxy.url))
    listed = look(project, types=["iam", "ec2:vpc"])
    assert named(listed.result["orphans"]) == {("ec2:vpc", ""), ("iam:role", "old")}
    deleted = look(project, types=["iam:role"], delete=True, confirm="demo-test")
    assert named(deleted.result["deleted"]) == {("iam:role", "old")}
    assert named(look(project).result["orphans"]) == PLANTED - {("iam:role", "old")}


def test_rule_11_no_tags_are_refused(aws: AWS) -> None:
    aws[0].role("demo", "- name: Nothing\n  ansible.builtin.debug: {msg: nothing}\n")
    outcome = look(aws[0], tags={})
    assert outcome.returncode != 0
    assert "set at least one" in outcome.result["msg"]


# The judgement, without an account.


def resource(kind: str, name: str, **more: t.Any) -> dict[str, t.Any]:
    service = kind.split(":", maxsplit=1)[0]
    return {
        "type": kind, "id": name, "arn": f"arn:{kind}:{name}", "service": service, "noun": "", "tags": {},
        "created": "", "with_": "", "protected": "", "alias": "", **more,
    }  # fmt: skip


def call(index: int, *operations: tuple[str, str], **more: t.Any) -> CallRecord:
    asked = [{"service": service, "operation": operation} for service, operation in operations]
    return CallRecord("task", "role", "file:1", "module", "ok", (index, 0), api_calls=asked, **more)


NOW = datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)


def test_rule_11_a_name_counts_only_where_the_same_type_was_asked_for() -> None:
    known = orphans.mentions([call(0, ("rds", "DescribeDBInstances"))], {0: {"name": "demo"}})
    database = resource("rds:db", "demo", noun="DBInstance")
    group = resource("rds:subgrp", "demo", noun="DBSubnetGroup")
    assert [each["type"] for each in orphans.among([database, group], known, NOW)] == ["rds:subgrp"]


def test_rule_11_the_value_of_a_tag_is_no_name() -> None:
    found = {"name": "other", "tags": {"system": "demo"}, "TagList": [{"Key": "system", "Value": "demo"}]}
    known = orphans.mentions([call(0, ("logs", "DescribeLogGroups"))], {0: found})
    group = resource("logs:log-group", "demo", noun="LogGroup")
    assert orphans.among([group], known, NOW) != []


def test_rule_11_an_arn_and_an_invented_id_count_wherever_they_stand() -> None:
    known = orphans.mentions([call(0)], {0: {"a": [{"vpc": "vpc-0123456789abcdef0"}], "log": "arn:logs:log-group:x:*"}})
    mentioned = [resource("ec2:vpc", "vpc-0123456789abcdef0"), resource("logs:log-group", "x")]
    assert orphans.among(mentioned, known, NOW) == []


def test_rule_11_what_goes_with_another_is_no_orphan_and_the_oldest_come_first() -> None:
    found = orphans.among(
        [
            resource("ec2:vpc", "a"),
            resource("iam:role", "b", created="2026-01-30T00:00:00+00:00"),
            resource("iam:role", "c", created="2026-01-01T00:00:00+00:00"),
            resource("ecs:task", "d", with_="its service"),
        ],
        orphans.mentions([], {}),
        NOW,
    )
    assert [(each["id"], each["age_days"]) for each in found] == [("c", 30), ("b", 1), ("a", None)]


@pytest.mark.parametrize(
    ("elsewhere", "unread", "protected"),
    [
        ([], [], ""),
        (["arn:aws:sns:eu-west-1:1:t"], [], "perhaps of the same system in eu-west-1"),
        (["arn:aws:backup:eu-west-1:1:backup-vault:v"], [], ""),
        ([], ["eu-south-1"], "perhaps of another Region, which could not be asked: eu-south-1"),
    ],
)
def test_rule_11_only_what_no_task_speaks_of_makes_another_region_a_second_home(
    elsewhere: list[str], unread: list[str], protected: str
) -> None:
    known = orphans.mentions([call(0)], {0: {"vault": "arn:aws:backup:eu-west-1:1:backup-vault:v"}})
    role = {**resource("iam:role", "r"), "arn": "arn:aws:iam::1:role/r"}
    others = [resource("ec2:vpc", "v") | {"arn": "arn:aws:ec2:r:1:vpc/v"}, resource("s3:bucket", "b")]
    orphans.keep_shared([role, *others], [{"arn": arn} for arn in elsewhere], unread, known)
    assert role["protected"] == protected
    assert [each["protected"] for each in others] == ["", ""]


@pytest.mark.parametrize(
    ("kind", "costs"),
    [
        ("kms:key", "1.00 USD a month"),
        ("ec2:natgateway", "41.61 USD a month"),
        ("ec2:vpc", "free"),
        ("rds:db", "cost depends on its size and use"),
    ],
)
def test_rule_11_an_orphan_says_what_it_costs(kind: str, costs: str) -> None:
    service, _colon, _type = kind.partition(":")
    orphan = resource(kind, "x") | {"arn": f"arn:aws:{service}:eu-central-1:123456789012:x"}
    assert [each["monthly_cost"] for each in orphans.among([orphan], orphans.mentions([], {}), NOW)] == [costs]


def test_rule_11_what_is_in_use_is_tried_again_and_what_cannot_be_deleted_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orphans, "PAUSE", 0)
    found = orphans.among(
        [resource("ec2:vpc", "v"), resource("ec2:subnet", "s"), resource("odd:thing", "o")],
        orphans.mentions([], {}),
        NOW,
    )
    asked: list[str] = []

    def delete(options: dict[str, t.Any]) -> dict[str, t.Any]:
        asked.append(options["id"])
        if options["id"] == "o":
            return {"failed": True, "msg": "there is no way", "in_use": False}
        return {"failed": True, "in_use": True} if options["id"] == "s" and asked.count("s") < 3 else {"changed": True}

    told: list[str] = []
    deletions = orphans.Deletions(delete, told.append, timeout=60)
    deletions.run(found, named=[])
    assert asked == ["o", "s", "v", "s", "s"]
    assert [each["id"] for each in deletions.deleted] == ["v", "s"]
    assert [(each["id"], each["reason"]) for each in deletions.kept] == [("o", "there is no way")]
    assert "kept     odd:thing o: there is no way  arn:odd:thing:o" in told


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:ec2:r:1:vpc/vpc-1", ("ec2:vpc", "ec2", "vpc-1")),
        ("arn:aws:rds:r:1:db:demo", ("rds:db", "rds", "demo")),
        ("arn:aws:s3:::demo", ("s3:bucket", "s3", "demo")),
        ("arn:aws:logs:r:1:log-group:/a/b", ("logs:log-group", "logs", "/a/b")),
        ("arn:aws:ecs:r:1:service/c/s", ("ecs:service", "ecs", "c/s")),
        ("arn:aws:apigateway:r::/restapis/x", ("apigateway:restapis", "apigateway", "x")),
        ("arn:aws:sns:r:1:t", ("sns:topic", "sns", "t")),
    ],
)
def test_rule_11_an_arn_tells_type_service_and_id(arn: str, expected: tuple[str, str, str]) -> None:
    assert finding.parts(arn) == expected


def test_rule_11_listing_and_deleting_are_ordinary_modules_too(aws: AWS) -> None:
    project, proxy = aws
    on = Clients(proxy.url)
    on.logs.create_log_group(logGroupName="/left", tags=TAGS)
    listed = project.run({"slipway.graph.tagged_resources_info": {"tags": TAGS}})
    assert [(each["type"], each["id"]) for each in listed.result["resources"]] == [("logs:log-group", "/left")]
    left = {key: listed.result["resources"][0][key] for key in ("type", "id", "arn")}
    assert project.run({"slipway.graph.tagged_resource": left}).result["changed"]
    assert on.logs.describe_log_groups()["logGroups"] == []


def test_rule_11_every_deletion_and_listing_names_operations_that_exist() -> None:
    for listing in listings.LISTINGS.values():
        client = getattr(Clients("http://127.0.0.1:9"), listing.service)
        assert callable(getattr(client, listing.operation))
        assert listing.noun in client.meta.method_to_api_mapping[listing.operation]
    client = Clients("http://127.0.0.1:9").ec2
    assert [each.operation for each in ec2.TYPES.values() if not hasattr(client, each.operation)] == []
    types = {*listings.LISTINGS, *(f"ec2:{kind}" for kind in ec2.TYPES)}
    assert types - deletion.DELETIONS.keys() == set()
    assert {*deletion.FIRST, *deletion.LAST} - deletion.DELETIONS.keys() == set()


def test_rule_11_a_cache_that_does_not_tell_its_tags_during_a_snapshot_is_found_by_the_tagging_api() -> None:
    names = ["mine", "free"]
    arns = {name: f"arn:aws:elasticache:eu-central-1:123456789012:replicationgroup:{name}" for name in names}
    clients = {
        service: boto3.client(service, region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
        for service in ("elasticache", "resourcegroupstaggingapi")
    }
    caches, tagging = (Stubber(each) for each in clients.values())
    groups = [{"ReplicationGroupId": name, "ARN": arn} for name, arn in arns.items()]
    caches.add_response("describe_replication_groups", {"ReplicationGroups": groups})
    caches.add_client_error("list_tags_for_resource", "InvalidReplicationGroupState")
    caches.add_response("list_tags_for_resource", {"TagList": PAIRS}, {"ResourceName": arns["free"]})
    tagging.add_response(
        "get_resources", {"ResourceTagMappingList": [{"ResourceARN": arns["mine"], "Tags": PAIRS}]},
        {"ResourceARNList": [arns["mine"]]},
    )  # fmt: skip
    account = Account(lambda service, **_: clients[service], TAGS, "aws", "eu-central-1", "123456789012")
    kind = "elasticache:replicationgroup"
    with caches, tagging:
        found = listings.read(account, kind, listings.LISTINGS[kind])
    assert [each.id for each in found] == names


def test_rule_11_the_network_goes_last() -> None:
    kinds = ["ec2:vpc", "logs:log-group", "ec2:subnet", "ecs:service", "ec2:natgateway"]
    assert sorted(kinds, key=deletion.rank) == [
        "ecs:service", "ec2:natgateway", "logs:log-group", "ec2:subnet", "ec2:vpc"
    ]  # fmt: skip
