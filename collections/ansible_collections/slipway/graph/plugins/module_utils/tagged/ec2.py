# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What EC2 holds, by its own listing of tags: one question for all of its types, and then each type by its own."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ansible_collections.slipway.graph.plugins.module_utils.tagged.resources import (
    Account,
    Found,
    Kind,
    Raw,
    Tags,
    batches,
    pages,
)


@dataclasses.dataclass(frozen=True)
class Type:
    """How one EC2 type is described."""

    operation: str
    key: str
    id: str
    created: str = ""
    gone: tuple[str, ...] = ()
    alias: str = ""


TYPES = {
    "dhcp-options": Type("describe_dhcp_options", "DhcpOptions", "DhcpOptionsId"),
    "elastic-ip": Type("describe_addresses", "Addresses", "AllocationId", alias="PublicIp"),
    "image": Type("describe_images", "Images", "ImageId", "CreationDate"),
    "instance": Type("describe_instances", "Reservations", "InstanceId", "LaunchTime", ("terminated",)),
    "internet-gateway": Type("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    "key-pair": Type("describe_key_pairs", "KeyPairs", "KeyPairId", "CreateTime"),
    "launch-template": Type("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", "CreateTime"),
    "natgateway": Type(
        "describe_nat_gateways", "NatGateways", "NatGatewayId", "CreateTime", ("deleted", "deleting")),
    "network-acl": Type("describe_network_acls", "NetworkAcls", "NetworkAclId"),
    "network-interface": Type("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    "route-table": Type("describe_route_tables", "RouteTables", "RouteTableId"),
    "security-group": Type("describe_security_groups", "SecurityGroups", "GroupId"),
    "snapshot": Type("describe_snapshots", "Snapshots", "SnapshotId", "StartTime"),
    "subnet": Type("describe_subnets", "Subnets", "SubnetId"),
    "volume": Type("describe_volumes", "Volumes", "VolumeId", "CreateTime", ("deleted", "deleting")),
    "vpc": Type("describe_vpcs", "Vpcs", "VpcId"),
    "vpc-endpoint": Type(
        "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "CreationTimestamp", ("deleted", "deleting")),
    "vpc-flow-log": Type("describe_flow_logs", "FlowLogs", "FlowLogId", "CreationTime"),
}  # fmt: skip

# Types that emulators call otherwise than AWS does.
SPELLINGS = {"nat-gateway": "natgateway", "vpc-elastic-ip": "elastic-ip"}


def read(account: Account) -> list[Found]:
    """Every EC2 resource with the wanted tags, of types that are not in the table too."""
    client = account.client("ec2")
    tags = _tags_by_id(account, client)
    found = []
    for kind in sorted({kind for kind, _id in tags}):
        known = TYPES.get(kind)
        raws = {raw[known.id]: raw for raw in _described(account, client, known)} if known else {}
        for (each, name), its in tags.items():
            if each != kind or (known and name not in raws):
                continue
            arn = account.arn("ec2", f"{kind}/{name}")
            raw = raws.get(name, {})
            described = Kind(f"ec2:{kind}", "ec2", created=known.created if known else "")
            alias = str(raw.get(known.alias, "")) if known else ""
            found.append(dataclasses.replace(described.found(name, arn, its, raw), alias=alias))
    return found


def _tags_by_id(account: Account, client: t.Any) -> dict[tuple[str, str], Tags]:
    """The tags of every EC2 resource that carries the wanted ones, whatever its type."""
    by_key: dict[tuple[str, str], Tags] = {}
    name, value = next(iter(account.tags.items()))
    rows = pages(client, "describe_tags", "Tags", Filters=[
        {"Name": "key", "Values": [name]}, {"Name": "value", "Values": [value]}
    ])  # fmt: skip
    ids = sorted({row["ResourceId"] for row in rows})
    for batch in batches(ids, 100):
        filters = [{"Name": "resource-id", "Values": batch}]
        for row in pages(client, "describe_tags", "Tags", Filters=filters):
            kind = SPELLINGS.get(row["ResourceType"], row["ResourceType"])
            by_key.setdefault((kind, row["ResourceId"]), {})[row["Key"]] = row["Value"]
    return {key: tags for key, tags in by_key.items() if account.has(tags)}


def _described(account: Account, client: t.Any, kind: Type) -> c.Iterator[Raw]:
    own: dict[str, t.Any] = {"Owners": ["self"]} if kind.key == "Images" else {}
    own |= {"OwnerIds": ["self"]} if kind.key == "Snapshots" else {}
    filters = "Filter" if kind.key in ("NatGateways", "FlowLogs") else "Filters"
    for entry in pages(client, kind.operation, kind.key, **own, **{filters: account.filters()}):
        for raw in entry["Instances"] if kind.key == "Reservations" else [entry]:
            state = raw.get("State") or ""
            if (state.get("Name") if isinstance(state, dict) else state) not in kind.gone:
                yield raw
