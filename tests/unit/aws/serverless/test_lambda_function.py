"""slipway.aws.lambda_function and slipway.aws.lambda_alias against MiniStack, which runs the functions."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest

from ansible_collections.slipway.aws.plugins.modules import lambda_alias
from tests.support.modules import Run, runner

NAME = "shop-api"
BUCKET = "shop-code"
ROLE = "arn:aws:iam::123456789012:role/shop-api"
GOOD = "def handler(event, context):\n    return {'commit': %r}\n"
BAD = "def handler(event, context):\n    print('the table is missing')\n    raise RuntimeError('no table')\n"


class Shop:
    """An account with a bucket of packages, and the two modules."""

    def __init__(self, session: Any, capsys: pytest.CaptureFixture[str]) -> None:
        self.functions = session.client("lambda")
        self.s3 = session.client("s3")
        self.cloudwatch = session.client("cloudwatch")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self._function: Run = runner("lambda_function", capsys, name=NAME, runtime="python3.11", handler="shop.handler",
                                     role=ROLE)  # fmt: skip
        self._alias: Run = runner("lambda_alias", capsys, function_name=NAME, name="live", health_interval=0.1)

    def package(self, source: str) -> dict[str, str]:
        """Upload a package; its place and digest."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo("shop.py"), source)
        digest = hashlib.sha256(packed.getvalue()).hexdigest()
        self.s3.put_object(Bucket=BUCKET, Key=f"{digest}.zip", Body=packed.getvalue())
        return {"bucket": BUCKET, "key": f"{digest}.zip", "sha256": digest}

    def function(self, code: dict[str, str], **options: Any) -> dict[str, Any]:
        """Run the module."""
        return self._function(code=code, **options)

    def publish(self, source: str, **options: Any) -> str:
        """The version of a source."""
        return str(self.function(self.package(source), **options)["function"]["published_version"])

    def shift(self, version: str, **options: Any) -> dict[str, Any]:
        """Run the module of the alias, with a health event."""
        return self._alias(version=version, health_event={"slipway": "health"}, **options)

    def alias(self) -> dict[str, Any]:
        """What serves."""
        found: dict[str, Any] = self.functions.get_alias(FunctionName=NAME, Name="live")
        return found

    def versions(self) -> list[str]:
        """The published ones."""
        listed = self.functions.list_versions_by_function(FunctionName=NAME)["Versions"]
        return [version["Version"] for version in listed if version["Version"] != "$LATEST"]


