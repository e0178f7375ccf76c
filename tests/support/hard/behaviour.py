"""What a behaviour is, and which of them are switched on."""

from __future__ import annotations

import typing as t

from tests.support.hard.protocol import Call, Outcome
from tests.support.hard.world import World

VARIABLE = "SLIPWAY_HARD"


class Behaviour:
    """One thing that AWS does and emulators do not.

    ``before`` may answer in the emulator's place, ``after`` may change what it answered.
    """

    name: t.ClassVar[str]
    source: t.ClassVar[str]

    def __init__(self, world: World) -> None:
        self.world = world

    def before(self, call: Call) -> Outcome | None:  # noqa: ARG002 - for those that override it
        """An answer without asking the emulator; ``None`` to ask it."""
        return None

    def after(self, call: Call, outcome: Outcome) -> Outcome:  # noqa: ARG002 - for those that override it
        """What the client gets for what the emulator answered."""
        return outcome

    def forget(self) -> None:
        """Begin anew: the account was emptied."""


def choose(wanted: str, known: t.Sequence[type[Behaviour]]) -> list[type[Behaviour]]:
    """The behaviours of a list of names, or ``all``; ``-name`` leaves one out.

    :raises ValueError: for a name that no behaviour has.
    """
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    by_name = {each.name: each for each in known}
    unknown = [name for name in names if name != "all" and name.removeprefix("-") not in by_name]
    if unknown:
        raise ValueError(f"{VARIABLE} names {', '.join(unknown)}; there are all, {', '.join(by_name)}")
    left_out = {name.removeprefix("-") for name in names if name.startswith("-")}
    everything = "all" in names or len(left_out) == len(names)
    return [each for name, each in by_name.items() if name in names or (everything and name not in left_out)]
