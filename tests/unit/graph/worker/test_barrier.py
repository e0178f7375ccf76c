"""Rule 7: the one seam that journals reads and stops writes."""

from __future__ import annotations

import contextlib
import types
import typing as t

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.worker import barrier, server
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.buckets import Buckets


def client(service: str = "ec2", endpoint: str = "http://127.0.0.1:4566") -> t.Any:
    model = types.SimpleNamespace(service_name=service)
    meta = types.SimpleNamespace(service_model=model, endpoint_url=endpoint, region_name="eu-central-1")
    return types.SimpleNamespace(meta=meta, _get_credentials=lambda: None)


def send(_client: t.Any, operation: str, _parameters: t.Any) -> dict[str, t.Any]:
    return {"sent": operation, "ResponseMetadata": {"RetryAttempts": 2}}


@pytest.mark.parametrize(
    "operation", ["DescribeVpcs", "GetObject", "ListTags", "HeadBucket", "BatchGetImage", "SearchTransitGatewayRoutes"]
)
def test_rule_07_reads_pass(operation: str) -> None:
    seam = barrier.Seam(Buckets())
    seam.begin("plan")
    assert seam.intercept(send, client(), operation, {})["sent"] == operation


@pytest.mark.parametrize("operation", ["CreateVpc", "PutObject", "TagResource", "FrobnicateThing", "describeLowerCase"])
def test_rule_07_whatever_is_no_read_by_name_is_a_write(operation: str) -> None:
    seam = barrier.Seam(Buckets())
    seam.begin("plan")
    with contextlib.suppress(barrier.WriteBarrier):
        assert seam.intercept(send, client(), operation, {"Name": "x"}) == {}
    assert seam.writes == [{"service": "ec2", "operation": operation, "parameters": {"Name": "x"}}]
    assert seam.calls == []


@pytest.mark.parametrize("operation", ["CreateVpc", "RunInstances", "AllocateAddress", "RegisterTaskDefinition"])
def test_rule_07_a_write_that_makes_something_new_stops_the_module(operation: str) -> None:
    seam = barrier.Seam(Buckets())
    seam.begin("plan")
    with pytest.raises(barrier.WriteBarrier):
        seam.intercept(send, client(), operation, {})


@pytest.mark.parametrize("operation", ["ModifyVpcAttribute", "CreateTags", "TagResource", "PutRetentionPolicy"])
def test_rule_07_a_module_that_changes_what_exists_goes_on_to_tell_of_it(operation: str) -> None:
    seam = barrier.Seam(Buckets())
    seam.begin("plan")
    assert seam.intercept(send, client(), operation, {}) == {}
    assert seam.intercept(send, client(), "DescribeVpcs", {})["sent"] == "DescribeVpcs"


def test_rule_07_a_module_that_waits_for_what_it_may_not_write_is_stopped_without_a_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(barrier, "_sleep", slept.append)
    seam = barrier.Seam(Buckets())
    seam.begin("plan")
    seam.sleep(1)
    assert slept == [1]
    seam.intercept(send, client(), "ModifyVpcAttribute", {})
    with pytest.raises(barrier.WriteBarrier):
        for _ in range(100):
            seam.intercept(send, client(), "DescribeVpcAttribute", {})
            seam.sleep(30)
    assert slept == [1]


def test_rule_07_the_stopped_write_is_compared_with_what_was_read() -> None:
    seam = barrier.Seam()
    assert compared(seam, "db.t3.large") == [
        {"name": "DBInstanceClass", "before": "db.t3.small", "after": "db.t3.large"}
    ]
    seam.begin("plan")
    assert seam.changes == []


def test_rule_17_what_a_secret_replaces_is_hidden_with_it() -> None:
    worker = server.Worker(barrier.Seam())
    worker.modules = [types.SimpleNamespace(no_log_values={"db.t3.planted"})]
    compared(worker.seam, "db.t3.planted")
    hidden = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert worker._readable_changes() == [{"name": "DBInstanceClass", "before": hidden, "after": hidden}]


def compared(seam: barrier.Seam, wanted: str) -> t.Any:
    """Read an instance of the class db.t3.small, and be stopped when it is to become another."""

    def answer(_client: t.Any, _operation: str, _parameters: t.Any) -> dict[str, t.Any]:
        return {"DBInstances": [{"DBInstanceIdentifier": "demo", "DBInstanceClass": "db.t3.small"}]}

    rds = client("rds")
    shape = types.SimpleNamespace(required_members=["DBInstanceIdentifier"])
    rds.meta.service_model.operation_model = lambda _name: types.SimpleNamespace(input_shape=shape)
    seam.begin("plan")
    seam.compares = True
    seam.intercept(answer, rds, "DescribeDBInstances", {})
    seam.intercept(answer, rds, "ModifyDBInstance", {"DBInstanceIdentifier": "demo", "DBInstanceClass": wanted})
    return seam.changes


def test_rule_07_the_barrier_is_no_exception_that_modules_catch() -> None:
    assert not issubclass(barrier.WriteBarrier, Exception)


@pytest.mark.parametrize("mode", ["plan", "inspect", "apply"])
@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("sso-oidc", "CreateToken"),
        ("sso", "GetRoleCredentials"),
        ("signin", "CreateOAuth2Token"),
        ("s3", "CreateSession"),
    ],
)
def test_a_login_that_is_renewed_in_a_plan_is_no_write_and_is_not_journalled(
    service: str, operation: str, mode: str
) -> None:
    seam = barrier.Seam(Buckets())
    seam.begin(mode, expected=[])
    seam.compares = True
    assert seam.intercept(send, client(service), operation, {"refreshToken": "hidden"})["sent"] == operation
    assert (seam.writes, seam.calls, seam._reads, seam._answers._answers) == ([], [], [], {})


def test_what_a_login_assumes_in_a_plan_is_shown_in_no_difference() -> None:
    seam = barrier.Seam(Buckets())
    seam.begin("plan")
    seam.compares = True
    for operation in ("AssumeRole", "AssumeRoleWithWebIdentity", "GetSessionToken", "GetFederationToken"):
        seam.intercept(send, client("sts"), operation, {})
    assert seam._reads == []


def test_rule_09_the_journal_has_no_values() -> None:
    seam = barrier.Seam(Buckets())
    seam.begin("apply")
    seam.intercept(send, client("rds"), "CreateDBInstance", {"MasterUserPassword": "hidden"})
    (call,) = seam.calls
    assert {key: call.get(key) for key in ("service", "operation", "retries")} == {
        "service": "rds", "operation": "CreateDBInstance", "retries": 2,
    }  # fmt: skip
    assert "hidden" not in str(seam.calls)


def test_rule_09_a_failed_call_is_journalled_with_its_code() -> None:
    def refuse(*_args: t.Any) -> None:
        error = RuntimeError("no")
        error.response = {"Error": {"Code": "AccessDenied"}}  # type: ignore[attr-defined]  # as botocore's errors have
        raise error

    seam = barrier.Seam(Buckets())
    seam.begin("apply")
    with pytest.raises(RuntimeError):
        seam.intercept(refuse, client(), "DescribeVpcs", {})
    assert seam.calls[0]["error"] == "AccessDenied"


def test_rule_10_looking_for_ids_answers_changes_with_nothing_and_stops_at_creations() -> None:
    seam = barrier.Seam(Buckets())
    seam.begin("inspect")
    assert seam.intercept(send, client(), "ModifyVpcAttribute", {}) == {}
    with pytest.raises(barrier.WriteBarrier):
        seam.intercept(send, client(), "CreateVpc", {})
