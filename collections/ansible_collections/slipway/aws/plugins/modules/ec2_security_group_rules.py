#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage the rules of a security group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_security_group_rules
version_added: 0.1.0
short_description: Manage the rules of an EC2 security group
description:
  - Gives an existing security group exactly the listed rules, or removes all its rules.
  - M(amazon.aws.ec2_security_group) creates and deletes groups and rules only together. Groups whose rules refer to
    each other cannot be deleted that way, because AWS does not delete a group that a rule still refers to.
author:
  - Slipway contributors (@slipway)
options:
  group_id:
    description: ID of the security group.
    type: str
    required: true
  ingress:
    description: Rules for incoming traffic; all others are removed. Without this option, they stay as they are.
    type: list
    elements: dict
    suboptions:
      protocol:
        description:
          - Name or number of the IP protocol, in any case, such as V(tcp), V(udp), V(icmp), V(icmpv6), V(esp) or V(47).
          - V(-1) or V(all) means every protocol and port.
        type: str
        default: tcp
      port:
        description:
          - One port, or a range such as V(8000-8100). Without it, all of them.
          - For ICMP the type, or type and code such as V(3-4).
          - Protocols other than TCP, UDP and ICMP have no ports.
        type: str
      cidr:
        description:
          - Range of IPv4 or IPv6 addresses with the length of its prefix, such as V(10.0.0.0/8).
          - Bits of a host are left out, as EC2 does.
        type: str
      group:
        description: Another security group, or this one, by its ID or by a name from O(groups).
        type: str
      prefix_list:
        description: ID of a prefix list.
        type: str
      description:
        description: Why the rule exists.
        type: str
        default: ""
  egress:
    description: Rules for outgoing traffic; all others are removed. Without this option, they stay as they are.
    type: list
    elements: dict
    suboptions:
      protocol:
        description:
          - Name or number of the IP protocol, in any case, such as V(tcp), V(udp), V(icmp), V(icmpv6), V(esp) or V(47).
          - V(-1) or V(all) means every protocol and port.
        type: str
        default: tcp
      port:
        description:
          - One port, or a range such as V(8000-8100). Without it, all of them.
          - For ICMP the type, or type and code such as V(3-4).
          - Protocols other than TCP, UDP and ICMP have no ports.
        type: str
      cidr:
        description:
          - Range of IPv4 or IPv6 addresses with the length of its prefix, such as V(10.0.0.0/8).
          - Bits of a host are left out, as EC2 does.
        type: str
      group:
        description: Another security group, or this one, by its ID or by a name from O(groups).
        type: str
      prefix_list:
        description: ID of a prefix list.
        type: str
      description:
        description: Why the rule exists.
        type: str
        default: ""
  groups:
    description: Names of security groups and their IDs, so that rules can use the names.
    type: dict
    default: {}
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Only the application reaches the database
  slipway.aws.ec2_security_group_rules:
    group_id: "{{ database_group.group_id }}"
    ingress:
      - port: 3306
        group: application
        description: From the application
    egress: []
    groups:
      application: "{{ application_group.group_id }}"

- name: Take all rules away, so that the group can be deleted
  slipway.aws.ec2_security_group_rules:
    group_id: "{{ database_group.group_id }}"
    state: absent
"""

RETURN = r"""
rules:
  description: The rules of the group.
  returned: when state is present
  type: complex
  contains:
    ingress:
      description: Rules for incoming traffic.
      returned: always
      type: list
      elements: dict
      sample:
        - {protocol: tcp, from_port: 3306, to_port: 3306, group: sg-0123456789abcdef0, description: ""}
    egress:
      description: Rules for outgoing traffic.
      returned: always
      type: list
      elements: dict
      sample: []
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    RefusedError,
    Resource,
    State,
    Tags,
    build_module,
    found,
    run,
)

Rule = dict[str, Any]

