"""The texts in requests and answers."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from tests.support.hard.protocol import Result

SHORTEST_ID = 8


def new_ids(parameters: Result, result: Result) -> set[str]:
    """The ids in an answer that were not in the request."""
    asked = set(texts(parameters))
    return {text for name, text in named_texts(result) if name.endswith(ID_ENDS) and text not in asked and _is_id(text)}


ID_ENDS = ("Id", "id", "Arn", "ARN", "arn")


def _is_id(text: str) -> bool:
    return len(text) >= SHORTEST_ID and not text.isdigit()


def texts(value: t.Any) -> Iterator[str]:
    """Every text in a value."""
    return (text for _name, text in named_texts(value))


def named_texts(value: t.Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with the name of the member that holds it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from named_texts(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from named_texts(each, name)
