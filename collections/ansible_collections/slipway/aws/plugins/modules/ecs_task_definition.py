#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage the revisions of an ECS task definition."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecs_task_definition
version_added: 0.1.0
short_description: Manage the revisions of an ECS task definition
description:
  - Registers a new revision of a task definition if, and only if, it differs from the newest active revision.
  - M(community.aws.ecs_taskdefinition) compares only containers, volumes, the task role and the launch type, so that a
    change of CPU, memory, execution role, network mode or platform is silently lost, and it uses the oldest active
    revision that matches.
  - A revision cannot be changed once it is registered. So the module writes a hash of the whole request as
    the tag C(slipway:definition) on the revision and compares that. Defaults that ECS fills in, now or in future, are
    therefore never mistaken for a difference. A revision without this tag was not registered by this
    module and counts as different.
  - If the newest revision differs, earlier ones are compared too (O(reuse_revisions)). So going back to an earlier
    release uses exactly the revision that was proven with it.
author:
  - Slipway contributors (@slipway)
options:
  family:
    description: Name that the revisions share.
    type: str
    required: true
  container_definitions:
    description:
      - The containers, in the API's spelling (C(logConfiguration), C(healthCheck), C(secrets)).
      - "Fields are checked before any API call:
        U(https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html)."
      - C(environment) and C(secrets) may also be mappings of names to values and to ARNs. What is no text, such as a
        boolean or a list, is written as JSON; null is refused.
    type: list
    elements: dict
  cpu:
    description: CPU units of a task; 1024 is one vCPU.
    type: str
  memory:
    description: Memory of a task in MiB.
    type: str
  network_mode:
    description: Network of a task. Fargate supports only V(awsvpc).
    type: str
    choices: [awsvpc, bridge, host, none]
  requires_compatibilities:
    description: Where a task must be able to run; ECS refuses a definition that cannot run there.
    type: list
    elements: str
    choices: [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES]
  task_role_arn:
    description: Role that the containers act as.
    type: str
  execution_role_arn:
    description: Role that ECS acts as to pull images, read secrets and write logs.
    type: str
  runtime_platform:
    description: What the images were built for.
    type: dict
    suboptions:
      cpu_architecture:
        description: Processor.
        type: str
        choices: [X86_64, ARM64]
      operating_system_family:
        description: Operating system.
        type: str
  ephemeral_storage_gib:
    description: Ephemeral disk of a Fargate task in GiB, from 21 to 200; without it, 20.
    type: int
  volumes:
    description: Volumes that containers can mount, in the API's spelling.
    type: list
    elements: dict
  placement_constraints:
    description: EC2 instances on which tasks may run, in the API's spelling.
    type: list
    elements: dict
  proxy_configuration:
    description: App Mesh proxy, in the API's spelling.
    type: dict
  pid_mode:
    description: Whose processes containers see.
    type: str
    choices: [host, task]
  ipc_mode:
    description: Whose shared memory containers see.
    type: str
    choices: [host, task, none]
  enable_fault_injection:
    description: Accept requests for fault injection from the task's containers.
    type: bool
  reuse_revisions:
    description: How many active revisions, newest first, are compared before a new one is registered; at least 1.
    type: int
    default: 10
notes:
  - With O(state=absent) all revisions of the family are deregistered and deleted.
  - Tags whose key begins with C(slipway:) are used by these modules and are never purged.
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: API
  slipway.aws.ecs_task_definition:
    family: shop-prod-api
    requires_compatibilities: [FARGATE]
    network_mode: awsvpc
    cpu: "256"
    memory: "512"
    execution_role_arn: arn:aws:iam::123456789012:role/shop-prod-api-execution
    container_definitions:
      - name: api
        image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:0123
        portMappings: [{containerPort: 8080}]
        environment:
          DB_PORT: 3306
        secrets:
          DB_PASSWORD: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop-a1b2c3:password::"
  register: definition