@pytest.fixture
def shop(account: boto3.session.Session, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(account, capsys)


OPTIONS: dict[str, Any] = {"memory_size": 256, "timeout": 5, "environment": {"SHOP": "one"}, "reserved_concurrency": 3,
                           "dead_letter_arn": "", "vpc_subnet_ids": [], "layers": [], "kms_key_arn": "",
                           "tags": {"system": "shop"}}  # fmt: skip


def test_makes_a_function_and_a_version_of_it(shop: Shop) -> None:
    made = shop.function(shop.package(GOOD % "abc"), version_description="release 1", **OPTIONS)["function"]
    held = shop.functions.get_function(FunctionName=NAME)
    assert held["Configuration"]["MemorySize"] == 256
    assert held["Configuration"]["Environment"]["Variables"] == {"SHOP": "one"}
    assert held["Concurrency"]["ReservedConcurrentExecutions"] == 3
    assert made["published_version"] == "1"
    assert made["function_arn"].endswith(f":function:{NAME}")
    assert made["tags"] == {"system": "shop"}
    assert shop.functions.get_function(FunctionName=NAME, Qualifier="1")["Configuration"]["Description"] == "release 1"


def test_a_second_run_changes_nothing(shop: Shop) -> None:
    code = shop.package(GOOD % "abc")
    assert shop.function(code, **OPTIONS)["changed"] is True
    assert shop.function(code, **OPTIONS)["changed"] is False


@pytest.mark.parametrize(
    "change", [{"memory_size": 512}, {"timeout": 9}, {"environment": {}}, {"tracing_mode": "Active"}]
)
def test_another_setting_makes_a_new_version(shop: Shop, change: dict[str, Any]) -> None:
    code = shop.package(GOOD % "abc")
    shop.function(code, **OPTIONS)
    changed = shop.function(code, **{**OPTIONS, **change})
    assert changed["function"]["published_version"] == "2"
    assert shop.function(code, **{**OPTIONS, **change})["changed"] is False


def test_concurrency_and_tags_make_none(shop: Shop) -> None:
    code = shop.package(GOOD % "abc")
    shop.function(code, **OPTIONS)
    changed = shop.function(code, **{**OPTIONS, "reserved_concurrency": -1, "tags": {"system": "other"}})
    assert changed["changed"] is True
    assert shop.versions() == ["1"]
    assert "Concurrency" not in shop.functions.get_function(FunctionName=NAME)
    assert shop.functions.list_tags(Resource=changed["function"]["function_arn"])["Tags"] == {"system": "other"}


def test_an_earlier_release_finds_its_version_again(shop: Shop) -> None:
    first, second = shop.package(GOOD % "abc"), shop.package(GOOD % "def")
    shop.function(first)
    shop.function(second)
    back = shop.function(first)
    assert back["function"]["published_version"] == "1"
    assert shop.versions() == ["1", "2"]


def test_what_was_changed_by_hand_is_put_right_without_a_new_version(shop: Shop) -> None:
    code = shop.package(GOOD % "abc")
    shop.function(code, **OPTIONS)
    shop.functions.update_function_configuration(FunctionName=NAME, Environment={"Variables": {"SHOP": "1", "B": "2"}})
    assert shop.function(code, **OPTIONS)["changed"] is True
    assert shop.functions.get_function(FunctionName=NAME)["Configuration"]["Environment"]["Variables"] == {
        "SHOP": "one"
    }
    assert shop.versions() == ["1"]


def test_old_versions_go_but_not_what_an_alias_names(shop: Shop) -> None:
    shop.shift(shop.publish(GOOD % "a"))
    for letter in "bcd":
        shop.publish(GOOD % letter, keep_versions=2)
    assert shop.versions() == ["1", "3", "4"]


def test_a_function_is_deleted_once(shop: Shop) -> None:
    shop.publish(GOOD % "abc")
    absent = shop._function
    assert absent(state="absent")["changed"] is True
    assert absent(state="absent")["changed"] is False


def test_check_mode_makes_nothing(shop: Shop) -> None:
    assert shop._function(check=True, code=shop.package(GOOD % "abc"))["changed"] is True
    assert shop.functions.list_functions()["Functions"] == []


def test_alias_a_healthy_version_gets_all_users(shop: Shop) -> None:
    made = shop.shift(shop.publish(GOOD % "abc"), health_answer={"commit": "abc"})
    assert made["alias"]["function_version"] == "1"
    again = shop.shift("1", health_answer={"commit": "abc"})
    assert again["changed"] is False


def test_alias_a_version_that_fails_never_gets_a_user_and_shows_its_log(shop: Shop) -> None:
    shop.shift(shop.publish(GOOD % "abc"))
    refused = shop.shift(shop.publish(BAD))
    assert refused["failed"] is True
    assert "the table is missing" in refused["msg"]
    assert "Version 1 is still in service" in refused["msg"]
    assert shop.alias()["FunctionVersion"] == "1"


def test_alias_the_first_version_has_to_be_healthy_too(shop: Shop) -> None:
    refused = shop.shift(shop.publish(BAD))
    assert "Nothing is in service" in refused["msg"]
    assert shop.functions.list_aliases(FunctionName=NAME)["Aliases"] == []


def test_alias_the_answer_must_be_of_the_release(shop: Shop) -> None:
    refused = shop.shift(shop.publish(GOOD % "abc"), health_answer={"commit": "def"})
    assert '{"commit": "def"}' in refused["msg"]


def test_alias_an_answer_for_api_gateway_is_looked_into(shop: Shop) -> None:
    wrapped = "def handler(e, c):\n    return {'statusCode': 200, 'body': '{\"commit\": \"abc\"}'}\n"
    assert shop.shift(shop.publish(wrapped), health_answer={"commit": "abc"})["changed"] is True
    down = "def handler(e, c):\n    return {'statusCode': 503, 'body': ''}\n"
    assert "answered with status 503" in shop.shift(shop.publish(down))["msg"]


@pytest.mark.parametrize(
    ("options", "shares"),
    [
        ({"strategy": "canary", "percent": 5}, [{"2": 0.05}]),
        ({"strategy": "linear", "percent": 30}, [{"2": 0.3}, {"2": 0.6}, {"2": 0.9}]),
        ({"strategy": "all_at_once"}, []),
    ],
)
def test_alias_traffic_is_shifted_in_steps(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], shares: list[dict[str, float]]
) -> None:
    shop.shift(shop.publish(GOOD % "abc"))
    seen: list[dict[str, float]] = []
    check = lambda_alias.Alias._check_health

    def watch(self: lambda_alias.Alias) -> None:
        weights = shop.alias().get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        if weights and weights not in seen:
            seen.append(weights)
        check(self)

    monkeypatch.setattr(lambda_alias.Alias, "_check_health", watch)
    shop.shift(shop.publish(GOOD % "def"), interval=0, **options)
    assert seen == shares
    assert shop.alias()["FunctionVersion"] == "2"
    assert "RoutingConfig" not in shop.alias()


