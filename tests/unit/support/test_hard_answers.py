"""Through the hard proxy answers are in AWS's words and spelling."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.support.hard.behaviour import choose
from tests.support.hard.families import BEHAVIOURS
from tests.unit.support.conftest import Refused, Start


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code", "message"),
    [
        ("secretsmanager", "describe_secret", {"SecretId": "shop"}, "ResourceNotFoundException",
         "Secrets Manager can't find the specified secret."),
        ("kms", "describe_key", {"KeyId": "alias/shop"}, "NotFoundException",
         "Alias arn:aws:kms:eu-central-1:123456789012:alias/shop is not found."),
        ("iam", "get_role", {"RoleName": "shop"}, "NoSuchEntity", "The role with name shop cannot be found."),
        ("dynamodb", "describe_table", {"TableName": "shop"}, "ResourceNotFoundException",
         "Requested resource not found: Table: shop not found"),
        ("s3", "get_bucket_policy", {"Bucket": "shop"}, "NoSuchBucket", "The specified bucket does not exist"),
        ("lambda", "get_function", {"FunctionName": "shop"}, "ResourceNotFoundException",
         "Function not found: arn:aws:lambda:eu-central-1:123456789012:function:shop"),
        ("apigateway", "get_rest_api", {"restApiId": "abc"}, "NotFoundException",
         "Invalid API identifier specified 123456789012:abc"),
        ("ecr", "describe_repositories", {"repositoryNames": ["shop"]}, "RepositoryNotFoundException",
         "The repository with name 'shop' does not exist in the registry with id '123456789012'"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told_as_aws_tells_it(
    start: Start, refused: Refused, service: str, operation: str, parameters: dict[str, t.Any], code: str, message: str
) -> None:
    client = start("own-words").client(service)
    assert refused(getattr(client, operation), **parameters) == (code, message)


def test_a_policy_comes_back_in_other_words(start: Start) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["kms:*"], "Resource": ["*"]}],
    }
    kms = start("own-spelling").client("kms")
    key = kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["KeyId"]
    held = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    assert held["Statement"] == [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}]


def test_a_task_definition_is_filled_in(start: Start) -> None:
    ecs = start("own-spelling").client("ecs")
    container = {"name": "app", "image": "app", "memory": 512, "portMappings": [{"containerPort": 80}]}
    ecs.register_task_definition(family="shop", containerDefinitions=[container])
    found = ecs.describe_task_definition(taskDefinition="shop")["taskDefinition"]["containerDefinitions"][0]
    assert (found["cpu"], found["environment"], found["portMappings"][0]["protocol"]) == (0, [], "tcp")


def test_every_behaviour_has_a_name_and_a_source() -> None:
    assert len({each.name for each in BEHAVIOURS}) == len(BEHAVIOURS)
    assert all(each.source for each in BEHAVIOURS)


def test_behaviours_are_switched_by_their_names() -> None:
    everything = list(BEHAVIOURS)
    assert choose("all", BEHAVIOURS) == everything
    assert [each.name for each in choose("throttling, busy-tags", BEHAVIOURS)] == ["throttling", "busy-tags"]
    assert choose("all,-busy", BEHAVIOURS) == [each for each in everything if each.name != "busy"]
    assert choose("-busy", BEHAVIOURS) == choose("all,-busy", BEHAVIOURS)
