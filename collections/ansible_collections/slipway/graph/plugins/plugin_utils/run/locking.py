# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people are told of the lock of a system in an environment."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.slipway.graph.plugins.plugin_utils.run import account

OPTIONS: dict[str, t.Any] = {
    "table": {"type": "str", "required": True},
    "key": {"type": "str", "required": True},
    "reason": {"type": "str", "default": "ansible-playbook"},
}


def judge(options: dict[str, t.Any], answer: dict[str, t.Any]) -> None:
    """Go on only with the lock, loudly where it was taken over.

    :raises AnsibleActionFail: when somebody else has it, or it could not be asked for.
    """
    if not answer["acquired"]:
        raise AnsibleActionFail(_refusal(options, answer))
    if "took_over" in answer:
        previous = answer["took_over"]
        how = "has expired" if previous["expired"] else "is gone"
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
        f"{options['key']} is locked by {answer['holder']} since {answer['since']} ({answer['reason']}); "
        "two runs must not write at once. Wait for it to end; a lock whose holder is gone frees itself within a minute"
    )
