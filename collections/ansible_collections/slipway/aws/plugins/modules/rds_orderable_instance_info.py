#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Ask whether RDS has an instance class for an engine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rds_orderable_instance_info
version_added: 0.1.0
short_description: Find out whether RDS offers an instance class for an engine
description:
  - Tells whether an instance of a class can be created with an engine in this Region, before anything is created.
  - Neither amazon.aws nor community.aws has a module for this.
author:
  - Slipway contributors (@slipway)
options:
  engine:
    description: Engine, such as V(mysql).
    type: str
    required: true
  engine_version:
    description: Release line such as V(8.0), or a full version.
    type: str
    required: true
  instance_class:
    description: Instance class, such as V(db.t3.medium).
    type: str
    required: true
extends_documentation_fragment:
  - slipway.aws.check_mode.reads
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Ask before the database is made
  slipway.aws.rds_orderable_instance_info:
    engine: mysql
    engine_version: "8.0"
    instance_class: db.t3.medium
  register: answer
"""

RETURN = r"""
orderable:
  description: Whether such an instance can be created.
  returned: always
  type: bool
  sample: true
versions:
  description: Engine versions in that release line with which it can.
  returned: always
  type: list
  elements: str
  sample: [8.0.41, 8.0.42]
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import connect, finish, found


def versions_of(client: Any, engine: str, line: str, instance_class: str) -> list[str]:
    """The versions of a line, or the one version, that can run on the class."""
    pages = client.get_paginator("describe_orderable_db_instance_options")
    answer = found(
        lambda: pages.paginate(Engine=engine, DBInstanceClass=instance_class).build_full_result(),
        "InvalidParameterCombination",
        "InvalidParameterValue",
    )
    options = answer["OrderableDBInstanceOptions"] if answer else []
    versions = {option["EngineVersion"] for option in options}
    return sorted(version for version in versions if version == line or version.startswith(line + "."))


def ask(module: Any) -> dict[str, Any]:
    """The module's result."""
    asked = module.params
    versions = versions_of(connect(module, "rds"), asked["engine"], asked["engine_version"], asked["instance_class"])
    return {"changed": False, "orderable": bool(versions), "versions": versions}


def main() -> None:
    """Run the module."""
    options: dict[str, Any] = {name: {"required": True} for name in ("engine", "engine_version", "instance_class")}
    module = AnsibleAWSModule(argument_spec=options, supports_check_mode=True)
    engine = module.params["engine"]
    finish(module, lambda: ask(module), f"Could not list the instance classes that RDS offers for {engine}")


if __name__ == "__main__":
    main()
