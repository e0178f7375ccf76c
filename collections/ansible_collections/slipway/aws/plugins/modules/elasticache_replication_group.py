#!/usr/bin/python
# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Manage an ElastiCache replication group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: elasticache_replication_group
version_added: 0.1.0
short_description: Manage an ElastiCache replication group for Redis or Valkey
description:
  - Creates, updates and deletes a replication group with one shard (cluster mode disabled), a primary and its
    replicas.
  - There is no upstream module. M(community.aws.elasticache) creates only single cache clusters, without encryption in
    transit, AUTH token or failover.
  - What DescribeReplicationGroups leaves out (engine version, parameter group, security groups, maintenance
    window) is read from the primary's cache cluster.
author:
  - Slipway contributors (@slipway)
options:
  name:
    description: ID of the replication group, at most 40 lower-case letters, digits and hyphens.
    type: str
    required: true
  description:
    description: What the group is for. AWS requires one; the name is used if none is given on creation.
    type: str
  engine:
    description: Redis, or its free successor Valkey, to which AWS can upgrade Redis in place.
    type: str
    choices: [redis, valkey]
    default: redis
  engine_version:
    description: Version of the engine, such as V(7.1). A partial version matches every version that begins with it.
    type: str
  node_type:
    description: Node type of the primary and its replicas, such as V(cache.t4g.small).
    type: str
  num_cache_clusters:
    description: Number of nodes, including the primary. Replicas are added and removed without interruption.
    type: int
  automatic_failover:
    description: Promote a replica when the primary fails. Needs two nodes.
    type: bool
  multi_az:
    description: Place the nodes in different Availability Zones. Needs O(automatic_failover=true).
    type: bool
  subnet_group:
    description: Cache subnet group. Cannot be changed later.
    type: str
  security_group_ids:
    description: Security groups of the nodes.
    type: list
    elements: str
  parameter_group:
    description: Cache parameter group.
    type: str
  port:
    description: Port of the nodes. Cannot be changed later.
    type: int
  at_rest_encryption:
    description: Encrypt disk and snapshots. Cannot be changed later.
    type: bool
  kms_key_arn:
    description: KMS key for O(at_rest_encryption) instead of AWS's own. Cannot be changed later.
    type: str
  transit_encryption:
    description:
      - Require TLS for clients and between nodes.
      - AWS can turn on TLS in place only through O(transit_encryption_mode=preferred).
    type: bool
  transit_encryption_mode:
    description: Whether clients may (V(preferred)) or must (V(required)) use TLS.
    type: str
    choices: [preferred, required]
  auth_token:
    description:
      - Token that clients authenticate with. Needs O(transit_encryption=true).
      - AWS never returns it, so it is not compared. It is sent on creation, if the group has none, and as
        O(auth_token_update) says.
      - AWS accepts 16 to 128 letters, digits and the characters ! & # $ ^ < > -
    type: str
  auth_token_update:
    description:
      - What to do with O(auth_token) when the group already has a token. V(rotate) adds it to the old one, which keeps
        working; V(set) keeps only the new one. Both always report a change.
    type: str
    choices: [never, rotate, set]
    default: never
  snapshot_retention:
    description: Days for which automatic snapshots are kept; V(0) switches them off.
    type: int
  snapshot_window:
    description: Daily time of the snapshot, in UTC, such as V(03:00-04:00).
    type: str
  maintenance_window:
    description: Weekly time of maintenance, in UTC, such as V(sun:05:00-sun:06:00).
    type: str
  auto_minor_version_upgrade:
    description: Let AWS install new minor versions in the maintenance window.
    type: bool
  apply_immediately:
    description: Apply changes now; otherwise, disruptive changes wait for the maintenance window.
    type: bool
    default: true
  final_snapshot:
    description: Name of a snapshot that is taken before the group is deleted.
    type: str
