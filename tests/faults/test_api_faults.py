"""Rule 9: the API throttles, breaks and times out, and the apply ends well all the same."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from tests.faults import ledger
from tests.support import account, system
from tests.support.api_proxy import proxied


def _converge(folder: Path, environment: dict[str, str]) -> dict[str, t.Any]:
    journal = folder / "journal.json"
    task = {"roles": system.SYSTEM["system_roles"], "journal": str(journal)}
    system.play(folder, environment, {"tasks": [{"name": "Converge", "slipway.graph.converge": task}]})
    document: dict[str, t.Any] = json.loads(journal.read_text())
    return document


def _account(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> t.Any:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return json.loads(json.dumps(account.normalised(account.read_account()), default=str))


def test_rule_09_an_apply_ends_well_although_a_fifth_of_all_calls_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with system.emulated() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        ledger.reset()
        _converge(tmp_path, environment)
        undisturbed = _account(environment, monkeypatch)
        ledger.reset()
        with proxied(environment) as (disturbing, proxies):
            for proxy in proxies:
                proxy.fault_rate = 0.2
            journal = _converge(tmp_path, disturbing)
        disturbed = _account(environment, monkeypatch)
    retries = sum(call["retries"] for each in journal["calls"] for call in each["api_calls"])
    operations = sum(len(proxy.operations) for proxy in proxies)
    assert retries > operations / 10, f"{retries} retries among {operations} requests: hardly a fault"
    assert journal["summary"]["failed"] == 0
    assert disturbed == undisturbed
