# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the resources of ElastiCache have in common: tags by ARN."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    Resource,
    State,
    Tags,
    tags_to_dict,
    tags_to_list,
)


class ElastiCacheResource(Resource):
    """A resource of ElastiCache."""

    service = "elasticache"

    def read_tags(self, current: State) -> Tags:
        """Its tags."""
        return tags_to_dict(self.client.list_tags_for_resource(ResourceName=current["ARN"])["TagList"])

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.add_tags_to_resource(ResourceName=current["ARN"], Tags=tags_to_list(tags))

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.remove_tags_from_resource(ResourceName=current["ARN"], TagKeys=list(keys))