extends_documentation_fragment:
  - slipway.aws.state
  - amazon.aws.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Cache that survives the loss of an availability zone
  slipway.aws.elasticache_replication_group:
    name: shop-prod-cache
    description: Cache of shop-prod
    engine_version: "7.1"
    node_type: cache.m7g.large
    num_cache_clusters: 2
    automatic_failover: true
    multi_az: true
    subnet_group: shop-prod-cache
    security_group_ids: [sg-0123456789abcdef0]
    at_rest_encryption: true
    transit_encryption: true
    auth_token: "{{ cache_token }}"
    snapshot_retention: 7

- name: Let clients use a new token beside the old one
  slipway.aws.elasticache_replication_group:
    name: shop-prod-cache
    auth_token: "{{ new_cache_token }}"
    auth_token_update: rotate

- name: No cache, but a last snapshot of it
  slipway.aws.elasticache_replication_group:
    name: shop-prod-cache
    final_snapshot: shop-prod-cache-final
    state: absent
"""

RETURN = r"""
replication_group:
  description: The replication group, as DescribeReplicationGroups returns it, in snake_case.
  returned: when state is present
  type: complex
  contains:
    arn:
      description: ARN of the group.
      returned: always, but not when check mode would create it
      type: str
      sample: arn:aws:elasticache:eu-central-1:123456789012:replicationgroup:shop-prod-cache
    replication_group_id:
      description: ID of the group.
      returned: always
      type: str
      sample: shop-prod-cache
    status:
      description: Status of the group.
      returned: always, but not when check mode would create it
      type: str
      sample: available
    node_groups:
      description: The one shard, with C(primary_endpoint) and C(reader_endpoint), and its nodes.
      returned: always, but not when check mode would create it
      type: list
      elements: dict
    auth_token_enabled:
      description: Whether clients must authenticate.
      returned: always, but not when check mode would create it
      type: bool
    tags:
      description: Tags of the group.
      returned: always
      type: dict
      sample: {system: shop}
