#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Write the ledger of releases."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release
version_added: 0.1.0
short_description: Write the ledger of releases
description:
  - Records a release, which is a set of images and functions by digest with a commit, and marks its outcome. The ledger
    consists of a JSON document in S3 for each release, and one that names the release in service.
  - If a release with the same commit, images and functions is already recorded, that one is used.
  - Upstream has no notion of a release. Without it, "what ran before" would have to be guessed from task definitions.
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
  id:
    description: ID of the recorded release to mark.
    type: str
  commit:
    description: Commit that a new release was built from.
    type: str
  images:
    description: Images of a new release by name, each with its digest.
    type: dict
  functions:
    description:
      - Functions of a new release by name. Each is a dictionary with the C(bucket) and C(key) of its package and
        the package's C(sha256), in hexadecimal digits.
    type: dict
  status:
    description:
      - What is known of the release. A new release is V(built) until a roll-out has proven it.
      - V(unproven) is what serves, but has nothing that could be asked for its commit.
      - A good release stays good even if a later roll-out of it fails, because then the environment has changed, not
        the release.
    type: str
    choices: [built, unproven, good, failed]
  current:
    description: Whether this release is in service from now on. The ledger remembers since when, and by whom.
    type: bool
    default: false
  begins:
    description:
      - Whether a roll-out of this release begins. Until a release is marked as O(current), the ledger says so, since
        nobody can know then which release serves.
    type: bool
    default: false
extends_documentation_fragment:
  - slipway.aws.check_mode
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  diff_mode:
    description: Shows what is changed, before and after.
    support: full
"""

EXAMPLES = r"""
- name: Record what was pushed
  slipway.aws.release:
    bucket: slipway-123456789012-eu-central-1
    name: shop-prod
    commit: 3f2a91c
    images:
      api: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop-prod-api@sha256:0123
    functions:
      resize:
        bucket: slipway-123456789012-eu-central-1
        key: functions/shop-prod/resize/5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03.zip
        sha256: 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
  register: recorded

- name: Note that its roll-out begins
  slipway.aws.release:
    bucket: slipway-123456789012-eu-central-1
    name: shop-prod
    id: "{{ recorded.release.id }}"
    begins: true

- name: Mark it good and in service
  slipway.aws.release:
    bucket: slipway-123456789012-eu-central-1
    name: shop-prod
    id: "{{ recorded.release.id }}"
    status: good
    current: true
