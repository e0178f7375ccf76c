# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A role of any number of calls, and an API that answers them at once, so that nothing but the engine is measured."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from bench.wire import Message, Server, answer

ITEMS = 10
CHAIN = 10


class LogGroups(Server):
    """CloudWatch Logs, where every log group that is asked for exists and has no tags."""

    def __init__(self) -> None:
        self.operations: list[str] = []
        super().__init__()

    async def respond(self, request: Message) -> Message:
        """Answer the two reads of a log group that is as it should be; anything else is a mistake."""
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        self.operations.append(operation)
        found: dict[str, object]
        if operation == "DescribeLogGroups":
            name = json.loads(request.body)["logGroupNamePrefix"]
            found = {"logGroups": [{"logGroupName": name, "arn": f"arn:aws:logs:::{name}", "storedBytes": 0}]}
        elif operation == "ListTagsLogGroup":
            found = {"tags": {}}
        else:
            return answer(400, json.dumps({"__type": "UnknownOperationException"}).encode())
        return answer(200, json.dumps(found).encode(), content_type="application/x-amz-json-1.1")


def write_role(roles: Path, calls: int) -> str:
    """Write a role that makes so many calls, ten items in each task, ten tasks in each chain; returns its name."""
    name = f"calls_{calls}"
    tasks = roles / name / "tasks" / "main.yml"
    tasks.parent.mkdir(parents=True)
    tasks.write_text(yaml.safe_dump([_task(number) for number in range(calls // ITEMS)], sort_keys=False))
    return name


def _task(number: int) -> dict[str, object]:
    task: dict[str, object] = {
        "name": f"Make the log groups of part {number}",
        "amazon.aws.cloudwatchlogs_log_group": {"log_group_name": f"/bench/{number}/{{{{ item }}}}"},
        "loop": "{{ range(" + str(ITEMS) + ") | list }}",
        "register": f"part_{number}",
    }
    if number % CHAIN:
        task["when"] = f"part_{number - 1} is not changed"
    return task
