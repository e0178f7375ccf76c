# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to be typed before something is deleted: the system in its environment, and what of it is protected."""

from __future__ import annotations

import collections.abc as c

from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord


def of_system(host: str, confirm: str) -> str:
    """What is wrong with a name that was given for the system in its environment; empty if nothing is."""
    return f"You confirmed {confirm}, but this is {host}." if confirm not in ("", host) else ""


def of_protected(protected: c.Set[Step], lost: c.Iterable[CallRecord], named: c.Collection[str]) -> list[str]:
    """What is wrong with the names of what is protected; empty if all that would be lost is named.

    A name is that of a role, ``rds``, for all that it protects, or of one item of a loop, ``kms/database``.

    :arg protected: every protected step that was asked for, whether or not anything of it is left: a destroy that was
        interrupted is run again with the same words.
    :arg lost: the calls whose resources would be deleted.
    """
    known = {name_of(step.role, step.name) for step in protected}
    indexes = {step.index for step in protected}
    unknown = [name for name in named if name not in known and name.partition("/")[0] not in known]
    missing = {
        name_of(call.role, call.task) for call in lost if call.order[0] in indexes and not _names(call) & set(named)
    }
    problems = [f"confirm_protected names {', '.join(unknown)}, where nothing is protected."] if unknown else []
    return [*problems, *([f"Protected, but not named: {', '.join(sorted(missing))}."] if missing else [])]


def advice(host: str, protected: c.Set[Step], lost: c.Iterable[CallRecord]) -> str:
    """The words that confirm it."""
    indexes = {step.index for step in protected}
    names = sorted({name_of(call.role, call.task) for call in lost if call.order[0] in indexes})
    if not names:
        return f"name the system and environment: -e confirm={host}"
    words = ",".join(names) if all(" " not in name and "," not in name for name in names) else ""
    given = f"-e confirm_protected={words}" if words else f"""-e '{{"confirm_protected": {_quoted(names)}}}'"""
    return (
        f"name the system and environment, and what is protected: -e confirm={host} {given}\n"
        "Name one item of a loop as <role>/<item>."
    )


def name_of(role: str, task: str) -> str:
    """How what a task protects is named: by its role, outside of roles by the task."""
    return role or task


def _names(call: CallRecord) -> set[str]:
    name = name_of(call.role, call.task)
    return {name} | ({f"{name}/{call.item}"} if call.item is not None else set())


def _quoted(names: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
