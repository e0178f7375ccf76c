"""slipway.aws.secretsmanager_rotation against recorded answers."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from ansible_collections.slipway.aws.plugins.modules import secretsmanager_rotation
from tests.support.modules import REGION, Run, runner

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:shop-rotation"
SECRET = {"SecretId": "shop-database"}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    client = boto3.client("secretsmanager", region_name=REGION, aws_access_key_id="t", aws_secret_access_key="t")
    monkeypatch.setattr(secretsmanager_rotation, "connect", lambda *_: client)
    stubber = Stubber(client)
    stubber.activate()
    return stubber


@pytest.fixture
def rotate(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("secretsmanager_rotation", capsys, secret_id="shop-database", function_arn=FUNCTION, days=30)


def held(api: Stubber, **fields: Any) -> None:
    api.add_response("describe_secret", {"Name": "shop-database", **fields}, SECRET)


def sets(api: Stubber) -> None:
    rules = {"AutomaticallyAfterDays": 30}
    asked = {**SECRET, "RotationLambdaARN": FUNCTION, "RotationRules": rules, "RotateImmediately": False}
    api.add_response("rotate_secret", {}, {**asked, "ClientRequestToken": ANY})


ROTATED = {"RotationEnabled": True, "RotationLambdaARN": FUNCTION, "RotationRules": {"AutomaticallyAfterDays": 30}}


def test_a_rotation_is_set_and_nothing_rotated_at_once(api: Stubber, rotate: Run) -> None:
    held(api)
    sets(api)
    assert rotate()["changed"] is True
    api.assert_no_pending_responses()


def test_a_permission_that_is_too_new_to_be_known_is_waited_for(
    api: Stubber, rotate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    held(api)
    # As the Terraform provider has the words.
    message = "Secrets Manager cannot invoke the specified Lambda function."
    api.add_client_error("rotate_secret", "AccessDeniedException", message)
    sets(api)
    assert rotate()["changed"] is True
    api.assert_no_pending_responses()


def test_a_rotation_that_is_so_already_stays(api: Stubber, rotate: Run) -> None:
    held(api, **ROTATED)
    assert rotate()["changed"] is False


@pytest.mark.parametrize(
    "other",
    [{"RotationEnabled": False}, {"RotationRules": {"AutomaticallyAfterDays": 90}}, {"RotationLambdaARN": "arn:old"}],
)
def test_another_rotation_is_replaced(api: Stubber, rotate: Run, other: dict[str, Any]) -> None:
    held(api, **{**ROTATED, **other})
    sets(api)
    assert rotate()["changed"] is True
    api.assert_no_pending_responses()


def test_check_mode_only_reads(api: Stubber, rotate: Run) -> None:
    held(api)
    assert rotate(check=True)["changed"] is True
