# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""MiniStack's answers, put right where AWS's are known to differ.

A listener's action has an order on AWS only if it was given one, by the recorded answers of both kinds. MiniStack gives
each one back, and amazon.aws 11 compares it.
"""

from __future__ import annotations

from typing import Any

from ministack.services import alb

parse_actions, action_xml = alb._parse_actions, alb._action_xml


def actions_as_given(params: Any, prefix: str = "DefaultActions") -> list[dict[str, Any]]:
    """The actions of a request, without an order that it does not have."""
    actions: list[dict[str, Any]] = parse_actions(params, prefix)
    for number, action in enumerate(actions, 1):
        if not alb._p(params, f"{prefix}.member.{number}.Order"):
            action.pop("Order", None)
    return actions


def as_given(action: dict[str, Any]) -> str:
    """An action in an answer."""
    answer: str = action_xml(action)
    return answer if "Order" in action else answer.replace("<Order>1</Order>", "", 1)


alb._parse_actions = actions_as_given
alb._action_xml = as_given
