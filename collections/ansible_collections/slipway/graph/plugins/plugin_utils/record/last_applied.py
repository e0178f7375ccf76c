# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inputs of the last apply, as digests: they tell drift from a change that somebody wants.

A call that would write although its inputs are those of the last apply: then somebody else has changed what it made.
"""

from __future__ import annotations

import collections.abc as c
import json
import tempfile
from pathlib import Path

from ansible.errors import AnsibleActionFail

from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord, key_of


def read(path: str) -> dict[str, str]:
    """The digests by call; none without a file, or where nothing was applied yet.

    :raises AnsibleActionFail: for a file that is something else.
    """
    if not path:
        return {}
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise AnsibleActionFail(f"applied: {path} is no JSON ({error}). Without the file, nothing is drift.") from error
    if not isinstance(content, dict):
        raise AnsibleActionFail(f"applied: {path} must hold an object of digests. Without the file, nothing is drift.")
    return {str(key): str(digest) for key, digest in content.items()}


def mark_drift(calls: c.Iterable[CallRecord], digests: c.Mapping[str, str]) -> None:
    """Say of planned calls which of them are drift."""
    for call in calls:
        call.drift = call.status == records.PLANNED and bool(call.inputs) and digests.get(key_of(call)) == call.inputs


def after(digests: c.Mapping[str, str], calls: c.Iterable[CallRecord], state: str) -> dict[str, str]:
    """The digests after a run; of a call that failed or did not run, that of the apply before.

    :arg state: ``present``, or ``absent`` after calls that deleted.
    """
    done = {key_of(call): call.inputs for call in calls if call.status in (records.OK, records.CHANGED)}
    if state == "absent":
        return {key: digest for key, digest in digests.items() if key not in done}
    return {**digests, **{key: digest for key, digest in done.items() if digest}}


def write(path: str, digests: c.Mapping[str, str]) -> None:
    """Write them down; a reader never sees half of it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False, encoding="utf-8") as file:
        json.dump(digests, file, indent=0, sort_keys=True)
    Path(file.name).replace(target)
