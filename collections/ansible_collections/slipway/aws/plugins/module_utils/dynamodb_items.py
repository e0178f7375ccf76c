# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is in a table, in two figures: how many items, and a digest of them all that does not depend on their order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

DIGEST_BITS = 256
# How the API marks values without an order.
SETS = ("SS", "NS", "BS")


class Fingerprint(NamedTuple):
    """``digest`` is the sum of the SHA-256 of each item, modulo 2^256, as 64 hexadecimal digits."""

    items: int
    digest: str


def fingerprint(client: Any, table: str) -> Fingerprint:
    """Read a whole table, consistently, a megabyte at a time. Costs half a read unit for each 4 KiB."""
    total = count = 0
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            count += 1
            total = (total + int.from_bytes(hashlib.sha256(canonical(item)).digest(), "big")) % 2**DIGEST_BITS
    return Fingerprint(count, f"{total:064x}")


def canonical(item: Mapping[str, Any]) -> bytes:
    """An item as bytes that are the same for equal items; sets have no order."""
    return json.dumps(_ordered(item), sort_keys=True, default=_text).encode()


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: sorted(each, key=_text) if key in SETS else _ordered(each) for key, each in value.items()}
    return [_ordered(each) for each in value] if isinstance(value, list) else value


def _text(value: Any) -> str:
    return bytes(value).hex() if isinstance(value, bytes | bytearray) else str(value)
