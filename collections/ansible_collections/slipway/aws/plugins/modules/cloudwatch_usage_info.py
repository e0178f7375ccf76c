#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Measure how much some resources were used."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_usage_info
version_added: 0.1.0
short_description: Measure how much resources were used
description:
  - Sums a metric of CloudWatch for each resource whose metrics show whether anyone uses it - NAT gateways, Application
    Load Balancers, databases, functions, tables, file systems and log groups. Other resources are left out.
  - Upstream has no module that reads metrics.
author:
  - Slipway contributors (@slipway)
options:
  resources:
    description: The resources, as M(slipway.graph.tagged_resources_info) returns them; only C(type), C(id) and C(arn)
      are used.
    type: list
    elements: dict
    required: true
  days:
    description: How far to look back; 1 to 455, because CloudWatch keeps metrics that long.
    type: int
    default: 30
extends_documentation_fragment:
  - slipway.aws.check_mode.reads
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Measure what the system's resources did in a month
  slipway.aws.cloudwatch_usage_info:
    resources: "{{ tagged.resources }}"
"""

RETURN = r"""
usage:
  description: One entry for each resource and metric, in the order of O(resources).
  returned: always
  type: list
  elements: dict
  contains:
    type:
      description: The resource's type.
      type: str
      sample: lambda:function
    id:
      description: The resource's ID.
      type: str
      sample: shop-prod-api
    metric:
      description: The metric that was summed.
      type: str
      sample: Invocations
    total:
      description: The sum; 0 where CloudWatch has no value.
      type: float
      sample: 81230.0
days:
  description: How far it looked back.
  returned: always
  type: int
  sample: 30
"""

import datetime
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import connect, finish

DAY_SECONDS = 86_400
KEPT_DAYS = 455
# The most queries that one call of GetMetricData takes.
MOST_QUERIES = 500


class Metric(NamedTuple):
    """A metric that is there whenever somebody uses the resource."""

    namespace: str
    dimension: str
    name: str


METRICS = {
    "ec2:natgateway": [Metric("AWS/NATGateway", "NatGatewayId", "BytesOutToDestination")],
    "elasticloadbalancing:loadbalancer": [Metric("AWS/ApplicationELB", "LoadBalancer", "RequestCount")],
    "rds:db": [Metric("AWS/RDS", "DBInstanceIdentifier", "DatabaseConnections")],
    "lambda:function": [Metric("AWS/Lambda", "FunctionName", "Invocations")],
    "dynamodb:table": [
        Metric("AWS/DynamoDB", "TableName", "ConsumedReadCapacityUnits"),
        Metric("AWS/DynamoDB", "TableName", "ConsumedWriteCapacityUnits"),
    ],
    "elasticfilesystem:file-system": [Metric("AWS/EFS", "FileSystemId", "ClientConnections")],
    "logs:log-group": [Metric("AWS/Logs", "LogGroupName", "IncomingBytes")],
}


def queries(resources: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Metric]]:
    """Each resource with each metric that tells of its use."""
    for resource in resources:
        for metric in METRICS.get(resource["type"], []):
            yield resource, metric


def dimension_of(resource: dict[str, Any]) -> str:
    """How CloudWatch calls a resource: by its id, but a load balancer by the end of its ARN."""
    if resource["type"] == "elasticloadbalancing:loadbalancer":
        return str(resource["arn"]).partition(":loadbalancer/")[2]
    return str(resource["id"])


def query_of(number: int, resource: dict[str, Any], metric: Metric) -> dict[str, Any]:
    """One query of GetMetricData."""
    dimensions = [{"Name": metric.dimension, "Value": dimension_of(resource)}]
    named = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
    return {"Id": f"q{number}", "MetricStat": {"Metric": named, "Period": DAY_SECONDS, "Stat": "Sum"}}


def totals(client: Any, asked: list[dict[str, Any]], days: int) -> dict[str, float]:
    """The sum of each query's values."""
    end = datetime.datetime.now(datetime.UTC)
    start = end - datetime.timedelta(days=days)
    found: dict[str, float] = {}
    for first in range(0, len(asked), MOST_QUERIES):
        pages = client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=asked[first : first + MOST_QUERIES], StartTime=start, EndTime=end
        )
        for result in itertools.chain.from_iterable(page["MetricDataResults"] for page in pages):
            found[result["Id"]] = found.get(result["Id"], 0.0) + sum(result["Values"])
    return found


def measured(client: Any, resources: list[dict[str, Any]], days: int) -> list[dict[str, Any]]:
    """What became of each resource's metrics."""
    asked = list(queries(resources))
    found = totals(client, [query_of(number, *each) for number, each in enumerate(asked)], days)
    return [
        {"type": resource["type"], "id": resource["id"], "metric": metric.name, "total": found.get(f"q{number}", 0.0)}
        for number, (resource, metric) in enumerate(asked)
    ]


def main() -> None:
    """Measure."""
    module = AnsibleAWSModule(
        argument_spec={
            "resources": {"type": "list", "elements": "dict", "required": True},
            "days": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    days = module.params["days"]
    if not 1 <= days <= KEPT_DAYS:
        module.fail_json(msg=f"days is {days}; allowed: 1 to {KEPT_DAYS}, because CloudWatch keeps metrics that long")
    resources = module.params["resources"]
    finish(
        module,
        lambda: {"changed": False, "usage": measured(connect(module, "cloudwatch"), resources, days), "days": days},
        "Could not read the metrics",
    )


if __name__ == "__main__":
    main()
