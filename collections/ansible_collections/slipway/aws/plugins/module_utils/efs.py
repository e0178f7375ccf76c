# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What file systems, mount targets and access points of EFS have in common: a life cycle, and tags by id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    Resource,
    State,
    Tags,
    found,
    retry_while,
    tags_to_list,
    wait_until,
)


class EfsResource(Resource):
    """A resource of EFS."""

    service = "efs"
    identifier: ClassVar[str]
    """The field that holds its id, by which it is tagged."""

    def describe(self) -> State | None:
        """The resource as EFS describes it, in whatever state; None where there is none."""
        raise NotImplementedError

    def wait_ready(self) -> None:
        """Until it can be used."""
        wait_until(self._is_available, self.params["wait_timeout"], f"the {self.kind} {self.name} is available")

    def wait_gone(self) -> None:
        """Until EFS no longer knows it: before that, what it stands on cannot be deleted."""
        wait_until(
            lambda: self.describe() is None, self.params["wait_timeout"], f"the {self.kind} {self.name} is deleted"
        )

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.tag_resource(ResourceId=current[self.identifier], Tags=tags_to_list(tags))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.untag_resource(ResourceId=current[self.identifier], TagKeys=list(keys))

    def _is_available(self) -> bool:
        state = (self.describe() or {}).get("LifeCycleState")
        if state == "error":
            raise RefusedError(f"AWS could not create the {self.kind} {self.name}; delete it (state: absent).")
        return state == "available"


class OfFileSystem(EfsResource):
    """A resource that a file system has, and that goes before it."""

    def read(self) -> State | None:
        """The resource, unless it is being deleted."""
        current = self.describe()
        return None if current is None or current["LifeCycleState"] == "deleting" else current

    def listed(self, operation: str, key: str) -> list[State]:
        """Those of the file system that are not deleted; none where there is no file system."""
        pages = self.client.get_paginator(operation)
        answer = found(
            lambda: pages.paginate(FileSystemId=self.params["file_system_id"]).build_full_result(),
            "FileSystemNotFound",
        )
        return [each for each in (answer[key] if answer else []) if each["LifeCycleState"] != "deleted"]

    def make(self, call: Callable[[], Any]) -> None:
        """Make it; one of the same name that is still being deleted is waited for, and a new file system as well."""
        if self.describe() is not None:
            self.wait_gone()
        retry_while(["IncorrectFileSystemLifeCycleState"], call, self.params["wait_timeout"])
