# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the last apply was given, as digests: they tell drift from a change that somebody wants.

A call that would write although its inputs are those of the last apply: then somebody else has changed what it made.
Unless it wanted to make the same write again right after that apply: then it is not idempotent.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import hashlib
import json
import re
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord, key_of
from ansible_collections.slipway.graph.plugins.plugin_utils.worker.operations import is_read

VERSION = 2
_TOKEN = re.compile(r"(token|callerreference|requestid)$", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is known of a call that the last apply made; ``inputs`` is empty where they are secret.

    ``repeats`` is a digest of the write that it wanted to make again right after that.
    """

    inputs: str
    module: str
    repeats: str = ""


@dataclasses.dataclass(frozen=True)
class Applied:
    """The calls of the last apply by key. With a ``problem``, which says why they are not known, nothing is drift."""

    calls: c.Mapping[str, Entry] = dataclasses.field(default_factory=dict)
    made_at: str = ""
    problem: str = ""

    @property
    def is_known(self) -> bool:
        """Whether drift can be told from a change that somebody wants."""
        return bool(self.made_at)


def read(path: str) -> Applied:
    """What a file says; nothing is known without one, or where nothing was applied yet, or of a damaged one."""
    if not path:
        return Applied()
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return Applied()
    except (OSError, UnicodeDecodeError) as error:
        return Applied(problem=f"{path} cannot be read ({error})")
    return parse(text, path)


def parse(text: str, name: str) -> Applied:
    """What a document says that :func:`dump` has made, also one that is damaged or of an older version.

    :arg name: what it is called in the problem.
    """
    try:
        document = json.loads(text)
        if isinstance(document, dict) and document and all(isinstance(value, str) for value in document.values()):
            return Applied(problem=f"{name} was made by an older Slipway, which called tasks by their line")
        if document["version"] != VERSION:
            return Applied(problem=f"{name} has version {document['version']}, this is version {VERSION}")
        calls = {key: Entry(**entry) for key, entry in document["calls"].items()}
        return Applied(calls, str(document["made_at"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Applied(problem=f"{name} is damaged ({type(error).__name__}: {error})")


def mark_drift(calls: c.Sequence[CallRecord], applied: Applied) -> None:
    """Say of planned calls which of them are drift, and which are not idempotent."""
    found = found_again(calls, applied)
    for call in calls:
        then = found.get(key_of(call)) if call.status == records.PLANNED and call.inputs else None
        if then is not None:
            repeats = digest_of_write(call.writes)
            call.repeats = repeats if applied.calls[then].repeats == repeats else ""
            call.drift = not call.repeats


def after(applied: Applied, calls: c.Sequence[CallRecord], state: str) -> Applied:
    """What is applied after a run; of a call that failed before it wrote, or did not run, what the apply before says.

    :arg state: ``present``, or ``absent`` after calls that deleted.
    """
    done = [call for call in calls if call.status in (records.OK, records.CHANGED) and _may_have_made(call)]
    ended = {key_of(call) for call in done}
    # What was renamed is here under its new name.
    moved = {old for new, old in found_again(calls, applied).items() if new in ended}
    touched = {key_of(call) for call in calls if _has_touched(call, applied)}
    kept = {key: entry for key, entry in applied.calls.items() if key not in ended | moved | touched}
    if state != "absent":
        kept |= {key_of(call): Entry(call.inputs, call.module, call.repeats) for call in done}
    return Applied(kept, datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))


def without(applied: Applied, keys: c.Container[str]) -> Applied:
    """What is applied, but for some calls whose resources are gone."""
    calls = {key: entry for key, entry in applied.calls.items() if key not in keys}
    return dataclasses.replace(applied, calls=calls)


def _has_touched(call: CallRecord, applied: Applied) -> bool:
    """Whether a call has failed after it had written for other inputs than the last: what it left is nobody's drift."""
    then = applied.calls.get(key_of(call))
    wrote = any(not is_read(each["service"], each["operation"]) for each in call.api_calls)
    return call.status == records.FAILED and wrote and then is not None and then.inputs != call.inputs


def _may_have_made(call: CallRecord) -> bool:
    """Whether there may be something of a call: one that says of itself that it never changes anything may write."""
    return not call.reads or (bool(call.inputs) and not call.module.endswith(("_info", "_facts")))


def dump(applied: Applied) -> str:
    """The document that :func:`parse` reads."""
    calls = {key: dataclasses.asdict(entry) for key, entry in applied.calls.items()}
    document = {"version": VERSION, "made_at": applied.made_at, "calls": calls}
    return json.dumps(document, indent=0, sort_keys=True)


def write(path: str, applied: Applied) -> None:
    """Write it down; a reader never sees half of it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False, encoding="utf-8") as file:
        file.write(dump(applied))
    Path(file.name).replace(target)


def found_again(calls: c.Sequence[CallRecord], applied: Applied) -> dict[str, str]:
    """For the keys of calls whose inputs are those of the last apply, the keys that they had then.

    That is mostly the same. A task that was renamed, or that has got a neighbour of the same name, is found by its
    module and inputs, if no other call answers to the key that it had.
    """
    found: dict[str, str] = {}
    strangers: list[CallRecord] = []
    for call in calls:
        key, then = key_of(call), applied.calls.get(key_of(call))
        if call.inputs and then and (then.module, then.inputs) == (call.module, call.inputs):
            found[key] = key
        elif call.inputs:
            strangers.append(call)
    if strangers:
        left = {(then.module, then.inputs): key for key, then in applied.calls.items() if key not in found}
        for call in strangers:
            old = left.pop((call.module, call.inputs), None)
            if old is not None:
                found[key_of(call)] = old
    return found


def digest_of_write(writes: c.Sequence[c.Mapping[str, t.Any]]) -> str:
    """What tells the first write of a call from another one; without any, that a module says that it would change."""
    first = {**writes[0], "parameters": _without_tokens(writes[0]["parameters"])} if writes else {}
    return hashlib.sha256(json.dumps(first, sort_keys=True, default=str).encode()).hexdigest()


def _without_tokens(parameters: t.Any) -> t.Any:
    """Parameters without those that are made up anew for each call."""
    if not isinstance(parameters, dict):
        return parameters
    return {name: value for name, value in parameters.items() if not _TOKEN.search(name)}
