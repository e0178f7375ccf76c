# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the ECS modules share: options, checking and comparing requests, finding revisions, reading a task's end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

try:
    from botocore.exceptions import ClientError
    from botocore.validate import ParamValidator
except ImportError:
    pass  # AnsibleAWSModule says so before anything here is used

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    Resource,
    State,
    Tags,
    camel,
    error_code,
    found,
    given,
    tags_to_dict,
    tags_to_list,
)

STRATEGY: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "options": {
        "capacity_provider": {"required": True},
        "weight": {"type": "int"},
        "base": {"type": "int"},
    },
}
# Documented by the fragment slipway.aws.placement.
PLACEMENT: dict[str, Any] = {
    "launch_type": {"choices": ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"]},
    "capacity_provider_strategy": STRATEGY,
    "platform_version": {},
    "network_configuration": {
        "type": "dict",
        "options": {
            "subnets": {"type": "list", "elements": "str", "required": True},
            "security_groups": {"type": "list", "elements": "str"},
            "assign_public_ip": {"type": "bool", "default": False},
        },
    },
}


class EcsResource(Resource):
    """A resource of ECS."""

    service = "ecs"
    identifier: ClassVar[str]
    """The field that holds its ARN, by which it is tagged."""

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.tag_resource(resourceArn=current[self.identifier], tags=tags_to_list(tags, lower=True))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.untag_resource(resourceArn=current[self.identifier], tagKeys=list(keys))


def placement(options: Mapping[str, Any]) -> State:
    """The options of PLACEMENT that were given, in the spelling of CreateService and RunTask."""
    fields = given(options, {"launch_type": "launchType", "platform_version": "platformVersion"})
    if options["capacity_provider_strategy"] is not None:
        fields["capacityProviderStrategy"] = strategy(options)
    if options["network_configuration"]:
        network = options["network_configuration"]
        public = "ENABLED" if network["assign_public_ip"] else "DISABLED"
        fields["networkConfiguration"] = {"awsvpcConfiguration": camel({**network, "assign_public_ip": public}, False)}
    return fields


def strategy(options: Mapping[str, Any]) -> list[State]:
    """The capacity providers in the API's spelling."""
    return [camel(item, False) for item in options["capacity_provider_strategy"]]


def refuse_malformed(client: Any, operation: str, request: Mapping[str, Any]) -> None:
    """Refuse what the API's own model says is wrong (unknown fields, types), before anything is called."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    report: str = ParamValidator().validate(request, shape).generate_report()
    if report:
        raise RefusedError(f"The options do not make a valid {operation} request: {report}")


def matches(given: Any, actual: Any) -> bool:
    """Whether everything that was given is so already. Lists are sets, and absent equals empty, as in ECS."""
    if not given and not actual:
        return True
    if isinstance(given, Mapping):
        held = actual or {}
        return all(matches(value, held.get(key)) for key, value in given.items())
    if isinstance(given, list):
        left = list(actual or [])
        for item in given:
            match = next((index for index, other in enumerate(left) if matches(item, other)), None)
            if match is None:
                return False
            del left[match]
        return not left
    return bool(given == actual)


def describe_revision(client: Any, name: str) -> tuple[State, Tags] | None:
    """A task definition with its tags, by ARN or, for the newest, by family; None when there is none."""
    answer = found(client.describe_task_definition, "ClientException", taskDefinition=name, include=["TAGS"])
    return (answer["taskDefinition"], tags_to_dict(answer.get("tags") or [])) if answer else None


def list_revisions(client: Any, family: str, status: str = "ACTIVE") -> Iterator[str]:
    """ARNs of a family's revisions, newest first."""
    pages = client.get_paginator("list_task_definitions").paginate(familyPrefix=family, status=status, sort="DESC")
    for page in pages:
        # AWS sorts, and takes familyPrefix for the whole name; of the emulators one does not sort, and both take
        # it for a prefix.
        ours = (arn for arn in page["taskDefinitionArns"] if family_of(arn) == family)
        yield from sorted(ours, key=lambda arn: int(arn.rsplit(":", 1)[-1]), reverse=True)


def family_of(arn: str) -> str:
    """The family in a task definition's ARN."""
    return arn.rsplit("/", 1)[-1].rsplit(":", 1)[0]


def last_log_lines(logs: Any, definition: State, task_id: str, count: int) -> list[str]:
    """The last lines that a task's containers wrote, from the log groups which their definitions name."""
    lines: list[str] = []
    for container in definition["containerDefinitions"]:
        logging = container.get("logConfiguration") or {}
        options = logging.get("options") or {}
        if logging.get("logDriver") == "awslogs" and options.get("awslogs-stream-prefix"):
            stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{task_id}"
            lines += _read_stream(logs, options["awslogs-group"], stream, count)
    return lines[-count:]


def _read_stream(logs: Any, group: str, stream: str, count: int) -> list[str]:
    # CloudWatch has the lines some seconds after the container wrote them: ask until they stay the same.
    lines: list[str] = []
    for attempt in range(6):
        time.sleep(min(attempt, 1))
        try:
            answer = found(
                logs.get_log_events,
                "ResourceNotFoundException",
                logGroupName=group,
                logStreamName=stream,
                limit=count,
                startFromHead=False,
            )
        except ClientError as error:
            return [f"(the log stream {group}:{stream} could not be read: {error_code(error)})"]
        newest = [event["message"].rstrip() for event in answer["events"]] if answer else []
        if newest and newest == lines:
            break
        lines = newest
    return lines


def stop_summary(task: State) -> str:
    """Why a task stopped, in one line."""
    parts = [task.get("stoppedReason") or task.get("stopCode") or "no reason given"]
    for container in task.get("containers", []):
        if container.get("exitCode") is not None:
            parts.append(f"container {container['name']} exited with code {container['exitCode']}")
        if container.get("reason"):
            parts.append(f"container {container['name']}: {container['reason']}")
    return "; ".join(parts)
