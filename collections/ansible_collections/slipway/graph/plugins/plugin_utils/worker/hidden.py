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

from ansible.module_utils.common.parameters import remove_values


def without(value: t.Any, secrets: c.Iterable[str]) -> t.Any:
    """A value without what is secret in it."""
    spelled = {spelling for secret in secrets for spelling in spellings(secret)}
    return remove_values(value, spelled) if spelled else value


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
