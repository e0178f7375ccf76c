"""Which resources are on their way from one state to another, and what they looked like before."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator

from tests.support.hard.kinds import KINDS, Kind, items_in, short
from tests.support.hard.protocol import Call, Outcome, Refusal, Result
from tests.support.hard.texts import named_texts

# Spelled otherwise in requests than in answers.
ALIASES = {
    "clusterName": ("clusterName", "cluster"),
    "ReplicationGroupId": ("ReplicationGroupId", "ResourceName"),
}


@dataclasses.dataclass(frozen=True)
class Transit:
    """A resource that is being made, changed or removed until some time."""

    kind: Kind
    identity: str
    does: str
    state: str
    begin: float
    end: float
    # As it was read last, before: nothing of a new one.
    before: Result


class Transits:
    """Those of one account."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._lock = threading.RLock()
        self.forget()

    def forget(self) -> None:
        """Know none."""
        with self._lock:
            self._on_their_way: dict[tuple[str, str, str], Transit] = {}
            self._seen: dict[tuple[str, str, str], Result] = {}
            self._made_at: dict[tuple[str, str, str], float] = {}

    def note(self, call: Call, outcome: Outcome) -> None:
        """Remember what a read showed, or begin what a write begins."""
        if isinstance(outcome, Refusal):
            return
        with self._lock:
            for kind in KINDS:
                if kind.service != call.service:
                    continue
                for item in items_in(kind, call.operation, outcome):
                    self._seen[_key(kind, str(item.get(kind.identity, "")))] = item
                self._begin(kind, call, outcome)

    def _begin(self, kind: Kind, call: Call, result: Result) -> None:
        does = next((does for does in ("making", "changing", "removing") if call.operation in getattr(kind, does)), "")
        identity = identity_of(kind, call, result) if does else ""
        if not identity:
            return
        key = _key(kind, identity)
        if does == "making":
            self._seen.pop(key, None)
            self._made_at[key] = self.clock()
        self.begin(kind, identity, does, getattr(kind, does)[call.operation])

    def begin(self, kind: Kind, identity: str, does: str, state: str) -> None:
        """Let a resource be on its way from now on."""
        now, key = self.clock(), _key(kind, identity)
        with self._lock:
            before = self._seen.get(key, {})
            self._on_their_way[key] = Transit(kind, identity, does, state, now, now + kind.seconds, before)

    def age(self, kind: Kind, identity: str) -> float:
        """The seconds since a resource was made; none for one that nobody knows."""
        return self.clock() - self._made_at.get(_key(kind, identity), self.clock())

    def current(self, service: str) -> Iterator[Transit]:
        """Those of a service that have not arrived."""
        now = self.clock()
        with self._lock:
            found = list(self._on_their_way.values())
        return (each for each in found if each.kind.service == service and now < each.end)

    def of(self, kind: Kind, identity: str) -> Transit | None:
        """What a resource is on its way to."""
        found = self._on_their_way.get(_key(kind, identity))
        return found if found and self.clock() < found.end else None


def identity_of(kind: Kind, call: Call, result: Result | None = None) -> str:
    """Which resource of a kind a call is about."""
    names = ALIASES.get(kind.identity, (kind.identity,))
    in_request = next((str(call.parameters[name]) for name in names if call.parameters.get(name)), "")
    in_answer = (text for name, text in named_texts(result or {}) if name in names)
    return in_request or next(in_answer, "")


def _key(kind: Kind, identity: str) -> tuple[str, str, str]:
    return kind.service, kind.state, short(identity)
