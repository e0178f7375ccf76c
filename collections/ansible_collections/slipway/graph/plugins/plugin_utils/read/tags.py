# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which tasks the tags of the command line select, as Ansible has it: ``never`` and ``always`` too."""

from __future__ import annotations

import collections.abc as c
import typing as t

from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Task


class Tags(t.NamedTuple):
    """What ``--tags`` and ``--skip-tags`` say; without them, all that is not tagged ``never``."""

    wanted: tuple[str, ...] = ("all",)
    unwanted: tuple[str, ...] = ()

    def select(self, task: Task, variables: c.Callable[[], c.Mapping[str, t.Any]]) -> bool:
        """Whether a task is to run. ``variables`` are what it sees: tags may be templates."""
        tags = task.tags
        is_plain = all(isinstance(tag, (str, int)) and "{{" not in str(tag) for tag in tags)
        if is_plain and self.wanted == ("all",) and not self.unwanted:
            return "never" not in tags or "always" in tags
        return bool(task.evaluate_tags(self.wanted, self.unwanted, {} if is_plain else dict(variables())))
