#!/usr/bin/python
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lock
short_description: Hold a lock in DynamoDB for the rest of the playbook run
version_added: "0.1.0"
author: The Slipway developers (@slipway)
description:
  - Takes a lock with a conditional put and keeps renewing it for as long as this C(ansible-playbook) is running. When
    the run ends, however it ends, the lock is released.
  - A second run is told who holds the lock, since when and why. A lock that its holder does not renew for a minute,
    which the second run waits for, or whose holder was a process on this machine that no longer exists, is taken over
    with a warning.
  - A run whose lock is lost, because it was asleep or cut off from AWS for longer than that, writes no more through
    M(slipway.graph.converge) and fails. So do the modules of C(slipway.aws) whose environment names RV(heart) as
    E(SLIPWAY_LOCK_HEART). Before others that write, M(slipway.graph.lock_held) looks.
  - In check mode, no lock is taken.
options:
  table:
    description: The table, with the string key C(LockID).
    type: str
    required: true
  key:
    description: What is locked, a system in an environment.
    type: str
    required: true
  reason:
    description: What to tell others about this run.
    type: str
    default: ansible-playbook
  account:
    description: The account ID that the credentials must belong to, compared before the lock is taken. Empty means any.
    type: str
    default: ""
  region:
    description: The table's Region. Empty means that of the environment, as C(AWS_REGION) names it.
    type: str
    default: ""
attributes:
  check_mode:
    description: Takes no lock.
    support: full
  diff_mode:
    description: There is no diff.
    support: none
"""

EXAMPLES = r"""
- name: Lock this system in this environment
  slipway.graph.lock:
    table: slipway-locks
    key: "{{ inventory_hostname }}"
    reason: rollout
"""

RETURN = r"""
acquired:
  description: Always true; otherwise the task fails.
  returned: success
  type: bool
heart:
  description: The file that says whether the lock is still held.
  returned: success
  type: str
  sample: /run/user/1000/slipway/4711-1234.0b6c.lock
already:
  description: Whether this run held the lock before.
  returned: when it did
  type: bool
took_over:
  description: From whom the lock was taken over.
  returned: when it was
  type: dict
"""
