#!/usr/bin/python
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lock_held
short_description: Stop a run that has lost its lock
version_added: "0.1.0"
author: The Slipway developers (@slipway)
description:
  - Fails when the lock that M(slipway.graph.lock) has taken was lost since, because the run was asleep or cut off from
    AWS. No API call is made.
  - M(slipway.graph.converge) and the modules of C(slipway.aws) look by themselves. Modules of other collections do not,
    so that this stands before each of them that writes outside of a graph.
  - The lock is the one whose heart the task's environment names as E(SLIPWAY_LOCK_HEART). Without one nothing is
    looked at.
attributes:
  check_mode:
    description: Looks all the same.
    support: full
  diff_mode:
    description: There is no diff.
    support: none
seealso:
  - module: slipway.graph.lock
"""

EXAMPLES = r"""
- name: Go on only while nobody else may work here
  slipway.graph.lock_held:

- name: Keep the report
  amazon.aws.s3_object:
    bucket: reports
    object: today.json
    content: "{{ report | to_json }}"
    mode: put
"""

RETURN = r"""
held:
  description: Whether there is a lock. It is false where the environment names none.
  returned: success
  type: bool
"""
