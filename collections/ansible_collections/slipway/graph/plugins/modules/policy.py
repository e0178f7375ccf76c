#!/usr/bin/python
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: policy
short_description: Write the least-privilege IAM policy that runs needed
version_added: "0.1.0"
author: The Slipway developers (@slipway)
description:
  - Reads journals of M(slipway.graph.converge) and creates the IAM policy that allows what these runs asked of AWS, and
    nothing else. Failed and repeated calls count too.
  - A run only calls what it has to, so use the journals of several runs, including one that created everything and one
    that destroyed it. The journals of plans alone yield a policy that can only read.
  - Whatever a call needs besides its own action is added - tagging what is created with tags, passing a role to a
    service (C(iam:PassRole), for that service only), service-linked roles, and the use of a resource's own key.
  - A journal holds no parameters. So every statement allows all resources, unless O(resources) says which.
requirements:
  - botocore in the Python that runs Ansible
options:
  journals:
    description: Journals, or folders of nothing but journals.
    type: list
    elements: path
    required: true
  actions:
    description:
      - More IAM actions, for what the same play does outside of M(slipway.graph.converge), such as
        M(slipway.graph.lock), which needs C(GetItem), C(PutItem) and C(DeleteItem) of C(dynamodb).
    type: list
    elements: str
    default: []
  resources:
    description:
      - The ARNs to which an action, or all actions with a prefix, are limited. Only for actions that support resources;
        C(Describe) and C(List) mostly do not.
    type: dict
    default: {}
  dest:
    description: Where to write the policy as JSON. Empty writes nothing.
    type: path
    default: ""
attributes:
  check_mode:
    description: Creates the policy, but writes no file.
    support: full
  diff_mode:
    description: There is no diff.
    support: none
"""

EXAMPLES = r"""
- name: Make the policy of who deploys
  slipway.graph.policy:
    journals: [runs]
    actions: [dynamodb:GetItem, dynamodb:PutItem, dynamodb:DeleteItem]
    resources:
      dynamodb: ["arn:aws:dynamodb:eu-central-1:123456789012:table/locks"]
      iam:PassRole: ["arn:aws:iam::123456789012:role/shop-prod-*"]
    dest: policy.json
"""

RETURN = r"""
policy:
  description: The policy document, one statement per service.
  returned: always
  type: dict
characters:
  description: Its size as IAM counts it; a managed policy may have at most 6144.
  returned: always
  type: int
journals:
  description: The files that were read.
  returned: always
  type: list
  elements: str
"""