"""

RETURN = r"""
release:
  description: The release.
  returned: always
  type: dict
  sample:
    id: 20260102T030405Z-3f2a91c
    commit: 3f2a91c
    created_at: "2026-01-02T03:04:05+00:00"
    images: {api: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop-prod-api@sha256:0123"}
    functions: {}
    status: built
"""

import re
from datetime import UTC, datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.slipway.aws.plugins.module_utils import releases
from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError, connect, finish

COMMIT = re.compile(r"[0-9A-Za-z_.-]{1,100}")
DIGEST = re.compile(r"\S+@sha256:[0-9a-f]{64}")
SHA256 = re.compile(r"[0-9a-f]{64}")
PACKAGE = {"bucket", "key", "sha256"}


def check_new(commit: str, images: dict[str, Any], functions: dict[str, Any]) -> None:
    """Refuse what could not be rolled out later."""
    if not COMMIT.fullmatch(commit):
        raise RefusedError(f"commit is {commit!r}; allowed: up to 100 letters, digits, '.', '_' and '-'.")
    if not images and not functions:
        raise RefusedError("images and functions are empty; a release needs at least one image or function.")
    for image, reference in images.items():
        if not DIGEST.fullmatch(str(reference)):
            raise RefusedError(
                f"images.{image} is {reference!r}; a release identifies images by digest:"
                " <repository>@sha256:<64 hexadecimal digits>."
            )
    for function, package in functions.items():
        whole = isinstance(package, dict) and set(package) == PACKAGE and all(package.values())
        if not whole or not SHA256.fullmatch(str(package["sha256"])):
            raise RefusedError(
                f"functions.{function} is {package!r}; a release identifies functions by bucket, key and sha256"
                " (64 hexadecimal digits)."
            )


def recorded(s3: Any, params: dict[str, Any]) -> tuple[releases.Release | None, releases.Release]:
    """The release as the ledger has it, and as it is without what is to be marked."""
    bucket, name = params["bucket"], params["name"]
    if params["id"]:
        before = releases.read_release(s3, bucket, name, params["id"])
        if before is None:
            raise RefusedError(f"{name} has no release {params['id']!r}, so it cannot be marked.")
        return before, before
    commit, images, functions = params["commit"], params["images"] or {}, params["functions"] or {}
    check_new(commit, images, functions)
    wanted = (commit, images, functions)
    known, _damaged = releases.recent(s3, bucket, name)
    same = next((each for each in known if releases.content(each) == wanted), None)
    now = datetime.now(UTC).replace(microsecond=0)
    new = {
        "id": releases.new_id(commit, now),
        "commit": commit,
        "created_at": now.isoformat(),
        "images": images,
        "functions": functions,
        "status": "built",
    }
    return same, same or new


def marked(release: releases.Release, status: str | None) -> releases.Release:
    """The release with its new status. What has been good stays so."""
    if status is None or release["status"] == "good":
        return release
    return {**release, "status": status}


def in_service(record: releases.Release, release_id: str, params: dict[str, Any], sts: Any) -> releases.Release:
    """What is in service, as the ledger has it, after what is to be marked."""
    if not params["current"] and not params["begins"]:
        return record
    if params["current"] and record["id"] == release_id:
        return {key: value for key, value in record.items() if key != "rolling_out"}
    who = sts.get_caller_identity()["Arn"]
    event = {"id": release_id, "since": datetime.now(UTC).isoformat(timespec="seconds"), "by": who}
    return event if params["current"] else {**record, "rolling_out": event}


def write_ledger(s3: Any, sts: Any, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """The module's result."""
    bucket, name = params["bucket"], params["name"]
    before, unmarked = recorded(s3, params)
    after = marked(unmarked, params["status"])
    record = releases.service_record(s3, bucket, name)
    serving = in_service(record, after["id"], params, sts)
    if not check_mode and after != before:
        releases.write_json(s3, bucket, f"{releases.prefix(name)}{after['id']}.json", after)
    if not check_mode and serving != record:
        releases.write_json(s3, bucket, f"{releases.prefix(name)}{releases.CURRENT}.json", serving)
    diff = {"before": {**(before or {})}, "after": {**after}}
    if serving["id"] != record["id"]:
        diff["before"]["current"] = record["id"]
        diff["after"]["current"] = serving["id"]
    return {"changed": after != before or serving != record, "release": after, "diff": diff}


def write(module: Any) -> dict[str, Any]:
    """The module's result, from the account's own bucket."""
    sts = connect(module, "sts")
    return write_ledger(releases.owned(connect(module, "s3"), sts), sts, module.params, module.check_mode)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"required": True},
            "name": {"required": True},
            "id": {},
            "commit": {},
            "images": {"type": "dict"},
            "functions": {"type": "dict"},
            "status": {"choices": ["built", "unproven", "good", "failed"]},
            "current": {"type": "bool", "default": False},
            "begins": {"type": "bool", "default": False},
        },
        required_one_of=[("id", "commit")],
        mutually_exclusive=[("id", "commit"), ("id", "images"), ("id", "functions")],
        supports_check_mode=True,
    )
    if module.params["begins"] and module.params["current"]:
        module.fail_json(msg="begins and current are both true; a roll-out begins, or it has ended.")
    finish(
        module,
        lambda: write(module),
        f"Could not write the releases of {module.params['name']}",
    )


if __name__ == "__main__":
    main()
