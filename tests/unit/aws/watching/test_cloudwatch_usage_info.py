"""slipway.aws.cloudwatch_usage_info against moto."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from tests.support.modules import Client, Run, runner

BALANCER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop-alb/50dc6c495c0c9188"
RESOURCES = [
    {"type": "lambda:function", "id": "shop-api", "arn": "arn:aws:lambda:eu-central-1:123456789012:function:shop-api"},
    {"type": "ec2:vpc", "id": "vpc-1", "arn": "arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-1"},
    {"type": "elasticloadbalancing:loadbalancer", "id": "shop-alb", "arn": BALANCER},
    {
        "type": "dynamodb:table",
        "id": "items",
        "arn": "arn:aws:dynamodb:eu-central-1:123456789012:table/items",
    },
]


@pytest.fixture
def client(in_moto: Client) -> Any:
    return in_moto("cloudwatch")


@pytest.fixture
def run(client: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("cloudwatch_usage_info", capsys)


def put(client: Any, namespace: str, metric: str, dimension: tuple[str, str], value: float, days_ago: int) -> None:
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days_ago, minutes=5)
    client.put_metric_data(
        Namespace=namespace,
        MetricData=[{
            "MetricName": metric, "Dimensions": [{"Name": dimension[0], "Value": dimension[1]}], "Value": value,
            "Timestamp": moment,
        }],
    )  # fmt: skip


def test_sums_the_use_of_each_resource_whose_metrics_tell_of_it(client: Any, run: Run) -> None:
    for days_ago in (1, 2, 60):
        put(client, "AWS/Lambda", "Invocations", ("FunctionName", "shop-api"), 100, days_ago)
    put(client, "AWS/ApplicationELB", "RequestCount", ("LoadBalancer", "app/shop-alb/50dc6c495c0c9188"), 7, 3)
    measured = run(resources=RESOURCES)
    assert not measured["changed"]
    assert [(each["id"], each["metric"], each["total"]) for each in measured["usage"]] == [
        ("shop-api", "Invocations", 200.0),
        ("shop-alb", "RequestCount", 7.0),
        ("items", "ConsumedReadCapacityUnits", 0.0),
        ("items", "ConsumedWriteCapacityUnits", 0.0),
    ]


def test_nothing_to_measure_is_no_question(run: Run) -> None:
    assert run(resources=[RESOURCES[1]])["usage"] == []


def test_cloudwatch_does_not_keep_more_than_455_days(run: Run) -> None:
    assert "days is 500; allowed: 1 to 455" in run(resources=RESOURCES, days=500)["msg"]
