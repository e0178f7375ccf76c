"""The table of items is, in an account, what the application is tested with."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.support.paths import ROOT

SCHEMA = json.loads((ROOT / "app/items/data/schemas/items.json").read_text())
(TABLE,) = yaml.safe_load((ROOT / "playbooks/group_vars/items.yml").read_text())["dynamodb_list"]
TYPES = {"STRING": "S", "NUMBER": "N", "BINARY": "B"}


def keys(declared: dict[str, Any]) -> list[dict[str, str]]:
    """The keys of a table or an index, as the role's input names them, in the form of the API."""
    named = [("hash_key", "HASH"), ("range_key", "RANGE")]
    return [{"AttributeName": declared[key], "KeyType": kind} for key, kind in named if key in declared]


def attributes(declared: dict[str, Any]) -> dict[str, str]:
    """Name and type of the attributes in its keys."""
    return {declared[key]: TYPES[declared.get(f"{key}_type", "STRING")] for key in ("hash_key", "range_key")
            if key in declared}  # fmt: skip


def test_keys_and_indexes_are_the_same() -> None:
    assert keys(TABLE) == SCHEMA["KeySchema"]
    assert [(index["name"], keys(index)) for index in TABLE["indexes"]] == [
        (index["IndexName"], index["KeySchema"]) for index in SCHEMA["GlobalSecondaryIndexes"]
    ]


def test_their_types_are_the_same() -> None:
    declared = attributes(TABLE)
    for index in TABLE["indexes"]:
        declared |= attributes(index)
    assert declared == {each["AttributeName"]: each["AttributeType"] for each in SCHEMA["AttributeDefinitions"]}


def test_what_is_remembered_of_requests_expires() -> None:
    assert TABLE["ttl_attribute"] == "expiresAt"
    assert 'expiry_attr="expiresAt"' in (ROOT / "app/items/items/main.py").read_text()
