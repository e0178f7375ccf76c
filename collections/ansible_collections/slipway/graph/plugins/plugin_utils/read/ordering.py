# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Order where no data flows: whatever a play would do one after the other, and nobody can show to be independent.

Five rules, in the order in which they are looked at for a step:

1. What is no call of a module that the engine knows (a command, a file, a request, a module of a role's own) keeps its
   place: it follows everything before it, and everything after it follows it.
2. ``fail`` and ``assert`` guard what follows: no write behind them starts before they have held. One that others name
   in their ``after`` guards these.
3. Steps that name the same thing run as written, unless both only read.
4. A read follows the writes of the same service before it, unless both name things and these differ.
5. What deletes follows everything before it that may use what it deletes; where that is not known, everything.

A step with ``vars: {after: […]}`` says its order itself, and none of this is added to it.
"""

from __future__ import annotations

import collections
import collections.abc as c
import re

from ansible_collections.slipway.graph.plugins.plugin_utils.read import mentions
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.read.mentions import Mention, Mentions

_GUARDS = frozenset({"ansible.builtin.assert", "ansible.builtin.fail"})
# They touch nothing but the run itself.
_PURE = _GUARDS | {"ansible.builtin.set_fact", "ansible.builtin.debug"}
# A shorter name stands inside others by chance.
_LEAST_INSIDE = 4

Edges = dict[Step, set[Step]]


def keeps_its_place(step: Step) -> bool:
    """Whether nobody can say what a step does, and it does not say its order itself."""
    return may_change_the_world(step) and not step.says_its_order


def may_change_the_world(step: Step) -> bool:
    """Whether a step may change what is on this machine, or anywhere else but in AWS."""
    return not (step.is_gate or mentions.uses_aws(step) or step.module in _PURE)


def places(steps: list[Step], needs: c.Mapping[Step, c.Set[Step]], named: c.Callable[[Step], Mentions]) -> Edges:
    """The steps that each one follows by place alone.

    :arg needs: what each step needs by data, or because it says so.
    :arg named: what a step of an AWS module names.
    """
    spoken_for = {name for step in steps for name in step.after}
    found = _Places(steps, needs, {step: named(step) for step in steps if mentions.uses_aws(step)})
    for step in steps:
        is_guard = step.module in _GUARDS and not step.says_its_order and not spoken_for & set(step.registers)
        found.add(step, is_guard)
    return found.edges


class _Places:
    """Finds edges step by step, in reading order."""

    def __init__(self, steps: list[Step], needs: c.Mapping[Step, c.Set[Step]], named: dict[Step, Mentions]) -> None:
        self.edges: Edges = {}
        self._needs = needs
        self._named = named
        # Steps that an earlier one says it follows.
        self._awaited = {need for step in steps for need in needs[step] if need.index > step.index}
        self._before: list[Step] = []
        self._since_last_place: list[Step] = []
        self._last_place: Step | None = None
        self._last_guard: Step | None = None
        self._by_value: dict[mentions.Value, list[Step]] = collections.defaultdict(list)
        self._by_service: dict[str, list[Step]] = collections.defaultdict(list)

    def add(self, step: Step, is_guard: bool) -> None:
        """Find what one more step follows."""
        follows = self.edges[step] = set()
        if not step.says_its_order:
            self._follow(step, follows)
        if step in self._awaited:
            follows -= self._waiting_for(step)
        self._before.append(step)
        self._since_last_place.append(step)
        if keeps_its_place(step):
            self._last_place, self._since_last_place = step, [step]
        if is_guard:
            self._last_guard = step
        if step in self._named:
            named = self._named[step]
            self._by_service[named.service].append(step)
            for value in {each.value for each in named.all}:
                self._by_value[value].append(step)

    def _follow(self, step: Step, follows: set[Step]) -> None:
        if keeps_its_place(step):
            follows.update(self._since_last_place)
            return
        if self._last_place:
            follows.add(self._last_place)
        writes = step in self._named and not mentions.only_reads(step)
        if self._last_guard and (writes or step.module in _GUARDS):
            follows.add(self._last_guard)
        if step in self._named:
            follows.update(self._same_things(step))
            follows.update(self._read_after_writes(step) if not writes else ())
            follows.update(self._unknown_deletions(step))
            follows.update(self._users(step) if self._named[step].deletes else ())

    def _same_things(self, step: Step) -> c.Iterator[Step]:
        """Earlier steps that name a thing which this one or they act on."""
        named, reads = self._named[step], mentions.only_reads(step)
        for mention in named.all:
            for earlier in self._by_value[mention.value]:
                if reads and mentions.only_reads(earlier):
                    continue
                theirs = self._named[earlier]
                if _is_among(mention, theirs.own if mention not in named.own else theirs.all):
                    yield earlier

    def _read_after_writes(self, step: Step) -> c.Iterator[Step]:
        named = self._named[step]
        for earlier in self._by_service[named.service]:
            theirs = self._named[earlier]
            both_known = named.is_certain and theirs.is_certain
            if not mentions.only_reads(earlier) and not both_known:
                yield earlier

    def _unknown_deletions(self, step: Step) -> c.Iterator[Step]:
        for earlier in self._by_service[self._named[step].service]:
            if self._named[earlier].deletes and not self._named[earlier].is_certain:
                yield earlier

    def _users(self, step: Step) -> set[Step]:
        """Earlier steps that may use what this one deletes."""
        named = self._named[step]
        if not named.is_certain:
            return set(self._before)
        values = {each.value for each in named.own if isinstance(each.value, str)}
        users: set[Step] = set()
        for earlier in self._before:
            theirs = self._named.get(earlier)
            may_name_it = theirs is not None and (
                any(_names(each.value, values) for each in theirs.all)
                or (theirs.service == named.service and not theirs.is_certain)
            )
            if may_name_it or users & (self._needs[earlier] | self.edges[earlier]):
                users.add(earlier)
        return users

    def _waiting_for(self, step: Step) -> set[Step]:
        """Earlier steps that need a later one, directly or not."""
        found = {step}
        for _round in self._before:
            more = {each for each in self._before if found & (self._needs[each] | self.edges[each])} - found
            if not more:
                break
            found |= more
        return found


def _is_among(mention: Mention, others: c.Iterable[Mention]) -> bool:
    return any(each.value == mention.value and each.is_of_kind(mention) for each in others)


def _names(value: mentions.Value, sought: set[str]) -> bool:
    """Whether a value is one of some names, or has one of them in it."""
    if not isinstance(value, str):
        return False
    return value in sought or any(
        len(name) >= _LEAST_INSIDE and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", value) for name in sought
    )
