#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a Lambda function and the version that is made of it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lambda_function
version_added: 0.1.0
short_description: Manage a Lambda function and publish a version of it
description:
  - Gives a function its code, by the digest of a zip in S3, and its settings, and publishes a version of exactly that.
    An existing version with the same code and settings is reused, so going back to an earlier release creates nothing
    new.
  - Traffic is not touched. M(slipway.aws.lambda_alias) shifts it to the version.
  - M(amazon.aws.lambda) uploads and publishes code from S3 on every run, because it compares only local files. It
    cannot remove settings (a key, a dead-letter queue, layers), and does not support reserved concurrency.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the function.
    type: str
    required: true
  runtime:
    description: Identifier of the runtime, for example V(python3.11).
    type: str
  handler:
    description: Function in the code to call.
    type: str
  role:
    description: ARN of the IAM role that the code acts as.
    type: str
  code:
    description: The zip with the code.
    type: dict
    suboptions:
      bucket:
        description: Bucket that holds it.
        type: str
        required: true
      key:
        description: Its key there.
        type: str
        required: true
      sha256:
        description: Its SHA-256, in hexadecimal digits. It tells whether the function already has this code.
        type: str
        required: true
  architecture:
    description: Processor that the code is built for.
    type: str
    choices: [x86_64, arm64]
  timeout:
    description: Seconds after which an invocation is ended.
    type: int
  memory_size:
    description: Memory in MiB; CPU is proportional to it.
    type: int
  ephemeral_storage:
    description: MiB in /tmp.
    type: int
  environment:
    description: Environment variables, all of them.
    type: dict
  kms_key_arn:
    description: Key that encrypts the environment variables. Empty for AWS's own.
    type: str
  vpc_subnet_ids:
    description: Subnets in which the function runs; empty for none, which is enough for functions that only call AWS.
    type: list
    elements: str
  vpc_security_group_ids:
    description: Its security groups there.
    type: list
    elements: str
  dead_letter_arn:
    description: Queue or topic for events that could not be handled; empty for none.
    type: str
  tracing_mode:
    description: V(Active) samples requests for X-Ray.
    type: str
    choices: [Active, PassThrough]
  layers:
    description: ARNs of layer versions.
    type: list
    elements: str
  reserved_concurrency:
    description: Number of concurrent invocations that are reserved for the function, which is also its limit; -1 for
      none.
    type: int
  version_description:
    description: Description of a version that is published, such as the release.
    type: str
    default: ""
  keep_versions:
    description: How many versions to keep when one is published. Versions that an alias points to are always kept.
    type: int
    default: 10
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: A function, and a version of it
  slipway.aws.lambda_function:
    name: shop-prod-api
    runtime: python3.11
    handler: shop.main.handler
    role: arn:aws:iam::123456789012:role/shop-prod-api
    code:
      bucket: shop-prod-code
      key: functions/api/5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03.zip
      sha256: 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
    environment: {TABLE: shop-prod-items}
    version_description: 20260102T030405Z-3f2a91c
  register: api
"""

RETURN = r"""
function:
  description: The function's configuration, as GetFunction returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    function_arn:
      description: ARN of the function, without a version.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:lambda:eu-central-1:123456789012:function:shop-prod-api
    published_version:
      description: Number of the version with this code and these settings.
      returned: always, but not when check mode would publish it
      type: str
      sample: "7"
    tags:
      description: Tags of the function.
      returned: always
      type: dict
      sample: {system: shop}
