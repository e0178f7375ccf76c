# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people are told of the lock of a system in an environment."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.module_utils import lock_heart
from ansible_collections.slipway.graph.plugins.plugin_utils.run import account
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import lock_keeper

OPTIONS: dict[str, t.Any] = {
    "table": {"type": "str", "required": True},
    "key": {"type": "str", "required": True},
    "reason": {"type": "str", "default": "ansible-playbook"},
}


class Watch:
    """Looks at somebody else's lock until it changes, which its holder does, or has not for a lease by our clock."""

    def __init__(self, options: dict[str, t.Any]) -> None:
        self._options = options
        self._item: lock_keeper.Item = {}
        self._since = 0.0

    def request(self, request: lock_keeper.Request) -> lock_keeper.Request:
        """The request, with what has been seen so far."""
        if not self._item:
            return request
        return {**request, "seen": self._item, "seen_for": lock_heart.now() - self._since}

    def goes_on(self, answer: dict[str, t.Any], is_interrupted: t.Callable[[], bool] = lambda: False) -> bool:
        """Wait a little, if the lock has to be asked for again; says once what for."""
        if not answer.get("watch") or is_interrupted():
            return False
        if not self._item:
            self._item, self._since = answer["watch"], lock_heart.now()
            Display().display(
                f"{_held(self._options, answer)}: waiting up to {answer['lease']:g} seconds to see whether that run is "
                "still alive"
            )
        time.sleep(answer["lease"] / 12)
        return True


def judge(options: dict[str, t.Any], answer: dict[str, t.Any]) -> None:
    """Go on only with the lock, loudly where it was taken over.

    :raises AnsibleActionFail: when somebody else has it, or it could not be asked for.
    """
    if not answer["acquired"]:
        raise AnsibleActionFail(_refusal(options, answer))
    if "took_over" in answer:
        previous = answer["took_over"]
        how = "has not renewed it" if previous["expired"] else "is gone"
        Display().warning(
            f"taking over the lock {options['key']}: {previous['holder']}, holder since {previous['since']}, {how}"
        )


def _refusal(options: dict[str, t.Any], answer: dict[str, t.Any]) -> str:
    if answer.get("error") == "ResourceNotFoundException":
        return (
            f"there is no lock table {options['table']} in this account and Region. Create it once with "
            "playbooks/bootstrap.yml and the same inventory"
        )
    if "account" in answer:
        return account.mismatch(answer["account"], options["account"])
    if "error" in answer:
        return f"could not take the lock {options['key']}: {answer['message']}"
    return (
        f"{_held(options, answer)}; two runs must not write at once. Wait for it to end; a lock whose holder is gone "
        "is taken over by the next run"
    )


def _held(options: dict[str, t.Any], answer: dict[str, t.Any]) -> str:
    return f"{options['key']} is locked by {answer['holder']} since {answer['since']} ({answer['reason']})"
