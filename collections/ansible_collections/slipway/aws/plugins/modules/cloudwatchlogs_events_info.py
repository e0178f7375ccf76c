#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Find lines in a CloudWatch log group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatchlogs_events_info
version_added: 0.1.0
short_description: Find lines in a CloudWatch log group
description:
  - Returns the newest lines of a log group that contain a text, such as the ID of a request.
  - It takes CloudWatch a few seconds until a line can be found. Use C(until) on the task to wait for it.
  - Upstream modules manage log groups, but none reads their contents.
author:
  - Slipway contributors (@slipway)
options:
  log_group_name:
    description: Name of the log group.
    type: str
    required: true
  contains:
    description: Text that a line must contain, literally.
    type: str
    required: true
  since_seconds:
    description: How many seconds back to look.
    type: int
    default: 600
  limit:
    description: Maximum number of lines to return.
    type: int
    default: 20
extends_documentation_fragment:
  - slipway.aws.check_mode.reads
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Wait for the request's line in the log
  slipway.aws.cloudwatchlogs_events_info:
    log_group_name: /aws/lambda/shop-prod-api
    contains: c6af9ac6-7b61-11e6-9a41-93e8deadbeef
  register: logged
  until: logged.events | length > 0
  retries: 15
  delay: 2
"""

RETURN = r"""
events:
  description: The lines, oldest first.
  returned: always
  type: list
  elements: dict
  contains:
    message:
      description: The line.
      returned: always
      type: str
      sample: '{"level": "INFO", "message": "request", "status": 200}'
    timestamp:
      description: When it was written, in milliseconds of Unix time.
      returned: always
      type: int
      sample: 1767323045000
    log_stream_name:
      description: The log stream that contains it.
      returned: always
      type: str
      sample: 2026/01/02/[7]6f5e4d3c2b1a
"""

import time
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import connect, finish


def matching_events(logs: Any, params: dict[str, Any]) -> list[dict[str, Any]]:
    """The newest lines with the text, oldest first."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=params["log_group_name"],
        startTime=int((time.time() - params["since_seconds"]) * 1000),
        # In quotes a pattern means the text itself; a quote in it would end it, and is looked for below.
        filterPattern='"' + max(params["contains"].split('"'), key=len) + '"',
    )
    events = [
        {"message": event["message"], "timestamp": event["timestamp"], "log_stream_name": event["logStreamName"]}
        for page in pages
        for event in page["events"]
        if params["contains"] in event["message"]
    ]
    return sorted(events, key=lambda event: int(event["timestamp"]))[-params["limit"] :]


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "log_group_name": {"required": True},
            "contains": {"required": True},
            "since_seconds": {"type": "int", "default": 600},
            "limit": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    finish(
        module,
        lambda: {"changed": False, "events": matching_events(connect(module, "logs"), module.params)},
        f"Could not read the log group {module.params['log_group_name']}",
    )


if __name__ == "__main__":
    main()
