# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be said of inputs that depend on results before there are any: which names they have, not which values.

The ARNs of secrets are results, but for which secrets there is one is not: of a task with a loop it is known how many
results it has. Whoever asks for what a result holds learns that it is not known.
"""

from __future__ import annotations

import collections
import collections.abc as c
import contextlib
import functools
import typing as t

from ansible.errors import AnsibleError

from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.rendering import Renderer


class NotKnownYetError(Exception):
    """Somebody asks what only a run can tell."""


class _Watch:
    """Ansible turns what a template raises into errors of its own: this remembers that it was asked for too much."""

    was_asked = False


_WATCH = _Watch()


def _ask(*_anything: t.Any) -> t.NoReturn:
    _WATCH.was_asked = True
    raise NotKnownYetError


class Unknown:
    """Stands for a result: has every attribute and item, and says of none what it is."""

    def __init__(self, rounds: c.Callable[[], int | None] = lambda: None) -> None:
        self._rounds = rounds

    def __getattr__(self, name: str) -> t.Any:
        if name.startswith("__"):  # what Python and Jinja look for
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, key: object) -> t.Any:
        rounds = self._rounds() if key == "results" else None
        return Unknown() if rounds is None else [Unknown() for _round in range(rounds)]

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _ask
    __str__ = __iter__ = __len__ = __contains__ = __int__ = __float__ = __index__ = _ask
    __add__ = __radd__ = _ask


def _look_at(test: t.Any, values: tuple[t.Any, ...]) -> bool:
    """Whether a test holds of a result, whatever that is; most do not say so."""
    if values and isinstance(values[0], Unknown) and getattr(test, "holds_for_results", False):
        return True
    if any(isinstance(value, Unknown) for value in values):
        _ask()
    return False


class Foresight:
    """Lets inputs and assertions be rendered as far as the names in results go."""

    def __init__(self, steps: c.Iterable[Step], renderer: Renderer, targets: c.Set[str]) -> None:
        self._renderer = renderer
        made_by: dict[str, list[Step]] = collections.defaultdict(list)
        for step in steps:
            for name in step.registers:
                made_by[name].append(step)
        self._results = {}
        for name, makers in made_by.items():
            is_result = [step.register for step in makers] == [name]  # of one task, and no fact
            rounds = functools.partial(_rounds, makers[0], renderer, targets)
            self._results[name] = Unknown(rounds) if is_result else Unknown()

    @contextlib.contextmanager
    def look(self) -> c.Iterator[c.Callable[[], bool]]:
        """Render with stand-ins for all results; what is handed out tells whether more was asked than is known."""
        _WATCH.was_asked = False
        with self._renderer.foreseeing(self._results, _look_at):
            yield lambda: _WATCH.was_asked


def _rounds(step: Step, renderer: Renderer, targets: c.Set[str]) -> int | None:
    """How many results a task with a loop has; ``None`` where that is not certain, and without a loop."""
    if step.gates or step.is_gate or step.task.loop is None or renderer.loop_looks_outside(step):
        return None
    try:
        items = renderer.static_items(step, targets)
    except AnsibleError:
        return None
    return None if items is None else len(items)