"""

RETURN = r"""
task_definition:
  description: The revision that matches the options, with the containers in the API's spelling.
  returned: when state is present
  type: complex
  contains:
    task_definition_arn:
      description: ARN with the revision.
      returned: always, but not when check mode would register it
      type: str
      sample: arn:aws:ecs:eu-central-1:123456789012:task-definition/shop-prod-api:7
    revision:
      description: Number of the revision.
      returned: as task_definition_arn
      type: int
      sample: 7
    tags:
      description: Tags of the revision.
      returned: always
      type: dict
      sample: {system: shop}
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.ecs import (
    describe_revision,
    list_revisions,
    refuse_malformed,
)
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    Resource,
    State,
    Tags,
    build_module,
    camel,
    given,
    run,
    string_tags,
    tags_to_list,
    variables_as_text,
)

MEMORY_PREFIX = "slipway:"
HASH_TAG = "slipway:definition"
# What `read` adds to a revision: its tags, in two parts.
REMEMBERED = "_remembered"
USER_TAGS = "_user_tags"
# To ECS an empty field is one that was not given.
EMPTY: list[Any] = [None, "", [], {}]
VARIABLES = {"environment": "value", "secrets": "valueFrom"}


def definition_hash(request: State) -> str:
    """A hash of what is asked for."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def spell_container(container: State) -> State:
    """A container as it is sent: variables and secrets as sorted pairs, and nothing that is empty."""
    spelled = {
        field: sorted(pairs(container[field], value_field), key=lambda pair: str(pair.get("name")))
        for field, value_field in VARIABLES.items()
        if container.get(field)
    }
    return {field: value for field, value in {**container, **spelled}.items() if value not in EMPTY}


def pairs(variables: State | list[State], value_field: str) -> list[State]:
    """Variables as a list of names and values."""
    if isinstance(variables, list):
        variables = {each["name"]: each.get(value_field) for each in variables}
    return [{"name": name, value_field: value} for name, value in variables_as_text(variables).items()]


class TaskDefinition(Resource):
    """The revision of a family that has what is asked for."""

    service = "ecs"
    kind = "ECS task definition"
    result = "task_definition"
    opaque = ("containerDefinitions", "volumes", "placementConstraints", "proxyConfiguration")
    keys: ClassVar = {
        "family": "family",
        "container_definitions": "containerDefinitions",
        "cpu": "cpu",
        "memory": "memory",
        "network_mode": "networkMode",
        "requires_compatibilities": "requiresCompatibilities",
        "task_role_arn": "taskRoleArn",
        "execution_role_arn": "executionRoleArn",
        "volumes": "volumes",
        "placement_constraints": "placementConstraints",
        "proxy_configuration": "proxyConfiguration",
        "pid_mode": "pidMode",
        "ipc_mode": "ipcMode",
        "enable_fault_injection": "enableFaultInjection",
    }

    registered = ""

    @property
    def name(self) -> str:
        """The family."""
        return str(self.params["family"])

    def desired(self) -> State:
        """The options in the spelling of RegisterTaskDefinition."""
        desired = given(self.params, self.keys)
        containers = desired.get("containerDefinitions", [])
        desired["containerDefinitions"] = [spell_container(container) for container in containers]
        if self.params["runtime_platform"]:
            desired["runtimePlatform"] = camel(self.params["runtime_platform"], False)
        if self.params["ephemeral_storage_gib"] is not None:
            desired["ephemeralStorage"] = {"sizeInGiB": self.params["ephemeral_storage_gib"]}
        return desired

    def check(self, current: State | None, desired: State) -> None:
        """Refuse a malformed request before it is sent, by a plan too."""
        refuse_malformed(self.client, "RegisterTaskDefinition", desired)

    def read(self) -> State | None:
        """The newest active revision that has what is asked for, else the newest active one."""
        if self.params["state"] == "absent":
            return self._any_revision()
        if self.registered:
            found = describe_revision(self.client, self.registered)
            return with_tags(*found) if found else None
        wanted = definition_hash(self.desired()) if self.params["container_definitions"] else ""
        newest = None
        for revision in islice(self._active_revisions(), self.params["reuse_revisions"]):
            if revision[REMEMBERED].get(HASH_TAG) == wanted:
                return revision
            newest = newest or revision
        return newest

    def _active_revisions(self) -> Iterator[State]:
        # Mostly the newest one is right, and nothing else has to be read.
        newest = describe_revision(self.client, self.name)
        if newest is None:
            return
        # The emulators answer with the newest revision even when it is not active any more.
        if newest[0]["status"] == "ACTIVE":
            yield with_tags(*newest)
        for arn in list_revisions(self.client, self.name):
            found = describe_revision(self.client, arn) if arn != newest[0]["taskDefinitionArn"] else None
            if found:
                yield with_tags(*found)

    def _any_revision(self) -> State | None:
        arns = {status: list(list_revisions(self.client, self.name, status)) for status in ("ACTIVE", "INACTIVE")}
        return arns if any(arns.values()) else None

    def differences(self, current: State, desired: State) -> State:
        """Everything, if anything: a revision is registered as a whole."""
        same = current[REMEMBERED].get(HASH_TAG) == definition_hash(desired)
        return {} if same else desired

    def create(self, desired: State, tags: Tags) -> None:
        """Register a revision."""
        tags = {**tags, HASH_TAG: definition_hash(desired)}
        answer = self.client.register_task_definition(**desired, tags=tags_to_list(tags, lower=True))
        self.registered = answer["taskDefinition"]["taskDefinitionArn"]

    def update(self, current: State, changes: State) -> None:
        """Register another revision, with its tags."""
        self.create(changes, {**self.read_tags(current), **(string_tags(self.params["tags"]) or {})})

    def delete(self, current: State) -> None:
        """Deregister what is active, then delete all."""
        for arn in current["ACTIVE"]:
            self.client.deregister_task_definition(taskDefinition=arn)
        arns = current["ACTIVE"] + current["INACTIVE"]
        for start in range(0, len(arns), 10):
            answer = self.client.delete_task_definitions(taskDefinitions=arns[start : start + 10])
            if answer["failures"]:
                raise RefusedError(f"ECS did not delete task definitions: {answer['failures']}")

    def read_tags(self, current: State) -> Tags:
        """The user's tags; what the modules remember stays apart, so that it is never purged."""
        return dict(current[USER_TAGS])

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags on the revision that is now the right one."""
        self.client.tag_resource(resourceArn=self._arn(), tags=tags_to_list(tags, lower=True))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags from the revision that is now the right one."""
        self.client.untag_resource(resourceArn=self._arn(), tagKeys=list(keys))

    def _arn(self) -> str:
        return str((self.read() or {})["taskDefinitionArn"])

    def show(self, state: State) -> dict[str, Any]:
        """Without what only this module needs."""
        return super().show({key: state[key] for key in state if key not in (REMEMBERED, USER_TAGS)})


