"""slipway.aws.rds_engine_support_info against answers of AWS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.stub import Stubber

from ansible_collections.slipway.aws.plugins.modules import rds_engine_support_info
from tests.support.modules import REGION, Run, runner

ASKED = {"Engine": "mysql", "MajorEngineVersion": "8.0"}
NAMES = (rds_engine_support_info.STANDARD, rds_engine_support_info.EXTENDED)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    client = boto3.client("rds", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
    monkeypatch.setattr(rds_engine_support_info, "connect", lambda *_: client)
    stubber = Stubber(client)
    stubber.activate()
    return stubber


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("rds_engine_support_info", capsys, engine="mysql", major_version="8.0")


def supported(api: Stubber, *days: int) -> list[str]:
    """Let the kinds of support end in so many days; the dates."""
    dates = [datetime.now(UTC) + timedelta(days=each) for each in days]
    cycles = [
        {"LifecycleSupportName": name, "LifecycleSupportStartDate": datetime(2023, 1, 1, tzinfo=UTC),
         "LifecycleSupportEndDate": date}
        for name, date in zip(NAMES, dates, strict=True)
    ]  # fmt: skip
    version = {"Engine": "mysql", "MajorEngineVersion": "8.0", "SupportedEngineLifecycles": cycles}
    api.add_response("describe_db_major_engine_versions", {"DBMajorEngineVersions": [version]}, ASKED)
    return [f"{date:%Y-%m-%d}" for date in dates]


@pytest.mark.parametrize(
    ("days", "says"),
    [
        ((400, 1500), ""),
        ((100, 1200), "standard support of mysql 8.0 ends on {0}; then RDS charges Extended Support, until {1}"),
        (
            (-100, 900),
            "standard support of mysql 8.0 ended on {0}: RDS charges Extended Support for each vCPU and hour",
        ),
        ((-1500, -100), "RDS supports mysql 8.0 no more since {1}"),
    ],
)
def test_what_grows_old_is_named(api: Stubber, ask: Run, days: tuple[int, int], says: str) -> None:
    dates = supported(api, *days)
    answer = ask()
    assert [answer["standard_support_until"], answer["extended_support_until"]] == dates
    assert says.format(*dates) in " ".join(answer.get("warnings", []))
    assert bool(answer.get("warnings")) == bool(says)


@pytest.mark.parametrize("code", ["InvalidParameterValue", "InvalidAction"])
def test_what_rds_does_not_know_is_no_failure(api: Stubber, ask: Run, code: str) -> None:
    api.add_client_error("describe_db_major_engine_versions", code, expected_params=ASKED)
    assert ask()["standard_support_until"] == ""


def test_other_errors_are_errors(api: Stubber, ask: Run) -> None:
    api.add_client_error("describe_db_major_engine_versions", "AccessDenied", expected_params=ASKED)
    assert "Could not ask until when RDS supports mysql 8.0" in ask()["msg"]
