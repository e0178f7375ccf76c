"""Resources are not ready, changed or gone at once, and nothing may be changed until they are."""

from __future__ import annotations

import typing as t

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.kinds import KINDS, Kind, in_state, items_in, with_items
from tests.support.hard.protocol import Call, Outcome, Refusal, Result
from tests.support.hard.transits import Transit, identity_of

# How long a resource that is being changed still says that it is as before.
STALE_SECONDS = 0.7


class States(Behaviour):
    """A resource is pending before it is ready; one that is changed is first as before, then changing; one that is
    removed stays for a while."""

    name: t.ClassVar = "states"
    source: t.ClassVar = "The states in botocore's models and the user guides, see kinds.py"

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Show resources in the state that they would be in."""
        for kind in KINDS:
            if kind.service == call.service and call.operation in kind.reads:
                outcome = self._shown(kind, call, outcome)
        return outcome

    def _shown(self, kind: Kind, call: Call, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Refusal):
            removed = self._removed(kind, call)
            return with_items(kind, call.operation, {}, removed) if removed else outcome
        items = items_in(kind, call.operation, outcome)
        shown = [self._on_its_way(kind, item) for item in items]
        names = {str(item.get(kind.identity)) for item in items}
        shown += [item for item in self._removed(kind, call) if item[kind.identity] not in names]
        return with_items(kind, call.operation, outcome, shown) if shown != items else outcome

    def _on_its_way(self, kind: Kind, item: Result) -> Result:
        transit = self.world.transits.of(kind, str(item.get(kind.identity, "")))
        if transit is None:
            return item
        if transit.does in ("making", "working"):
            return in_state(kind, item, transit.state)
        before = transit.before or item
        if transit.does == "changing" and self.world.clock() - transit.begin < STALE_SECONDS:
            return before
        return in_state(kind, before, transit.state)

    def _removed(self, kind: Kind, call: Call) -> list[Result]:
        """What is being removed, where it was asked for by its name or for all."""
        asked = identity_of(kind, call)
        return [
            in_state(kind, each.before, each.state)
            for each in self.world.transits.current(kind.service)
            if each.kind is kind and each.does == "removing" and each.before and _is_asked_for(each, asked, call)
        ]


class Busy(Behaviour):
    """What is being made, changed or removed cannot be changed."""

    name: t.ClassVar = "busy"
    source: t.ClassVar = "The errors of the operations in botocore's models, see kinds.py"

    def before(self, call: Call) -> Outcome | None:
        """Refuse a write to a resource that is on its way."""
        for kind in KINDS:
            if kind.service == call.service and call.operation in kind.waiting:
                transit = self.world.transits.of(kind, identity_of(kind, call))
                if transit:
                    code, words = kind.busy
                    return Refusal(code, words.format(transit.identity), kind.busy_status)
        return None


class BusyTags(Behaviour):
    """The tags of a cache cannot even be read while it is not available."""

    name: t.ClassVar = "busy-tags"
    source: t.ClassVar = "botocore's model of elasticache:ListTagsForResource: InvalidReplicationGroupState"

    def before(self, call: Call) -> Outcome | None:
        """Refuse a call for the tags of a cache that is on its way."""
        if call.service != "elasticache" or call.operation not in TAGS:
            return None
        kind = next(kind for kind in KINDS if kind.identity == "ReplicationGroupId")
        transit = self.world.transits.of(kind, identity_of(kind, call))
        return Refusal(kind.busy[0], kind.busy[1].format(transit.identity)) if transit else None


TAGS = ("ListTagsForResource", "AddTagsToResource", "RemoveTagsFromResource")


def _is_asked_for(transit: Transit, asked: str, call: Call) -> bool:
    if asked:
        return asked == transit.identity
    plural = [
        value for name, value in call.parameters.items() if isinstance(value, list) and name.endswith(("s", "Ids"))
    ]
    named = [each for value in plural for each in value if isinstance(each, str)]
    return not call.parameters or transit.identity in named
