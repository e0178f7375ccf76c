#!/usr/bin/python
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: orphans
short_description: List, and delete on request, what carries a system's tags but belongs to no task
version_added: "0.1.0"
author: The Slipway developers (@slipway)
description:
  - Runs the tasks of roles as M(slipway.graph.converge) would before it destroys, to see what exists, and writes
    nothing. Anything that carries the tags but appears in none of the results is an orphan, for example what a task
    created that has since been removed from its role, or what an input has switched off.
  - What other resources create and remove by themselves (network interfaces of services, listeners, automatic
    snapshots, older revisions of a task definition) is not an orphan.
  - Nothing is deleted unless O(delete) and O(confirm) say so. Even then, it refuses while a task has not created its
    resource, because nobody can tell what belongs to it.
  - What holds data (databases, disks, buckets that are not empty, keys, secrets, snapshots, images, caches) is kept
    unless O(delete_protected) names its ARN. A database leaves a final snapshot.
  - What has no Region (IAM roles) may belong to the same system in another one. Where other Regions have something with
    the tags that no task knows, it is kept in the same way.
options:
  roles:
    description: The roles of the system, as for M(slipway.graph.converge).
    type: list
    elements: raw
    default: []
  tasks:
    description: Task files, in addition to or instead of roles.
    type: list
    elements: path
    default: []
  tags:
    description: The tags that everything in the system carries.
    type: dict
    required: true
  only:
    description:
      - Refused, as C(--tags) and C(--skip-tags) are; what belongs to the tasks that were left out would be taken for
        orphans. It is an option so that a playbook can pass on what it was given.
    type: list
    elements: str
    default: []
  applied:
    description:
      - The file in which M(slipway.graph.converge) keeps what was applied. What stands in it and no task knows is
        named; with O(delete) it is forgotten once no orphan is left.
    type: path
    default: ""
  types:
    description: Only orphans of these types, such as V(iam:role), or services, such as V(ec2). Empty means all.
    type: list
    elements: str
    default: []
  account:
    description: The account ID; other accounts are refused. Empty means any.
    type: str
    default: ""
  region:
    description: The Region. Empty means that of the environment.
    type: str
    default: ""
  delete:
    description: Whether to delete the orphans.
    type: bool
    default: false
  confirm:
    description: The host's name, without which nothing is deleted.
    type: str
    default: ""
  delete_protected:
    description: ARNs of orphans to delete although they hold data.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds for which deleting something that is still in use is retried.
    type: int
    default: 900
  parallel:
    description: How many tasks may look at the same time.
    type: int
    default: 16
attributes:
  check_mode:
    description: Lists, and deletes nothing.
    support: full
  diff_mode:
    description: There is no diff.
    support: none
"""

EXAMPLES = r"""
- name: List what is left over
  slipway.graph.orphans:
    roles: [vpc, rds]
    tags: {system: shop, environment: prod}
  register: left_over

- name: Delete it
  slipway.graph.orphans:
    roles: [vpc, rds]
    tags: {system: shop, environment: prod}
    delete: true
    confirm: "{{ confirm }}"
"""

RETURN = r"""
orphans:
  description: What belongs to no task, oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    type:
      description: Service and type as in the ARN, such as C(ec2:vpc).
      type: str
    id:
      description: The ID or name.
      type: str
    arn:
      description: The ARN.
      type: str
    tags:
      description: All its tags.
      type: dict
    created:
      description: When it was created, as ISO 8601 in UTC; empty if AWS does not say.
      type: str
    age_days:
      description: How many days ago; null if AWS does not say.
      type: int
    protected:
      description: Why it is kept unless it is named; empty otherwise.
      type: str
    monthly_cost:
      description: What it costs.
      type: str
      sample: 1.00 USD a month
forgotten:
  description: The keys of what earlier applies have made and no task knows any more, as far as O(applied) tells.
  returned: success
  type: list
  elements: str
unread:
  description: Types that could not be read, with the reason; orphans among them are not listed.
  returned: success
  type: dict
deleted:
  description: The orphans that were deleted.
  returned: when something was to be deleted
  type: list
  elements: dict
kept:
  description: Those that were not, each with its C(reason).
  returned: when something was to be deleted
  type: list
  elements: dict
"""
