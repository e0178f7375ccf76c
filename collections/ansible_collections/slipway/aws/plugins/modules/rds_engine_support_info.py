#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Ask until when RDS supports a release line of an engine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rds_engine_support_info
version_added: 0.1.0
short_description: Find out until when RDS supports a release line
description:
  - Tells until when a release line of an engine has standard support, and warns when that has ended or ends soon. RDS
    then goes on with Extended Support, which is charged for each vCPU and hour, until that ends, too.
  - Neither amazon.aws nor community.aws has a module for this.
author:
  - Slipway contributors (@slipway)
options:
  engine:
    description: Engine, such as V(mysql).
    type: str
    required: true
  major_version:
    description: Release line, such as V(8.4).
    type: str
    required: true
  warn_days:
    description: Days before the end of standard support from which on there is a warning.
    type: int
    default: 180
extends_documentation_fragment:
  - slipway.aws.check_mode.reads
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Say when the release line grows expensive
  slipway.aws.rds_engine_support_info:
    engine: mysql
    major_version: "8.0"
"""

RETURN = r"""
standard_support_until:
  description: Day on which standard support ends. Empty where RDS does not say.
  returned: always
  type: str
  sample: "2026-07-31"
extended_support_until:
  description: Day on which Extended Support ends. Empty where RDS does not say.
  returned: always
  type: str
  sample: "2029-07-31"
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils.resource import connect, finish, found

STANDARD = "open-source-rds-standard-support"
EXTENDED = "open-source-rds-extended-support"
# Of engines without such dates, and of what answers for RDS elsewhere and does not know the question.
UNKNOWN = ("InvalidParameterValue", "InvalidAction", "NotImplemented", "UnknownOperationException")


def ends(client: Any, engine: str, major_version: str) -> dict[str, datetime]:
    """When each kind of support ends, as far as RDS says."""
    pages = client.get_paginator("describe_db_major_engine_versions")
    answer = found(
        lambda: pages.paginate(Engine=engine, MajorEngineVersion=major_version).build_full_result(), *UNKNOWN
    )
    return {
        cycle["LifecycleSupportName"]: cycle["LifecycleSupportEndDate"]
        for version in (answer or {}).get("DBMajorEngineVersions", [])
        for cycle in version.get("SupportedEngineLifecycles", [])
    }


def warning(line: str, standard: datetime | None, extended: datetime | None, moment: datetime, days: int) -> str:
    """What people should know of a release line's age; empty if nothing."""
    if standard is None or moment < standard - timedelta(days=days):
        return ""
    if extended is not None and moment >= extended:
        return f"RDS supports {line} no more since {extended:%Y-%m-%d}"
    last = f", until {extended:%Y-%m-%d}" if extended else ""
    if moment >= standard:
        return (
            f"standard support of {line} ended on {standard:%Y-%m-%d}: RDS charges Extended Support for each vCPU and"
            f" hour{last}"
        )
    return f"standard support of {line} ends on {standard:%Y-%m-%d}; then RDS charges Extended Support{last}"


def ask(module: Any) -> dict[str, Any]:
    """The module's result."""
    asked = module.params
    known = ends(connect(module, "rds"), asked["engine"], asked["major_version"])
    standard, extended = known.get(STANDARD), known.get(EXTENDED)
    line = f"{asked['engine']} {asked['major_version']}"
    if said := warning(line, standard, extended, datetime.now(UTC), asked["warn_days"]):
        module.warn(said)
    return {
        "changed": False,
        "standard_support_until": f"{standard:%Y-%m-%d}" if standard else "",
        "extended_support_until": f"{extended:%Y-%m-%d}" if extended else "",
    }


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "engine": {"required": True},
            "major_version": {"required": True},
            "warn_days": {"type": "int", "default": 180},
        },
        supports_check_mode=True,
    )
    line = f"{module.params['engine']} {module.params['major_version']}"
    finish(module, lambda: ask(module), f"Could not ask until when RDS supports {line}")


if __name__ == "__main__":
    main()
