# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keywords and modules that roles may use here, and why the others have no place in a graph."""

from __future__ import annotations

import collections.abc as c
import functools
import typing as t
from pathlib import Path

from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Block, Task
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step, location_of

# `become`, `connection` and `delegate_to` are allowed where they come to this machine and user: see locality.
_EVERYWHERE = {
    "name", "when", "vars", "tags", "module_defaults", "environment", "collections", "check_mode", "diff", "no_log",
    "ignore_errors", "delegate_to", "run_once", "connection", "become", "become_user", "become_method", "become_flags",
    "become_exe", "remote_user", "port",
}  # fmt: skip
TASK_KEYWORDS = frozenset(_EVERYWHERE | {
    "action", "local_action", "args", "loop", "loop_control", "register", "changed_when", "failed_when", "retries",
    "until", "delay", "poll",
})  # fmt: skip
INCLUDE_KEYWORDS = frozenset(TASK_KEYWORDS - {"register"})
BLOCK_KEYWORDS = frozenset(_EVERYWHERE | {"block", "always"})
_WHY_NOT = {
    "notify": "there are no handlers; a task with `when: <result> is changed` does what one would",
    "rescue": "tasks that do not need a failed one run anyway; `ignore_errors` lets those run that do",
    "async": "tasks that do not need each other run at the same time anyway",
    "register": "an include has no result",
}
# What `meta` may do: what has no effect where there are no handlers and no connections.
_HARMLESS_META = {"flush_handlers", "noop", "reset_connection", "role_complete"}
_FACTS = "facts that a module returns reach no other task; `gather_facts` of the play does, and so does `register`"
_INVENTORY = "the inventory has been read when the graph is made"
_REFUSED_MODULES = {
    "ansible.builtin.add_host": _INVENTORY,
    "ansible.builtin.group_by": _INVENTORY,
    "ansible.builtin.setup": _FACTS,
    "ansible.builtin.gather_facts": _FACTS,
    "ansible.builtin.getent": _FACTS,
    "ansible.builtin.hostname": _FACTS,
}


def refused_keywords(item: Block | Task, allowed: frozenset[str]) -> c.Iterator[str]:
    """What is wrong with the keywords of a task or block, as it was written; a line for each."""
    data = item.get_ds()
    if not isinstance(data, dict):
        return
    known = set(item.fattributes)
    for key in data:
        if key in known and key not in allowed:
            reason = _WHY_NOT.get(key, "it has no meaning for tasks that run as a graph")
            yield f"{location_of(item)}: the keyword `{key}` is not supported here: {reason}"


def refused_module(step: Step) -> str | None:
    """Why a step's module has no place in a graph; ``None`` if it has one."""
    reason = _REFUSED_MODULES.get(step.module.replace("ansible.legacy.", "ansible.builtin."))
    if reason is None and (step.module.endswith("_facts") or _returns_facts(step)):
        reason = _FACTS
    return None if reason is None else f"{step.location}: the module {step.module} is not supported here: {reason}"


def refused_meta(task: Task) -> str | None:
    """Why a ``meta`` task has no place in a graph; ``None`` if it may be left out."""
    action = task.args.get("_raw_params")
    if action in _HARMLESS_META:
        return None
    return f"{location_of(task)}: `meta: {action}` is not supported here: tasks do not run one after the other"


def _returns_facts(step: Step) -> bool:
    """Whether a module that is neither Ansible's nor for AWS says that it returns facts."""
    known = ("ansible.builtin.", "amazon.aws.", "community.aws.", "slipway.")
    return not step.module.startswith(known) and _mentions_facts(step.path)


@functools.cache
def _mentions_facts(path: str) -> bool:
    try:
        source = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "ansible_facts=" in source or "'ansible_facts'" in source or '"ansible_facts"' in source


def is_meta(task: t.Any) -> bool:
    """Whether a task is a ``meta`` one."""
    return str(task.action).removeprefix("ansible.builtin.").removeprefix("ansible.legacy.") == "meta"
