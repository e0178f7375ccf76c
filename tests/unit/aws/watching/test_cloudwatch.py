"""slipway.aws.cloudwatch_alarm, cloudwatch_dashboard and iam_oidc_provider against moto."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ansible_collections.slipway.aws.plugins.modules import iam_oidc_provider
from tests.support.modules import REGION, Client, Run, runner

TOPIC = "arn:aws:sns:eu-central-1:123456789012:shop"
ALARM: dict[str, Any] = {
    "name": "shop-errors",
    "description": "It failed.",
    "namespace": "AWS/Lambda",
    "metric_name": "Errors",
    "dimensions": {"FunctionName": "shop"},
    "statistic": "Sum",
    "period": 60,
    "threshold": 1.0,
    "alarm_actions": [TOPIC],
    "tags": {"system": "shop"},
}
RATE: dict[str, Any] = {
    "name": "shop-rate",
    "threshold": 1.0,
    "metrics": [
        {"Id": "rate", "Expression": "100 * errors", "ReturnData": True},
        {"Id": "errors", "ReturnData": False, "MetricStat": {
            "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": []}, "Period": 60,
            "Stat": "Sum"}},
    ],
}  # fmt: skip
BODY = {"widgets": [{"type": "text", "x": 0, "y": 0, "width": 3, "height": 3, "properties": {"markdown": "Hello"}}]}
URL = "https://token.actions.githubusercontent.com"


@pytest.fixture(autouse=True)
def account(in_moto: Client) -> None:
    """Every test has one."""


@pytest.fixture
def cloudwatch() -> Any:
    return boto3.client("cloudwatch", region_name=REGION)


@pytest.fixture
def iam() -> Any:
    return boto3.client("iam", region_name=REGION)


@pytest.fixture
def alarm(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("cloudwatch_alarm", capsys)


@pytest.fixture
def dashboard(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("cloudwatch_dashboard", capsys, name="shop")


@pytest.fixture
def provider(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("iam_oidc_provider", capsys, url=URL)


def held(cloudwatch: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    return found


def test_alarm_looks_at_a_metric_and_tells_a_topic(cloudwatch: Any, alarm: Run) -> None:
    made = alarm(**ALARM)["alarm"]
    found = held(cloudwatch, "shop-errors")
    assert found["Dimensions"] == [{"Name": "FunctionName", "Value": "shop"}]
    assert found["AlarmActions"] == [TOPIC]
    assert found["TreatMissingData"] == "notBreaching"
    assert made["tags"] == {"system": "shop"}
    assert alarm(**ALARM)["changed"] is False


def test_alarm_on_a_percentile(cloudwatch: Any, alarm: Run) -> None:
    slow = {**ALARM, "statistic": "p99"}
    alarm(**slow)
    assert held(cloudwatch, "shop-errors")["ExtendedStatistic"] == "p99"
    assert alarm(**slow)["changed"] is False


def test_alarm_on_an_expression_settles(alarm: Run) -> None:
    assert alarm(**RATE)["changed"] is True
    assert alarm(**RATE)["changed"] is False


@pytest.mark.parametrize(
    "change", [{"threshold": 5.0}, {"period": 300}, {"alarm_actions": []}, {"dimensions": {"FunctionName": "other"}}]
)
def test_alarm_is_put_right(alarm: Run, change: dict[str, Any]) -> None:
    alarm(**{**ALARM, **change})
    assert alarm(**ALARM)["changed"] is True
    assert alarm(**ALARM)["changed"] is False


def test_alarm_that_was_silenced_speaks_again(cloudwatch: Any, alarm: Run) -> None:
    alarm(**ALARM)
    cloudwatch.disable_alarm_actions(AlarmNames=["shop-errors"])
    assert alarm(**ALARM)["changed"] is True
    assert held(cloudwatch, "shop-errors")["ActionsEnabled"] is True


def test_alarm_keeps_its_tags_when_it_changes(cloudwatch: Any, alarm: Run) -> None:
    alarm(**ALARM)
    alarm(**{**ALARM, "threshold": 5.0})
    arn = held(cloudwatch, "shop-errors")["AlarmArn"]
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "system", "Value": "shop"}]


def test_alarm_goes_once(alarm: Run) -> None:
    alarm(**ALARM)
    assert alarm(name="shop-errors", state="absent")["changed"] is True
    assert alarm(name="shop-errors", state="absent")["changed"] is False


def test_alarm_check_mode_makes_nothing(cloudwatch: Any, alarm: Run) -> None:
    assert alarm(check=True, **ALARM)["changed"] is True
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_dashboard_is_made_and_settles(cloudwatch: Any, dashboard: Run) -> None:
    assert dashboard(body=BODY)["changed"] is True
    assert json.loads(cloudwatch.get_dashboard(DashboardName="shop")["DashboardBody"]) == BODY
    assert dashboard(body=BODY)["changed"] is False


def test_dashboard_loses_a_widget_that_somebody_added(cloudwatch: Any, dashboard: Run) -> None:
    dashboard(body=BODY)
    more = {"widgets": [*BODY["widgets"], BODY["widgets"][0]]}
    cloudwatch.put_dashboard(DashboardName="shop", DashboardBody=json.dumps(more))
    assert dashboard(body=BODY)["changed"] is True
    assert json.loads(cloudwatch.get_dashboard(DashboardName="shop")["DashboardBody"]) == BODY


def test_dashboard_goes_once(dashboard: Run) -> None:
    dashboard(body=BODY)
    assert dashboard(state="absent")["changed"] is True
    assert dashboard(state="absent")["changed"] is False


OPTIONS: dict[str, Any] = {"client_ids": ["sts.amazonaws.com"], "tags": {"managed_by": "slipway"}}


def trusted(iam: Any) -> list[dict[str, Any]]:
    arns = [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    return [iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn) for arn in arns]


def test_provider_is_trusted_for_an_audience(iam: Any, provider: Run) -> None:
    made = provider(**OPTIONS)["provider"]
    assert made["arn"].endswith(":oidc-provider/token.actions.githubusercontent.com")
    assert trusted(iam)[0]["ClientIDList"] == ["sts.amazonaws.com"]
    assert provider(**OPTIONS)["changed"] is False


def test_audiences_of_others_stay(iam: Any, provider: Run) -> None:
    provider(**{**OPTIONS, "client_ids": ["sts.amazonaws.com", "theirs"]})
    assert provider(**OPTIONS)["changed"] is False
    assert sorted(trusted(iam)[0]["ClientIDList"]) == ["sts.amazonaws.com", "theirs"]
    assert provider(check=True, **OPTIONS, purge_client_ids=True)["changed"] is True


def test_provider_loses_an_audience_that_somebody_added_if_they_are_purged() -> None:
    """By the calls: neither emulator knows them."""
    resource = iam_oidc_provider.Provider.__new__(iam_oidc_provider.Provider)
    resource.params = {"purge_client_ids": True}
    resource.client = boto3.client("iam", region_name=REGION)
    arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    with Stubber(resource.client) as stub:
        for operation, audience in (("add", "mine"), ("remove", "theirs")):
            preposition = "to" if operation == "add" else "from"
            expected = {"OpenIDConnectProviderArn": arn, "ClientID": audience}
            stub.add_response(f"{operation}_client_id_{preposition}_open_id_connect_provider", {}, expected)
        current = {"Arn": arn, "ClientIDList": ["sts.amazonaws.com", "theirs"]}
        resource.update(current, {"ClientIDList": ["sts.amazonaws.com", "mine"]})
        stub.assert_no_pending_responses()


def test_provider_takes_other_thumbprints_and_tags(iam: Any, provider: Run) -> None:
    provider(**OPTIONS)
    other = {**OPTIONS, "thumbprints": ["a" * 40], "tags": {"managed_by": "me"}}
    assert provider(**other)["changed"] is True
    assert trusted(iam)[0]["ThumbprintList"] == ["a" * 40]
    assert trusted(iam)[0]["Tags"] == [{"Key": "managed_by", "Value": "me"}]
    assert provider(**other)["changed"] is False


def test_provider_goes_once(iam: Any, provider: Run) -> None:
    provider(**OPTIONS)
    assert provider(state="absent")["changed"] is True
    assert trusted(iam) == []
    assert provider(state="absent")["changed"] is False
