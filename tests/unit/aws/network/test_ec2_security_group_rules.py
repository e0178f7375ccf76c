"""slipway.aws.ec2_security_group_rules against moto."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.modules import Client, Run, runner


@pytest.fixture
def ec2(in_moto: Client) -> Any:
    return in_moto("ec2")


@pytest.fixture
def groups(ec2: Any) -> dict[str, str]:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return {
        name: ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        for name in ("app", "database")
    }


@pytest.fixture
def run(groups: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Run:
    return runner("ec2_security_group_rules", capsys, group_id=groups["app"], groups=groups)


def permissions(ec2: Any, group: str) -> tuple[Any, Any]:
    held = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    return held["IpPermissions"], held["IpPermissionsEgress"]


def test_gives_exactly_the_rules_that_are_listed(ec2: Any, run: Run, groups: dict[str, str]) -> None:
    result = run(
        ingress=[{"port": "80", "cidr": "0.0.0.0/0", "description": "HTTP"}],
        egress=[{"port": "3306", "group": "database"}],
    )
    ingress, egress = permissions(ec2, groups["app"])
    assert result["changed"] is True
    assert [(each["FromPort"], each["ToPort"], each["IpRanges"]) for each in ingress] == [
        (80, 80, [{"CidrIp": "0.0.0.0/0", "Description": "HTTP"}])
    ]
    assert [each["UserIdGroupPairs"][0]["GroupId"] for each in egress] == [groups["database"]]


def test_a_second_run_changes_nothing(run: Run) -> None:
    rules = [
        {"port": "8000-8100", "cidr": "10.0.0.0/8"},
        {"protocol": "-1", "group": "app"},
        {"port": "443", "cidr": "::/0"},
        {"protocol": "icmp", "cidr": "10.0.0.0/8"},
    ]
    assert run(ingress=rules, egress=[])["changed"] is True
    assert run(ingress=rules[::-1], egress=[])["changed"] is False


@pytest.mark.parametrize("rule", [
    {"protocol": "6", "port": "443", "cidr": "10.0.0.0/8"},
    {"protocol": "TCP", "port": "443", "cidr": "10.0.0.0/8"},
    {"protocol": "017", "port": "53", "cidr": "10.0.0.0/8"},
    {"protocol": "50", "cidr": "198.51.100.7/32"},
    {"protocol": "GRE", "cidr": "198.51.100.7/32"},
    {"protocol": "all", "cidr": "10.0.0.0/8"},
    {"protocol": "-1", "port": "443", "cidr": "10.0.0.0/8"},
    {"protocol": "icmp", "port": "8", "cidr": "10.0.0.0/8"},
    {"protocol": "icmp", "port": "3-4", "cidr": "10.0.0.0/8"},
    {"protocol": "1", "port": "8-0", "cidr": "10.0.0.0/8"},
    {"protocol": "icmpv6", "cidr": "::/0"},
    {"port": "443", "cidr": "10.1.2.3/8"},
    {"port": "443", "cidr": "2001:0DB8:0000::1/32"},
])  # fmt: skip
def test_what_ec2_says_in_other_words_is_the_same_rule(run: Run, rule: dict[str, str]) -> None:
    assert run(ingress=[rule])["changed"] is True
    assert run(ingress=[rule])["changed"] is False


def test_two_ways_to_write_a_rule_are_the_same_rule_twice(run: Run) -> None:
    result = run(ingress=[{"protocol": "6", "port": "1", "cidr": "10.0.0.1/8"}, {"port": "1", "cidr": "10.0.0.0/8"}])
    assert "contains the same rule twice" in result["msg"]


def test_a_list_that_is_not_given_stays(ec2: Any, run: Run, groups: dict[str, str]) -> None:
    run(ingress=[{"port": "80", "cidr": "0.0.0.0/0"}])
    _, egress = permissions(ec2, groups["app"])
    assert len(egress) == 1, "what AWS gives every new group"


def test_a_rule_from_elsewhere_is_taken_away(ec2: Any, run: Run, groups: dict[str, str]) -> None:
    run(ingress=[{"port": "80", "cidr": "0.0.0.0/0"}])
    opened = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=groups["app"], IpPermissions=[opened])
    assert run(ingress=[{"port": "80", "cidr": "0.0.0.0/0"}])["changed"] is True
    ingress, _ = permissions(ec2, groups["app"])
    assert [each["FromPort"] for each in ingress] == [80]


def test_groups_that_name_each_other_can_be_deleted_without_their_rules(
    ec2: Any, run: Run, groups: dict[str, str]
) -> None:
    run(ingress=[{"port": "80", "group": "database"}], egress=[])
    run(group_id=groups["database"], ingress=[{"port": "3306", "group": "app"}])
    assert run(state="absent")["changed"] is True
    assert run(state="absent")["changed"] is False
    run(group_id=groups["database"], state="absent")
    for group in groups.values():
        ec2.delete_security_group(GroupId=group)


def test_check_mode_writes_nothing(ec2: Any, run: Run, groups: dict[str, str]) -> None:
    before = permissions(ec2, groups["app"])
    assert run(check=True, ingress=[{"port": "80", "cidr": "0.0.0.0/0"}])["changed"] is True
    assert permissions(ec2, groups["app"]) == before


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"port": "http", "cidr": "0.0.0.0/0"}, "port is 'http'; allowed:"),
        ({"port": "90-80", "cidr": "0.0.0.0/0"}, "port is '90-80'; allowed:"),
        ({"port": "70000", "cidr": "0.0.0.0/0"}, "port is '70000'; allowed:"),
        ({"protocol": "icmp", "port": "echo", "cidr": "0.0.0.0/0"}, "port is 'echo'; allowed for ICMP:"),
        ({"protocol": "icmp", "port": "-1-0", "cidr": "0.0.0.0/0"}, "port is '-1-0'; allowed for ICMP:"),
        ({"protocol": "gre", "port": "80", "cidr": "0.0.0.0/0"}, "protocol 47 has no ports"),
        ({"protocol": "http", "cidr": "0.0.0.0/0"}, "protocol is 'http'; allowed: icmp, tcp, udp, icmpv6, all"),
        ({"protocol": "256", "cidr": "0.0.0.0/0"}, "protocol is '256'; allowed:"),
        ({"port": "80", "cidr": "10.0.0.1"}, "cidr is '10.0.0.1'; allowed: a network with the length of its prefix"),
        ({"port": "80", "cidr": "10.0.0.0/33"}, "cidr is '10.0.0.0/33'; allowed:"),
        ({"port": "80", "group": "nobody"}, "group is 'nobody'; allowed: an ID (sg-...) or one of: app, database"),
        ({"port": "80"}, "one of the following is required"),
        ({"port": "80", "cidr": "0.0.0.0/0", "group": "app"}, "mutually exclusive"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(run: Run, rule: dict[str, str], message: str) -> None:
    result = run(ingress=[rule])
    assert result["failed"] is True
    assert message in result["msg"]


def test_the_same_rule_twice_is_refused(run: Run) -> None:
    rule = {"port": "80", "cidr": "0.0.0.0/0"}
    assert "the same rule twice" in run(ingress=[rule, {**rule, "description": "again"}])["msg"]


def test_a_group_that_does_not_exist_is_refused(run: Run) -> None:
    assert "create it before its rules" in run(group_id="sg-00000000000000000", ingress=[])["msg"]
