"""Rule 7: a plan asks equal reads that follow each other once."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.slipway.graph.plugins.plugin_utils.worker import barrier, reads


class Api:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, _client: t.Any, _operation: str, _parameters: t.Any) -> dict[str, t.Any]:
        self.asked += 1
        return {"Asked": self.asked, "Tags": ["a"]}


def client(key: str = "one", region: str = "eu-central-1") -> t.Any:
    meta = types.SimpleNamespace(
        service_model=types.SimpleNamespace(service_name="ec2"), endpoint_url="http://127.0.0.1:9", region_name=region
    )
    credentials = types.SimpleNamespace(access_key=key, token=None)
    return types.SimpleNamespace(meta=meta, _get_credentials=lambda: credentials)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[list[float]]:
    now = [100.0]
    monkeypatch.setattr(reads.Reads.__init__, "__defaults__", (lambda: now[0],))
    yield now


def test_rule_07_equal_reads_are_asked_once(clock: list[float]) -> None:
    seam, api = barrier.Seam(), Api()
    for mode in ("plan", "plan", "inspect"):
        seam.begin(mode)
        assert seam.intercept(api, client(), "DescribeVpcs", {"VpcIds": ["a"]})["Asked"] == 1
    assert api.asked == 1
    assert seam.calls == []


@pytest.mark.parametrize(
    ("asker", "operation", "parameters"),
    [
        (client(key="two"), "DescribeVpcs", {"VpcIds": ["a"]}),
        (client(region="eu-west-1"), "DescribeVpcs", {"VpcIds": ["a"]}),
        (client(), "DescribeSubnets", {"VpcIds": ["a"]}),
        (client(), "DescribeVpcs", {"VpcIds": ["b"]}),
        (client(), "DescribeVpcs", {}),
    ],
)
def test_rule_07_other_reads_are_asked(clock: list[float], asker: t.Any, operation: str, parameters: t.Any) -> None:
    seam, api = barrier.Seam(), Api()
    seam.begin("plan")
    seam.intercept(api, client(), "DescribeVpcs", {"VpcIds": ["a"]})
    assert seam.intercept(api, asker, operation, parameters)["Asked"] == 2


def test_rule_07_a_module_that_waits_sees_the_change(clock: list[float]) -> None:
    seam, api = barrier.Seam(), Api()
    seam.begin("plan")
    seam.intercept(api, client(), "DescribeVpcs", {})
    clock[0] += reads.KEPT_SECONDS
    assert seam.intercept(api, client(), "DescribeVpcs", {})["Asked"] == 2


def test_rule_07_a_module_may_change_what_it_was_given(clock: list[float]) -> None:
    seam, api = barrier.Seam(), Api()
    seam.begin("plan")
    seam.intercept(api, client(), "DescribeVpcs", {})["Tags"].append("mine")
    assert seam.intercept(api, client(), "DescribeVpcs", {})["Tags"] == ["a"]


def test_an_apply_asks_every_time(clock: list[float]) -> None:
    seam, api = barrier.Seam(), Api()
    seam.begin("plan")
    seam.intercept(api, client(), "DescribeVpcs", {})
    for expected in (2, 3):
        seam.begin("apply")
        assert seam.intercept(api, client(), "DescribeVpcs", {})["Asked"] == expected


def test_rule_07_a_stream_is_not_kept(clock: list[float]) -> None:
    seam = barrier.Seam()
    seam.begin("plan")
    for _ in range(2):
        answer = seam.intercept(lambda *_: {"Body": (part for part in b"x")}, client(), "GetObject", {})
        assert list(answer["Body"]) == [ord("x")]
