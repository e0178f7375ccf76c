# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the resources of API Gateway have in common: ARNs that no answer has, tags by ARN, changes as patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.slipway.aws.plugins.module_utils.resource import Resource, State, Tags


class ApiGatewayResource(Resource):
    """A resource of API Gateway."""

    service = "apigateway"

    def path(self, current: State) -> str:
        """The end of its ARN, such as ``restapis/a1b2c3``."""
        raise NotImplementedError

    def arn(self, path: str) -> str:
        """The ARN of what has a path; it names no account."""
        meta = self.client.meta
        return f"arn:{meta.partition}:apigateway:{meta.region_name}::/{path}"

    def listed(self, operation: str, **arguments: Any) -> list[Any]:
        """Every item of a listing."""
        if self.client.can_paginate(operation):
            pages = self.client.get_paginator(operation).paginate(**arguments)
            return [each for page in pages for each in page.get("items", [])]
        return list(getattr(self.client, operation)(**arguments).get("items", []))

    def read_tags(self, current: State) -> Tags:
        """A call of their own, which tells of changes at once."""
        return dict(self.client.get_tags(resourceArn=self.arn(self.path(current))).get("tags", {}))

    def tag(self, current: State, tags: Tags) -> None:
        """Set tags."""
        self.client.tag_resource(resourceArn=self.arn(self.path(current)), tags=tags)

    def untag(self, current: State, keys: Sequence[str]) -> None:
        """Remove tags."""
        self.client.untag_resource(resourceArn=self.arn(self.path(current)), tagKeys=list(keys))


def replace(path: str, value: Any) -> dict[str, str]:
    """The operation of a patch that gives a field another value."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return {"op": "replace", "path": path, "value": text}
