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


def is_refused_role(error: BaseException) -> bool:
    """Whether AWS refuses a call because of a role, which may be just too new."""
    response: dict[str, t.Any] = getattr(error, "response", None) or {}
    details = response.get("Error", {})
    return bool(_REFUSALS.search(str(details.get("Message", "")))) or details.get("Code") == "InvalidPrincipal"
