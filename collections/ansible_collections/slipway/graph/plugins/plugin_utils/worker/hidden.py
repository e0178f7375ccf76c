# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets taken out of what is shown or kept, in every spelling that they get on their way to an API."""

from __future__ import annotations

import base64
import collections.abc as c
import functools
import json
import typing as t
from urllib.parse import quote, quote_plus

# In the place of a value that is a secret and of a part that is one: Ansible's own words. Its function for this is
# deprecated since ansible-core 2.22, which leaves secrets in results and hides them only from the screen.
WHOLE = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
PART = "*" * 8


def without(value: t.Any, secrets: c.Iterable[str]) -> t.Any:
    """A value without what is secret in it."""
    spelled = {spelling for secret in secrets for spelling in spellings(secret)}
    return replaced(value, spelled)


def replaced(value: t.Any, secrets: c.Collection[str]) -> t.Any:
    """A value without these very strings anywhere inside it; keys stay."""
    # The longest first: one may be part of another.
    return _replaced(value, sorted(filter(None, map(str, secrets)), key=len, reverse=True)) if secrets else value


def _replaced(value: t.Any, secrets: list[str]) -> t.Any:
    if isinstance(value, str):
        return _text_without(value, secrets)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, c.Mapping):
        return {key: _replaced(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replaced(item, secrets) for item in value]
    if isinstance(value, c.Set):
        return {_replaced(item, secrets) for item in value}
    return WHOLE if any(secret in str(value) for secret in secrets) else value


def _text_without(text: str, secrets: list[str]) -> str:
    if text in secrets:
        return WHOLE
    for secret in secrets:
        text = text.replace(secret, PART)
    return text


@functools.lru_cache(maxsize=4096)
def spellings(secret: str) -> frozenset[str]:
    """A secret as it is, within JSON, within a URL, and in Base64."""
    return frozenset({
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        quote_plus(secret),
        base64.b64encode(secret.encode()).decode(),
    })  # fmt: skip
