"""What AWS does by itself, in its own time, and what cannot be changed meanwhile."""

from __future__ import annotations

import typing as t

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.kinds import KINDS, Kind
from tests.support.hard.protocol import Call, Outcome, Refusal
from tests.support.hard.transits import identity_of
from tests.support.hard.world import World

# By what names them: the state of what is being backed up, and what is said of it.
BACKED_UP = {
    "DBInstanceIdentifier": ("backing-up", "Instance {} is not in available state."),
    "ReplicationGroupId": ("snapshotting", "Replication group {} has status snapshotting which is not valid for this."),
}
# What is younger was just made by the same run.
NEW_SECONDS = 8.0


class NightlyBackups(Behaviour):
    """A database is just being backed up when it is first to be changed, and a cache when it is first read again."""

    name: t.ClassVar = "nightly-backups"
    source: t.ClassVar = (
        "RDS user guide, Viewing DB instance status: backing-up; ElastiCache API reference: snapshotting"
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.backed_up: set[str] = set()

    def before(self, call: Call) -> Outcome | None:
        """Begin the backup, once; a change is refused then."""
        kind = next((each for each in KINDS if each.identity in BACKED_UP and _begins(each, call)), None)
        if kind is None:
            return None
        name = identity_of(kind, call)
        with self.world.lock:
            if name in self.backed_up or self.world.transits.age(kind, name) < NEW_SECONDS:
                return None
            self.backed_up.add(name)
        state, words = BACKED_UP[kind.identity]
        self.world.transits.begin(kind, name, "working", state)
        return None if call.is_read else Refusal(kind.busy[0], words.format(name), kind.busy_status)

    def forget(self) -> None:
        """Nothing was backed up."""
        self.backed_up.clear()


def _begins(kind: Kind, call: Call) -> bool:
    operations = kind.waiting if kind.service == "rds" else kind.reads
    return kind.service == call.service and call.operation in operations