ANY = "-1"
# As EC2 names protocols: these by a name, all others by a number.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
NUMBERS = {"all": ANY, "igmp": "2", "ipv6": "41", "gre": "47", "esp": "50", "ah": "51", "ospf": "89", "sctp": "132"}
ICMP = ("icmp", "icmpv6")
WITH_PORTS = ("tcp", "udp")
# Kind of source or target: field of a permission, and key of the entry inside it.
TARGETS = {
    "cidr": ("IpRanges", "CidrIp"),
    "cidr_ipv6": ("Ipv6Ranges", "CidrIpv6"),
    "group": ("UserIdGroupPairs", "GroupId"),
    "prefix_list": ("PrefixListIds", "PrefixListId"),
}
PERMISSIONS = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}


class Rules(Resource):
    """The rules of one security group."""

    service = "ec2"
    kind = "rules of the security group"
    result = "rules"
    keys: ClassVar = {"ingress": "ingress", "egress": "egress"}
    unordered = frozenset(PERMISSIONS)
    taggable = False

    @property
    def name(self) -> str:
        """The group."""
        return str(self.params["group_id"])

    def read(self) -> State | None:
        """Both lists of rules, or None where there is no such group."""
        answer = found(self.client.describe_security_groups, "InvalidGroup.NotFound", GroupIds=[self.name])
        if not answer or not answer["SecurityGroups"]:
            return None
        group = answer["SecurityGroups"][0]
        return {direction: list(_rules(group.get(field, []))) for direction, field in PERMISSIONS.items()}

    def desired(self) -> State:
        """The options as rules, with ids in the place of names."""
        return {
            direction: [_rule(option, self.params["groups"]) for option in self.params[direction]]
            for direction in PERMISSIONS
            if self.params[direction] is not None
        }

    def check(self, current: State | None, desired: State) -> None:
        """Rules need a group, and a rule stands once."""
        if current is None:
            raise RefusedError(f"The security group {self.name} does not exist; create it before its rules.")
        for direction, rules in desired.items():
            keys = [_key(rule) for rule in rules]
            twice = next((key for key in keys if keys.count(key) > 1), None)
            if twice is not None:
                raise RefusedError(f"{direction} of {self.name} contains the same rule twice: {twice}.")

    def create(self, desired: State, tags: Tags) -> None:
        """Never needed: a group without rules is updated."""
        raise AssertionError("check refuses a group that does not exist")

    def update(self, current: State, changes: State) -> None:
        """New rules come before old ones go, so that traffic which both allow is never cut."""
        for direction, wanted in changes.items():
            old = {_key(rule): rule for rule in current[direction]}
            new = {_key(rule): rule for rule in wanted}
            added = [rule for key, rule in new.items() if key not in old]
            renamed = [
                rule for key, rule in new.items() if key in old and old[key]["description"] != rule["description"]
            ]
            removed = [rule for key, rule in old.items() if key not in new]
            self._call(f"authorize_security_group_{direction}", added)
            self._call(f"update_security_group_rule_descriptions_{direction}", renamed)
            self._call(f"revoke_security_group_{direction}", removed)

    def ensure_absent(self) -> dict[str, Any]:
        """Without rules there is nothing to take away; the group itself stays."""
        if not any((self.read() or {}).values()):
            return {"changed": False}
        return super().ensure_absent()

    def delete(self, current: State) -> None:
        """Take all rules away."""
        for direction, rules in current.items():
            self._call(f"revoke_security_group_{direction}", rules)

    def _call(self, operation: str, rules: Sequence[Rule]) -> None:
        if rules:
            getattr(self.client, operation)(GroupId=self.name, IpPermissions=[_permission(rule) for rule in rules])


def _rule(option: Mapping[str, Any], groups: Mapping[str, str]) -> Rule:
    """A rule from the options, in EC2's own words."""
    protocol = _protocol(option["protocol"])
    rule = {"protocol": protocol, **_ports(protocol, option["port"]), "description": option["description"]}
    if option["cidr"]:
        rule["cidr_ipv6" if ":" in option["cidr"] else "cidr"] = _network(option["cidr"])
    elif option["group"]:
        rule["group"] = _group_id(option["group"], groups)
    else:
        rule["prefix_list"] = option["prefix_list"]
    return rule