"""

import re
from collections.abc import Callable
from typing import Any, ClassVar

from ansible_collections.slipway.aws.plugins.module_utils.elasticache import BUSY, ElastiCacheResource
from ansible_collections.slipway.aws.plugins.module_utils.resource import (
    SETTLES_SECONDS,
    RefusedError,
    State,
    Tags,
    build_module,
    difference,
    found,
    given,
    holds_within,
    retry_while,
    run,
    tags_to_list,
    wait_until,
)

AUTH_TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>-]{16,128}")
CREATE_ONLY = {
    "subnet_group": "CacheSubnetGroupName",
    "port": "Port",
    "at_rest_encryption": "AtRestEncryptionEnabled",
    "kms_key_arn": "KmsKeyId",
}
MODIFIABLE = {
    "description": "ReplicationGroupDescription",
    "engine": "Engine",
    "engine_version": "EngineVersion",
    "node_type": "CacheNodeType",
    "automatic_failover": "AutomaticFailoverEnabled",
    "multi_az": "MultiAZEnabled",
    "security_group_ids": "SecurityGroupIds",
    "parameter_group": "CacheParameterGroupName",
    "transit_encryption": "TransitEncryptionEnabled",
    "transit_encryption_mode": "TransitEncryptionMode",
    "snapshot_retention": "SnapshotRetentionLimit",
    "snapshot_window": "SnapshotWindow",
    "maintenance_window": "PreferredMaintenanceWindow",
    "auto_minor_version_upgrade": "AutoMinorVersionUpgrade",
}
# Read from the primary's cache cluster. An emulator may have none; what is not known is not compared.
OF_THE_PRIMARY = frozenset(
    {
        "EngineVersion",
        "CacheSubnetGroupName",
        "CacheParameterGroupName",
        "SecurityGroupIds",
        "PreferredMaintenanceWindow",
    }
)


class ReplicationGroup(ElastiCacheResource):
    """A replication group. Its state has the names of CreateReplicationGroup beside the described ones."""

    kind = "replication group"
    result = "replication_group"
    keys: ClassVar = {"name": "ReplicationGroupId", "num_cache_clusters": "NumCacheClusters"} | (
        MODIFIABLE | CREATE_ONLY | {"auth_token": "AuthToken"}
    )
    unordered = frozenset({"SecurityGroupIds"})
    immutable = frozenset(CREATE_ONLY.values())
    write_only = frozenset({"AuthToken"})

    def read(self) -> State | None:
        """The group, unless it is being deleted."""
        group = self._describe()
        if group is None or group["Status"] == "deleting":
            return None
        return self._state_of(group)

    def _state_of(self, group: State) -> State:
        return {**group, **creation_fields(group), **self._primary_fields(group)}

    def _describe(self) -> State | None:
        answer = found(
            self.client.describe_replication_groups,
            "ReplicationGroupNotFoundFault",
            ReplicationGroupId=self.name,
        )
        return answer["ReplicationGroups"][0] if answer and answer["ReplicationGroups"] else None

    def _primary_fields(self, group: State) -> State:
        if not group.get("MemberClusters"):
            return {}
        answer = found(
            self.client.describe_cache_clusters,
            "CacheClusterNotFound",
            "CacheClusterNotFoundFault",
            CacheClusterId=group["MemberClusters"][0],
        )
        return primary_fields(answer["CacheClusters"][0]) if answer and answer["CacheClusters"] else {}

    def differences(self, current: State, desired: State) -> State:
        """Versions match by their leading parts; a token is sent when there is none or when asked to."""
        unknown = OF_THE_PRIMARY - current.keys()
        known = {field: value for field, value in desired.items() if field not in unknown}
        changes = super().differences(current, known)
        if version_matches(current.get("EngineVersion", ""), desired.get("EngineVersion", "")):
            changes.pop("EngineVersion", None)
        if self._token_strategies(current):
            changes["AuthTokenUpdateStrategy"] = ", ".join(self._token_strategies(current))
        return changes

    def _token_strategies(self, current: State) -> list[str]:
        if not self.params["auth_token"]:
            return []
        if not current.get("AuthTokenEnabled"):
            return [
                "ROTATE",
                "SET",
            ]  # the first lets clients in with and without the token, the second ends that
        update = self.params["auth_token_update"]
        return [] if update == "never" else [update.upper()]

    def check(self, current: State | None, desired: State) -> None:
        """Refuse what AWS would refuse only after minutes, or in other words."""
        wanted = {**(current or {}), **desired}
        token = self.params["auth_token"]
        if token and not wanted.get("TransitEncryptionEnabled"):
            raise RefusedError("auth_token needs transit_encryption: true.")
        if token and not AUTH_TOKEN.fullmatch(token):
            raise RefusedError(
                "auth_token: ElastiCache takes 16 to 128 letters, digits and the characters ! & # $ ^ < > -"
            )
        if wanted.get("MultiAZEnabled") and not wanted.get("AutomaticFailoverEnabled"):
            raise RefusedError("multi_az: true needs automatic_failover: true.")
        if wanted.get("AutomaticFailoverEnabled") and wanted.get("NumCacheClusters", 1) < 2:
            raise RefusedError("automatic_failover: true needs num_cache_clusters of at least 2.")
        if current is not None:
            self._check_version(current, desired)
            self._check_transit(current, desired)

    def _check_version(self, current: State, desired: State) -> None:
        held, asked = current.get("EngineVersion", ""), desired.get("EngineVersion", "")
        engines = current.get("Engine"), desired.get("Engine")
        if engines == ("valkey", "redis"):
            raise RefusedError(
                f"engine: the replication group {self.name} runs Valkey, which cannot be changed back to Redis."
            )
        if held and asked and engines[0] == engines[1] and is_older(asked, held):
            raise RefusedError(
                f"engine_version: the replication group {self.name} runs {held}, and AWS cannot downgrade it"
                f" to {asked}."
            )

    def _check_transit(self, current: State, desired: State) -> None:
        now = bool(current.get("TransitEncryptionEnabled"))
        wanted = desired.get("TransitEncryptionEnabled", now)
        if wanted and not now and desired.get("TransitEncryptionMode") != "preferred":
            raise RefusedError(
                f"transit_encryption: the replication group {self.name} has no TLS. AWS turns it on in"
                " place with transit_encryption_mode: preferred first. When all clients use TLS, set it to required."
            )
        if now and not wanted and current.get("TransitEncryptionMode") != "preferred":
            raise RefusedError(
                f"transit_encryption: the replication group {self.name} requires TLS. AWS turns it off in"
                " place only after transit_encryption_mode: preferred."
            )

    def create(self, desired: State, tags: Tags) -> None:
        """Make the group; one of the same name that is still being deleted is waited for."""
        if self._describe() is not None:
            self.wait_gone()
        arguments = {"ReplicationGroupDescription": self.name, **desired}
        self.client.create_replication_group(**arguments, Tags=tags_to_list(tags))

    def update(self, current: State, changes: State) -> None:
        """More nodes come before the other changes and fewer after them, since failover needs two."""
        nodes = changes.get("NumCacheClusters", 0)
        if nodes > current["NumCacheClusters"]:
            self._write(self.client.increase_replica_count, {"NumCacheClusters": nodes}, NewReplicaCount=nodes - 1)
        fields = {field: value for field, value in changes.items() if field in MODIFIABLE.values()}
        if fields:
            self._write(self.client.modify_replication_group, fields, **fields)
        for strategy in self._token_strategies(current):
            token = self.params["auth_token"]
            self._write(self.client.modify_replication_group, {}, AuthToken=token, AuthTokenUpdateStrategy=strategy)
        if 0 < nodes < current["NumCacheClusters"]:
            self._write(self.client.decrease_replica_count, {"NumCacheClusters": nodes}, NewReplicaCount=nodes - 1)

    def _write(self, call: Any, wanted: State, **arguments: Any) -> None:
        """AWS takes a change only while the group is available, so each one waits for the one before.

        :param wanted: by what the change is known to be there.
        """
        # A changed number of replicas and a new token are never left to the maintenance window by AWS.
        now = call is not self.client.modify_replication_group or "AuthToken" in arguments
        arguments["ApplyImmediately"] = now or self.params["apply_immediately"]

        def write() -> None:
            self.wait_ready()
            call(ReplicationGroupId=self.name, **arguments)

        retry_while(BUSY, write, self.params["wait_timeout"])
        if self.params["wait"]:
            # The group goes on to be available for a while, and there may be nothing to see of a change.
            holds_within(lambda: self._is_seen(wanted), SETTLES_SECONDS)

    def _is_seen(self, wanted: State) -> bool:
        group = self._describe() or {}
        if group.get("Status") != "available" or group.get("PendingModifiedValues"):
            return True
        return bool(wanted) and not self._left_of(wanted, self._state_of(group))

    def _left_of(self, wanted: State, current: State) -> State:
        changes = difference(current, wanted, self.unordered)
        if version_matches(current.get("EngineVersion", ""), wanted.get("EngineVersion", "")):
            changes.pop("EngineVersion", None)
        return changes

    def delete(self, current: State) -> None:
        """Delete the group with its nodes, also one that could not be made."""
        self._wait_while_busy(lambda: (self._describe() or {}).get("Status") in ("available", "create-failed"))
        self.client.delete_replication_group(
            ReplicationGroupId=current["ReplicationGroupId"],
            **given(self.params, {"final_snapshot": "FinalSnapshotIdentifier"}),
        )

    def is_settled(self, current: State) -> bool:
        """Whether it has its addresses: an earlier run may have been stopped while AWS was making it."""
        return current["Status"] not in ("creating", "create-failed")

    def wait_ready(self) -> None:
        """Until it is available.

        :raises RefusedError: for one that AWS could not make.
        """
        self._wait_while_busy(self._is_ready)

    def _is_ready(self) -> bool:
        status = str((self._describe() or {}).get("Status", ""))
        if status == "create-failed":
            raise RefusedError(
                f"AWS could not make the replication group {self.name} (create-failed); its events, in the console or"
                " by `aws elasticache describe-events`, say why. Delete it (state: absent) before the next run."
            )
        return status == "available"

    def _wait_while_busy(self, done: Callable[[], bool]) -> None:
        wait_until(done, self.params["wait_timeout"], f"the replication group {self.name} is available")

    def wait_gone(self) -> None:
        """Until AWS no longer knows it."""
        wait_until(
            lambda: self._describe() is None,
            self.params["wait_timeout"],
            f"the replication group {self.name} is deleted",
        )


def creation_fields(group: State) -> State:
    """What DescribeReplicationGroups gives back under other names than CreateReplicationGroup takes."""
    nodes = group.get("NodeGroups") or [{}]
    members = nodes[0].get("NodeGroupMembers") or group.get("MemberClusters", [])
    fields = {
        "ReplicationGroupDescription": group.get("Description"),
        "AutomaticFailoverEnabled": group.get("AutomaticFailover") in ("enabled", "enabling"),
        "MultiAZEnabled": group.get("MultiAZ") == "enabled",
        "NumCacheClusters": len(members),
    }
    port = nodes[0].get("PrimaryEndpoint", {}).get("Port")
    return {**fields, **({"Port": port} if port else {})}


def primary_fields(cluster: State) -> State:
    """What only the primary's cache cluster tells about the group."""
    fields = {
        "EngineVersion": cluster.get("EngineVersion"),
        "CacheSubnetGroupName": cluster.get("CacheSubnetGroupName"),
        "CacheParameterGroupName": cluster.get("CacheParameterGroup", {}).get("CacheParameterGroupName"),
        "SecurityGroupIds": [group["SecurityGroupId"] for group in cluster.get("SecurityGroups", [])],
        "PreferredMaintenanceWindow": cluster.get("PreferredMaintenanceWindow"),
    }
    return {field: value for field, value in fields.items() if value is not None}


