"""slipway.aws.iam_permissions_boundary against moto."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.modules import Client, Run, runner

BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def iam(in_moto: Client) -> Any:
    client = in_moto("iam")
    client.create_role(RoleName="deploy", AssumeRolePolicyDocument="{}")
    return client


@pytest.fixture
def run(iam: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("iam_permissions_boundary", capsys, role_name="deploy")


def boundary(iam: Any) -> str:
    role = iam.get_role(RoleName="deploy")["Role"]
    return str(role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""))


def test_a_boundary_comes_and_goes(iam: Any, run: Run) -> None:
    for wanted in (BOUNDARY, ""):
        assert run(boundary=wanted)["changed"] is True
        assert boundary(iam) == wanted
        assert run(boundary=wanted)["changed"] is False


def test_check_mode_changes_no_boundary(iam: Any, run: Run) -> None:
    assert run(check=True, boundary=BOUNDARY)["changed"] is True
    assert boundary(iam) == ""


def test_a_role_that_is_still_to_be_made_gets_its_boundary_then(run: Run) -> None:
    assert run(check=True, role_name="nobody", boundary=BOUNDARY)["changed"] is False