def _protocol(written: str) -> str:
    protocol = str(written).strip().lower()
    protocol = NUMBERS.get(protocol, protocol)
    protocol = NAMES.get(protocol, protocol)
    is_number = protocol.isdigit() and int(protocol) <= 255
    if protocol != ANY and not is_number and protocol not in NAMES.values():
        names = ", ".join([*NAMES.values(), *NUMBERS])
        raise RefusedError(f"protocol is {written!r}; allowed: {names}, -1, or a number from 0 to 255.")
    return NAMES.get(str(int(protocol)), str(int(protocol))) if is_number else protocol


def _ports(protocol: str, port: str | None) -> dict[str, int]:
    if protocol in ICMP:
        return _icmp(port)
    if protocol not in WITH_PORTS:
        if port and protocol != ANY:
            raise RefusedError(f"port is {port!r}, but protocol {protocol} has no ports; leave it out.")
        return {}
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", port or "0-65535")
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not first <= last <= 65535:
        raise RefusedError(f"port is {port!r}; allowed: a port from 0 to 65535, or a range such as 8000-8100.")
    return {"from_port": first, "to_port": last}


def _icmp(port: str | None) -> dict[str, int]:
    """The type of a message and its code, which EC2 has in the place of ports; -1 means all of them."""
    match = re.fullmatch(r"(-1|\d+)(?:-(\d+))?", port or "-1")
    kind, code = (int(match[1]), int(match[2] or -1)) if match else (256, -1)
    if kind > 255 or code > 255 or (kind == -1 and code != -1):
        raise RefusedError(
            f"port is {port!r}; allowed for ICMP: the number of a type such as 8, or of a type and a code such as 3-4."
        )
    return {"from_port": kind, "to_port": code}


def _network(cidr: str) -> str:
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in cidr:
        raise RefusedError(f"cidr is {cidr!r}; allowed: a network with the length of its prefix, such as 10.0.0.0/8.")
    return str(network)


def _group_id(group: str, groups: Mapping[str, str]) -> str:
    if group in groups:
        return groups[group]
    if group.startswith("sg-"):
        return group
    raise RefusedError(f"group is {group!r}; allowed: an ID (sg-...) or one of: {', '.join(groups) or 'no names'}.")


def _rules(permissions: Sequence[Mapping[str, Any]]) -> Iterator[Rule]:
    """One rule for each source or target, as AWS counts them."""
    for permission in permissions:
        head = {"protocol": _protocol(permission["IpProtocol"])}
        if head["protocol"] in (*ICMP, *WITH_PORTS):
            head.update(
                {
                    option: permission[field]
                    for option, field in (("from_port", "FromPort"), ("to_port", "ToPort"))
                    if permission.get(field) is not None
                }
            )
        for kind, (field, key) in TARGETS.items():
            for target in permission.get(field, []):
                name = _network(target[key]) if kind.startswith("cidr") else target[key]
                yield {**head, kind: name, "description": target.get("Description", "")}


def _key(rule: Rule) -> tuple[Any, ...]:
    """What tells rules apart: everything but the description."""
    return tuple(rule.get(field) for field in ("protocol", "from_port", "to_port", *TARGETS))


def _permission(rule: Rule) -> dict[str, Any]:
    kind, (field, key) = next((kind, names) for kind, names in TARGETS.items() if kind in rule)
    target = {key: rule[kind]}
    if rule["description"]:
        target["Description"] = rule["description"]
    permission: dict[str, Any] = {"IpProtocol": rule["protocol"], field: [target]}
    if "from_port" in rule:
        permission.update(FromPort=rule["from_port"], ToPort=rule["to_port"])
    elif rule["protocol"] != ANY:
        permission.update(FromPort=0, ToPort=0)  # EC2 allows everything of such a protocol, whatever the ports
    return permission


def main() -> None:
    """Run the module."""
    targets = ["cidr", "group", "prefix_list"]
    rules = {
        "type": "list",
        "elements": "dict",
        "options": {
            "protocol": {"default": "tcp"},
            "port": {},
            **{target: {} for target in targets},
            "description": {"default": ""},
        },
        "required_one_of": [targets],
        "mutually_exclusive": [targets],
    }
    options = {
        "group_id": {"required": True},
        "ingress": rules,
        "egress": rules,
        "groups": {"type": "dict", "default": {}},
    }
    run(Rules(build_module(options, taggable=False)))


if __name__ == "__main__":
    main()
