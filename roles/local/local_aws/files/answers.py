# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""MiniStack's answers, put right where AWS's are known to differ.

A listener's action has an order on AWS only if it was given one, by the recorded answers of both kinds. MiniStack gives
each one back, and amazon.aws 11 compares it.

A load balancer has all its attributes from the beginning. MiniStack has only three until others are set.

RDS offers MySQL in the release lines 8.0 and 8.4. MiniStack knows one version.
"""

from __future__ import annotations

import re
from typing import Any

from ministack.services import alb, rds

parse_actions, action_xml, attributes_xml = alb._parse_actions, alb._action_xml, alb._attrs_xml
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "idle_timeout.timeout_seconds": "60",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
}


MYSQL_VERSIONS = ("8.0.42", "8.4.6")
ORDERABLE = "DescribeOrderableDBInstanceOptions"
orderable_options = rds._ACTION_MAP[ORDERABLE]
MEMBERS = re.compile(rb"<OrderableDBInstanceOption>.*</OrderableDBInstanceOption>", re.DOTALL)


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


def attributes_of_all(attributes: list[dict[str, str]]) -> str:
    """The attributes in an answer, of a load balancer with those that nobody has set."""
    held = {each["Key"]: each["Value"] for each in attributes}
    if "deletion_protection.enabled" in held:
        held = {**ATTRIBUTES, **held}
    answer: str = attributes_xml([{"Key": key, "Value": value} for key, value in held.items()])
    return answer


def options_of_all(params: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """The instances that can be made, of each of MySQL's versions if none is asked for."""
    if rds._p(params, "Engine") != "mysql" or rds._p(params, "EngineVersion"):
        answer: tuple[int, dict[str, str], bytes] = orderable_options(params)
        return answer
    answers = [orderable_options({**params, "EngineVersion": [version]}) for version in MYSQL_VERSIONS]
    members = b"".join(found[0] for _status, _headers, body in answers for found in [MEMBERS.search(body)] if found)
    status, headers, body = answers[0]
    return status, headers, MEMBERS.sub(lambda _match: members, body)


rds._ACTION_MAP[ORDERABLE] = options_of_all
alb._attrs_xml = attributes_of_all
alb._parse_actions = actions_as_given
alb._action_xml = as_given
