# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IAM's eventual consistency: other services may refuse a role for up to two minutes after it was made.

How each service says so is from the retries that the Terraform provider for AWS has for them.
"""

from __future__ import annotations

import re
import typing as t

# As long as the Terraform provider waits.
PATIENCE_SECONDS = 120.0
# Between two attempts.
PAUSE_SECONDS = 3.0
_REFUSALS = re.compile(
    r"can ?not be assumed|could not be assumed|unable to assume|authorized to (perform: sts:AssumeRole|assume|call )"
    r"|invalid principal|principal(s)? (in policy )?(is|are|was) (not valid|invalid)|invalid iam instance profile"
    r"|(role|instance ?profile)\b.*\b(is invalid|is not valid|does not exist|cannot be found"
    r"|(required|proper|have) permissions|trust relationship)",
    re.IGNORECASE,
)

# The role that a service makes for itself in an account that has never used it.
_OWN_ROLE = re.compile(r"service[- ]linked role", re.IGNORECASE)


def is_refused_role(error: BaseException) -> bool:
    """Whether AWS refuses a call because of a role, which may be just too new."""
    return bool(_REFUSALS.search(_message(error))) or _details(error).get("Code") == "InvalidPrincipal"


def is_refused_own_role(error: BaseException) -> bool:
    """Whether a service cannot assume its own role yet, which AWS makes with the first call that needs it."""
    return is_refused_role(error) and bool(_OWN_ROLE.search(_message(error)))


def _message(error: BaseException) -> str:
    return str(_details(error).get("Message", ""))


def _details(error: BaseException) -> dict[str, t.Any]:
    response: dict[str, t.Any] = getattr(error, "response", None) or {}
    return t.cast("dict[str, t.Any]", response.get("Error", {}))
