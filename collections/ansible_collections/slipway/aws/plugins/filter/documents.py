# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Filters of documents that AWS is given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from ansible_collections.slipway.aws.plugins.module_utils import openapi


def openapi_mistakes(document: object) -> str:
    """What API Gateway cannot have of an OpenAPI document, or what is wrong in it; empty for neither."""
    if not isinstance(document, Mapping):
        return ""
    try:
        # YAML has keys and values that JSON has not; modules get the document as JSON, too.
        openapi.described(json.loads(json.dumps(document, default=str)))
    except openapi.DocumentError as error:
        return str(error)
    return ""


class FilterModule:
    """The filters by their names in templates."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Name to filter."""
        return {"openapi_mistakes": openapi_mistakes}
