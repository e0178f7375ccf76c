# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is found in an account, and how a resource is made of what its service says."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import typing as t

from ansible_collections.slipway.graph.plugins.module_utils.tagged import protection

Raw = dict[str, t.Any]
Tags = dict[str, str]


@dataclasses.dataclass
class Found:
    """A resource. ``noun`` is how operations on it call it; ``with_`` says with what it comes and goes by itself.

    ``alias`` is another name by which it is known, and nothing else is.
    """

    type: str
    id: str
    arn: str
    service: str
    tags: Tags
    created: str = ""
    noun: str = ""
    with_: str = ""
    protected: str = ""
    alias: str = ""


@dataclasses.dataclass
class Account:
    """Where to look and for what."""

    client: c.Callable[..., t.Any]
    tags: Tags
    partition: str
    region: str
    id: str

    def has(self, tags: Tags) -> bool:
        """Whether all of the wanted tags are among some."""
        return self.tags.items() <= tags.items()

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account and Region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.id}:{resource}"

    def filters(self) -> list[dict[str, t.Any]]:
        """The wanted tags as EC2 filters."""
        return [{"Name": f"tag:{name}", "Values": [value]} for name, value in self.tags.items()]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A type and what is the same for all of its resources; ``created`` names the field of the creation time."""

    type: str
    service: str
    noun: str = ""
    created: str = ""

    def found(self, name: str, arn: str, tags: Tags, raw: Raw) -> Found:
        """One resource of the type; ``raw`` is what the service says of it."""
        implicit, parent = protection.IMPLICIT.get(self.type, (lambda _raw: False, ""))
        by_tag = next((protection.IMPLICIT_TAGS[tag] for tag in tags if tag in protection.IMPLICIT_TAGS), "")
        return Found(
            type=self.type,
            id=name,
            arn=arn.removesuffix(":*"),
            service=self.service,
            tags=tags,
            created=_time(raw.get(self.created)) if self.created else "",
            noun=self.noun,
            with_=(parent if implicit(raw) else "") or by_tag,
            protected=protection.PROTECTED.get(self.type, ""),
        )


def _time(value: t.Any) -> str:
    if isinstance(value, (int, float)):  # CloudWatch Logs counts milliseconds
        value = datetime.datetime.fromtimestamp(value / 1000, datetime.UTC)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat(timespec="seconds")
    return str(value or "")


def tag_dict(tags: t.Any) -> Tags:
    """Tags in any of the shapes in which AWS's services return them."""
    if isinstance(tags, dict):
        return {str(name): str(value) for name, value in tags.items()}
    found = {}
    for tag in tags or []:
        name = next((tag[key] for key in ("Key", "key", "TagKey") if key in tag), "")
        found[str(name)] = str(next((tag[key] for key in ("Value", "value", "TagValue") if key in tag), ""))
    return found


def pages(client: t.Any, operation: str, key: str, **arguments: t.Any) -> c.Iterator[t.Any]:
    """All entries of a listing, page by page."""
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**arguments):
            yield from page.get(key) or []
    else:
        yield from getattr(client, operation)(**arguments).get(key) or []


def batches(values: list[str], size: int) -> c.Iterator[list[str]]:
    """Lists of at most so many, for operations that take no more."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
