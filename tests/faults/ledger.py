"""A fresh account on the emulators that the environment names, with one release in its ledger."""

from __future__ import annotations

import functools
import json
import os
import typing as t

import boto3
import requests

from tests.support.emulators import CREDENTIALS

HOST = "transactions-dev"
BUCKET = f"slipway-{CREDENTIALS['AWS_ACCESS_KEY_ID']}-{CREDENTIALS['AWS_REGION']}"


@functools.lru_cache(maxsize=1)
def _s3() -> t.Any:
    session: t.Any = boto3.session.Session()
    return session.client("s3")


def reset() -> None:
    """Empty the account, and record a release of an image that nobody starts: services are made with their first."""
    requests.post(f"{os.environ['AWS_ENDPOINT_URL']}/_ministack/reset", timeout=60).raise_for_status()
    scaling = os.environ["AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING"]
    requests.post(f"{scaling}/moto-api/reset", timeout=60).raise_for_status()
    s3 = _s3()
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": CREDENTIALS["AWS_REGION"]})
    release = {
        "id": "20260101T000000Z-abc",
        "commit": "abc",
        "created_at": "2026-01-01T00:00:00Z",
        "images": {"api": f"registry.example/api@sha256:{'0' * 64}"},
        "status": "good",
    }
    for name, document in ((release["id"], release), ("current", {"id": release["id"]})):
        s3.put_object(Bucket=BUCKET, Key=f"releases/{HOST}/{name}.json", Body=json.dumps(document).encode())
