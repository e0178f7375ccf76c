#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage the global secondary indexes of a DynamoDB table."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynamodb_global_indexes
version_added: 0.1.0
short_description: Manage the global secondary indexes of a DynamoDB table
description:
  - Gives a table exactly the listed global secondary indexes, one change after the other, as AWS wants it.
  - M(community.aws.dynamodb_table) makes indexes together with a table. Of an existing one it makes one at a time,
    drops what else has changed, and deletes none.
  - What an index is made of cannot be changed. Give an index that is made of something else another name.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: Name of the table.
    type: str
    required: true
  indexes:
    description: The indexes; all others are deleted, and who still queries them fails.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the index.
        type: str
        required: true
      type:
        description: What it has of each item besides the keys.
        type: str
        choices: [global_all, global_include, global_keys_only]
        default: global_all
      hash_key_name:
        description: Attribute by which items are found.
        type: str
        required: true
      hash_key_type:
        description: What it is.
        type: str
        choices: [STRING, NUMBER, BINARY]
        default: STRING
      range_key_name:
        description: Attribute by which they are sorted.
        type: str
      range_key_type:
        description: What it is.
        type: str
        choices: [STRING, NUMBER, BINARY]
        default: STRING
      includes:
        description: The attributes that V(global_include) has.
        type: list
        elements: str
        default: []
  wait_timeout:
    description: Seconds that AWS may take for one change. An index of a large table takes hours.
    type: int
    default: 21600
extends_documentation_fragment:
  - slipway.aws.check_mode
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Items are found by their status, too
  slipway.aws.dynamodb_global_indexes:
    name: shop-prod-items
    indexes:
      - {name: by-status, hash_key_name: status, range_key_name: createdAt}
"""

RETURN = r"""
indexes:
  description: Names of the indexes.
  returned: success
  type: list
  elements: str
  sample: [by-status]
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    State,
    connect,
    finish,
    found,
    retry_while,
    wait_until,
)

# Another change of the table has to end first, or of another table: of an account only some may have one at a time.
BUSY = ("ResourceInUseException", "LimitExceededException")
PROJECTIONS = {"global_all": "ALL", "global_include": "INCLUDE", "global_keys_only": "KEYS_ONLY"}


class Indexes:
    """The global secondary indexes of one table."""

    def __init__(self, client: Any, name: str, timeout: int) -> None:
        self.client = client
        self.name = name
        self.timeout = timeout
        answer = found(client.describe_table, "ResourceNotFoundException", TableName=name)
        self.table: State = answer["Table"] if answer else {}

    def held(self) -> dict[str, State]:
        """Those that are there, by name."""
        return {index["IndexName"]: made_of(index) for index in self.table.get("GlobalSecondaryIndexes", [])}

    def make(self, option: Mapping[str, Any]) -> None:
        """Make an index, and wait until it can be asked."""
        known = {each["AttributeName"]: each for each in self.table["AttributeDefinitions"]}
        known |= {each["AttributeName"]: each for each in attributes_of(option)}
        index: State = {"IndexName": option["name"], **wanted_of(option)}
        if self.table.get("BillingModeSummary", {}).get("BillingMode") != "PAY_PER_REQUEST":
            throughput = self.table["ProvisionedThroughput"]
            index["ProvisionedThroughput"] = {
                field: throughput[field] for field in ("ReadCapacityUnits", "WriteCapacityUnits")
            }
        self._update({"Create": index}, AttributeDefinitions=list(known.values()))

    def delete(self, name: str) -> None:
        """Delete an index, and wait until it is gone."""
        self._update({"Delete": {"IndexName": name}})

    def _update(self, change: State, **options: Any) -> None:
        retry_while(
            BUSY,
            lambda: self.client.update_table(TableName=self.name, GlobalSecondaryIndexUpdates=[change], **options),
            self.timeout,
        )
        wait_until(self._is_quiet, self.timeout, f"the indexes of the table {self.name} are as asked")

    def _is_quiet(self) -> bool:
        self.table = self.client.describe_table(TableName=self.name)["Table"]
        indexes = self.table.get("GlobalSecondaryIndexes", [])
        return all(each.get("IndexStatus", each.get("TableStatus")) == "ACTIVE" for each in [self.table, *indexes])


def attributes_of(option: Mapping[str, Any]) -> list[State]:
    """The attributes of an index's keys."""
    kinds = ("hash", "range") if option["range_key_name"] else ("hash",)
    return [
        {"AttributeName": option[f"{kind}_key_name"], "AttributeType": option[f"{kind}_key_type"][0]} for kind in kinds
    ]


def wanted_of(option: Mapping[str, Any]) -> State:
    """What an index is to be made of."""
    keys = zip(("HASH", "RANGE"), attributes_of(option), strict=False)
    projection: State = {"ProjectionType": PROJECTIONS[option["type"]]}
    if option["includes"]:
        projection["NonKeyAttributes"] = sorted(option["includes"])
    return {
        "KeySchema": [{"AttributeName": each["AttributeName"], "KeyType": kind} for kind, each in keys],
        "Projection": projection,
    }


def made_of(index: State) -> State:
    """What an index is made of."""
    projection = dict(index["Projection"])
    if projection.get("NonKeyAttributes"):
        projection["NonKeyAttributes"] = sorted(projection["NonKeyAttributes"])
    keys = sorted(index["KeySchema"], key=lambda key: str(key["KeyType"]))
    return {"KeySchema": keys, "Projection": {field: value for field, value in projection.items() if value}}


def manage(module: Any, indexes: Indexes) -> dict[str, Any]:
    """The module's result.

    :raises RefusedError: for an index that is made of something else, before anything is written.
    """
    wanted = {option["name"]: option for option in module.params["indexes"]}
    if not indexes.table:  # a plan of a table that is still to be made, with its indexes
        return {"changed": False, "indexes": sorted(wanted)}
    held = indexes.held()
    other = sorted(name for name in held.keys() & wanted.keys() if held[name] != wanted_of(wanted[name]))
    if other:
        raise RefusedError(
            f"The index {', '.join(other)} of {indexes.name} is made of other keys or attributes, which AWS does not "
            "change. Add one with another name, roll out what asks it, and then take this one away."
        )
    gone, new = sorted(held.keys() - wanted.keys()), [name for name in wanted if name not in held]
    if not module.check_mode:
        for name in new:
            indexes.make(wanted[name])
        for name in gone:
            indexes.delete(name)
    return {
        "changed": bool(gone or new),
        "indexes": sorted(wanted),
        "diff": {"before": {"indexes": sorted(held)}, "after": {"indexes": sorted(wanted)}},
    }


def specification() -> dict[str, Any]:
    """The options."""
    kind = {"choices": ["STRING", "NUMBER", "BINARY"], "default": "STRING", "no_log": False}
    index = {
        "name": {"required": True},
        "type": {"choices": list(PROJECTIONS), "default": "global_all"},
        "hash_key_name": {"required": True, "no_log": False},
        "hash_key_type": kind,
        "range_key_name": {"no_log": False},
        "range_key_type": kind,
        "includes": {"type": "list", "elements": "str", "default": []},
    }
    return {
        "name": {"required": True},
        "indexes": {"type": "list", "elements": "dict", "required": True, "options": index},
        "wait_timeout": {"type": "int", "default": 21600},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=specification(), supports_check_mode=True)
    name, timeout = module.params["name"], module.params["wait_timeout"]
    finish(
        module,
        lambda: manage(module, Indexes(connect(module, "dynamodb"), name, timeout)),
        f"Could not manage the indexes of the table {name}",
    )


if __name__ == "__main__":
    main()
