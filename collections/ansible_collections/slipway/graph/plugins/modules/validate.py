#!/usr/bin/python
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: validate
short_description: Check every input of a list of roles, offline
version_added: "0.1.0"
author: The Slipway developers (@slipway)
description:
  - Compares every input of every role with its C(meta/argument_specs.yml), evaluates the C(ansible.builtin.assert)
    tasks that use only inputs or the names in what other roles make, finds variables that look like an input but are
    not, and builds the graph.
  - All mistakes are reported at once, each with the file, the key and what is allowed. No API is called.
options:
  roles:
    description: Roles in reading order, as in a play.
    type: list
    elements: raw
    default: []
  tasks:
    description: Task files that run after the roles, relative to the playbook's folder.
    type: list
    elements: path
    default: []
  account:
    description: An account that is checked to be one, 12 digits. Nobody is asked whether it exists.
    type: str
    default: ""
  region:
    description:
      - A Region that is checked to exist. Empty means C(AWS_REGION) or C(AWS_DEFAULT_REGION) in the
        C(environment) of the task; with neither there is no check.
    type: str
    default: ""
attributes:
  check_mode:
    description: Never changes anything.
    support: full
  diff_mode:
    description: There is no diff.
    support: none
"""

EXAMPLES = r"""
- name: Check the inputs of a system's roles
  slipway.graph.validate:
    roles: "{{ system_roles }}"
    region: "{{ aws_region }}"
"""

RETURN = r"""
msg:
  description: Every mistake, one line each.
  returned: failure
  type: str
"""
