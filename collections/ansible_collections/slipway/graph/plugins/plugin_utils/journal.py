# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The journal of a run: every call and every API call it made, never a value."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import json
import tempfile
from pathlib import Path

from ansible_collections.slipway.graph.plugins.plugin_utils import records
from ansible_collections.slipway.graph.plugins.plugin_utils.records import CallRecord


def write(path: str, host: str, mode: str, calls: c.Sequence[CallRecord]) -> None:
    """Write the journal as JSON; a reader never sees half of it."""
    document = {
        "host": host,
        "mode": mode,
        "ended_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "summary": records.summary(calls),
        "calls": [dataclasses.asdict(call) for call in calls],
    }
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False) as file:
        json.dump(document, file, indent=1, default=str)
    Path(file.name).replace(target)
