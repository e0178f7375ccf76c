#!/usr/bin/python
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cost
short_description: Price what roles would create, from their inputs alone
version_added: "0.1.0"
author: The Slipway developers (@slipway)
description:
  - Reads roles as M(slipway.graph.converge) does and prices every resource they declare, using a dated table of
    on-demand prices. Calls no API and needs no credentials.
  - A condition that depends on results counts as true, and a loop that depends on results counts as one call. Anything
    else that only results or other tasks could tell goes into the task's C(vars) under C(price), as options of its
    module; plain Ansible ignores it.
  - Whatever depends on traffic is assumed; O(usage) replaces the assumptions.
  - Resources without a price in the table are listed but not counted.
options:
  roles:
    description: Roles, by name or as in a play.
    type: list
    elements: raw
    default: []
  tasks:
    description: Task files, after the roles.
    type: list
    elements: path
    default: []
  region:
    description: The Region whose prices are used. Empty means that of the environment, as C(AWS_REGION) names it.
    type: str
    default: ""
  usage:
    description:
      - Traffic in a month, by name. C(requests) to each API or function and C(function_seconds) for each of them;
        C(nat_gib) through each NAT gateway; C(load_balancer_capacity_units) on average; C(log_gib) into each log
        group and C(log_kept_gib) in it; C(image_gib), C(bucket_gib), C(file_system_gib) and C(backup_gib) in each
        repository, bucket, file system and vault; C(table_reads), C(table_writes) and C(table_gib) of each table.
    type: dict
    default: {}
  measured:
    description:
      - What M(slipway.aws.cloudwatch_usage_info) measured. What nobody used is reported, and the measured reads and
        writes of tables replace the assumptions, unless O(usage) sets them.
    type: list
    elements: dict
    default: []
  days:
    description: How many days O(measured) covers.
    type: int
    default: 30
  dest:
    description: Where to write the result as JSON. Empty writes nothing.
    type: path
    default: ""
  compare:
    description: Pattern of such files from other environments, to show next to this one.
    type: str
    default: ""
attributes:
  check_mode:
    description: Prices, but writes no file.
    support: full
  diff_mode:
    description: There is no diff.
    support: none
"""

EXAMPLES = r"""
- name: Price the roles
  slipway.graph.cost:
    roles: [vpc, rds]
    region: eu-central-1
    usage: {nat_gib: 200}
"""

RETURN = r"""
cost:
  description: The costs, in US dollars a month, before taxes and discounts.
  returned: always
  type: dict
  contains:
    total:
      description: Everything together.
      type: float
      returned: always
      sample: 214.7
    services:
      description: By AWS's service code.
      type: dict
      returned: always
      sample: {AmazonRDS: 120.5}
    lines:
      description: One line for each charged item, with its quantity, unit price and source.
      type: list
      elements: dict
      returned: always
      sample: []
    unpriced:
      description: What has no price in the table.
      type: list
      elements: str
      returned: always
      sample: []
    advice:
      description: What would cost less with this usage.
      type: list
      elements: str
      returned: always
      sample: []
    prices_as_of:
      description: The date of the price table.
      type: str
      returned: always
      sample: "2026-11-22"
    prices_origin:
      description: Where its figures come from.
      type: str
      returned: always
      sample: AWS Price List API
"""
