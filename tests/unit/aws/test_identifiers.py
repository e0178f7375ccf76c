"""What is taken for an ARN, a schedule, and the name of a variable."""

from __future__ import annotations

import pytest

from ansible_collections.slipway.aws.plugins.test.identifiers import arn, schedule, variable_names

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"


@pytest.mark.parametrize(
    ("value", "service", "region", "expected"),
    [
        (KEY, "kms", "eu-central-1", True), (KEY, "kms", "", True), (KEY, "acm", "eu-central-1", False),
        (KEY, "kms", "us-east-1", False), (KEY.replace("aws:", "aws-cn:", 1), "kms", "eu-central-1", False),
        ("arn:aws-cn:kms:cn-north-1:123456789012:key/1", "kms", "cn-north-1", True),
        ("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1", "kms", "us-gov-west-1", True),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", "iam", "eu-central-1", True),
        ("alias/data", "kms", "", False), ("", "kms", "", False), (None, "kms", "", False), (5, "kms", "", False),
        ("arn:aws:kms:eu-central-1:12345:key/1", "kms", "", False), (KEY + " ", "kms", "", False),
    ],
)  # fmt: skip
def test_an_arn_is_of_its_service_region_and_partition(
    value: object, service: str, region: str, expected: bool
) -> None:
    assert arn(value, service, region) is expected


def test_an_empty_arn_is_right_where_that_means_something() -> None:
    assert arn("", "kms", or_empty=True)


@pytest.mark.parametrize(
    "good",
    [
        "cron(0 1 * * ? *)", "cron(0/15 8-17 ? * MON-FRI *)", "cron(0 10 L * ? 2030)", "cron(5 4 ? JAN,JUL 2#1 *)",
        "rate(12 hours)", "rate(1 day)", "rate(5 minutes)",
    ],
)  # fmt: skip
def test_schedules_of_aws_are_taken(good: str) -> None:
    assert schedule(good)


@pytest.mark.parametrize(
    "bad",
    [
        "cron(0 1 * * *)", "cron(0 1 * * * *)", "cron(0 1 ? * ? *)", "cron(60 1 * * ? *)", "cron(0 24 * * ? *)",
        "cron(0 1 32 * ? *)", "cron(0 1 * 13 ? *)", "cron(0 1 ? * 8 *)", "cron(0 1 * * ? 1900)", "cron(0/0 1 * * ? *)",
        "cron(x 1 * * ? *)", "cron(1-2-3 1 * * ? *)", "rate(0 hours)", "rate(1 hours)", "rate(2 hour)", "rate(5 weeks)",
        "daily", "", "0 1 * * *",
    ],
)  # fmt: skip
def test_what_aws_would_refuse_as_a_schedule_is_none(bad: str) -> None:
    assert not schedule(bad)


def test_names_of_variables_have_no_blanks_and_begin_with_no_digit() -> None:
    assert variable_names({"DB_HOST": 1, "_x": 2})
    assert variable_names({"DB_HOST": 1}, of_lambda=True)
    assert not any(variable_names({name: 1}, of_lambda=True) for name in ("AWS_REGION", "_HANDLER", "A", "1A", "A-B"))
    assert not any(map(variable_names, ({"DB HOST": 1}, {"1A": 1}, {"A-B": 1}, {"": 1}, "A", None)))