"""

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    Resource,
    State,
    Tags,
    build_module,
    found,
    retry_while,
    run,
    variables_as_text,
    wait_until,
)

VERSION = "PublishedVersion"
CONCURRENCY = "ReservedConcurrentExecutions"
CODE = "CodeSha256"
ARCHITECTURES = "Architectures"
# While an earlier change takes effect, AWS refuses the next one.
BUSY = ["ResourceConflictException"]


class Function(Resource):
    """A function: its code and settings, its bound of concurrency, and a published version of the former two."""

    service = "lambda"
    kind = "Lambda function"
    result = "function"
    keys: ClassVar = {
        "runtime": "Runtime",
        "handler": "Handler",
        "role": "Role",
        "timeout": "Timeout",
        "memory_size": "MemorySize",
        "kms_key_arn": "KMSKeyArn",
    }
    opaque = ("Environment",)

    def read(self) -> State | None:
        """The function as it would be published now, and the version that is just that."""
        answer = found(self.client.get_function, "ResourceNotFoundException", FunctionName=self.name)
        if answer is None:
            return None
        return {
            **comparable(answer["Configuration"]),
            CONCURRENCY: answer.get("Concurrency", {}).get(CONCURRENCY, -1),
            VERSION: self._published() if self.params["state"] == "present" else "",
            "Tags": answer.get("Tags", {}),
        }

    def desired(self) -> State:
        """The options in the shape that `comparable` gives a configuration."""
        params = self.params
        desired = super().desired()
        desired[CODE] = base64.b64encode(bytes.fromhex(params["code"]["sha256"])).decode()
        shaped: dict[str, tuple[str, Callable[[Any], Any]]] = {
            "architecture": (ARCHITECTURES, lambda value: [value]),
            "ephemeral_storage": ("EphemeralStorage", lambda value: {"Size": value}),
            "environment": ("Environment", lambda value: {"Variables": variables_as_text(value)}),
            "dead_letter_arn": ("DeadLetterConfig", lambda value: {"TargetArn": value}),
            "tracing_mode": ("TracingConfig", lambda value: {"Mode": value}),
            "layers": ("Layers", list),
            "reserved_concurrency": (CONCURRENCY, int),
        }
        for option, (field, shape) in shaped.items():
            if params[option] is not None:
                desired[field] = shape(params[option])
        if params["vpc_subnet_ids"] is not None:
            groups = params["vpc_security_group_ids"] or []
            desired["VpcConfig"] = {"SubnetIds": sorted(params["vpc_subnet_ids"]), "SecurityGroupIds": sorted(groups)}
        return desired

    def differences(self, current: State, desired: State) -> State:
        """Variables, layers and subnets are compared as wholes: one that is no longer wanted is a difference."""
        changes = {field: value for field, value in desired.items() if current.get(field) != value}
        if not current[VERSION]:
            changes[VERSION] = "a new one"
        return changes

    def create(self, desired: State, tags: Tags) -> None:
        """Make the function, publish a version, then bound its concurrency."""
        fields = {field: value for field, value in desired.items() if field not in (CODE, CONCURRENCY)}
        self.client.create_function(FunctionName=self.name, Code=self._code(), **fields, Tags=tags)
        self._publish()
        if desired.get(CONCURRENCY, -1) >= 0:
            self._bound(desired[CONCURRENCY])

    def update(self, current: State, changes: State) -> None:
        """Settings and code have a call each, and both have to take effect before a version is published."""
        settings = {
            field: value for field, value in changes.items() if field not in (CODE, ARCHITECTURES, CONCURRENCY, VERSION)
        }
        if settings:
            self._change(self.client.update_function_configuration, **settings)
        if changes.keys() & {CODE, ARCHITECTURES}:
            wanted = self.params["architecture"]
            self._change(
                self.client.update_function_code, **self._code(), **({ARCHITECTURES: [wanted]} if wanted else {})
            )
        if not self._published():
            self._publish()
        if CONCURRENCY in changes:
            self._bound(changes[CONCURRENCY])

    def delete(self, current: State) -> None:
        """Delete it with all its versions and aliases."""
        self.client.delete_function(FunctionName=self.name)

    def wait_ready(self) -> None:
        """Neither invocations nor further changes are welcome before."""
        wait_until(self._is_ready, self.params["wait_timeout"], f"the function {self.name} is ready")

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.tag_resource(Resource=current["FunctionArn"], Tags=tags)

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.untag_resource(Resource=current["FunctionArn"], TagKeys=list(keys))

    def _code(self) -> dict[str, str]:
        return {"S3Bucket": self.params["code"]["bucket"], "S3Key": self.params["code"]["key"]}

    def _change(self, call: Any, **fields: Any) -> None:
        retry_while(BUSY, lambda: call(FunctionName=self.name, **fields), self.params["wait_timeout"])
        self.wait_ready()

    def _is_ready(self) -> bool:
        configuration = self.client.get_function_configuration(FunctionName=self.name)
        for field in ("State", "LastUpdateStatus"):
            if configuration.get(field) == "Failed":
                raise RefusedError(f"AWS could not set up {self.name}: {configuration.get(f'{field}Reason')}")
        return configuration.get("State") in (None, "Active", "Inactive") and configuration.get("LastUpdateStatus") in (
            None,
            "Successful",
        )

    def _versions(self) -> Iterator[State]:
        for page in self.client.get_paginator("list_versions_by_function").paginate(FunctionName=self.name):
            yield from (version for version in page["Versions"] if version["Version"] != "$LATEST")

    def _published(self) -> str:
        """The newest version with the wanted code and settings."""
        desired = {field: value for field, value in self.desired().items() if field != CONCURRENCY}
        equal = [int(version["Version"]) for version in self._versions() if _has(comparable(version), desired)]
        return str(max(equal)) if equal else ""

    def _publish(self) -> None:
        self.wait_ready()
        wanted = self.desired()[CODE]
        version = self.client.publish_version(
            FunctionName=self.name, CodeSha256=wanted, Description=self.params["version_description"]
        )["Version"]
        # A version in a network is there before it can be called.
        wait_until(
            lambda: self._is_active(version),
            self.params["wait_timeout"],
            f"version {version} of the function {self.name} is active",
        )
        self._prune()

    def _is_active(self, version: str) -> bool:
        answer = self.client.get_function_configuration(FunctionName=self.name, Qualifier=version)
        if answer.get("State") == "Failed":
            raise RefusedError(f"Version {version} of the function {self.name} failed: {answer.get('StateReason')}")
        return bool(answer.get("State", "Active") != "Pending")

    def _prune(self) -> None:
        pages = self.client.get_paginator("list_aliases").paginate(FunctionName=self.name)
        aliases = [alias for page in pages for alias in page["Aliases"]]
        used = {alias["FunctionVersion"] for alias in aliases}
        for alias in aliases:
            used |= alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}).keys()
        numbers = sorted((int(version["Version"]) for version in self._versions()), reverse=True)
        for number in numbers[max(self.params["keep_versions"], 1) :]:
            if str(number) not in used:
                self.client.delete_function(FunctionName=self.name, Qualifier=str(number))

    def _bound(self, concurrency: int) -> None:
        if concurrency < 0:
            self.client.delete_function_concurrency(FunctionName=self.name)
        else:
            self.client.put_function_concurrency(FunctionName=self.name, **{CONCURRENCY: concurrency})


def comparable(configuration: State) -> State:
    """A function's or version's configuration with every field that counts, in one shape."""
    network = configuration.get("VpcConfig", {})
    return {
        "FunctionName": configuration["FunctionName"],
        "FunctionArn": ":".join(configuration["FunctionArn"].split(":")[:7]),
        "Runtime": configuration.get("Runtime", ""),
        "Handler": configuration.get("Handler", ""),
        "Role": configuration["Role"],
        "Timeout": configuration.get("Timeout"),
        "MemorySize": configuration.get("MemorySize"),
        "KMSKeyArn": configuration.get("KMSKeyArn", ""),
        CODE: configuration["CodeSha256"],
        ARCHITECTURES: configuration.get(ARCHITECTURES, ["x86_64"]),
        "EphemeralStorage": {"Size": configuration.get("EphemeralStorage", {}).get("Size", 512)},
        "Environment": {"Variables": configuration.get("Environment", {}).get("Variables", {})},
        "DeadLetterConfig": {"TargetArn": configuration.get("DeadLetterConfig", {}).get("TargetArn", "")},
        "TracingConfig": {"Mode": configuration.get("TracingConfig", {}).get("Mode", "PassThrough")},
        "Layers": [layer["Arn"] for layer in configuration.get("Layers", [])],
        "VpcConfig": {
            "SubnetIds": sorted(network.get("SubnetIds", [])),
            "SecurityGroupIds": sorted(network.get("SecurityGroupIds", [])),
        },
    }


def _has(configuration: State, desired: State) -> bool:
    return all(configuration.get(field) == value for field, value in desired.items())


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "runtime": {},
            "handler": {},
            "role": {},
            "code": {
                "type": "dict",
                "options": {
                    "bucket": {"required": True},
                    "key": {"required": True, "no_log": False},
                    "sha256": {"required": True},
                },
            },
            "architecture": {"choices": ["x86_64", "arm64"]},
            "timeout": {"type": "int"},
            "memory_size": {"type": "int"},
            "ephemeral_storage": {"type": "int"},
            "environment": {"type": "dict"},
            "kms_key_arn": {"no_log": False},
            "vpc_subnet_ids": {"type": "list", "elements": "str"},
            "vpc_security_group_ids": {"type": "list", "elements": "str"},
            "dead_letter_arn": {},
            "tracing_mode": {"choices": ["Active", "PassThrough"]},
            "layers": {"type": "list", "elements": "str"},
            "reserved_concurrency": {"type": "int"},
            "version_description": {"default": ""},
            "keep_versions": {"type": "int", "default": 10},
        },
        required_if=[("state", "present", ("runtime", "handler", "role", "code"))],
    )
    run(Function(module))


if __name__ == "__main__":
    main()
