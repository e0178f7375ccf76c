# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ledger: the bucket that remembers, for everybody who deploys, what was run and what was applied last.

``runs/<name>/<time>-<verb>.json`` is the record of a run and ``runs/<name>/applied.json`` what was applied last.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ansible.errors import AnsibleActionFail

RUNNING, ENDED, FAILED, INTERRUPTED = "running", "ended", "failed", "interrupted"
OPTIONS: dict[str, t.Any] = {
    "bucket": {"type": "str", "required": True},
    "name": {"type": "str", "default": ""},
    "verb": {"type": "str", "default": ""},
    "elsewhere": {"type": "str", "default": ""},
    "left": {"type": "str", "default": ""},
}
_VERBS = {"present": "converge", "absent": "destroy"}
_VERB = re.compile(r"[a-z][a-z0-9_-]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the runs of one system are remembered, and as what this one is."""

    bucket: str
    name: str
    verb: str
    # The names of such buckets in other Regions, as an expression, and the Region that the system has left.
    elsewhere: str = ""
    left: str = ""
    # The account that the bucket has to belong to; empty for any.
    owner: str = ""

    @property
    def applied(self) -> str:
        """The key of what was applied last."""
        return f"runs/{self.name}/applied.json"

    def run(self, moment: datetime.datetime) -> str:
        """The key of a run that began at some moment, in UTC. Keys sort by time, and before `applied.json`."""
        return f"runs/{self.name}/{moment:%Y%m%dT%H%M%SZ}-{self.verb}.json"

    def url(self, key: str) -> str:
        """How people find an object."""
        return f"s3://{self.bucket}/{key}"


def place_of(options: dict[str, t.Any], host: str) -> Place | None:
    """Where the options want the run remembered; ``None`` if nowhere.

    :raises AnsibleActionFail: for what is no bucket, name or verb.
    """
    given = options["ledger"]
    if given is None:
        return None
    verb = given["verb"] or _VERBS[options["state"]]
    name = given["name"] or host
    place = Place(given["bucket"], name, verb, given["elsewhere"], given["left"], options["account"])
    if not place.bucket:
        raise AnsibleActionFail("ledger: bucket is empty; it must name the bucket that remembers the runs")
    if not _NAME.fullmatch(place.name):
        raise AnsibleActionFail(f"ledger: name is {place.name!r}; allowed are letters, digits, '.', '_' and '-'")
    if not _VERB.fullmatch(place.verb):
        raise AnsibleActionFail(f"ledger: verb is {place.verb!r}; allowed are lower-case letters, digits, '_' and '-'")
    try:
        re.compile(place.elsewhere)
    except re.error as error:
        raise AnsibleActionFail(f"ledger: elsewhere is {place.elsewhere!r}, no regular expression: {error}") from error
    return place


def known_elsewhere(place: Place, buckets: list[str]) -> str:
    """Why a first run is refused whose system other ledgers of the account know.

    Names of what has no Region, IAM roles and buckets above all, come from the host's name. Under that name in a second
    Region of the account, a system would take over the roles of the first, and its destroy would delete them.
    """
    return (
        f"{place.name} has been provisioned in another Region of this account: the ledger {', '.join(buckets)} knows "
        "it. What has no Region, IAM roles for one, has the same names here and there, so this would take it over, and "
        "a destroy would delete it. Nothing was done. Give the hosts of this inventory other names, for example "
        f"{place.name}-2. If the system has moved here, say from where: -e region_left=<Region>"
    )


def beginning(place: Place, mode: str, state: str, moment: datetime.datetime, holder: str) -> dict[str, t.Any]:
    """The record of a run that is about to write; it stays if nobody comes to replace it."""
    return {
        "host": place.name,
        "verb": place.verb,
        "mode": mode,
        "state": state,
        "status": RUNNING,
        "holder": holder,
        "started_at": moment.isoformat(timespec="seconds"),
    }
