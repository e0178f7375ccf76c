#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Restore a backup of a DynamoDB table beside the original, compare it, and remove it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynamodb_restore_drill
version_added: 0.1.0
short_description: Restore a backup of a DynamoDB table next to the original, compare it, and delete it
description:
  - Restores a backup into a separate table, reads that table, compares it with what
    M(slipway.aws.dynamodb_table_backup) recorded about the backup, and deletes it, whatever happens. Anything that an
    earlier drill left behind is deleted first.
  - Upstream has no module that restores tables.
author:
  - Slipway contributors (@slipway)
options:
  backup_arn:
    description: ARN of the backup.
    type: str
    required: true
  table:
    description: Name of the table that is created and deleted. It must end in C(-drill), so that no other table can be
      affected.
    type: str
    required: true
  items:
    description: Expected number of items.
    type: int
    required: true
  digest:
    description: Digest of the items.
    type: str
    required: true
  certain:
    description: Whether it is certain that nobody wrote to the table while the backup was taken. If it is not, the
      restored table only has to contain items, if the original did.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait for the table.
    type: int
    default: 7200
attributes:
  check_mode:
    description: Restores nothing.
    support: full
extends_documentation_fragment:
  - slipway.aws.check_mode
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Prove a backup of the items
  slipway.aws.dynamodb_restore_drill:
    backup_arn: arn:aws:dynamodb:eu-central-1:123456789012:table/shop-prod-items/backup/01489602797149-73d8d5bc
    table: shop-prod-items-drill
    items: 1200
    digest: abababababababababababababababababababababababababababababababab
"""

RETURN = r"""
drill:
  description: The outcome of the drill.
  returned: when something was restored
  type: complex
  contains:
    difference:
      description: What differs; empty if nothing does.
      returned: always
      type: str
      sample: ""
    items:
      description: How many items were restored.
      returned: always
      type: int
      sample: 1200
    restore_seconds:
      description: How long it took until the table was ready to use.
      returned: always
      type: float
      sample: 184.2
    compare_seconds:
      description: How long the comparison took.
      returned: always
      type: float
      sample: 2.1
"""

import time
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.dynamodb_items import Fingerprint, fingerprint
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    connect,
    finish,
    found,
    retry_while,
    wait_until,
)

SUFFIX = "-drill"


def status(client: Any, table: str) -> str:
    """The table's status; empty where there is none."""
    answer = found(client.describe_table, "ResourceNotFoundException", TableName=table)
    return str(answer["Table"]["TableStatus"]) if answer else ""


def remove(client: Any, table: str, timeout: float) -> None:
    """Delete the table of a drill and wait until it is gone; AWS refuses while it is still being made."""
    if status(client, table) not in ("", "DELETING"):
        retry_while(["ResourceInUseException"], lambda: client.delete_table(TableName=table), timeout)
    wait_until(lambda: not status(client, table), timeout, f"the table {table} is deleted")


def restore(client: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Restore and compare."""
    table, began = options["table"], time.monotonic()
    client.restore_table_from_backup(TargetTableName=table, BackupArn=options["backup_arn"])
    wait_until(
        lambda: status(client, table) == "ACTIVE", options["wait_timeout"], f"the restored table {table} is active"
    )
    restored = time.monotonic()
    there = fingerprint(client, table)
    return {
        "difference": difference(there, options),
        "items": there.items,
        "restore_seconds": round(restored - began, 1),
        "compare_seconds": round(time.monotonic() - restored, 1),
    }


def difference(there: Fingerprint, expected: dict[str, Any]) -> str:
    """What is not as it was, in words."""
    if there == (expected["items"], expected["digest"]):
        return ""
    if not expected["certain"]:
        return "" if bool(there.items) == bool(expected["items"]) else f"{there.items} items of {expected['items']}"
    if there.items != expected["items"]:
        return f"{there.items} items of {expected['items']}"
    return f"{there.items} items, but not all of them unchanged: their digest is {there.digest}"


def drill(client: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Restore into a table that is removed before and after, whatever happens."""
    remove(client, options["table"], options["wait_timeout"])
    try:
        return restore(client, options)
    finally:
        remove(client, options["table"], options["wait_timeout"])


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "backup_arn": {"required": True},
            "table": {"required": True},
            "items": {"type": "int", "required": True},
            "digest": {"required": True},
            "certain": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 7200},
        },
        supports_check_mode=True,
    )
    options = module.params
    if not options["table"].endswith(SUFFIX):
        module.fail_json(
            msg=f"table is {options['table']}; allowed: names that end in {SUFFIX}, "
            "because the table is deleted afterwards"
        )
    if module.check_mode:
        module.exit_json(changed=True)
    finish(
        module,
        lambda: {"changed": True, "drill": drill(connect(module, "dynamodb"), options)},
        f"Could not restore {options['backup_arn']} to {options['table']}",
    )


if __name__ == "__main__":
    main()
