#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Back a DynamoDB table up now and say what is in the backup."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynamodb_table_backup
version_added: 0.1.0
short_description: Back up a DynamoDB table now and record what is in the backup
description:
  - Takes an on-demand backup of a table. Reads the table before and after, so that a restore can be proven item by
    item. If both readings are equal, nobody wrote in the meantime, and the backup is known to hold exactly those items.
  - Upstream has no module for backups of tables.
author:
  - Slipway contributors (@slipway)
options:
  table:
    description: Name of the table.
    type: str
    required: true
  name:
    description: Name of the backup. O(keep) counts backups that have the same text before the last hyphen.
    type: str
    required: true
  keep:
    description: How many backups of this table with the same beginning of the name to keep, including this one; older
      ones are deleted.
    type: int
    default: 7
  wait_timeout:
    description: Seconds to wait for the backup.
    type: int
    default: 1800
attributes:
  check_mode:
    description: Takes no backup.
    support: full
extends_documentation_fragment:
  - slipway.aws.check_mode
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Back the items up
  slipway.aws.dynamodb_table_backup:
    table: shop-prod-items
    name: slipway-20260131T120000Z
"""

RETURN = r"""
backup:
  description: The backup.
  returned: when it was taken
  type: complex
  contains:
    arn:
      description: ARN of the backup.
      returned: always
      type: str
      sample: arn:aws:dynamodb:eu-central-1:123456789012:table/shop-prod-items/backup/01489602797149-73d8d5bc
    taken_at:
      description: When AWS took it, in UTC.
      returned: always
      type: str
      sample: "2026-01-31T12:00:00+00:00"
    items:
      description: How many items the table had afterwards.
      returned: always
      type: int
      sample: 1200
    digest:
      description: Digest of the items, which does not depend on their order.
      returned: always
      type: str
      sample: "0000000000000000000000000000000000000000000000000000000000000000"
    certain:
      description: Whether nobody wrote in the meantime, so that the backup holds exactly these items.
      returned: always
      type: bool
      sample: true
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.dynamodb_items import fingerprint
from ansible_collections.slipway.aws.plugins.module_utils.resource import connect, finish, wait_until


def back_up(client: Any, table: str, name: str, timeout: float) -> dict[str, Any]:
    """Take the backup and wait for it."""
    before = fingerprint(client, table)
    arn = client.create_backup(TableName=table, BackupName=name)["BackupDetails"]["BackupArn"]

    def details() -> dict[str, Any]:
        described: dict[str, Any] = client.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
        return described

    wait_until(lambda: details()["BackupStatus"] == "AVAILABLE", timeout, f"the backup {name} is available")
    after = fingerprint(client, table)
    return {
        "arn": arn,
        "taken_at": details()["BackupCreationDateTime"].isoformat(),
        "items": after.items,
        "digest": after.digest,
        "certain": before == after,
    }


def delete_older(client: Any, table: str, name: str, keep: int) -> None:
    """Delete all but the newest backups of this table whose names begin alike."""
    prefix = name.rpartition("-")[0] + "-"
    pages = client.get_paginator("list_backups").paginate(TableName=table, BackupType="USER")
    alike = [
        backup
        for page in pages
        for backup in page["BackupSummaries"]
        if backup["BackupName"].startswith(prefix) and backup["BackupStatus"] == "AVAILABLE"
    ]
    newest_first = sorted(alike, key=lambda backup: backup["BackupCreationDateTime"], reverse=True)
    for backup in newest_first[keep:]:
        client.delete_backup(BackupArn=backup["BackupArn"])


def back_up_and_clear(client: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Take the backup, then delete those that are too many."""
    backup = back_up(client, options["table"], options["name"], options["wait_timeout"])
    delete_older(client, options["table"], options["name"], options["keep"])
    return backup


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "table": {"required": True},
            "name": {"required": True},
            "keep": {"type": "int", "default": 7},
            "wait_timeout": {"type": "int", "default": 1800},
        },
        supports_check_mode=True,
    )
    options = module.params
    if options["keep"] < 1:
        module.fail_json(msg=f"keep is {options['keep']}; allowed: 1 or more")
    if module.check_mode:
        module.exit_json(changed=True)
    finish(
        module,
        lambda: {"changed": True, "backup": back_up_and_clear(connect(module, "dynamodb"), options)},
        f"Could not back up the table {options['table']}",
    )


if __name__ == "__main__":
    main()
