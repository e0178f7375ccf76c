#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a CloudWatch alarm."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_alarm
version_added: 0.1.0
short_description: Manage a CloudWatch alarm
description:
  - Creates, updates and deletes an alarm on a metric, or on an expression over several metrics, with its tags.
  - M(amazon.aws.cloudwatch_metric_alarm) does not support tags, reports a change for an alarm on an expression on every
    run, and does not re-enable an alarm's actions.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the alarm.
    type: str
    required: true
  description:
    description: What it means when the alarm fires, and what to do.
    type: str
  namespace:
    description: Namespace of the metric.
    type: str
  metric_name:
    description: Name of the metric.
    type: str
  dimensions:
    description: Dimensions of the metric.
    type: dict
  statistic:
    description: SampleCount, Average, Sum, Minimum, Maximum, or a percentile such as V(p99).
    type: str
  period:
    description: Length of a period, in seconds.
    type: int
  metrics:
    description: Metrics and expressions, as PutMetricAlarm takes them, instead of the five options above.
    type: list
    elements: dict
  comparison:
    description: How a value is compared with O(threshold).
    type: str
    choices:
      - GreaterThanOrEqualToThreshold
      - GreaterThanThreshold
      - LessThanThreshold
      - LessThanOrEqualToThreshold
    default: GreaterThanOrEqualToThreshold
  threshold:
    description: Threshold that values are compared with.
    type: float
  evaluation_periods:
    description: How many of the most recent values are evaluated.
    type: int
    default: 1
  datapoints_to_alarm:
    description: How many of them must breach the threshold. All, if not set.
    type: int
  treat_missing_data:
    description: How missing values are treated.
    type: str
    choices: [breaching, notBreaching, ignore, missing]
    default: notBreaching
  alarm_actions:
    description: ARNs to notify when the alarm fires.
    type: list
    elements: str
    default: []
  ok_actions:
    description: ARNs to notify when the alarm recovers.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Ring when a function fails
  slipway.aws.cloudwatch_alarm:
    name: shop-prod-api-errors
    namespace: AWS/Lambda
    metric_name: Errors
    dimensions: {FunctionName: shop-prod-api}
    statistic: Sum
    period: 60
    threshold: 1
    alarm_actions: [arn:aws:sns:eu-central-1:123456789012:shop-prod-alarms]
"""

RETURN = r"""
alarm:
  description: The alarm, as DescribeAlarms returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    alarm_arn:
      description: ARN of the alarm.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:cloudwatch:eu-central-1:123456789012:alarm:shop-prod-api-errors
    alarm_name:
      description: Name of the alarm.
      returned: always
      type: str
      sample: shop-prod-api-errors
    tags:
      description: Tags of the alarm.
      returned: always
      type: dict
      sample: {system: shop}
"""

from collections.abc import Sequence
from typing import ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    Resource,
    State,
    Tags,
    build_module,
    run,
    tags_to_dict,
    tags_to_list,
)

STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


class Alarm(Resource):
    """An alarm; AWS only takes it as a whole."""

    service = "cloudwatch"
    kind = "alarm"
    result = "alarm"
    keys: ClassVar = {
        "description": "AlarmDescription",
        "namespace": "Namespace",
        "metric_name": "MetricName",
        "period": "Period",
        "metrics": "Metrics",
        "comparison": "ComparisonOperator",
        "threshold": "Threshold",
        "evaluation_periods": "EvaluationPeriods",
        "datapoints_to_alarm": "DatapointsToAlarm",
        "treat_missing_data": "TreatMissingData",
        "alarm_actions": "AlarmActions",
        "ok_actions": "OKActions",
    }
    unordered = frozenset({"Dimensions", "AlarmActions", "OKActions"})

    def read(self) -> State | None:
        """The alarm of this name."""
        alarms = self.client.describe_alarms(AlarmNames=[self.name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
        return alarms[0] if alarms else None

    def desired(self) -> State:
        """The options in the API's spelling."""
        desired = {**super().desired(), "ActionsEnabled": True}
        if self.params["dimensions"] is not None:
            pairs = self.params["dimensions"].items()
            desired["Dimensions"] = [{"Name": name, "Value": str(value)} for name, value in pairs]
        statistic = self.params["statistic"]
        if statistic:
            desired["Statistic" if statistic in STATISTICS else "ExtendedStatistic"] = statistic
        return desired

    def create(self, desired: State, tags: Tags) -> None:
        """Put it, with its tags."""
        self.client.put_metric_alarm(AlarmName=self.name, **desired, Tags=tags_to_list(tags))

    def update(self, current: State, changes: State) -> None:
        """Put it again; what is not said falls back to what AWS takes by itself."""
        self.client.put_metric_alarm(AlarmName=self.name, **self.desired())

    def delete(self, current: State) -> None:
        """Delete it."""
        self.client.delete_alarms(AlarmNames=[self.name])

    def read_tags(self, current: State) -> Tags:
        """Tags of the alarm."""
        return tags_to_dict(self.client.list_tags_for_resource(ResourceARN=current["AlarmArn"])["Tags"])

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.tag_resource(ResourceARN=current["AlarmArn"], Tags=tags_to_list(tags))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.untag_resource(ResourceARN=current["AlarmArn"], TagKeys=list(keys))


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "description": {},
            "namespace": {},
            "metric_name": {},
            "dimensions": {"type": "dict"},
            "statistic": {},
            "period": {"type": "int"},
            "metrics": {"type": "list", "elements": "dict"},
            "comparison": {
                "choices": [
                    "GreaterThanOrEqualToThreshold",
                    "GreaterThanThreshold",
                    "LessThanThreshold",
                    "LessThanOrEqualToThreshold",
                ],
                "default": "GreaterThanOrEqualToThreshold",
            },
            "threshold": {"type": "float"},
            "evaluation_periods": {"type": "int", "default": 1},
            "datapoints_to_alarm": {"type": "int"},
            "treat_missing_data": {
                "choices": ["breaching", "notBreaching", "ignore", "missing"],
                "default": "notBreaching",
            },
            "alarm_actions": {"type": "list", "elements": "str", "default": []},
            "ok_actions": {"type": "list", "elements": "str", "default": []},
        },
        required_together=[("namespace", "metric_name", "statistic", "period")],
        mutually_exclusive=[("metric_name", "metrics")],
        required_if=[
            ("state", "present", ("metric_name", "metrics"), True),
            ("state", "present", ("threshold",)),
        ],
    )
    run(Alarm(module))


if __name__ == "__main__":
    main()
