"""slipway.aws.s3_bucket_owner_info, and that the ledger is asked as its owner only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.stub import Stubber

from ansible_collections.slipway.aws.plugins.module_utils import releases
from ansible_collections.slipway.aws.plugins.modules import s3_bucket_owner_info
from tests.support.modules import REGION, Client, Run, runner

ACCOUNT = "123456789012"
ASKED = {"Bucket": "shop", "ExpectedBucketOwner": ACCOUNT}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client("s3", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
    monkeypatch.setattr(s3_bucket_owner_info, "connect", lambda *_: client)
    with Stubber(client) as stubber:
        yield stubber


@pytest.fixture
def owner(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("s3_bucket_owner_info", capsys, name="shop", account=ACCOUNT)


def test_a_bucket_of_the_account_is_there(owner: Run, s3: Stubber) -> None:
    s3.add_response("head_bucket", {}, ASKED)
    assert owner()["exists"] is True


def test_a_bucket_that_nobody_has_is_not(owner: Run, s3: Stubber) -> None:
    s3.add_client_error("head_bucket", "404", http_status_code=404, expected_params=ASKED)
    assert owner()["exists"] is False


def test_a_bucket_of_somebody_else_is_refused(owner: Run, s3: Stubber) -> None:
    s3.add_client_error("head_bucket", "403", http_status_code=403, expected_params=ASKED)
    refused = owner()
    assert refused["failed"] is True
    assert "The bucket shop belongs to another account than 123456789012" in refused["msg"]


def test_another_error_is_told_as_it_is(owner: Run, s3: Stubber) -> None:
    s3.add_client_error("head_bucket", "503", http_status_code=503)
    assert "Could not ask whose the bucket shop is" in owner()["msg"]


def test_releases_are_asked_of_the_accounts_own_bucket_only(
    in_moto: Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_moto("s3").create_bucket(Bucket="ledger", CreateBucketConfiguration={"LocationConstraint": REGION})
    asked: list[tuple[str, Any]] = []
    client_class: Any = BaseClient
    original = client_class._convert_to_request_dict

    def convert(self: Any, api_params: Any, operation_model: Any, *args: Any, **kwargs: Any) -> Any:
        if operation_model.service_model.service_name == "s3":
            asked.append((operation_model.name, api_params.get("ExpectedBucketOwner")))
        return original(self, api_params, operation_model, *args, **kwargs)

    monkeypatch.setattr(BaseClient, "_convert_to_request_dict", convert)
    image = {"api": "registry/api@sha256:" + "0" * 64}
    runner("release", capsys, bucket="ledger", name="shop-prod")(commit="abc", images=image)
    runner("release_info", capsys, bucket="ledger", name="shop-prod")()
    # Whoever else uses the same client asks as before.
    s3 = in_moto("s3")
    releases.owned(s3, in_moto("sts"))
    s3.create_bucket(Bucket="other", CreateBucketConfiguration={"LocationConstraint": REGION})
    assert asked.pop() == ("CreateBucket", None)
    assert {name for name, _owner in asked} == {"GetObject", "ListObjectsV2", "PutObject"}
    assert {owner for _name, owner in asked} == {ACCOUNT}
