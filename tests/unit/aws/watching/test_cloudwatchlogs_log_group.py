"""slipway.aws.cloudwatchlogs_log_group against moto; a changed key, which moto lacks, against recorded answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.support.modules import Client, Run, first_answers, runner

NAME = "/slipway/shop/api"
ARN = f"arn:aws:logs:eu-central-1:123456789012:log-group:{NAME}"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = KEY.replace("1234abcd", "5678abcd")


@pytest.fixture
def group(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("cloudwatchlogs_log_group", capsys, log_group_name=NAME)


@pytest.fixture
def logs(in_moto: Client) -> Any:
    return in_moto("logs")


def held(logs: Any) -> dict[str, Any]:
    (found,) = logs.describe_log_groups(logGroupNamePrefix=NAME)["logGroups"]
    return {name: found.get(name) for name in ("retentionInDays", "kmsKeyId")}


def test_a_group_is_made_with_its_key_and_made_once(logs: Any, group: Run) -> None:
    wanted = {"retention": 30, "kms_key_arn": KEY, "tags": {"system": "shop"}}
    assert group(check=True, **wanted)["changed"]
    assert logs.describe_log_groups()["logGroups"] == []
    made = group(**wanted)
    assert made["changed"], made
    assert made["log_group"]["arn"].endswith(":*")
    assert made["log_group"]["tags"] == {"system": "shop"}
    assert held(logs) == {"retentionInDays": 30, "kmsKeyId": KEY}
    assert not group(**wanted)["changed"]


def test_a_group_whose_name_begins_like_it_is_another_one(logs: Any, group: Run) -> None:
    logs.create_log_group(logGroupName=f"{NAME}-v2")
    assert group(retention=30)["changed"]
    assert len(logs.describe_log_groups()["logGroups"]) == 2
    assert group(state="absent")["changed"]
    assert [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]] == [f"{NAME}-v2"]


def test_retention_and_tags_follow_the_options(logs: Any, group: Run) -> None:
    group(retention=30, tags={"system": "shop", "team": "a"})
    assert group(retention=90, tags={"system": "shop"})["log_group"]["tags"] == {"system": "shop"}
    assert held(logs)["retentionInDays"] == 90
    assert not group()["changed"]
    assert group(retention=0)["changed"]
    assert held(logs)["retentionInDays"] is None
    assert not group(retention=0)["changed"]


@pytest.mark.parametrize(
    ("before", "wanted", "operation", "sent"),
    [
        ("", KEY, "associate_kms_key", {"kmsKeyId": KEY}),
        (OTHER_KEY, KEY, "associate_kms_key", {"kmsKeyId": KEY}),
        (KEY, "", "disassociate_kms_key", {}),
    ],
    ids=["added", "replaced", "taken out"],
)
def test_the_key_of_a_group_that_is_there_is_changed(
    before: str, wanted: str, operation: str, sent: dict[str, str], group: Run,
    recorded: Callable[[str], Stubber],
) -> None:  # fmt: skip
    def told(key: str) -> dict[str, Any]:
        return {"logGroups": [{"logGroupName": NAME, "arn": f"{ARN}:*", **({"kmsKeyId": key} if key else {})}]}

    logs = recorded("logs")
    for key in (before, wanted):
        logs.add_response("describe_log_groups", told(key), {"logGroupNamePrefix": NAME})
        logs.add_response("list_tags_for_resource", {"tags": {}}, {"resourceArn": ARN})
        if key == before:
            logs.add_response(operation, {}, {"logGroupName": NAME, **sent})
    changed = group(kms_key_arn=wanted)
    assert changed["changed"], changed
    assert changed["log_group"].get("kms_key_id", "") == wanted
    logs.assert_no_pending_responses()


@pytest.mark.parametrize(("held_key", "option"), [(KEY, {"kms_key_arn": KEY}), ("", {"kms_key_arn": ""}), (KEY, {})])
def test_a_key_that_is_as_asked_or_not_asked_about_stays(
    held_key: str, option: dict[str, str], group: Run, recorded: Callable[[str], Stubber]
) -> None:
    logs = recorded("logs")
    group_of_aws = {"logGroupName": NAME, "arn": f"{ARN}:*", **({"kmsKeyId": held_key} if held_key else {})}
    logs.add_response("describe_log_groups", {"logGroups": [group_of_aws]})
    logs.add_response("list_tags_for_resource", {"tags": {}})
    assert not group(**option)["changed"]


def test_a_key_that_logs_does_not_see_yet_is_waited_for(logs: Any, group: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told = f"InvalidParameterException: The specified KMS key does not exist or is not allowed to be used with '{ARN}'"
    first_answers(monkeypatch, CreateLogGroup=[told, told])
    assert group(kms_key_arn=KEY)["changed"]
    assert held(logs)["kmsKeyId"] == KEY


def test_what_else_is_wrong_is_told_at_once(group: Run, in_moto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first_answers(monkeypatch, CreateLogGroup=["InvalidParameterException: no such name"] * 2)
    told = group(kms_key_arn=KEY)
    assert told["failed"]
    assert "no such name" in told["msg"]
