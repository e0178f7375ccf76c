"""slipway.aws.rds_orderable_instance_info against recorded answers."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from ansible_collections.slipway.aws.plugins.modules import rds_orderable_instance_info
from tests.support.modules import REGION, Run, runner

ASKED = {"Engine": "mysql", "DBInstanceClass": "db.t3.medium"}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    client = boto3.client("rds", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
    monkeypatch.setattr(rds_orderable_instance_info, "connect", lambda *_: client)
    stubber = Stubber(client)
    stubber.activate()
    return stubber


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("rds_orderable_instance_info", capsys, engine="mysql", instance_class="db.t3.medium")


def orderable(api: Stubber, *versions: str) -> None:
    options = [{"Engine": "mysql", "EngineVersion": version} for version in versions]
    api.add_response("describe_orderable_db_instance_options", {"OrderableDBInstanceOptions": options}, ASKED)


@pytest.mark.parametrize(
    ("asked", "versions"),
    [("8.0", ["8.0.41", "8.0.42"]), ("8.0.42", ["8.0.42"]), ("8.4", ["8.4.3"]), ("8", ["8.0.41", "8.0.42", "8.4.3"])],
)
def test_a_line_has_its_versions_and_a_version_itself(api: Stubber, ask: Run, asked: str, versions: list[str]) -> None:
    orderable(api, "8.0.42", "8.0.41", "8.0.41", "8.4.3")
    answer = ask(engine_version=asked)
    assert answer["orderable"] is True
    assert answer["versions"] == versions


@pytest.mark.parametrize("asked", ["5.7", "8.0.4", "80"])
def test_a_line_that_the_class_does_not_run_is_not_orderable(api: Stubber, ask: Run, asked: str) -> None:
    orderable(api, "8.0.42")
    assert ask(engine_version=asked)["orderable"] is False


def test_a_class_that_aws_does_not_know_is_not_orderable(api: Stubber, ask: Run) -> None:
    api.add_client_error("describe_orderable_db_instance_options", "InvalidParameterValue", expected_params=ASKED)
    assert ask(engine_version="8.0")["orderable"] is False


def test_other_errors_are_errors(api: Stubber, ask: Run) -> None:
    api.add_client_error("describe_orderable_db_instance_options", "AccessDenied", expected_params=ASKED)
    assert "Could not list the instance classes that RDS offers for mysql" in ask(engine_version="8.0")["msg"]
