# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plan that an apply is held to: a call that would now write something else stops before it writes."""

from __future__ import annotations

import datetime
import json
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import plan
from ansible_collections.slipway.graph.plugins.plugin_utils.record import records
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import local_effects

STALE = "the plan is stale"
# The write that a call may make first, or None for any; an empty list stands for no write at all.
Expected = list[dict[str, t.Any]] | None


class SavedPlan:
    """What each call may do, and where. ``began_at`` is when the planning began, by which a destroy names snapshots."""

    def __init__(
        self,
        calls: dict[str, dict[str, t.Any]],
        began_at: datetime.datetime | None = None,
        place: tuple[str, str] = ("", ""),
    ) -> None:
        self._calls = calls
        self.began_at = began_at
        self.account, self.region = place

    def refuse_elsewhere(self, account: str, region: str) -> None:
        """Compare where it was made with where it is to be applied, as far as both are known.

        :raises AnsibleActionFail: where they differ.
        """
        for what, planned, now in (("account", self.account, account), ("Region", self.region, region)):
            if planned and now and planned != now:
                raise AnsibleActionFail(
                    f"plan: it was made for {what} {planned}, not for {now}. Plan again there. Nothing was written."
                )

    def expected(self, key: str) -> Expected:
        """The writes that a call may make.

        :raises KeyError: for a call that the plan does not have.
        """
        call = self._calls[key]
        if call["status"] == records.UNKNOWN:
            return None  # its inputs come only now, so the plan promised nothing
        if call["status"] == records.PLANNED and not call["writes"]:
            return None  # of modules that do not use boto3 the plan knows that they would change something, not what
        if call["writes"] and call["writes"][0]["service"] == local_effects.SERVICE:
            return None  # what would have followed it is not known
        return list(call["writes"])


def read(path: str, host: str, state: str) -> SavedPlan:
    """Read a plan as ``plan.json`` has it.

    :raises AnsibleActionFail: for a file that is no such plan, or one of something else.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        version, of = document["version"], (document["host"], document["state"])
        calls = {call["key"]: call for call in document["calls"]}
        statuses = {call["status"] for call in document["calls"]}
        place = str(document.get("account") or ""), str(document.get("region") or "")
        began_at = datetime.datetime.fromisoformat(document["began_at"]) if "began_at" in document else None
    except OSError as error:
        raise AnsibleActionFail(f"plan: {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise AnsibleActionFail(
            f"plan: {path} is not a plan made by converge ({type(error).__name__}: {error})"
        ) from error
    if version != plan.VERSION:
        raise AnsibleActionFail(
            f"plan: {path} has version {version}; this Slipway reads version {plan.VERSION}. Plan again"
        )
    if of != (host, state):
        raise AnsibleActionFail(f"plan: {path} is for {of[0]} (state {of[1]}), not for {host} (state {state})")
    if records.FAILED in statuses:
        raise AnsibleActionFail(
            f"plan: {path} has calls that could not be planned; only a complete plan can be applied"
        )
    return SavedPlan(calls, began_at, place)


def difference(expected: dict[str, t.Any] | None, write: dict[str, t.Any]) -> str:
    """How a write differs from the planned one, for people."""
    planned = plan.describe_write(expected) if expected else "no write"
    return f"{STALE}: the plan says {planned}, but now it would be {plan.describe_write(write)}"