def test_alias_no_traffic_is_shared_by_versions_that_aws_would_not_let_share_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.shift(shop.publish(GOOD % "abc"))
    version = shop.publish(GOOD % "def", role=f"{ROLE}-other")
    shared: list[Any] = []
    point = lambda_alias.Alias._point_to

    def noted(self: lambda_alias.Alias, *told: Any) -> None:
        shared.append(told)
        point(self, *told)

    monkeypatch.setattr(lambda_alias.Alias, "_point_to", noted)
    shifted = shop.shift(version, strategy="canary", percent=5, interval=0)
    assert shared == [("2",)]
    assert "versions 1 and 2 of shop-api differ in Role" in str(shifted["warnings"])
    assert shop.alias()["FunctionVersion"] == "2"


# Healthy when it is rehearsed, and no more once it has users.
FAILS_LATER = """
import pathlib
def handler(event, context):
    marker = pathlib.Path("{marker}")
    if marker.exists():
        print("out of luck")
        raise RuntimeError("later")
    marker.write_text("")
    return {{}}
"""


def test_alias_goes_back_when_the_version_fails_in_service(shop: Shop, tmp_path: Path) -> None:
    marker = tmp_path / "rehearsed"
    shop.shift(shop.publish(GOOD % "abc"))
    refused = shop.shift(shop.publish(FAILS_LATER.format(marker=marker)), strategy="canary", interval=1)
    assert "out of luck" in refused["msg"]
    assert shop.alias()["FunctionVersion"] == "1"
    assert "RoutingConfig" not in shop.alias()


def ring(shop: Shop, name: str) -> None:
    """Make an alarm ring."""
    shop.cloudwatch.put_metric_alarm(
        AlarmName=name, MetricName="Errors", Namespace="AWS/Lambda", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    shop.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")


def test_alias_an_alarm_that_begins_to_ring_takes_the_version_back(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.shift(shop.publish(GOOD % "abc"))
    point_to = lambda_alias.Alias._point_to

    def ringing(self: lambda_alias.Alias, *arguments: Any) -> None:
        point_to(self, *arguments)
        ring(shop, "shop-errors")

    monkeypatch.setattr(lambda_alias.Alias, "_point_to", ringing)
    refused = shop.shift(shop.publish(GOOD % "def"), alarms=["shop-errors"])
    assert "set off the alarms ['shop-errors']" in refused["msg"]
    assert shop.alias()["FunctionVersion"] == "1"


def test_alias_an_alarm_that_rings_already_does_not_keep_the_repair_away(shop: Shop) -> None:
    shop.shift(shop.publish(GOOD % "abc"))
    ring(shop, "shop-errors")
    assert shop.shift(shop.publish(GOOD % "def"), alarms=["shop-errors"])["alias"]["function_version"] == "2"


def test_alias_a_shift_that_was_broken_off_is_taken_up_or_taken_back(shop: Shop) -> None:
    shop.shift(shop.publish(GOOD % "abc"))
    shop.publish(GOOD % "def")
    half = {"AdditionalVersionWeights": {"2": 0.5}}
    shop.functions.update_alias(FunctionName=NAME, Name="live", FunctionVersion="1", RoutingConfig=half)
    assert shop.shift("1")["changed"] is True
    assert "RoutingConfig" not in shop.alias()
    shop.functions.update_alias(FunctionName=NAME, Name="live", FunctionVersion="1", RoutingConfig=half)
    shop.shift("2")
    assert (shop.alias()["FunctionVersion"], shop.alias().get("RoutingConfig")) == ("2", None)


# Has to be asked twice.
MIGRATES = """
import pathlib
def handler(event, context):
    if event["slipway"] == "health":
        return {{}}
    marker = pathlib.Path("{marker}")
    asked = len(marker.read_text()) if marker.exists() else 0
    marker.write_text("x" * (asked + 1))
    return {{"done": asked > 0}}
"""


def test_alias_a_version_migrates_before_it_is_rehearsed_until_it_is_done(shop: Shop, tmp_path: Path) -> None:
    marker = tmp_path / "asked"
    shop.shift(shop.publish(MIGRATES.format(marker=marker)), migration_event={"slipway": "migrate"})
    assert marker.read_text() == "xx"


def test_alias_a_migration_that_fails_keeps_the_version_away(shop: Shop) -> None:
    shop.shift(shop.publish(GOOD % "abc"))
    refused = shop.shift(shop.publish(BAD), migration_event={"slipway": "migrate"})
    assert "called for its migration" in refused["msg"]
    assert shop.alias()["FunctionVersion"] == "1"


def test_alias_check_mode_shifts_nothing(shop: Shop) -> None:
    shop.publish(GOOD % "abc")
    assert shop._alias(check=True, version="1", health_event={})["changed"] is True
    assert json.dumps(shop.functions.list_aliases(FunctionName=NAME)["Aliases"]) == "[]"
