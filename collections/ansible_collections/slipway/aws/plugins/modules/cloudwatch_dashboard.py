#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a CloudWatch dashboard."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatch_dashboard
version_added: 0.1.0
short_description: Manage a CloudWatch dashboard
description:
  - Creates, updates and deletes a dashboard of widgets.
  - No upstream module manages dashboards. They do not support tags, so they are identified by name.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the dashboard.
    type: str
    required: true
  body:
    description: Contents of the dashboard, as PutDashboard takes them.
    type: dict
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: A dashboard with one graph
  slipway.aws.cloudwatch_dashboard:
    name: shop-prod
    body:
      widgets:
        - type: metric
          x: 0
          y: 0
          width: 12
          height: 6
          properties:
            title: Errors
            region: eu-central-1
            metrics: [[AWS/Lambda, Errors, FunctionName, shop-prod-api]]
"""

RETURN = r"""
dashboard:
  description: The dashboard.
  returned: when state is present
  type: complex
  contains:
    dashboard_name:
      description: Name of the dashboard.
      returned: always
      type: str
      sample: shop-prod
    dashboard_body:
      description: Contents of the dashboard.
      returned: always
      type: dict
      sample: {widgets: []}
"""

import json

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    Resource,
    State,
    Tags,
    build_module,
    found,
    run,
)

NAME = "DashboardName"
BODY = "DashboardBody"


class Dashboard(Resource):
    """A dashboard, whose body AWS keeps as text."""

    service = "cloudwatch"
    kind = "dashboard"
    result = "dashboard"
    taggable = False
    opaque = (BODY,)

    def read(self) -> State | None:
        """The dashboard with its body."""
        missing = ("ResourceNotFound", "DashboardNotFoundError")
        answer = found(self.client.get_dashboard, *missing, DashboardName=self.name)
        return {NAME: answer[NAME], BODY: json.loads(answer[BODY])} if answer else None

    def desired(self) -> State:
        """Name and body."""
        return {NAME: self.name, BODY: self.params["body"]}

    def differences(self, current: State, desired: State) -> State:
        """A widget that is no longer wanted is a difference, too."""
        return {} if current[BODY] == desired[BODY] else {BODY: desired[BODY]}

    def create(self, desired: State, tags: Tags) -> None:
        """Put it."""
        self.update({}, desired)

    def update(self, current: State, changes: State) -> None:
        """Put it; AWS takes what it can draw, and says what it cannot."""
        answer = self.client.put_dashboard(DashboardName=self.name, DashboardBody=json.dumps(changes[BODY]))
        messages = answer.get("DashboardValidationMessages", [])
        if messages:
            said = "; ".join(f"{each.get('DataPath', '')} {each.get('Message', '')}".strip() for each in messages)
            raise RefusedError(f"CloudWatch rejected parts of the dashboard {self.name}: {said}")

    def delete(self, current: State) -> None:
        """Delete it."""
        self.client.delete_dashboards(DashboardNames=[self.name])


def main() -> None:
    """Run the module."""
    module = build_module(
        {"name": {"required": True}, "body": {"type": "dict"}},
        taggable=False,
        required_if=[("state", "present", ("body",))],
    )
    run(Dashboard(module))


if __name__ == "__main__":
    main()
