"""Clients that make, change and delete items in any order, beside a model of what must be there."""

from __future__ import annotations

from typing import Any

import boto3
import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from moto import mock_aws

from tests.conftest import SCHEMA, TABLE
from tests.contents import contents
from tests.requests import Api


class Clients(RuleBasedStateMachine):
    """Each rule is one request."""

    made = Bundle("made")

    @initialize()
    def begin(self) -> None:
        self.account = mock_aws()
        self.account.start()
        boto3.resource("dynamodb").create_table(TableName=TABLE, **SCHEMA)
        self.api = Api()
        self.expected: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        self.account.stop()

    @rule(target=made, content=contents)
    def make(self, content: dict[str, Any]) -> str:
        item = self.api.make(**content)
        self.expected[item["id"]] = item
        return str(item["id"])

    @rule(identifier=made, content=contents, version=st.integers(1, 4))
    def change(self, identifier: str, content: dict[str, Any], version: int) -> None:
        answer = self.api.ask("PUT", f"/items/{identifier}", {**content, "version": version})
        current = self.expected[identifier]
        assert answer.status == (200 if current["version"] == version else 409)
        if answer.status == 200:
            assert answer.json["version"] == version + 1
            self.expected[identifier] = answer.json

    @rule(identifier=consumes(made))
    def delete(self, identifier: str) -> None:
        assert self.api.ask("DELETE", f"/items/{identifier}").status == 204
        del self.expected[identifier]

    @invariant()
    def lists_have_every_item_once_newest_first(self) -> None:
        listed: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.api.ask("GET", f"/items?limit=2{cursor}").json
            listed += page["items"]
            if page["nextCursor"] is None:
                break
            cursor = f"&cursor={page['nextCursor']}"
        newest_first = sorted(self.expected.values(), key=lambda item: str(item["createdAt"]), reverse=True)
        assert listed == newest_first


Clients.TestCase.settings = settings(deadline=None, max_examples=15, stateful_step_count=12)
test_clients_see_what_they_did = Clients.TestCase
