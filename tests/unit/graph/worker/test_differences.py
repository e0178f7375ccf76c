"""Rule 7, ``--diff``: what a stopped write would change, found in what the module has read."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.worker import differences
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.differences import Change, Read

ARN = "arn:aws:rds:eu-central-1:123456789012:db:demo"
INSTANCE = {"DBInstanceIdentifier": "demo", "DBInstanceClass": "db.t3.small", "Engine": "mysql", "DBInstanceArn": ARN}


def changes(operation: str, parameters: dict[str, t.Any], required: str, *reads: Read) -> list[Change]:
    return differences.of_write(operation, parameters, required.split(), reads)


def test_rule_07_a_changed_value_is_shown_with_the_one_that_was_read() -> None:
    other = {**INSTANCE, "DBInstanceIdentifier": "other", "DBInstanceClass": "db.r5.large"}
    read = Read("DescribeDBInstances", {}, {"DBInstances": [other, INSTANCE]})
    write = {"DBInstanceIdentifier": "demo", "DBInstanceClass": "db.t3.large", "Engine": "mysql"}
    assert changes("ModifyDBInstance", write, "DBInstanceIdentifier", read) == [
        {"name": "DBInstanceClass", "before": "db.t3.small", "after": "db.t3.large"}
    ]


def test_rule_07_of_a_value_that_was_not_read_only_the_new_one_is_shown() -> None:
    read = Read("DescribeDBInstances", {"DBInstanceIdentifier": "demo"}, {"DBInstances": [INSTANCE]})
    write = {"DBInstanceIdentifier": "demo", "DBInstanceClass": "db.t3.large", "ApplyImmediately": True}
    assert changes("ModifyDBInstance", write, "DBInstanceIdentifier", read)[1] == {
        "name": "ApplyImmediately", "after": True
    }  # fmt: skip


def test_rule_07_another_resource_is_never_the_one_before() -> None:
    read = Read("DescribeDBInstances", {}, {"DBInstances": [{**INSTANCE, "DBInstanceIdentifier": "other"}]})
    write = {"DBInstanceIdentifier": "demo", "DBInstanceClass": "db.t3.large"}
    assert changes("ModifyDBInstance", write, "DBInstanceIdentifier", read) == [
        {"name": "DBInstanceClass", "after": "db.t3.large"}
    ]


def test_rule_07_two_structures_that_fit_equally_well_and_differ_tell_nothing() -> None:
    structures = [{"Name": "x", "Size": 1}, {"Name": "x", "Size": 2}]
    read = Read("ListThings", {}, {"Things": structures})
    assert changes("UpdateThing", {"Name": "x", "Size": 3}, "Name", read) == [{"name": "Size", "after": 3}]


def test_rule_07_s3_answers_with_what_stands_inside_the_parameter() -> None:
    reads = [
        Read("GetBucketVersioning", {"Bucket": "b"}, {"Status": "Enabled"}),
        Read("GetBucketAccelerateConfiguration", {"Bucket": "b"}, {"Status": "Disabled"}),
    ]
    write = {"Bucket": "b", "VersioningConfiguration": {"Status": "Suspended"}}
    assert changes("PutBucketVersioning", write, "Bucket VersioningConfiguration", *reads) == [
        {"name": "VersioningConfiguration.Status", "before": "Enabled", "after": "Suspended"}
    ]


def test_rule_07_tags_are_compared_one_by_one() -> None:
    tags = [{"Key": "team", "Value": "a"}, {"Key": "system", "Value": "demo"}]
    read = Read("DescribeVpcs", {"VpcIds": ["vpc-1"]}, {"Vpcs": [{"VpcId": "vpc-1", "Tags": tags}]})
    new = [{"Key": "team", "Value": "b"}, {"Key": "system", "Value": "demo"}, {"Key": "cost", "Value": "7"}]
    assert changes("CreateTags", {"Resources": ["vpc-1"], "Tags": new}, "Resources Tags", read) == [
        {"name": "Tags.team", "before": "a", "after": "b"},
        {"name": "Tags.cost", "after": "7"},
    ]
    assert changes("DeleteTags", {"Resources": ["vpc-1"], "Tags": [{"Key": "team"}]}, "Resources", read) == [
        {"name": "Tags.team", "before": "a"}
    ]


def test_rule_07_a_list_of_tags_under_another_name_is_found() -> None:
    read = Read("ListTagsForResource", {"ResourceName": ARN}, {"TagList": [{"Key": "team", "Value": "a"}]})
    write = {"ResourceName": ARN, "Tags": [{"Key": "team", "Value": "b"}]}
    assert changes("AddTagsToResource", write, "ResourceName Tags", read) == [
        {"name": "Tags.team", "before": "a", "after": "b"}
    ]
    assert changes("RemoveTagsFromResource", {"ResourceName": ARN, "TagKeys": ["team"]}, "ResourceName", read) == [
        {"name": "Tags.team", "before": "a"}
    ]


def test_rule_07_a_put_of_all_tags_shows_those_that_go() -> None:
    read = Read(
        "GetBucketTagging", {"Bucket": "b"}, {"TagSet": [{"Key": "x", "Value": "1"}, {"Key": "y", "Value": "2"}]}
    )
    write = {"Bucket": "b", "Tagging": {"TagSet": [{"Key": "x", "Value": "1"}]}}
    assert changes("PutBucketTagging", write, "Bucket Tagging", read) == [{"name": "Tagging.TagSet.y", "before": "2"}]


def test_rule_07_a_policy_is_compared_inside_although_one_side_is_text() -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    read = Read("GetRolePolicy", {"RoleName": "r", "PolicyName": "p"}, {
        "RoleName": "r", "PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    })  # fmt: skip
    document = {"Version": "2012-10-17", "Statement": [{**statement, "Action": "s3:*"}]}
    write = {"RoleName": "r", "PolicyName": "p", "PolicyDocument": json.dumps(document)}
    assert changes("PutRolePolicy", write, "RoleName PolicyName PolicyDocument", read) == [
        {"name": "PolicyDocument.Statement[0].Action", "before": "s3:GetObject", "after": "s3:*"}
    ]


def test_rule_07_a_name_and_its_arn_are_the_same_resource() -> None:
    service = {"serviceArn": "arn:aws:ecs:eu-central-1:1:service/c/api", "desiredCount": 2}
    read = Read("DescribeServices", {"cluster": "c", "services": ["api"]}, {"services": [service]})
    assert changes("UpdateService", {"cluster": "c", "service": "api", "desiredCount": 3}, "service", read)[-1] == {
        "name": "desiredCount", "before": 2, "after": 3
    }  # fmt: skip


@pytest.mark.parametrize("operation", ["CreateDBSnapshot", "AuthorizeSecurityGroupIngress", "AddRoleToDBCluster"])
def test_rule_07_what_is_added_replaces_nothing(operation: str) -> None:
    read = Read("DescribeDBInstances", {}, {"DBInstances": [{**INSTANCE, "Rules": [1]}]})
    write = {"DBInstanceIdentifier": "demo", "Rules": [2]}
    assert changes(operation, write, "DBInstanceIdentifier", read) == [
        {"name": "DBInstanceIdentifier", "after": "demo"},
        {"name": "Rules", "after": [2]},
    ]


def test_rule_07_what_is_taken_away_stands_before() -> None:
    write = {"GroupId": "sg-1", "IpPermissions": [{"FromPort": 22}]}
    assert changes("RevokeSecurityGroupIngress", write, "GroupId") == [
        {"name": "IpPermissions", "before": [{"FromPort": 22}]}
    ]


def test_rule_07_the_order_of_a_list_of_words_is_no_change() -> None:
    read = Read("DescribeThing", {"ThingId": "t"}, {"ThingId": "t", "Zones": ["b", "a"], "Port": 80})
    assert changes("ModifyThing", {"ThingId": "t", "Zones": ["a", "b"], "Port": "80"}, "ThingId", read) == []


@pytest.mark.parametrize("operation", ["GetSecretValue", "GetParameters", "GetRandomPassword", "GetSessionToken"])
def test_rule_17_answers_that_are_secrets_are_not_kept(operation: str) -> None:
    assert not differences.is_kept(operation)
    assert differences.is_kept("DescribeDBInstances")
    assert differences.is_kept("DescribeDBParameters")


def test_rule_07_what_a_module_says_itself_is_read_in_each_of_its_shapes() -> None:
    result = {
        "results": [
            {"diff": {"before": {"mode": "0600", "a": 1}, "after": {"mode": "0644", "a": 1}}},
            {"diff": [{"before": "x\n", "after": "y\n", "after_header": "/etc/motd"}, {"prepared": "- a\n+ b"}]},
            {"diff": {"before": "", "after": "new", "after_header": "made"}},
            {"skipped": True},
        ]
    }
    assert differences.of_result(result) == [
        {"name": "mode", "before": "0600", "after": "0644"},
        {"name": "/etc/motd", "before": "x\n", "after": "y\n"},
        {"name": "", "prepared": "- a\n+ b"},
        {"name": "made", "after": "new"},
    ]


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"name": "Class", "before": "small", "after": "large"}, ["~ Class: small -> large"]),
        ({"name": "Days", "after": 7}, ["+ Days: 7"]),
        ({"name": "Tags.team", "before": ""}, ['- Tags.team: ""']),
        ({"name": "Zones", "before": ["a"], "after": []}, ['~ Zones: ["a"] -> []']),
        (
            {"name": "motd", "before": "a\nb\n", "after": "a\nc\n"},
            ["~ motd:", "    @@ -1,2 +1,2 @@", "     a", "    -b", "    +c"],
        ),
        ({"name": "motd", "after": "a\nb"}, ["+ motd:", "    a", "    b"]),
        ({"name": "", "prepared": "- a\n+ b"}, ["- a", "+ b"]),
    ],
)  # fmt: skip
def test_rule_07_changes_as_people_read_them(change: Change, shown: list[str]) -> None:
    assert differences.lines(change) == shown
