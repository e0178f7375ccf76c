# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values that tasks with ``no_log`` have returned: they are hidden wherever they turn up later in the run.

Ansible hides what an option marked ``no_log`` is given, but knows nothing of a secret that was read by one task and is
then given to an ordinary option of another.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import hidden

# Shorter values are as likely to be words (the name of a user, a Region), which would then be hidden everywhere.
SURE_LENGTH = 16
LEAST_LENGTH = 8
# What a result says of the call, not of what it has found.
_OF_THE_CALL = {"invocation", "msg", "warnings", "deprecations", "exception", "module_stdout", "module_stderr", "error",
                "response_metadata", "botocore_version", "boto3_version"}  # fmt: skip


class Secrets:
    """The secrets that a run has met."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def learn(self, result: c.Mapping[str, t.Any]) -> None:
        """Note what the result of a task with ``no_log`` holds."""
        for key, value in result.items():
            if key not in _OF_THE_CALL:
                self._values.update(filter(_is_secret, _strings(value)))

    def hide(self, value: t.Any) -> t.Any:
        """A value without what is secret in it."""
        return hidden.without(value, self._values | ansible_doors.known_secrets())


def _strings(value: t.Any) -> c.Iterator[str]:
    if isinstance(value, str):
        yield str(value)
    elif isinstance(value, c.Mapping):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _strings(each)


def _is_secret(text: str) -> bool:
    """Whether a value is unlikely to be an ordinary word; names of AWS's own are none either."""
    if text.startswith("arn:"):
        return False
    has_both = any(map(str.isdigit, text)) and any(map(str.isalpha, text))
    return len(text) >= SURE_LENGTH or (len(text) >= LEAST_LENGTH and has_both)
