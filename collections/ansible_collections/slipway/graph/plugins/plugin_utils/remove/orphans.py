# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Orphans: what carries the tags of a system, but belongs to none of its tasks.

The graph is run as destroy does to see what exists, writing nothing. A resource belongs to the tasks when its ARN or
its id stands in what they found. A name alone counts only in the result of a task that asked the same service about
the same type, since other types use the same names.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import re
import time
import typing as t

from ansible_collections.slipway.graph.plugins.module_utils.tagged import deletion
from ansible_collections.slipway.graph.plugins.plugin_utils.money import cost
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.remove import per_module

Resource = dict[str, t.Any]
# Ids that AWS makes up mean one thing wherever they stand.
UNIQUE_ID = re.compile(r"[a-z]+-[0-9a-f]{8,17}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# A system is often called as its resources are, and every one of them carries its name as a tag.
TAGS = re.compile(r"(resource_?)?tags?(_?(list|set))?", re.IGNORECASE)
# Seconds between two attempts to delete what something else still uses.
PAUSE = 10.0


@dataclasses.dataclass
class Mentions:
    """Every string that the tasks found, at all and by the API operations with which it was found."""

    anywhere: set[str]
    by_operation: dict[tuple[str, str], set[str]]

    def include(self, resource: Resource) -> bool:
        """Whether a resource belongs to one of the tasks."""
        if {resource["arn"], resource["alias"]} & self.anywhere - {""}:
            return True
        name = resource["id"]
        if UNIQUE_ID.fullmatch(name):
            return name in self.anywhere
        return any(
            name in strings
            for (service, operation), strings in self.by_operation.items()
            if service == resource["service"] and resource["noun"] in operation
        )


def could_not_be_read(call: CallRecord) -> bool:
    """Whether a call leaves open what its task has made, even if the task ignores errors."""
    return call.status == records.FAILED or (call.status == records.IGNORED and per_module.can_be_absent(call.module))


def mentions(calls: c.Iterable[CallRecord], results: c.Mapping[int, t.Any]) -> Mentions:
    """What the tasks speak of; ``results`` by the number of the task."""
    found = Mentions(set(), {})
    strings_of = {index: set(_strings(result)) for index, result in results.items()}
    found.anywhere.update(*strings_of.values())
    for call in calls:
        for api_call in call.api_calls:
            key = (api_call["service"], api_call["operation"])
            found.by_operation.setdefault(key, set()).update(strings_of.get(call.order[0], ()))
    return found


def _strings(value: t.Any) -> c.Iterator[str]:
    if isinstance(value, str):
        yield value.removesuffix(":*")
    elif isinstance(value, dict):
        for key, each in value.items():
            if not TAGS.fullmatch(str(key)):
                yield from _strings(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _strings(each)


def among(resources: c.Iterable[Resource], known: Mentions, now: datetime.datetime) -> list[Resource]:
    """The orphans, the oldest first; those of unknown age at the end."""
    found = [
        _described(resource, now) for resource in resources if not resource["with_"] and not known.include(resource)
    ]
    return sorted(found, key=lambda each: (each["created"] or "9", each["type"], each["id"]))


def without_region(orphans: c.Iterable[Resource]) -> list[Resource]:
    """Those that are in no Region, so that they may belong to the same system in another one."""
    return [orphan for orphan in orphans if not orphan["arn"].split(":")[3] and orphan["type"] != "s3:bucket"]


def keep_shared(
    orphans: c.Iterable[Resource], elsewhere: c.Iterable[Resource], unread: c.Iterable[str], known: Mentions
) -> None:
    """Protect what has no Region where the system stands in another one too, or nobody can say.

    :arg elsewhere: what carries the tags in other Regions; what the tasks speak of there, as a vault, is theirs.
    :arg unread: the Regions that could not be asked.
    """
    regions = sorted({each["arn"].split(":")[3] for each in elsewhere if each["arn"] not in known.anywhere})
    reasons = [f"perhaps of the same system in {', '.join(regions)}"] if regions else []
    reasons += [f"perhaps of another Region, which could not be asked: {', '.join(sorted(unread))}"] if unread else []
    for orphan in without_region(orphans) if reasons else ():
        orphan["protected"] = "; ".join([*filter(None, [orphan["protected"]]), *reasons])


def of_types(orphans: c.Iterable[Resource], types: c.Collection[str]) -> list[Resource]:
    """Those of some types, ``ec2:vpc``, or services, ``ec2``; all without any."""
    return [each for each in orphans if not types or {each["type"], each["type"].partition(":")[0]} & {*types}]


def _described(resource: Resource, now: datetime.datetime) -> Resource:
    kept = {key: resource[key] for key in ("type", "id", "arn", "tags", "created", "protected")}
    created = resource["created"]
    age = (now - datetime.datetime.fromisoformat(created)).days if created else None
    region = resource["arn"].split(":")[3]
    return {**kept, "age_days": age, "monthly_cost": cost.standing(resource["type"], region)}


def lines(orphans: list[Resource], tagged: int, unread: dict[str, str]) -> list[str]:
    """What people read."""
    text = [f"  {_line(orphan)}" for orphan in orphans]
    text += [f"  could not be read: {kind}: {reason}" for kind, reason in sorted(unread.items())]
    return [*text, f"Orphans: {len(orphans)} of {tagged} resources with these tags belong to no task"]


def _line(orphan: Resource) -> str:
    age = "age unknown" if orphan["age_days"] is None else f"{orphan['age_days']} days old"
    protected = f"  [protected: {orphan['protected']}]" if orphan["protected"] else ""
    return f"{orphan['type']} {orphan['id']}, {age}, {orphan['monthly_cost']}{protected}  {orphan['arn']}"


def uncertain(calls: c.Iterable[CallRecord]) -> list[str]:
    """Tasks that found nothing because what they make, or need, does not exist or cannot be known."""
    return [
        call.title
        for call in calls
        if call.status in (records.PLANNED, records.UNKNOWN)
        and not call.reads
        and per_module.can_be_absent(call.module)
    ]


class Deletions:
    """Deletes orphans in order, again and again while others still use them.

    ``delete`` runs slipway.graph.tagged_resource with some options and returns its result; ``tell`` shows a line.
    """

    def __init__(
        self, delete: c.Callable[[Resource], Resource], tell: c.Callable[[str], None], timeout: float
    ) -> None:  # fmt: skip
        self.deleted: list[Resource] = []
        self.kept: list[Resource] = []
        self._delete = delete
        self._tell = tell
        self._timeout = timeout

    def run(self, orphans: list[Resource], named: c.Container[str]) -> None:
        """Delete all that may be deleted; ``named`` are the protected ones that may."""
        pending = []
        for orphan in sorted(orphans, key=lambda each: deletion.rank(each["type"])):
            if orphan["protected"] and orphan["arn"] not in named:
                self._keep(orphan, f"protected, {orphan['protected']}: name it in delete_protected to delete it")
            else:
                pending.append(orphan)
        deadline = time.monotonic() + self._timeout
        while pending:
            waiting = [orphan for orphan in pending if not self._attempt(orphan, time.monotonic() > deadline)]
            if waiting and len(waiting) == len(pending):
                time.sleep(PAUSE)
            pending = waiting

    def _attempt(self, orphan: Resource, is_last: bool) -> bool:
        """Whether this one is settled."""
        result = self._delete({key: orphan[key] for key in ("type", "id", "arn")})
        if not result.get("failed"):
            self.deleted.append(orphan)
            self._tell(f"deleted  {orphan['type']} {orphan['id']}")
            return True
        if result.get("in_use") and not is_last:
            return False
        self._keep(orphan, str(result.get("msg")))
        return True

    def _keep(self, orphan: Resource, reason: str) -> None:
        self.kept.append({**orphan, "reason": reason})
        self._tell(f"kept     {orphan['type']} {orphan['id']}: {reason}  {orphan['arn']}")
