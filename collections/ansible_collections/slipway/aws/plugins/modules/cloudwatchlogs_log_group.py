#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage a CloudWatch log group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cloudwatchlogs_log_group
version_added: 0.1.0
short_description: Manage a CloudWatch log group
description:
  - Creates, updates and deletes a log group with its retention, its KMS key and its tags.
  - M(amazon.aws.cloudwatchlogs_log_group) never looks at the key of a group that exists, so that a key that is added,
    replaced or taken out later has no effect, without a word. Nor does it wait for a key that was only just created.
author:
  - Slipway contributors (@slipway)
options:
  log_group_name:
    description: Name of the log group.
    type: str
    required: true
  retention:
    description:
      - Days after which log events are deleted, one of the periods that CloudWatch Logs knows.
      - V(0) keeps them for ever. Left out, it stays as it is.
    type: int
  kms_key_arn:
    description:
      - ARN of the KMS key that encrypts log events from now on; its policy must let CloudWatch Logs use it.
      - Empty for none of your own. Left out, it stays as it is.
      - Log events that another key has encrypted need that key for as long as they are kept.
    type: str
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Log group with a key of its own
  slipway.aws.cloudwatchlogs_log_group:
    log_group_name: /slipway/shop-prod/api
    retention: 90
    kms_key_arn: arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab

- name: The same without the key
  slipway.aws.cloudwatchlogs_log_group:
    log_group_name: /slipway/shop-prod/api
    retention: 90
    kms_key_arn: ""

- name: No log group
  slipway.aws.cloudwatchlogs_log_group:
    log_group_name: /slipway/shop-prod/api
    state: absent
"""

RETURN = r"""
log_group:
  description: The log group, as DescribeLogGroups returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    log_group_name:
      description: Name of the log group.
      returned: always
      type: str
      sample: /slipway/shop-prod/api
    arn:
      description: ARN of the log group and its streams.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:logs:eu-central-1:123456789012:log-group:/slipway/shop-prod/api:*
    retention_in_days:
      description: Days after which log events are deleted.
      returned: when they are
      type: int
      sample: 90
    kms_key_id:
      description: ARN of the key that encrypts log events.
      returned: when there is one
      type: str
      sample: arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
    tags:
      description: Tags of the log group.
      returned: always
      type: dict
      sample: {system: shop}
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    Resource,
    State,
    Tags,
    build_module,
    covers,
    found,
    retry_while,
    run,
)

# What CloudWatch Logs says of a key that it does not see yet, and of one that it may not use.
UNKNOWN_KEY = "KMS key does not exist or is not allowed"
KEY_SECONDS = 60


class LogGroup(Resource):
    """A CloudWatch log group."""

    service = "logs"
    kind = "log group"
    result = "log_group"
    keys: ClassVar = {"log_group_name": "logGroupName", "retention": "retentionInDays", "kms_key_arn": "kmsKeyId"}

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.params["log_group_name"])

    def read(self) -> State | None:
        """The group of this name, for AWS lists all that begin with it."""
        pages = self.client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self.name)
        groups = (group for page in pages for group in page["logGroups"])
        return next((group for group in groups if group["logGroupName"] == self.name), None)

    def differences(self, current: State, desired: State) -> State:
        """Nothing is the same as no retention, and as no key."""
        return {
            field: value for field, value in desired.items() if not covers(current.get(field) or None, value or None)
        }

    def read_tags(self, current: State) -> Tags:
        """Its tags, which the list does not have."""
        answer = found(self.client.list_tags_for_resource, "ResourceNotFoundException", resourceArn=_arn(current))
        return dict(answer["tags"]) if answer else {}

    def create(self, desired: State, tags: Tags) -> None:
        """Make it with its key, so that nothing is ever written without."""
        key = {"kmsKeyId": desired["kmsKeyId"]} if desired.get("kmsKeyId") else {}
        _once_the_key_is_known(lambda: self.client.create_log_group(logGroupName=self.name, **key, tags=tags))
        if desired.get("retentionInDays"):
            self._keep(desired["retentionInDays"])

    def update(self, current: State, changes: State) -> None:
        """The key first: it holds for what is written from then on."""
        if "kmsKeyId" in changes:
            self._encrypt(changes["kmsKeyId"])
        if "retentionInDays" in changes:
            self._keep(changes["retentionInDays"])

    def _encrypt(self, key: str) -> None:
        if not key:
            self.client.disassociate_kms_key(logGroupName=self.name)
            return
        _once_the_key_is_known(lambda: self.client.associate_kms_key(logGroupName=self.name, kmsKeyId=key))

    def _keep(self, days: int) -> None:
        if days:
            self.client.put_retention_policy(logGroupName=self.name, retentionInDays=days)
        else:
            self.client.delete_retention_policy(logGroupName=self.name)

    def tag(self, current: State, tags: Tags) -> None:
        """Set these tags."""
        self.client.tag_resource(resourceArn=_arn(current), tags=tags)

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove these tags."""
        self.client.untag_resource(resourceArn=_arn(current), tagKeys=list(keys))

    def delete(self, current: State) -> None:
        """Remove it with its log events."""
        self.client.delete_log_group(logGroupName=current["logGroupName"])


def _arn(group: State) -> str:
    """The ARN by which it is tagged: that of the list also means its streams."""
    return str(group["arn"]).removesuffix(":*")


def _once_the_key_is_known(write: Callable[[], Any]) -> Any:
    """Repeat a write while CloudWatch Logs does not see the key, or its policy, that was made a moment ago."""
    return retry_while(("InvalidParameterException",), write, KEY_SECONDS, says=UNKNOWN_KEY)


def main() -> None:
    """Run the module."""
    module = build_module(
        {"log_group_name": {"required": True}, "retention": {"type": "int"}, "kms_key_arn": {"no_log": False}}
    )
    run(LogGroup(module))


if __name__ == "__main__":
    main()
