# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose account the credentials open, asked before anything else."""

from __future__ import annotations

import json
import typing as t
from urllib.parse import urlsplit

from ansible.errors import AnsibleActionFail

from ansible_collections.slipway.graph.plugins.plugin_utils.run.processes import ModuleCall, WarmProcesses

# AWS never issues this account; local emulators answer with it.
EMULATED_ACCOUNT = "000000000000"


def check(
    processes: WarmProcesses, serialise: t.Callable[[str, dict[str, t.Any]], bytes], expected: str,
    environment: dict[str, str], planning: bool,
) -> str | None:  # fmt: skip
    """Compare the account with the one the environment names.

    :returns: a warning when a plan runs against an emulator that does not have the environment's account.
    :raises AnsibleActionFail: when it is another one, or nobody answers.
    """
    module = "amazon.aws.aws_caller_info"
    # A wrong endpoint is better told at once than after all the attempts that a long run is given.
    asking = {**environment, "AWS_MAX_ATTEMPTS": environment.get("AWS_MAX_ATTEMPTS", "3")}
    call = ModuleCall(module, "", serialise(module, {}), asking, mode="plan")
    answer = processes.collect(processes.submit(0, call))
    result = json.loads(answer["result"] or "{}") if answer else {}
    found = str(result.get("account", ""))
    endpoint = environment.get("AWS_ENDPOINT_URL", "")
    if not found:
        reason = result.get("msg") or (answer and answer.get("crash")) or "no answer"
        raise AnsibleActionFail(
            f"could not determine the AWS account{f' (endpoint {endpoint})' if endpoint else ''}: "
            f"{str(reason).strip().splitlines()[-1]}. Check the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID), the "
            "Region and the endpoint (AWS_ENDPOINT_URL). Nothing was written."
        )
    if found == expected:
        return None
    if planning and found == EMULATED_ACCOUNT and _is_loopback(endpoint):
        return f"planning against an emulator (account {found}), not against account {expected}"
    raise AnsibleActionFail(mismatch(found, expected))


def mismatch(found: str, expected: str) -> str:
    """What people are told when the credentials are another account's."""
    return (
        f"these credentials belong to account {found}, but the environment names account {expected} (aws_account_id). "
        "Use the environment's credentials, or correct aws_account_id in its group_vars/all.yml. Nothing was written."
    )


def _is_loopback(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")
