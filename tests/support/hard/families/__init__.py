"""The behaviours, by what they have in common."""

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.families.conflicts import NewBuckets
from tests.support.hard.families.first_use import NewPermissions, NewRoles, ServiceLinkedRoles
from tests.support.hard.families.in_use import StillInUse
from tests.support.hard.families.lag import FreshIsMissing, FreshIsUnknown, StaleAnswers
from tests.support.hard.families.nightly import NightlyBackups
from tests.support.hard.families.order import OtherOrder
from tests.support.hard.families.others import OthersKeys
from tests.support.hard.families.pages import SmallPages
from tests.support.hard.families.spelling import OwnSpelling
from tests.support.hard.families.states import Busy, BusyTags, States
from tests.support.hard.families.throttling import Throttling
from tests.support.hard.families.versions import NewVersions
from tests.support.hard.families.words import OwnWords

# In the order in which they see a call, and its answer.
BEHAVIOURS: tuple[type[Behaviour], ...] = (
    Throttling,
    ServiceLinkedRoles, NewRoles, NewPermissions, NewBuckets, NewVersions, OthersKeys,
    FreshIsUnknown, StillInUse, Busy, BusyTags, NightlyBackups,
    OwnWords, States, OwnSpelling, OtherOrder,
    FreshIsMissing, StaleAnswers, SmallPages,
)  # fmt: skip
