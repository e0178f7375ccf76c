# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the resources of ElastiCache have in common: tags by ARN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    Resource,
    State,
    Tags,
    retry_while,
    tags_to_dict,
    tags_to_list,
)

# While a cache is changed, maintained or saved, which it is every night, AWS neither tells nor takes its tags.
BUSY = ("InvalidReplicationGroupState", "InvalidCacheClusterState")
BUSY_SECONDS = 900


class ElastiCacheResource(Resource):
    """A resource of ElastiCache."""

    service = "elasticache"

    def read_tags(self, current: State) -> Tags:
        """Its tags."""
        answer = self.once_it_is_free(lambda: self.client.list_tags_for_resource(ResourceName=current["ARN"]))
        return tags_to_dict(answer["TagList"])

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        arguments = {"ResourceName": current["ARN"], "Tags": tags_to_list(tags)}
        self.once_it_is_free(lambda: self.client.add_tags_to_resource(**arguments))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        arguments = {"ResourceName": current["ARN"], "TagKeys": list(keys)}
        self.once_it_is_free(lambda: self.client.remove_tags_from_resource(**arguments))

    def once_it_is_free(self, call: Callable[[], Any]) -> Any:
        """Repeat a call while AWS is at something else; for a quarter of an hour at most."""
        return retry_while(BUSY, call, min(BUSY_SECONDS, self.params["wait_timeout"]))
