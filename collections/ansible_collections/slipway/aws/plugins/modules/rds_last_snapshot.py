#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Take a snapshot of a database that is to be deleted, and prove that it is one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rds_last_snapshot
version_added: 0.1.0
short_description: Take a final snapshot of a database before it is deleted, and verify it
description:
  - Takes a snapshot of a DB instance, waits for it, and fails unless it is complete, of the same engine, version,
    size and encryption as the instance, and its key can still decrypt it. Deleting the instance is left to a later
    task.
  - M(amazon.aws.rds_instance) takes the final snapshot as part of the deletion, so that nobody can check it before the
    data is gone; M(amazon.aws.rds_instance_snapshot) takes a snapshot but does not verify it.
  - If there is no such instance, nothing is done.
author:
  - Slipway contributors (@slipway)
options:
  db_instance_identifier:
    description: The instance.
    type: str
    required: true
  db_snapshot_identifier:
    description: Name of the snapshot, which must be unique.
    type: str
    required: true
  wait_timeout:
    description: Seconds to wait before the task fails. AWS completes the snapshot regardless.
    type: int
    default: 14400
extends_documentation_fragment:
  - slipway.aws.check_mode
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Keep what is in it
  slipway.aws.rds_last_snapshot:
    db_instance_identifier: shop-prod-database
    db_snapshot_identifier: shop-prod-database-final-20260101-120000
"""

RETURN = r"""
snapshot:
  description: The snapshot, as DescribeDBSnapshots returns it, in snake_case.
  returned: when there is an instance, but not in check mode
  type: complex
  contains:
    db_snapshot_arn:
      description: ARN of the snapshot.
      returned: always
      type: str
      sample: arn:aws:rds:eu-central-1:123456789012:snapshot:shop-prod-database-final-20260101-120000
    status:
      description: Status of the snapshot.
      returned: always
      type: str
      sample: available
"""

from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.botocore import normalize_boto3_result
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

# Field of the snapshot: field of the instance.
SAME = {
    "DBInstanceIdentifier": "DBInstanceIdentifier",
    "Engine": "Engine",
    "EngineVersion": "EngineVersion",
    "AllocatedStorage": "AllocatedStorage",
    "Encrypted": "StorageEncrypted",
    "KmsKeyId": "KmsKeyId",
}


def instance_of(rds: Any, name: str) -> State | None:
    """The instance, or None."""
    answer = found(rds.describe_db_instances, "DBInstanceNotFound", DBInstanceIdentifier=name)
    return dict(answer["DBInstances"][0]) if answer and answer["DBInstances"] else None


def snapshot_of(rds: Any, name: str) -> State:
    """The snapshot as it is now."""
    return dict(rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0])


def has_ended(rds: Any, name: str) -> bool:
    """Whether the snapshot is finished, for better or worse."""
    return snapshot_of(rds, name)["Status"] not in ("creating", "pending")


def flaws(snapshot: State, instance: State) -> list[str]:
    """Why this snapshot would not bring that instance back."""
    unlike = [
        f"{field} is {snapshot.get(field)!r} and not {instance.get(other)!r}"
        for field, other in SAME.items()
        if (snapshot.get(field) or None) != (instance.get(other) or None)
    ]
    if snapshot["Status"] != "available":
        unlike.append(f"its status is {snapshot['Status']}")
    if snapshot.get("PercentProgress", 100) != 100:
        unlike.append(f"only {snapshot['PercentProgress']} percent of it is complete")
    return unlike


def locked_out(kms: Any, snapshot: State) -> list[str]:
    """Why its key would not decrypt it."""
    key = snapshot.get("KmsKeyId")
    if not key:
        return []
    answer = found(kms.describe_key, "NotFoundException", KeyId=key)
    state = answer["KeyMetadata"]["KeyState"] if answer else "gone"
    return [] if state == "Enabled" else [f"its key {key} is {state}"]


def take(module: Any, instance: State) -> State:
    """Take the snapshot and return it, proven."""
    rds, name = connect(module, "rds"), module.params["db_snapshot_identifier"]
    # RDS may be backing it up by itself.
    retry_while(
        ("InvalidDBInstanceState",),
        lambda: rds.create_db_snapshot(
            DBInstanceIdentifier=instance["DBInstanceIdentifier"], DBSnapshotIdentifier=name
        ),
        module.params["wait_timeout"],
    )
    wait_until(lambda: has_ended(rds, name), module.params["wait_timeout"], f"the snapshot {name} is complete")
    snapshot = snapshot_of(rds, name)
    wrong = flaws(snapshot, instance) + locked_out(connect(module, "kms"), snapshot)
    if wrong:
        raise RefusedError(
            f"The snapshot {name} could not restore {instance['DBInstanceIdentifier']}: {'; '.join(wrong)}."
        )
    return snapshot


def ensure(module: Any) -> dict[str, Any]:
    """Take the snapshot if there is something to take one of, and return the module's result."""
    instance = instance_of(connect(module, "rds"), module.params["db_instance_identifier"])
    if instance is None or module.check_mode:
        return {"changed": instance is not None}
    snapshot = camel_dict_to_snake_dict(normalize_boto3_result(take(module, instance)))
    return {"changed": True, "snapshot": snapshot}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "db_instance_identifier": {"required": True},
            "db_snapshot_identifier": {"required": True},
            "wait_timeout": {"type": "int", "default": 14400},
        },
        supports_check_mode=True,
    )
    failing = f"Could not take a final snapshot of {module.params['db_instance_identifier']}"
    finish(module, lambda: ensure(module), failing)


if __name__ == "__main__":
    main()
