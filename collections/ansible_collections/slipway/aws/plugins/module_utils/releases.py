# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ledger of releases: JSON documents in S3 under releases/<name>/, named so that they sort by time."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

# Where it is missing, AnsibleAWSModule says so.
with suppress(ImportError):
    from botocore.exceptions import ClientError

from ansible_collections.slipway.aws.plugins.module_utils.resource import RefusedError

Release = dict[str, Any]

# How far back releases are read: further ones exist in the bucket and can be named by their id.
WINDOW = 50

# Beside the releases: which of them is in service.
CURRENT = "current"

WAY_ON = "The bucket keeps older versions of it: restore one, or remove it."


class DamagedError(RefusedError):
    """A document of the ledger cannot be understood, and nobody guesses what it said."""


def owned(s3: Any, sts: Any) -> Any:
    """What is needed of a client of S3, asking nobody else's buckets: anybody may have made one of that name before.

    The client itself stays as it is, since warm processes use it for other modules, too.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    own = {"ExpectedBucketOwner": sts.get_caller_identity()["Account"]}

    def get_paginator(name: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=partial(s3.get_paginator(name).paginate, **own))

    return SimpleNamespace(
        get_object=partial(s3.get_object, **own),
        put_object=partial(s3.put_object, **own),
        get_paginator=get_paginator,
    )


def content(release: Release) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """What makes a release the one it is: commit, images and functions. Older documents name no functions."""
    return release["commit"], release["images"], release.get("functions", {})


def prefix(name: str) -> str:
    """Where the releases of a system in an environment lie."""
    return f"releases/{name}/"


def new_id(commit: str, at: datetime) -> str:
    """An id that sorts by time and says the commit."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{commit}"


def read_json(s3: Any, bucket: str, key: str) -> Release | None:
    """A document of the ledger, or None when it, or the whole bucket, does not exist.

    :raises DamagedError: for a document that is none.
    """
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket", "404"):
            return None
        raise
    try:
        document = json.loads(body)
    except ValueError as error:
        raise DamagedError(f"s3://{bucket}/{key} is damaged: {error}. {WAY_ON}") from error
    if not isinstance(document, dict) or "id" not in document:
        raise DamagedError(f"s3://{bucket}/{key} is damaged: it names no release. {WAY_ON}")
    return document


def write_json(s3: Any, bucket: str, key: str, document: Release) -> None:
    """Write a document; the bucket's own defaults encrypt it."""
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=json.dumps(document, indent=2, sort_keys=True).encode(),
        ContentType="application/json",
    )


def read_release(s3: Any, bucket: str, name: str, release_id: str) -> Release | None:
    """One release by its id."""
    key = f"{prefix(name)}{release_id}.json"
    release = read_json(s3, bucket, key)
    missing = sorted({"commit", "images", "status"} - set(release or {})) if release else []
    if missing:
        raise DamagedError(f"s3://{bucket}/{key} is damaged: it lacks {', '.join(missing)}. {WAY_ON}")
    return release


def service_record(s3: Any, bucket: str, name: str) -> Release:
    """What the ledger says is in service: `id`, `since`, `by`, and `rolling_out` while a roll-out has not ended.

    Older documents have the id alone; without any release in service the id is an empty string.
    """
    return {"id": "", **(read_json(s3, bucket, f"{prefix(name)}{CURRENT}.json") or {})}


def current_id(s3: Any, bucket: str, name: str) -> str:
    """The id of the release in service, or an empty string."""
    return str(service_record(s3, bucket, name)["id"])


def list_ids(s3: Any, bucket: str, name: str) -> list[str]:
    """All ids, newest first."""
    keys: list[str] = []
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix(name)):
            keys += [item["Key"] for item in page.get("Contents", [])]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
    ids = [key.removeprefix(prefix(name)).removesuffix(".json") for key in keys]
    return sorted((each for each in ids if each != CURRENT), reverse=True)


def recent(s3: Any, bucket: str, name: str) -> tuple[list[Release], list[str]]:
    """The newest releases, newest first; and what is wrong with those that are damaged."""
    found, problems = [], []
    for each in list_ids(s3, bucket, name)[:WINDOW]:
        try:
            release = read_release(s3, bucket, name, each)
        except DamagedError as error:
            problems.append(str(error))
            continue
        found += [release] if release else []
    return found, problems


def find(s3: Any, bucket: str, name: str, wanted: str) -> Release | None:
    """A release by its id or, the newest one, by its commit."""
    ids = list_ids(s3, bucket, name)
    match = next((each for each in ids if each == wanted or each.split("-", 1)[-1] == wanted), None)
    return read_release(s3, bucket, name, match) if match else None


def last_good(releases: list[Release], in_service: str) -> Release | None:
    """The newest good release that is older than the one in service."""
    older = (each for each in releases if not in_service or each["id"] < in_service)
    return next((each for each in older if each["status"] == "good"), None)