def with_tags(definition: State, tags: Tags) -> State:
    """A revision with its tags, the modules' memory apart from the user's."""
    remembered = {key: value for key, value in tags.items() if key.startswith(MEMORY_PREFIX)}
    users = {key: value for key, value in tags.items() if key not in remembered}
    return {**definition, REMEMBERED: remembered, USER_TAGS: users}


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "family": {"required": True},
            "container_definitions": {"type": "list", "elements": "dict"},
            "cpu": {},
            "memory": {},
            "network_mode": {"choices": ["awsvpc", "bridge", "host", "none"]},
            "requires_compatibilities": {
                "type": "list",
                "elements": "str",
                "choices": ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"],
            },
            "task_role_arn": {},
            "execution_role_arn": {},
            "runtime_platform": {
                "type": "dict",
                "options": {
                    "cpu_architecture": {"choices": ["X86_64", "ARM64"]},
                    "operating_system_family": {},
                },
            },
            "ephemeral_storage_gib": {"type": "int"},
            "volumes": {"type": "list", "elements": "dict"},
            "placement_constraints": {"type": "list", "elements": "dict"},
            "proxy_configuration": {"type": "dict"},
            "pid_mode": {"choices": ["host", "task"]},
            "ipc_mode": {"choices": ["host", "task", "none"]},
            "enable_fault_injection": {"type": "bool"},
            "reuse_revisions": {"type": "int", "default": 10},
        },
        required_if=[("state", "present", ["container_definitions"])],
    )
    run(TaskDefinition(module))


if __name__ == "__main__":
    main()
