#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Read the ledger of releases."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
version_added: 0.1.0
short_description: Read the ledger of releases
description:
  - Reads which releases a system has had in an environment, and which one is in service, from the ledger
    that M(slipway.aws.release) writes.
  - A bucket or ledger that does not exist counts as empty. Only a release that you ask for by name must exist.
  - No upstream module knows releases, and reading them with M(amazon.aws.s3_object) would take one task per object and
    would fail if there are none yet.
author:
  - Slipway contributors (@slipway)
options:
  bucket:
    description: Bucket that holds the ledger.
    type: str
    required: true
  name:
    description: System and environment that the releases belong to, for example V(shop-prod).
    type: str
    required: true
  release:
    description:
      - ID of a release, or a commit, whose newest release is used. Empty for the one in service.
      - V(any) is the one in service, or the newest one if none is.
    type: str
    default: ""
extends_documentation_fragment:
  - slipway.aws.check_mode.reads
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: What is in service
  slipway.aws.release_info:
    bucket: slipway-123456789012-eu-central-1
    name: shop-prod
  register: ledger

- name: One release by its commit
  slipway.aws.release_info:
    bucket: slipway-123456789012-eu-central-1
    name: shop-prod
    release: 3f2a91c
"""

RETURN = r"""
release:
  description: The requested release; empty if none is in service.
  returned: always
  type: dict
  sample:
    id: 20260102T030405Z-3f2a91c
    commit: 3f2a91c
    created_at: "2026-01-02T03:04:05+00:00"
    images: {api: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop-prod-api@sha256:0123"}
    functions: {}
    status: good
current_id:
  description: ID of the release in service, or an empty string.
  returned: always
  type: str
  sample: 20260102T030405Z-3f2a91c
since:
  description: Since when it has been in service; empty if the ledger does not say so.
  returned: always
  type: str
  sample: "2026-01-02T03:14:05+00:00"
by:
  description: Who put it into service, as an ARN; empty if the ledger does not say so.
  returned: always
  type: str
  sample: arn:aws:sts::123456789012:assumed-role/deploy/github-42
rolling_out:
  description:
    - The C(id) of a release whose roll-out has begun and not ended, with C(since) and C(by); empty if there is none.
    - While a roll-out runs that is usual. If none runs, it was cut off, and what serves may be either release.
  returned: always
  type: dict
  sample: {}
last_good:
  description: The newest good release that is older than the one in service; empty if there is none.
  returned: always
  type: dict
  sample: {}
releases:
  description: The newest 50 releases, newest first, without those that are damaged.
  returned: always
  type: list
  elements: dict
  sample: []
damaged:
  description: What is wrong with documents of the ledger that cannot be understood.
  returned: always
  type: list
  elements: str
  sample: []
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils import releases
from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError, connect, finish


def read_ledger(s3: Any, bucket: str, name: str, wanted: str) -> dict[str, Any]:
    """The module's result."""
    record = releases.service_record(s3, bucket, name)
    in_service = record["id"]
    known, damaged = releases.recent(s3, bucket, name)
    if wanted == "any":
        wanted = in_service or (known[0]["id"] if known else "")
    release = releases.find(s3, bucket, name, wanted or in_service) if wanted or in_service else None
    if wanted and release is None:
        listed = ", ".join(each["id"] for each in known[:5]) or "none yet"
        raise RefusedError(
            f"{name} has no release {wanted!r}. Name a release by its id or its commit; the newest are: {listed}."
        )
    return {
        "changed": False,
        "release": release or {},
        "current_id": in_service,
        "since": record.get("since", ""),
        "by": record.get("by", ""),
        "rolling_out": record.get("rolling_out", {}),
        "last_good": releases.last_good(known, in_service) or {},
        "releases": known,
        "damaged": damaged,
    }


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"required": True},
            "name": {"required": True},
            "release": {"default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params

    def read() -> dict[str, Any]:
        s3 = releases.owned(connect(module, "s3"), connect(module, "sts"))
        result = read_ledger(s3, params["bucket"], params["name"], params["release"])
        for problem in result["damaged"]:
            module.warn(problem)
        return result

    finish(
        module,
        read,
        f"Could not read the releases of {params['name']}",
    )


if __name__ == "__main__":
    main()
