# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a task runs where the graph runs: on this machine, as this user, once."""

from __future__ import annotations

import collections.abc as c
import functools
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.loader import action_loader

from ansible_collections.slipway.graph.plugins.plugin_utils import ansible_doors
from ansible_collections.slipway.graph.plugins.plugin_utils.ansible_doors import Play
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step

_LOCAL = {"local", "ansible.builtin.local", "ansible.legacy.local"}
# Renders a value as a step sees it before anything runs.
Render = c.Callable[[Step, t.Any], t.Any]


class Locality:
    """Tells why a step cannot run here."""

    def __init__(self, play: Play, host: str, has_company: bool) -> None:
        self._host = host
        self._has_company = has_company
        self._connection_of = functools.cache(lambda name: ansible_doors.connection_of(play, name))

    def refusal(self, step: Step, variables: c.Mapping[str, t.Any], render: Render) -> str | None:
        """Why a step cannot run here; ``None`` if it can. One that is delegated to this machine is then its own."""
        try:
            reason = (
                self._other_user(step, variables, render)
                or self._other_machine(step, variables, render)
                or self._once_for_all(step, render)
            )
        except (AnsibleError, TypeError) as error:
            reason = f"where it runs cannot be told before anything runs: {error}"
        return f"{step.location}: {reason}" if reason else None

    def _other_user(self, step: Step, variables: c.Mapping[str, t.Any], render: Render) -> str | None:
        become = variables.get("ansible_become")
        become = step.task.become if become is None else become
        if become is None or not boolean(render(step, become)):
            return None
        return f"it would run as another user{self._said(step, 'become')}; the graph runs as who started it"

    def _other_machine(self, step: Step, variables: c.Mapping[str, t.Any], render: Render) -> str | None:
        task = step.task
        here = self._is_local(render(step, variables.get("ansible_connection") or task.connection))
        if task.delegate_to is None:
            if here or not _connects(step):
                return None
            return f"it would run on another machine{self._said(step, 'connection')}; the graph runs on this one"
        name = render(step, task.delegate_to)
        there = here if name == self._host else self._is_local(self._connection_of(name) or task.connection)
        if not there:
            return f"it would run on another machine (delegate_to: {name}); the graph runs on this one"
        if task.delegate_facts:
            return "facts of another host (delegate_facts) are not supported here"
        if here:
            task.delegate_to = None
        return None

    @staticmethod
    def _is_local(connection: t.Any) -> bool:
        return connection in _LOCAL

    def _once_for_all(self, step: Step, render: Render) -> str | None:
        if not self._has_company or not step.task.run_once or not boolean(render(step, step.task.run_once)):
            return None
        return "`run_once` is not supported here in a play of several hosts: each has a graph of its own"

    @staticmethod
    def _said(step: Step, keyword: str) -> str:
        """Where a keyword that a task inherits was written, if not in the task itself."""
        for item in ansible_doors.surroundings(step.task):
            data = item.get_ds()
            if isinstance(data, dict) and keyword in data:
                return f" (`{keyword}`)" if item is step.task else f" (`{keyword}` of what it stands in)"
        return f" (by the play's `{keyword}`, the inventory's `ansible_{keyword}` or the command line)"


def _connects(step: Step) -> bool:
    """Whether a task needs a connection at all; ``debug`` and ``set_fact`` need none."""
    if not step.has_action_plugin:
        return True
    plugin = action_loader.get(step.module, class_only=True)
    return bool(getattr(plugin, "_requires_connection", True))