def version_matches(actual: str, wanted: str) -> bool:
    """Whether the version is the wanted one, or one of its line: 7.0.7 is 7.0, and 6.2.6 is 6.x."""
    line = wanted.removesuffix(".x")
    return actual == line or actual.startswith(f"{line}.")


def is_older(version: str, than: str) -> bool:
    """Whether a version, or every version of a line, comes before another one."""
    wanted = [int(part) for part in version.removesuffix(".x").split(".")]
    held = [int(part) for part in than.split(".")]
    return wanted < held[: len(wanted)]


def main() -> None:
    """Run the module."""
    module = build_module(
        {
            "name": {"required": True},
            "description": {},
            "engine": {"choices": ["redis", "valkey"], "default": "redis"},
            "engine_version": {},
            "node_type": {},
            "num_cache_clusters": {"type": "int"},
            "automatic_failover": {"type": "bool"},
            "multi_az": {"type": "bool"},
            "subnet_group": {},
            "security_group_ids": {"type": "list", "elements": "str"},
            "parameter_group": {},
            "port": {"type": "int"},
            "at_rest_encryption": {"type": "bool"},
            "kms_key_arn": {"no_log": False},
            "transit_encryption": {"type": "bool"},
            "transit_encryption_mode": {"choices": ["preferred", "required"]},
            "auth_token": {"no_log": True},
            "auth_token_update": {
                "choices": ["never", "rotate", "set"],
                "default": "never",
                "no_log": False,
            },
            "snapshot_retention": {"type": "int"},
            "snapshot_window": {},
            "maintenance_window": {},
            "auto_minor_version_upgrade": {"type": "bool"},
            "apply_immediately": {"type": "bool", "default": True},
            "final_snapshot": {},
        }
    )
    run(ReplicationGroup(module))


if __name__ == "__main__":
    main()
