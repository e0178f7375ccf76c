# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a module returned, in the shape and with the judgements of Ansible's own executor."""

from __future__ import annotations

import json
import typing as t

from ansible.module_utils.common.json import Direction, get_module_decoder

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.read.mentions import is_named_a_reader
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records

Result = dict[str, t.Any]
_DECODER = get_module_decoder("legacy", Direction.MODULE_TO_CONTROLLER)
_LOOKERS = {
    "ansible.builtin.assert", "ansible.builtin.debug", "ansible.builtin.set_fact", "ansible.builtin.fail",
    "ansible.builtin.pause", "ansible.builtin.wait_for", "ansible.builtin.wait_for_connection",
}  # fmt: skip


def only_reads(module: str) -> bool:
    """Whether a module never writes, by its name, or because it only looks or says something."""
    return is_named_a_reader(module) or module in _LOOKERS


def decoded(module: str, answer: t.Any) -> Result:
    """A warm process's answer as a result; a module that ended without one has failed."""
    if answer["result"] is None:
        crash = str(answer["crash"])
        message = f"{module} failed: {crash.strip().splitlines()[-1]}"
        return {"failed": True, "changed": False, "msg": message, "exception": crash}
    result: Result = json.loads(answer["result"], cls=_DECODER)
    for stream in ("stdout", "stderr"):
        if stream in result and f"{stream}_lines" not in result:
            result[f"{stream}_lines"] = (result[stream] or "").splitlines()
    return result


def left_undone() -> Result:
    """What a module without check mode answers when it is asked in it."""
    return {"changed": False, "skipped": True}


def was_left_undone(result: Result) -> bool:
    """Whether a module has skipped its work, mostly for want of a check mode; a false condition says so itself."""
    entries = result.get("results") if isinstance(result.get("results"), list) else [result]
    return any(
        isinstance(entry, dict)
        and bool(entry.get("skipped"))
        and not {"skip_reason", "skipped_reason", "false_condition"} & entry.keys()
        for entry in entries or []
    )


def warnings_of(result: Result) -> list[str]:
    """What a module warns of; one that Ansible's own library did not word is taken as it is."""
    return [str(getattr(getattr(each, "event", None), "msg", each)) for each in result.get("warnings") or []]


def skipped(condition: t.Any) -> Result:
    """The result of a call whose condition does not hold."""
    return {
        "changed": False,
        **ansible_doors.IN_EVERY_RESULT,
        "skipped": True,
        "skip_reason": "Conditional result was False",
        "false_condition": condition,
    }


def of_no_items() -> Result:
    """What a loop over nothing registers."""
    reasons = dict.fromkeys(ansible_doors.REASONS_OF_NO_ITEMS, "No items in the list")
    return {"changed": False, **ansible_doors.IN_EVERY_RESULT, "skipped": True, **reasons, "results": []}


def assemble(by_position: dict[int, Result], looped: bool) -> Result:
    """What a task registers: its one result, or with a loop the list of them and what they add up to."""
    items = [by_position[position] for position in sorted(by_position)]
    if not looped:
        return items[0]
    failed = any(item.get("failed") for item in items)
    all_skipped = all(item.get("skipped") for item in items)
    message = "One or more items failed" if failed else "All items skipped" if all_skipped else "All items completed"
    return {
        "results": items,
        "changed": any(item.get("changed") for item in items),
        "failed": failed,
        "skipped": all_skipped,
        "msg": message,
    }


def status_of(result: Result) -> str:
    """A finished call's status."""
    if has_failed(result):
        return records.FAILED
    if result.get("skipped"):
        return records.SKIPPED
    return records.CHANGED if result.get("changed") else records.OK


def has_failed(result: Result) -> bool:
    """Whether a play stops at a result: where there is a ``failed_when`` that alone decides, whatever is registered."""
    items = [item for item in result.get("results", []) if isinstance(item, dict)]
    key = "failed_when_result" if any("failed_when_result" in each for each in [result, *items]) else "failed"
    return bool(result[key] if key in result else any(item.get(key) for item in items))


def fails_in_the_end(result: Result) -> bool:
    """Whether a result is registered as failed when no attempt was enough for ``until``."""
    return not ansible_doors.FAILED_WHEN_STANDS or bool(result.get("failed_when_result", True))


def failure_text(result: Result) -> str:
    """The message of a failure; of the first failed item in a loop that an action plugin ran."""
    failures = [item for item in result.get("results", []) if isinstance(item, dict) and item.get("failed")]
    source = failures[0] if failures else result
    return str(source.get("msg") or source.get("stderr") or "failed without a message")
